"""Makes tabs and columns in Google spreadsheets from layouts, all of them in one batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from sheetsync.layout import INK, ColumnLayout, LegendPiece, Paint, TabLayout, column_layout
from sheetsync.tabs import Column
from sheetsync.workbooks.google import GoogleWorkbook
from sheetsync.workbooks.google_reading import SheetInfo
from sheetsync.workbooks.interface import Grid, WorkbookUnavailable
from sheetsync.workbooks.xlsx_edits import free_column

Request = dict[str, Any]
FONT = "Calibri"
_ROWS = 1000  # of a new tab; it grows as rows are added
_PIXELS_A_CHARACTER, _MARGIN = 7, 14
_HEADER_HEIGHT, _TITLE_HEIGHT, _LEGEND_HEIGHT = 32, 34, 22  # pixels
_TICKS = ("TRUE", "FALSE")
_FORMAT_TYPES = {"yyyy-mm-dd": "DATE", "0.0%": "PERCENT", "@": "TEXT"}
# Columns that the backend fills: whoever types there is asked first.
_NOT_TYPED = frozenset({Paint.SHOWN, Paint.SUGGESTED, Paint.FEEDBACK})
_WARNING = "Filled in for you; what is typed here is put back."


def add_tabs(book: GoogleWorkbook, layouts: Sequence[TabLayout], *, locked: bool = False) -> list[str]:
    """Adds the tabs that are missing, in one batch; those that are there stay as they are. Returns what was done, in sentences.

    People are warned before they type into what the backend fills; `locked`: they can't, and can't sort the rows either. Raises
    WorkbookUnavailable.
    """
    there = book.list_tabs()
    known = {tab.title.casefold() for tab in there}
    missing = [layout for layout in layouts if layout.title.casefold() not in known]
    said = [f"{layout.title} was there already and stays as it is." for layout in layouts if layout not in missing]
    if not missing:
        return said
    taken = {tab.sheet_id for tab in there}
    ids = (number for number in count(1) if number not in taken)
    editor = book.client.account if locked else ""
    title = book.title
    book.send([request for layout in missing for request in _new_tab(layout, next(ids), editor)])
    return [f"Added {_listed(layout.title for layout in missing)} to {title}.", *said]


def _listed(titles: Iterable[str]) -> str:
    names = list(titles)
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _new_tab(layout: TabLayout, sheet_id: int, editor: str) -> Iterator[Request]:
    grid = {
        "rowCount": _ROWS,
        "columnCount": len(layout.columns),
        "frozenRowCount": layout.header_row + 1,
        "frozenColumnCount": min(layout.frozen_columns, len(layout.columns) - 1),
        "hideGridlines": True,
    }
    properties = {
        "sheetId": sheet_id,
        "title": layout.title,
        "gridProperties": grid,
        "tabColorStyle": _colour(layout.columns[0].paint.header_fill),
    }
    yield {"addSheet": {"properties": properties}}
    yield from _looks_of_columns(layout, sheet_id)
    yield _top_rows(layout, sheet_id)
    for number, column in enumerate(layout.columns):
        yield from _one_column(column, sheet_id, number, layout.first_row)
    yield from _heights(layout, sheet_id)
    yield from _protections(layout, sheet_id, editor)


# ---- looks -------------------------------------------------------------------------------------------------------------


def _colour(rgb: str) -> dict[str, Any]:
    """RRGGBB as a ColorStyle."""
    parts = (int(rgb[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return {"rgbColor": dict(zip(("red", "green", "blue"), parts, strict=True))}


def _line(rgb: str, style: str = "SOLID") -> dict[str, Any]:
    return {"style": style, "colorStyle": _colour(rgb)}


def _looks_of_columns(layout: TabLayout, sheet_id: int) -> Iterator[Request]:
    """Each column's cells below the header, down to the last row there will ever be; equal neighbours in one request."""
    start = 0
    looks = [_cell_look(column) for column in layout.columns]
    for end in range(1, len(looks) + 1):
        if end < len(looks) and looks[end] == looks[start]:
            continue
        block = {
            "sheetId": sheet_id,
            "startRowIndex": layout.first_row,
            "startColumnIndex": start,
            "endColumnIndex": end,
        }
        yield {
            "repeatCell": {"range": block, "cell": {"userEnteredFormat": looks[start]}, "fields": "userEnteredFormat"}
        }
        start = end


def _cell_look(column: ColumnLayout) -> dict[str, Any]:
    look: dict[str, Any] = {
        "textFormat": {"fontFamily": FONT, "fontSize": 11, "foregroundColorStyle": _colour(INK)},
        "verticalAlignment": "TOP",
        "horizontalAlignment": column.align.upper(),
        "wrapStrategy": "WRAP" if column.wrapped else "CLIP",
        "borders": {"bottom": _line("D5DAE0"), "right": _line("D5DAE0")},
    }
    if column.paint.fill:
        look["backgroundColorStyle"] = _colour(column.paint.fill)
    if kind := _FORMAT_TYPES.get(column.number_format):
        look["numberFormat"] = {"type": kind, "pattern": column.number_format}
    return look


def _top_rows(layout: TabLayout, sheet_id: int) -> Request:
    """The legend and the header row."""
    legend = [{"values": [_legend_cell(pieces)]} for pieces in layout.legend]
    header = {"values": [_header_cell(column) for column in layout.columns]}
    return {
        "updateCells": {
            "start": {"sheetId": sheet_id, "rowIndex": 0, "columnIndex": 0},
            "rows": [*legend, header],
            "fields": "userEnteredValue,userEnteredFormat,note,textFormatRuns",
        }
    }


def _header_cell(column: ColumnLayout) -> dict[str, Any]:
    ink = {"fontFamily": FONT, "fontSize": 11, "bold": True, "foregroundColorStyle": _colour(column.paint.header_ink)}
    look = {
        "textFormat": ink,
        "backgroundColorStyle": _colour(column.paint.header_fill),
        "verticalAlignment": "MIDDLE",
        "horizontalAlignment": column.align.upper(),
        "borders": {"bottom": _line("52606D", "SOLID_MEDIUM"), "right": _line("D5DAE0")},
    }
    return {"userEnteredValue": {"stringValue": column.header}, "userEnteredFormat": look, "note": column.note}


def _legend_cell(pieces: Sequence[LegendPiece]) -> dict[str, Any]:
    text, runs = "", []
    plain = {"fontFamily": FONT, "fontSize": 10, "foregroundColorStyle": _colour(INK)}
    for piece in pieces:
        if piece.swatch:
            outlined = piece.swatch == "FFFFFF"
            square = {**plain, "fontSize": 12, "foregroundColorStyle": _colour("52606D" if outlined else piece.swatch)}
            runs += [{"startIndex": len(text), "format": square}, {"startIndex": len(text) + 2, "format": plain}]
            text += "□ " if outlined else "■ "
        text += f"{piece.text}      " if piece.swatch else piece.text
    bold = pieces[0].bold
    look = {
        "textFormat": {**plain, "fontSize": 15 if bold else 10, "bold": bold},
        "verticalAlignment": "MIDDLE",
        "wrapStrategy": "OVERFLOW_CELL",
    }
    cell: dict[str, Any] = {"userEnteredValue": {"stringValue": text.rstrip()}, "userEnteredFormat": look}
    return {**cell, "textFormatRuns": runs} if runs else cell


def _one_column(column: ColumnLayout, sheet_id: int, number: int, first_row: int) -> Iterator[Request]:
    """Width, and a tick box or a dropdown."""
    yield _size("COLUMNS", sheet_id, number, column.width * _PIXELS_A_CHARACTER + _MARGIN)
    if not column.dropdown:
        return
    block = {
        "sheetId": sheet_id,
        "startRowIndex": first_row,
        "startColumnIndex": number,
        "endColumnIndex": number + 1,
    }
    yield {"setDataValidation": {"range": block, "rule": _rule(column)}}


def _rule(column: ColumnLayout) -> dict[str, Any]:
    if column.dropdown == _TICKS:
        return {"condition": {"type": "BOOLEAN"}, "strict": True, "showCustomUi": True}
    condition = {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": choice} for choice in column.dropdown]}
    message = f"Choose one of {', '.join(column.dropdown)}, or leave the cell empty."
    return {"condition": condition, "strict": column.strict, "showCustomUi": True, "inputMessage": message}


def _heights(layout: TabLayout, sheet_id: int) -> Iterator[Request]:
    for row, pieces in enumerate(layout.legend):
        yield _size("ROWS", sheet_id, row, _TITLE_HEIGHT if pieces[0].bold else _LEGEND_HEIGHT)
    yield _size("ROWS", sheet_id, layout.header_row, _HEADER_HEIGHT)


def _size(dimension: str, sheet_id: int, at: int, pixels: int) -> Request:
    place = {"sheetId": sheet_id, "dimension": dimension, "startIndex": at, "endIndex": at + 1}
    return {"updateDimensionProperties": {"range": place, "properties": {"pixelSize": pixels}, "fields": "pixelSize"}}


def _protections(layout: TabLayout, sheet_id: int, editor: str) -> Iterator[Request]:
    """The rows down to the header, and each stretch of columns that nobody types into."""
    top = {"sheetId": sheet_id, "startRowIndex": 0, "endRowIndex": layout.first_row}
    yield _protection(top, "Columns are found by these headers.", "")
    start = None
    for number, column in enumerate((*layout.columns, None)):
        filled = column is not None and column.paint in _NOT_TYPED
        if filled and start is None:
            start = number
        elif not filled and start is not None:
            block = {"startRowIndex": layout.first_row, "startColumnIndex": start, "endColumnIndex": number}
            yield _protection({"sheetId": sheet_id, **block}, _WARNING, editor)
            start = None


def _protection(block: Mapping[str, Any], why: str, editor: str) -> Request:
    """`editor`: who alone may edit, beside the owner; "" only warns."""
    rule = {"editors": {"users": [editor]}} if editor else {"warningOnly": True}
    return {"addProtectedRange": {"protectedRange": {"range": dict(block), "description": why, **rule}}}


# ---- columns in a tab that is there ------------------------------------------------------------------------------------


def add_columns(book: GoogleWorkbook, title: str, header_row: int, columns: Sequence[Column]) -> None:
    """Adds columns at the right end of a tab, in one batch: headers that look like their neighbours, notes, dropdowns, widths.

    `header_row` counts from 0. Raises WorkbookUnavailable, nothing done.
    """
    grid = book.read([title], formulas=True).grids.get(title)
    tab = next((tab for tab in book.list_tabs() if tab.title == title), None)
    if grid is None or tab is None:
        raise WorkbookUnavailable(f"There is no tab {title!r} in {book.title}.")
    layouts = [column_layout(column, coloured=False) for column in columns]
    if layouts:
        book.send(list(_new_columns(grid, tab, header_row, layouts)))


def _new_columns(grid: Grid, tab: SheetInfo, header_row: int, layouts: Sequence[ColumnLayout]) -> Iterator[Request]:
    first = free_column(grid, header_row, len(layouts))
    if (missing := first + len(layouts) - tab.column_count) > 0:
        yield {"appendDimension": {"sheetId": tab.sheet_id, "dimension": "COLUMNS", "length": missing}}
    cells = [{"userEnteredValue": {"stringValue": column.header}, "note": column.note} for column in layouts]
    start = {"sheetId": tab.sheet_id, "rowIndex": header_row, "columnIndex": first}
    yield {"updateCells": {"start": start, "rows": [{"values": cells}], "fields": "userEnteredValue,note"}}
    if first:
        row = {"sheetId": tab.sheet_id, "startRowIndex": header_row, "endRowIndex": header_row + 1}
        neighbour = {**row, "startColumnIndex": first - 1, "endColumnIndex": first}
        new = {**row, "startColumnIndex": first, "endColumnIndex": first + len(layouts)}
        yield {"copyPaste": {"source": neighbour, "destination": new, "pasteType": "PASTE_FORMAT"}}
    for number, column in enumerate(layouts, first):
        yield from _one_column(column, tab.sheet_id, number, header_row + 1)
        if kind := _FORMAT_TYPES.get(column.number_format):
            block = {"startRowIndex": header_row + 1, "startColumnIndex": number, "endColumnIndex": number + 1}
            look = {"numberFormat": {"type": kind, "pattern": column.number_format}}
            yield {
                "repeatCell": {
                    "range": {"sheetId": tab.sheet_id, **block},
                    "cell": {"userEnteredFormat": look},
                    "fields": "userEnteredFormat.numberFormat",
                }
            }
