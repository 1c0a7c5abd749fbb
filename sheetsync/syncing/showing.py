"""DB -> sheet: plans what a tab shall show, and stores each attempt before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sheetsync.records import NewRow, Record, Scene
from sheetsync.syncing.decisions import Decisions
from sheetsync.syncing.keys import KeyFate
from sheetsync.syncing.merge import Attempt, RowMemory
from sheetsync.syncing.opentab import OpenTab, RowWork
from sheetsync.syncing.recording import close
from sheetsync.syncing.settling import merge
from sheetsync.syncing.verdicts import REMARK, compose, is_failed
from sheetsync.syncing.view import SheetRow, TabView, row_digest
from sheetsync.syncing.writing import PlannedCell, PlannedRow, TabPlan
from sheetsync.tabs import SHOWN, TWO_WAY, Owner
from sheetsync.values.cells import encode, render, shows
from sheetsync.workbooks.interface import Raw, Writable


def show(tab: OpenTab) -> TabPlan:
    """Plans what the tab shall show, and stores each attempt before it is sent."""
    plan = TabPlan(view=tab.view)
    stored_before = tab._loaded_at
    tab.load()
    moved_on = tab._loaded_at != stored_before
    if tab.idle and not (tab.ticks or tab.verdicts or (moved_on and tab.state.db_digest != tab.whole_db_digest())):
        _keep_version(tab)
        return plan
    if tab.idle and not tab.memory.marks:
        tab.memory.load_marks()
    if moved_on or tab.job.refresh:
        _wake_rows(tab)
    decisions = Decisions(tab)
    for work in tab.work.values():
        _show_row(tab, plan, work, decisions)
    _show_unclear_rows(tab, plan)
    if tab.job.append is not None:
        _append(tab, plan, _rows_to_append(tab, tab.job.append))
    if tab.view.rows or tab.memory.marks:
        tab.memory.vanished({row.key for row in tab.view.rows})
    close(tab, plan)
    return plan


def _keep_version(tab: OpenTab) -> None:
    """Something else in the workbook changed, a tab of somebody's own or a tick in Control: this tab is settled in that version too."""
    if tab.state.version != tab.version:
        tab.state.version = tab.version
        tab.state.save(update_fields=["version"])


def _wake_rows(tab: OpenTab) -> None:
    """Rows whose stored data changed by the action's own work."""
    asleep = [
        row
        for row in tab.view.by_key.values()
        if row.key not in tab.work
        and row not in tab.verdicts
        and row.key in tab.db
        and tab.selects(row)
        and tab.is_active(row)
    ]
    tab.memory.load_rows([row.key for row in asleep])
    for row in asleep:
        merge(tab, row, {}, KeyFate.KNOWN)
        incoming = tab.work[row.key].incoming
        if incoming.takes and not tab.job.take:
            incoming.skipped = "what was entered here isn't saved yet; pm.save_selected saves it"
        incoming.takes.clear()


def _show_row(tab: OpenTab, plan: TabPlan, work: RowWork, decisions: Decisions) -> None:
    record = tab.db.get(work.key)
    conflicts = tab.open_conflicts.get(work.key, ())
    incoming = work.incoming
    cells: list[PlannedCell] = []
    if record is not None:
        cells.extend(_shown_cells(tab, work.row, work.key, record))
        if not incoming.failure and tab.job.take:
            pushed = list(_pushed_cells(tab, work, record))
            cells.extend(pushed)
            _tell_who_decided(tab, work, record, pushed, decisions)
    mark = tab.memory.mark(work.key)
    # Where nothing is taken nothing was judged either: an earlier refusal still stands.
    stands = not tab.job.take and is_failed(mark.verdict)
    verdict = mark.verdict if stands else _verdict(tab, work, record, conflicts, mark.notice)
    changed = bool(cells or incoming.takes) or (record is not None and incoming.record is None)
    tab.verdicts[work.row] = verdict
    cells.extend(feedback_cells(tab, work.row, work.key, verdict, data_changed=changed))
    _settle_mark(tab, work, verdict, written=bool(cells))
    plan.cells.extend(cells)


def _shown_cells(tab: OpenTab, row: SheetRow, key: str, record: Record) -> Iterable[PlannedCell]:
    for column in tab.tab.named(*SHOWN):
        name = column.name
        if name not in row.raw or name not in record.values or name in tab.tab.identity:
            continue
        value = record.values[name]
        if not shows(column, value, row.raw[name]) and not tab.is_formula(row, name):
            yield _cell(tab, row, key, name, render(column, value), owned=True)


def _pushed_cells(tab: OpenTab, work: RowWork, record: Record) -> Iterable[PlannedCell]:
    """Two-way cells that the DB has moved on from."""
    for column in tab.two_way:
        name = column.name
        if name not in work.values or name in work.incoming.refused or name not in record.values:
            continue
        wanted = encode(record.values[name])
        if wanted == encode(work.values[name]):
            continue
        if tab.is_formula(work.row, name):
            tab.notices[work.key] = f"{name} holds a formula, so the stored value {str(wanted)[:60]!r} can't be shown"
            continue
        until = tab.lands_until()
        tab.memory.rows[work.key].attempts.setdefault(name, []).append(Attempt(wanted, until, work.row.index))
        yield _cell(tab, work.row, work.key, name, render(column, record.values[name]), encoded=wanted, two_way=True)


def _tell_who_decided(
    tab: OpenTab, work: RowWork, record: Record, pushed: Sequence[PlannedCell], decisions: Decisions
) -> None:
    """A row that is given what was decided in the admin says who decided it."""
    if not pushed:
        return
    told = decisions.told(record.pk, {cell.column: encode(record.values[cell.column]) for cell in pushed})
    if told:
        tab.memory.mark(work.key).notice = f"{REMARK}{told}"


def _verdict(tab: OpenTab, work: RowWork, record: Record | None, conflicts: Sequence[str], notice: str) -> str:
    incoming = work.incoming
    kept = [
        f"{name} was changed on both sides; this sheet's value holds, the other one is kept in the admin"
        for name in conflicts
    ]
    doubled = [tab.doubled_text(name) for name in tab.header.doubled]
    is_remark = notice.startswith(REMARK)
    said = [text for text in ("" if is_remark else notice, tab.notices.get(work.key, "")) if text]
    return compose(
        failure=incoming.failure,
        refused=list(incoming.refused.values()),
        skipped=incoming.skipped,
        warnings=[*kept, *said, *doubled],
        remarks=[notice.removeprefix(REMARK)] if is_remark else [],
        note=record.note if record else "OK",
    )


def feedback_cells(tab: OpenTab, row: SheetRow, key: str, verdict: str, *, data_changed: bool) -> list[PlannedCell]:
    """The feedback cells, when the row's data or its verdict changed."""
    same = "run_status" not in row.raw or (row.raw["run_status"] or "") == verdict
    if same and not data_changed:
        return []
    values: dict[str, Writable] = {
        "run_status": verdict,
        "updated_source": tab.scene.context.action,
        "updated_at": tab.scene.context.stamp,
    }
    return [
        _cell(tab, row, key, name, value, owned=True)
        for name, value in values.items()
        if name in row.raw
        and tab.tab.column(name).owner is Owner.FEEDBACK
        and row.raw[name] != value
        and not tab.is_formula(row, name)
    ]


def _show_unclear_rows(tab: OpenTab, plan: TabPlan) -> None:
    keys = {id(row): str(value) for row, name, value in tab.ticks if name in tab.tab.identity}
    for row, name, value in tab.ticks:
        key = keys[id(row)].casefold() if id(row) in keys else row.key
        plan.cells.append(_cell(tab, row, key, name, value))
    ticked = {id(row) for row, _name, _value in tab.ticks}
    for row, verdict in tab.verdicts.items():
        if row.key in tab.work:
            continue
        key = keys[id(row)].casefold() if id(row) in keys else row.key
        plan.cells.extend(feedback_cells(tab, row, key, verdict, data_changed=id(row) in ticked))


def _rows_to_append(tab: OpenTab, append: Callable[[Scene, TabView], Sequence[NewRow]]) -> Sequence[NewRow]:
    """None while some row's key can't be told: it may be one of those that seem to be missing."""
    wanted = append(tab.scene, tab.view)
    if wanted and tab.view.uncalculated:
        tab.withholds_rows = True
        return ()
    return wanted


def _append(tab: OpenTab, plan: TabPlan, rows: Sequence[NewRow]) -> None:
    present = {row.key for row in tab.view.rows}
    waiting = {key for key, memory in tab.memory.rows.items() if _may_still_land(tab, memory)}
    tab.lacks_rows = tab.withholds_rows or any(row.key in waiting and row.key not in present for row in rows)
    new = [row for row in rows if not row.key or (row.key not in present and row.key not in waiting)]
    tab.memory.load_rows([row.key for row in new if row.key])
    for row in new:
        plan.appended.append(_planned_row(tab, row))


def _may_still_land(tab: OpenTab, memory: RowMemory) -> bool:
    return any(attempt.until > tab.read_began for attempts in memory.attempts.values() for attempt in attempts)


def _planned_row(tab: OpenTab, new: NewRow) -> PlannedRow:
    record = tab.db.get(new.key)
    values = {**(record.values if record else {}), **new.values}
    cells: dict[str, Writable] = {}
    encoded: dict[str, Any] = {}
    for column in tab.tab.columns:
        if column.name not in tab.header.columns or column.name not in values:
            continue
        written = render(column, values[column.name])
        if written is not None and written is not False:
            cells[column.name] = written
        if column.owner in TWO_WAY and new.key:
            encoded[column.name] = encode(values[column.name])
    verdict = record.note if record else new.note
    cells.update(_feedback_of_new_row(tab, verdict))
    if new.key:
        memory = tab.memory.rows[new.key]
        memory.base = {}
        until = tab.lands_until()
        memory.attempts = {name: [Attempt(value, until)] for name, value in encoded.items()}
        mark = tab.memory.mark(new.key)
        mark.verdict, mark.sheet_digest, mark.db_digest, mark.is_present = (
            verdict,
            "",
            tab.db_digest(new.key),
            True,
        )
    return PlannedRow(key=new.key, cells=cells, encoded=encoded)


def _feedback_of_new_row(tab: OpenTab, verdict: str) -> dict[str, Writable]:
    values: dict[str, Writable] = {
        "run_status": verdict,
        "updated_source": tab.scene.context.action,
        "updated_at": tab.scene.context.stamp,
    }
    here = {column.name for column in tab.tab.named(Owner.FEEDBACK)} & set(tab.header.columns)
    return {name: value for name, value in values.items() if name in here}


def _cell(
    tab: OpenTab,
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


def _settle_mark(tab: OpenTab, work: RowWork, verdict: str, *, written: bool) -> None:
    mark = tab.memory.mark(work.key)
    mark.verdict, mark.is_present = verdict, True
    partly = tab.job.columns is not None or not tab.job.take
    mark.sheet_digest = "" if written or partly else row_digest(work.row)
    mark.db_digest = tab.db_digest(work.key)
