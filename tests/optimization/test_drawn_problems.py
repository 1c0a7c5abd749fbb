"""Many sets of contributions on one problem: each draw is the problem that its own snapshot would give, in any number of processes."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace

import numpy as np
import pytest

from optimization.solving.effort import Patience
from optimization.solving.facts import Initiative, Snapshot
from optimization.solving.milp import solve
from optimization.solving.problem import Problem, build_problem
from optimization.studies import draw_pool
from optimization.studies.draw_pool import WorkerFailed, solve_draws, task_line
from optimization.studies.draw_worker import packed, serve, unpacked
from optimization.studies.drawn_problems import Best, DrawnProblems, best_of
from tests.optimization.enumeration import KPIS, random_snapshot
from tests.optimization.test_frontier import plan


def patience(seconds: float = 60.0, **fields: object) -> Patience:
    return Patience(ends_at=time.perf_counter() + seconds, **fields)  # type: ignore[arg-type]


def built(snapshot: Snapshot) -> Problem:
    problem = build_problem(snapshot)
    assert isinstance(problem, Problem)
    return problem


def random_problems() -> list[int]:
    return [seed for seed in range(60) if isinstance(build_problem(random_snapshot(seed)), Problem)]


def redrawn(entry: Initiative, numbers: dict[str, float]) -> Initiative:
    return replace(entry, contributions={**entry.contributions, **numbers})


@pytest.mark.parametrize("seed", random_problems())
def test_a_draw_is_the_problem_of_a_snapshot_with_those_contributions(seed: int) -> None:
    snapshot = random_snapshot(seed)
    problem = built(snapshot)
    varying = list(range(0, len(problem.candidates), 2))
    dice = np.random.default_rng(seed)
    numbers = np.round(dice.uniform(-5, 20, (len(varying), len(KPIS))), 2)
    drawn = DrawnProblems(problem, varying, KPIS).at(numbers)
    new = {
        problem.keys[column]: dict(zip(KPIS, row.tolist(), strict=True))
        for column, row in zip(varying, numbers, strict=True)
    }
    entries = tuple(redrawn(entry, new.get(entry.key, {})) for entry in snapshot.initiatives)
    expected = built(replace(snapshot, initiatives=entries))
    assert np.allclose(drawn.objective.coefficients, expected.objective.coefficients, rtol=1e-12)
    for step, other in zip(drawn.steps, expected.steps, strict=True):
        assert np.allclose(step.expression.coefficients, other.expression.coefficients, rtol=1e-12)
    mine, theirs = solve(drawn), solve(expected)
    assert (mine.status, mine.selected) == (theirs.status, theirs.selected)


@pytest.mark.parametrize("seed", random_problems()[:25])
def test_the_best_of_a_draw_is_as_good_as_a_run_with_those_contributions(seed: int) -> None:
    problem = built(random_snapshot(seed))
    found, run = best_of(problem, time_limit_s=60), solve(problem)
    assert found.is_known
    assert (found.columns is None) == (run.status == "infeasible")
    if found.columns is not None:
        assert not problem.rows.broken(found.columns).any()
        assert problem.objective.value(found.columns) == pytest.approx(run.objective, rel=1e-6, abs=1e-6)


def test_what_brings_nothing_in_a_draw_is_not_chosen_by_chance() -> None:
    found = best_of(built(plan((10, 5), (10, 0), capacity=100)), time_limit_s=60)
    assert found.columns is not None
    assert found.columns.tolist() == [True, False]


# ---- processes ---------------------------------------------------------------------------------------------------------------------------


def three() -> tuple[DrawnProblems, np.ndarray]:
    """The third of three varies; two fit."""
    draws = DrawnProblems(built(plan((10, 9), (10, 8), (10, 7), capacity=20)), [2], ("gmv",))
    return draws, np.linspace(0, 20, 48).reshape(48, 1, 1)


def columns(found: dict[int, Best]) -> dict[int, list[bool]]:
    return {number: best.columns.tolist() for number, best in found.items() if best.columns is not None}


def test_processes_and_one_by_one_give_the_same(settings: object) -> None:
    draws, numbers = three()
    alone = solve_draws(draws, numbers, time_limit_s=60, patience=patience(), processes=1)
    told: list[tuple[int, int]] = []
    several = solve_draws(
        draws, numbers, time_limit_s=60, patience=patience(progress=lambda *far: told.append(far)), processes=2
    )
    assert columns(alone) == columns(several)
    assert len(alone) == 48
    assert {total for _, total in told} == {48}


def test_without_time_draws_are_missing() -> None:
    draws, numbers = three()
    assert solve_draws(draws, numbers, time_limit_s=60, patience=patience(0), processes=1) == {}


def test_draws_that_are_called_off_end_at_once() -> None:
    draws, _ = three()
    many = np.zeros((5000, 1, 1))
    begun = time.perf_counter()
    found = solve_draws(draws, many, time_limit_s=60, patience=patience(called_off=lambda: True), processes=2)
    assert len(found) < 5000
    assert time.perf_counter() - begun < 5


def test_a_process_that_ends_before_its_time_is_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:  # type: ignore[type-arg]
    draws, numbers = three()
    monkeypatch.setattr(draw_pool, "task_line", lambda *_: b"{}\n")
    with pytest.raises(WorkerFailed):
        solve_draws(draws, numbers, time_limit_s=60, patience=patience(), processes=2)
    assert "KeyError" in capfd.readouterr().err


def test_a_worker_answers_each_draw_and_ends_with_its_input() -> None:
    draws, numbers = three()
    task = task_line(draws.problem.snapshot, [2], ["gmv"], 60.0)
    answers = io.BytesIO()
    serve(io.BytesIO(task + numbers[0].tobytes() + numbers[47].tobytes()), answers)
    found = [unpacked(answers.getvalue()[at : at + 2], 3) for at in (0, 2)]
    assert [best.columns.tolist() for best in found if best.columns is not None] == [
        [True, True, False],
        [True, False, True],
    ]
    assert json.loads(task)["varying"] == [2]


@pytest.mark.parametrize("best", [Best(columns=None, is_known=True), Best(columns=None, is_known=False)])
def test_an_answer_without_a_portfolio_says_whether_there_is_none(best: Best) -> None:
    assert unpacked(packed(best, 9), 9) == best
