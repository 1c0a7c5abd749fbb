"""A workbook that lives in memory: the twin of the real kinds, for tests and dry runs.

It behaves like a file (each content has a version), or, with `versions=False`, like a Google spreadsheet: no versions, so
that people may edit between any two requests; new rows are inserted, so that nobody's row is overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from sheetsync.workbooks.interface import (
    Grid,
    Raw,
    Snapshot,
    TabWrites,
    WorkbookChanged,
    WorkbookUnavailable,
    Writable,
    WriteResult,
)
from sheetsync.workbooks.xlsx_edits import TabEdits, as_read, plan_tab
from sheetsync.workbooks.xlsx_formulas import Copies, FormulaCell, ShiftedFormula, TabCells, copied_place, follow_rows

# The header row is looked for in this many rows.
_TOP_ROWS = 10


@dataclass(frozen=True)
class Formula:
    """A cell that holds a formula."""

    text: str  # with its "="
    result: Raw = None  # what it shows, unless it merely copies another cell; None: not calculated yet


Cell = Raw | Formula


class Fault(Enum):
    """What goes wrong with one write."""

    FAILS = "fails"  # nothing happens, and the caller is told
    ANSWER_LOST = "answer lost"  # it happens, and the caller isn't told
    LANDS_LATE = "lands late"  # the caller isn't told; it happens at `land_late`


@dataclass(kw_only=True)
class _Sheet:
    """One tab."""

    rows: list[list[Cell]]
    merged: set[tuple[int, int]] = field(default_factory=set)  # cells inside merged ranges, but for each range's first


class MemoryWorkbook:
    """An OpenWorkbook without a file. People's edits are plain methods; rows and columns count from 0."""

    def __init__(
        self,
        tabs: Mapping[str, Sequence[Sequence[Cell]]],
        *,
        versions: bool = True,
        write_window_s: float = 0.0,
        before_request: Callable[[str], None] | None = None,
        after_request: Callable[[str], None] | None = None,
    ) -> None:
        """`tabs`: title -> rows from the first. The hooks are called with "read" or "write" around each request, and may edit
        the workbook as a person would, or raise as a crash would; the second one runs when the request has taken effect."""
        self.reads = 0
        self._looked = False  # whether `version` was asked for since the last read
        self.writes = 0
        self.versions = versions
        self.write_window_s = write_window_s
        self.before_request = before_request
        self.after_request = after_request
        self.faults: list[Fault | None] = []  # what goes wrong with the next writes, one each; None: nothing
        self.protected: set[str] = set()  # tabs that refuse every write
        self.overwritten_formulas: list[tuple[str, int, int]] = []  # (tab, row, column) that a write hit
        self._late: list[tuple[str, TabEdits]] = []
        self._sheets = {title: _Sheet(rows=[list(row) for row in rows]) for title, rows in tabs.items()}
        self._edits = 0  # how often anything changed: the version

    @classmethod
    def copy_of(cls, snapshot: Snapshot) -> MemoryWorkbook:
        """A workbook that shows what a snapshot (read with formulas) shows."""
        tabs: dict[str, list[list[Cell]]] = {}
        for title, grid in snapshot.grids.items():
            rows: list[list[Cell]] = [list(row) for row in grid.rows]
            for (row, column), text in grid.formulas.items():
                if row < len(rows) and column < len(rows[row]):
                    rows[row][column] = Formula(text, grid.rows[row][column])
            tabs[title] = rows
        copy = cls(tabs)
        for title, grid in snapshot.grids.items():
            copy._sheets[title].merged = set(grid.merged)
        return copy

    # What the engine asks for.

    def version(self) -> str:
        """The number of the last edit, as a text; "" without versions. One request together with the read that follows."""
        if not self.versions:
            return ""
        self._begin("read")
        self.reads += not self._looked
        self._looked = True
        return self._version()

    def read(self, tabs: Sequence[str] | None = None, *, formulas: bool = False) -> Snapshot:
        """All the named tabs (None: every tab) in one read; formula texts always come along."""
        self._begin("read")
        self.reads += not self._looked
        self._looked = False
        kept = {title: self._kept(title) for title in self._sheets}
        folded = {title.casefold(): cells for title, cells in kept.items()}
        copies = Copies(lambda title: folded.get(title.casefold()))
        wanted = self._sheets if tabs is None else [title for title in tabs if title in self._sheets]
        grids = {title: self._grid(title, kept[title], copies) for title in wanted}
        snapshot = Snapshot(grids=grids, titles=tuple(self._sheets), version=self._version())
        self._end("read")
        return snapshot

    def write(self, writes: Mapping[str, TabWrites], *, version: str = "") -> WriteResult:
        """All changes of all tabs in one write. Raises WorkbookChanged (with versions), WorkbookUnavailable (a fault), and,
        with versions, ValueError for a write over a formula."""
        self._begin("write")
        self.writes += 1
        fault = self.faults.pop(0) if self.faults else None
        if fault is Fault.FAILS:
            raise WorkbookUnavailable("The workbook can't be reached; try again later.")
        if self.versions and version and version != self._version():
            raise WorkbookChanged("The workbook was changed meanwhile.")
        planned, refused = self._plan(writes)
        if fault is Fault.LANDS_LATE:
            self._late.extend(planned.items())
        else:
            self._land(planned.items())
        made = self._version()
        self._end("write")
        if fault is not None:
            return WriteResult(
                written=frozenset(), refused=refused, unknown=frozenset(planned), may_land_for_s=self.write_window_s
            )
        return WriteResult(written=frozenset(planned), refused=refused, version=made)

    def land_late(self) -> None:
        """Every write that is still on its way takes effect: where it was aimed at, whatever stands there by now."""
        late, self._late = self._late, []
        self._land(late)

    def lose_late(self) -> None:
        """Every write that is still on its way is lost for good."""
        self._late = []

    # What people do.

    def set_cell(self, tab: str, row: int, column: int, value: Cell) -> None:
        """Types a value, or a formula, into a cell."""
        self._reach(tab, row, column)
        self._sheets[tab].rows[row][column] = value
        self._edits += 1

    def insert_row(self, tab: str, row: int, cells: Sequence[Cell] = ()) -> None:
        """Inserts a row above the one that stands there; references to the rows below follow them."""
        self._insert(tab, row, 1)
        for column, cell in enumerate(cells):
            self.set_cell(tab, row, column, cell)

    def delete_row(self, tab: str, row: int) -> None:
        """Deletes a row; references to it become #REF!, those to the rows below follow them."""
        sheet = self._sheets[tab]
        del sheet.rows[row : row + 1]
        sheet.merged = {(at - (at > row), column) for at, column in sheet.merged if at != row}
        self._follow(tab, lambda at: None if at == row else at - (at > row))

    def sort_rows(self, tab: str, column: int, *, below: int, descending: bool = False) -> None:
        """Sorts the rows below a row by a column, blanks last. Relative references shift with their cell, as in a copy."""
        rows = self._sheets[tab].rows
        shown = self.values(tab)
        numbers = range(below + 1, len(rows))

        def key(row: int) -> tuple[bool, bool, float, str]:
            cell = shown[row][column] if column < len(shown[row]) else None
            number = float(cell) if isinstance(cell, bool | int | float) else 0.0
            return cell is None, isinstance(cell, str), number, str(cell)

        blank = [row for row in numbers if key(row)[0]]
        filled = sorted((row for row in numbers if not key(row)[0]), key=key, reverse=descending)
        moved = [[_as_copied(cell, row, to) for cell in rows[row]] for to, row in enumerate(filled + blank, below + 1)]
        rows[below + 1 :] = moved
        self._edits += 1

    def move_column(self, tab: str, column: int, to: int) -> None:
        """Takes a whole column out and puts it in at another place."""
        for row in self._sheets[tab].rows:
            row.extend([None] * (max(column, to) + 1 - len(row)))
            row.insert(to, row.pop(column))
        self._edits += 1

    def delete_column(self, tab: str, column: int) -> None:
        """Deletes a whole column."""
        for row in self._sheets[tab].rows:
            del row[column : column + 1]
        self._edits += 1

    def rename_header(self, tab: str, old: str, new: str) -> None:
        """Types another header over one in the top rows. Raises KeyError when there is no such header."""
        for number, row in enumerate(self._sheets[tab].rows[:_TOP_ROWS]):
            if old in row:
                self.set_cell(tab, number, row.index(old), new)
                return
        raise KeyError(old)

    def merge_cells(self, tab: str, top: int, left: int, bottom: int, right: int) -> None:
        """Merges a range: only its first cell keeps its content."""
        self._reach(tab, bottom, right)
        sheet = self._sheets[tab]
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                if (row, column) != (top, left):
                    sheet.merged.add((row, column))
                    sheet.rows[row][column] = None
        self._edits += 1

    def add_tab(self, tab: str, rows: Sequence[Sequence[Cell]] = ()) -> None:
        """Adds a tab at the end."""
        self._sheets[tab] = _Sheet(rows=[list(row) for row in rows])
        self._edits += 1

    def delete_tab(self, tab: str) -> None:
        """Deletes a tab."""
        del self._sheets[tab]
        self._edits += 1

    def values(self, tab: str) -> list[list[Raw]]:
        """What a tab shows, for tests; no request is counted."""
        kept = {title.casefold(): self._kept(title) for title in self._sheets}
        copies = Copies(lambda title: kept.get(title.casefold()))
        return self._grid(tab, kept[tab.casefold()], copies).rows

    def cell(self, tab: str, row: int, column: int) -> Cell:
        """What a cell holds: its value, or its formula."""
        rows = self._sheets[tab].rows
        return rows[row][column] if row < len(rows) and column < len(rows[row]) else None

    # How it is done.

    def _begin(self, kind: str) -> None:
        if self.before_request is not None:
            self.before_request(kind)

    def _end(self, kind: str) -> None:
        if self.after_request is not None:
            self.after_request(kind)

    def _version(self) -> str:
        return f"edit {self._edits}" if self.versions else ""

    def _kept(self, title: str) -> TabCells:
        """A tab before its copies are settled."""
        rows: list[list[Raw]] = []
        formulas: dict[tuple[int, int], FormulaCell] = {}
        for number, row in enumerate(self._sheets[title].rows):
            values: list[Raw] = []
            for column, cell in enumerate(row):
                if isinstance(cell, Formula):
                    formulas[number, column] = FormulaCell(
                        text=cell.text, cached=cell.result is not None, copies=copied_place(cell.text, title)
                    )
                value = cell.result if isinstance(cell, Formula) else cell
                values.append(None if value == "" else value)
            rows.append(values)
        return TabCells(rows=rows, formulas=formulas)

    def _grid(self, title: str, kept: TabCells, copies: Copies) -> Grid:
        settled, stale = copies.settle(title, kept)
        width = max(map(len, kept.rows), default=0)
        rows = [list(row) + [None] * (width - len(row)) for row in kept.rows]
        for (row, column), value in settled.items():
            rows[row][column] = value
        formulas = {at: formula.text for at, formula in kept.formulas.items()}
        merged = frozenset(self._sheets[title].merged)
        return Grid(rows=rows, width=width, formulas=formulas, merged=merged, stale=frozenset(stale))

    def _plan(self, writes: Mapping[str, TabWrites]) -> tuple[dict[str, TabEdits], dict[str, str]]:
        planned: dict[str, TabEdits] = {}
        refused: dict[str, str] = {}
        for title, wanted in writes.items():
            if title not in self._sheets:
                refused[title] = f"there is no tab {title!r}"
                continue
            if title in self.protected:
                refused[title] = f"the tab {title!r} is protected"
                continue
            kept = self._kept(title)
            # Without versions nothing stops a write over a formula that was typed a moment ago.
            edits = plan_tab(wanted, kept if self.versions else TabCells(rows=kept.rows, formulas={}))
            if isinstance(edits, str):
                refused[title] = edits
            else:
                planned[title] = edits
        return planned, refused

    def _land(self, planned: Iterable[tuple[str, TabEdits]]) -> None:
        for title, edits in planned:
            if title not in self._sheets:
                continue
            if edits.appended and not self.versions:
                self._insert(title, edits.appended[0], len(edits.appended))
            for (row, column), value in edits.cells.items():
                self._put(title, row, column, value)

    def _put(self, title: str, row: int, column: int, value: Writable) -> None:
        if isinstance(self.cell(title, row, column), Formula):
            self.overwritten_formulas.append((title, row, column))
        self.set_cell(title, row, column, as_read(value))

    def _insert(self, tab: str, row: int, count: int) -> None:
        sheet = self._sheets[tab]
        if row < len(sheet.rows):
            sheet.rows[row:row] = [[] for _ in range(count)]
        sheet.merged = {(at + count * (at >= row), column) for at, column in sheet.merged}
        self._follow(tab, lambda at: at + count * (at >= row))

    def _follow(self, tab: str, row_moves: Callable[[int], int | None]) -> None:
        """Rewrites the references to rows that moved, in every tab."""
        for title, sheet in self._sheets.items():
            for row in sheet.rows:
                for column, cell in enumerate(row):
                    if isinstance(cell, Formula):
                        row[column] = Formula(follow_rows(cell.text, title, tab, row_moves), cell.result)
        self._edits += 1

    def _reach(self, tab: str, row: int, column: int) -> None:
        rows = self._sheets[tab].rows
        while len(rows) <= row:
            rows.append([])
        rows[row].extend([None] * (column + 1 - len(rows[row])))


def _as_copied(cell: Cell, row: int, to: int) -> Cell:
    """A cell that is moved by sorting: as if it were copied there."""
    if not isinstance(cell, Formula):
        return cell
    return Formula(ShiftedFormula(cell.text, (row, 0)).text_at((to, 0)), cell.result)
