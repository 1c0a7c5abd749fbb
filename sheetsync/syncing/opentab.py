"""One tab of a workbook while an action works on it: what was read, what is stored, what is remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sheetsync.models import Conflict, TabState
from sheetsync.records import Incoming, NewRow, Record, Records, Scene
from sheetsync.registry import Registered
from sheetsync.storage import now_epoch
from sheetsync.syncing.headers import Header, column_letter
from sheetsync.syncing.keys import KeyDesk
from sheetsync.syncing.merge import RowMerge
from sheetsync.syncing.rowstates import TabMemory
from sheetsync.syncing.verdicts import waits
from sheetsync.syncing.view import SheetRow, TabView, digest, far_fewer, row_digest, view_tab
from sheetsync.tabs import TWO_WAY, Column, Tab
from sheetsync.values.cells import Value
from sheetsync.workbooks.interface import Grid, Writable

# Between the parts of a row's identity, as people see it.
KEY_PARTS = " / "
# Why a row isn't taken whose cells can't be told apart.
MERGED = "the row has merged cells; unmerge them"


@dataclass(frozen=True, kw_only=True)
class TabJob:
    """What an action wants of one tab."""

    registered: Registered
    keys: frozenset[str] = frozenset()  # first part of the identity, upper case; empty means every row
    columns: frozenset[str] | None = None  # two-way columns to settle; None means all
    take: bool = True  # whether the sheet's entries are taken
    known_rows: bool = False  # only rows whose record exists; the others are left as they are and make none
    refresh: bool = False  # although nothing is taken: whether mirrors and computed columns are brought up to date
    append: Callable[[Scene, TabView], Sequence[NewRow]] | None = None  # which rows are missing
    looks: bool = False  # whether the action looks at the rows itself, also when nothing changed

    @property
    def tab(self) -> Tab:
        """The declaration."""
        return self.registered.tab


@dataclass(kw_only=True)
class RowWork:
    """One row that something happened to."""

    row: SheetRow
    key: str
    values: Mapping[str, Value]
    merge: RowMerge
    incoming: Incoming


@dataclass(kw_only=True)
class OpenTab:
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
    work: dict[str, RowWork] = field(default_factory=dict)  # by key: rows to be settled and shown
    verdicts: dict[SheetRow, str] = field(default_factory=dict)  # run_status of every row that isn't plainly as it was
    ticks: list[tuple[SheetRow, str, Writable]] = field(default_factory=list)  # cells that the action itself writes
    notices: dict[str, str] = field(default_factory=dict)  # row key -> what the action says about the row this time
    idle: bool = False  # nothing happened on either side since the last sync
    lacks_rows: bool = (
        False  # whether rows are missing that the plan doesn't append: an earlier write may still bring them
    )
    withholds_rows: bool = False  # whether rows are missing that aren't appended, because some row may be one of them
    version: str = ""  # of the workbook as it was read; "" for kinds that can't tell
    strays: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # row key -> column -> value of ours meant for another row
    sent_keys: list[str] = field(default_factory=list)  # reserved keys that a write of this round concerns
    _loaded_at: int = -1
    _whole_digest: tuple[int, str] = (-1, "")  # (changes stored by then, fingerprint)
    _db_digests: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.job.registered.records is not None
        self.records = self.job.registered.records()
        self.memory = TabMemory(self.scene.workbook, self.scene.title)

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
        if self.job.known_rows and row.key not in self.db:
            return False
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

    @property
    def gave_keys(self) -> bool:
        """Whether rows get their key in this round: the next one takes them."""
        return bool(self.sent_keys)

    def lands_until(self) -> float:
        """Epoch second after which a write that is sent now can't land any more; 0 when it is done once it returns."""
        return now_epoch() + self.write_window_s if self.write_window_s else 0.0

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
            contested = self.open_conflicts.get(key, ())
            self._db_digests[key] = digest([record.values, record.note, contested]) if record else ""
        return self._db_digests[key]

    @cached_property
    def open_conflicts(self) -> Mapping[str, Sequence[str]]:
        """Row key -> columns where this sheet's value won over a stored one, and nobody has settled it yet."""
        found: dict[str, list[str]] = {}
        rows = Conflict.objects.filter(
            workbook=self.scene.workbook, tab=self.scene.title, model=self.tab.model, status=Conflict.Status.OPEN
        )
        for key, column in rows.order_by("column").values_list("row_key", "column").distinct():
            found.setdefault(key, []).append(column)
        return found

    def forget_conflicts(self) -> None:
        """Conflicts were recorded or settled: the next look reads them again."""
        self.__dict__.pop("open_conflicts", None)
        self._db_digests = {}

    def nothing_happened(self) -> bool:
        """Whether both sides are as they were when the tab was last settled as a whole."""
        return (
            self.state.sheet_digest != ""
            and not any(waits(verdict) for _row, _key, verdict in self.state.problems)
            and self.job.columns is None
            and self.state.sheet_digest == self.sheet_digest(self.header, self.grid)
            and self.state.db_digest == self.whole_db_digest()
            and (self.job.append is None or self._is_filled(self.job.append))
        )

    def _is_filled(self, append: Callable[[Scene, TabView], Sequence[NewRow]]) -> bool:
        return (self.state.is_filled and self.job.take) or not append(self.scene, self.view)

    @staticmethod
    def sheet_digest(header: Header, grid: Grid) -> str:
        return digest([header.row, dict(header.columns), grid.rows])

    def whole_db_digest(self) -> str:
        """Fingerprint of everything stored that the tab shows, open conflicts included."""
        stored = self.scene.context.storage.changed_records
        if self._whole_digest[0] != stored:
            self._whole_digest = (stored, stored_digest(self.records, self.scene, self.loaded))
        return self._whole_digest[1]

    def loaded(self) -> dict[str, Record]:
        """What the database holds, loaded when it must be."""
        self.load()
        return self.db

    def is_active(self, row: SheetRow) -> bool:
        mark = self.memory.marks.get(row.key)
        if mark is None or mark.has_pending or waits(mark.verdict):
            return True
        return mark.sheet_digest != row_digest(row) or mark.db_digest != self.db_digest(row.key)

    def skip(self, key: str, why: str) -> None:
        """Tells the row of that key, if the action is for it, why the action left it as it is."""
        row = self.view.by_key.get(key)
        if row is None or not self.selects(row):
            return
        if key in self.work:
            self.work[key].incoming.skipped = why
        else:
            self.verdicts[row] = f"SKIPPED: {why}"

    def fail(self, key: str, why: str) -> None:
        """Tells the row of that key, if the action is for it, why the action couldn't do what it was asked for."""
        row = self.view.by_key.get(key)
        if row is not None and self.selects(row):
            self.work.pop(key, None)
            self.verdicts[row] = f"FAILED: {why}"

    def keep_notice(self, key: str, notice: str, *, holds: bool) -> None:
        """Warns in the row of that key until its entries change next, or takes that warning back. Another notice of the row stays."""
        if not self.memory.marks:
            self.memory.load_marks()
        mark = self.memory.marks.get(key)
        wanted = notice if holds else ""
        if mark is not None and mark.notice in ("", notice) and mark.notice != wanted:
            self.memory.load_rows([key])
            self.memory.mark(key).notice = wanted
            mark.sheet_digest = ""  # it is shown although nothing else happened to the row

    def fill(self, row: SheetRow, cells: Mapping[str, Writable]) -> None:
        """Plans cells of the row that the action itself writes; those that show it already, or aren't there, are left."""
        for name, value in cells.items():
            if name in row.raw and (row.raw[name] or "") != value:
                self.ticks.append((row, name, value))

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
        return self.view.typed_text(row)

    def is_formula(self, row: SheetRow, name: str) -> bool:
        return (row.index, self.header.columns[name]) in self.grid.formulas

    def doubled_text(self, name: str) -> str:
        letters = " and ".join(column_letter(index) for index in self.header.doubled[name])
        return f"columns {letters} both mean {name}; neither is read or written until one is renamed"

    def shown_key(self, row: SheetRow) -> str:
        parts = [str(row.raw.get(name) or "") for name in self.tab.identity]
        return KEY_PARTS.join(part for part in parts if part)


def stored_digest(records: Records, scene: Scene, load: Callable[[], dict[str, Record]]) -> str:
    """Fingerprint of everything stored that a tab shows, open conflicts included; loads the records only when nothing less can tell."""
    conflicts = Conflict.objects.filter(workbook=scene.workbook, tab=scene.title, status=Conflict.Status.OPEN)
    rows = records.fingerprint(scene) or [[key, record.values, record.note] for key, record in load().items()]
    return digest([rows, sorted(conflicts.values_list("pk", flat=True))])
