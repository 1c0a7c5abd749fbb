"""Reads the cells of an .xlsx package's sheets, a few megabytes of XML at a time."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import python_calamine

from sheetsync.workbooks.interface import Raw, WorkbookUnavailable
from sheetsync.workbooks.xlsx_formulas import FormulaScan, TabCells
from sheetsync.workbooks.xlsx_package import Package
from sheetsync.workbooks.xlsx_sheet_xml import error_cells, exact_reach, merged_blocks, reach
from sheetsync.workbooks.xlsx_stream import ROWS_BEGIN, ROWS_END, Unusual, pieces

_EPOCH = datetime.datetime(1899, 12, 30)
_PLAIN = frozenset({str, float, bool, int, type(None)})
# The parser is given this many blocks of rows together; it reads the list of shared texts each time.
_BLOCKS = 4
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_SHEET_BEGIN, _SHEET_END = f'<worksheet xmlns="{_MAIN}">'.encode() + ROWS_BEGIN, ROWS_END + b"</worksheet>"
_START = (
    f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="r" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>"
)


@dataclass(kw_only=True)
class SheetRead:
    """One sheet as far as it was read."""

    title: str
    part: str  # path inside the zip
    whole: bool  # whether its XML had to be looked at as a whole
    formulas: FormulaScan
    rows: list[list[Raw]] = field(default_factory=list)  # values as the file keeps them
    width: int = 0  # columns of the widest row
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    bottom: int = 0  # rows from the first to the last one with a cell, at most
    right: int = 0  # the same for columns
    is_sane: bool = False  # whether its exact extent was found to be within the limits


def read_sheets(package: Package, parts: Mapping[str, str], former: Mapping[str, TabCells]) -> dict[str, SheetRead]:
    """Sheets by title. `parts`: where each stands in the zip. `former`: an earlier version of the same sheets, whose rows are taken for
    rows that are the same. Raises WorkbookUnavailable, and ValueError for what isn't a sheet."""
    reader = _Reader(package, former)
    found = {title: reader.sheet(title, part) for title, part in parts.items()}
    reader.flush()
    for sheet in found.values():
        # Rows that were taken from the former version may be wider than this one.
        sheet.rows = [row if len(row) <= sheet.width else row[: sheet.width] for row in sheet.rows]
    return found


class _Reader:
    """Gathers blocks of rows, of several sheets if need be, until it is worth while to start the parser."""

    def __init__(self, package: Package, former: Mapping[str, TabCells]) -> None:
        self._package = package
        self._former = former
        self._waiting: list[tuple[SheetRead, bytes]] = []
        # Every text and every number is kept once, however many cells show it.
        self._texts: dict[str, str] = {}
        self._numbers: dict[float, float] = {}

    def sheet(self, title: str, part: str) -> SheetRead:
        """Reads a sheet; its last rows come with `flush`."""
        try:
            return self._scan(title, part, whole=False)
        except Unusual:
            self._waiting = [(sheet, rows) for sheet, rows in self._waiting if sheet.title != title]
            return self._scan(title, part, whole=True)

    def _scan(self, title: str, part: str, *, whole: bool) -> SheetRead:
        sheet = SheetRead(title=title, part=part, whole=whole, formulas=FormulaScan(title))
        before: bytes | None = None
        for piece in pieces(self._package, part, whole=whole):
            if before is not None and not before.endswith(ROWS_BEGIN):
                self._add(sheet, before)
            before = piece
        sheet.merged = merged_blocks(before or b"")
        return sheet

    def _add(self, sheet: SheetRead, rows: bytes) -> None:
        self._check_extent(sheet, rows)
        sheet.formulas.add(rows)
        self._waiting.append((sheet, rows))
        if sum(len(waiting) for _sheet, waiting in self._waiting) >= _BLOCKS * self._package.limits.at_once:
            self.flush()

    def _check_extent(self, sheet: SheetRead, rows: bytes) -> None:
        """Raises WorkbookUnavailable before the reader is asked to set aside memory for cells that nobody fills."""
        bound, enough = reach(rows), self._package.limits.max_cells
        if bound is not None:
            sheet.bottom, sheet.right = max(sheet.bottom, bound[0]), max(sheet.right, bound[1])
        if sheet.is_sane or (bound is not None and sheet.bottom * sheet.right <= enough):
            return
        every = [exact_reach(piece) for piece in pieces(self._package, sheet.part, whole=sheet.whole)]
        cells = max(bottom for bottom, _right in every) * max(right for _bottom, right in every)
        if cells > enough:
            raise WorkbookUnavailable(
                f"{self._package.name}: the tab {sheet.title!r} reaches over {cells:,} cells, and {enough:,} are the most "
                "that is read. Clear stray cells far below or far to the right of the table."
            )
        sheet.is_sane = True

    def flush(self) -> None:
        """Takes the values of the rows that wait, dates as serial numbers."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            book = python_calamine.load_workbook(bare_workbook(self._package, [rows for _sheet, rows in waiting]))
            for number, (sheet, rows) in enumerate(waiting):
                values = book.get_sheet_by_name(str(number))
                top, left = values.start or (0, 0)
                self._take(sheet, top, left, values.to_python())
                self._take_errors(sheet, rows)
        except (python_calamine.CalamineError, OSError, IndexError) as error:
            raise self._package.broken() from error

    def _take(self, sheet: SheetRead, top: int, left: int, rows: Sequence[Sequence[object]]) -> None:
        known = self._former[sheet.title].rows if sheet.title in self._former else []
        if rows:
            sheet.width = max(sheet.width, left + len(rows[0]))
        for place, values in enumerate(rows, start=top):
            row = [None] * left + self._plain(values)
            if place < len(sheet.rows):
                sheet.rows[place] = _overlaid(sheet.rows[place], row)
                continue
            while len(sheet.rows) < place:
                sheet.rows.append([])
            sheet.rows.append(_known(row, known[place]) if place < len(known) else row)

    def _take_errors(self, sheet: SheetRead, rows: bytes) -> None:
        for row, column, text in error_cells(rows):
            widen(sheet.rows, row, column)
            sheet.rows[row] = _overlaid(sheet.rows[row], [*[None] * column, text])
            sheet.width = max(sheet.width, column + 1)

    def _plain(self, row: Sequence[object]) -> list[Raw]:
        """A row as the parser gives it, blanks as None and dates as numbers."""
        text, number = self._texts.setdefault, self._numbers.setdefault
        cells: list[Any] = [
            (text(cell, cell) or None) if type(cell) is str else number(cell, cell) if type(cell) is float else cell
            for cell in row
        ]
        if not _PLAIN.issuperset(map(type, cells)):
            return [cell if type(cell) in _PLAIN else serial(cell) for cell in cells]
        return cells


def bare_workbook(package: Package, blocks: Sequence[bytes]) -> io.BytesIO:
    """A workbook of nothing but blocks of rows, each a sheet that is called by its number, and the shared texts.

    The formats are left out, so that a date is the very number that the file holds. Only a workbook that counts from 1904 needs its
    formats, to tell dates from numbers.
    """
    shared = [kind for kind in ("sharedStrings", "styles") if package.related(kind)]
    if not package.counts_from_1904:
        shared = [kind for kind in shared if kind != "styles"]
    sheets = "".join(f'<sheet name="{n}" sheetId="{n + 1}" r:id="r{n}"/>' for n in range(len(blocks)))
    targets = [(f"r{n}", "worksheet", f"worksheets/{n}.xml") for n in range(len(blocks))]
    targets += [(kind, kind, f"{kind}.xml") for kind in shared]
    relations = "".join(
        f'<Relationship Id="{name}" Type="{_OFFICE}/{kind}" Target="{target}"/>' for name, kind, target in targets
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as bare:
        bare.writestr("_rels/.rels", _START)
        bare.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><workbookPr date1904="{package.counts_from_1904:d}"/>'
            f"<sheets>{sheets}</sheets></workbook>",
        )
        bare.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{_RELATIONS}">{relations}</Relationships>')
        for kind in shared:
            bare.writestr(f"xl/{kind}.xml", package.xml(package.related(kind)))
        for number, rows in enumerate(blocks):
            with bare.open(f"xl/worksheets/{number}.xml", "w") as sheet:
                sheet.writelines((_SHEET_BEGIN, rows, _SHEET_END))
    out.seek(0)
    return out


def _known(row: list[Raw], known: list[Raw]) -> list[Raw]:
    """The known row, where this one shows the very same: so that it is kept once."""
    if len(row) > len(known) or any(cell is not None for cell in known[len(row) :]):
        return row
    same = known[: len(row)] if len(known) > len(row) else known
    # 1 equals True, and both may stand in a cell.
    return known if same == row and all(map(_same_type, same, row)) else row


def _same_type(one: object, other: object) -> bool:
    return type(one) is type(other)


def _overlaid(below: Sequence[Raw], above: Sequence[Raw]) -> list[Raw]:
    """One row on top of another: a row that stands twice in the file."""
    width = max(len(below), len(above))
    padded = [*above, *[None] * (width - len(above))]
    return [
        padded[place] if padded[place] is not None or place >= len(below) else below[place] for place in range(width)
    ]


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


def widen(rows: list[list[Raw]], row: int, column: int) -> None:
    """Makes a list of rows long and wide enough to hold a cell; a row that grows is a new one, since others may know the old one."""
    while len(rows) <= row:
        rows.append([])
    missing = column + 1 - len(rows[row])
    if missing > 0:
        rows[row] = [*rows[row], *[None] * missing]


def filled_up(rows: Iterable[list[Raw]], width: int) -> list[list[Raw]]:
    """Rows of one width."""
    return [row if len(row) == width else [*row, *[None] * (width - len(row))] for row in rows]
