"""How syncs grow with the number of rows: time per row, and the memory of the whole process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.report import Figure
from tests.benchmarks.steps import Taken, measure

SIZES = (1_000, 5_000, 10_000, 50_000)
MOST_MB = 500.0
# How much more a row may cost in the largest workbook than in one of 10,000 rows.
LINEAR = 1.5


def growth(folder: Path) -> Iterator[Figure]:
    """Every kind of sync at every size; the cost of a row is compared with that at 10,000 rows."""
    taken = {size: _grown(folder / str(size), size) for size in SIZES}
    for what in taken[SIZES[0]]:
        base = taken[10_000][what].seconds / 10_000
        for size in SIZES:
            yield _per_row(what, size, taken[size][what], base)
    for what, last in taken[SIZES[-1]].items():
        yield Figure(what=f"{what}, {SIZES[-1]:,} rows: peak memory", taken=last.peak_mb, unit="MB", aim=MOST_MB)


def _per_row(what: str, size: int, taken: Taken, base: float) -> Figure:
    return Figure(
        what=f"{what}, {size:,} rows: a row",
        taken=taken.seconds / size * 1e6,
        floor=base * 1e6,
        unit="µs",
        against="at 10,000",
        aim=LINEAR if size > 10_000 else None,
    )


def _grown(folder: Path, size: int) -> dict[str, Taken]:
    folder.mkdir()
    measure(folder, "prepare", size)
    found = {
        "first intake": measure(folder, "intake"),
        "first fill of a Backlog": measure(folder, "backlog"),
        "every row changed in 24 columns": measure(folder, "plans"),
        "nothing changed": measure(folder, "backlog"),
    }
    changed = [measure(folder, "one percent", market) for market in ("APAC", "LATAM", "MENA")]
    found["1 % of the rows changed"] = Taken(
        seconds=median(one.seconds for one in changed), peak_mb=max(one.peak_mb for one in changed)
    )
    return found
