"""What the ProductOps tabs share on the database's side: rows that belong to an initiative, withdrawn approvals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from backlog.models import Initiative
from sheetsync.records import Incoming, ModelRecords, Scene, unknown_key
from sheetsync.tabs import Tab

BATCH = 500


class InitiativeRows(ModelRecords):
    """Records of which an initiative may have several; a row with a new name makes one, if its initiative exists."""

    # Keys that stand for no initiative, and what they mean for the link.
    reserved: Collection[str] = ()

    def __init__(self, tab: Tab) -> None:
        super().__init__(tab)
        self.initiatives: dict[str, int | None] = {}  # key -> pk, for the rows that make records

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        """Refuses new rows whose initiative doesn't exist."""
        new = [row for row in rows if row.record is None]
        keys = {str(row.values["initiative_key"]) for row in new}
        self.initiatives = {**dict.fromkeys(self.reserved), **initiative_pks(keys)}
        unknown = [row for row in new if str(row.values["initiative_key"]) not in self.initiatives]
        every = [*self.reserved, *initiative_keys()] if unknown else []
        for row in unknown:
            fail(row, unknown_key("initiative_key", row.row.raw.get("initiative_key"), every))
        super().check(scene, [row for row in rows if not row.failure])

    def identity_fields(self, scene: Scene, row: Incoming) -> dict[str, Any]:
        return {"initiative_id": self.initiatives[str(row.values["initiative_key"])]}


def initiative_pks(keys: Collection[str]) -> dict[str, int]:
    """initiative_key -> pk, of those that exist."""
    found: dict[str, int] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), BATCH):
        rows = Initiative.objects.filter(initiative_key__in=wanted[start : start + BATCH])
        found.update(rows.values_list("initiative_key", "pk"))
    return found


def initiative_keys() -> Iterable[str]:
    """Every initiative's key, in order."""
    return Initiative.objects.order_by("initiative_key").values_list("initiative_key", flat=True)


def fail(row: Incoming, why: str) -> None:
    """Refuses the whole row; nothing of it is taken. What was refused of its cells is said as well."""
    row.failure = "; ".join([*row.refused.values(), why])
    row.takes.clear()


def withdraw_approval(row: Incoming, *, tick: str, covers: Collection[str]) -> None:
    """Takes an approval back when what it covers changes and nobody ticked anew: the tick is cleared and the row says so."""
    if row.record is None or not row.record.values.get(tick) or tick in row.takes:
        return
    changed = [name for name in covers if name in row.takes]
    if changed:
        row.takes[tick] = False
        row.notice = f"{' and '.join(changed)} changed, so the approval is withdrawn; tick {tick} to approve it anew"
