"""What is to be changed in the tabs of an .xlsx file: planned here, carried out by an editor, compared afterwards."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sheetsync.workbooks.interface import Grid, Raw, TabWrites, Writable
from sheetsync.workbooks.xlsx_formulas import TabCells
from sheetsync.workbooks.xlsx_reading import Reading
from sheetsync.workbooks.xlsx_sheet_xml import MAX_COLUMNS, MAX_ROWS, cell_name
from sheetsync.workbooks.xlsx_values import serial

# What a cell of a spreadsheet program holds at most, in UTF-16 units.
MAX_TEXT = 32_767
_LOOKS_ESCAPED = re.compile(r"_(?=[xX][0-9A-Fa-f]{4}_)")
# Characters that XML can't carry.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, kw_only=True)
class TabEdits:
    """The changes of one tab, with places."""

    cells: Mapping[tuple[int, int], Writable]  # (row, column) -> value; None clears; appended rows are among them
    appended: Sequence[int] = ()  # rows that are new: they take their looks from `like_row`
    like_row: int | None = None  # the row above whose formats new rows copy where they have none of their own

    def by_row(self) -> dict[int, dict[int, Writable]]:
        """row -> column -> value, both ascending."""
        found: dict[int, dict[int, Writable]] = {
            row: {} for row in sorted({row for row, _ in self.cells} | set(self.appended))
        }
        for (row, column), value in sorted(self.cells.items(), key=lambda item: item[0]):
            found[row][column] = value
        return found


@dataclass(frozen=True, kw_only=True)
class Edits:
    """The changes of a workbook."""

    tabs: Mapping[str, TabEdits] = field(default_factory=dict)  # by title


# Gives the content of the changed file. Raises EditError when it can't without harming what is there.
Editor = Callable[[Reading, Edits], bytes]


class EditError(Exception):
    """This editor can't change this file safely: try another one."""


def problem_of(at: tuple[int, int], value: Writable) -> str:
    """Why a value can't stand in a cell, a sentence; "" when it can. Raises ValueError for NaN and infinity."""
    row, column = at
    if not (0 <= row < MAX_ROWS and 0 <= column < MAX_COLUMNS):
        return f"row {row + 1:,} is beyond the last row of a tab ({MAX_ROWS:,}); clear rows that are no longer needed"
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{cell_name(row, column)}: {value} isn't a number that a cell can hold")
    if not isinstance(value, str):
        return ""
    units = len(value) + sum(character > "\uffff" for character in value)
    if units > MAX_TEXT:
        return f"{cell_name(row, column)}: the text has {units:,} characters, and a cell holds {MAX_TEXT:,} at most"
    illegal = _ILLEGAL.search(value)
    if illegal:
        code = f"U+{ord(illegal[0]):04X}"
        return f"{cell_name(row, column)}: the text holds the control character {code}, which no cell can hold"
    return ""


def plan_tab(writes: TabWrites, cells: TabCells) -> TabEdits | str:
    """Where each value goes, or why nothing can be written to the tab.

    Raises ValueError when a formula would be overwritten, or for NaN and infinity: no caller should ask for that.
    """
    values = dict(writes.cells)
    first = first_free_row(cells.rows, cells.formulas, writes)
    for offset, row in enumerate(writes.appended):
        values.update({(first + offset, column): value for column, value in row.items()})
    for at, value in values.items():
        if at in cells.formulas:
            raise ValueError(
                f"{cell_name(*at)} holds the formula {cells.formulas[at].text!r}; a formula is never overwritten"
            )
        problem = problem_of(at, value)
        if problem:
            return problem
    appended = range(first, first + len(writes.appended))
    return TabEdits(
        cells=values, appended=appended, like_row=first - 1 if first - 1 > writes.after_row else writes.after_row + 1
    )


def first_free_row(rows: Sequence[Sequence[Raw]], formulas: Collection[tuple[int, int]], writes: TabWrites) -> int:
    """The row below the last one with content. Formats alone and the FALSE of an unticked box are no content."""
    written = {column for row in writes.appended for column in row}
    # A formula that shows nothing is content where it would be overwritten.
    last = max((row for row, column in formulas if column in written), default=-1)
    for row in range(len(rows) - 1, last, -1):
        if any(_is_content(cell) for cell in rows[row]):
            last = row
            break
    last = max([last, writes.after_row, *(row for row, _ in writes.cells)])
    return last + 1


def free_column(grid: Grid, header_row: int, count: int) -> int:
    """The first column right of the last header, with nothing below it in as many columns as are wanted."""
    headers = grid.rows[header_row] if header_row < len(grid.rows) else []
    first = max((column for column, cell in enumerate(headers) if cell is not None), default=-1) + 1
    taken = any(cell is not None for row in grid.rows for cell in row[first : first + count])
    return grid.width if taken or any(at[1] >= first for at in grid.formulas) else first


def _is_content(cell: Raw) -> bool:
    if isinstance(cell, str):
        return cell.strip() not in ("", "FALSE")
    return cell is not None and cell is not False


def as_read(value: Writable) -> Raw:
    """What a cell shows when read after this value was written."""
    if isinstance(value, datetime.date):
        return serial(value)
    return None if value == "" else value


def as_stored(text: str) -> str:
    """The text as the file has it: _x000D_ stands for a carriage return there, so what merely looks like that is escaped."""
    return _LOOKS_ESCAPED.sub("_x005F_", text).replace("\r", "_x000D_")


def landed(before: TabCells, after: TabCells, edits: TabEdits) -> bool:
    """Whether the tab holds every change and nothing else changed; what formulas show is left aside."""
    if {at: cell.text for at, cell in before.formulas.items()} != {
        at: cell.text for at, cell in after.formulas.items()
    }:
        return False
    changed = edits.by_row()
    special = changed.keys() | {row for row, _ in before.formulas}
    for row in range(max([len(before.rows), len(after.rows), *(row + 1 for row in special)])):
        expected, shown = _row(before, row), _row(after, row)
        if row not in special:
            if expected != shown and _trimmed(expected) != _trimmed(shown):
                return False
        elif not _row_landed(row, expected, shown, changed.get(row, {}), before):
            return False
    return True


def _row_landed(
    row: int, before: Sequence[Raw], shown: Sequence[Raw], changes: Mapping[int, Writable], cells: TabCells
) -> bool:
    expected = dict(enumerate(before)) | {column: as_read(value) for column, value in changes.items()}
    for column in range(max([len(before), len(shown), *(column + 1 for column in changes)])):
        now = shown[column] if column < len(shown) else None
        if (row, column) not in cells.formulas and not _same(expected.get(column), now):
            return False
    return True


def _row(cells: TabCells, row: int) -> list[Raw]:
    return cells.rows[row] if row < len(cells.rows) else []


def _trimmed(row: Sequence[Raw]) -> list[Raw]:
    end = len(row)
    while end and row[end - 1] is None:
        end -= 1
    return list(row[:end])


def _same(one: Raw, other: Raw) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return float(one) == float(other)
    return one == other
