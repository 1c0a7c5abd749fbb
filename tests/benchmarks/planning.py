"""Scoring and choosing among 10,000 initiatives in .xlsx workbooks: where the time goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import floors
from tests.benchmarks.report import Figure
from tests.benchmarks.steps import measure


def planning(folder: Path, size: int = 10_000) -> Iterator[Figure]:
    """Fills the tabs of ProductOps, scores twice; fills Candidates, runs the optimizer."""
    measure(folder, "prepare planning", size)
    yield Figure(what=f"add missing initiatives, {size:,} to three tabs", taken=measure(folder, "populate").seconds)
    yield Figure(what=f"add missing parameters, {2 * size:,}", taken=measure(folder, "seed").seconds)
    first = measure(folder, "score")
    reading = floors.seconds(lambda: floors.read_file(folder / "productops.xlsx"), runs=1)
    yield Figure(what=f"first score of {size:,} initiatives", taken=first.seconds, floor=reading, against="reading")
    yield Figure(what="   of which formulas", taken=first.formulas, floor=first.seconds, against="all", aim=0.1)
    again = measure(folder, "score")
    yield Figure(what="score again, nothing changed", taken=again.seconds, floor=reading, against="reading")
    yield Figure(what="   of which formulas", taken=again.formulas, floor=again.seconds, against="all", aim=0.1)
    yield Figure(what=f"refresh candidates, {size:,}", taken=measure(folder, "candidates").seconds)
    yield Figure(what=f"run the optimizer on {size:,} candidates", taken=measure(folder, "optimize").seconds)
