"""Exports: rows of the database as CSV, .xlsx or JSON, a few thousand at a time, safe against formulas in cells."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from django.db.models import QuerySet

from sheetsync.tabs import Column, Owner, Tab
from sheetsync.transfer.files import Format, is_risky
from sheetsync.values.cells import render
from sheetsync.values.structures import compact_json

BATCH = 2_000  # rows fetched at a time
# What an .xlsx cell may hold; a longer text is cut, and says so.
LONGEST_CELL = 32_767
CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.JSON: "application/json",
}
# Characters that XML can't hold.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f￾￿]")


@dataclass(frozen=True, kw_only=True)
class ExportColumn:
    """A column of an export."""

    header: str
    path: str  # lookup path of the stored value
    shown: Callable[[Any], Any]  # stored value -> what a cell holds: text, number, boolean, None


def tab_columns(tab: Tab, paths: Mapping[str, str]) -> tuple[ExportColumn, ...]:
    """The stored columns of a tab, as its cells show them: what is exported can be changed and imported. `paths`: of the stored values,
    by column."""
    return tuple(
        ExportColumn(header=column.name, path=paths[column.name], shown=_as_in(column))
        for column in tab.columns
        if column.name in paths and column.owner is not Owner.FEEDBACK
    )


def stored_columns(*paths: str) -> tuple[ExportColumn, ...]:
    """Columns that show stored values as they are, under the name of their path's last step."""
    return tuple(ExportColumn(header=path.rpartition("__")[2], path=path, shown=plain) for path in paths)


def _as_in(column: Column) -> Callable[[Any], Any]:
    return lambda value: plain(render(column, value))


def plain(value: Any) -> Any:
    """What a cell can hold: structure as compact JSON, dates as ISO texts."""
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, dict | list | tuple):
        return compact_json(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def export(kind: Format, columns: Sequence[ExportColumn], queryset: QuerySet[Any]) -> Iterable[bytes]:
    """The file, piece by piece."""
    stored = queryset.values_list(*(column.path for column in columns)).iterator(chunk_size=BATCH)
    shown = [_structured(column.shown) if kind is Format.JSON else column.shown for column in columns]
    rows = ([show(value) for show, value in zip(shown, row, strict=True)] for row in stored)
    return _WRITERS[kind](columns, rows)


def _structured(shown: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """In JSON, structure stays structure."""
    return lambda value: value if isinstance(value, dict | list) else shown(value)


# ---- CSV -------------------------------------------------------------------------------------------------------------


def _csv(columns: Sequence[ExportColumn], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    yield b"\xef\xbb\xbf"  # or Excel takes it for another encoding
    writer.writerow([column.header for column in columns])
    for number, row in enumerate(rows, start=1):
        writer.writerow([harmless(cell) for cell in row])
        if number % BATCH == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet program would take for a formula gets an apostrophe in front; importing takes it away again."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    return f"'{cell}" if isinstance(cell, str) and is_risky(cell) else cell


# ---- JSON ------------------------------------------------------------------------------------------------------------


def _json(columns: Sequence[ExportColumn], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    names = [column.header for column in columns]
    between = "[\n"
    for row in rows:
        record = dict(zip(names, row, strict=True))
        yield f"{between}{json.dumps(record, ensure_ascii=False)}".encode()
        between = ",\n"
    yield b"[]\n" if between == "[\n" else b"\n]\n"


# ---- .xlsx -----------------------------------------------------------------------------------------------------------

_PACKAGE = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="Export" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/></Relationships>',
}
_PIECE = 64 * 1024  # bytes of a file that is handed over at a time


def _xlsx(columns: Sequence[ExportColumn], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Through a temporary file, since a zip is finished at its end. Texts are written as texts, whatever they begin with."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
            for name, text in _PACKAGE.items():
                package.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
            with package.open("xl/worksheets/sheet1.xml", "w") as sheet:
                for piece in _sheet_xml(columns, rows):
                    sheet.write(piece.encode())
        file.seek(0)
        while piece_of_file := file.read(_PIECE):
            yield piece_of_file


def _sheet_xml(columns: Sequence[ExportColumn], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    yield (
        '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    )
    yield _row_xml([column.header for column in columns])
    for row in rows:
        yield _row_xml(row)
    yield "</sheetData></worksheet>"


def _row_xml(cells: Sequence[Any]) -> str:
    return f"<row>{''.join(map(_cell_xml, cells))}</row>"


def _cell_xml(cell: Any) -> str:
    if cell is None or cell == "":
        return "<c/>"
    if isinstance(cell, bool):
        return f'<c t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, int | float):
        return f"<c><v>{cell!r}</v></c>"
    text = _UNPRINTABLE.sub("", cell)
    text = text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


_WRITERS = {Format.CSV: _csv, Format.JSON: _json, Format.XLSX: _xlsx}
