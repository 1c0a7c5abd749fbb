"""Actions on runs that ended: what they store, what the workbook shows, what they say, and what they refuse."""

from __future__ import annotations

import pytest

from backlog.models import Initiative
from optimization.models import OptimizationRun
from sheetsync.models import RecordChange, Workbook
from sheetsync.runs.actions import WrongUsage
from sheetsync.tabs import Role
from sheetsync.workbooks.memory import Fault, MemoryWorkbook
from tests.optimization.world import POPULATE, RUN_ALL, SAVE, World, texts

pytestmark = pytest.mark.django_db

FRONTIER, COMPARE, EXPLAIN = "pm.optimize_frontier", "pm.compare_runs", "pm.explain_selection"


@pytest.fixture
def world() -> World:
    """Three candidates of 10 tokens, two of which fit; one run."""
    world = World()
    for number, gmv in ((1, 9), (2, 8), (3, 7)):
        world.initiative(number, gmv=gmv)
    world.scenario(capacity_total_tokens=20)
    world.act(SAVE)
    world.act(RUN_ALL)
    return world


# ---- the frontier ------------------------------------------------------------------------------------------------------------------------


def test_the_frontier_of_the_last_run_fills_its_tab_and_the_runs_result(world: World) -> None:
    context = world.act(FRONTIER, scenario="q3 BASE")
    rows = world.rows("Frontier")
    assert [row["capacity"] for row in rows] == [2.0 * step for step in range(21)]
    assert {row["run_id"] for row in rows} == {world.run().run_id}
    assert [(row["objective"], row["enters"]) for row in rows if row["enters"]] == [
        (9, "INIT-000001"),
        (17, "INIT-000002"),
        (24, "INIT-000003"),
    ]
    stored = world.run().result_json["frontier"]
    assert (stored["kind"], len(stored["steps"]), stored["knee"]) == ("even steps", 21, 30.0)
    assert "the next 2 would bring 0 a token" in texts(context)
    assert context.report.status == "success"


def test_the_frontier_of_no_capacity_is_one_step(world: World) -> None:
    world.act(RUN_ALL, capacity=0)
    assert "the capacity is 0, and so is twice the capacity: one step, with the objective 0" in texts(
        world.act(FRONTIER)
    )


def test_a_second_frontier_of_a_run_adds_and_writes_nothing(world: World) -> None:
    world.act(FRONTIER)
    before, writes = world.rows("Frontier"), world.book.writes
    world.act(FRONTIER)
    assert (world.rows("Frontier"), world.book.writes) == (before, writes)


def test_each_run_keeps_its_own_frontier_below_the_earlier_one(world: World) -> None:
    world.act(FRONTIER)
    world.act(RUN_ALL)
    world.act(FRONTIER)
    assert len(world.rows("Frontier")) == 42
    assert world.rows("Frontier")[-1]["run_id"] == world.run().run_id


def test_a_frontier_cell_that_somebody_overwrote_is_put_right_by_the_next_frontier(world: World) -> None:
    world.act(FRONTIER)
    world.retype("Frontier", 22, objective=99)
    world.act(FRONTIER)
    assert world.rows("Frontier")[20]["objective"] == 24


@pytest.mark.parametrize("fault", [Fault.FAILS, Fault.ANSWER_LOST])
def test_a_frontier_whose_write_went_wrong_is_written_by_the_next_action(world: World, fault: Fault) -> None:
    world.book.faults.append(fault)
    world.act(FRONTIER)
    world.act(POPULATE)
    assert len(world.rows("Frontier")) == 21
    assert world.run().owed_tabs_json == []


def test_rows_of_the_run_that_a_person_deleted_stay_away(world: World) -> None:
    world.book.delete_row("Results", 3)
    world.act(FRONTIER)
    assert len(world.rows("Results")) == 2


def test_a_workbook_without_the_tab_is_told_once_and_owes_nothing(world: World) -> None:
    world.book.delete_tab("Frontier")
    assert "there is no tab 'Frontier'" in texts(world.act(FRONTIER), "FAILED")
    assert len(world.run().result_json["frontier"]["steps"]) == 21
    assert texts(world.act(POPULATE), "FAILED") == ""


def test_an_infeasible_run_has_a_frontier_that_shows_from_where_on_it_could_hold(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001 | INIT-000002 | INIT-000003")
    world.act(SAVE)
    world.act(RUN_ALL)
    context = world.act(FRONTIER)
    assert "below 30 tokens no portfolio obeys the rules" in texts(context)
    assert [row["objective"] for row in world.rows("Frontier")[:15]] == [None] * 15


def test_a_frontier_can_be_undone(world: World) -> None:
    context = world.act(FRONTIER)
    change = RecordChange.objects.get(run=context.run, model="optimization.OptimizationRun")
    assert set(change.fields) == {"result_json", "owed_tabs_json"}
    assert "frontier" not in change.fields["result_json"][0]


# ---- which run ---------------------------------------------------------------------------------------------------------------------------


def test_without_any_run_the_action_says_what_to_run_first() -> None:
    world = World()
    assert "nothing has been run yet" in texts(world.act(FRONTIER), "FAILED")


def test_a_mistyped_run_names_the_nearest(world: World) -> None:
    wrong = world.run().run_id[:-1] + "x"
    assert f"did you mean {world.run().run_id}?" in texts(world.act(FRONTIER, runs=(wrong,)), "FAILED")


def test_a_mistyped_scenario_names_the_nearest(world: World) -> None:
    assert "did you mean Q3 base?" in texts(world.act(FRONTIER, scenario="Q3 bas"), "FAILED")


def test_several_scenarios_with_runs_want_a_name(world: World) -> None:
    world.scenario("Q3 bold")
    world.act(SAVE)
    world.act(RUN_ALL, scenario="Q3 bold")
    assert "name one of them: Q3 base, Q3 bold" in texts(world.act(FRONTIER), "FAILED")


def test_a_failed_run_is_passed_over_or_refused_when_named(world: World) -> None:
    good = world.run()
    OptimizationRun.objects.create(
        scenario_name="Q3 base", status="failed", message="no weights", workbook=world.workbook,
        inputs_snapshot_json={"scenario": {"capacity": 1}},
    )  # fmt: skip
    world.act(FRONTIER)
    assert {row["run_id"] for row in world.rows("Frontier")} == {good.run_id}
    failed = world.run()
    assert f"run {failed.run_id} is failed: no weights" in texts(world.act(FRONTIER, runs=(failed.run_id,)), "FAILED")


def test_a_run_of_another_workbook_is_asked_for_there(world: World) -> None:
    other = Workbook.objects.create(role=Role.OPTIMIZATION, location="other", title="Other", is_active=False)
    OptimizationRun.objects.update(workbook=other)
    assert "belongs to the workbook Other" in texts(world.act(FRONTIER, runs=(world.run().run_id,)), "FAILED")


def test_with_several_workbooks_rows_go_to_the_runs_own(world: World) -> None:
    Workbook.objects.create(role=Role.OPTIMIZATION, location="other", title="Other")
    world.books["other"] = MemoryWorkbook({name: [list(names)] for name, names in world.tabs.items()})
    world.act(FRONTIER, runs=(world.run().run_id,))
    assert len(world.rows("Frontier")) == 21
    assert len(world.books["other"].values("Frontier")) == 1


# ---- comparing ---------------------------------------------------------------------------------------------------------------------------


def test_the_last_two_runs_are_compared_the_earlier_one_first(world: World) -> None:
    first = world.run()
    Initiative.objects.filter(initiative_key="INIT-000003").update(kpi_contribution_json={"gmv": 20})
    world.act(RUN_ALL)
    told = texts(world.act(COMPARE))
    assert f"compared with run {first.run_id}: came in: INIT-000003; went out: INIT-000002" in told
    assert "objective: 17 -> 29" in told
    assert "INIT-000003 gmv: 7 -> 20; it moved INIT-000002, INIT-000003" in told
    assert world.run().result_json["compared"][first.run_id]["came"] == ["INIT-000003"]


def test_two_runs_are_compared_as_they_were_named(world: World) -> None:
    first = world.run()
    world.retype("Scenario_Config", 2, capacity_total_tokens=30)
    world.act(SAVE)
    world.act(RUN_ALL)
    second = world.run()
    told = texts(world.act(COMPARE, runs=(second.run_id, first.run_id)))
    assert f"compared with run {second.run_id}: went out: INIT-000003" in told
    assert "capacity: 30 -> 20 tokens; it moved INIT-000003" in told


def test_equal_runs_have_nothing_to_say_but_that(world: World) -> None:
    world.act(RUN_ALL)
    told = texts(world.act(COMPARE))
    assert "the same initiatives are chosen" in told
    assert "no input changed that could matter" in told


def test_one_run_cannot_be_compared(world: World) -> None:
    assert "Q3 base needs 2 runs that ended, and has 1" in texts(world.act(COMPARE), "FAILED")
    with pytest.raises(WrongUsage, match="name two runs"):
        world.act(COMPARE, runs=(world.run().run_id,))
    with pytest.raises(WrongUsage, match="named twice"):
        world.act(COMPARE, runs=(world.run().run_id,) * 2)


def test_what_made_a_run_infeasible_is_said(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001 | INIT-000002 | INIT-000003")
    world.act(SAVE)
    world.act(RUN_ALL)
    told = texts(world.act(COMPARE))
    assert "status: optimal -> infeasible" in told
    assert "with the old value there is a portfolio again" in told


def test_a_refused_run_has_no_inputs_to_compare(world: World) -> None:
    good = world.run().run_id
    world.scenario("Q3 odd", objective_mode="weighted_kpis")
    world.act(SAVE)
    OptimizationRun.objects.create(
        run_id="refused", scenario_name="Q3 odd", status="failed", message="no weights", workbook=world.workbook,
        inputs_snapshot_json={"scenario": {"capacity": 1}},
    )  # fmt: skip
    told = texts(world.act(COMPARE, runs=(good, "refused")), "FAILED")
    assert "run refused was refused before its inputs were taken: no weights" in told


# ---- explaining --------------------------------------------------------------------------------------------------------------------------


def test_an_initiative_that_is_out_says_what_forcing_it_in_would_cost_and_push_out(world: World) -> None:
    told = texts(world.act(EXPLAIN, keys=("init-000003",)))
    assert "INIT-000003 is out: left out" in told
    assert (
        "it brings 7 gmv for 10 tokens; forcing it in would cost 1 gmv and push out INIT-000002; it would be chosen"
        in told
    )
    assert told.count("cost") == 1


def test_an_initiative_that_is_in_says_what_forcing_it_out_would_cost_and_let_in(world: World) -> None:
    told = texts(world.act(EXPLAIN, keys=("INIT-000001",)))
    assert "INIT-000001 is in: chosen on merit" in told
    assert "forcing it out would cost 2 gmv and let in INIT-000003" in told
    assert told.count("cost") == 1


def test_what_is_excluded_cannot_be_forced_in(world: World) -> None:
    world.rule("exclude_initiative", member_keys="INIT-000001")
    world.act(SAVE)
    world.act(RUN_ALL)
    assert "can't be forced in" in texts(world.act(EXPLAIN, keys=("INIT-000001",)))


def test_what_is_not_eligible_says_why(world: World) -> None:
    world.initiative(4, tokens=None)
    world.act(RUN_ALL)
    assert "INIT-000004 is out: not eligible because tokens unknown" in texts(world.act(EXPLAIN, keys=("INIT-000004",)))


def test_a_key_that_is_no_part_of_the_run_names_the_nearest_and_the_others_go_through(world: World) -> None:
    context = world.act(EXPLAIN, keys=("INIT-00003", "INIT-000001"))
    assert "INIT-00003 isn't part of the run; the nearest key there is INIT-000003" in texts(context, "FAILED")
    assert "INIT-000001 is in" in texts(context, "OK")
    assert context.report.status == "partial"


def test_what_a_what_if_forces_in_cannot_be_left_out(world: World) -> None:
    world.act("pm.populate_candidates")
    world.retype("Candidates", 2, force="in")
    world.act(RUN_ALL)
    told = texts(world.act(EXPLAIN, keys=("INIT-000001",)))
    assert "forced in; it brings" in told
    assert "it can't be left out: a what-if forces it in" in told


def test_explaining_wants_keys_and_a_portfolio(world: World) -> None:
    with pytest.raises(WrongUsage, match="name the initiatives"):
        world.act(EXPLAIN)
    world.rule("mandatory", member_keys="INIT-000001 | INIT-000002 | INIT-000003")
    world.act(SAVE)
    world.act(RUN_ALL)
    told = texts(world.act(EXPLAIN, keys=("INIT-000001",), runs=(world.run().run_id,)), "FAILED")
    assert "is infeasible" in told


def test_explaining_writes_nothing_anywhere(world: World) -> None:
    writes = world.book.writes
    context = world.act(EXPLAIN, keys=("INIT-000003",))
    assert world.book.writes == writes
    assert not RecordChange.objects.filter(run=context.run).exists()
