"""Which benchmarks there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.benchmarks.delivering import delivering
from tests.benchmarks.formulas import formulas
from tests.benchmarks.growth import growth
from tests.benchmarks.history import history
from tests.benchmarks.pages import pages
from tests.benchmarks.planning import planning
from tests.benchmarks.report import Figure
from tests.benchmarks.solve import explaining, solving
from tests.benchmarks.spreadsheets import spreadsheets
from tests.benchmarks.stories import stories
from tests.benchmarks.studying import studying
from tests.benchmarks.syncing import syncing

SUITE: Mapping[str, Callable[[Path], Iterator[Figure]]] = {
    "syncing": syncing,
    "spreadsheets": spreadsheets,
    "stories": stories,
    "delivering": delivering,
    "planning": planning,
    "solving": solving,
    "studying": studying,
    "explaining": explaining,
    "formulas": formulas,
    "growth": growth,
    "pages": pages,
    "history": history,
}
