"""The requests of a batch that change cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sheetsync.sheets_server.calculating import Calculation
from sheetsync.sheets_server.cells import BLANK, Cell, from_extended
from sheetsync.sheets_server.desk import Desk, Payload, fields_of
from sheetsync.sheets_server.errors import invalid
from sheetsync.sheets_server.places import Block
from sheetsync.sheets_server.sheet import Row
from sheetsync.workbooks.interface import Raw
from sheetsync.workbooks.xlsx_formulas import ShiftedFormula

_LOOKS = ("note", "userEnteredFormat", "textFormatRuns")


def update_cells(desk: Desk, payload: Payload) -> None:
    """Writes rows of cells; fields of the mask that a cell doesn't have are cleared."""
    fields, rows = fields_of(payload), payload.get("rows", [])
    if "start" in payload:
        start = payload["start"]
        top, left = start.get("rowIndex", 0), start.get("columnIndex", 0)
        widest = max((len(row.get("values", [])) for row in rows), default=0)
        place = {
            "sheetId": start.get("sheetId", 0),
            "startRowIndex": top,
            "endRowIndex": top + len(rows),
            "startColumnIndex": left,
            "endColumnIndex": left + widest,
        }
        sheet, block = desk.block(place)
    else:
        sheet, block = desk.block(payload["range"])
        block = block.within(sheet.row_count, sheet.column_count)
        rows = [*rows, *[{}] * ((block.bottom or 0) - block.top - len(rows))]
        rows = [
            {"values": [*_cells(row), *[{}] * ((block.right or 0) - block.left - len(_cells(row)))]} for row in rows
        ]
    covered = sheet.covered()
    for number, row in enumerate(rows, block.top):
        sheet.put(
            number,
            {
                column: _updated(sheet.cell(number, column), data, fields)
                for column, data in enumerate(_cells(row), block.left)
                if (number, column) not in covered
            },
        )


def _cells(row: Payload) -> Sequence[Payload]:
    cells: Sequence[Payload] = row.get("values", [])
    return cells


def _updated(cell: Cell, data: Payload, fields: Sequence[str]) -> Cell:
    """The cell with these fields set, or cleared where the data has none."""
    if "*" in fields:
        fields = ("userEnteredValue", *_LOOKS)
    for field in fields:
        name, _, part = field.partition(".")
        if name == "userEnteredValue":
            cell = from_extended(cell, data.get(name))
        elif name not in _LOOKS:
            raise invalid(f"this server doesn't know the field {field}")
        else:
            cell = replace(cell, looks=_looks(cell.looks, name, part, data.get(name)))
    return cell


def _looks(looks: Payload, name: str, part: str, value: Any) -> dict[str, Any]:
    if part:
        value = {**looks.get(name, {}), part: (value or {}).get(part)}
    return {key: one for key, one in {**looks, name: value}.items() if one}


def repeat_cell(desk: Desk, payload: Payload) -> None:
    """One cell's data in every cell of a range."""
    sheet, block = desk.block(payload["range"])
    fields, data = fields_of(payload), payload.get("cell", {})
    if all(field.startswith("userEnteredFormat") for field in fields):
        sheet.painted.append((block, data.get("userEnteredFormat", {})))
        return
    for row, column in block.within(sheet.row_count, sheet.column_count).cells():
        sheet.put(row, {column: _updated(sheet.cell(row, column), data, fields)})


def copy_paste(desk: Desk, payload: Payload) -> None:
    """PASTE_FORMAT, and else PASTE_NORMAL: the source again and again over the destination; references in formulas shift."""
    source, at = desk.block(payload["source"])
    at = at.within(source.row_count, source.column_count)
    sheet, block = desk.block(payload["destination"])
    block = _at_least(block.within(sheet.row_count, sheet.column_count), at)
    height, width = _size(at)
    copied = {place: source.dressed(*place) for place in at.cells()}
    for row, column in block.cells():
        place = (at.top + (row - block.top) % height, at.left + (column - block.left) % width)
        original = copied[place]
        if payload.get("pasteType") == "PASTE_FORMAT":
            own = sheet.cell(row, column)
            looks = {**own.looks, "userEnteredFormat": original.looks.get("userEnteredFormat", {})}
            sheet.put(row, {column: replace(own, looks={name: look for name, look in looks.items() if look})})
        else:
            sheet.put(row, {column: _pasted(original, place, (row, column))})


def cut_paste(desk: Desk, payload: Payload) -> None:
    """The source, formulas as they are, elsewhere; nothing stays where it was."""
    source, at = desk.block(payload["source"])
    at = at.within(source.row_count, source.column_count)
    to = payload["destination"]
    sheet = desk.sheet(to)
    cells = {place: source.cell(*place) for place in at.cells()}
    for row, column in cells:
        source.put(row, {column: BLANK})
    for (row, column), cell in cells.items():
        place = to.get("rowIndex", 0) + row - at.top, to.get("columnIndex", 0) + column - at.left
        sheet.put(place[0], {place[1]: cell})


def _size(block: Block) -> tuple[int, int]:
    assert block.bottom is not None
    assert block.right is not None
    return block.bottom - block.top, block.right - block.left


def _at_least(block: Block, source: Block) -> Block:
    """A destination that is smaller than what is pasted grows to hold it."""
    height, width = (max(pair) for pair in zip(_size(block), _size(source), strict=True))
    return replace(block, bottom=block.top + height, right=block.left + width)


def _pasted(cell: Cell, at: tuple[int, int], to: tuple[int, int]) -> Cell:
    return cell.holding(None, ShiftedFormula(cell.formula, at).text_at(to)) if cell.formula else cell


def merge_cells(desk: Desk, payload: Payload) -> None:
    """Merges a range, or each of its rows."""
    sheet, block = desk.block(payload["range"])
    block = block.within(sheet.row_count, sheet.column_count)
    assert block.bottom is not None
    if payload.get("mergeType") == "MERGE_ROWS":
        for row in range(block.top, block.bottom):
            sheet.merge(replace(block, top=row, bottom=row + 1))
    else:
        sheet.merge(block)


def unmerge_cells(desk: Desk, payload: Payload) -> None:
    """Takes merges apart."""
    sheet, block = desk.block(payload["range"])
    sheet.merges = [merged for merged in sheet.merges if not merged.meets(block)]


def sort_range(desk: Desk, payload: Payload) -> None:
    """Blanks last; references in formulas shift with their cell, as in a copy."""
    sheet, block = desk.block(payload["range"])
    within = block.within(len(sheet.rows), sheet.column_count)
    assert within.bottom is not None
    shown = Calculation(desk.spreadsheet).shown(sheet).rows
    order = list(range(within.top, within.bottom))
    for spec in reversed(payload["sortSpecs"]):
        column = spec.get("dimensionIndex", 0)
        blank = [row for row in order if shown[row].get(column) is None]
        filled = sorted(
            (row for row in order if shown[row].get(column) is not None),
            key=lambda row: _rank(shown[row][column]),
            reverse=spec.get("sortOrder") == "DESCENDING",
        )
        order = filled + blank
    moved = [_moved_row(sheet.rows[row], within, row, to) for to, row in enumerate(order, within.top)]
    stays = [
        {column: cell for column, cell in sheet.rows[row].items() if not within.holds(row, column)}
        for row in range(within.top, within.bottom)
    ]
    sheet.rows[within.top : within.bottom] = [{**kept, **new} for kept, new in zip(stays, moved, strict=True)]


def _rank(value: Raw) -> tuple[int, float, str]:
    if isinstance(value, str):
        return 1, 0.0, value.casefold()
    return (2 if isinstance(value, bool) else 0), float(value or 0), ""


def _moved_row(row: Row, block: Block, at: int, to: int) -> dict[int, Cell]:
    return {
        column: _pasted(cell, (at, column), (to, column)) for column, cell in row.items() if block.holds(at, column)
    }
