"""The one interface of every kind of workbook: read several tabs at once, write ranges of several tabs at once.

Rows and columns are counted from 0 everywhere in the engine; only messages for people count rows from 1.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

# What a cell holds when read unformatted: dates are serial numbers (days since 1899-12-30), errors are texts such as "#REF!".
Raw = None | bool | int | float | str
# What may be written. A date becomes its serial number in a date format; None clears the cell; a str is always text, never a formula.
Writable = None | bool | int | float | str | datetime.date


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What one tab showed at one read."""

    rows: list[list[Raw]]  # every row from the first, each padded to `width`; blank cells are None
    width: int  # columns
    formulas: Mapping[
        tuple[int, int], str
    ]  # (row, column) -> formula text with its "="; complete only when read with formulas=True
    merged: Collection[tuple[int, int]] = ()  # cells inside merged ranges, but for each range's first cell
    stale: Collection[
        tuple[int, int]
    ] = ()  # formula cells without a calculated value that no plain reference could settle


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One read of a workbook."""

    grids: Mapping[str, Grid]  # by tab title; a tab that isn't there is missing
    titles: tuple[str, ...]  # every tab of the workbook, in order
    version: str  # equal versions promise equal content; "" when the kind can't tell


@dataclass(frozen=True, kw_only=True)
class TabWrites:
    """What is to be written to one tab, in one atomic step."""

    cells: Mapping[tuple[int, int], Writable] = field(default_factory=dict)  # (row, column) -> value
    appended: Sequence[Mapping[int, Writable]] = ()  # new rows below the last one with content: column -> value
    after_row: int = 0  # appended rows go below this row at least (the header's)


@dataclass(frozen=True, kw_only=True)
class WriteResult:
    """How a write went, tab by tab."""

    written: frozenset[str]  # tabs whose write is known to have landed
    refused: Mapping[str, str] = field(
        default_factory=dict
    )  # tab -> why nothing was written there (a sentence for people)
    unknown: frozenset[str] = frozenset()  # tabs whose write may or may not have landed, or may land later
    may_land_for_s: float = 0.0  # seconds during which an unknown write could still land
    version: str = ""  # of the workbook with exactly this write on top of the version it was planned on; "" when that can't be told


class WorkbookUnavailable(Exception):
    """The workbook can't be read or written now. The text is a sentence for people: what is wrong, and what to do."""


class WorkbookChanged(Exception):
    """The workbook is no longer the version that the write was planned on: read again, plan again."""


class OpenWorkbook(Protocol):
    """A connected workbook. One instance serves one action; it counts its requests."""

    reads: int  # requests made to read
    writes: int  # requests made to write
    write_window_s: (
        float  # seconds after which a write that was sent can't land any more; 0 when a write is done once it returns
    )

    def version(self) -> str:
        """The version that `read` would show, without parsing anything; "" when the kind can't tell. With the `read` that may follow it
        counts as one request. Raises WorkbookUnavailable."""
        ...

    def read(self, tabs: Sequence[str] | None = None, *, formulas: bool = False) -> Snapshot:
        """All the named tabs (None: every tab) in one read. Raises WorkbookUnavailable."""
        ...

    def write(self, writes: Mapping[str, TabWrites], *, version: str = "") -> WriteResult:
        """All changes of all tabs in one write; atomic per tab at least. With `version`, raises WorkbookChanged when the content is no
        longer that version (kinds that can't tell ignore it). Raises WorkbookUnavailable when nothing was written."""
        ...
