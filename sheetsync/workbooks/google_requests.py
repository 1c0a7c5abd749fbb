"""What is to be written as requests to the Sheets API, each small enough to be sent."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sheetsync.values.dates import date_to_serial
from sheetsync.workbooks.google_reading import SheetInfo
from sheetsync.workbooks.interface import Grid, TabWrites, Writable
from sheetsync.workbooks.xlsx_edits import first_free_row
from sheetsync.workbooks.xlsx_sheet_xml import cell_name

# Google advises 2 MB a request at most; room is left for what stands around the pieces.
MAX_BYTES = 1_900_000
_AIM_BYTES = 1_750_000  # what is cut is cut to about this, since rows differ in length
MAX_TEXT = 50_000  # characters in a cell
_DATE = {"numberFormat": {"type": "DATE", "pattern": "yyyy-mm-dd"}}
_VALUE = "userEnteredValue"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a write that can't be taken apart."""

    title: str  # the tab
    parts: Sequence[Mapping[str, Any]]  # value ranges, or requests of a batch
    size: int  # bytes


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """What goes into one request: all of it lands, or nothing."""

    pieces: Sequence[Piece]
    structured: bool  # a batch of requests; else ranges of values

    @property
    def titles(self) -> tuple[str, ...]:
        """The tabs that it writes to, in order."""
        return tuple(dict.fromkeys(piece.title for piece in self.pieces))

    @property
    def body(self) -> dict[str, Any]:
        """The JSON to be sent."""
        parts = [part for piece in self.pieces for part in piece.parts]
        return {"requests": parts} if self.structured else {"valueInputOption": "RAW", "data": parts}

    def only(self, title: str) -> Parcel:
        """What of it is for one tab."""
        return Parcel(pieces=[piece for piece in self.pieces if piece.title == title], structured=self.structured)


@dataclass(frozen=True)
class _Run:
    """Cells that make a rectangle."""

    top: int
    left: int
    rows: Sequence[Sequence[Writable]]

    def cut(self, count: int) -> Iterator[_Run]:
        """In that many stretches of rows, about as long as each other, from the top."""
        length = math.ceil(len(self.rows) / count)
        for start in range(0, len(self.rows), length):
            yield _Run(self.top + start, self.left, self.rows[start : start + length])


def needs_batch(writes: Iterable[TabWrites]) -> bool:
    """Whether values alone won't do: rows are to be inserted, or dates to be shown as such."""
    return any(tab.appended or any(map(_is_date, tab.cells.values())) for tab in writes)


def pack(pieces: Iterable[Piece], *, structured: bool) -> list[Parcel]:
    """As few parcels as hold the pieces, in their order."""
    parcels: list[list[Piece]] = []
    room = 0
    for piece in pieces:
        if piece.size > room:
            parcels.append([])
            room = MAX_BYTES
        parcels[-1].append(piece)
        room -= piece.size
    return [Parcel(pieces=parcel, structured=structured) for parcel in parcels]


def problem_of(writes: TabWrites, grid: Grid) -> str:
    """Why the tab can't be written, a sentence; "" when it can. Raises ValueError for what no caller should ask for."""
    for at in writes.cells:
        if at in grid.formulas:
            raise ValueError(
                f"{cell_name(*at)} holds the formula {grid.formulas[at]!r}; a formula is never overwritten"
            )
    for value in (*writes.cells.values(), *(value for row in writes.appended for value in row.values())):
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{value} isn't a number that a cell can hold")
        if isinstance(value, str) and len(value) > MAX_TEXT:
            return f"a text has {len(value):,} characters, and a cell holds {MAX_TEXT:,} at most"
    return ""


def pieces_of(writes: TabWrites, tab: SheetInfo, grid: Grid, *, structured: bool) -> Iterator[Piece]:
    """The parts of one tab's write: cells first, so that inserted rows don't move them."""
    make = _update_cells if structured else _value_range
    for run in _runs(writes.cells):
        yield from _fitting(run, tab, make)
    if writes.appended:
        yield from _fitting(_new_rows(writes, grid), tab, lambda run, tab: _insert_rows(run, tab, writes.after_row))


def _new_rows(writes: TabWrites, grid: Grid) -> _Run:
    first = first_free_row(grid.rows, grid.formulas, writes)
    columns = {column for row in writes.appended for column in row}
    left, right = min(columns, default=0), max(columns, default=0)
    return _Run(first, left, [[row.get(column) for column in range(left, right + 1)] for row in writes.appended])


def _fitting(
    run: _Run, tab: SheetInfo, make: Callable[[_Run, SheetInfo], Sequence[Mapping[str, Any]]]
) -> Iterator[Piece]:
    """The run in pieces that can be sent, from the top."""
    parts = make(run, tab)
    size = len(orjson.dumps(parts))
    if size <= MAX_BYTES or len(run.rows) < 2:
        yield Piece(title=tab.title, parts=parts, size=size)
        return
    for stretch in run.cut(min(math.ceil(size / _AIM_BYTES), len(run.rows))):
        yield from _fitting(stretch, tab, make)


def _runs(cells: Mapping[tuple[int, int], Writable]) -> Iterator[_Run]:
    """Cells as rectangles: neighbours in a row, then equal stretches of rows below each other. Dates stand apart."""
    top = left = width = -1
    rows: list[list[Writable]] = []
    dates = False
    for row, first, values in _stretches(cells):
        fits = rows and (row, first, len(values), _is_date(values[0])) == (top + len(rows), left, width, dates)
        if not fits:
            if rows:
                yield _Run(top, left, rows)
            top, left, width, rows, dates = row, first, len(values), [], _is_date(values[0])
        rows.append(values)
    if rows:
        yield _Run(top, left, rows)


def _stretches(cells: Mapping[tuple[int, int], Writable]) -> Iterator[tuple[int, int, list[Writable]]]:
    """(row, first column, values), by first column and then row, so that what may be joined comes in a sequence."""
    found: list[tuple[int, int, list[Writable]]] = []
    for (row, column), value in sorted(cells.items(), key=lambda item: item[0]):
        last = found[-1] if found else None
        if last and last[0] == row and column == last[1] + len(last[2]) and _is_date(value) == _is_date(last[2][0]):
            last[2].append(value)
        else:
            found.append((row, column, [value]))
    yield from sorted(found, key=lambda stretch: (stretch[1], len(stretch[2]), stretch[0]))


# ---- as values ---------------------------------------------------------------------------------------------------------


def quoted(title: str) -> str:
    """A tab's title as a range."""
    return "'" + title.replace("'", "''") + "'"


def _value_range(run: _Run, tab: SheetInfo) -> list[Mapping[str, Any]]:
    last = cell_name(run.top + len(run.rows) - 1, run.left + len(run.rows[0]) - 1)
    # An empty text clears a cell; null would leave it as it is.
    values = [["" if value is None else value for value in row] for row in run.rows]
    return [{"range": f"{quoted(tab.title)}!{cell_name(run.top, run.left)}:{last}", "values": values}]


# ---- as requests of a batch --------------------------------------------------------------------------------------------


def cell_data(value: Writable) -> dict[str, Any]:
    """A cell with a value; text is text, whatever it begins with."""
    if value is None or value == "":
        return {}
    if isinstance(value, bool):
        return {_VALUE: {"boolValue": value}}
    if isinstance(value, str):
        return {_VALUE: {"stringValue": value}}
    if isinstance(value, datetime.date):
        return {_VALUE: {"numberValue": date_to_serial(value)}}
    return {_VALUE: {"numberValue": value}}


def _update_cells(run: _Run, tab: SheetInfo) -> list[Mapping[str, Any]]:
    dates = _is_date(run.rows[0][0])
    cells = [
        [{**cell_data(value), "userEnteredFormat": _DATE} if dates else cell_data(value) for value in row]
        for row in run.rows
    ]
    fields = f"{_VALUE},userEnteredFormat.numberFormat" if dates else _VALUE
    return [_updating(run, tab, cells, fields)]


def _updating(run: _Run, tab: SheetInfo, cells: Sequence[Sequence[Any]], fields: str) -> dict[str, Any]:
    start = {"sheetId": tab.sheet_id, "rowIndex": run.top, "columnIndex": run.left}
    return {"updateCells": {"start": start, "rows": [{"values": row} for row in cells], "fields": fields}}


def _insert_rows(run: _Run, tab: SheetInfo, after_row: int) -> list[Mapping[str, Any]]:
    """Makes room and fills it, in one atomic batch: whoever put a row there meanwhile finds it pushed down."""
    below_data = run.top - 1 > after_row or run.top >= tab.row_count
    rows = {"sheetId": tab.sheet_id, "dimension": "ROWS", "startIndex": run.top, "endIndex": run.top + len(run.rows)}
    cells = [[cell_data(value) for value in row] for row in run.rows]
    return [
        # They look like the rows above, but never like the header.
        {"insertDimension": {"range": rows, "inheritFromBefore": below_data}},
        _updating(run, tab, cells, _VALUE),
        *_date_formats(run, tab),
    ]


def _date_formats(run: _Run, tab: SheetInfo) -> Iterator[dict[str, Any]]:
    for offset in range(len(run.rows[0])):
        if any(_is_date(row[offset]) for row in run.rows):
            block = {
                "sheetId": tab.sheet_id,
                "startRowIndex": run.top,
                "endRowIndex": run.top + len(run.rows),
                "startColumnIndex": run.left + offset,
                "endColumnIndex": run.left + offset + 1,
            }
            fields = "userEnteredFormat.numberFormat"
            yield {"repeatCell": {"range": block, "cell": {"userEnteredFormat": _DATE}, "fields": fields}}


def _is_date(value: Writable) -> bool:
    return isinstance(value, datetime.date)
