"""What goes wrong on demand, and the quotas of the API."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from sheetsync.sheets_server.errors import too_many

QUOTA_WINDOW_S = 60.0


class Fault(Enum):
    """What goes wrong with one request."""

    FAILS = "fails"  # 503, and nothing happened
    FAILS_AFTER = "fails after"  # 503, and yet it happened
    ANSWER_LOST = "answer lost"  # it happens; the connection breaks without an answer
    LANDS_LATE = "lands late"  # the connection breaks; it happens at `land_late`
    TOO_MANY = "too many"  # 429, and nothing happened


@dataclass(kw_only=True)
class Quota:
    """Requests a minute for each caller, reads and writes apart."""

    reads: int = 0  # a minute; 0: no limit
    writes: int = 0
    clock: Callable[[], float]  # seconds
    _seen: dict[tuple[str, str], deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def count(self, caller: str, kind: str) -> None:
        """Counts a request. Raises ApiError when it is one too many."""
        limit = self.reads if kind == "read" else self.writes
        seen, now = self._seen[caller, kind], self.clock()
        while seen and seen[0] <= now - QUOTA_WINDOW_S:
            seen.popleft()
        if limit and len(seen) >= limit:
            raise too_many(kind.capitalize())
        seen.append(now)
