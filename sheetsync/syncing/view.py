"""What a tab shows, row by row: identities, twins, parsed cells. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import orjson

from sheetsync.syncing.headers import Header
from sheetsync.tabs import TWO_WAY, Column, Owner, Tab
from sheetsync.values.cells import Refusal, Value, blank, encode, fold, parse
from sheetsync.workbooks.interface import Grid, Raw

# Owners whose cells are read; the others only show.
_READ = frozenset({*TWO_WAY, Owner.COPIED, Owner.SHEET_ONLY})
# Parts of a row's identity are joined with this; it can't come up inside a folded name by accident.
JOINT = " | "
NOT_CALCULATED = "the formula has no calculated value; open the file in a spreadsheet program and save it"


def digest(content: object) -> str:
    """A short fingerprint of plain data; the same on every machine."""
    return hashlib.blake2b(orjson.dumps(content, default=repr), digest_size=12).hexdigest()


def identity_text(parts: Iterable[Value]) -> str:
    """The identity of a row as one text: names match trimmed and ignoring case."""
    return JOINT.join(fold(str(part)) for part in parts)


def holds_nothing(cells: Iterable[Raw]) -> bool:
    """Whether a row is empty: a tick-box column reads FALSE in rows that nobody filled."""
    return all(
        cell is None or cell is False or (isinstance(cell, str) and cell.strip() in ("", "FALSE")) for cell in cells
    )


@dataclass(frozen=True, eq=False)
class SheetRow:
    """One row with content, below the header."""

    index: int  # row of the grid, from 0
    raw: Mapping[str, Raw]  # column name -> cell, for the columns that were recognised
    key: str  # identity text; "" when it can't be told
    problem: str = ""  # why the identity can't be told, a sentence; "" when nothing of it is filled
    merged: bool = False  # some of its cells are inside a merged range

    @property
    def number(self) -> int:
        """The row as people count it."""
        return self.index + 1


@dataclass(frozen=True, kw_only=True)
class TabView:
    """A tab as it was read: where its columns are, and its rows."""

    tab: Tab
    title: str  # the sheet's own name for it
    header: Header
    grid: Grid
    rows: tuple[SheetRow, ...]

    @cached_property
    def twins(self) -> Mapping[str, tuple[int, ...]]:
        """Identity -> row numbers, for identities that more than one row has."""
        counts = Counter(row.key for row in self.rows if row.key)
        doubled = {key for key, count in counts.items() if count > 1}
        found: dict[str, list[int]] = {}
        for row in self.rows:
            if row.key in doubled:
                found.setdefault(row.key, []).append(row.number)
        return {key: tuple(numbers) for key, numbers in found.items()}

    def twin_verdict(self, row: SheetRow) -> str:
        """run_status of a row that has twins."""
        others = ", ".join(str(number) for number in self.twins[row.key] if number != row.number)
        what = " and ".join(self.tab.identity)
        return f"FAILED: row {others} has the same {what}; none of them is taken until one is left"

    @cached_property
    def by_key(self) -> Mapping[str, SheetRow]:
        """The rows that one key finds, twins left out."""
        return {row.key: row for row in self.rows if row.key and row.key not in self.twins}

    def values(self, row: SheetRow) -> tuple[Mapping[str, Value], Mapping[str, Refusal]]:
        """The row's cells parsed: column -> value, and column -> why it is refused. Only what people fill, and the identity."""
        if row.index not in self._parsed:
            self._parsed[row.index] = self._parse(row)
        return self._parsed[row.index]

    @cached_property
    def _parsed(self) -> dict[int, tuple[dict[str, Value], dict[str, Refusal]]]:
        return {}

    @cached_property
    def _read_columns(self) -> tuple[Column, ...]:
        return tuple(
            column
            for column in self.tab.columns
            if column.name in self.header.columns and (column.owner in _READ or column.name in self.tab.identity)
        )

    def _parse(self, row: SheetRow) -> tuple[dict[str, Value], dict[str, Refusal]]:
        values: dict[str, Value] = {}
        refused: dict[str, Refusal] = {}
        for column in self._read_columns:
            if (row.index, self.header.columns[column.name]) in self.stale_cells:
                refused[column.name] = Refusal(text=f"{column.name}: {NOT_CALCULATED}")
                continue
            value = parse(column, row.raw[column.name])
            if isinstance(value, Refusal):
                refused[column.name] = value
            else:
                values[column.name] = value
        return values, refused

    def typed_text(self, row: SheetRow) -> str:
        """Fingerprint of what people typed in the row."""
        values, refused = self.values(row)
        typed = {
            column.name: encode(values[column.name]) for column in self.tab.named(*TWO_WAY) if column.name in values
        }
        return text_of({**typed, **{name: str(row.raw[name]) for name in refused}})

    def text_as_stored(self, values: Mapping[str, Value]) -> str:
        """The fingerprint of a row that says what is stored, in the columns that are there."""
        here = [column.name for column in self.tab.named(*TWO_WAY) if column.name in self.header.columns]
        return text_of({name: encode(values[name]) for name in here})

    @cached_property
    def uncalculated(self) -> tuple[int, ...]:
        """Numbers of the rows whose identity is a formula that nobody calculated: they may be anybody's."""
        return tuple(row.number for row in self.rows if row.problem.endswith(NOT_CALCULATED))

    @cached_property
    def stale_cells(self) -> frozenset[tuple[int, int]]:
        """Cells whose formula has no calculated value."""
        return frozenset(self.grid.stale)


def view_tab(tab: Tab, title: str, header: Header, grid: Grid) -> TabView:
    """Reads the rows below the header; empty ones are left out."""
    names = tuple(header.columns)
    places = tuple(header.columns.values())
    merged_rows = {row for row, column in grid.merged if column in places}
    stale = _stale_identities(tab, header, grid)
    rows = []
    for index in range(header.row + 1, len(grid.rows)):
        cells = grid.rows[index]
        recognised = [cells[place] for place in places]
        if holds_nothing(recognised) and index not in stale:
            continue
        raw = dict(zip(names, recognised, strict=True))
        key, problem = ("", stale[index]) if index in stale else _identify(tab, raw)
        rows.append(SheetRow(index, raw, key, problem, index in merged_rows))
    return TabView(tab=tab, title=title, header=header, grid=grid, rows=tuple(rows))


def _stale_identities(tab: Tab, header: Header, grid: Grid) -> Mapping[int, str]:
    """Row of the grid -> which of its identity's formulas has no calculated value."""
    places = {header.columns[name]: name for name in tab.identity if name in header.columns}
    return {row: f"{places[place]}: {NOT_CALCULATED}" for row, place in grid.stale if place in places}


def _identify(tab: Tab, raw: Mapping[str, Raw]) -> tuple[str, str]:
    """(identity text, "") or ("", why it can't be told)."""
    parts: list[Value] = []
    absent = []
    for name in tab.identity:
        column = tab.column(name)
        value = parse(column, raw[name]) if name in raw else blank(column)
        if isinstance(value, Refusal):
            return "", value.text
        if value in ("", None):
            absent.append(name)
        parts.append(value)
    if absent or not parts:
        return "", "" if len(absent) == len(tab.identity) else f"{' and '.join(absent)} is empty"
    return identity_text(parts), ""


def row_digest(row: SheetRow) -> str:
    """Fingerprint of everything the row shows in its recognised columns."""
    return digest(row.raw)


def text_of(values: Mapping[str, object]) -> str:
    """Fingerprint of what people typed in a row (column -> encoded value): tells rows without a key apart. Blanks don't count, so that a
    new, empty column changes nothing."""
    typed = {name: value for name, value in values.items() if value is not False and value not in (None, "", [], {})}
    return digest(sorted(typed.items()))


def far_fewer(before: int, now: int) -> bool:
    """Whether so many rows went at once that a person must confirm: all of them, or more than 20 % and more than 10."""
    gone = before - now
    return (before > 0 and now == 0) or (gone > 10 and gone > before * 0.2)


def padded(rows: Sequence[Sequence[Raw]], width: int) -> list[list[Raw]]:
    """Rows filled up with None to one width."""
    return [list(row) + [None] * (width - len(row)) for row in rows]
