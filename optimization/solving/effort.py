"""How hard to try, and until when. Pure but for the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How hard to try."""

    time_limit_s: float  # for each solve
    gap: float  # relative gap at which a large problem's solve may stop


@dataclass(frozen=True, kw_only=True)
class Patience:
    """What bounds a study of many solves, and who is told how far it is."""

    ends_at: float  # of time.perf_counter()
    progress: Callable[[int, int], None] = lambda done, total: None  # done so far, of how many
    called_off: Callable[[], bool] = lambda: False  # whether somebody wants no more of it

    @property
    def seconds_left(self) -> float:
        """0 when the time is over or the study was called off."""
        return 0.0 if self.called_off() else max(self.ends_at - time.perf_counter(), 0.0)
