"""spreadsheets.batchUpdate: each request a function. All of a batch is carried out, or nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sheetsync.sheets_server.batch_cells import (
    copy_paste,
    cut_paste,
    merge_cells,
    repeat_cell,
    sort_range,
    unmerge_cells,
    update_cells,
)
from sheetsync.sheets_server.describing import sheet_properties
from sheetsync.sheets_server.desk import Desk, Payload, fields_of
from sheetsync.sheets_server.errors import ApiError, invalid
from sheetsync.sheets_server.places import Axis, Block, grid_range
from sheetsync.sheets_server.sheet import Protection, Sheet, Spreadsheet
from sheetsync.sheets_server.values import check_protection

# Requests that change only how things look, in ways that nothing here shows.
_LOOKS_ONLY = frozenset(
    {
        *(
            "updateBorders",
            "addConditionalFormatRule",
            "addBanding",
            "autoResizeDimensions",
            "updateDimensionProperties",
        ),
        *("setBasicFilter", "clearBasicFilter", "createDeveloperMetadata", "addNamedRange", "deleteNamedRange"),
        *("addDimensionGroup", "deleteDimensionGroup", "deleteConditionalFormatRule", "deleteBanding"),
    }
)


def batch_update(spreadsheet: Spreadsheet, requests: Sequence[Payload], caller: str) -> list[dict[str, Any]]:
    """Carries all of them out, or none; returns their replies. Raises ApiError that names the one that can't be."""
    if not requests:
        raise invalid("Must specify at least one request.")
    with spreadsheet.all_or_nothing():
        return [_carry_out(Desk(spreadsheet, caller), request, number) for number, request in enumerate(requests)]


def _carry_out(desk: Desk, request: Payload, number: int) -> dict[str, Any]:
    if len(request) != 1:
        raise invalid(f"Invalid requests[{number}]: exactly one kind of request must be set")
    name, payload = next(iter(request.items()))
    try:
        if name in _LOOKS_ONLY:
            return {}
        if name not in _REQUESTS:
            raise invalid(f"this server doesn't know {name}")
        return _REQUESTS[name](desk, payload) or {}
    except ApiError as error:
        raise invalid(f"Invalid requests[{number}].{name}: {error.message}") from error


# ---- sheets ------------------------------------------------------------------------------------------------------------


def _add_sheet(desk: Desk, payload: Payload) -> dict[str, Any]:
    wanted = dict(payload.get("properties", {}))
    book = desk.spreadsheet
    title = wanted.pop("title", None) or f"Sheet{len(book.sheets) + 1}"
    if title.casefold() in (known.casefold() for known in book.titles):
        raise invalid(f'A sheet with the name "{title}" already exists. Please enter another name.')
    sheet_id = wanted.pop("sheetId", None)
    if sheet_id is None:
        sheet_id = book.new_id()
    elif any(sheet.sheet_id == sheet_id for sheet in book.sheets):
        raise invalid(f"Sheet with id {sheet_id} already exists.")
    grid = dict(wanted.pop("gridProperties", {}))
    sheet = Sheet(
        sheet_id=sheet_id,
        title=title,
        row_count=grid.pop("rowCount", 1000),
        column_count=grid.pop("columnCount", 26),
        grid=grid,
        properties={name: value for name, value in wanted.items() if name != "index"},
    )
    book.sheets.insert(wanted.get("index", len(book.sheets)), sheet)
    book.check_size()
    return {"addSheet": {"properties": sheet_properties(sheet, book.sheets.index(sheet))}}


def _duplicate_sheet(desk: Desk, payload: Payload) -> dict[str, Any]:
    book = desk.spreadsheet
    source = book.sheet_by_id(payload["sourceSheetId"])
    title = payload.get("newSheetName") or f"Copy of {source.title}"
    wanted = {"sheetId": payload["newSheetId"]} if payload.get("newSheetId") is not None else {}
    made = _add_sheet(desk, {"properties": {"title": title, **wanted}})
    sheet = book.sheet(title)
    copied = source.snapshot()
    vars(sheet).update(vars(copied), sheet_id=sheet.sheet_id, title=title)
    book.sheets.remove(sheet)
    book.sheets.insert(payload.get("insertSheetIndex", 0), sheet)
    book.check_size()
    made["addSheet"]["properties"] = sheet_properties(sheet, book.sheets.index(sheet))
    return {"duplicateSheet": made["addSheet"]}


def _delete_sheet(desk: Desk, payload: Payload) -> None:
    if len(desk.spreadsheet.sheets) == 1:
        raise invalid("You can't remove all the sheets in a document.")
    desk.spreadsheet.sheets.remove(desk.sheet(payload))


def _update_sheet_properties(desk: Desk, payload: Payload) -> None:
    wanted, fields = payload["properties"], fields_of(payload)
    sheet = desk.sheet(wanted)
    for field in fields:
        if field == "title":
            _rename(desk.spreadsheet, sheet, wanted["title"])
        elif field == "index":
            desk.spreadsheet.sheets.remove(sheet)
            desk.spreadsheet.sheets.insert(wanted["index"], sheet)
        elif field.startswith("gridProperties"):
            _update_grid(sheet, wanted.get("gridProperties", {}), field.partition(".")[2])
        else:
            sheet.properties[field] = wanted.get(field)
    desk.spreadsheet.check_size()


def _rename(book: Spreadsheet, sheet: Sheet, title: str) -> None:
    if any(other is not sheet and other.title.casefold() == title.casefold() for other in book.sheets):
        raise invalid(f'A sheet with the name "{title}" already exists. Please enter another name.')
    sheet.title = title


def _update_grid(sheet: Sheet, grid: Payload, field: str) -> None:
    for name in [field] if field else list(grid):
        if name == "rowCount":
            if grid[name] < sheet.row_count:
                sheet.delete(Axis.ROWS, grid[name], sheet.row_count)
            sheet.row_count = grid[name]
        elif name == "columnCount":
            if grid[name] < sheet.column_count:
                sheet.delete(Axis.COLUMNS, grid[name], sheet.column_count)
            sheet.column_count = grid[name]
        else:
            sheet.grid[name] = grid.get(name)


def _update_spreadsheet_properties(desk: Desk, payload: Payload) -> None:
    for field in fields_of(payload):
        setattr(desk.spreadsheet, {"timeZone": "time_zone"}.get(field, field), payload["properties"][field])


# ---- rows and columns --------------------------------------------------------------------------------------------------


def _insert_dimension(desk: Desk, payload: Payload) -> None:
    place = payload["range"]
    sheet, axis = desk.sheet(place), Axis(place["dimension"])
    start, end, from_before = place["startIndex"], place["endIndex"], payload.get("inheritFromBefore", False)
    size = sheet.row_count if axis is Axis.ROWS else sheet.column_count
    if end <= start:
        raise invalid("range.endIndex must be greater than range.startIndex.")
    if from_before and start == 0:
        raise invalid("inheritFromBefore must be false when inserting before the first row or column.")
    if start > size or (start == size and not from_before):
        raise invalid(
            f"range.startIndex[{start}] must be less than the grid size ({size}) if inheritFromBefore is false."
        )
    _check_shift(desk, sheet, axis, start)
    desk.spreadsheet.insert(sheet, axis, start, end - start, from_before=from_before)


def _check_shift(desk: Desk, sheet: Sheet, axis: Axis, start: int) -> None:
    """Rows are inserted into a protected range only by who may edit it; what merely moves may move."""
    for one in sheet.protections:
        first, last = (one.block.top, one.block.bottom) if axis is Axis.ROWS else (one.block.left, one.block.right)
        is_whole_sheet = one.block == Block()
        inside = first < start and (last is None or start < last)
        across = one.block.left == 0 and one.block.right is None if axis is Axis.ROWS else one.block.top == 0
        if (is_whole_sheet or (inside and across)) and not one.warning_only and desk.caller not in one.editors:
            check_protection(sheet, one.block, desk.caller)


def _append_dimension(desk: Desk, payload: Payload) -> None:
    sheet, axis = desk.sheet(payload), Axis(payload["dimension"])
    size = sheet.row_count if axis is Axis.ROWS else sheet.column_count
    desk.spreadsheet.insert(sheet, axis, size, payload["length"], from_before=True)


def _delete_dimension(desk: Desk, payload: Payload) -> None:
    place = payload["range"]
    sheet, axis = desk.sheet(place), Axis(place["dimension"])
    start, end = place["startIndex"], place["endIndex"]
    hit = Block(top=start, bottom=end) if axis is Axis.ROWS else Block(left=start, right=end)
    check_protection(sheet, hit, desk.caller)
    desk.spreadsheet.delete(sheet, axis, start, end)


def _move_dimension(desk: Desk, payload: Payload) -> None:
    place = payload["source"]
    sheet, axis = desk.sheet(place), Axis(place["dimension"])
    start, end, to = place["startIndex"], place["endIndex"], payload["destinationIndex"]
    size = sheet.row_count if axis is Axis.ROWS else sheet.column_count
    if not 0 <= start < end <= size or not 0 <= to <= size or start < to < end:
        raise invalid(f"Cannot move {axis.lower()} {start} to {end} before {to}.")
    moved = Block(top=start, bottom=end) if axis is Axis.ROWS else Block(left=start, right=end)
    check_protection(sheet, moved, desk.caller)
    desk.spreadsheet.move(sheet, axis, start, end, to)


# ---- validation and protection -----------------------------------------------------------------------------------------


def _set_data_validation(desk: Desk, payload: Payload) -> None:
    sheet, block = desk.block(payload["range"])
    sheet.validations.append((block, payload.get("rule", {})))


def _add_protected_range(desk: Desk, payload: Payload) -> dict[str, Any]:
    wanted = payload["protectedRange"]
    sheet, block = desk.block(wanted["range"])
    warning_only = wanted.get("warningOnly", False)
    editors = tuple(wanted.get("editors", {}).get("users", ())) or (desk.caller,)
    one = Protection(
        protection_id=desk.spreadsheet.new_id(),
        block=block,
        warning_only=warning_only,
        editors=() if warning_only else editors,
        description=wanted.get("description", ""),
    )
    sheet.protections.append(one)
    described = {**wanted, "protectedRangeId": one.protection_id, "range": grid_range(sheet.sheet_id, block)}
    return {"addProtectedRange": {"protectedRange": described}}


def _delete_protected_range(desk: Desk, payload: Payload) -> None:
    wanted = payload["protectedRangeId"]
    for sheet in desk.spreadsheet.sheets:
        kept = [one for one in sheet.protections if one.protection_id != wanted]
        if len(kept) < len(sheet.protections):
            sheet.protections = kept
            return
    raise invalid(f"No protected range with id: {wanted}")


_REQUESTS: Mapping[str, Callable[[Desk, Payload], dict[str, Any] | None]] = {
    "addSheet": _add_sheet,
    "deleteSheet": _delete_sheet,
    "duplicateSheet": _duplicate_sheet,
    "updateSheetProperties": _update_sheet_properties,
    "updateSpreadsheetProperties": _update_spreadsheet_properties,
    "insertDimension": _insert_dimension,
    "appendDimension": _append_dimension,
    "deleteDimension": _delete_dimension,
    "moveDimension": _move_dimension,
    "updateCells": update_cells,
    "repeatCell": repeat_cell,
    "copyPaste": copy_paste,
    "cutPaste": cut_paste,
    "mergeCells": merge_cells,
    "unmergeCells": unmerge_cells,
    "sortRange": sort_range,
    "setDataValidation": _set_data_validation,
    "addProtectedRange": _add_protected_range,
    "deleteProtectedRange": _delete_protected_range,
}
