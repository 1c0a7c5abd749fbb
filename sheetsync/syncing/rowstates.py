"""Stores and loads what the engine remembers of a tab's rows between syncs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.db.models import QuerySet

from sheetsync.bulk import insert_rows
from sheetsync.models import RowState, Workbook
from sheetsync.syncing.merge import RowMemory

BATCH = 500
# The light part of a row's state.
_LIGHT = ("sheet_digest", "db_digest", "verdict", "notice", "has_pending", "is_present")


@dataclass(kw_only=True)
class RowMark:
    """The light part of a row's state: enough to see that nothing happened."""

    sheet_digest: str = ""
    db_digest: str = ""
    verdict: str = ""
    notice: str = ""
    has_pending: bool = False
    is_present: bool = True


@dataclass
class TabMemory:
    """All that is remembered of one tab: marks for every row, bases and attempts for the rows asked for."""

    workbook: Workbook
    tab: str
    marks: dict[str, RowMark] = field(default_factory=dict)
    rows: dict[str, RowMemory] = field(default_factory=dict)
    _touched: set[str] = field(default_factory=set)

    def load_marks(self) -> None:
        """Reads the light part of every row."""
        fields = ("row_key", "sheet_digest", "db_digest", "verdict", "notice", "has_pending", "is_present")
        for key, sheet, db, verdict, notice, pending, present in self._states().values_list(*fields):
            self.marks[key] = RowMark(
                sheet_digest=sheet,
                db_digest=db,
                verdict=verdict,
                notice=notice,
                has_pending=pending,
                is_present=present,
            )

    def load_rows(self, keys: Collection[str]) -> None:
        """Reads bases and attempts of these rows; rows that have none get empty ones."""
        wanted = [key for key in keys if key in self.marks and key not in self.rows]
        chunks: Iterable[Collection[str]] = [wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH)]
        if len(wanted) * 2 > len(self.marks):
            chunks = [()]  # most of them: one plain SELECT
        for chunk in chunks:
            states = self._states().filter(row_key__in=chunk) if chunk else self._states()
            for key, base, pending in states.values_list("row_key", "base", "pending"):
                self.rows.setdefault(key, RowMemory.from_json(base, pending))
        for key in keys:
            self.rows.setdefault(key, RowMemory())

    def mark(self, key: str) -> RowMark:
        """The row's mark, to be changed; it is saved with the next `save`."""
        self._touched.add(key)
        return self.marks.setdefault(key, RowMark())

    def save(self) -> None:
        """Stores what was touched; part of the caller's transaction."""
        rows = []
        for key in self._touched:
            mark, memory = self.marks[key], self.rows.get(key)
            assert memory is not None, f"the bases of {key} weren't loaded"
            pending = memory.pending_json()
            mark.has_pending = bool(pending)
            light = tuple(getattr(mark, name) for name in _LIGHT)
            rows.append((self.workbook.pk, self.tab, key, memory.base, pending, *light))
        names = ("workbook_id", "tab", "row_key", "base", "pending", *_LIGHT)
        insert_rows(RowState, names, rows, upsert_on=("workbook_id", "tab", "row_key"))
        self._touched.clear()

    def vanished(self, present: Collection[str]) -> None:
        """Notes which rows the sheet no longer shows, and which came back. Nothing else follows from it."""
        gone = [key for key, mark in self.marks.items() if mark.is_present and key not in present]
        for start in range(0, len(gone), BATCH):
            self._states().filter(row_key__in=gone[start : start + BATCH]).update(is_present=False)
        for key in gone:
            self.marks[key].is_present = False

    def _states(self) -> QuerySet[RowState]:
        return RowState.objects.filter(workbook=self.workbook, tab=self.tab)
