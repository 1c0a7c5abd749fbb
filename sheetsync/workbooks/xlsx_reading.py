"""Reads the tabs of an .xlsx package into grids."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import python_calamine

from sheetsync.workbooks.interface import Grid, Raw, WorkbookUnavailable
from sheetsync.workbooks.xlsx_formulas import Copies, TabCells, scan_formulas
from sheetsync.workbooks.xlsx_package import Limits, Package, relations_of
from sheetsync.workbooks.xlsx_sheet_xml import error_cells, extent, merged_blocks, normalise

_EPOCH = datetime.datetime(1899, 12, 30)
_PLAIN = frozenset({str, float, bool, int, type(None)})


class Reading:
    """One version of a workbook: every tab that was asked for is parsed once."""

    def __init__(self, content: bytes, name: str, limits: Limits) -> None:
        """Raises WorkbookUnavailable for what isn't a sane .xlsx file."""
        self.package = Package(content, name, limits)
        self.parts: Mapping[str, str] = {sheet.title: sheet.part for sheet in self.package.sheets}
        self.titles = tuple(sheet.title for sheet in self.package.sheets)
        self._by_fold = {title.casefold(): title for title, part in self.parts.items() if part}
        self._cells: dict[str, TabCells] = {}
        self._merged: dict[str, list[tuple[int, int, int, int]]] = {}
        self._grids: dict[str, Grid] = {}
        self._copies = Copies(self._referred)

    def grids(self, titles: Sequence[str] | None) -> dict[str, Grid]:
        """The named tabs (None: every tab) that exist, by title. Raises WorkbookUnavailable."""
        wanted = [title for title in (self.titles if titles is None else titles) if self.parts.get(title)]
        self._parse([title for title in wanted if title not in self._cells])
        for title in wanted:
            if title not in self._grids:
                self._grids[title] = self._settled(title)
        self.package.release()
        return {title: self._grids[title] for title in wanted}

    def kept(self, title: str) -> TabCells:
        """A tab as the file keeps it, copies not settled."""
        self._parse([] if title in self._cells else [title])
        return self._cells[title]

    def sheet_xml(self, title: str) -> bytes:
        """A tab's XML, normalised."""
        return normalise(self.package.xml(self.parts[title]))

    def _referred(self, title: str) -> TabCells | None:
        known = self._by_fold.get(title.casefold())
        return None if known is None else self.kept(known)

    def _parse(self, titles: Sequence[str]) -> None:
        """Reads tabs as the file keeps them."""
        if not titles:
            return
        try:
            sheets = {title: self.sheet_xml(title) for title in titles}
            for title, xml in sheets.items():
                self._check_extent(title, xml)
            for title, rows in self._values(sheets).items():
                self._take(title, sheets[title], rows)
        except (ValueError, UnicodeDecodeError, OverflowError) as error:
            raise self.package.broken() from error

    def _take(self, title: str, xml: bytes, rows: list[list[Raw]]) -> None:
        formulas = scan_formulas(xml, title)
        for row, column, text in error_cells(xml):
            _reach(rows, row, column)
            rows[row][column] = text
        self._cells[title] = TabCells(rows=rows, formulas=formulas)
        self._merged[title] = merged_blocks(xml)

    def _check_extent(self, title: str, xml: bytes) -> None:
        enough = self.package.limits.max_cells
        cells = extent(xml, enough)
        if cells > enough:
            raise WorkbookUnavailable(
                f"{self.package.name}: the tab {title!r} reaches over {cells:,} cells, and {enough:,} are the most "
                "that is read. Clear stray cells far below or far to the right of the table."
            )

    def _values(self, sheets: Mapping[str, bytes]) -> dict[str, list[list[Raw]]]:
        """Every cell's value, dates as serial numbers.

        The reader is given a workbook of just the parts that were checked, and none of the formats: so it parses
        nothing else, and a date is the very number that the file holds. Only a workbook that counts from 1904 needs its
        formats, to tell dates from numbers.
        """
        try:
            book = python_calamine.load_workbook(io.BytesIO(self._bare(sheets)))
            found = {title: book.get_sheet_by_name(title).to_python(skip_empty_area=False) for title in sheets}
        except (python_calamine.CalamineError, OSError, IndexError) as error:
            raise self.package.broken() from error
        return {title: [_plain(row) for row in rows] for title, rows in found.items()}

    def _bare(self, sheets: Mapping[str, bytes]) -> bytes:
        package = self.package
        kinds = ("sharedStrings", "styles") if package.counts_from_1904 else ("sharedStrings",)
        names = ["[Content_Types].xml", "_rels/.rels", package.workbook_part, relations_of(package.workbook_part)]
        names += [part for kind in kinds if (part := package.related(kind))]
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as bare:
            for name in names:
                if package.has(name):
                    bare.writestr(name, package.xml(name))
            for title, xml in sheets.items():
                bare.writestr(self.parts[title], xml)
        return out.getvalue()

    def _settled(self, title: str) -> Grid:
        cells = self._cells[title]
        values, stale = self._copies.settle(title, cells)
        rows = [list(row) for row in cells.rows] if values or stale else cells.rows
        for row, column in stale:
            _reach(rows, row, column)
        for (row, column), value in values.items():
            if value is not None:
                _reach(rows, row, column)
            if row < len(rows) and column < len(rows[row]):
                rows[row][column] = value
        width = max(map(len, rows), default=0)
        for cells_of_row in rows:
            if len(cells_of_row) < width:
                cells_of_row.extend([None] * (width - len(cells_of_row)))
        texts = {at: formula.text for at, formula in cells.formulas.items()}
        return Grid(
            rows=rows,
            width=width,
            formulas=texts,
            merged=self._inside_merged(title, len(rows), width),
            stale=frozenset(stale),
        )

    def _inside_merged(self, title: str, height: int, width: int) -> frozenset[tuple[int, int]]:
        found: set[tuple[int, int]] = set()
        asked = 0
        for top, left, bottom, right in self._merged[title]:
            rows, columns = range(top, min(bottom + 1, height)), range(left, min(right + 1, width))
            asked += len(rows) * len(columns)
            if asked > self.package.limits.max_cells:
                raise self.package.broken()
            found.update((row, column) for row in rows for column in columns if (row, column) != (top, left))
        return frozenset(found)


def _plain(row: Sequence[object]) -> list[Raw]:
    """A row as the reader gives it, blanks as None and dates as numbers. Rows of plain values are hardly looked at."""
    cells: list[Any] = [None if cell == "" else cell for cell in row] if "" in row else list(row)
    if not _PLAIN.issuperset(map(type, cells)):
        return [cell if type(cell) in _PLAIN else serial(cell) for cell in cells]
    return cells


def serial(value: object) -> float | str:
    """Days since 1899-12-30 of what the reader gives for a date, a time or a span of time; other things as text."""
    if isinstance(value, datetime.timedelta):
        return value / datetime.timedelta(days=1)
    if isinstance(value, datetime.time):
        return (value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6) / 86400
    if isinstance(value, datetime.datetime):
        return (value.replace(tzinfo=None) - _EPOCH) / datetime.timedelta(days=1)
    if isinstance(value, datetime.date):
        return float((datetime.datetime(value.year, value.month, value.day) - _EPOCH).days)
    return str(value)


def _reach(rows: list[list[Raw]], row: int, column: int) -> None:
    """Makes a list of rows long and wide enough to hold a cell."""
    while len(rows) <= row:
        rows.append([])
    missing = column + 1 - len(rows[row])
    if missing > 0:
        rows[row].extend([None] * missing)
