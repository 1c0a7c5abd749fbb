"""How far one service account's requests reach: what a timetable asks of Google at rest, and how often each tab has its turn. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

READS_AT_REST = 2  # of a sync that finds nothing changed: the tabs, and their values


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the timetable does with spreadsheets."""

    spreadsheets: int  # whose Control tabs are looked at
    synced: int  # of them: intake and backlog
    sync_every: int  # minutes; 0: only people ask for syncs
    polls: int  # Control tabs a minute; 0: all of them
    budget: int  # reads a minute; 0: no limit

    @property
    def control_every(self) -> int:
        """Minutes after which a Control tab has its turn again."""
        return max(1, math.ceil(self.spreadsheets / self.polls)) if self.polls else 1

    @property
    def reads(self) -> int:
        """Reads a minute while nothing changes, rounded up."""
        polls = min(self.spreadsheets, self.polls or self.spreadsheets)
        syncs = self.synced * READS_AT_REST / self.sync_every if self.sync_every else 0.0
        return math.ceil(polls + syncs)

    @property
    def left(self) -> int:
        """Reads a minute that are left for what people change and ask for; negative: the timetable alone asks for too much."""
        return self.budget - self.reads
