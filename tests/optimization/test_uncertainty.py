"""Figures of draws against what can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimization.constraints.rules import Place, Rule, RuleType
from optimization.solving.facts import Snapshot
from optimization.studies.drawn_problems import DrawnProblems, best_of
from optimization.studies.uncertainty import Evaluation, Param, Uncertainty, assess, label
from tests.optimization.test_drawn_problems import built
from tests.optimization.test_frontier import plan

K1, K2, K3 = (f"INIT-{number:06d}" for number in (1, 2, 3))


def one_of_two(*, fixed: float = 10.0) -> Snapshot:
    """Either fits, not both; the second brings what is drawn."""
    return plan((10, fixed), (10, 10), capacity=10)


def param(values: np.ndarray, *used_by: str, name: str = "uplift") -> Param:
    low, high = float(values.min()), float(values.max())
    return Param(owner=used_by[0], name=name, low=low, high=high, values=values, used_by=frozenset(used_by))


def evaluated(snapshot: Snapshot, varying: list[int], numbers: np.ndarray) -> Evaluation:
    problem = built(snapshot)
    draws = DrawnProblems(problem, varying, ("gmv",))
    best = {at: best_of(draws.at(numbers[at]), time_limit_s=60) for at in range(len(numbers))}
    return Evaluation(draws, numbers, best)


def assessed(
    snapshot: Snapshot, varying: list[int], numbers: np.ndarray, *params: Param, chosen: str = K1
) -> Uncertainty:
    evaluation = evaluated(snapshot, varying, numbers)
    marks = evaluation.problem.columns(np.array([key == chosen for key in evaluation.problem.keys]))
    return assess(evaluation, marks, params, len(numbers))


def test_frequencies_are_shares_of_the_draws() -> None:
    numbers = np.array([5, 9, 11, 20]).reshape(4, 1, 1).astype(float)
    found = assessed(one_of_two(), [1], numbers)
    assert found.frequency == {K1: 0.5, K2: 0.5}
    assert (found.asked, found.solved, found.infeasible, found.unknown) == (4, 4, 0, 0)


@pytest.mark.parametrize(
    ("share", "name"), [(1.0, "core"), (0.9, "core"), (0.89, "borderline"), (0.11, "borderline"), (0.1, "out")]
)
def test_frequencies_have_names(share: float, name: str) -> None:
    assert label(share) == name


def test_regret_is_what_the_best_of_each_draw_brings_more() -> None:
    numbers = np.array([5, 9, 12, 20]).reshape(4, 1, 1).astype(float)
    found = assessed(one_of_two(), [1], numbers)
    assert (found.chosen.mean, found.chosen.semideviation) == (10, 0)
    assert found.chosen.regret == (0 + 0 + 2 + 10) / 4
    assert found.chosen.largest_regret == 10
    assert found.best.mean == (10 + 10 + 12 + 20) / 4
    other = assessed(one_of_two(), [1], numbers, chosen=K2)
    assert other.chosen.mean == 11.5
    assert other.chosen.semideviation == (6.5 + 2.5) / 4


def test_draws_without_a_portfolio_are_left_out_and_counted() -> None:
    floor = Rule(type=RuleType.TARGET, places=(Place(tab="Targets", row=2),), kpi_key="gmv", number=15.0, kind="floor")
    snapshot = replace(one_of_two(), rules=(floor,))
    numbers = np.array([5, 9, 16, 20]).reshape(4, 1, 1).astype(float)
    found = assessed(snapshot, [1], numbers, chosen=K2)
    assert (found.solved, found.infeasible) == (2, 2)
    assert found.frequency == {K1: 0.0, K2: 1.0}
    assert assessed(snapshot, [1], numbers, chosen=K1).chosen.breaks_rules == 2


def test_knowing_the_only_parameter_is_worth_what_knowing_all_is() -> None:
    values = np.linspace(0, 20, 1001)
    found = assessed(one_of_two(), [1], values.reshape(-1, 1, 1), param(values, K2))
    # Uniform on 0..20 against 10 for sure: E[max(x, 10)] - 10 = 2.5.
    assert found.perfect == pytest.approx(2.5, rel=0.01)
    (only,) = found.measures
    assert only.worth == pytest.approx(found.perfect, rel=0.02)
    assert only.share == pytest.approx(1.0, rel=0.02)


def test_a_parameter_that_never_changes_the_choice_is_worth_nothing() -> None:
    values = np.linspace(0, 9, 200)
    found = assessed(one_of_two(), [1], values.reshape(-1, 1, 1), param(values, K2))
    assert (found.perfect, found.measures[0].worth, found.measures[0].share) == (0, 0, 0)


def test_what_only_rounding_tells_apart_is_worth_nothing() -> None:
    dice = np.random.default_rng(1)
    wide, narrow = dice.uniform(200, 800, 500), dice.uniform(440, 460, 500)
    numbers = np.stack([wide, narrow], axis=1)[:, :, None]
    for scale in (1.0, 1 / 3, 1e-6):
        found = assessed(one_of_two(), [0, 1], numbers * scale, param(wide, K1), param(narrow, K2))
        assert found.measures[0].worth > 0
        assert found.measures[1].worth == 0


def test_the_parameter_that_moves_more_comes_first_and_noise_is_worth_little() -> None:
    dice = np.random.default_rng(7)
    wide, narrow, idle = dice.uniform(0, 16, 2000), dice.uniform(0, 4, 2000), dice.uniform(0, 1, 2000)
    numbers = (wide + narrow).reshape(-1, 1, 1)
    params = [param(narrow, K2, name="narrow"), param(wide, K2, name="wide"), param(idle, K1, name="idle")]
    found = assessed(one_of_two(), [1], numbers, *params)
    assert [measure.name for measure in found.measures] == ["wide", "narrow", "idle"]
    by_name = {measure.name: measure.worth for measure in found.measures}
    # E[max(wide + 2, 10)] - 10 = 2 for uniform 0..16; what narrow alone tells moves the mean by 2 either way.
    assert by_name["wide"] == pytest.approx(2.0, rel=0.1)
    assert by_name["narrow"] == pytest.approx(0.5, rel=0.25)
    assert by_name["idle"] == 0


def test_a_shared_parameter_moves_all_that_use_it_together() -> None:
    values = np.linspace(0, 20, 501)
    snapshot = plan((10, 10), (10, 10), (10, 10), capacity=20)
    numbers = np.stack([values, values], axis=1).reshape(-1, 2, 1)
    found = assessed(snapshot, [1, 2], numbers, param(values, K2, K3, name="basket"))
    # Both beat the first one, or neither does: then it is in, and one of them beside it.
    assert found.frequency[K1] == pytest.approx(0.5, abs=0.01)
    assert found.frequency[K2] + found.frequency[K3] == pytest.approx(1.5, abs=0.01)
    assert len(found.measures) == 1


def test_a_lexicographic_run_is_measured_in_the_first_target_it_falls_short_of() -> None:
    target = Rule(type=RuleType.TARGET, places=(Place(tab="Targets", row=2),), kpi_key="gmv", number=12.0, kind="goal")
    snapshot = one_of_two()
    scenario = replace(snapshot.scenario, mode="lexicographic", weights=("gmv",))
    snapshot = replace(snapshot, scenario=scenario, rules=(target,))
    numbers = np.array([5, 9, 11, 30]).reshape(4, 1, 1).astype(float)
    found = assessed(snapshot, [1], numbers)
    assert found.measured_in == "gmv"
    assert found.chosen.regret == (0 + 0 + 1 + 2) / 4  # what lies above the target doesn't count
