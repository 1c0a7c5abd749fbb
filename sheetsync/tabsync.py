"""Syncs one tab of a workbook: settles what the sheet brings, shows what the database holds."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sheetsync.cells import Refusal, Value, blank, decode, encode, render, shows
from sheetsync.headers import Header, column_letter
from sheetsync.keys import KeyDesk, KeyFate, Lost
from sheetsync.merge import Attempt, RowMemory, RowMerge, find_strays, merge_row
from sheetsync.models import CellChange, Conflict, KeyReservation, TabState
from sheetsync.records import Incoming, NewRow, Record, Records, Scene
from sheetsync.registry import Registered
from sheetsync.rowstates import TabMemory
from sheetsync.storage import now_epoch
from sheetsync.tabs import SHOWN, TWO_WAY, Column, Owner, Tab
from sheetsync.verdicts import compose, is_failed, waits
from sheetsync.view import SheetRow, TabView, digest, far_fewer, row_digest, text_of, view_tab
from sheetsync.workbooks.interface import Grid, Raw, Writable
from sheetsync.writing import PlannedCell, PlannedRow, TabOutcome, TabPlan


@dataclass(frozen=True, kw_only=True)
class TabJob:
    """What an action wants of one tab."""

    registered: Registered
    keys: frozenset[str] = frozenset()  # first part of the identity, upper case; empty means every row
    columns: frozenset[str] | None = None  # two-way columns to settle; None means all
    take: bool = True  # whether the sheet's entries are taken
    append: Callable[[Scene, TabView], Sequence[NewRow]] | None = None  # which rows are missing

    @property
    def tab(self) -> Tab:
        """The declaration."""
        return self.registered.tab


@dataclass(kw_only=True)
class _RowWork:
    """One row that something happened to."""

    row: SheetRow
    key: str
    values: dict[str, Value]
    merge: RowMerge
    incoming: Incoming


@dataclass(kw_only=True)
class TabSync:
    """One tab in one round of an action."""

    scene: Scene
    job: TabJob
    header: Header
    grid: Grid
    state: TabState
    read_began: float  # epoch second at which the read began
    write_window_s: float = 0.0  # seconds during which a write could land
    records: Records = field(init=False)
    memory: TabMemory = field(init=False)
    db: dict[str, Record] = field(default_factory=dict)
    work: dict[str, _RowWork] = field(default_factory=dict)  # by key: rows to be settled and shown
    verdicts: dict[SheetRow, str] = field(default_factory=dict)  # run_status of every row that isn't plainly as it was
    ticks: list[tuple[SheetRow, str, Writable]] = field(default_factory=list)  # cells that the action itself writes
    notices: dict[str, str] = field(default_factory=dict)  # row key -> what the action says about the row this time
    idle: bool = False  # nothing happened on either side since the last sync
    gave_keys: bool = False
    _loaded_at: int = -1
    _db_digests: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.job.registered.records is not None
        self.records = self.job.registered.records()
        self.memory = TabMemory(self.scene.workbook, self.scene.title)

    # ---- reading -------------------------------------------------------------------------------------------------------------------

    @property
    def tab(self) -> Tab:
        """The declaration."""
        return self.job.tab

    @cached_property
    def view(self) -> TabView:
        """What the tab shows."""
        return view_tab(self.tab, self.scene.title, self.header, self.grid)

    def brake(self) -> str:
        """Why the tab must be stopped until a person confirms; "" when it needn't."""
        now = len(self.view.rows)
        if self.scene.context.arguments.confirm or not far_fewer(self.state.row_count, now):
            return ""
        return (
            f"the tab shows {now} rows, {self.state.row_count} at the last read; nothing was changed. If rows were meant to go, "
            "run the action again with confirm"
        )

    def selects(self, row: SheetRow) -> bool:
        """Whether the action is for this row."""
        if not self.job.keys:
            return True
        first = row.raw.get(self.tab.identity[0])
        return first is not None and str(first).strip().upper() in self.job.keys

    @cached_property
    def two_way(self) -> tuple[Column, ...]:
        """The two-way columns that are there and are to be settled."""
        wanted = self.job.columns
        return tuple(
            column
            for column in self.tab.named(*TWO_WAY)
            if column.name in self.header.columns and (wanted is None or column.name in wanted)
        )

    def load(self) -> None:
        """Loads what the database holds, unless nothing was stored since the last load."""
        stored = self.scene.context.storage.changed_records
        if stored != self._loaded_at:
            self.db = self.records.load(self.scene)
            self._db_digests = {}
            self._loaded_at = stored

    def db_digest(self, key: str) -> str:
        """Fingerprint of what the database holds for a row."""
        if key not in self._db_digests:
            record = self.db.get(key)
            self._db_digests[key] = digest([record.values, record.note]) if record else ""
        return self._db_digests[key]

    # ---- settling: sheet -> DB -----------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Takes what people changed since both sides last agreed."""
        self.load()
        if self._nothing_happened():
            self.idle = True
            return
        self.memory.load_marks()
        self._judge_unclear_rows()
        rows = [row for row in self.view.by_key.values() if self.selects(row)]
        active = [row for row in rows if self._is_active(row)]
        pending = [key for key, mark in self.memory.marks.items() if mark.has_pending]
        self.memory.load_rows([*(row.key for row in active), *pending])
        if self.job.take:
            self._settle_rows(active, pending)
        self._forget_missing_columns()

    def _nothing_happened(self) -> bool:
        if self.job.append is not None and self.job.append(self.scene, self.view):
            return False
        return (
            self.state.sheet_digest != ""
            and not any(waits(verdict) for _row, _key, verdict in self.state.problems)
            and self.job.columns is None
            and self.state.sheet_digest == self._sheet_digest(self.header, self.grid)
            and self.state.db_digest == self._whole_db_digest()
        )

    @staticmethod
    def _sheet_digest(header: Header, grid: Grid) -> str:
        return digest([header.row, dict(header.columns), grid.rows])

    def _whole_db_digest(self) -> str:
        return digest([[key, record.values, record.note] for key, record in self.db.items()])

    def _is_active(self, row: SheetRow) -> bool:
        mark = self.memory.marks.get(row.key)
        if mark is None or mark.has_pending or waits(mark.verdict):
            return True
        return mark.sheet_digest != row_digest(row) or mark.db_digest != self.db_digest(row.key)

    def _settle_rows(self, rows: Sequence[SheetRow], pending: Iterable[str]) -> None:
        strays = self._strays(pending)
        fates = self._judge_keys(rows)
        for row in rows:
            if row in self.verdicts:
                continue
            self._merge(row, strays.get(row.key, {}), fates.get(row, KeyFate.KNOWN))
        incoming = [work.incoming for work in self.work.values() if not work.incoming.failure]
        self.records.check(self.scene, incoming)
        accepted = [
            row for row in incoming if not row.failure and (row.takes or (row.record is None and not row.skipped))
        ]
        self._note_before(accepted)
        self.records.save(self.scene, accepted)
        self._note_taken(accepted)
        for work in self.work.values():
            self._remember_settled(work)

    def _merge(self, row: SheetRow, strays: Mapping[str, Any], fate: KeyFate) -> None:
        values, refused = self.view.values(row)
        record = self.db.get(row.key)
        memory = self.memory.rows[row.key]
        here = {column.name for column in self.two_way}
        blanks = {column.name: encode(blank(column)) for column in self.two_way}
        sheet = {name: encode(value) for name, value in values.items() if name in here}
        stored = {name: encode(record.values[name]) for name in here if record and name in record.values} or blanks
        merge = merge_row(sheet=sheet, db={**blanks, **stored}, blanks=blanks, memory=memory, strays=strays)
        takes = sheet if record is None else merge.takes
        incoming = Incoming(
            key=row.key,
            row=row,
            values=values,
            record=record,
            takes={name: decode(self.tab.column(name), value) for name, value in takes.items()},
            refused={name: refusal.text for name, refusal in refused.items()},
        )
        self._refuse_row(incoming, fate)
        self.work[row.key] = _RowWork(row=row, key=row.key, values=values, merge=merge, incoming=incoming)

    def _refuse_row(self, incoming: Incoming, fate: KeyFate) -> None:
        """Rows that can't be taken at all."""
        if incoming.row.merged:
            incoming.failure = "the row has merged cells; unmerge them"
        elif fate is KeyFate.UNCLEAR:
            incoming.failure = (
                "rows moved while keys were being written, and this row's key may belong to another row; "
                "empty the key cell of a new row, or type the key that the row had before"
            )
        elif (
            incoming.record is None
            and fate is not KeyFate.NEW
            and (self.tab.key_prefix or not self.tab.people_add_rows)
        ):
            incoming.failure = self.records.unknown(self.scene, incoming.row, incoming.values, self.db)
        if incoming.failure:
            incoming.takes.clear()

    def _strays(self, pending: Iterable[str]) -> dict[str, dict[str, Any]]:
        memories = {key: self.memory.rows[key] for key in pending}
        if not memories:
            return {}
        columns = {column for memory in memories.values() for column in memory.attempts}
        shown: dict[str, tuple[int, dict[str, Any]]] = {}
        for row in self.view.by_key.values():
            values, _refused = self.view.values(row)
            shown[row.key] = (row.index, {name: encode(values[name]) for name in columns if name in values})
        return find_strays(shown, memories)

    def _note_before(self, accepted: Iterable[Incoming]) -> None:
        for row in accepted:
            if row.record is not None:
                row.before = {name: row.record.values.get(name) for name in row.takes}

    def _note_taken(self, accepted: Sequence[Incoming]) -> None:
        context = self.scene.context
        new_keys = (
            [str(row.values[self.tab.identity[0]]) for row in accepted if row.record is None]
            if self.tab.key_prefix
            else []
        )
        KeyReservation.objects.filter(key__in=new_keys).update(taken_at=context.now)
        for row in accepted:
            context.report.changed.add((str(self.scene.workbook), self.scene.title, row.key))
        if accepted:
            self.state.saved_at = context.now
        self._record_conflicts()

    def _record_conflicts(self) -> None:
        conflicts, settled_again = [], []
        for work in self.work.values():
            for name in work.incoming.takes:
                settled_again.append((work.key, name))
            for name, (base, sheet, stored) in work.merge.conflicts.items():
                if name in work.incoming.takes and work.incoming.record is not None:
                    conflicts.append(self._conflict(work, name, base, sheet, stored))
        earlier = Conflict.objects.filter(
            workbook=self.scene.workbook, tab=self.scene.title, status=Conflict.Status.OPEN
        )
        open_ones = {(conflict.row_key, conflict.column): conflict.pk for conflict in earlier}
        over = [open_ones[pair] for pair in settled_again if pair in open_ones]
        Conflict.objects.filter(pk__in=over).update(status=Conflict.Status.KEPT)
        Conflict.objects.bulk_create(conflicts)

    def _conflict(self, work: _RowWork, name: str, base: Any, sheet: Any, stored: Any) -> Conflict:
        assert work.incoming.record is not None
        return Conflict(
            run=self.scene.context.run,
            workbook=self.scene.workbook,
            tab=self.scene.title,
            row_key=work.key,
            column=name,
            model=self.tab.model,
            object_id=work.incoming.record.pk,
            field=self.tab.column(name).path,
            base_value=base,
            kept_value=sheet,
            lost_value=stored,
        )

    def _remember_settled(self, work: _RowWork) -> None:
        memory, incoming = self.memory.rows[work.key], work.incoming
        if incoming.failure or incoming.skipped:
            return
        refused = set(incoming.refused)
        memory.base.update({name: value for name, value in work.merge.base.items() if name not in refused})
        memory.forget_settled_attempts(self.read_began)
        mark = self.memory.mark(work.key)
        if incoming.notice is not None:
            mark.notice = incoming.notice
        elif incoming.takes:
            mark.notice = ""

    def _forget_missing_columns(self) -> None:
        """A column that people deleted has no base any more: should it come back, its empty cells are not deletions."""
        gone = set(self.state.columns) - set(self.header.columns)
        if not gone:
            return
        self.memory.load_rows(list(self.memory.marks))
        for key, memory in self.memory.rows.items():
            if gone & set(memory.base):
                memory.base = {name: value for name, value in memory.base.items() if name not in gone}
                self.memory.mark(key)

    # ---- keys and rows that no key finds -------------------------------------------------------------------------------------------

    @cached_property
    def desk(self) -> KeyDesk | None:
        """Who gives keys to new rows; None on tabs where rows bring their own."""
        if not self.tab.key_prefix:
            return None
        return KeyDesk(
            workbook=self.scene.workbook, tab=self.scene.title, prefix=self.tab.key_prefix, now=self.read_began
        )

    def row_text(self, row: SheetRow) -> str:
        """Fingerprint of what people typed in the row."""
        values, refused = self.view.values(row)
        typed = {
            column.name: encode(values[column.name]) for column in self.tab.named(*TWO_WAY) if column.name in values
        }
        return text_of({**typed, **{name: str(row.raw[name]) for name in refused}})

    def _judge_keys(self, rows: Sequence[SheetRow]) -> dict[SheetRow, KeyFate]:
        if self.desk is None or not self.desk.reserved:
            return {}
        fates: dict[SheetRow, KeyFate] = {}
        lost = self._lost_records()
        for row in rows:
            typed = str(row.raw[self.tab.identity[0]])
            fate, owner = self.desk.judge(typed, self.row_text(row), lost, known=row.key in self.db)
            fates[row] = fate
            if fate is KeyFate.STRAY:
                self._put_key_back(row, owner)
        return fates

    def _lost_records(self) -> list[Lost]:
        here = [column.name for column in self.tab.named(*TWO_WAY) if column.name in self.header.columns]
        seen = {row.key for row in self.view.rows}
        identity = self.tab.identity[0]
        return [
            Lost(key=str(record.values[identity]), text=text_of({name: encode(record.values[name]) for name in here}))
            for key, record in self.db.items()
            if key not in seen
        ]

    def _put_key_back(self, row: SheetRow, owner: str) -> None:
        self.ticks.append((row, self.tab.identity[0], owner))
        self.gave_keys = True
        self.verdicts[row] = "WARNING: the row's own key was put back; it had been overwritten while rows moved"

    def _judge_unclear_rows(self) -> None:
        """Twins, rows without identity; on a tab that gives keys, rows that wait for one."""
        without_key = []
        for row in self.view.rows:
            if row.key in self.view.twins:
                others = ", ".join(str(number) for number in self.view.twins[row.key] if number != row.number)
                what = " and ".join(self.tab.identity)
                self.verdicts[row] = (
                    f"FAILED: row {others} has the same {what}; none of them is taken until one is left"
                )
            elif not row.key and self.job.take and not self.job.keys:
                if self.desk is not None and not row.problem:
                    without_key.append(row)
                else:
                    self.verdicts[row] = self.records.nameless(self.scene, row)
        if without_key:
            self._give_keys(without_key)

    def _give_keys(self, rows: Sequence[SheetRow]) -> None:
        assert self.desk is not None
        ready: dict[SheetRow, str] = {}
        for row in rows:
            values, refused = self.view.values(row)
            why_not = self.records.unready(self.scene, row, values)
            if why_not:
                self.verdicts[row] = f"FAILED: {why_not}"
            else:
                ready[row] = self.row_text(row)
                self.verdicts[row] = compose(refused=[refusal.text for refusal in refused.values()])
        if not ready:
            return
        if self.desk.must_wait:
            self.verdicts.update(
                dict.fromkeys(
                    ready, "SKIPPED: an earlier write isn't settled yet; the row gets its key at the next sync"
                )
            )
            return
        until = now_epoch() + self.write_window_s if self.write_window_s else 0.0
        for row, key in self.desk.reserve(ready, until=until).items():
            self.ticks.append((row, self.tab.identity[0], key))
        self.gave_keys = True

    # ---- showing: DB -> sheet ------------------------------------------------------------------------------------------------------

    def show(self) -> TabPlan:
        """Plans what the tab shall show, and stores each attempt before it is sent."""
        plan = TabPlan(view=self.view)
        if self.idle and not self.ticks:
            return plan
        stored_before = self._loaded_at
        self.load()
        if self._loaded_at != stored_before:
            self._wake_rows()
        open_conflicts = self._open_conflicts()
        for work in self.work.values():
            self._show_row(plan, work, open_conflicts.get(work.key, ()))
        self._show_unclear_rows(plan)
        if self.job.append is not None:
            self._append(plan, self.job.append(self.scene, self.view))
        if self.view.rows or self.memory.marks:
            self.memory.vanished({row.key for row in self.view.rows})
        self._close(plan)
        return plan

    def _wake_rows(self) -> None:
        """Rows whose stored data changed by the action's own work."""
        asleep = [
            row
            for row in self.view.by_key.values()
            if row.key not in self.work
            and row not in self.verdicts
            and row.key in self.db
            and self.selects(row)
            and self._is_active(row)
        ]
        self.memory.load_rows([row.key for row in asleep])
        for row in asleep:
            self._merge(row, {}, KeyFate.KNOWN)
            self.work[row.key].incoming.takes.clear()

    def _show_row(self, plan: TabPlan, work: _RowWork, conflicts: Sequence[str]) -> None:
        record = self.db.get(work.key)
        incoming = work.incoming
        cells: list[PlannedCell] = []
        if record is not None:
            cells.extend(self._shown_cells(work.row, work.key, record))
            if not incoming.failure and self.job.take:
                cells.extend(self._pushed_cells(work, record))
        mark = self.memory.mark(work.key)
        verdict = self._verdict(work, record, conflicts, mark.notice)
        changed = bool(cells or incoming.takes) or (record is not None and incoming.record is None)
        self.verdicts[work.row] = verdict
        cells.extend(self._feedback(work.row, work.key, verdict, data_changed=changed))
        self._settle_mark(work, verdict, written=bool(cells))
        plan.cells.extend(cells)

    def _shown_cells(self, row: SheetRow, key: str, record: Record) -> Iterable[PlannedCell]:
        for column in self.tab.named(*SHOWN):
            name = column.name
            if name not in row.raw or name not in record.values or name in self.tab.identity:
                continue
            value = record.values[name]
            if not shows(column, value, row.raw[name]) and not self._is_formula(row, name):
                yield self._cell(row, key, name, render(column, value), owned=True)

    def _pushed_cells(self, work: _RowWork, record: Record) -> Iterable[PlannedCell]:
        """Two-way cells that the DB has moved on from."""
        for column in self.two_way:
            name = column.name
            if name not in work.values or name in work.incoming.refused or name not in record.values:
                continue
            wanted = encode(record.values[name])
            if wanted == encode(work.values[name]):
                continue
            if self._is_formula(work.row, name):
                self.notices[work.key] = (
                    f"{name} holds a formula, so the stored value {str(wanted)[:60]!r} can't be shown"
                )
                continue
            until = now_epoch() + self.write_window_s if self.write_window_s else 0.0
            self.memory.rows[work.key].attempts.setdefault(name, []).append(Attempt(wanted, until, work.row.index))
            yield self._cell(
                work.row, work.key, name, render(column, record.values[name]), encoded=wanted, two_way=True
            )

    def _is_formula(self, row: SheetRow, name: str) -> bool:
        return (row.index, self.header.columns[name]) in self.grid.formulas

    def _verdict(self, work: _RowWork, record: Record | None, conflicts: Sequence[str], notice: str) -> str:
        incoming = work.incoming
        kept = [
            f"{name} was changed on both sides; this sheet's value holds, the other one is kept in the admin"
            for name in conflicts
        ]
        doubled = [self._doubled_text(name) for name in self.header.doubled]
        said = [text for text in (notice, self.notices.get(work.key, "")) if text]
        return compose(
            failure=incoming.failure,
            refused=list(incoming.refused.values()),
            skipped=incoming.skipped,
            warnings=[*kept, *said, *doubled],
            note=record.note if record else "OK",
        )

    def _doubled_text(self, name: str) -> str:
        letters = " and ".join(column_letter(index) for index in self.header.doubled[name])
        return f"columns {letters} both mean {name}; neither is read or written until one is renamed"

    def _feedback(self, row: SheetRow, key: str, verdict: str, *, data_changed: bool) -> list[PlannedCell]:
        """The feedback cells, when the row's data or its verdict changed."""
        if "run_status" not in row.raw:
            same = True
        else:
            same = (row.raw["run_status"] or "") == verdict
        if same and not data_changed:
            return []
        values: dict[str, Writable] = {
            "run_status": verdict,
            "updated_source": self.scene.context.action,
            "updated_at": self.scene.context.stamp,
        }
        return [
            self._cell(row, key, name, value, owned=True)
            for name, value in values.items()
            if name in row.raw
            and self.tab.column(name).owner is Owner.FEEDBACK
            and row.raw[name] != value
            and not self._is_formula(row, name)
        ]

    def _show_unclear_rows(self, plan: TabPlan) -> None:
        keys = {id(row): str(value) for row, name, value in self.ticks if name in self.tab.identity}
        for row, name, value in self.ticks:
            key = keys[id(row)].casefold() if id(row) in keys else row.key
            plan.cells.append(self._cell(row, key, name, value))
        ticked = {id(row) for row, _name, _value in self.ticks}
        for row, verdict in self.verdicts.items():
            if row.key in self.work:
                continue
            key = keys[id(row)].casefold() if id(row) in keys else row.key
            plan.cells.extend(self._feedback(row, key, verdict, data_changed=id(row) in ticked))

    def _append(self, plan: TabPlan, rows: Sequence[NewRow]) -> None:
        present = {row.key for row in self.view.rows}
        waiting = {key for key, memory in self.memory.rows.items() if self._may_still_land(memory)}
        new = [row for row in rows if row.key not in present and row.key not in waiting]
        self.memory.load_rows([row.key for row in new if row.key])
        for row in new:
            plan.appended.append(self._planned_row(row))

    def _may_still_land(self, memory: RowMemory) -> bool:
        return any(attempt.until > self.read_began for attempts in memory.attempts.values() for attempt in attempts)

    def _planned_row(self, new: NewRow) -> PlannedRow:
        record = self.db.get(new.key)
        values = {**(record.values if record else {}), **new.values}
        cells: dict[str, Writable] = {}
        encoded: dict[str, Any] = {}
        for column in self.tab.columns:
            if column.name not in self.header.columns or column.name not in values:
                continue
            written = render(column, values[column.name])
            if written is not None and written is not False:
                cells[column.name] = written
            if column.owner in TWO_WAY and new.key:
                encoded[column.name] = encode(values[column.name])
        verdict = record.note if record else "OK"
        cells.update(self._feedback_of_new_row(verdict))
        if new.key:
            memory = self.memory.rows[new.key]
            memory.base = {}
            until = now_epoch() + self.write_window_s if self.write_window_s else 0.0
            memory.attempts = {name: [Attempt(value, until)] for name, value in encoded.items()}
            mark = self.memory.mark(new.key)
            mark.verdict, mark.sheet_digest, mark.db_digest, mark.is_present = (
                verdict,
                "",
                self.db_digest(new.key),
                True,
            )
        return PlannedRow(key=new.key, cells=cells, encoded=encoded)

    def _feedback_of_new_row(self, verdict: str) -> dict[str, Writable]:
        values: dict[str, Writable] = {
            "run_status": verdict,
            "updated_source": self.scene.context.action,
            "updated_at": self.scene.context.stamp,
        }
        here = {column.name for column in self.tab.named(Owner.FEEDBACK)} & set(self.header.columns)
        return {name: value for name, value in values.items() if name in here}

    def _cell(
        self,
        row: SheetRow,
        key: str,
        name: str,
        value: Writable,
        *,
        owned: bool = False,
        encoded: Any = None,
        two_way: bool = False,
    ) -> PlannedCell:
        expect: Raw = row.raw.get(name)
        return PlannedCell(
            row=row, key=key, column=name, value=value, expect=expect, owned=owned, encoded=encoded, two_way=two_way
        )

    def _open_conflicts(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        rows = Conflict.objects.filter(workbook=self.scene.workbook, tab=self.scene.title, status=Conflict.Status.OPEN)
        for key, column in rows.values_list("row_key", "column").distinct():
            found.setdefault(key, []).append(column)
        return found

    # ---- remembering ---------------------------------------------------------------------------------------------------------------

    def _settle_mark(self, work: _RowWork, verdict: str, *, written: bool) -> None:
        mark = self.memory.mark(work.key)
        mark.verdict, mark.is_present = verdict, True
        partly = self.job.columns is not None or not self.job.take
        mark.sheet_digest = "" if written or partly else row_digest(work.row)
        mark.db_digest = self.db_digest(work.key)

    def _close(self, plan: TabPlan) -> None:
        """Stores the state; the digests of the whole tab only when nothing is on its way."""
        self.memory.save()
        self.state.columns = list(self.header.columns)
        self.state.row_count = len(self.view.rows)
        self.state.message = "; ".join(self._doubled_text(name) for name in self.header.doubled)
        self.state.read_at = self.scene.context.now
        self.state.problems = self._problems()
        whole = not plan and self.job.columns is None and self.job.take and not self.job.keys
        self.state.sheet_digest = self._sheet_digest(self.header, self.grid) if whole else ""
        self.state.db_digest = self._whole_db_digest() if whole or plan else ""
        self.state.save()

    def _problems(self) -> list[list[Any]]:
        """Every row that isn't plainly OK, also those that were left alone this time."""
        now = [
            [row.number, self._shown_key(row), verdict]
            for row, verdict in self.verdicts.items()
            if not verdict.startswith("OK")
        ]
        told = {row.key for row in self.verdicts}
        for key, row in self.view.by_key.items():
            mark = self.memory.marks.get(key)
            if key not in told and mark is not None and mark.verdict and not mark.verdict.startswith("OK"):
                now.append([row.number, self._shown_key(row), mark.verdict])
        return sorted(now, key=lambda problem: problem[0])

    def _shown_key(self, row: SheetRow) -> str:
        parts = [str(row.raw.get(name) or "") for name in self.tab.identity]
        return " / ".join(part for part in parts if part)

    def acknowledge(self, outcome: TabOutcome, may_land_for_s: float) -> None:
        """Records what landed: bases move on, attempts are forgotten, cells are logged."""
        touched: set[str] = set()
        for cell in outcome.landed:
            if cell.two_way:
                self.memory.rows[cell.key].landed(cell.column, cell.encoded)
                touched.add(cell.key)
        for row in outcome.appended:
            if row.key:
                for name, value in row.encoded.items():
                    self.memory.rows[row.key].landed(name, value)
                touched.add(row.key)
        self._date_attempts(outcome, may_land_for_s)
        if outcome.as_planned and outcome.readback is not None:
            self._settle_digests(outcome.readback, touched, outcome)
        for key in touched:
            self.memory.mark(key)
        self.memory.save()
        self._log_cells(outcome)
        if outcome.refused:
            self.scene.context.report.tell(
                "FAILED",
                f"nothing was written: {outcome.refused}",
                workbook=str(self.scene.workbook),
                tab=self.scene.title,
            )

    def _date_attempts(self, outcome: TabOutcome, may_land_for_s: float) -> None:
        """Attempts that weren't answered may land for a while yet."""
        until = now_epoch() + may_land_for_s if may_land_for_s else 0.0
        for key in {cell.key for cell in outcome.left if cell.two_way} | {
            row.key for row in outcome.left_rows if row.key
        }:
            memory = self.memory.rows[key]
            memory.attempts = {
                name: [Attempt(attempt.value, until, attempt.row) for attempt in attempts]
                for name, attempts in memory.attempts.items()
            }
            self.memory.mark(key)

    def _settle_digests(self, shown: TabView, touched: set[str], outcome: TabOutcome) -> None:
        if self.job.columns is not None or not self.job.take:
            return
        for key in {cell.key for cell in outcome.landed if cell.key} | {row.key for row in outcome.appended if row.key}:
            row = shown.by_key.get(key)
            if row is not None and key in self.memory.rows and key in self.memory.marks:
                self.memory.mark(key).sheet_digest = row_digest(row)
                touched.add(key)
        if not self.job.keys and not self.gave_keys:
            self.state.sheet_digest = self._sheet_digest(shown.header, shown.grid)
        self.state.row_count = len(shown.rows)
        self.state.save(update_fields=["sheet_digest", "row_count"])

    def _log_cells(self, outcome: TabOutcome) -> None:
        by_row: dict[str, dict[str, list[Any]]] = {}
        for cell in outcome.landed:
            by_row.setdefault(cell.key, {})[cell.column] = [cell.expect, _loggable(cell.value)]
        changes = [self._cell_change(key, cells, appended=False) for key, cells in by_row.items()]
        changes += [
            self._cell_change(
                row.key, {name: [None, _loggable(value)] for name, value in row.cells.items()}, appended=True
            )
            for row in outcome.appended
        ]
        CellChange.objects.bulk_create(changes, batch_size=500)
        report = self.scene.context.report
        report.count("cells_written", sum(len(change.cells) for change in changes))
        for change in changes:
            report.changed.add((str(self.scene.workbook), self.scene.title, change.row_key))
            report.plan.extend(
                {
                    "workbook": str(self.scene.workbook),
                    "tab": self.scene.title,
                    "key": change.row_key,
                    "column": name,
                    "from": old,
                    "to": new,
                    "appended": change.appended,
                }
                for name, (old, new) in change.cells.items()
            )

    def _cell_change(self, key: str, cells: dict[str, list[Any]], *, appended: bool) -> CellChange:
        return CellChange(
            run=self.scene.context.run,
            workbook=self.scene.workbook,
            tab=self.scene.title,
            row_key=key,
            appended=appended,
            cells=cells,
        )

    # ---- reporting -----------------------------------------------------------------------------------------------------------------

    def report(self) -> None:
        """Tells what the action's caller should know about this tab."""
        report = self.scene.context.report
        report.tabs_done += 1
        report.count("rows_read", len(self.view.rows))
        report.rows_seen += len(self.view.rows)
        for work in self.work.values():
            report.rows_whole += bool(work.incoming.failure)
        where = {"workbook": str(self.scene.workbook), "tab": self.scene.title}
        for number, key, verdict in self.state.problems:
            status, _, text = verdict.partition(": ")
            report.failed_rows += is_failed(verdict)
            report.tell(status, text, row=number, key=key, **where)
        if self.state.message:
            report.tell("WARNING", self.state.message, **where)


def _loggable(value: Writable) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else value
