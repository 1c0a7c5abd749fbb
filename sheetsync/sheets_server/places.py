"""Ranges: A1 notation and rectangles. Rows and columns count from 0, ends are exclusive."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sheetsync.sheets_server.errors import invalid
from sheetsync.workbooks.xlsx_sheet_xml import column_letters, column_number

_CORNER = r"\$?([A-Za-z]{0,3})\$?([0-9]{0,7})"
_CELLS = re.compile(rf"{_CORNER}(?::{_CORNER})?")
_QUOTED = re.compile(r"'((?:[^']|'')+)'(?:!(.*))?", re.DOTALL)


class Axis(StrEnum):
    """What is inserted or deleted."""

    ROWS = "ROWS"
    COLUMNS = "COLUMNS"


@dataclass(frozen=True, kw_only=True)
class Block:
    """A rectangle of a sheet."""

    top: int = 0
    left: int = 0
    bottom: int | None = None  # exclusive; None: to the last row, whatever comes
    right: int | None = None  # exclusive; None: to the last column

    def holds(self, row: int, column: int) -> bool:
        """Whether a cell lies in it."""
        return (
            self.top <= row
            and self.left <= column
            and (self.bottom is None or row < self.bottom)
            and (self.right is None or column < self.right)
        )

    def within(self, rows: int, columns: int) -> Block:
        """The part of it that lies on a grid of that size, with every end known."""
        return Block(
            top=self.top,
            left=self.left,
            bottom=rows if self.bottom is None else min(self.bottom, rows),
            right=columns if self.right is None else min(self.right, columns),
        )

    def meets(self, other: Block) -> bool:
        """Whether two rectangles share a cell."""
        return (
            (self.bottom is None or other.top < self.bottom)
            and (other.bottom is None or self.top < other.bottom)
            and (self.right is None or other.left < self.right)
            and (other.right is None or self.left < other.right)
        )

    def cells(self) -> Iterator[tuple[int, int]]:
        """Every cell of a rectangle whose ends are known."""
        assert self.bottom is not None
        assert self.right is not None
        for row in range(self.top, self.bottom):
            for column in range(self.left, self.right):
                yield row, column

    def grown(self, axis: Axis, at: int, count: int, *, shifts: bool, stretches: bool) -> Block:
        """After `count` rows or columns were inserted at `at`. `shifts`: whether it makes way when they come right before its
        first; `stretches`: whether it takes them in when they come right behind its last."""
        first, last = (self.top, self.bottom) if axis is Axis.ROWS else (self.left, self.right)
        if last is not None and (at < last or (at == last and stretches)):
            last += count
        first += count * (at < first or (at == first and shifts))
        return self._with(axis, first, last)

    def shrunk(self, axis: Axis, start: int, end: int) -> Block | None:
        """After rows or columns were deleted; None when nothing of it is left."""
        first, last = (self.top, self.bottom) if axis is Axis.ROWS else (self.left, self.right)
        first = _after_deletion(first, start, end)
        last = None if last is None else _after_deletion(last, start, end)
        return None if last is not None and last <= first else self._with(axis, first, last)

    def rearranged(self, axis: Axis, places: Mapping[int, int]) -> Iterator[Block]:
        """After rows or columns were put elsewhere: where each one stood -> where it stands. It may fall into pieces."""
        first, last = (self.top, self.bottom) if axis is Axis.ROWS else (self.left, self.right)
        held = sorted(places[place] for place in range(first, len(places) if last is None else min(last, len(places))))
        if len(held) == len(places):
            yield self
            return
        start = 0
        for at in range(1, len(held) + 1):
            if at == len(held) or held[at] != held[at - 1] + 1:
                yield self._with(axis, held[start], held[at - 1] + 1)
                start = at

    def _with(self, axis: Axis, first: int, last: int | None) -> Block:
        if axis is Axis.ROWS:
            return replace(self, top=first, bottom=last)
        return replace(self, left=first, right=last)


def _after_deletion(place: int, start: int, end: int) -> int:
    return place - (min(place, end) - start) if place > start else place


def parse_range(text: str, titles: Sequence[str]) -> tuple[str, Block]:
    """The sheet's title and the rectangle of a range in A1 notation; without a sheet's name it is the first sheet's.

    Raises ApiError as the API answers what it can't parse.
    """
    folded = {title.casefold(): title for title in titles}
    if quoted := _QUOTED.fullmatch(text):
        title, cells = quoted[1].replace("''", "'"), quoted[2]
    elif "!" in text:
        title, _, cells = text.rpartition("!")
    elif text.casefold() in folded:
        title, cells = text, None
    else:
        title, cells = titles[0] if titles else "", text
    if title.casefold() not in folded:
        raise invalid(f"Unable to parse range: {text}")
    return folded[title.casefold()], Block() if cells is None else _block(cells, text)


def _block(cells: str, text: str) -> Block:
    found = _CELLS.fullmatch(cells)
    if found is None or not any(found.groups()):
        raise invalid(f"Unable to parse range: {text}")
    left, top = _corner(found[1], found[2])
    if ":" not in cells:
        if left is None or top is None:
            raise invalid(f"Unable to parse range: {text}")
        return Block(top=top, left=left, bottom=top + 1, right=left + 1)
    right, bottom = _corner(found[3], found[4])
    return Block(
        top=top or 0,
        left=left or 0,
        bottom=None if bottom is None else bottom + 1,
        right=None if right is None else right + 1,
    )


def _corner(letters: str, digits: str) -> tuple[int | None, int | None]:
    return (column_number(letters) if letters else None), (int(digits) - 1 if digits else None)


def range_text(title: str, block: Block) -> str:
    """A rectangle with known ends in A1 notation, as answers name it."""
    name = title if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", title) else "'" + title.replace("'", "''") + "'"
    assert block.bottom is not None
    assert block.right is not None
    first = f"{column_letters(block.left)}{block.top + 1}"
    last = f"{column_letters(max(block.right - 1, block.left))}{max(block.bottom, block.top + 1)}"
    return f"{name}!{first}" if first == last else f"{name}!{first}:{last}"


def block_of(grid_range: Mapping[str, Any]) -> Block:
    """The rectangle of a GridRange."""
    return Block(
        top=grid_range.get("startRowIndex", 0),
        left=grid_range.get("startColumnIndex", 0),
        bottom=grid_range.get("endRowIndex"),
        right=grid_range.get("endColumnIndex"),
    )


def grid_range(sheet_id: int, block: Block) -> dict[str, int]:
    """A rectangle as a GridRange."""
    ends = {
        "startRowIndex": block.top or None,
        "startColumnIndex": block.left or None,
        "endRowIndex": block.bottom,
        "endColumnIndex": block.right,
    }
    return {"sheetId": sheet_id, **{name: end for name, end in ends.items() if end is not None}}
