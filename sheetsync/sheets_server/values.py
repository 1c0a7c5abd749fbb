"""spreadsheets.values: reading and writing ranges of values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sheetsync.sheets_server.calculating import Calculation, Shown
from sheetsync.sheets_server.cells import Cell, formatted, stored_raw, typed
from sheetsync.sheets_server.errors import ApiError, invalid
from sheetsync.sheets_server.places import Axis, Block, parse_range, range_text
from sheetsync.sheets_server.sheet import Sheet, Spreadsheet, trimmed
from sheetsync.workbooks.xlsx_sheet_xml import column_letters


class Render(StrEnum):
    """How values are given."""

    FORMATTED = "FORMATTED_VALUE"
    UNFORMATTED = "UNFORMATTED_VALUE"
    FORMULA = "FORMULA"


PROTECTED = (
    "You are trying to edit a protected cell or object. Please contact the spreadsheet owner to remove protection if you "
    "need to edit."
)
Values = Sequence[Sequence[Any]]


def check_protection(sheet: Sheet, block: Block, caller: str) -> None:
    """Raises ApiError when a range is protected against the caller."""
    for one in sheet.protections:
        if not one.warning_only and caller not in one.editors and one.block.meets(block):
            raise invalid(PROTECTED)


def get_values(
    spreadsheet: Spreadsheet,
    calculation: Calculation,
    text: str,
    *,
    render: str = Render.FORMATTED,
    dates: str = "SERIAL_NUMBER",
    dimension: str = "ROWS",
) -> dict[str, Any]:
    """A ValueRange; blanks at the end of rows and rows at the end are left out."""
    sheet, block = _find(spreadsheet, text)
    within = block.within(sheet.row_count, sheet.column_count)
    shown = calculation.shown(sheet)
    show = _shower(spreadsheet, sheet, shown, _option(Render, render, "valueRenderOption"), dates)
    assert within.bottom is not None
    assert within.right is not None
    rows = [
        [
            show(row, column) if column in cells or sheet.cell(row, column).formula else ""
            for column in range(within.left, within.right)
        ]
        for row in range(within.top, min(within.bottom, len(shown.rows)))
        for cells in (shown.rows[row],)
    ]
    if dimension == "COLUMNS":
        rows = [list(column) for column in zip(*rows, strict=True)]
    values = trimmed(rows)
    answer: dict[str, Any] = {"range": range_text(sheet.title, within), "majorDimension": dimension}
    return {**answer, "values": values} if values else answer


def _shower(spreadsheet: Spreadsheet, sheet: Sheet, shown: Shown, render: str, dates: str) -> Callable[[int, int], Any]:
    """Gives what a request sees in a cell that isn't blank."""

    def show(row: int, column: int) -> Any:
        value = shown.rows[row].get(column)
        if render == Render.UNFORMATTED and dates == "SERIAL_NUMBER":
            return "" if value is None else value
        cell = sheet.dressed(row, column)
        if render == Render.FORMULA and cell.formula:
            return cell.formula
        if render == Render.FORMATTED or (dates == "FORMATTED_STRING" and cell.number_type == "DATE"):
            return formatted(value, cell, spreadsheet.locale)
        return "" if value is None else value

    return show


def update_values(
    spreadsheet: Spreadsheet, value_range: Mapping[str, Any], *, option: str, caller: str, text: str = ""
) -> dict[str, Any]:
    """Writes a ValueRange at its range; null skips a cell, "" clears it. Raises ApiError."""
    text = text or value_range.get("range", "")
    sheet, block = _find(spreadsheet, text)
    values = _rows(value_range)
    size = Block(
        top=block.top,
        left=block.left,
        bottom=block.top + len(values),
        right=block.left + max(map(len, values), default=0),
    )
    assert size.bottom is not None
    assert size.right is not None
    _check_within(block, size, text)
    if size.bottom > sheet.row_count or size.right > sheet.column_count:
        raise invalid(
            f"Range ({range_text(sheet.title, size)}) exceeds grid limits. "
            f"Max rows: {sheet.row_count}, max columns: {sheet.column_count}"
        )
    check_protection(sheet, size, caller)
    count = _put(spreadsheet, sheet, size, values, _entering(option))
    return {
        "spreadsheetId": spreadsheet.spreadsheet_id,
        "updatedRange": range_text(sheet.title, size),
        **(
            {"updatedRows": len(values), "updatedColumns": size.right - size.left, "updatedCells": count}
            if count
            else {}
        ),
    }


def _check_within(block: Block, size: Block, text: str) -> None:
    """A single cell is where the values begin; a larger range holds all of them."""
    if (block.bottom, block.right) == (block.top + 1, block.left + 1):
        return
    if block.bottom is not None and (size.bottom or 0) > block.bottom:
        raise invalid(f"Requested writing within range [{text}], but tried writing to row [{block.bottom + 1}]")
    if block.right is not None and (size.right or 0) > block.right:
        letters = column_letters(block.right)
        raise invalid(f"Requested writing within range [{text}], but tried writing to column [{letters}]")


def _put(
    spreadsheet: Spreadsheet, sheet: Sheet, block: Block, values: Values, enter: Callable[[Cell, Any, str], Cell]
) -> int:
    count = 0
    covered = sheet.covered()
    for row, line in enumerate(values, block.top):
        cells = {
            column: enter(sheet.dressed(row, column), value, spreadsheet.locale)
            for column, value in enumerate(line, block.left)
            if value is not None and (row, column) not in covered
        }
        sheet.put(row, cells)
        count += len(cells)
    return count


def _entering(option: str) -> Callable[[Cell, Any, str], Cell]:
    if option == "RAW":
        return lambda cell, value, _locale: stored_raw(cell, value)
    if option == "USER_ENTERED":
        return typed
    raise invalid(f"'valueInputOption' is required but not specified: {option!r}")


def append_values(
    spreadsheet: Spreadsheet,
    text: str,
    value_range: Mapping[str, Any],
    *,
    option: str,
    insert: str,
    caller: str,
) -> dict[str, Any]:
    """Adds rows below the table that the range touches; the grid grows where it must."""
    sheet, block = _find(spreadsheet, text)
    values = _rows(value_range)
    last, left = _table_end(sheet, block)
    missing = last + len(values) - sheet.row_count
    if insert == "INSERT_ROWS" and last < sheet.row_count:
        spreadsheet.insert(sheet, Axis.ROWS, last, len(values), from_before=True)
    elif missing > 0:
        spreadsheet.insert(sheet, Axis.ROWS, sheet.row_count, missing, from_before=True)
    at = Block(top=last, left=left, bottom=last + len(values), right=left + max(map(len, values), default=0))
    updates = update_values(spreadsheet, value_range, option=option, caller=caller, text=range_text(sheet.title, at))
    return {"spreadsheetId": spreadsheet.spreadsheet_id, "tableRange": text, "updates": updates}


def _table_end(sheet: Sheet, block: Block) -> tuple[int, int]:
    """(the row below the table's last one, the table's first column): the block of filled rows at the range, or below it."""
    used = sheet.used_rows()
    row = block.top
    while row < used and not _is_filled(sheet, row):
        row += 1
    if row >= used:
        return block.top, block.left
    end = row
    while end < used and _is_filled(sheet, end):
        end += 1
    columns = [column for at in range(row, end) for column, cell in sheet.rows[at].items() if not cell.is_blank]
    return end, min(columns)


def _is_filled(sheet: Sheet, row: int) -> bool:
    return any(not cell.is_blank for cell in sheet.rows[row].values())


def clear_values(spreadsheet: Spreadsheet, text: str, *, caller: str) -> dict[str, Any]:
    """Empties a range; formats and notes stay."""
    sheet, block = _find(spreadsheet, text)
    within = block.within(sheet.row_count, sheet.column_count)
    check_protection(sheet, within, caller)
    for row, cells in enumerate(sheet.rows):
        hit = {column: cell.holding(None) for column, cell in cells.items() if within.holds(row, column)}
        if hit:
            sheet.put(row, hit)
    return {"spreadsheetId": spreadsheet.spreadsheet_id, "clearedRange": range_text(sheet.title, within)}


def _find(spreadsheet: Spreadsheet, text: str) -> tuple[Sheet, Block]:
    title, block = parse_range(text, spreadsheet.titles)
    sheet = spreadsheet.sheet(title)
    if block.top >= sheet.row_count or block.left >= sheet.column_count:
        raise invalid(
            f"Range ({text}) exceeds grid limits. Max rows: {sheet.row_count}, max columns: {sheet.column_count}"
        )
    return sheet, block


def _rows(value_range: Mapping[str, Any]) -> Values:
    values = value_range.get("values", [])
    if not isinstance(values, list) or not all(isinstance(row, list) for row in values):
        raise invalid("Invalid value at 'data.values' (type.googleapis.com/google.protobuf.ListValue)")
    if value_range.get("majorDimension", "ROWS") == "COLUMNS":
        longest = max(map(len, values), default=0)
        return [[column[row] if row < len(column) else None for column in values] for row in range(longest)]
    return values


def _option(options: type[StrEnum], name: str, what: str) -> str:
    try:
        return options(name)
    except ValueError:
        raise ApiError(400, "INVALID_ARGUMENT", f"Invalid value at '{what}', {name!r}") from None
