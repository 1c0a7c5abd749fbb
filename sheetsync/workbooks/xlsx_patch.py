"""Changes cells in the XML of an .xlsx file and leaves every other byte as it is.

Written for this purpose after trying the libraries: openpyxl drops the results of all formulas and what it doesn't
know; wolfxl 2.0 puts a new cell behind its right-hand neighbours, which spreadsheet programs report as damage.
"""

from __future__ import annotations

import datetime
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from sheetsync.workbooks.interface import Writable
from sheetsync.workbooks.xlsx_edits import EditError, Edits, TabEdits, as_stored
from sheetsync.workbooks.xlsx_reading import Reading, serial
from sheetsync.workbooks.xlsx_sheet_xml import attribute, block, cell_name, column_number, with_attribute
from sheetsync.workbooks.xlsx_styles import DATE_FORMAT, DATE_TIME_FORMAT, Styles

_ROW = re.compile(rb"<row(?=\s)([^>]*?)(/?)>")
_CELL = re.compile(rb'<c r="([A-Z]+)[0-9]+"([^>]*?)(?:/>|>(.*?)</c\s*>)', re.DOTALL)
_COLUMN_TAG = re.compile(rb"<col(?=\s)[^>]*>")
_DIMENSION = re.compile(rb"<dimension(?=\s)[^>]*>")
_CALCULATION = re.compile(rb"<calcPr(?=[\s/>])[^>]*>")
_HAS_FORMULA = re.compile(rb"<f(?=[\s/>])")
# Serial numbers of a workbook that counts from 1904 are smaller by this many days.
_DAYS_TO_1904 = 1462


def patch_cells(reading: Reading, edits: Edits) -> bytes:
    """The file with the edits in it. Raises EditError where its XML isn't as expected."""
    package = reading.package
    try:
        styles_part = package.related("styles")
        styles = Styles(package.xml(styles_part)) if styles_part else None
        changed = {
            reading.parts[title]: _SheetPatch(reading.sheet_xml(title), tab, styles, package.counts_from_1904).patched()
            for title, tab in edits.tabs.items()
        }
        if styles is not None and styles.changed:
            changed[styles_part] = styles.xml
        if any(_HAS_FORMULA.search(package.read(sheet.part)) for sheet in package.sheets if sheet.part):
            changed[package.workbook_part] = _recalculated(package.xml(package.workbook_part))
    except ValueError as error:
        raise EditError(str(error)) from error
    return package.rebuilt(changed)


def _recalculated(workbook_xml: bytes) -> bytes:
    """Asks spreadsheet programs to calculate when they open the file: else they take the results it keeps for fresh."""
    found = _CALCULATION.search(workbook_xml)
    if found is None:
        # A workbook's elements have a fixed order; what may follow the calculation settings begins with one of these.
        end = re.search(
            rb"<(?:oleSize|customWorkbookViews|pivotCaches|smartTagPr|smartTagTypes|webPublishing|fileRecoveryPr|extLst)\b",
            workbook_xml,
        )
        at = end.start() if end else workbook_xml.rindex(b"</workbook")
        return workbook_xml[:at] + b'<calcPr fullCalcOnLoad="1"/>' + workbook_xml[at:]
    if attribute(found[0], "fullCalcOnLoad") in ("1", "true"):
        return workbook_xml
    return workbook_xml[: found.start()] + with_attribute(found[0], "fullCalcOnLoad", "1") + workbook_xml[found.end() :]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """One row as it stands in the XML."""

    tag: bytes
    body: bytes  # between its tags

    def cells(self) -> Iterator[tuple[int, re.Match[bytes]]]:
        """(column, its cell) in the order of the file. A match has column letters, other attributes, inside."""
        for found in _CELL.finditer(self.body):
            yield _column(found[1]), found

    def styles(self) -> dict[int, int]:
        """Column -> style, for the cells that have one."""
        return {column: style for column, found in self.cells() if (style := _style(found))}


class _SheetPatch:
    """The edits of one tab on their way into its XML."""

    def __init__(self, xml: bytes, edits: TabEdits, styles: Styles | None, counts_from_1904: bool) -> None:
        self._xml = xml
        self._edits = edits
        self._styles = styles
        self._offset = _DAYS_TO_1904 if counts_from_1904 else 0
        self._column_styles = _column_styles(xml)
        self._looks: Mapping[int, int] = {}

    def patched(self) -> bytes:
        """The sheet's XML with the edits. Raises ValueError."""
        start, end, inside = self._sheet_data()
        spans = list(_row_spans(inside))
        changes = self._edits.by_row()
        by_number = {number: (first, last) for number, first, last in spans}
        if len(by_number) < len(spans):
            raise ValueError("a row stands twice in the sheet")
        if self._edits.appended and self._edits.like_row in by_number:
            first, last = by_number[self._edits.like_row]
            self._looks = _parse_row(inside[first:last]).styles()
        out: list[bytes] = []
        done = 0
        for number, cells in changes.items():
            if number in by_number:
                first, last = by_number[number]
                out += [inside[done:first], self._changed_row(number, _parse_row(inside[first:last]), cells)]
            else:
                first = last = max(done, _end_of_rows_before(spans, number))
                row = self._changed_row(number, _Row(tag=b'<row r="%d">' % (number + 1), body=b""), cells)
                out += [inside[done:first], row]
            done = last
        out.append(inside[done:])
        patched = self._xml[:start] + b"<sheetData>" + b"".join(out) + b"</sheetData>" + self._xml[end:]
        return self._with_dimension(patched)

    def _sheet_data(self) -> tuple[int, int, bytes]:
        """(start, end, what is inside) of the element that holds the rows."""
        found = re.search(rb"<sheetData\s*(/?)>", self._xml)
        if found is None:
            raise ValueError("the sheet has no list of rows")
        if found[1]:
            return found.start(), found.end(), b""
        end = self._xml.index(b"</sheetData", found.end())
        return found.start(), self._xml.index(b">", end) + 1, self._xml[found.end() : end]

    def _changed_row(self, number: int, row: _Row, values: Mapping[int, Writable]) -> bytes:
        looks = self._looks if number in self._edits.appended else {}
        default = int(attribute(row.tag, "s") or 0) if attribute(row.tag, "customFormat") in ("1", "true") else None
        body: list[bytes] = []
        done = end = 0
        waiting = sorted(values.keys() | looks.keys())
        for column, found in row.cells():
            while waiting and waiting[0] < column:
                body += [row.body[done : found.start()], self._new_cell(number, waiting[0], values, looks, default)]
                done = found.start()
                waiting.pop(0)
            if waiting and waiting[0] == column:
                body += [row.body[done : found.start()], self._changed_cell(number, column, found, values, looks)]
                done = found.end()
                waiting.pop(0)
            if not waiting:
                break
            end = found.end()
        rest = [self._new_cell(number, column, values, looks, default) for column in waiting]
        end = max(done, end)
        body += [row.body[done:end], *rest, row.body[end:]]
        # The hint which columns a row spans would be wrong now; it may be left out.
        return with_attribute(row.tag, "spans", None) + b"".join(body) + b"</row>"

    def _new_cell(
        self, number: int, column: int, values: Mapping[int, Writable], looks: Mapping[int, int], default: int | None
    ) -> bytes:
        style = looks.get(column) or (self._column_styles.get(column, 0) if default is None else default)
        value = values.get(column)
        if value in (None, "") and column not in looks:
            return b""
        return self._cell(number, column, style, value)

    def _changed_cell(
        self, number: int, column: int, found: re.Match[bytes], values: Mapping[int, Writable], looks: Mapping[int, int]
    ) -> bytes:
        own = _style(found)
        if column not in values:
            return found[0] if own else with_attribute(found[0], "s", str(looks[column]))
        if found[3] and _HAS_FORMULA.search(found[3]):
            raise ValueError(f"{cell_name(number, column)} holds a formula")
        return self._cell(number, column, own or looks.get(column, 0), values[column])

    def _cell(self, number: int, column: int, style: int, value: Writable) -> bytes:
        """One cell. Its style is kept; a date gets one that shows a date where it had none."""
        if isinstance(value, datetime.date):
            if self._styles is None:
                raise ValueError("the file has no styles, so that a date would show as a number")
            style = self._styles.with_date(
                style, DATE_TIME_FORMAT if isinstance(value, datetime.datetime) else DATE_FORMAT
            )
            value = float(serial(value)) - self._offset
        head = f'<c r="{cell_name(number, column)}"' + (f' s="{style}"' if style else "")
        if value is None or value == "":
            return f"{head}/>".encode()
        if isinstance(value, bool):
            return f'{head} t="b"><v>{value:d}</v></c>'.encode()
        if isinstance(value, str):
            return f'{head} t="inlineStr"><is><t xml:space="preserve">{html.escape(as_stored(value), quote=False)}</t></is></c>'.encode()
        return f"{head}><v>{_number(value)}</v></c>".encode()

    def _with_dimension(self, xml: bytes) -> bytes:
        """The range that the sheet says it uses, made to hold the edits."""
        found = _DIMENSION.search(xml)
        if found is None or not self._edits.cells:
            return xml
        top, left, bottom, right = block(attribute(found[0], "ref") or "")
        rows, columns = [row for row, _ in self._edits.cells], [column for _, column in self._edits.cells]
        top, left, bottom, right = min(top, *rows), min(left, *columns), max(bottom, *rows), max(right, *columns)
        tag = with_attribute(found[0], "ref", f"{cell_name(top, left)}:{cell_name(bottom, right)}")
        return xml[: found.start()] + tag + xml[found.end() :]


@cache
def _column(letters: bytes) -> int:
    return column_number(letters.decode())


def _style(cell: re.Match[bytes]) -> int:
    """The style of a cell; 0, the default, where it names none."""
    return int(attribute(cell[2], "s") or 0) if cell[2] else 0


def _row_spans(inside: bytes) -> Iterator[tuple[int, int, int]]:
    """(row, start, end) of each row in the list of rows. Raises ValueError when they aren't in order."""
    before = -1
    for found in _ROW.finditer(inside):
        number = int(attribute(found[1], "r") or 0) - 1
        if number < before:
            raise ValueError("the rows of the sheet aren't in order")
        end = found.end() if found[2] else inside.index(b"</row", found.end())
        yield number, found.start(), end if found[2] else inside.index(b">", end) + 1
        before = number


def _end_of_rows_before(spans: list[tuple[int, int, int]], number: int) -> int:
    """Where a new row of that number goes."""
    low, high = 0, len(spans)
    while low < high:
        middle = (low + high) // 2
        if spans[middle][0] < number:
            low = middle + 1
        else:
            high = middle
    return spans[low - 1][2] if low else (spans[0][1] if spans else 0)


def _parse_row(text: bytes) -> _Row:
    found = _ROW.match(text)
    if found is None:
        raise ValueError("a row isn't written as expected")
    tag = b"<row" + found[1].rstrip() + b">"
    return _Row(tag=tag, body=b"" if found[2] else text[found.end() : text.rindex(b"</row")])


def _column_styles(xml: bytes) -> dict[int, int]:
    """Column -> style of whole columns, which new cells take."""
    found: dict[int, int] = {}
    for tag in _COLUMN_TAG.findall(xml[: xml.find(b"<sheetData")]):
        style = int(attribute(tag, "style") or 0)
        if style:
            first, last = int(attribute(tag, "min") or 1), int(attribute(tag, "max") or 1)
            found.update(dict.fromkeys(range(first - 1, last), style))
    return found


def _number(value: float) -> str:
    """The shortest text that reads back as the same number."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)
