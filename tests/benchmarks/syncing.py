"""Syncs of .xlsx workbooks of 10,000 rows beside what the libraries alone need for the same work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks import floors, world
from tests.benchmarks.report import Figure
from tests.benchmarks.steps import database, measure


def syncing(folder: Path, size: int = 10_000) -> Iterator[Figure]:
    """First intake, first fill of the Backlog, nothing changed, 1 % changed."""
    measure(folder, "prepare", size)
    yield first_intake(folder, size)
    filled = measure(folder, "backlog").seconds
    shown = measure(folder, "plans").seconds
    reading = floors.seconds(lambda: floors.read_file(folder / "backlog.xlsx"))
    yield Figure(what=f"first fill of a Backlog, {size:,} rows", taken=filled, floor=reading)
    yield Figure(what="every row changed in 24 columns", taken=shown, floor=reading)
    yield unchanged(folder)
    yield one_percent(folder, size)


def first_intake(folder: Path, size: int) -> Figure:
    """Everything read, taken, keyed; against reading, a bare upsert and writing the keys."""
    path = folder / "intake.xlsx"
    grid = floors.read_file(path)[0][1:]
    rows = [[str(number), *row[1:]] for number, row in enumerate(grid)]
    keys = [(number + 2, 1, f"INIT-{number + 1:06d}") for number in range(size)]
    floor = (
        floors.seconds(lambda: floors.read_file(path))
        + floors.seconds(lambda: floors.upsert(folder / "floor.sqlite3", world.INTAKE_HEADER, rows))
        + floors.seconds(lambda: floors.save_cells(path, folder / "copy.xlsx", "Wishes", keys))
    )
    return Figure(
        what=f"first intake, {size:,} rows x 12", taken=measure(folder, "intake").seconds, floor=floor, aim=3.0
    )


def unchanged(folder: Path) -> Figure:
    """A sync that finds nothing to do, against reading the file and the table; not a byte of the file changes."""
    path = folder / "backlog.xlsx"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    taken = median(measure(folder, "backlog").seconds for _ in range(3))
    if hashlib.sha256(path.read_bytes()).hexdigest() != before:
        raise AssertionError("a sync without a change wrote to the file")
    return Figure(what="nothing changed", taken=taken, floor=_reading_both(folder), aim=1.5)


def one_percent(folder: Path, size: int) -> Figure:
    """Every hundredth row changed in the database, against reading, selecting, saving the same cells and reading the copy."""
    path, copy = folder / "backlog.xlsx", folder / "copy.xlsx"
    column = world.column_of("market")
    header = next(number for number, row in enumerate(floors.read_file(path)[0], start=1) if "initiative_key" in row)
    cells = [(header + 1 + number, column, "APAC") for number in range(0, size, 100)]
    floor = (
        _reading_both(folder)
        + floors.seconds(lambda: floors.save_cells(path, copy, "Backlog", cells))
        + floors.seconds(lambda: floors.read_file(copy))
    )
    taken = median(measure(folder, "one percent", market).seconds for market in ("APAC", "LATAM", "MENA"))
    return Figure(what="1 % of the rows changed", taken=taken, floor=floor, aim=2.0)


def _reading_both(folder: Path) -> float:
    reading = floors.seconds(lambda: floors.read_file(folder / "backlog.xlsx"))
    return reading + floors.seconds(lambda: floors.select_all(database(folder), "backlog_initiative"))
