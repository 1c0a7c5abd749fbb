"""The least that a piece of work can cost with the same libraries and no product around it: what ratios are measured against."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import wolfxl
from python_calamine import CalamineWorkbook


def seconds(work: Callable[[], Any], *, runs: int = 3) -> float:
    """The median of a few runs."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[len(taken) // 2]


def best(work: Callable[[], Any], *, runs: int = 3) -> float:
    """The shortest of a few runs, in seconds of the processor: for work in memory, whose neighbours on the machine come
    and go."""
    taken = []
    for _ in range(runs):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def side_by_side(work: Callable[[], Any], floor: Callable[[], Any], *, runs: int = 7) -> tuple[float, float]:
    """The best of a few runs of each, taken in turns."""
    pairs = [(best(work, runs=1), best(floor, runs=1)) for _ in range(runs)]
    return min(one for one, _other in pairs), min(other for _one, other in pairs)


def read_file(path: Path) -> list[list[list[Any]]]:
    """Every cell of a file, by calamine alone."""
    book = CalamineWorkbook.from_path(path)
    return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]


def select_all(database: Path, table: str) -> list[tuple[Any, ...]]:
    """Every row of a table, by the driver alone."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(f'SELECT * FROM "{table}"').fetchall()


def save_cells(path: Path, target: Path, title: str, cells: Iterable[tuple[int, int, Any]]) -> None:
    """Sets cells (row and column from 1) and saves a copy, by wolfxl alone."""
    book = wolfxl.load_workbook(path, modify=True)
    sheet = book[title]
    for row, column, value in cells:
        sheet.cell(row=row, column=column).value = value
    book.save(target)


def upsert(database: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows into a bare table: one prepared statement; the first column is the key."""
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join("?" * len(columns))
    sets = ", ".join(f'"{name}" = excluded."{name}"' for name in columns[1:])
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute('DROP TABLE IF EXISTS "floor"')
        connection.execute(f'CREATE TABLE "floor" ({names}, PRIMARY KEY ("{columns[0]}"))')
        connection.executemany(
            f'INSERT INTO "floor" ({names}) VALUES ({marks}) ON CONFLICT ("{columns[0]}") DO UPDATE SET {sets}',
            rows,
        )
