"""From a header row to columns. Pure.

Columns are found by header: the canonical name or an alias, ignoring case, spaces, punctuation, underscores and a
trailing `(unit)`. Their order never matters; what isn't recognised is left alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from sheetsync.tabs import Column, Tab
from sheetsync.values.words import as_shown, is_blank, is_error, nearest, trim
from sheetsync.workbooks.interface import Raw

TOP_ROWS = 10  # rows in which a header is looked for; those above it may hold instructions
LONGEST_HEADER = 200  # characters; what is longer is an instruction

_UNIT = re.compile(r"\([^()]*\)[^\w()]*$")
_NOT_IN_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, kw_only=True)
class Header:
    """Where a tab's columns are. Rows and columns count from 0."""

    row: int  # the header row
    columns: Mapping[str, int]  # canonical name -> column index, for every recognised column that may be used
    doubled: Mapping[
        str, tuple[int, ...]
    ]  # canonical name -> indices of two or more headers that mean it; not in `columns`
    unknown: tuple[tuple[int, str], ...]  # (column index, header) that mean no declared column
    absent: tuple[str, ...]  # canonical names of declared columns that have no header


@dataclass(frozen=True, kw_only=True)
class HeaderProblem:
    """Why a tab can't be used as it is."""

    text: str  # a sentence for people
    best_row: int | None = None  # the row, from 0, that comes closest to a header row; None when none does
    missing: tuple[str, ...] = ()  # required columns that it lacks
    absent: tuple[str, ...] = ()  # canonical names of all declared columns that it lacks
    lone_row: int | None = None  # where no row holds more than one known header: the first that holds one


@dataclass(frozen=True, kw_only=True)
class _Match:
    """What one row would mean as a header row."""

    row: int
    places: Mapping[str, tuple[int, ...]]  # canonical name -> indices of the headers that mean it
    texts: Mapping[int, str]  # column index -> header, for every cell that holds something

    @property
    def unknown(self) -> tuple[tuple[int, str], ...]:
        """(column index, header) of what means no declared column."""
        known = {place for places in self.places.values() for place in places}
        return tuple((place, text) for place, text in self.texts.items() if place not in known)

    def quoted(self, places: Sequence[int]) -> str:
        """The headers in these columns, for a message."""
        return " and ".join(f"{as_shown(self.texts[place])} (column {column_letter(place)})" for place in places)

    def lacks(self, required: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in required if name not in self.places)


@lru_cache(maxsize=4096)
def normalise(text: str) -> str:
    """What headers are compared by: `Engineering Tokens (pts)` and `engineering_tokens` are one."""
    text = unicodedata.normalize("NFKC", text)
    without_unit = _UNIT.sub("", text)
    return _words(without_unit) or _words(text)


def _words(text: str) -> str:
    return unicodedata.normalize("NFKC", _NOT_IN_WORDS.sub("", text).casefold())


def header_names(column: Column) -> frozenset[str]:
    """Every normalised header that means the column."""
    return frozenset(name for name in map(normalise, (column.name, *column.aliases)) if name)


def column_letter(index: int) -> str:
    """What a spreadsheet calls the column: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index > 0:
        index, letter = divmod(index - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def find_header(tab: Tab, rows: Sequence[Sequence[Raw]]) -> Header | HeaderProblem:
    """The first of the top ten rows that holds every required column, or what is wrong.

    A row that holds one column alone counts only where no row holds more: instructions may hold a word that is a name.
    A required column with two headers is a problem; an optional one is left out of `columns`.
    """
    names = _meanings(tab)
    matches = [_match(names, index, row) for index, row in enumerate(rows[:TOP_ROWS])]
    best = max(matches, key=lambda match: len(match.places), default=None)  # the first of equals
    required = [column.name for column in tab.columns if column.required]
    if best is None or not best.places:
        return HeaderProblem(text=_no_header_row(tab, required), missing=tuple(required))
    least = min(2, len(best.places))
    for match in matches:
        if len(match.places) >= least and not match.lacks(required):
            return _header(tab, match)
    missing, absent = best.lacks(required), best.lacks([column.name for column in tab.columns])
    if len(best.places) < 2:
        text = _no_header_row(tab, required)
        return HeaderProblem(text=text, missing=missing, absent=absent, lone_row=best.row)
    return HeaderProblem(text=_missing(tab, best, required), best_row=best.row, missing=missing, absent=absent)


def nearest_column(tab: Tab, header: str) -> str | None:
    """The canonical name of the column that a mistyped header most likely means; None when nothing is near."""
    names = _meanings(tab)
    near = nearest(normalise(header), names)
    return None if near is None else names[near]


def alias_clashes(tab: Tab) -> list[tuple[str, str, str]]:
    """Headers that two columns share: (normalised header, one column, the other)."""
    return [
        (shared, one.name, other.name)
        for one, other in combinations(tab.columns, 2)
        for shared in sorted(header_names(one) & header_names(other))
    ]


def _meanings(tab: Tab) -> dict[str, str]:
    """Normalised header -> canonical name; canonical names go before aliases."""
    names = {normalise(column.name): column.name for column in reversed(tab.columns)}
    for column in tab.columns:
        for alias in column.aliases:
            names.setdefault(normalise(alias), column.name)
    names.pop("", None)
    return names


def _match(names: Mapping[str, str], index: int, row: Sequence[Raw]) -> _Match:
    places: dict[str, tuple[int, ...]] = {}
    texts = {place: _text(cell) for place, cell in enumerate(row) if not is_blank(cell)}
    for place, text in texts.items():
        if len(text) <= LONGEST_HEADER and not is_error(text) and (name := names.get(normalise(text))):
            places[name] = (*places.get(name, ()), place)
    return _Match(row=index, places=places, texts=texts)


def _text(cell: Raw) -> str:
    return trim(cell) if isinstance(cell, str) else as_shown(cell)


def _header(tab: Tab, match: _Match) -> Header | HeaderProblem:
    doubled = {name: places for name, places in match.places.items() if len(places) > 1}
    required = [column.name for column in tab.columns if column.required and column.name in doubled]
    if required:
        meant = "; ".join(f"{match.quoted(doubled[name])} mean {name}" for name in required)
        advice = "rename or delete all but one"
        return HeaderProblem(text=f"{tab.name}: in row {match.row + 1}, {meant}; {advice}", best_row=match.row)
    declared = [column.name for column in tab.columns]
    return Header(
        row=match.row,
        columns={name: match.places[name][0] for name in declared if name in match.places and name not in doubled},
        doubled=doubled,
        unknown=match.unknown,
        absent=tuple(name for name in declared if name not in match.places),
    )


def _no_header_row(tab: Tab, required: Sequence[str]) -> str:
    expected = ", ".join(required or [column.name for column in tab.columns])
    return f"{tab.name}: no header row in the top {TOP_ROWS} rows; one row must hold the headers {expected}"


def _missing(tab: Tab, best: _Match, required: Sequence[str]) -> str:
    missing = best.lacks(required)
    text = f"{tab.name}: the header row (row {best.row + 1}) has no header for {' and '.join(missing)}; add it"
    for place, header in best.unknown:
        if (meant := nearest_column(tab, header)) in missing:
            return f"{text}, or rename {best.quoted([place])}, which looks like {meant}"
    return text
