"""What the doctor looks at here: the solver."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from django.conf import settings

from optimization.solving.rows import Rows
from optimization.solving.solver import Effort as SolverEffort
from optimization.solving.solver import Ending, maximise
from sheetsync.operating.doctor import Finding, broken, checkup, ok, warning

_REPAIR = "Run make setup: it installs the solver anew."


@checkup("solver")
def solver() -> Iterator[Finding]:
    """It finds the best of two columns that exclude each other, and stops before a worker's patience ends."""
    one_of_two = Rows(
        columns=2,
        starts=np.array([0, 2]),
        indices=np.array([0, 1]),
        coefficients=np.ones(2),
        lower=np.array([-np.inf]),
        upper=np.ones(1),
        owners=np.array([[0, 0]]),
    )
    effort = SolverEffort(time_limit_s=5.0, gap=0.0, feasibility=1e-6)
    answer = maximise(np.array([1.0, 2.0]), low=np.zeros(2), high=np.ones(2), rows=one_of_two, effort=effort)
    if answer.ending is Ending.OPTIMAL and answer.columns.tolist() == [False, True]:
        yield ok("solver", "HiGHS solves")
    else:
        yield broken("solver", f"HiGHS gave a wrong answer ({answer.ending.value})", _REPAIR)
    if settings.SOLVER_TIME_LIMIT_S * 2 > settings.TASK_TIMEOUT_S:
        text = f"one solve may take {settings.SOLVER_TIME_LIMIT_S:.0f} of a worker's {settings.TASK_TIMEOUT_S} seconds"
        yield warning("solver", text, "Lower SOLVER_TIME_LIMIT_S: a run solves several times.")
