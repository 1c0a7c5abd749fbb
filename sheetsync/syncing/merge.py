"""The three-way merge: base (what both sides last agreed on), sheet and DB. Pure.

All values here are encoded (JSON-able, see `cells.encode`). What the engine remembers of its own writes follows the one protocol that loses
nothing under every order of edits, crashes, lost answers and late writes: the base becomes the new value when a write is known to have
landed; every attempt is stored before it is sent; a value that equals a stored attempt is our own echo and becomes the base; an attempt is
forgotten when it landed, or once a read was made when it couldn't land any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Encoded = Any


class NoBase:
    """Both sides never agreed on this cell: the column or the row is new."""

    def __repr__(self) -> str:
        return "NO_BASE"


NO_BASE = NoBase()


@dataclass(frozen=True)
class Attempt:
    """A write that was sent, or is about to be."""

    value: Encoded
    until: float  # epoch second after which it can't land any more
    row: int = -1  # the grid row it was aimed at; -1 once it can't have hit another row

    def as_json(self) -> list[Any]:
        """[value, until, row], as stored."""
        return [self.value, self.until, self.row]


class Turn(StrEnum):
    """Who changed the cell since both sides last agreed."""

    NOBODY = "nobody"  # sheet, base and DB are one
    SHEET = "sheet"  # a person typed: the DB takes it
    DB = "db"  # the DB changed: the sheet takes it
    BOTH = "both"  # both, to different values: the person's edit wins, the DB's value is kept as a conflict


@dataclass(frozen=True)
class Settled:
    """How one cell is settled."""

    turn: Turn
    base: Encoded | NoBase  # what both sides agree on from now on (for DB: until the write has landed)


def settle(
    *, sheet: Encoded, base: Encoded | NoBase, db: Encoded, blank: Encoded, attempts: Sequence[Attempt] = ()
) -> Settled:
    """Settles one two-way cell. `blank` is what an empty cell means for its column."""
    if sheet == db:
        return Settled(Turn.NOBODY, sheet)
    if any(attempt.value == sheet for attempt in attempts):
        return Settled(Turn.DB, sheet)  # our own write, seen again; the DB has moved on since
    if isinstance(base, NoBase):
        if sheet == blank:
            return Settled(Turn.DB, sheet)
        return Settled(Turn.SHEET if db == blank else Turn.BOTH, sheet)
    if sheet == base:
        return Settled(Turn.DB, base)
    return Settled(Turn.SHEET if db == base else Turn.BOTH, sheet)


@dataclass(kw_only=True)
class RowMemory:
    """What the engine remembers of one row between syncs."""

    base: dict[str, Encoded] = field(default_factory=dict)  # column -> value; a column that isn't there has no base
    attempts: dict[str, list[Attempt]] = field(
        default_factory=dict
    )  # column -> writes that aren't known to have landed

    @classmethod
    def from_json(cls, base: Mapping[str, Encoded], pending: Mapping[str, Iterable[Sequence[Any]]]) -> RowMemory:
        """From what `RowState` stores."""
        return cls(
            base=dict(base),
            attempts={column: [Attempt(*entry) for entry in entries] for column, entries in pending.items()},
        )

    def pending_json(self) -> dict[str, list[list[Any]]]:
        """For `RowState.pending`."""
        return {
            column: [attempt.as_json() for attempt in entries] for column, entries in self.attempts.items() if entries
        }

    def forget_settled_attempts(self, read_began: float) -> None:
        """Drops the attempts that couldn't land any more when the read began: what they did, the read has shown."""
        self.attempts = {
            column: kept
            for column, entries in self.attempts.items()
            if (kept := [attempt for attempt in entries if attempt.until > read_began])
        }

    def landed(self, column: str, value: Encoded, row: int = -1) -> None:
        """One attempt is known to have landed, that for this grid row if there are several: both sides agree on its value."""
        self.base[column] = value
        entries = self.attempts.get(column, [])
        if (known := _which(entries, value, row)) is not None:
            del entries[known]
        if not entries:
            self.attempts.pop(column, None)

    def date(self, column: str, value: Encoded, row: int, until: float) -> None:
        """Until when the latest attempt of this kind may land; earlier ones keep their time."""
        entries = self.attempts.get(column, [])
        for place in range(len(entries) - 1, -1, -1):
            if (entries[place].value, entries[place].row) == (value, row):
                entries[place] = Attempt(value, until, row)
                return

    def seen(self, column: str, value: Encoded, row: int) -> None:
        """The row itself, in this grid row, shows what one attempt carried: that one hit no other row."""
        entries = self.attempts.get(column, [])
        if (known := _which(entries, value, row)) is not None:
            entries[known] = Attempt(value, entries[known].until)


def _which(entries: Sequence[Attempt], value: Encoded, row: int) -> int | None:
    """The place of an attempt with this value: that for this grid row, else the first."""
    places = [place for place, attempt in enumerate(entries) if attempt.value == value]
    return next((place for place in places if entries[place].row == row), places[0] if places else None)


@dataclass(kw_only=True)
class RowMerge:
    """The plan for one row, sheet -> DB."""

    takes: dict[str, Encoded] = field(default_factory=dict)  # column -> value the DB takes
    conflicts: dict[str, tuple[Encoded, Encoded, Encoded]] = field(default_factory=dict)  # column -> (base, sheet, DB)
    base: dict[str, Encoded] = field(default_factory=dict)  # column -> base once this plan is applied
    strays: set[str] = field(default_factory=set)  # columns whose cell shows a write that was meant for another row


def merge_row(
    *,
    sheet: Mapping[str, Encoded],
    db: Mapping[str, Encoded],
    blanks: Mapping[str, Encoded],
    memory: RowMemory,
    strays: Mapping[str, Encoded] | None = None,
) -> RowMerge:
    """Plans one row. `sheet` holds the columns that are there and were understood; `strays` what a misplaced write of ours left here."""
    plan = RowMerge(base=dict(memory.base))
    for column, value in sheet.items():
        base = memory.base.get(column, NO_BASE)
        if strays and column in strays and strays[column] == value and value != base:
            plan.strays.add(column)
            continue
        settled = settle(
            sheet=value, base=base, db=db[column], blank=blanks[column], attempts=memory.attempts.get(column, ())
        )
        if settled.turn in (Turn.SHEET, Turn.BOTH):
            plan.takes[column] = value
        if settled.turn is Turn.BOTH:
            plan.conflicts[column] = (None if isinstance(base, NoBase) else base, value, db[column])
        if not isinstance(settled.base, NoBase):
            plan.base[column] = settled.base
    return plan


def find_strays(
    shown: Mapping[str, tuple[int, Mapping[str, Encoded]]], memories: Mapping[str, RowMemory]
) -> dict[str, dict[str, Encoded]]:
    """Writes of ours that hit another row because rows moved in the very instant of the write: row key -> {column: value}.

    `shown`: row key -> (grid row, column -> encoded value). A cell is a stray when an attempt for another row was aimed at the grid row in
    which it stands and carries its value; but not when the row it was meant for shows that value for the first time: then it landed there.
    """
    by_place = {row: key for key, (row, _values) in shown.items()}
    found: dict[str, dict[str, Encoded]] = {}
    for key, memory in memories.items():
        for column, attempts in memory.attempts.items():
            own = shown[key][1].get(column, NO_BASE) if key in shown else NO_BASE
            is_news = own != memory.base.get(column, NO_BASE)
            for attempt in attempts:
                hit = by_place.get(attempt.row)
                if hit is None or hit == key or (own == attempt.value and is_news):
                    continue
                if shown[hit][1].get(column, NO_BASE) == attempt.value:
                    found.setdefault(hit, {})[column] = attempt.value
    return found
