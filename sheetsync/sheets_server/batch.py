"""spreadsheets.batchUpdate: each request a function. All of a batch is carried out, or nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sheetsync.sheets_server.calculating import Calculation
from sheetsync.sheets_server.cells import Cell, from_extended
from sheetsync.sheets_server.describing import sheet_properties
from sheetsync.sheets_server.errors import ApiError, invalid
from sheetsync.sheets_server.places import Axis, Block, block_of, grid_range
from sheetsync.sheets_server.sheet import Protection, Row, Sheet, Spreadsheet
from sheetsync.sheets_server.values import check_protection
from sheetsync.workbooks.interface import Raw
from sheetsync.workbooks.xlsx_formulas import ShiftedFormula

Payload = Mapping[str, Any]
_LOOKS = ("note", "userEnteredFormat", "textFormatRuns")
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
        *("setBasicFilter", "clearBasicFilter", "createDeveloperMetadata", "addNamedRange"),
    }
)


@dataclass(frozen=True)
class Desk:
    """What a request works on."""

    spreadsheet: Spreadsheet
    caller: str

    def sheet(self, place: Payload) -> Sheet:
        """The sheet of a GridRange, DimensionRange or GridCoordinate."""
        return self.spreadsheet.sheet_by_id(place.get("sheetId", 0))

    def block(self, place: Payload) -> tuple[Sheet, Block]:
        """The rectangle of a GridRange, which must lie on the grid and be open to the caller."""
        sheet, block = self.sheet(place), block_of(place)
        if block.top >= sheet.row_count or block.left >= sheet.column_count:
            raise invalid("Attempting to write outside the grid.")
        if (block.bottom or 0) > sheet.row_count or (block.right or 0) > sheet.column_count:
            raise invalid(
                f"Attempting to write outside the grid: {sheet.title} has {sheet.row_count} rows, {sheet.column_count} columns."
            )
        check_protection(sheet, block, self.caller)
        return sheet, block


def batch_update(spreadsheet: Spreadsheet, requests: Sequence[Payload], caller: str) -> list[dict[str, Any]]:
    """Carries all of them out, or none; returns their replies. Raises ApiError that names the one that can't be."""
    if not requests:
        raise invalid("Must specify at least one request.")
    working = spreadsheet.snapshot()
    replies = [_carry_out(Desk(working, caller), request, number) for number, request in enumerate(requests)]
    spreadsheet.take_over(working)
    return replies


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


def _delete_sheet(desk: Desk, payload: Payload) -> None:
    if len(desk.spreadsheet.sheets) == 1:
        raise invalid("You can't remove all the sheets in a document.")
    desk.spreadsheet.sheets.remove(desk.sheet(payload))


def _update_sheet_properties(desk: Desk, payload: Payload) -> None:
    wanted, fields = payload["properties"], _fields(payload)
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
    for field in _fields(payload):
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


# ---- cells -------------------------------------------------------------------------------------------------------------


def _update_cells(desk: Desk, payload: Payload) -> None:
    fields, rows = _fields(payload), payload.get("rows", [])
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


def _repeat_cell(desk: Desk, payload: Payload) -> None:
    sheet, block = desk.block(payload["range"])
    fields, data = _fields(payload), payload.get("cell", {})
    if all(field.startswith("userEnteredFormat") for field in fields):
        sheet.painted.append((block, data.get("userEnteredFormat", {})))
        return
    for row, column in block.within(sheet.row_count, sheet.column_count).cells():
        sheet.put(row, {column: _updated(sheet.cell(row, column), data, fields)})


def _copy_paste(desk: Desk, payload: Payload) -> None:
    """PASTE_FORMAT and PASTE_NORMAL of one cell over a range."""
    source, at = desk.block(payload["source"])
    sheet, block = desk.block(payload["destination"])
    original = source.dressed(at.top, at.left)
    for row, column in block.within(sheet.row_count, sheet.column_count).cells():
        if payload.get("pasteType") == "PASTE_FORMAT":
            own = sheet.cell(row, column)
            looks = {**own.looks, "userEnteredFormat": original.looks.get("userEnteredFormat", {})}
            sheet.put(row, {column: replace(own, looks={name: look for name, look in looks.items() if look})})
        else:
            sheet.put(row, {column: original})


def _merge_cells(desk: Desk, payload: Payload) -> None:
    sheet, block = desk.block(payload["range"])
    block = block.within(sheet.row_count, sheet.column_count)
    assert block.bottom is not None
    if payload.get("mergeType") == "MERGE_ROWS":
        for row in range(block.top, block.bottom):
            sheet.merge(replace(block, top=row, bottom=row + 1))
    else:
        sheet.merge(block)


def _unmerge_cells(desk: Desk, payload: Payload) -> None:
    sheet, block = desk.block(payload["range"])
    sheet.merges = [merged for merged in sheet.merges if not merged.meets(block)]


def _sort_range(desk: Desk, payload: Payload) -> None:
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
        column: cell.holding(None, ShiftedFormula(cell.formula, (at, column)).text_at((to, column)))
        if cell.formula
        else cell
        for column, cell in row.items()
        if block.holds(at, column)
    }


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


def _fields(payload: Payload) -> tuple[str, ...]:
    """The field mask, without the root that older clients put in front. `a(b,c)` is understood as a.b and a.c."""
    mask = payload.get("fields", "")
    if not mask:
        raise invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
    found: list[str] = []
    depth, word, prefix = 0, "", ""
    for character in f"{mask},":
        if character == "(":
            prefix, word, depth = f"{word}.", "", depth + 1
        elif character in ",)":
            if word:
                found.append(prefix + word)
            word = ""
            if character == ")":
                depth, prefix = depth - 1, ""
        else:
            word += character
    return tuple(found)


_REQUESTS: Mapping[str, Callable[[Desk, Payload], dict[str, Any] | None]] = {
    "addSheet": _add_sheet,
    "deleteSheet": _delete_sheet,
    "updateSheetProperties": _update_sheet_properties,
    "updateSpreadsheetProperties": _update_spreadsheet_properties,
    "insertDimension": _insert_dimension,
    "appendDimension": _append_dimension,
    "deleteDimension": _delete_dimension,
    "updateCells": _update_cells,
    "repeatCell": _repeat_cell,
    "copyPaste": _copy_paste,
    "mergeCells": _merge_cells,
    "unmergeCells": _unmerge_cells,
    "sortRange": _sort_range,
    "setDataValidation": _set_data_validation,
    "addProtectedRange": _add_protected_range,
    "deleteProtectedRange": _delete_protected_range,
}
