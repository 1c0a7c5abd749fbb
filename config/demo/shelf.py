"""Where the demo's workbooks stand, and how people type into them, whichever kind they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from config.demo.company import COMPANY, FORMS, Cell, Cells, IntakeForm
from sheetsync.syncing.headers import TOP_ROWS, Header, HeaderProblem, find_header
from sheetsync.tabs import Role, Tab
from sheetsync.values.words import fold

# Titles of the three workbooks that PMs and analysts work in.
BOOKS: Mapping[Role, str] = {
    Role.BACKLOG: f"{COMPANY} backlog",
    Role.PRODUCTOPS: f"{COMPANY} productops",
    Role.OPTIMIZATION: f"{COMPANY} portfolio",
}
# Every workbook of the demo.
TITLES = (*(form.file for form in FORMS), *BOOKS.values())

# What a cell shows that nobody has filled in: nothing, or a tick box without its tick.
UNTOUCHED: tuple[Cell, ...] = (None, "", False)

Grid = Sequence[Sequence[Cell]]  # every row from the first


class TabNotFound(Exception):
    """The workbook has no such tab, or no header row that is known. The text is a sentence for people."""


class Shelf(Protocol):
    """The demo's workbooks, each named by its title: as files in a folder, or as spreadsheets on a server."""

    @property
    def path(self) -> Path:
        """The folder of what the demo remembers; absolute."""
        ...

    @property
    def state(self) -> Path:
        """Where `Progress` is kept."""
        ...

    def location(self, title: str) -> str:
        """What `connect` is told; "" for a workbook that was never made."""
        ...

    def holds(self, title: str) -> bool:
        """Whether the workbook is there."""
        ...

    def make_intake(self, form: IntakeForm, keys: Mapping[str, str]) -> None:
        """Makes a department's workbook. `keys` (ref -> key) stand in the rows whose initiatives exist already."""
        ...

    def make_blank(self, title: str) -> None:
        """Sees to it that `init_workbook` can make a workbook there."""
        ...

    def read(self, title: str, tab: str) -> Grid:
        """What a tab shows; formulas as their text. Raises TabNotFound."""
        ...

    def type(self, title: str, tab: str, cells: Mapping[tuple[int, int], Cell]) -> None:
        """Types into cells, (row, column) from 0."""
        ...

    def set_aside(self) -> str:
        """Makes room for other workbooks; deletes nothing. Returns where the old ones are, in words."""
        ...

    def address(self, location: str) -> str:
        """What people open."""
        ...


def intake_rows(form: IntakeForm, keys: Mapping[str, str]) -> list[list[Cell]]:
    """A department's whole sheet. `keys` (ref -> key) stand in the rows whose initiatives exist already."""
    headers = list(form.headers)
    if keys and "initiative_key" not in headers:
        headers.append("initiative_key")
    rows: list[list[Cell]] = [[line or None] for line in form.instructions]
    rows.append([*headers])
    for ref, cells in form.rows:
        row = [*cells, *[None] * (len(headers) - len(cells))]
        if ref in keys:
            row[headers.index("initiative_key")] = keys[ref]
        rows.append(row)
    return rows


def type_rows(
    shelf: Shelf,
    title: str,
    tab: Tab,
    rows: Sequence[Cells],
    *,
    identity: Collection[str] = ("initiative_key",),
    untouched: Collection[Cell] = UNTOUCHED,
    adds_rows: bool = False,
) -> int:
    """Types entries into a tab; returns how many cells were filled.

    `rows`: column name -> what is typed. A row is found by its `identity` columns; only cells that show one of `untouched`
    are filled, so what people typed stays. A row that isn't there is typed below the last one, or left out without
    `adds_rows`. Raises TabNotFound.
    """
    grid = shelf.read(title, tab.name)
    header = _header(title, tab, grid)
    by_identity = {_identity(grid, header, number, identity): number for number in _filled_rows(grid, header)}
    below = max(by_identity.values(), default=header.row) + 1
    filled: dict[tuple[int, int], Cell] = {}
    for cells in rows:
        number = by_identity.get(tuple(_folded(cells[name]) for name in identity))
        if number is None and adds_rows:
            number, below = below, below + 1
        if number is not None:
            filled |= _typed(grid, header, number, cells, untouched)
    if filled:
        shelf.type(title, tab.name, filled)
    return len(filled)


def shown_cells(shelf: Shelf, title: str, tab: Tab, key: str) -> Cells:
    """What the last row of that initiative_key shows, by column; nothing when there is none. Raises TabNotFound."""
    grid = shelf.read(title, tab.name)
    header = _header(title, tab, grid)
    found = {_identity(grid, header, number, ("initiative_key",)): number for number in _filled_rows(grid, header)}
    number = found.get((_folded(key),))
    if number is None:
        return {}
    return {name: _at(grid, number, column) for name, column in header.columns.items()}


def _header(title: str, tab: Tab, grid: Grid) -> Header:
    top = [[cell if isinstance(cell, str) else None for cell in row] for row in grid[:TOP_ROWS]]
    header = find_header(tab, top)
    if isinstance(header, HeaderProblem):
        raise TabNotFound(f"{title}: {header.text}")
    return header


def _filled_rows(grid: Grid, header: Header) -> Iterator[int]:
    """Numbers of the rows below the header that hold more than boxes without ticks."""
    for number in range(header.row + 1, len(grid)):
        if not all(_is_among(_at(grid, number, column), UNTOUCHED) for column in header.columns.values()):
            yield number


def _at(grid: Grid, row: int, column: int) -> Cell:
    return grid[row][column] if row < len(grid) and column < len(grid[row]) else None


def _identity(grid: Grid, header: Header, row: int, names: Collection[str]) -> tuple[str, ...]:
    """What identifies a row; a column that somebody deleted counts as empty."""
    places = (header.columns.get(name) for name in names)
    return tuple("" if place is None else _folded(_at(grid, row, place)) for place in places)


def _folded(value: object) -> str:
    return fold("" if value is None else str(value))


def _typed(
    grid: Grid, header: Header, row: int, cells: Cells, untouched: Collection[Cell]
) -> dict[tuple[int, int], Cell]:
    """What is typed into one row."""
    filled: dict[tuple[int, int], Cell] = {}
    for name, value in cells.items():
        # A column that somebody deleted isn't put back.
        if value is None or name not in header.columns:
            continue
        column = header.columns[name]
        shown = _at(grid, row, column)
        if _is_among(shown, untouched) and shown != value:
            filled[row, column] = value
    return filled


def _is_among(value: object, cells: Collection[Cell]) -> bool:
    """Whether a cell shows one of these. A typed 0 isn't an empty tick box, though Python calls them equal."""
    return any(value == cell and isinstance(value, bool) is isinstance(cell, bool) for cell in cells)
