"""How rows that people add get their key, exactly once, whatever is sorted, inserted, retyped, crashed or answered late.

A key is only reserved, then written into the row; the record is made when a read finds the key there (unused keys are gaps). A reserved key
found on the row of a known record is our own stray, and the known key is put back. Nothing is written while an earlier write could still
land. What can't be told is said on the row, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.db import transaction
from django.db.models import F

from sheetsync.bulk import insert_rows
from sheetsync.models import KeyCounter, KeyReservation, Workbook
from sheetsync.syncing.view import SheetRow


class KeyFate(StrEnum):
    """What a row's key means."""

    KNOWN = "known"  # a record has it
    NEW = "new"  # reserved for this row: the record may be made
    STRAY = "stray"  # ours, but on the row of a known record: that record's key belongs here
    UNCLEAR = "unclear"  # ours, but the row may be a known record's or a new one
    FOREIGN = "foreign"  # nobody's: a person typed it


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A known record of this tab that no row shows."""

    key: str
    text: str  # fingerprint of what its row last said


@dataclass(kw_only=True)
class KeyDesk:
    """The reservations of one tab."""

    workbook: Workbook
    tab: str
    prefix: str
    now: float  # epoch seconds
    reserved: dict[str, KeyReservation] = field(init=False)  # by key, upper case: those not yet taken

    def __post_init__(self) -> None:
        open_ones = KeyReservation.objects.filter(workbook=self.workbook, tab=self.tab, taken_at=None)
        self.reserved = {reservation.key: reservation for reservation in open_ones}

    @property
    def must_wait(self) -> bool:
        """Whether an earlier write of a key could still land."""
        return any(reservation.may_land_until > self.now for reservation in self.reserved.values())

    def date(self, keys: Sequence[str], *, until: float) -> None:
        """Until when a write that concerns these reserved keys could still land."""
        for start in range(0, len(keys), 500):
            KeyReservation.objects.filter(key__in=keys[start : start + 500]).update(may_land_until=until)

    def judge(self, key: str, text: str, lost: Sequence[Lost], *, known: bool) -> tuple[KeyFate, str]:
        """What the key on a row means, and for a stray the key that belongs there. `text` is the fingerprint of what the row says now."""
        if known:
            return KeyFate.KNOWN, ""
        reservation = self.reserved.get(key.upper())
        if reservation is None:
            return KeyFate.FOREIGN, ""
        owners = [record.key for record in lost if record.text == text]
        if len(owners) == 1 and reservation.row_text != text:
            return KeyFate.STRAY, owners[0]
        if reservation.row_text == text or not lost:
            return KeyFate.NEW, ""
        return KeyFate.UNCLEAR, ""

    def reserve(self, texts: Mapping[SheetRow, str], *, until: float) -> dict[SheetRow, str]:
        """Takes a new key for each row and stores what it is meant for, before anything is written."""
        numbers = take_numbers(self.prefix, len(texts))
        keys = {row: f"{self.prefix}{number:06d}" for row, number in zip(texts, numbers, strict=True)}
        names = ("key", "workbook_id", "tab", "row_text", "may_land_until")
        rows = [(keys[row], self.workbook.pk, self.tab, text, until) for row, text in texts.items()]
        insert_rows(KeyReservation, names, rows)
        return keys


def take_numbers(prefix: str, count: int) -> range:
    """The next `count` numbers of a kind of key. Two processes never get the same: the counter's row is updated in one statement."""
    with transaction.atomic():
        KeyCounter.objects.get_or_create(prefix=prefix)
        KeyCounter.objects.filter(prefix=prefix).update(next_number=F("next_number") + count)
        end = KeyCounter.objects.get(prefix=prefix).next_number
    return range(end - count, end)
