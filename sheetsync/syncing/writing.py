"""Carries a plan into a workbook: reads keys and targets again, writes what still holds, reads back what landed."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sheetsync.service_tabs import SERVICE_TITLES
from sheetsync.syncing.headers import Header, find_header
from sheetsync.syncing.view import SheetRow, TabView, digest, holds_nothing, view_tab
from sheetsync.tabs import SHOWN, Owner, Tab
from sheetsync.values.cells import date_to_serial
from sheetsync.workbooks.interface import (
    Grid,
    OpenWorkbook,
    Raw,
    Snapshot,
    TabWrites,
    WorkbookChanged,
    WorkbookUnavailable,
    Writable,
)

# How often a plan is made anew when people keep saving in between.
TRIES = 5


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """One cell to be written."""

    row: SheetRow  # as it was read
    key: str  # identity text of the row once written (a keyless row may be given its key by this very write)
    column: str
    value: Writable
    expect: Raw  # what the cell showed; anything else since is a person's edit
    owned: bool  # the engine's own cell: written whatever it shows by now
    encoded: Any = None  # two-way columns: the value as the merge knows it
    two_way: bool = False


@dataclass(frozen=True, kw_only=True)
class PlannedRow:
    """One row to be appended."""

    key: str
    cells: Mapping[str, Writable]  # column -> value
    encoded: Mapping[str, Any]  # two-way columns: the values as the merge knows them


@dataclass(kw_only=True)
class TabPlan:
    """Everything to be written to one tab."""

    view: TabView
    cells: list[PlannedCell] = field(default_factory=list)
    appended: list[PlannedRow] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.cells or self.appended)


@dataclass(kw_only=True)
class TabOutcome:
    """What became of a tab's plan."""

    landed: list[PlannedCell] = field(default_factory=list)  # known to stand beside their key
    appended: list[PlannedRow] = field(default_factory=list)
    left: list[PlannedCell] = field(default_factory=list)  # not written, or not known to have landed
    left_rows: list[PlannedRow] = field(default_factory=list)
    refused: str = ""  # why nothing was written to the tab
    as_planned: bool = False  # the tab shows exactly what was read, with the plan on top
    readback: TabView | None = None
    version: str = ""  # of the workbook when it was read back

    @property
    def complete(self) -> bool:
        """Whether everything landed."""
        return not (self.left or self.left_rows or self.refused)


@dataclass(kw_only=True)
class Outcome:
    """What became of a workbook's plan."""

    tabs: dict[str, TabOutcome]
    readback: Snapshot | None = None  # of the tabs written to, Control and Run_Log; None when nothing was sent
    planned_on: str = ""  # version that the write was made on; "" when it can't be told
    made: str = ""  # version with exactly this write on top of it
    may_land_for_s: float = 0.0  # seconds during which an unknown write could still land


class NothingWritten(WorkbookUnavailable):
    """The workbook was read and couldn't be written: of what was planned, nothing is on its way."""


def write_plan(book: OpenWorkbook, plans: Mapping[str, TabPlan]) -> Outcome:
    """Writes the plans of several tabs in one write. Raises NothingWritten when nothing could be, and
    WorkbookUnavailable when it couldn't be read."""
    for attempt in range(TRIES):
        fresh = book.read(list(plans), formulas=True)
        aimed = {title: _aim(plan, fresh.grids.get(title)) for title, plan in plans.items()}
        writes = {title: target.writes for title, target in aimed.items() if target.writes is not None}
        if not writes:
            return Outcome(tabs={title: target.outcome for title, target in aimed.items()})
        try:
            result = book.write(writes, version=fresh.version)
        except WorkbookChanged:
            if attempt + 1 == TRIES:
                raise
            continue
        except WorkbookUnavailable as unavailable:
            raise NothingWritten(str(unavailable)) from unavailable
        readback = book.read([*plans, *(title for title in _service_titles(fresh) if title not in plans)])
        for title, target in aimed.items():
            if title in result.refused:
                target.refuse(result.refused[title])
            else:
                target.outcome.version = readback.version
                target.verify(
                    readback.grids.get(title), versioned=bool(fresh.version), answered=title in result.written
                )
        strays = {title: target.blanks for title, target in aimed.items() if target.blanks}
        if strays:
            book.write({title: TabWrites(cells=cells) for title, cells in strays.items()}, version=readback.version)
            readback = book.read(list(plans))
            result = replace(result, version="")
        outcomes = {title: target.outcome for title, target in aimed.items()}
        return Outcome(
            tabs=outcomes,
            readback=readback,
            may_land_for_s=result.may_land_for_s,
            planned_on=fresh.version,
            made=result.version,
        )
    raise AssertionError("unreachable")


def _service_titles(shown: Snapshot) -> list[str]:
    """Control and Run_Log as the workbook spells them: read along, so that what comes last costs no read of its own."""
    return [title for title in shown.titles if title.casefold() in SERVICE_TITLES]


def _aim(plan: TabPlan, grid: Grid | None) -> _Target:
    """Finds the rows and columns of a plan in what the tab shows now."""
    target = _Target(plan)
    if grid is None:
        target.refuse(f"the tab {plan.view.title!r} is gone")
        return target
    if grid.rows == plan.view.grid.rows:
        # Nothing moved: places hold as they are.
        target.take_aim(plan.view, grid, {row: row for row in plan.view.rows})
        return target
    header = find_header(plan.view.tab, grid.rows)
    if not isinstance(header, Header):
        target.refuse(header.text)
        return target
    now = view_tab(plan.view.tab, plan.view.title, header, grid)
    target.take_aim(now, grid, relocate(plan.view, now))
    return target


def relocate(before: TabView, now: TabView) -> dict[SheetRow, SheetRow]:
    """Where each row of an earlier read stands now: by key; where no key tells, by what it shows. What can't be told is left out."""
    moved = {
        row: found for row in before.rows if row.key in before.by_key and (found := now.by_key.get(row.key)) is not None
    }
    unclear_before = _by_content([row for row in before.rows if row.key not in before.by_key], before.tab)
    unclear_now = _by_content([row for row in now.rows if row.key not in now.by_key], now.tab)
    for content, rows in unclear_before.items():
        places = unclear_now.get(content, [])
        if len(places) == len(rows):
            moved.update(zip(rows, places, strict=True))
    return moved


def _by_content(rows: Sequence[SheetRow], tab: Tab) -> dict[str, list[SheetRow]]:
    found: dict[str, list[SheetRow]] = defaultdict(list)
    for row in rows:
        identity = {name: row.raw.get(name) for name in tab.identity}
        found[digest([_typed(row, tab), identity])].append(row)
    return found


def _typed(row: SheetRow, tab: Tab) -> dict[str, Raw]:
    """What people typed in a row, its identity apart."""
    own = {column.name for column in tab.named(Owner.FEEDBACK, *SHOWN)} | set(tab.identity)
    return {name: value for name, value in row.raw.items() if name not in own}


class _Target:
    """One tab's plan with places, on its way into the workbook."""

    def __init__(self, plan: TabPlan) -> None:
        self.plan = plan
        self.outcome = TabOutcome(left=list(plan.cells), left_rows=list(plan.appended))
        self.writes: TabWrites | None = None
        self.blanks: dict[tuple[int, int], Writable] = {}  # our own values in rows that people put there meanwhile
        self.aimed: list[tuple[PlannedCell, SheetRow]] = []
        self.rows: list[PlannedRow] = []
        self.now: TabView | None = None
        identity = plan.view.tab.identity
        # Rows that this very plan takes the key from.
        self.leaving = {cell.key for cell in plan.cells if cell.key and cell.column in identity and cell.value is None}

    def refuse(self, why: str) -> None:
        """Nothing of the plan was written."""
        self.outcome = TabOutcome(left=list(self.plan.cells), left_rows=list(self.plan.appended), refused=why)

    def take_aim(self, now: TabView, grid: Grid, moved: Mapping[SheetRow, SheetRow]) -> None:
        """Keeps what may be written: the row is there, the column is there, no formula, no edit meanwhile."""
        self.now = now
        columns = now.header.columns
        for cell in self.plan.cells:
            row = moved.get(cell.row)
            if row is None or cell.column not in columns:
                continue
            if (place := (row.index, columns[cell.column])) in grid.formulas or place in grid.merged:
                continue
            if not cell.owned and row.raw[cell.column] != cell.expect:
                continue
            self.aimed.append((cell, row))
        present = {row.key for row in now.rows}
        self.rows = [row for row in self.plan.appended if not row.key or row.key not in present]
        cells = {(row.index, columns[cell.column]): cell.value for cell, row in self.aimed}
        appended = [{columns[name]: value for name, value in row.cells.items() if name in columns} for row in self.rows]
        if cells or appended:
            self.writes = TabWrites(cells=cells, appended=appended, after_row=now.header.row)

    def verify(self, grid: Grid | None, *, versioned: bool, answered: bool) -> None:
        """Compares what the tab shows with what was meant. `versioned`: the kind promises that nothing moved under the write."""
        header = find_header(self.plan.view.tab, grid.rows) if grid is not None else None
        if grid is None or not isinstance(header, Header) or self.now is None:
            return
        shown = view_tab(self.plan.view.tab, self.plan.view.title, header, grid)
        self.outcome.readback = shown
        moved = relocate(self.now, shown) if not (versioned and answered) else {}
        landed = []
        for cell, row in self.aimed:
            if (versioned and answered) or self._stands(cell, row, moved, shown):
                landed.append(cell)
            elif answered:
                self._find_in_foreign_row(cell, row, shown)
        done = set(map(id, landed))
        keys = {row.key for row in shown.rows}
        self.outcome.landed = landed
        self.outcome.left = [cell for cell in self.plan.cells if id(cell) not in done]
        self.outcome.appended = [row for row in self.rows if row.key in keys]
        self.outcome.left_rows = [row for row in self.plan.appended if row.key not in keys]
        self.outcome.as_planned = self._as_planned(shown)

    def _stands(self, cell: PlannedCell, row: SheetRow, moved: Mapping[SheetRow, SheetRow], shown: TabView) -> bool:
        if cell.key in self.leaving:
            return all(row.key != cell.key for row in shown.rows)
        place = shown.by_key.get(cell.key) if cell.key else moved.get(row)
        if place is None or cell.column not in place.raw or not same_cell(place.raw[cell.column], cell.value):
            return False
        was_given_its_key = bool(cell.key) and not row.key
        return not was_given_its_key or _typed(place, self.plan.view.tab) == _typed(row, self.plan.view.tab)

    def _find_in_foreign_row(self, cell: PlannedCell, row: SheetRow, shown: TabView) -> None:
        """A person put an empty row where ours stood, in the very instant: our value is alone there and is taken out again."""
        for other in shown.rows:
            if other.index != row.index or not same_cell(other.raw.get(cell.column), cell.value):
                continue
            if not other.key or holds_nothing(_typed(other, self.plan.view.tab).values()):
                self.blanks[other.index, shown.header.columns[cell.column]] = None

    def _as_planned(self, shown: TabView) -> bool:
        """Whether the tab shows the rows that were planned on, with the writes on top, and nothing else."""
        assert self.now is not None
        if len(self.outcome.landed) != len(self.plan.cells) or len(self.outcome.appended) != len(self.plan.appended):
            return False
        if self.now.grid.rows != self.plan.view.grid.rows or shown.header != self.plan.view.header:
            return False
        changed = {(row.index, cell.column): cell.value for cell, row in self.aimed}
        if len(shown.rows) != len(self.now.rows) + len(self.rows):
            return False
        for before, after in zip(self.now.rows, shown.rows, strict=False):
            if before.index != after.index:
                return False
            if before.raw != after.raw and not all(
                same_cell(value, changed[before.index, name])
                if (before.index, name) in changed
                else value == before.raw[name]
                for name, value in after.raw.items()
            ):
                return False
        return all(
            all(same_cell(value or None, planned.cells.get(name)) for name, value in row.raw.items())
            for row, planned in zip(shown.rows[len(self.now.rows) :], self.rows, strict=True)
        )


def same_cell(raw: Raw, written: Writable) -> bool:
    """Whether a cell shows what was written."""
    if isinstance(written, datetime.date):
        return raw == date_to_serial(written)
    return (None if raw == "" else raw) == (None if written == "" else written)
