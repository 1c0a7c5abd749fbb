"""Changes cells in the XML of an .xlsx file and leaves every other byte as it is.

Written for this purpose after trying the libraries: openpyxl drops the results of all formulas and what it doesn't
know; wolfxl 2.0 puts a new cell behind its right-hand neighbours, which spreadsheet programs report as damage.
"""

from __future__ import annotations

import datetime
import html
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from sheetsync.workbooks.interface import Writable
from sheetsync.workbooks.xlsx_edits import EditError, Edits, TabEdits, as_stored
from sheetsync.workbooks.xlsx_reading import Reading
from sheetsync.workbooks.xlsx_sheet_xml import MAX_ROWS, attribute, block, cell_name, column_number, with_attribute
from sheetsync.workbooks.xlsx_stream import ROWS_BEGIN, ROWS_END
from sheetsync.workbooks.xlsx_styles import DATE_FORMAT, DATE_TIME_FORMAT, Styles
from sheetsync.workbooks.xlsx_values import serial

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
        sheets: dict[str, Iterable[bytes]] = {
            reading.parts[title]: _SheetPatch(tab, styles, package.counts_from_1904).patched(
                reading.sheet_pieces(title)
            )
            for title, tab in edits.tabs.items()
        }
        changed: dict[str, bytes | Iterable[bytes]] = {**sheets}
        if styles is not None and any(_holds_date(tab) for tab in edits.tabs.values()):
            # Which formats dates need is known once the sheets were patched.
            names = package.names()
            if any(names.index(part) > names.index(styles_part) for part in sheets):
                changed = {part: list(pieces) for part, pieces in sheets.items()}
            changed[styles_part] = _as_needed(styles, package.read(styles_part))
        if reading.has_formulas():
            changed[package.workbook_part] = _recalculated(package.xml(package.workbook_part))
        return package.rebuilt(changed)
    except ValueError as error:
        raise EditError(str(error)) from error


def _as_needed(styles: Styles, before: bytes) -> Iterator[bytes]:
    """The styles once they are asked for."""
    yield styles.xml if styles.changed else before


def _holds_date(edits: TabEdits) -> bool:
    return any(isinstance(value, datetime.date) for value in edits.cells.values())


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

    def __init__(self, edits: TabEdits, styles: Styles | None, counts_from_1904: bool) -> None:
        self._edits = edits
        self._styles = styles
        self._offset = _DAYS_TO_1904 if counts_from_1904 else 0
        self._column_styles: Mapping[int, int] = {}
        self._looks: Mapping[int, int] = {}
        self._last = -1  # the last row that was handed out
        self._waiting = deque(edits.by_row().items())

    def patched(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The sheet's XML with the edits, in pieces as it comes. Raises ValueError."""
        begun = False
        for piece in pieces:
            if not begun:
                yield self._head(piece)
                begun = True
            elif piece.startswith(ROWS_END):
                yield from (self._new_row(number, cells) for number, cells in self._taken(MAX_ROWS))
                yield piece
            else:
                yield from self._patched_rows(piece)

    def _head(self, head: bytes) -> bytes:
        if not head.endswith(ROWS_BEGIN):
            raise ValueError("the sheet has no list of rows")
        self._column_styles = _column_styles(head)
        return self._with_dimension(head)

    def _patched_rows(self, rows: bytes) -> Iterator[bytes]:
        """A block of rows with its edits; rows that it lacks are put where they belong."""
        done = 0
        for number, first, last in _row_spans(rows):
            if number < self._last:
                raise ValueError("the rows of the sheet aren't in order")
            if number == self._last:
                raise ValueError("a row stands twice in the sheet")
            self._last = number
            for before, cells in self._taken(number):
                yield rows[done:first] + self._new_row(before, cells)
                done = first
            if self._edits.appended and number == self._edits.like_row:
                self._looks = _parse_row(rows[first:last]).styles()
            if self._waiting and self._waiting[0][0] == number:
                yield rows[done:first]
                yield self._changed_row(number, _parse_row(rows[first:last]), self._waiting.popleft()[1])
                done = last
        yield rows[done:]

    def _taken(self, before: int) -> Iterator[tuple[int, dict[int, Writable]]]:
        """The edits of rows above that one, which are now carried out."""
        while self._waiting and self._waiting[0][0] < before:
            yield self._waiting.popleft()

    def _new_row(self, number: int, cells: Mapping[int, Writable]) -> bytes:
        return self._changed_row(number, _Row(tag=b'<row r="%d">' % (number + 1), body=b""), cells)

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

    def _with_dimension(self, head: bytes) -> bytes:
        """The range that the sheet says it uses, made to hold the edits."""
        found = _DIMENSION.search(head)
        if found is None or not self._edits.cells:
            return head
        top, left, bottom, right = block(attribute(found[0], "ref") or "")
        rows, columns = [row for row, _ in self._edits.cells], [column for _, column in self._edits.cells]
        top, left, bottom, right = min(top, *rows), min(left, *columns), max(bottom, *rows), max(right, *columns)
        tag = with_attribute(found[0], "ref", f"{cell_name(top, left)}:{cell_name(bottom, right)}")
        return head[: found.start()] + tag + head[found.end() :]


@cache
def _column(letters: bytes) -> int:
    return column_number(letters.decode())


def _style(cell: re.Match[bytes]) -> int:
    """The style of a cell; 0, the default, where it names none."""
    return int(attribute(cell[2], "s") or 0) if cell[2] else 0


def _row_spans(rows: bytes) -> Iterator[tuple[int, int, int]]:
    """(row, start, end) of each row in a block of rows."""
    for found in _ROW.finditer(rows):
        number = int(attribute(found[1], "r") or 0) - 1
        end = found.end() if found[2] else rows.index(b"</row", found.end())
        yield number, found.start(), end if found[2] else rows.index(b">", end) + 1


def _parse_row(text: bytes) -> _Row:
    found = _ROW.match(text)
    if found is None:
        raise ValueError("a row isn't written as expected")
    tag = b"<row" + found[1].rstrip() + b">"
    return _Row(tag=tag, body=b"" if found[2] else text[found.end() : text.rindex(b"</row")])


def _column_styles(head: bytes) -> dict[int, int]:
    """Column -> style of whole columns, which new cells take."""
    found: dict[int, int] = {}
    for tag in _COLUMN_TAG.findall(head):
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
