"""Formulas beside Python's own compiled expressions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from productops.formulas import Formula, evaluate, parse_formula
from tests.benchmarks import floors
from tests.benchmarks.report import Figure

LINES = ("users = reach * conversion", "value = users * uplift * basket - cost", "effort = max(days, 1)")
EVALUATIONS = 20_000


def formulas(_folder: Path) -> Iterator[Figure]:
    """Microseconds of one evaluation of a formula of three lines, and of reading such a formula."""
    dice = random.Random(7)
    formula = parse_formula("\n".join(LINES))
    assert isinstance(formula, Formula)
    rows = [{name: dice.uniform(1, 10) for name in formula.names} for _ in range(EVALUATIONS)]
    ours = floors.seconds(lambda: [evaluate(formula, row) for row in rows], runs=5) / EVALUATIONS
    python = floors.seconds(lambda: _by_python(rows), runs=5) / EVALUATIONS
    yield Figure(what="one evaluation", taken=ours * 1e6, floor=python * 1e6, unit="µs", against="Python")
    yield Figure(what="evaluations per second", taken=1 / ours, floor=1 / python, unit="/s", against="Python")
    texts = ["\n".join(LINES) + f"  # {number}" for number in range(2_000)]
    reading = floors.seconds(lambda: [parse_formula(text) for text in texts], runs=1) / len(texts)
    yield Figure(what="reading a formula for the first time", taken=reading * 1e6, unit="µs")


def _by_python(rows: list[dict[str, float]]) -> None:
    steps = [(line.partition(" = ")[0], compile(line.partition(" = ")[2], "formula", "eval")) for line in LINES]
    for row in rows:
        values = dict(row)
        for name, code in steps:
            values[name] = eval(code, {"max": max}, values)
