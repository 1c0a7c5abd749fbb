"""What cells show. Calculated are copies of other cells, literals, and array formulas that spill a range; anything else shows #NAME?."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sheetsync.sheets_server.errors import ApiError
from sheetsync.sheets_server.places import parse_range
from sheetsync.sheets_server.sheet import Sheet, Spreadsheet
from sheetsync.workbooks.interface import Raw
from sheetsync.workbooks.xlsx_formulas import Copies, FormulaCell, TabCells, copied_place

_LITERAL = re.compile(r'=\s*(?:"((?:[^"]|"")*)"|(-?\d+(?:\.\d+)?)|(TRUE|FALSE)(?:\(\))?)\s*', re.IGNORECASE)
_ARRAY = re.compile(r"=\s*(?:ARRAYFORMULA\((.+)\)|\{(.+)\})\s*", re.IGNORECASE | re.DOTALL)
_IMPORT = re.compile(r"=\s*IMPORTRANGE\(.*\)\s*", re.IGNORECASE | re.DOTALL)
_NOT_AVAILABLE = re.compile(r"=\s*NA\(\)\s*", re.IGNORECASE)
# An array formula that refers to another one, and so on.
_DEEPEST = 8


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a sheet shows."""

    rows: list[dict[int, Raw]]  # column -> value of every cell that isn't blank
    spilled: Mapping[tuple[int, int], tuple[int, int]]  # cell filled by an array formula -> where that stands


class Calculation:
    """One look at a spreadsheet: each sheet is calculated once."""

    def __init__(self, spreadsheet: Spreadsheet) -> None:
        self._spreadsheet = spreadsheet
        self._kept: dict[str, TabCells] = {}
        self._shown: dict[int, Shown] = {}
        self._copies = Copies(self._tab)
        self._has_formulas = any(
            cell.formula for sheet in spreadsheet.sheets for row in sheet.rows for cell in row.values()
        )

    def shown(self, sheet: Sheet, *, depth: int = 0) -> Shown:
        """What the sheet shows."""
        if sheet.sheet_id not in self._shown:
            rows = [{column: cell.value for column, cell in row.items() if not cell.is_blank} for row in sheet.rows]
            self._tick_boxes(sheet, rows)
            spilled: dict[tuple[int, int], tuple[int, int]] = {}
            if self._has_formulas:
                self._calculate(sheet, rows, spilled, depth)
            self._shown[sheet.sheet_id] = Shown(rows=rows, spilled=spilled)
        return self._shown[sheet.sheet_id]

    @staticmethod
    def _tick_boxes(sheet: Sheet, rows: list[dict[int, Raw]]) -> None:
        """A tick box that nobody has ticked shows FALSE."""
        for block, rule in sheet.validations:
            if rule.get("condition", {}).get("type") != "BOOLEAN":
                continue
            for row, column in block.within(sheet.row_count, sheet.column_count).cells():
                while len(rows) <= row:
                    rows.append({})
                if column not in rows[row] and sheet.is_tick_box(row, column):
                    rows[row][column] = False

    def _calculate(
        self, sheet: Sheet, rows: list[dict[int, Raw]], spilled: dict[tuple[int, int], tuple[int, int]], depth: int
    ) -> None:
        settled, _stale = self._copies.settle(sheet.title, self._cells_of(sheet))
        for (row, column), text in _formulas(sheet):
            if (row, column) in settled:
                rows[row][column] = settled[row, column]
                continue
            rows[row][column] = _simple(text)
            if array := _ARRAY.fullmatch(text):
                self._spill(sheet, rows, spilled, (row, column), array[1] or array[2], depth)
        for row_cells in rows:
            for column in [column for column, value in row_cells.items() if value is None]:
                del row_cells[column]

    def _spill(
        self,
        sheet: Sheet,
        rows: list[dict[int, Raw]],
        spilled: dict[tuple[int, int], tuple[int, int]],
        anchor: tuple[int, int],
        inner: str,
        depth: int,
    ) -> None:
        """Fills the range that an array formula needs, or shows #REF! where something stands in it."""
        try:
            title, block = parse_range(inner.strip(), [sheet.title, *self._spreadsheet.titles])
        except ApiError:
            rows[anchor[0]][anchor[1]] = "#NAME?"
            return
        source = self._spreadsheet.sheet(title)
        values = rows if source is sheet else self.shown(source, depth=depth + 1).rows if depth < _DEEPEST else []
        block = block.within(min(source.row_count, len(values)), source.column_count)
        places = {
            (anchor[0] + row - block.top, anchor[1] + column - block.left): values[row].get(column)
            for row, column in block.cells()
        }
        if any(at != anchor and not sheet.cell(*at).is_blank for at in places):
            rows[anchor[0]][anchor[1]] = "#REF!"
            return
        for (row, column), value in places.items():
            while len(rows) <= row:
                rows.append({})
            rows[row][column] = value
            spilled[row, column] = anchor

    def _tab(self, title: str) -> TabCells | None:
        for sheet in self._spreadsheet.sheets:
            if sheet.title.casefold() == title.casefold():
                return self._cells_of(sheet)
        return None

    def _cells_of(self, sheet: Sheet) -> TabCells:
        if sheet.title not in self._kept:
            rows: list[list[Raw]] = []
            for row in sheet.rows:
                values: list[Raw] = [None] * (max(row, default=-1) + 1)
                for column, cell in row.items():
                    values[column] = _simple(cell.formula) if cell.formula else cell.value
                rows.append(values)
            formulas = {
                at: FormulaCell(text=text, cached=True, copies=copied_place(text, sheet.title))
                for at, text in _formulas(sheet)
            }
            self._kept[sheet.title] = TabCells(rows=rows, formulas=formulas)
        return self._kept[sheet.title]


def _formulas(sheet: Sheet) -> Iterator[tuple[tuple[int, int], str]]:
    for number, row in enumerate(sheet.rows):
        for column, cell in row.items():
            if cell.formula:
                yield (number, column), cell.formula


def _simple(text: str) -> Raw:
    """The result of a formula that looks at no other cell."""
    if literal := _LITERAL.fullmatch(text):
        if literal[1] is not None:
            return literal[1].replace('""', '"')
        return float(literal[2]) if literal[2] is not None else literal[3].upper() == "TRUE"
    if _IMPORT.fullmatch(text):
        return "Loading..."
    return "#N/A" if _NOT_AVAILABLE.fullmatch(text) else "#NAME?"
