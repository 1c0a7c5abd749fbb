"""`make fuzz`: a million random and hostile formulas, each a value or an error with its place, at a point and over draws.

What the tests do with some thousands of texts, for as many as asked for: `python -m tests.fuzz_formulas 1000000 7`.
"""

from __future__ import annotations

import gc
import sys
import time

import numpy as np

from productops.formulas.arrays import DrawnEvaluation, Samples, evaluate_draws
from productops.formulas.language import Evaluation, Formula, FormulaError, evaluate, parse_formula
from productops.formulas.steps import explain_formula
from productops.formulas.tree import MAX_MAGNITUDE
from productops.formulas.units import infer
from productops.units.quantities import read_unit
from tests.productops.formula_inputs import HOSTILE, formula_inputs

TOLD_EVERY = 50_000
SLOW_S = 0.5  # what no text may take of the processor: ten times what the benchmark aims at
UNITS = tuple(map(read_unit, ("GBP", "users", "%", "GBP/month", "", "days", "nonsense")))
NUMBERS = np.array([0.0, 1.0, -3.5, 1e17])


def main() -> None:
    """Goes through the texts; the first that is neither value nor error stops it with a traceback."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    gc.disable()  # its pauses are no text's doing
    began, slowest, values, errors = time.perf_counter(), (0.0, ""), 0, 0
    texts = (text for source in (HOSTILE, formula_inputs(seed, count)) for text in source)
    for number, text in enumerate(texts, start=1):
        before = time.process_time()
        gave = check(text)
        slowest = max(slowest, (time.process_time() - before, text))
        values, errors = values + gave, errors + (not gave)
        if number % TOLD_EVERY == 0:
            gc.collect()
            tell(number, values, errors, slowest, began)
    tell(values + errors, values, errors, slowest, began)
    if slowest[0] > SLOW_S:
        sys.exit(f"took {slowest[0]:.2f} s: {slowest[1][:200]!r}")


def check(text: str) -> bool:
    """Whether a text gives a value. AssertionError, or whatever else comes out, for what must never be."""
    formula = parse_formula(text)
    if isinstance(formula, FormulaError):
        assert formula.line >= 1
        assert formula.text
        return False
    given = {name: float(place % 7) - 1.0 for place, name in enumerate(formula.names)}
    units = {name: UNITS[place % len(UNITS)] for place, name in enumerate(formula.names)}
    infer(formula.assignments, units)
    check_draws(formula)
    point, steps = evaluate(formula, given), explain_formula(formula, given, units)
    assert isinstance(point, FormulaError) is isinstance(steps, FormulaError)
    if isinstance(point, Evaluation):
        assert all(abs(number) <= MAX_MAGNITUDE for number in point.results.values())
    return isinstance(point, Evaluation)


def check_draws(formula: Formula) -> None:
    """No draw is NaN or beyond the bounds."""
    samples = Samples(values=NUMBERS, low=float(NUMBERS.min()), high=float(NUMBERS.max()))
    drawn = evaluate_draws(formula, dict.fromkeys(formula.names, samples), len(NUMBERS))
    if isinstance(drawn, DrawnEvaluation):
        assert all(np.abs(result).max() <= MAX_MAGNITUDE for result in drawn.results.values())


def tell(number: int, values: int, errors: int, slowest: tuple[float, str], began: float) -> None:
    """One line about how far it is."""
    rate = number / (time.perf_counter() - began)
    line = f"{number:>10,} formulas   {values:,} values   {errors:,} errors   {rate:,.0f}/s"
    print(f"{line}   slowest {1000 * slowest[0]:.1f} ms", flush=True)


if __name__ == "__main__":
    main()
