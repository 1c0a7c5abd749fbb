"""A story whose workbooks are spreadsheets on the loopback server."""

from __future__ import annotations

import random
from typing import Any

from tests.sheetsync.loopback import Loopback, LoopbackBook
from tests.sheetsync.story import Story


def story_on_spreadsheets(loopback: Loopback, seed: int) -> Story:
    """The same seed tells the same story, faults on the wire included."""
    dice = random.Random(seed)

    def make(tabs: Any, *, versions: bool, write_window_s: float) -> LoopbackBook:
        assert not versions, "spreadsheets have none"
        return LoopbackBook(loopback, tabs, write_window_s=write_window_s, dice=dice)

    return Story(seed=seed, versions=False, make_book=make, open_book=LoopbackBook.opened)
