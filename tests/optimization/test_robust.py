"""The robust choice against every portfolio tried one by one, and how a scenario asks for it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from optimization.constraints.rules import Place, Rule, RuleType
from optimization.models import OptimizationScenario
from optimization.solving.facts import Snapshot
from optimization.studies.drawn_problems import DrawnProblems, best_of
from optimization.studies.robust import Robust, choose_robustly
from optimization.studies.uncertainty import Evaluation
from productops.models import InitiativeParam
from tests.admin_pages import change_url, edit
from tests.optimization.test_drawn_problems import built
from tests.optimization.test_frontier import EFFORT, cap, plan
from tests.optimization.test_measuring import ranged
from tests.optimization.world import RUN_ALL, SAVE, World, texts

K1, K2, K3 = (f"INIT-{number:06d}" for number in (1, 2, 3))


def evaluated(snapshot: Snapshot, varying: list[int], numbers: np.ndarray) -> Evaluation:
    problem = built(snapshot)
    draws = DrawnProblems(problem, varying, ("gmv",))
    best = {at: best_of(draws.at(numbers[at]), time_limit_s=60) for at in range(len(numbers))}
    return Evaluation(draws, numbers, best)


def robust(snapshot: Snapshot, varying: list[int], numbers: np.ndarray, weight: float, *chosen: str) -> Robust:
    evaluation = evaluated(snapshot, varying, numbers)
    marks = evaluation.problem.columns(np.array([key in chosen for key in evaluation.problem.keys]))
    return choose_robustly(evaluation, marks, weight, EFFORT)


def test_a_sure_thing_is_preferred_to_a_bet_that_is_only_a_little_better() -> None:
    """10 for sure, or 2 or 20, 11 on average: a spread of 4.5 below the mean."""
    numbers = np.array([2, 20] * 20, dtype=float).reshape(-1, 1, 1)
    snapshot = plan((10, 10), (10, 11), capacity=10)
    bold = robust(snapshot, [1], numbers, 0.0, K2)
    assert (bold.selected, bold.enters, bold.is_proved) == ((K2,), (), True)
    careful = robust(snapshot, [1], numbers, 0.5, K2)
    assert (careful.selected, careful.enters, careful.leaves) == ((K1,), (K1,), (K2,))
    assert (careful.spread.mean, careful.spread.semideviation, careful.chosen.mean) == (10, 0, 11)
    assert careful.text() == (
        f"The robust choice (weight 0.5) would take {K1} and leave out {K2}: on average 10 instead of 11, and 10 instead of 2 "
        "or less in one draw of ten."
    )


def test_bets_that_move_against_each_other_are_taken_together() -> None:
    swing = np.array([[-8, 8], [8, -8]] * 20, dtype=float)
    numbers = (10 + swing).reshape(-1, 2, 1)
    snapshot = plan((10, 9.5), (10, 10), (10, 10), capacity=20)
    assert robust(snapshot, [1, 2], numbers, 1.0, K1, K2).selected == (K2, K3)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_no_other_portfolio_has_a_better_mean_less_weighted_spread(seed: int, weight: float) -> None:
    dice = np.random.default_rng(seed)
    values = [(float(tokens), 10.0) for tokens in dice.integers(5, 15, 6)]
    snapshot = plan(*values, capacity=30, rules=(cap(25),))
    numbers = dice.lognormal(2, dice.uniform(0.1, 1.2, (1, 4)), (60, 4)).reshape(60, 4, 1)
    evaluation = evaluated(snapshot, [0, 1, 2, 3], numbers)
    start = evaluation.problem.columns(np.zeros(6, dtype=np.bool_))
    found = choose_robustly(evaluation, start, weight, EFFORT)

    def worth(marks: tuple[bool, ...]) -> float:
        outcomes = numbers[:, :, 0] @ np.array(marks[:4], dtype=float) + 10.0 * sum(marks[4:])
        return float(outcomes.mean() - weight * np.maximum(outcomes.mean() - outcomes, 0).mean())

    allowed = (
        marks
        for marks in itertools.product((False, True), repeat=6)
        if sum(tokens for (tokens, _), mark in zip(values, marks, strict=True) if mark) <= 25
    )
    mine = worth(tuple(key in found.selected for key in evaluation.problem.keys))
    assert mine == pytest.approx(max(map(worth, allowed)), rel=1e-5)


def test_rules_hold_in_the_robust_choice_too() -> None:
    numbers = np.array([2, 20] * 20, dtype=float).reshape(-1, 1, 1)
    rule = Rule(type=RuleType.MANDATORY, places=(Place(tab="Constraints", row=2),), members=(K2,))
    assert robust(plan((10, 10), (10, 11), capacity=10, rules=(rule,)), [1], numbers, 1.0, K2).selected == (K2,)


def test_the_steps_of_a_lexicographic_objective_are_kept() -> None:
    numbers = np.array([2, 20] * 20, dtype=float).reshape(-1, 1, 1)
    target = Rule(type=RuleType.TARGET, places=(Place(tab="Targets", row=2),), kpi_key="gmv", number=11.0, kind="goal")
    snapshot = plan((10, 10), (10, 11), capacity=10, rules=(target,))
    scenario = replace(snapshot.scenario, mode="lexicographic", weights=("gmv",))
    assert robust(replace(snapshot, scenario=scenario), [1], numbers, 1.0, K2).selected == (K2,)


# ---- asked for by a scenario -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(settings: Any) -> World:
    """A sure 38 or a wide 40; one of them fits."""
    settings.SELECTION_DRAWS, settings.DRAW_PROCESSES = 60, 1
    world = World()
    world.initiative(1, gmv=38)
    ranged(world, 2, 0.4, 0.0, 0.8)
    world.scenario(capacity_total_tokens=10)
    world.act(SAVE)
    return world


@pytest.mark.django_db
def test_each_run_of_a_scenario_that_asks_for_it_makes_the_robust_choice(world: World) -> None:
    world.act(RUN_ALL)
    assert "robust" not in world.run().result_json
    OptimizationScenario.objects.update(robust_weight=1.0)
    context = world.act(RUN_ALL)
    stored = world.run().result_json
    assert (stored["selected"], stored["robust"]["selected"], stored["robust"]["weight"]) == ([K2], [K1], 1.0)
    assert f"would take {K1} and leave out {K2}" in texts(context)
    assert all(row["selection_frequency"] for row in world.rows("Results")[2:])


@pytest.mark.django_db
def test_a_run_stands_where_nothing_varies_and_says_that_there_is_no_robust_choice(world: World) -> None:
    InitiativeParam.objects.update(min=None, max=None)
    OptimizationScenario.objects.update(robust_weight=0.5)
    context = world.act(RUN_ALL)
    assert context.report.status == "success"
    assert "no robust choice: run" in texts(context, "WARNING")


@pytest.mark.django_db
def test_the_weight_is_set_in_the_admin_and_lies_between_0_and_1(world: World, client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada"))
    scenario = OptimizationScenario.objects.get()
    edit(client, scenario, robust_weight="1.5")
    scenario.refresh_from_db()
    assert scenario.robust_weight is None
    edit(client, scenario, robust_weight="0.5")
    scenario.refresh_from_db()
    assert scenario.robust_weight == 0.5
    OptimizationScenario.objects.update(robust_weight=1.0)
    world.act(RUN_ALL)
    page = client.get(change_url(world.run())).content.decode()
    assert "Robust choice" in page
    assert "What it brings over the draws" in page
