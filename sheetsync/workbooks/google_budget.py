"""One budget of requests a minute for each service account, shared by every worker: Google counts them as one user."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from sheetsync.models import RequestBudget

# A second more than a minute: requests may reach Google closer to each other than they were sent.
WINDOW_S = 61.0


class BudgetSpent(Exception):
    """The next free request is further away than the caller waits."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"no request is free for {wait_s:.0f} seconds")
        self.wait_s = wait_s


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What one service account may ask of Google."""

    account: str  # the service account's address
    per_minute: int  # reads, and likewise writes; 0: no limit
    patience_s: float = 120.0  # how long a request waits for its turn
    clock: Callable[[], float] = time.time  # epoch seconds
    sleep: Callable[[float], None] = time.sleep

    def take(self, kind: str) -> None:
        """Waits until a read or a write may be sent. Raises BudgetSpent when that takes too long; then nothing is taken."""
        if not self.per_minute:
            return
        now = self.clock()
        wait_s = reserve(self.account, kind, self.per_minute, now=now, until=now + self.patience_s) - now
        if wait_s > 0:
            self.sleep(wait_s)


def reserve(account: str, kind: str, per_minute: int, *, now: float, until: float) -> float:
    """The epoch second at which the next request of that kind may be sent, taken for the caller.

    Turns are given in the order in which they are asked for, so that nobody starves, and no stretch of a minute holds more than
    `per_minute`. Raises BudgetSpent when the turn would come after `until`.
    """
    with transaction.atomic():
        RequestBudget.objects.get_or_create(account=account, kind=kind)
        budget = RequestBudget.objects.select_for_update().get(account=account, kind=kind)
        turn = now if len(budget.taken) < per_minute else max(now, budget.taken[-per_minute] + WINDOW_S)
        if turn > until:
            raise BudgetSpent(turn - now)
        # Clocks of several machines differ a little: what is kept doesn't depend on the time of the one that asks.
        budget.taken = sorted([*budget.taken, turn])[-per_minute:]
        budget.save(update_fields=["taken"])
    return turn
