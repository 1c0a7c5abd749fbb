"""Formulas beside Python's own compiled expressions, and over draws beside bare numpy."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from productops.formulas.arrays import Samples, evaluate_draws
from productops.formulas.language import Formula, FormulaError, evaluate, parse_formula
from productops.scores.scoring import ParamInput
from productops.spreads.draws import Shape
from productops.spreads.spread import Sampler
from tests.benchmarks import floors
from tests.benchmarks.report import Figure
from tests.fuzz_formulas import check
from tests.productops.formula_inputs import HOSTILE

LINES = ("users = reach * conversion", "value = users * uplift * basket - cost", "effort = max(days, 1)")
EVALUATIONS = 20_000
MODELS, DRAWS = 10_000, 1_000
# What a year's planning is made of: products, a share, a margin, a limit, a choice.
SHAPES = (
    "value = reach * uplift * basket * 12",
    "orders = reach * conversion\nvalue = orders * basket * margin - cost",
    "reached = min(reach, budget / contact_cost)\nvalue = reached * conversion * basket",
    "saved = tickets * minutes / 60 * hourly_cost\nvalue = saved * 12 - licence",
    "value = reach * (rate_after - rate_before) * basket if rate_after > rate_before else 0",
)


def formulas(_folder: Path) -> Iterator[Figure]:
    """One evaluation of a formula of three lines, reading such a formula, and many formulas over many draws."""
    yield from _at_a_point()
    yield from _over_draws()
    yield _hostile()


def _at_a_point() -> Iterator[Figure]:
    dice = random.Random(7)
    formula = _read("\n".join(LINES))
    rows = [{name: dice.uniform(1, 10) for name in formula.names} for _ in range(EVALUATIONS)]
    taken = floors.side_by_side(lambda: [evaluate(formula, row) for row in rows], lambda: _by_python(rows))
    ours, python = (each / EVALUATIONS for each in taken)
    yield Figure(what="one evaluation", taken=ours * 1e6, floor=python * 1e6, unit="µs", against="Python", aim=1.5)
    yield Figure(what="evaluations per second", taken=1 / ours, floor=1 / python, unit="/s", against="Python")
    texts = ["\n".join(LINES) + f"  # {number}" for number in range(2_000)]
    reading = floors.seconds(lambda: [parse_formula(text) for text in texts], runs=1) / len(texts)
    yield Figure(what="reading a formula for the first time", taken=reading * 1e6, unit="µs")


def _hostile() -> Figure:
    """The text that takes longest to be read, evaluated, explained and checked, the best of three times each."""
    longest = max(floors.best(lambda text=text: check(text)) for text in HOSTILE)
    return Figure(what="the slowest hostile formula", taken=longest * 1e3, unit="ms", aim=50.0)


def _by_python(rows: list[dict[str, float]]) -> None:
    steps = [(line.partition(" = ")[0], compile(line.partition(" = ")[2], "formula", "eval")) for line in LINES]
    for row in rows:
        values = dict(row)
        for name, code in steps:
            values[name] = eval(code, {"max": max}, values)


def _over_draws() -> Iterator[Figure]:
    """The whole way from ranges to percentiles for every model, and the evaluation alone."""
    read = [_read(text) for text in SHAPES]
    what = f"{MODELS:,} models x {DRAWS:,} draws"
    bare = [_bare(one) for one in read]
    ours, numpy = floors.side_by_side(lambda: _spread_all(read), lambda: _spread_bare(read, bare), runs=2)
    yield Figure(what=f"{what}: drawn, evaluated, P10 P50 P90", taken=ours, floor=numpy, against="bare numpy", aim=2.0)
    given = [{name: _samples(place, name) for name in one.names} for place, one in enumerate(read)]
    arrays = [[samples.values for samples in each.values()] for each in given]
    ours, numpy = floors.side_by_side(lambda: _evaluate_all(read, given), lambda: _call_all(bare, arrays))
    yield Figure(what=f"{what}: evaluated alone", taken=ours, floor=numpy, against="bare numpy")


def _samples(place: int, name: str) -> Samples:
    drawn = Sampler(seed=1, draws=DRAWS, shape=Shape.PERT).varying(name, _param(place))
    assert not isinstance(drawn, str)
    return drawn.samples


def _param(place: int) -> ParamInput:
    """A parameter of its own for each model."""
    return ParamInput(value=2.0 + place % 7, low=1.0, high=10.0, approved=True, owner=f"INIT-{place:06d}")


def _spread_all(read: Sequence[Formula]) -> None:
    sampler = Sampler(seed=1, draws=DRAWS, shape=Shape.PERT)
    for place in range(MODELS):
        formula, param = read[place % len(read)], _param(place)
        drawn = {name: sampler.varying(name, param) for name in formula.names}
        samples = {name: each.samples for name, each in drawn.items() if not isinstance(each, str)}
        evaluation = evaluate_draws(formula, samples, DRAWS)
        assert not isinstance(evaluation, FormulaError)
        np.percentile(evaluation.results["value"], (10, 50, 90))


def _spread_bare(read: Sequence[Formula], bare: Sequence[Callable[..., Any]]) -> None:
    """The same with one generator for everything, and numpy's own beta distribution."""
    dice = np.random.default_rng(7)
    for place in range(MODELS):
        formula = read[place % len(read)]
        share = (1.0 + place % 7) / 9.0
        arrays = [1.0 + 9.0 * dice.beta(1 + 4 * share, 5 - 4 * share, DRAWS) for _name in formula.names]
        np.percentile(bare[place % len(bare)](*arrays)[0], (10, 50, 90))


def _evaluate_all(read: Sequence[Formula], given: Sequence[dict[str, Samples]]) -> None:
    for place in range(MODELS):
        at = place % len(read)
        evaluate_draws(read[at], given[at], DRAWS)


def _call_all(bare: Sequence[Callable[..., Any]], arrays: Sequence[Sequence[Any]]) -> None:
    for place in range(MODELS):
        bare[place % len(bare)](*arrays[place % len(bare)])


def _bare(formula: Formula) -> Callable[..., Any]:
    """The same lines as one would write them by hand for arrays, in a function of the parameters; `value` comes first."""
    lines = [_as_where(line.replace("min(", "minimum(")) for line in formula.source.splitlines()]
    body = "\n".join(f"    {line}" for line in lines)
    space: dict[str, Any] = {"minimum": np.minimum, "where": np.where}
    exec(f"def bare({', '.join(formula.names)}):\n{body}\n    return {', '.join(reversed(formula.assigned))},\n", space)
    found: Callable[..., Any] = space["bare"]
    return found


def _as_where(line: str) -> str:
    if " if " not in line:
        return line
    name, _, expression = line.partition(" = ")
    chosen, _, rest = expression.partition(" if ")
    test, _, otherwise = rest.partition(" else ")
    return f"{name} = where({test}, {chosen}, {otherwise})"


def _read(text: str) -> Formula:
    formula = parse_formula(text)
    assert isinstance(formula, Formula)
    return formula
