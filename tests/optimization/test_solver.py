"""HiGHS fed with arrays: what it answers is what its columns are worth, whatever it was given to begin from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optimization.solving.rows import RowBook
from optimization.solving.solver import Effort, Ending, maximise

EXACT = Effort(time_limit_s=30.0, gap=0.0, feasibility=1e-9)


@pytest.mark.parametrize("price", [1e-6, 1.0])
def test_a_start_that_presolve_maps_wrongly_is_not_taken_for_the_best(price: float) -> None:
    # Columns 0 and 3 alone, or the last column at its price: any other choice of 20 to 38 tokens is worth more.
    tokens = np.array([20.0, 10.0, 5.0, 5.0, 10.0, 20.0, 20.0, 0.0])
    book = RowBook(columns=8)
    book.add(range(7), tokens[:7], upper=38.0)
    book.add(range(7), tokens[:7], lower=21.0)
    book.add(range(8), [-1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0], lower=-1.0)
    cost = np.append(np.zeros(7), -price)
    known = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    answer = maximise(cost, low=np.zeros(8), high=np.ones(8), rows=book.rows(), effort=EXACT, start=known)
    assert answer.ending is Ending.OPTIMAL
    assert math.isclose(answer.value, float(cost @ answer.values), abs_tol=1e-9)
    assert not answer.columns[7]


def test_what_obeys_no_row_together_is_infeasible() -> None:
    book = RowBook(columns=2)
    book.add([0, 1], [1.0, 1.0], upper=1.0)
    book.add([0, 1], [1.0, 1.0], lower=2.0)
    answer = maximise(np.ones(2), low=np.zeros(2), high=np.ones(2), rows=book.rows(), effort=EXACT)
    assert (answer.ending, answer.gap) == (Ending.INFEASIBLE, math.inf)
