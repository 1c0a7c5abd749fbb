"""Formulas of .xlsx tabs: their texts, and the ones that merely copy another cell.

A copy (`=A2`, `='My Tab'!$B$3`) is always settled from the cell it refers to: the result that the file keeps beside it
is dropped or out of date as soon as a program other than a spreadsheet saves the file.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from openpyxl.formula import Tokenizer
from openpyxl.formula.tokenizer import Token

from sheetsync.workbooks.interface import Raw
from sheetsync.workbooks.xlsx_sheet_xml import (
    MAX_COLUMNS,
    MAX_ROWS,
    attribute,
    block,
    cell_name,
    column_letters,
    column_number,
    place,
)

_FORMULA = re.compile(rb"<f(?=[\s/>])")
_LONGEST_MARK = 8  # bytes of what `_FORMULA` finds, and one more
_FORMULA_CELL = re.compile(
    rb"<c(?=\s)([^>]*?)>\s*<f(?=[\s/>])([^>]*?)(?:/>|>([^<]*)</f\s*>)\s*(?:<v(?=[\s/>])[^>]*?(?:/>|>([^<]*)</v\s*>))?",
    re.DOTALL,
)
_COPY = re.compile(r"=\s*(?:'((?:[^']|'')+)'!|([\w.]+)!)?(\$?[A-Za-z]{1,3}\$?[0-9]{1,7})\s*")
_REFERENCE_PART = re.compile(r"(\$?)([A-Za-z]{1,3})(\$?)([0-9]{1,7})(?![0-9A-Za-z_.(])")
# Ranges that one array formula fills are taken whole up to this many cells.
_MAX_SPILL = 100_000

Place = tuple[str, int, int]  # (tab title, row, column)


@dataclass(frozen=True, kw_only=True, slots=True)
class FormulaCell:
    """One cell whose value comes from a formula."""

    text: str  # with its "="
    cached: bool  # whether the file keeps a result for it
    copies: Place | None  # the cell that it merely shows


@dataclass(frozen=True, kw_only=True)
class TabCells:
    """One tab before its copies are settled."""

    rows: list[list[Raw]]  # values as the file keeps them
    formulas: Mapping[tuple[int, int], FormulaCell]


class FormulaScan:
    """Every formula cell of a sheet, the ones that an array formula fills included; the sheet's rows come in pieces, each normalised."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._found: dict[tuple[int, int], FormulaCell] = {}
        self._shared: dict[str, ShiftedFormula] = {}
        self._followers: list[tuple[tuple[int, int], str, bool]] = []
        self.any = False  # whether a formula stands anywhere, a malformed one included

    def add(self, rows: bytes) -> None:
        """Some rows more. Raises ValueError when malformed."""
        self.any = self.any or _FORMULA.search(rows) is not None
        for cell in _formula_cells(rows) if self.any else ():
            self._add(cell)

    def _add(self, cell: _Written) -> None:
        if cell.kind == "shared" and not cell.text:
            self._followers.append((cell.at, cell.group, cell.cached))
            return
        text = "=" + cell.text
        if cell.kind == "shared":
            self._shared[cell.group] = ShiftedFormula(text, cell.at)
        copies = copied_place(text, self._title) if cell.kind != "dataTable" else None
        for at in _filled(cell):
            self._found.setdefault(at, FormulaCell(text=text, cached=True, copies=None))
        self._found[cell.at] = FormulaCell(text=text, cached=cell.cached, copies=copies)

    def found(self) -> dict[tuple[int, int], FormulaCell]:
        """All of them. Raises ValueError when malformed."""
        for at, group, cached in self._followers:
            text = self._shared[group].text_at(at) if group in self._shared else "="
            self._found[at] = FormulaCell(text=text, cached=cached, copies=copied_place(text, self._title))
        return self._found


def holds_formula(chunks: Iterable[bytes]) -> bool:
    """Whether a formula stands anywhere in a sheet's XML, cut anywhere."""
    before = b""
    for chunk in chunks:
        before = before[-_LONGEST_MARK:] + chunk
        if _FORMULA.search(before):
            return True
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """One `<f>` element as the sheet's XML has it."""

    at: tuple[int, int]
    kind: str  # "", shared, array, dataTable
    group: str  # shared formulas: which
    ref: str  # the range that it fills
    text: str  # without "="
    cached: bool


def _formula_cells(xml: bytes) -> Iterator[_Written]:
    for start in _FORMULA.finditer(xml):
        found = _FORMULA_CELL.match(xml, xml.rfind(b"<c ", 0, start.start()))
        if found is None:
            continue
        cell, formula, text, value = found.groups()
        yield _Written(
            at=place(attribute(cell, "r") or ""),
            kind=attribute(formula, "t") or "",
            group=attribute(formula, "si") or "",
            ref=attribute(formula, "ref") or "",
            text=html.unescape((text or b"").decode()),
            # An empty text is a result as well.
            cached=bool(value) or (value is not None and attribute(cell, "t") == "str"),
        )


def _filled(cell: _Written) -> Iterator[tuple[int, int]]:
    """The other cells that an array formula or a data table fills."""
    if cell.kind not in ("array", "dataTable") or not cell.ref:
        return
    top, left, bottom, right = block(cell.ref)
    if (bottom - top + 1) * (right - left + 1) > _MAX_SPILL:
        raise ValueError(f"{cell.ref} is too large for one array formula")
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            yield row, column


def copied_place(text: str, title: str) -> Place | None:
    """The cell that a formula of that tab merely shows; None for any other formula."""
    found = _COPY.fullmatch(text)
    if found is None:
        return None
    quoted, plain, reference = found.groups()
    try:
        row, column = place(reference)
    except ValueError:
        return None
    if quoted is not None:
        # '[Other.xlsx]Tab'!A1 looks into another file.
        return None if "[" in quoted else (quoted.replace("''", "'"), row, column)
    return plain or title, row, column


class ShiftedFormula:
    """A formula that is filled down or across: one text, shifted for each cell that has it."""

    def __init__(self, text: str, at: tuple[int, int]) -> None:
        self._at = at
        self._pieces: list[str | _Reference] = []
        for token in Tokenizer(text).items:
            if token.type == Token.OPERAND and token.subtype == Token.RANGE:
                self._pieces.extend(_split_references(token.value))
            else:
                self._pieces.append(token.value)

    def text_at(self, at: tuple[int, int]) -> str:
        """The formula as the cell at that place has it, with its "="."""
        down, across = at[0] - self._at[0], at[1] - self._at[1]
        return "=" + "".join(piece if isinstance(piece, str) else piece.shifted(down, across) for piece in self._pieces)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reference:
    row: int
    column: int
    row_fixed: bool
    column_fixed: bool

    def shifted(self, down: int, across: int) -> str:
        """The reference as it reads so many rows further down and columns further to the right."""
        row = self.row if self.row_fixed else self.row + down
        column = self.column if self.column_fixed else self.column + across
        if not (0 <= row < MAX_ROWS and 0 <= column < MAX_COLUMNS):
            return "#REF!"
        if not (self.row_fixed or self.column_fixed):
            return cell_name(row, column)
        return f"{'$' * self.column_fixed}{column_letters(column)}{'$' * self.row_fixed}{row + 1}"


def _split_references(operand: str) -> Iterator[str | _Reference]:
    """The operand cut into what stays and the cell references in it. A tab's name stays, whatever it looks like."""
    prefix, mark, rest = operand.rpartition("!")
    yield prefix + mark
    end = 0
    for found in _REFERENCE_PART.finditer(rest):
        yield rest[end : found.start()]
        yield _Reference(
            row=int(found[4]) - 1, column=column_number(found[2]), row_fixed=bool(found[3]), column_fixed=bool(found[1])
        )
        end = found.end()
    yield rest[end:]


def follow_rows(text: str, title: str, moved: str, row_moves: Callable[[int], int | None]) -> str:
    """A formula of the tab `title` after rows of the tab `moved` were inserted or deleted, as spreadsheet programs rewrite it.

    `row_moves` gives a row's new place, or None when the row is gone.
    """
    out = ["="]
    for token in Tokenizer(text).items:
        sheet = token.value.rpartition("!")[0].strip("'").replace("''", "'") or title
        if token.type != Token.OPERAND or token.subtype != Token.RANGE or sheet.casefold() != moved.casefold():
            out.append(token.value)
            continue
        for piece in _split_references(token.value):
            if isinstance(piece, str):
                out.append(piece)
                continue
            row = row_moves(piece.row)
            out.append("#REF!" if row is None else replace(piece, row=row).shifted(0, 0))
    return "".join(out)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Settled:
    value: Raw
    stale: bool  # no value can be told


class Copies:
    """Settles cells that copy other cells, across the tabs of one workbook."""

    def __init__(self, tab: Callable[[str], TabCells | None]) -> None:
        """`tab` gives a tab by its title (None where there is none); it is asked only for tabs that are referred to."""
        self._tab = tab
        self._settled: dict[Place, _Settled] = {}

    def settle(self, title: str, cells: TabCells) -> tuple[dict[tuple[int, int], Raw], set[tuple[int, int]]]:
        """(value by place of every cell that copies another, places of formulas without any value)."""
        values: dict[tuple[int, int], Raw] = {}
        stale: set[tuple[int, int]] = set()
        for at, formula in cells.formulas.items():
            if formula.copies is None:
                if not formula.cached:
                    stale.add(at)
                continue
            settled = self._follow((title, *at))
            values[at] = settled.value
            if settled.value is None and not settled.stale and _kept(cells, *at) == 0:
                # A spreadsheet program shows 0 for a copy of a blank cell, and has said so in the file.
                values[at] = _kept(cells, *at)
            if settled.stale:
                stale.add(at)
        return values, stale

    def _follow(self, start: Place) -> _Settled:
        """Walks from copy to copy to the cell that holds a value. Iterative: a chain may be as long as a tab."""
        path: dict[Place, None] = {}
        at = start
        while True:
            if at in self._settled:
                settled = self._settled[at]
                break
            if at in path:
                settled = _Settled(value=None, stale=True)
                break
            path[at] = None
            cells = self._tab(at[0])
            if cells is None:
                settled = _Settled(value="#REF!", stale=False)
                break
            formula = cells.formulas.get(at[1:])
            if formula is not None and formula.copies is not None:
                at = formula.copies
                continue
            settled = _Settled(value=_kept(cells, *at[1:]), stale=formula is not None and not formula.cached)
            break
        self._settled.update(dict.fromkeys(path, settled))
        return settled


def _kept(cells: TabCells, row: int, column: int) -> Raw:
    """What the file keeps for a cell; None beyond the last one."""
    if row >= len(cells.rows) or column >= len(cells.rows[row]):
        return None
    return cells.rows[row][column]
