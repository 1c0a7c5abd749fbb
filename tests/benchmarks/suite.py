"""Which benchmarks there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.report import Figure
from tests.benchmarks.syncing import syncing

SUITE: dict[str, Callable[[Path], Iterator[Figure]]] = {"syncing": syncing}
