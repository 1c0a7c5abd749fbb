"""How sure a stored run's portfolio is: from approved ranges to the cells of Results and Measure_Next."""

from __future__ import annotations

from typing import Any

import pytest

from backlog.models import Initiative
from optimization.models import OptimizationRun, PortfolioItem
from optimization.studies.measuring import frequency_text
from productops.models import InitiativeParam
from sheetsync.models import ActionRun
from sheetsync.workbooks.memory import Fault
from tests.factories import InitiativeContributionFactory, InitiativeMathModelFactory, InitiativeParamFactory
from tests.optimization.world import POPULATE, RUN_ALL, SAVE, World, texts
from tests.productops.desk import NOW

pytestmark = pytest.mark.django_db

MEASURE = "pm.measure_next"
K1, K2, K3 = (f"INIT-{number:06d}" for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def few_draws(settings: Any) -> None:
    settings.SELECTION_DRAWS = 120
    settings.DRAW_PROCESSES = 1


def ranged(world: World, number: int, value: float, low: float, high: float) -> str:
    """A candidate of 10 tokens whose adopted contribution is users x uplift, 100 users, with a range of the uplift."""
    numbers = {"gmv": 100 * value}
    key = world.initiative(number, kpi_contribution_json=numbers)
    initiative = Initiative.objects.get(initiative_key=key)
    InitiativeContributionFactory(initiative=initiative, adopted_json=numbers, adopted_at=NOW)
    InitiativeMathModelFactory(
        initiative=initiative, formula_text="users * uplift", target_kpi_key="gmv", approved_by_user=True
    )
    InitiativeParamFactory(initiative=initiative, param_name="users", value=100.0, approved=True)
    InitiativeParamFactory(initiative=initiative, param_name="uplift", value=value, min=low, max=high, approved=True)
    return key


@pytest.fixture
def world() -> World:
    """One for sure, one wide, one that is always worse; two fit."""
    world = World()
    world.initiative(1, gmv=50)
    ranged(world, 2, 0.4, 0.0, 1.0)
    world.initiative(3, gmv=30)
    world.scenario(capacity_total_tokens=20)
    world.act(SAVE)
    world.act(RUN_ALL)
    return world


def test_results_say_how_often_each_initiative_is_chosen(world: World) -> None:
    assert [row["selection_frequency"] for row in world.rows("Results")] == [None, None, None]
    context = world.act(MEASURE)
    shares = dict(PortfolioItem.objects.values_list("initiative_key", "selection_frequency"))
    assert shares[K1] == 1.0
    assert shares[K2] + shares[K3] == pytest.approx(1.0)
    assert 0.5 < shares[K2] < 0.9
    shown = {row["initiative_key"]: row["selection_frequency"] for row in world.rows("Results")}
    assert shown[K1] == "1.00 core (120 draws; 2 of 3 contributions don't vary)"
    assert shown[K3] == f"{shares[K3]:.2f} borderline (120 draws; 2 of 3 contributions don't vary)"
    assert context.report.status == "success"
    assert "120 of 120 draws (seed 1): 1 core, 2 borderline; 2 of 3 contributions don't vary" in texts(context)


def test_measure_next_names_the_param_that_costs_most(world: World) -> None:
    context = world.act(MEASURE)
    (row,) = world.rows("Measure_Next")
    assert (row["run_id"], row["rank"], row["initiative_key"], row["param_name"]) == (
        world.run().run_id,
        1,
        K2,
        "uplift",
    )
    assert (row["low"], row["high"]) == (0.0, 1.0)
    assert row["expected_regret"] > 0
    assert row["share_of_regret"] == pytest.approx(1.0, abs=0.25)
    assert f"measure next: uplift of {K2}" in texts(context)


def test_the_runs_result_keeps_seed_figures_and_why_others_do_not_vary(world: World) -> None:
    world.act(MEASURE)
    stored = world.run().result_json
    told = stored["uncertainty"]
    assert (told["seed"], told["draws"], told["solved"], told["infeasible"], told["varying"]) == (1, 120, 120, 0, 1)
    assert set(told["still"]) == {K1, K3}
    assert "typed by hand" in told["still"][K1]
    assert told["chosen"]["regret"] > 0
    assert stored["selection_frequency"][K1] == 1.0
    assert stored["selected"] == [K1, K2]


def test_measuring_again_gives_the_same_and_writes_nothing(world: World) -> None:
    world.act(MEASURE)
    before, writes = world.run().result_json, world.book.writes
    world.act(MEASURE)
    assert (world.run().result_json, world.book.writes) == (before, writes)


def test_rows_of_earlier_runs_stay_as_they_are(world: World) -> None:
    world.act(RUN_ALL)
    world.act(MEASURE)
    shown = [row["selection_frequency"] for row in world.rows("Results")]
    assert shown[:3] == [None, None, None]
    assert all(shown[3:])


def test_cells_of_a_person_beside_the_results_are_left_alone(world: World) -> None:
    world.book.set_cell("Results", 0, len(world.tabs["Results"]), "My own")
    world.book.set_cell("Results", 1, len(world.tabs["Results"]), "look here")
    world.act(MEASURE)
    assert world.book.values("Results")[1][-1] == "look here"


def test_results_that_were_sorted_meanwhile_get_their_own_share(world: World) -> None:
    _header, *rows = world.book.values("Results")
    for index, row in enumerate(reversed(rows), start=1):
        for column, value in enumerate(row):
            world.book.set_cell("Results", index, column, value)
    world.act(MEASURE)
    shown = {row["initiative_key"]: row["selection_frequency"] for row in world.rows("Results")}
    assert shown[K1].startswith("1.00 core")


@pytest.mark.parametrize("fault", [Fault.FAILS, Fault.ANSWER_LOST])
def test_cells_whose_write_went_wrong_are_written_by_the_next_action(world: World, fault: Fault) -> None:
    world.book.faults.append(fault)
    world.act(MEASURE)
    world.act(POPULATE)
    assert all(row["selection_frequency"] for row in world.rows("Results"))
    assert len(world.rows("Measure_Next")) == 1
    assert world.run().owed_tabs_json == []


def test_without_any_range_the_action_says_what_is_missing(world: World) -> None:
    InitiativeParam.objects.update(min=None, max=None)
    context = world.act(MEASURE)
    told = texts(context, "FAILED")
    assert "no contribution varies, so there is nothing to draw. Give approved params a min and a max" in told
    assert context.report.status == "failed"
    assert "uncertainty" not in world.run().result_json


def test_contributions_that_changed_since_the_run_do_not_vary(world: World) -> None:
    Initiative.objects.filter(initiative_key=K2).update(kpi_contribution_json={"gmv": 44.0})
    InitiativeParam.objects.filter(param_name="uplift").update(value=0.44)
    Initiative.objects.get(initiative_key=K2).contribution.__class__.objects.update(adopted_json={"gmv": 44.0})
    assert "Its contributions were changed since the run." in texts(world.act(MEASURE), "FAILED")


def test_draws_in_which_nothing_can_hold_are_left_out_and_counted(world: World) -> None:
    world.target("gmv", 90, "floor")
    world.act(SAVE)
    world.act(RUN_ALL)
    context = world.act(MEASURE)
    told = world.run().result_json["uncertainty"]
    assert told["infeasible"] > 0
    assert told["infeasible"] + told["solved"] == 120
    assert f"in {told['infeasible']:,} draws no portfolio obeys the rules; they are left out" in texts(context)


def test_an_infeasible_run_cannot_be_measured(world: World) -> None:
    world.rule("mandatory", member_keys=f"{K1} | {K2} | {K3}")
    world.act(SAVE)
    world.act(RUN_ALL)
    run = world.run()
    assert f"run {run.run_id} is infeasible" in texts(world.act(MEASURE, runs=(run.run_id,)), "FAILED")
    assert texts(world.act(MEASURE), "FAILED") == ""  # the last run with a portfolio is measured instead


def test_a_called_off_action_keeps_what_was_drawn_until_then(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimization.studies.study.called_off", lambda run: lambda: True)
    assert "in none of 120 draws no portfolio was found in time" in texts(world.act(MEASURE), "FAILED")
    assert OptimizationRun.objects.get().owed_tabs_json == []
    assert ActionRun.objects.filter(action=MEASURE, status="failed").exists()


def test_params_that_vary_no_longer_keep_their_row_without_figures(world: World) -> None:
    ranged(world, 4, 0.45, 0.0, 1.0)
    world.act(RUN_ALL)
    world.act(MEASURE)
    run = world.run()
    assert len(world.rows("Measure_Next")) == 2
    InitiativeParam.objects.filter(initiative__initiative_key=K2).update(min=None, max=None)
    world.act(MEASURE, runs=(run.run_id,))
    by_key = {row["initiative_key"]: row["rank"] for row in world.rows("Measure_Next")}
    assert by_key == {"INIT-000004": 1, K2: None}


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, ""),
        (0.95, "0.95 core (900 draws; 2 of 5 contributions don't vary)"),
        (0.5, "0.50 borderline (900 draws; 2 of 5 contributions don't vary)"),
        (0.0, "0.00 out (900 draws; 2 of 5 contributions don't vary)"),
    ],
)
def test_a_share_is_shown_with_its_name_and_what_it_rests_on(share: float | None, text: str) -> None:
    told = {"still": {K1: "", K2: ""}, "varying": 3, "solved": 900}
    assert frequency_text(share, told) == text
