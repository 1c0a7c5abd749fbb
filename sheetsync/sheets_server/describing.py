"""spreadsheets.get: a spreadsheet as the API describes it, cut down by a field mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sheetsync.sheets_server.calculating import Calculation, Shown
from sheetsync.sheets_server.cells import cell_data
from sheetsync.sheets_server.errors import invalid
from sheetsync.sheets_server.places import Block, grid_range, parse_range
from sheetsync.sheets_server.sheet import Sheet, Spreadsheet

# name -> what is wanted of it; an empty mask means all of it
Mask = dict[str, "Mask"]


def parse_mask(text: str) -> Mask:
    """`a,b(c,d/e)` as a tree; "" and "*" mean everything. Raises ApiError."""
    mask, rest = _parse_mask(text.replace(" ", ""))
    if rest:
        raise invalid(f"Request contains an invalid argument: fields {text!r}")
    return {} if "*" in mask else mask


def _parse_mask(text: str) -> tuple[Mask, str]:
    mask: Mask = {}
    while text and text[0] != ")":
        end = next((at for at, character in enumerate(text) if character in ",()"), len(text))
        path, text = text[:end].replace("/", ".").split("."), text[end:]
        at = mask
        for name in path:
            at = at.setdefault(name, {})
        if text[:1] == "(":
            inner, text = _parse_mask(text[1:])
            if text[:1] != ")":
                raise invalid("Request contains an invalid argument: fields")
            at.update(inner)
            text = text[1:]
        if text[:1] == ",":
            text = text[1:]
    return mask, text


def cut(value: Any, mask: Mask) -> Any:
    """What of an answer a mask lets through."""
    if not mask or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return [cut(item, mask) for item in value]
    return {name: cut(part, mask[name]) for name, part in value.items() if name in mask}


def describe(
    spreadsheet: Spreadsheet,
    *,
    ranges: Sequence[str] = (),
    mask: Mask | None = None,
    with_cells: bool = False,
    origin: str,
) -> dict[str, Any]:
    """A Spreadsheet; with `ranges`, only the sheets that they name. A mask that names cells asks for them."""
    mask = mask or {}
    wanted = [parse_range(text, spreadsheet.titles) for text in ranges]
    sheets_mask = mask.get("sheets", {})
    with_cells = "data" in sheets_mask if mask else with_cells
    calculation = Calculation(spreadsheet)
    sheets = [
        _sheet(spreadsheet, calculation, index, sheet, _blocks(sheet, wanted), sheets_mask if with_cells else None)
        for index, sheet in enumerate(spreadsheet.sheets)
        if not wanted or any(title == sheet.title for title, _block in wanted)
    ]
    described = {
        "spreadsheetId": spreadsheet.spreadsheet_id,
        "properties": {
            "title": spreadsheet.title,
            "locale": spreadsheet.locale,
            "autoRecalc": "ON_CHANGE",
            "timeZone": spreadsheet.time_zone,
        },
        "sheets": sheets,
        "spreadsheetUrl": f"{origin}/spreadsheets/d/{spreadsheet.spreadsheet_id}/edit",
    }
    found: dict[str, Any] = cut(described, mask)
    return found


def sheet_properties(sheet: Sheet, index: int) -> dict[str, Any]:
    """A sheet's properties."""
    grid = {"rowCount": sheet.row_count, "columnCount": sheet.column_count, **sheet.grid}
    return {
        "sheetId": sheet.sheet_id,
        "title": sheet.title,
        "index": index,
        "sheetType": "GRID",
        "gridProperties": grid,
        **sheet.properties,
    }


def _blocks(sheet: Sheet, wanted: Sequence[tuple[str, Block]]) -> list[Block]:
    return [block for title, block in wanted if title == sheet.title] if wanted else [Block()]


def _sheet(
    spreadsheet: Spreadsheet,
    calculation: Calculation,
    index: int,
    sheet: Sheet,
    blocks: Sequence[Block],
    cells_mask: Mask | None,
) -> dict[str, Any]:
    described: dict[str, Any] = {"properties": sheet_properties(sheet, index)}
    if sheet.merges:
        described["merges"] = [
            grid_range(sheet.sheet_id, block.within(sheet.row_count, sheet.column_count)) for block in sheet.merges
        ]
    if sheet.protections:
        described["protectedRanges"] = [
            {
                "protectedRangeId": one.protection_id,
                "range": grid_range(sheet.sheet_id, one.block),
                **({"description": one.description} if one.description else {}),
                **({"warningOnly": True} if one.warning_only else {"editors": {"users": list(one.editors)}}),
            }
            for one in sheet.protections
        ]
    if cells_mask is not None:
        shown = calculation.shown(sheet)
        described["data"] = [_grid_data(spreadsheet, sheet, shown, block, cells_mask) for block in blocks]
    return described


def _grid_data(spreadsheet: Spreadsheet, sheet: Sheet, shown: Shown, block: Block, mask: Mask) -> dict[str, Any]:
    within = block.within(max(len(sheet.rows), len(shown.rows)), sheet.column_count)
    cell_mask = mask.get("data", {}).get("rowData", {}).get("values", {})
    assert within.bottom is not None
    rows = [_row_data(spreadsheet, sheet, shown, row, within, cell_mask) for row in range(within.top, within.bottom)]
    start = {"startRow": within.top, "startColumn": within.left}
    return {**{name: place for name, place in start.items() if place}, "rowData": rows}


def _row_data(
    spreadsheet: Spreadsheet, sheet: Sheet, shown: Shown, row: int, within: Block, mask: Mask
) -> dict[str, Any]:
    values = shown.rows[row] if row < len(shown.rows) else {}
    cells = sheet.rows[row] if row < len(sheet.rows) else {}
    last = max([*values, *cells], default=-1)
    assert within.right is not None
    found = []
    for column in range(within.left, min(within.right, last + 1)):
        cell = sheet.dressed(row, column) if not mask or "formattedValue" in mask else sheet.cell(row, column)
        is_formula = bool(cell.formula) or (row, column) in shown.spilled
        data = _with_validation(sheet, row, column, mask) | cell_data(
            cell, values.get(column), is_formula=is_formula, locale=spreadsheet.locale
        )
        found.append(cut(data, mask))
    return {"values": found} if found else {}


def _with_validation(sheet: Sheet, row: int, column: int, mask: Mask) -> dict[str, Any]:
    if mask and "dataValidation" not in mask:
        return {}
    rules: list[Mapping[str, Any]] = [rule for block, rule in sheet.validations if block.holds(row, column)]
    return {"dataValidation": rules[-1]} if rules and rules[-1] else {}
