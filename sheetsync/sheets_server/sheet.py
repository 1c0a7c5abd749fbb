"""One sheet and one spreadsheet: cells, merges, protection, validation, and the edits that people and programs make.

Rows are never changed in place: an edit puts another row where the old one stood, so that a copy of a sheet for an atomic batch costs
no more than its list of rows. References in formulas follow inserted and deleted rows; those to columns stay as typed.
"""

from __future__ import annotations

import copy
import secrets
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sheetsync.sheets_server.cells import BLANK, Cell
from sheetsync.sheets_server.errors import invalid
from sheetsync.sheets_server.places import Axis, Block
from sheetsync.workbooks.xlsx_formulas import follow_rows

MAX_CELLS = 10_000_000  # in one spreadsheet
ANONYMOUS = "anonymous"
Row = Mapping[int, Cell]
_ID_LETTERS = string.ascii_letters + string.digits + "-_"


@dataclass(frozen=True, kw_only=True)
class Protection:
    """A protected range."""

    protection_id: int
    block: Block
    warning_only: bool = True  # people are asked before they edit; nobody is kept out
    editors: tuple[str, ...] = ()  # who may edit, beside the owner
    description: str = ""


@dataclass(kw_only=True)
class Sheet:
    """One tab."""

    sheet_id: int
    title: str
    row_count: int = 1000
    column_count: int = 26
    rows: list[Row] = field(default_factory=list)  # column -> cell, for each row down to the last that has any
    merges: list[Block] = field(default_factory=list)
    protections: list[Protection] = field(default_factory=list)
    validations: list[tuple[Block, Mapping[str, Any]]] = field(
        default_factory=list
    )  # later ones go before earlier ones
    painted: list[tuple[Block, Mapping[str, Any]]] = field(default_factory=list)  # formats of whole ranges
    properties: dict[str, Any] = field(default_factory=dict)  # hidden, tabColorStyle, ...
    grid: dict[str, Any] = field(default_factory=dict)  # frozenRowCount, hideGridlines, ...

    def snapshot(self) -> Sheet:
        """A copy that later edits of this sheet don't touch."""
        same = copy.copy(self)
        for name in ("rows", "merges", "protections", "validations", "painted"):
            setattr(same, name, list(getattr(self, name)))
        same.properties, same.grid = dict(self.properties), dict(self.grid)
        return same

    def cell(self, row: int, column: int) -> Cell:
        """What stands there."""
        return self.rows[row].get(column, BLANK) if row < len(self.rows) else BLANK

    def dressed(self, row: int, column: int) -> Cell:
        """The cell with the format that its range was given, where it has none of its own."""
        cell = self.cell(row, column)
        if cell.number_type or not self.painted:
            return cell
        for block, look in reversed(self.painted):
            if "numberFormat" in look and block.holds(row, column):
                number_format = look["numberFormat"]
                return cell.with_number_type(number_format.get("type", ""), number_format.get("pattern", ""))
        return cell

    def put(self, row: int, cells: Mapping[int, Cell]) -> None:
        """Puts cells of one row in place."""
        if row >= self.row_count or any(column >= self.column_count for column in cells):
            raise invalid(
                f"Range ({self.title}!R{row + 1}) exceeds grid limits. Max rows: {self.row_count}, max columns: {self.column_count}"
            )
        while len(self.rows) <= row:
            self.rows.append({})
        merged = {**self.rows[row], **cells}
        self.rows[row] = {column: cell for column, cell in merged.items() if cell is not BLANK and cell != BLANK}

    def is_tick_box(self, row: int, column: int) -> bool:
        """Whether the cell holds a tick box."""
        for block, rule in reversed(self.validations):
            if block.holds(row, column):
                return bool(rule.get("condition", {}).get("type") == "BOOLEAN")
        return False

    def covered(self) -> set[tuple[int, int]]:
        """Cells inside merged ranges, but for each range's first."""
        return {
            at
            for block in self.merges
            for at in block.within(self.row_count, self.column_count).cells()
            if at != (block.top, block.left)
        }

    def used_rows(self) -> int:
        """Rows down to the last with content."""
        return next(
            (n for n in range(len(self.rows), 0, -1) if any(not c.is_blank for c in self.rows[n - 1].values())), 0
        )

    # ---- rows and columns ----------------------------------------------------------------------------------------------

    def insert(self, axis: Axis, at: int, count: int, *, from_before: bool) -> None:
        """Inserts empty rows or columns before the one that stands there."""
        if axis is Axis.ROWS:
            self.row_count += count
            if at < len(self.rows):
                self.rows[at:at] = [{} for _ in range(count)]
        else:
            self.column_count += count
            self.rows = [{c + count * (c >= at): cell for c, cell in row.items()} for row in self.rows]
        self._move_blocks(
            lambda block: block.grown(axis, at, count, shifts=from_before, stretches=from_before),
            lambda block: block.grown(axis, at, count, shifts=True, stretches=False),
        )

    def delete(self, axis: Axis, start: int, end: int) -> None:
        """Deletes rows or columns."""
        size = self.row_count if axis is Axis.ROWS else self.column_count
        if not 0 <= start < end <= size:
            raise invalid(f"Cannot delete {axis.lower()} {start} to {end}: the sheet has {size}.")
        if end - start == size:
            raise invalid("You can't delete all the rows or columns on the sheet.")
        if axis is Axis.ROWS:
            self.row_count -= end - start
            del self.rows[start:end]
        else:
            self.column_count -= end - start
            self.rows = [
                {c - (end - start) * (c >= end): cell for c, cell in row.items() if not start <= c < end}
                for row in self.rows
            ]
        self._move_blocks(lambda block: block.shrunk(axis, start, end), lambda block: block.shrunk(axis, start, end))

    def move(self, axis: Axis, places: Mapping[int, int]) -> None:
        """Puts rows or columns elsewhere: where each one stood -> where it stands. What was set for a whole range goes along."""
        if axis is Axis.ROWS:
            rows = {places[row]: cells for row, cells in enumerate(self.rows)}
            self.rows = [rows.get(row, {}) for row in range(max(rows, default=-1) + 1)]
        else:
            self.rows = [{places[column]: cell for column, cell in row.items()} for row in self.rows]
        for name in ("validations", "painted"):
            found = [(moved, what) for block, what in getattr(self, name) for moved in block.rearranged(axis, places)]
            setattr(self, name, found)
        self.protections = [
            Protection(**{**vars(one), "block": moved})
            for one in self.protections
            for moved in one.block.rearranged(axis, places)
        ]

    def _move_blocks(self, looks: Callable[[Block], Block | None], merges: Callable[[Block], Block | None]) -> None:
        self.merges = [moved for block in self.merges if (moved := merges(block))]
        self.validations = [(moved, rule) for block, rule in self.validations if (moved := looks(block))]
        self.painted = [(moved, look) for block, look in self.painted if (moved := looks(block))]
        self.protections = [
            Protection(**{**vars(one), "block": moved}) for one in self.protections if (moved := looks(one.block))
        ]

    def merge(self, block: Block) -> None:
        """Merges a range: only its first cell keeps its content."""
        if any(block.meets(other) for other in self.merges):
            raise invalid("You can't merge cells that are merged already; unmerge them first.")
        self.merges.append(block)
        for row, column in block.cells():
            if (row, column) != (block.top, block.left) and not self.cell(row, column).is_blank:
                self.put(row, {column: self.cell(row, column).holding(None)})


@dataclass(kw_only=True)
class Spreadsheet:
    """One file."""

    spreadsheet_id: str
    title: str
    locale: str = "en_GB"
    time_zone: str = "Etc/GMT"
    sheets: list[Sheet] = field(default_factory=list)
    readers: set[str] = field(default_factory=set)  # accounts that may only read
    strangers: set[str] = field(default_factory=set)  # accounts that it isn't shared with
    cell_limit: int = MAX_CELLS
    _next_id: int = 1

    @classmethod
    def new(cls, title: str, titles: Iterable[str] = ("Sheet1",), *, locale: str = "en_GB") -> Spreadsheet:
        """An empty one, as the program makes it."""
        sheets = [Sheet(sheet_id=number, title=name) for number, name in enumerate(titles)]
        spreadsheet_id = "1" + "".join(secrets.choice(_ID_LETTERS) for _ in range(43))
        return cls(spreadsheet_id=spreadsheet_id, title=title, sheets=sheets, locale=locale, _next_id=1000)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Whatever the block has changed when it raises is taken back."""
        before = copy.copy(self)
        sheets, kept = list(self.sheets), [sheet.snapshot() for sheet in self.sheets]
        try:
            yield
        except BaseException:
            vars(self).update(vars(before), sheets=sheets)
            for sheet, as_it_was in zip(sheets, kept, strict=True):
                vars(sheet).update(vars(as_it_was))
            raise

    @property
    def titles(self) -> tuple[str, ...]:
        """Every tab, in order."""
        return tuple(sheet.title for sheet in self.sheets)

    def sheet(self, title: str) -> Sheet:
        """The tab of that title, in any case. Raises ApiError."""
        for sheet in self.sheets:
            if sheet.title.casefold() == title.casefold():
                return sheet
        raise invalid(f"Unable to parse range: {title}")

    def sheet_by_id(self, sheet_id: int) -> Sheet:
        """The tab of that id. Raises ApiError."""
        for sheet in self.sheets:
            if sheet.sheet_id == sheet_id:
                return sheet
        raise invalid(f"No grid with id: {sheet_id}")

    def new_id(self) -> int:
        """An id that no tab and no protected range has."""
        self._next_id += 1
        return self._next_id

    def insert(self, sheet: Sheet, axis: Axis, at: int, count: int, *, from_before: bool) -> None:
        """Inserts rows or columns; references to rows follow."""
        sheet.insert(axis, at, count, from_before=from_before)
        self.check_size()
        if axis is Axis.ROWS:
            self._follow(sheet, lambda row: row + count * (row >= at))

    def delete(self, sheet: Sheet, axis: Axis, start: int, end: int) -> None:
        """Deletes rows or columns; references to rows follow, those to deleted ones become #REF!."""
        sheet.delete(axis, start, end)
        if axis is Axis.ROWS:
            self._follow(sheet, lambda row: None if start <= row < end else row - (end - start) * (row >= end))

    def move(self, sheet: Sheet, axis: Axis, start: int, end: int, to: int) -> None:
        """Moves rows or columns before the one that stands at `to`; references to rows follow."""
        size = sheet.row_count if axis is Axis.ROWS else sheet.column_count
        moved = list(range(start, end))
        order = [*range(start), *range(end, size)]
        at = to if to <= start else to - len(moved)
        order[at:at] = moved
        places = {old: new for new, old in enumerate(order)}
        sheet.move(axis, places)
        if axis is Axis.ROWS:
            self._follow(sheet, places.get)

    def check_size(self) -> None:
        """Raises ApiError when there are more cells than a spreadsheet may have."""
        if sum(sheet.row_count * sheet.column_count for sheet in self.sheets) > self.cell_limit:
            raise invalid(
                f"This action would increase the number of cells in the workbook above the limit of {self.cell_limit} cells."
            )

    def _follow(self, moved: Sheet, row_moves: Callable[[int], int | None]) -> None:
        for sheet in self.sheets:
            for number, row in enumerate(sheet.rows):
                formulas = {column: cell for column, cell in row.items() if cell.formula}
                if formulas:
                    sheet.rows[number] = {**row, **_followed(formulas, sheet.title, moved.title, row_moves)}


def _followed(
    formulas: Mapping[int, Cell], title: str, moved: str, row_moves: Callable[[int], int | None]
) -> dict[int, Cell]:
    return {
        column: cell.holding(None, follow_rows(cell.formula, title, moved, row_moves))
        for column, cell in formulas.items()
    }


def trimmed(rows: Sequence[Sequence[Any]], blank: Any = "") -> list[list[Any]]:
    """Without the blanks at the end of rows and the empty rows at the end."""
    cut = []
    for row in rows:
        end = len(row)
        while end and row[end - 1] == blank and not isinstance(row[end - 1], bool):
            end -= 1
        cut.append(list(row[:end]))
    while cut and not cut[-1]:
        cut.pop()
    return cut
