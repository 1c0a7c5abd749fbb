"""Runs on a workbook: what is stored, what Runs, Results and Gaps_And_Alerts show, what people are told."""

from __future__ import annotations

from typing import Any

import pytest

from backlog.models import Initiative
from optimization.models import OptimizationConstraintSet, OptimizationRun, OptimizationScenario, PortfolioItem
from optimization.runs.running import Effort, run_scenario
from optimization.solving.facts import Snapshot
from sheetsync.models import ActionRun
from tests.optimization.world import POPULATE, RUN_ALL, RUN_TICKED, SAVE, World, texts

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    """100 tokens; by score 1 goes first, but 2 and 3 bring more."""
    world = World()
    world.initiative(1, tokens=70, gmv=300, country="UK", market="EMEA", overall_score=9)
    world.initiative(2, tokens=50, gmv=200, country="UK", market="EMEA", overall_score=5)
    world.initiative(3, tokens=50, gmv=250, country="DE", market="DACH", overall_score=1)
    world.scenario()
    return world


def chosen(world: World) -> list[str]:
    return [row["initiative_key"] for row in world.rows("Results") if row["selected"]]


def reasons(world: World) -> dict[str, str]:
    return {row["initiative_key"]: row["reason"] for row in world.rows("Results")}


# ---- a good run --------------------------------------------------------------------------------------------------------------------------


def test_a_run_stores_its_outcome_and_shows_it(world: World) -> None:
    world.target("gmv", 440, baseline_value=10)
    world.act(SAVE)
    context = world.act(RUN_ALL)
    assert context.report.status == "success"
    run = world.run()
    assert (run.status, run.result_json["selected"], run.requested_by) == (
        "optimal",
        ["INIT-000002", "INIT-000003"],
        "Ana",
    )
    (row,) = world.rows("Runs")
    figures = (
        "candidate_count",
        "selected_count",
        "capacity_total",
        "capacity_used",
        "total_objective",
        "greedy_objective",
    )
    assert [row[name] for name in figures] == [3, 2, 100, 100, 450, 300]
    assert (row["run_id"], row["status"], row["optimality_gap"], row["gap_summary"]) == (
        run.run_id,
        "optimal",
        0,
        "1 of 1 targets met",
    )
    assert row["created_at"].endswith("Z")
    (gap,) = world.rows("Gaps_And_Alerts")
    assert (gap["achieved"], gap["gap"], gap["severity"], gap["baseline"]) == (460, 0, "ok", 10)
    assert run.portfolio.selected_count == 2
    assert "2 of 3 candidates chosen" in texts(context, "OK")


def test_results_stand_by_rank_then_by_what_is_left_out_then_what_is_not_eligible(world: World) -> None:
    world.initiative(4, tokens=None, gmv=999)
    world.initiative(5, gmv=1, lifecycle_status="done")
    world.initiative(6, tokens=40, gmv=10)
    world.act(SAVE)
    world.act(RUN_ALL)
    rows = world.rows("Results")
    order = [f"INIT-00000{number}" for number in (3, 2, 1, 6, 4, 5)]
    assert [row["initiative_key"] for row in rows] == order
    assert [row["rank"] for row in rows] == [1, 2, None, None, None, None]
    assert [row["selected"] for row in rows] == [True, True, False, False, False, False]
    assert rows[2]["objective_contribution"] == 300
    assert rows[4]["reason"] == "not eligible because tokens unknown: engineering_tokens is empty"
    assert "lifecycle_status is done" in rows[5]["reason"]
    assert world.rows("Runs")[0]["candidate_count"] == 4


def test_results_show_the_initiative_as_it_was(world: World) -> None:
    Initiative.objects.filter(initiative_key="INIT-000003").update(
        kpi_contribution_json={"gmv": 250, "nps": 3}, dependencies_initiatives=["INIT-000002", "INIT-000001"]
    )
    world.act(SAVE)
    world.act(RUN_ALL)
    (row, *_) = world.rows("Results")
    assert (row["title"], row["country"], row["market"], row["allocated_tokens"]) == ("Idea 3", "DE", "DACH", 50)
    assert row["strategic_kpi_contributions"] == "nps: 3"
    assert row["dependency_status"] == "open: INIT-000002 selected, INIT-000001 not selected"


def test_a_new_run_appends_and_earlier_rows_stay(world: World) -> None:
    world.act(SAVE)
    world.act(RUN_ALL)
    first = world.rows("Results")
    world.retype("Results", 2, reason="my own words")
    world.act(RUN_ALL)
    assert len(world.rows("Runs")) == 2
    assert world.rows("Results")[1:3] == first[1:3]
    assert world.rows("Results")[0]["reason"] == "my own words"


def test_the_stored_snapshot_gives_the_same_portfolio_later(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    world.act(RUN_ALL)
    Initiative.objects.update(kpi_contribution_json={"gmv": 1}, engineering_tokens=1)
    snapshot = Snapshot.from_json(world.run().inputs_snapshot_json)
    again = run_scenario(snapshot, Effort(time_limit_s=30, gap=0.001))
    stored = world.run().result_json
    assert {name: stored[name] for name in again.result_json} == dict(again.result_json)


@pytest.mark.parametrize("mode", ["weighted_kpis", "lexicographic"])
def test_the_other_objective_modes_run_from_the_sheet_as_well(world: World, mode: str) -> None:
    world.initiative(7, tokens=60, kpi_contribution_json={"nps": 5})
    world.scenario("Other", objective_mode=mode, objective_weights_json="nps: 0.9; gmv: 0.1")
    for kpi, value in (("nps", 5), ("gmv", 1000)):
        world.target(kpi, value, scenario_name="Other")
    world.act(SAVE)
    assert world.act(RUN_ALL, scenario="other").report.status == "success"
    assert "INIT-000007" in chosen(world)
    assert len(world.run().result_json["steps"]) == (2 if mode == "lexicographic" else 0)


# ---- which scenario, which set -----------------------------------------------------------------------------------------------------------


def test_without_a_name_the_only_scenario_of_the_sheet_is_run(world: World) -> None:
    world.act(SAVE)
    world.retype("Scenario_Config", 2, scenario_name="Q3 final")
    world.act(SAVE)
    world.act(RUN_ALL)
    assert world.run().scenario_name == "Q3 final"


@pytest.mark.parametrize(
    ("name", "said"), [("", "several scenarios; name one of them: Lean, Q3 base"), ("Q3 bass", "did you mean Q3 base?")]
)
def test_a_scenario_that_cannot_be_told_is_refused_without_a_run(world: World, name: str, said: str) -> None:
    world.scenario("Lean")
    world.act(SAVE)
    context = world.act(RUN_ALL, scenario=name)
    assert (context.report.status, said in texts(context, "FAILED")) == ("failed", True)
    assert not OptimizationRun.objects.exists()


def test_the_only_set_is_obeyed_and_none_is_none(world: World) -> None:
    world.act(SAVE)
    world.act(RUN_ALL)
    assert world.run().constraint_set_name == ""
    world.rule("exclude_initiative", member_keys="INIT-000003")
    world.act(SAVE)
    world.act(RUN_ALL)
    assert world.run().constraint_set_name == "Base"
    assert "INIT-000003" not in world.run().result_json["selected"]


@pytest.mark.parametrize(("name", "said"), [("", "name one of them: Base, Bold"), ("Bald", "did you mean Bold?")])
def test_a_set_that_cannot_be_told_fails_the_run_and_its_row_says_why(world: World, name: str, said: str) -> None:
    for group in ("Base", "Bold"):
        world.rule("mandatory", member_keys="INIT-000001", constraint_set_name=group)
    world.act(SAVE)
    context = world.act(RUN_ALL, constraint_set=name)
    assert context.report.status == "failed"
    (row,) = world.rows("Runs")
    assert row["status"] == "failed"
    assert said in row["gap_summary"]
    assert said in texts(context, "FAILED")


def test_a_set_that_is_out_of_use_is_not_obeyed(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    OptimizationConstraintSet.objects.update(is_active=False)
    world.act(RUN_ALL)
    assert world.run().constraint_set_name == ""
    assert "put out of use" in texts(world.act(RUN_ALL, constraint_set="base"), "FAILED")


def test_a_capacity_given_with_the_action_counts_instead_of_the_scenarios(world: World) -> None:
    world.act(SAVE)
    world.act(RUN_ALL, capacity=50)
    assert (chosen(world), world.rows("Runs")[0]["capacity_total"]) == (["INIT-000003"], 50)


def test_so_many_are_explained_as_the_action_was_asked_for(world: World) -> None:
    world.act(SAVE)
    world.act(RUN_ALL, capacity=50, explain=1)
    found = world.run().result_json
    assert (len(found["why_not"]), len(found["why_in"])) == (1, 1)
    assert "1 nearest misses are explained (explain)" in found["not_computed"]


# ---- ticks and what-ifs ------------------------------------------------------------------------------------------------------------------


def test_only_ticked_rows_can_be_chosen(world: World) -> None:
    world.act(SAVE)
    world.act(POPULATE)
    for row in (2, 3):
        world.retype("Candidates", row, is_selected_for_run=True)
    world.act(RUN_TICKED)
    assert chosen(world) == ["INIT-000001"]
    assert world.rows("Runs")[0]["candidate_count"] == 2
    assert reasons(world).keys() == {"INIT-000001", "INIT-000002"}


def test_keys_given_with_the_action_are_the_ticks(world: World) -> None:
    world.act(SAVE)
    context = world.act(RUN_TICKED, keys=("init-000002", "INIT-999999"))
    assert chosen(world) == ["INIT-000002"]
    assert "no initiative 'INIT-999999'" in texts(context, "FAILED")


def test_nothing_ticked_fails_and_says_so(world: World) -> None:
    world.act(SAVE)
    world.act(POPULATE)
    context = world.act(RUN_TICKED)
    assert context.report.status == "failed"
    assert "nothing is ticked" in texts(context, "FAILED")
    assert world.rows("Results") == []


def test_a_ticked_row_that_is_a_candidate_no_longer_never_runs_and_is_listed(world: World) -> None:
    world.act(SAVE)
    world.act(POPULATE)
    for row in (2, 3):
        world.retype("Candidates", row, is_selected_for_run=True)
    Initiative.objects.filter(initiative_key="INIT-000001").update(is_optimization_candidate=False)
    world.act(RUN_TICKED)
    assert chosen(world) == ["INIT-000002"]
    assert reasons(world)["INIT-000001"] == "not eligible because is_optimization_candidate isn't ticked"


def test_a_what_if_is_honoured_and_compared_with_the_run_without_it(world: World) -> None:
    world.act(SAVE)
    world.act(POPULATE)
    world.retype("Candidates", 2, force="in")
    world.act(RUN_ALL)
    assert chosen(world) == ["INIT-000001"]
    assert reasons(world)["INIT-000001"] == "forced in"
    assert world.run().result_json["base"]["selected"] == ["INIT-000002", "INIT-000003"]
    assert world.rows("Runs")[0]["gap_summary"].startswith("what-if: INIT-000001 in; without it the objective is 450")
    assert OptimizationRun.objects.count() == 1


def test_a_what_if_on_what_is_no_candidate_is_warned_of(world: World) -> None:
    world.act(SAVE)
    world.act(POPULATE)
    world.retype("Candidates", 2, force="in")
    Initiative.objects.filter(initiative_key="INIT-000001").update(lifecycle_status="rejected")
    context = world.act(RUN_ALL)
    assert context.report.status == "success"
    assert "force: INIT-000001 isn't a candidate" in texts(context, "WARNING")
    result = world.run().result_json
    assert result["base"]["selected"] == result["selected"]
    assert "what-if" not in world.run().message
    assert world.status("Candidates", 2).startswith("WARNING: force: INIT-000001 isn't a candidate of this run")
    assert world.status("Candidates", 3) == "OK"
    world.retype("Candidates", 2, force="")
    world.act(RUN_ALL)
    assert world.status("Candidates", 2) == "OK"


def test_another_capacity_is_a_what_if_that_says_what_the_scenarios_own_gives(world: World) -> None:
    world.act(SAVE)
    world.act(RUN_ALL, capacity=50)
    run = world.run()
    assert run.message.startswith(
        "what-if: capacity 50 instead of 100; without it the objective is 450, with INIT-000002; no targets"
    )
    assert run.result_json["base"]["selected"] == ["INIT-000002", "INIT-000003"]
    world.act(RUN_ALL, capacity=100)
    assert (world.run().message, "base" in world.run().result_json) == ("no targets", False)


def test_other_weights_are_a_what_if_too(world: World) -> None:
    world.initiative(7, tokens=60, kpi_contribution_json={"nps": 5})
    world.scenario("Other", objective_mode="weighted_kpis", objective_weights_json="gmv: 1")
    for kpi, value in (("nps", 5), ("gmv", 1000)):
        world.target(kpi, value, scenario_name="Other")
    world.act(SAVE)
    world.act(RUN_ALL, scenario="other", weights={"nps": 1.0})
    assert world.run().message.startswith("what-if: weights nps: 1 instead of gmv: 1; without it the objective is 0.45")
    assert world.run().result_json["base"]["selected"] == ["INIT-000002", "INIT-000003"]


@pytest.mark.parametrize(("force", "kind"), [("in", "exclude_initiative"), ("out", "mandatory")])
def test_a_what_if_overrides_no_rule(world: World, force: str, kind: str) -> None:
    row = world.rule(kind, member_keys="INIT-000001")
    world.act(SAVE)
    world.act(POPULATE)
    world.retype("Candidates", 2, force=force)
    world.act(RUN_ALL)
    run = world.run()
    assert run.status == "infeasible"
    assert run.result_json["infeasible"]["rows"] == [{"tab": "Constraints", "row": row}]
    assert run.message.startswith(f"what-if: INIT-000001 {force}; without it the objective is")
    assert world.rows("Runs")[0]["gap_summary"] == run.message


def test_a_what_if_that_is_neither_in_nor_out_is_told_and_the_run_goes_on(world: World) -> None:
    world.act(SAVE)
    world.act(POPULATE)
    world.retype("Candidates", 3, force="maybe")
    context = world.act(RUN_ALL)
    assert context.report.status == "partial"
    assert "maybe" in texts(context, "FAILED")
    assert world.run().status == "optimal"
    assert world.status("Candidates", 3).startswith('FAILED: force: "maybe" is not one of the choices')
    world.retype("Candidates", 3, force="")
    assert world.act(RUN_ALL).report.status == "success"
    assert world.status("Candidates", 3) == "OK"


def test_rows_with_the_same_key_are_no_ticks(world: World) -> None:
    world.act(SAVE)
    world.act(POPULATE)
    world.retype("Candidates", 2, is_selected_for_run=True)
    world.retype("Candidates", 3, is_selected_for_run=True)
    world.type("Candidates", initiative_key="INIT-000001", is_selected_for_run=True)
    context = world.act(RUN_TICKED)
    assert chosen(world) == ["INIT-000002"]
    assert "same initiative_key" in texts(context, "FAILED")


# ---- runs that fail ----------------------------------------------------------------------------------------------------------------------


def test_a_scenario_that_is_refused_before_solving_has_its_row_in_runs(world: World) -> None:
    world.scenario("Weighted", objective_mode="weighted_kpis", objective_weights_json="gmv: 1")
    world.act(SAVE)
    context = world.act(RUN_ALL, scenario="Weighted")
    assert context.report.status == "failed"
    (row,) = world.rows("Runs")
    assert (row["scenario_name"], row["status"]) == ("Weighted", "failed")
    assert "KPI gmv has no target in the whole portfolio" in row["gap_summary"]
    assert world.rows("Results") == world.rows("Gaps_And_Alerts") == []


@pytest.mark.parametrize(
    "rules",
    [
        [("mandatory", {"member_keys": "INIT-000001"}), ("exclude_initiative", {"member_keys": "INIT-000001"})],
        [("mandatory", {"member_keys": "INIT-000001 | INIT-000002"})],
        [("mandatory", {"member_keys": "INIT-000008"})],
        [
            ("require_prereq", {"dimension_key": "INIT-000001", "member_keys": "INIT-000002"}),
            ("require_prereq", {"dimension_key": "INIT-000002", "member_keys": "INIT-000001"}),
        ],
    ],
    ids=["mandatory and excluded", "mandatory above capacity", "mandatory but no candidate", "circle"],
)
def test_rules_that_cannot_hold_make_the_run_infeasible_and_their_rows_are_named(
    world: World, rules: list[tuple[str, dict[str, Any]]]
) -> None:
    world.initiative(8, candidate_period_key="2027")
    good = world.rule("capacity_cap", dimension="all", max_tokens=99)
    rows = [world.rule(kind, **cells) for kind, cells in rules]
    world.target("gmv", 1)
    world.act(SAVE)
    context = world.act(RUN_ALL)
    assert context.report.status == "failed"
    assert world.run().status == world.rows("Runs")[0]["status"] == "infeasible"
    assert [row["row"] for row in world.run().result_json["infeasible"]["rows"]] == rows
    assert world.rows("Gaps_And_Alerts") == []
    assert world.rows("Runs")[0]["total_objective"] is None
    assert all(world.status("Constraints", row).startswith("WARNING") for row in rows)
    assert world.status("Constraints", good) == "OK"


def test_a_contradiction_that_only_the_run_sees_is_told_on_its_row_until_a_run_finds_a_portfolio(world: World) -> None:
    row = world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    assert world.status("Constraints", row) == "OK"
    world.act(RUN_TICKED, keys=("INIT-000002",))
    told = world.status("Constraints", row)
    assert told.startswith("WARNING")
    assert "INIT-000001 isn't a candidate of this run" in told
    writes = world.book.writes
    world.act(SAVE)
    assert (world.status("Constraints", row), world.book.writes) == (told, writes)
    world.act(RUN_ALL)
    assert world.status("Constraints", row).startswith("OK: costs 150 gmv")


def test_what_a_rule_costs_stands_on_its_row_until_the_rules_change(world: World) -> None:
    row = world.rule("mandatory", member_keys="INIT-000001")
    idle = world.rule("capacity_cap", dimension="all", max_tokens=100)
    world.act(SAVE)
    world.act(RUN_ALL)
    assert world.status("Constraints", row) == (
        "OK: costs 150 gmv: without it INIT-000002 and INIT-000003 would come in and INIT-000001 would go."
    )
    assert world.status("Constraints", idle) == "OK"
    before = world.book.values("Constraints")
    world.act(SAVE)
    world.act(RUN_ALL)
    assert world.book.values("Constraints") == before
    world.retype("Constraints", idle, max_tokens=90)
    world.act(SAVE)
    assert world.status("Constraints", row) == "OK"


def test_a_what_if_prices_no_rule_and_takes_no_price_back(world: World) -> None:
    row = world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    world.act(POPULATE)
    world.act(RUN_ALL)
    told = world.status("Constraints", row)
    world.retype("Candidates", 4, force="out")
    world.act(RUN_ALL)
    assert world.run().message.startswith("what-if")
    assert world.status("Constraints", row) == told


def test_results_say_why_not_for_what_is_left_out_alone(world: World) -> None:
    world.act(SAVE)
    world.act(RUN_ALL)
    said = {row["initiative_key"]: row["why_not"] for row in world.rows("Results")}
    left_out = world.run().result_json["why_not"]
    assert {key for key, text in said.items() if text} == set(left_out) == {"INIT-000001"}
    assert said["INIT-000001"] == left_out["INIT-000001"]["text"]


def test_rows_that_clash_say_how_each_of_them_mends_it(world: World) -> None:
    floor = world.rule("capacity_floor", dimension="all", min_tokens=90)
    cap = world.rule("capacity_cap", dimension="all", max_tokens=70)
    world.act(SAVE)
    world.act(RUN_ALL)
    found = world.run().result_json["infeasible"]
    ways = {way["row"]: (way["column"], way["from"], way["to"]) for way in found["relaxation"]}
    assert ways.keys() == {floor, cap}
    for row, (column, _before, after) in ways.items():
        assert f"set {column} of row {row} of Constraints" in world.status("Constraints", row)
        assert f"to {after:g}" in world.run().message
    first = found["relaxation"][0]
    world.retype("Constraints", first["row"], **{first["column"]: first["to"]})
    world.act(SAVE)
    assert world.act(RUN_ALL).report.status == "success"


def test_what_a_run_told_rows_goes_when_another_row_of_the_set_mends_it(world: World) -> None:
    rows = [
        world.rule("mandatory", member_keys="INIT-000001"),
        world.rule("exclude_initiative", member_keys="INIT-000001"),
    ]
    world.act(SAVE)
    world.act(RUN_ALL)
    world.retype("Constraints", rows[0], member_keys="INIT-000002")
    world.act(SAVE)
    assert [world.status("Constraints", row) for row in rows] == ["OK", "OK"]


def test_what_a_run_told_a_row_goes_when_its_scenario_changes(world: World) -> None:
    row = world.rule("capacity_floor", dimension="all", min_tokens=120)
    world.act(SAVE)
    world.act(RUN_ALL)
    world.retype("Scenario_Config", 2, capacity_total_tokens=150)
    world.act(SAVE)
    assert world.status("Constraints", row) == "OK"


def test_what_a_run_told_a_row_stays_when_its_scenario_changes_in_what_plans_nothing(world: World) -> None:
    row = world.rule("capacity_floor", dimension="all", min_tokens=120)
    world.act(SAVE)
    world.act(RUN_ALL)
    told = world.status("Constraints", row)
    world.retype("Scenario_Config", 2, notes="Asked the board.")
    world.act(SAVE)
    scenario = OptimizationScenario.objects.get(notes="Asked the board.")
    scenario.robust_weight = 0.5
    scenario.save()
    world.act(SAVE)
    assert world.status("Constraints", row) == told != "OK"


def test_what_a_run_told_a_row_goes_when_the_row_is_changed(world: World) -> None:
    row = world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    world.act(RUN_TICKED, keys=("INIT-000002",))
    world.retype("Constraints", row, member_keys="INIT-000003")
    world.act(SAVE)
    assert world.status("Constraints", row) == "OK"


def test_what_a_run_tells_finds_its_row_after_others_were_inserted_above(world: World) -> None:
    row = world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    world.book.insert_row("Constraints", row - 1, ["Q3 base", "Base", "capacity_cap", "all", None, None, 90])
    world.act(RUN_TICKED, keys=("INIT-000002",))
    assert world.status("Constraints", row) == ""
    assert world.status("Constraints", row + 1).startswith("WARNING")


def test_a_run_on_a_set_with_refused_rows_names_them_and_is_partial(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    bad = world.rule("mandatory", member_keys="INIT-000099")
    world.act(SAVE)
    context = world.act(RUN_ALL)
    assert context.report.status == "partial"
    assert world.run().status == "optimal"
    (message,) = [message for message in context.report.messages if message.status == "FAILED"]
    assert (message.tab, message.row) == ("Constraints", bad)
    assert "not in constraint set Q3 base / Base" in message.text


def test_a_scenario_without_candidates_is_optimal_and_empty(world: World) -> None:
    world.scenario("Far", period_key="2030")
    world.act(SAVE)
    context = world.act(RUN_ALL, scenario="Far")
    assert context.report.status == "success"
    assert (world.run().status, world.run().result_json["selected"]) == ("optimal", [])
    assert "no initiative is eligible for 2030" in texts(context, "WARNING")
    assert len(world.rows("Results")) == 3


def test_a_run_says_when_what_it_read_was_last_saved(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    said = texts(world.act(RUN_ALL), "OK")
    assert "Constraints 20" in said
    assert "Backlog never" in said


def test_a_run_does_not_save_rules_that_were_typed_meanwhile(world: World) -> None:
    world.act(SAVE)
    world.rule("exclude_initiative", member_keys="INIT-000003")
    world.act(RUN_ALL)
    assert "INIT-000003" in chosen(world)
    assert not OptimizationConstraintSet.objects.exists()


# ---- crashes and undo --------------------------------------------------------------------------------------------------------------------


class Crash(BaseException):
    """The process dies."""


@pytest.mark.parametrize("moment", range(1, 6))
def test_a_run_that_died_and_is_carried_out_again_is_one_run(world: World, moment: int) -> None:
    world.act(SAVE)
    world.act(POPULATE)
    requests = iter(range(1, 100))

    def die(kind: str) -> None:
        if next(requests) == moment:
            raise Crash

    world.book.after_request = die
    with pytest.raises(Crash):
        world.act(RUN_ALL)
    world.act(RUN_ALL, again=ActionRun.objects.get(action=RUN_ALL))
    assert OptimizationRun.objects.count() == len(world.rows("Runs")) == 1
    assert len(world.rows("Results")) == 3
    assert world.run().status == "optimal"


def test_a_run_that_died_while_it_was_solved_is_solved_from_what_it_had_stored(world: World) -> None:
    world.act(SAVE)
    context = world.act(RUN_ALL)
    stored = world.run().inputs_snapshot_json
    OptimizationRun.objects.all().delete()
    OptimizationRun.objects.create(
        scenario_name="Q3 base",
        workbook=world.workbook,
        status="running",
        action_run_id=context.run.run_id,
        inputs_snapshot_json=stored,
    )
    Initiative.objects.update(engineering_tokens=None)
    world.act(RUN_ALL, again=context.run)
    assert world.run().result_json["selected"] == ["INIT-000002", "INIT-000003"]


def test_a_scenario_deleted_while_its_run_was_solved_leaves_the_run_its_inputs(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    context = world.act(RUN_ALL)
    stored = world.run().inputs_snapshot_json
    OptimizationRun.objects.all().delete()
    scenario = OptimizationScenario.objects.get()
    OptimizationRun.objects.create(
        scenario=scenario,
        constraint_set=world.set(),
        scenario_name="Q3 base",
        workbook=world.workbook,
        status="running",
        action_run_id=context.run.run_id,
        inputs_snapshot_json=stored,
    )
    scenario.delete()
    world.act(RUN_ALL, again=context.run)
    run = world.run()
    assert (run.scenario, run.constraint_set, run.scenario_name) == (None, None, "Q3 base")
    assert (run.status, run.result_json["selected"]) == ("optimal", ["INIT-000001"])


def test_a_run_whose_scenario_was_deleted_before_it_began_says_which_there_are(world: World) -> None:
    world.scenario("Q3 other")
    world.act(SAVE)
    OptimizationScenario.objects.get(scenario_name="Q3 base").delete()
    context = world.act(RUN_ALL, scenario="Q3 base")
    assert context.report.status == "failed"
    assert "Q3 other" in texts(context, "FAILED")
    assert not OptimizationRun.objects.exists()


def test_contributions_that_lie_far_apart_are_solved_in_scale_and_the_run_says_so(world: World) -> None:
    Initiative.objects.filter(initiative_key="INIT-000001").update(
        kpi_contribution_json={"gmv": 1e15}, engineering_tokens=170
    )
    Initiative.objects.filter(initiative_key="INIT-000002").update(kpi_contribution_json={"gmv": 0.001})
    Initiative.objects.filter(initiative_key="INIT-000003").update(
        kpi_contribution_json={"gmv": 0.002}, engineering_tokens=51
    )
    world.act(SAVE)
    said = texts(world.act(RUN_ALL))
    assert world.run().result_json["selected"] == ["INIT-000003"]
    assert "0.001 of INIT-000002 beside 1e+15 of INIT-000001: it was solved in scale" in said


def test_contributions_of_a_like_size_are_not_worth_a_word(world: World) -> None:
    world.act(SAVE)
    assert "far apart" not in texts(world.act(RUN_ALL))


def test_a_run_whose_time_is_over_before_a_portfolio_is_found_fails_and_says_what_helps(
    world: World, settings: Any
) -> None:
    world.act(SAVE)
    settings.SOLVER_TIME_LIMIT_S = 0.0
    context = world.act(RUN_ALL)
    run = world.run()
    assert (context.report.status, run.status) == ("failed", "failed")
    assert "raise SOLVER_TIME_LIMIT_S, or ease the rules" in texts(context, "FAILED")
    assert world.rows("Runs")[0]["status"] == "failed"


def test_a_run_that_broke_off_is_ended_by_the_next_one(world: World) -> None:
    world.act(SAVE)
    started = OptimizationRun.objects.create(
        scenario_name="Q3 base",
        workbook=world.workbook,
        status="running",
        action_run_id="gone",
        inputs_snapshot_json={"scenario": {"capacity": 100.0}},
    )
    world.act(RUN_ALL)
    started.refresh_from_db()
    assert started.status == "failed"
    assert [row["status"] for row in world.rows("Runs")] == ["failed", "optimal"]


def test_a_run_can_be_undone(world: World) -> None:
    world.act(SAVE)
    context = world.act(RUN_ALL)
    undone = world.act("pm.undo_run", runs=(context.run.run_id,))
    assert texts(undone, "WARNING") == ""
    assert not OptimizationRun.objects.exists()
    assert not PortfolioItem.objects.exists()
    assert world.rows("Runs") == [] or not any(world.rows("Runs")[0].values())
    assert ActionRun.objects.get(pk=context.run.pk).undone_by == undone.run


def test_saved_rules_can_be_undone(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    row = world.rule("mandatory", member_keys="INIT-000002")
    saved = world.act(SAVE)
    world.act("pm.undo_run", runs=(saved.run.run_id,))
    assert world.set().mandatory_initiatives_json == ["INIT-000001"]
    world.act(SAVE)
    assert world.set().mandatory_initiatives_json == ["INIT-000001", "INIT-000002"]
    assert world.status("Constraints", row).startswith("WARNING")


def test_steps_whose_contributions_lie_far_apart_are_named(world: World) -> None:
    world.scenario(
        "Steps", objective_mode="lexicographic", objective_weights_json="nps > gmv", capacity_total_tokens=60
    )
    for kpi in ("nps", "gmv"):
        world.target(kpi, 5e15, scenario_name="Steps")
    Initiative.objects.filter(initiative_key="INIT-000002").update(kpi_contribution_json={"nps": 1e15})
    Initiative.objects.filter(initiative_key="INIT-000003").update(kpi_contribution_json={"nps": 0.001})
    world.act(SAVE)
    said = texts(world.act(RUN_ALL, scenario="Steps"))
    assert "bring to the step nps lies far apart, 0.001 of INIT-000003 beside 1e+15 of INIT-000002" in said
    assert "nps goal in the whole portfolio missed by 4000000000000000;" in said


def test_a_step_that_its_baseline_meets_is_skipped_and_the_run_says_so(world: World) -> None:
    world.scenario("Steps", objective_mode="lexicographic", objective_weights_json="nps > gmv")
    met = world.target("nps", 5, scenario_name="Steps", baseline_value=6)
    world.target("gmv", 100, scenario_name="Steps")
    world.act(SAVE)
    assert "target_value: 5 isn't above baseline_value 6" in world.rows("Targets")[met - 2]["run_status"]
    said = texts(world.act(RUN_ALL, scenario="Steps"))
    assert "the step nps is skipped: its baseline 6 meets the target 5 before anything is chosen" in said


def test_a_scenario_whose_row_was_refused_is_not_called_unknown(world: World) -> None:
    world.scenario("Weights", objective_mode="weighted_kpis", objective_weights_json="old: 1")
    world.act(SAVE)
    context = world.act(RUN_ALL, scenario="weights")
    assert context.report.status == "failed"
    assert (
        "the row of scenario 'weights' in Scenario_Config was refused: objective_weights_json: old isn't an active KPI"
        in texts(context)
    )
    assert not OptimizationRun.objects.exists()


def test_a_run_says_that_its_scenario_was_changed_to_something_refused_since(world: World) -> None:
    world.act(SAVE)
    world.retype("Scenario_Config", 2, capacity_total_tokens="a lot")
    world.act(SAVE)
    context = world.act(RUN_ALL)
    assert (context.report.status, world.run().status) == ("partial", "optimal")
    assert 'capacity_total_tokens: "a lot" is not a number' in texts(context, "FAILED")
    assert "the run used what was saved before" in texts(context, "FAILED")
