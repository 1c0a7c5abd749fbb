"""Reads the tabs of an .xlsx package into grids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sheetsync.workbooks.interface import Grid
from sheetsync.workbooks.xlsx_formulas import Copies, TabCells, holds_formula
from sheetsync.workbooks.xlsx_package import Limits, Package
from sheetsync.workbooks.xlsx_stream import pieces
from sheetsync.workbooks.xlsx_values import SheetRead, filled_up, read_sheets, widen


class Reading:
    """One version of a workbook: every tab that was asked for is parsed once, a few megabytes at a time."""

    def __init__(self, content: bytes, name: str, limits: Limits, *, former: Reading | None = None) -> None:
        """`former`: an earlier version; rows that are the same as there are kept only once. Raises WorkbookUnavailable for what isn't a
        sane .xlsx file."""
        self.package = Package(content, name, limits)
        self.parts: Mapping[str, str] = {sheet.title: sheet.part for sheet in self.package.sheets}
        self.titles = tuple(sheet.title for sheet in self.package.sheets)
        self._by_fold = {title.casefold(): title for title, part in self.parts.items() if part}
        self._former: Mapping[str, TabCells] = former._cells if former else {}
        self._read: dict[str, SheetRead] = {}
        self._cells: dict[str, TabCells] = {}
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
        return b"".join(self.sheet_pieces(title))

    def sheet_pieces(self, title: str) -> Iterator[bytes]:
        """A tab's XML, normalised, in pieces: see `xlsx_stream.pieces`."""
        self.kept(title)
        return pieces(self.package, self.parts[title], whole=self._read[title].whole)

    def has_formulas(self) -> bool:
        """Whether any tab holds a formula."""
        return any(self._holds_formula(title) for title, part in self.parts.items() if part)

    def _holds_formula(self, title: str) -> bool:
        if title in self._read:
            return self._read[title].formulas.any
        return holds_formula(self.package.chunks(self.parts[title], self.package.limits.at_once))

    def _referred(self, title: str) -> TabCells | None:
        known = self._by_fold.get(title.casefold())
        return None if known is None else self.kept(known)

    def _parse(self, titles: Sequence[str]) -> None:
        """Reads tabs as the file keeps them."""
        if not titles:
            return
        try:
            read = read_sheets(self.package, {title: self.parts[title] for title in titles}, self._former)
        except (ValueError, UnicodeDecodeError, OverflowError) as error:
            raise self.package.broken() from error
        for title, sheet in read.items():
            self._read[title] = sheet
            self._cells[title] = TabCells(rows=sheet.rows, formulas=sheet.formulas.found())

    def _settled(self, title: str) -> Grid:
        cells = self._cells[title]
        values, stale = self._copies.settle(title, cells)
        rows = list(cells.rows)
        for row in {row for row, _column in values if row < len(rows)}:
            rows[row] = list(rows[row])
        for row, column in stale:
            widen(rows, row, column)
        for (row, column), value in values.items():
            if value is not None:
                widen(rows, row, column)
            if row < len(rows) and column < len(rows[row]):
                rows[row][column] = value
        width = max(map(len, rows), default=0)
        rows = filled_up(rows, width)
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
        for top, left, bottom, right in self._read[title].merged:
            rows, columns = range(top, min(bottom + 1, height)), range(left, min(right + 1, width))
            asked += len(rows) * len(columns)
            if asked > self.package.limits.max_cells:
                raise self.package.broken()
            found.update((row, column) for row in rows for column in columns if (row, column) != (top, left))
        return frozenset(found)
