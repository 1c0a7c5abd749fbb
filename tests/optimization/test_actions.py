"""Candidates: which rows are there, what they show, what is left alone; and that earlier runs' rows find their way."""

from __future__ import annotations

import pytest

from backlog.models import Initiative
from sheetsync.workbooks.memory import Fault
from tests.optimization.world import POPULATE, RUN_ALL, SAVE, World, texts

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def test_candidates_get_a_row_each_and_others_none(world: World) -> None:
    world.initiative(1)
    world.initiative(2, is_optimization_candidate=False)
    world.initiative(3)
    world.act(POPULATE)
    assert [row["initiative_key"] for row in world.rows("Candidates")] == ["INIT-000001", "INIT-000003"]
    world.initiative(4)
    world.act(POPULATE)
    assert [row["initiative_key"] for row in world.rows("Candidates")] == ["INIT-000001", "INIT-000003", "INIT-000004"]


def test_a_row_shows_the_tokens_that_its_scope_mode_counts(world: World) -> None:
    world.initiative(1, tokens=60, scope_mode="mvp", engineering_tokens_mvp=20)
    world.initiative(2, tokens=60, scope_mode="full")
    world.act(POPULATE)
    first, second = world.rows("Candidates")
    assert first["engineering_tokens"] == 20
    assert second["engineering_tokens"] is None
    assert "tokens unknown: engineering_tokens_full is empty" in second["data_gaps"]


def test_a_row_shows_contributions_and_names_those_that_are_missing(world: World) -> None:
    world.initiative(1, kpi_contribution_json={"gmv": 120000, "nps": 2.5, "gone": 1}, overall_score=3)
    world.initiative(2, kpi_contribution_json={"nps": 1}, overall_score=3)
    world.act(POPULATE)
    first, second = world.rows("Candidates")
    assert (first["north_star_contribution"], first["strategic_kpi_contributions"]) == (120000, "nps: 2.5")
    assert first["data_gaps"] is None
    assert (second["north_star_contribution"], second["data_gaps"]) == (None, "no contribution to gmv (counts 0)")


def test_a_row_sums_up_the_rules_that_touch_it(world: World) -> None:
    keys = [world.initiative(number) for number in range(1, 5)]
    world.scenario()
    world.rule("mandatory", member_keys=keys[0])
    world.rule("bundle_all_or_nothing", dimension_key="checkout", member_keys=f"{keys[0]} | {keys[1]}")
    world.rule("require_prereq", dimension_key=keys[1], member_keys=keys[2])
    world.rule("exclude_pair", member_keys=f"{keys[2]}, {keys[0]}")
    world.rule("exclude_initiative", member_keys=keys[3], constraint_set_name="Bold")
    world.act(SAVE)
    world.act(POPULATE)
    shown = [row["constraint_summary"] for row in world.rows("Candidates")]
    assert shown == [
        f"Q3 base / Base: mandatory, bundle checkout with {keys[1]}, not with {keys[2]}",
        f"Q3 base / Base: bundle checkout with {keys[0]}, needs {keys[2]}",
        f"Q3 base / Base: not with {keys[0]}, needed by {keys[1]}",
        "Q3 base / Bold: excluded",
    ]


def test_a_summary_reads_the_same_in_whatever_order_rules_are_stored(world: World) -> None:
    keys = [world.initiative(number) for number in (1, 2, 3)]
    world.scenario()
    world.rule("require_prereq", dimension_key=keys[2], member_keys=keys[0])
    world.rule("require_prereq", dimension_key=keys[1], member_keys=keys[0])
    world.act(SAVE)
    world.act(POPULATE)
    shown = world.rows("Candidates")[0]["constraint_summary"]
    assert shown == f"Q3 base / Base: needed by {keys[1]}, needed by {keys[2]}"


def test_what_people_mark_is_never_touched(world: World) -> None:
    world.initiative(1)
    world.act(POPULATE)
    world.retype("Candidates", 2, is_selected_for_run=True, force="in", notes="pet idea")
    Initiative.objects.update(title="New name")
    world.act(POPULATE)
    (row,) = world.rows("Candidates")
    assert (row["title"], row["is_selected_for_run"], row["force"], row["notes"]) == (
        "New name",
        True,
        "in",
        "pet idea",
    )


def test_a_candidate_no_longer_keeps_its_row_and_says_so(world: World) -> None:
    world.initiative(1)
    world.act(POPULATE)
    Initiative.objects.update(is_optimization_candidate=False)
    world.act(POPULATE)
    assert world.status("Candidates", 2) == "SKIPPED: no longer a candidate"
    Initiative.objects.update(is_optimization_candidate=True)
    world.act(POPULATE)
    assert world.status("Candidates", 2) == "OK"


def test_a_row_that_a_person_typed_with_a_wrong_key_names_the_nearest(world: World) -> None:
    world.initiative(1)
    row = world.type("Candidates", initiative_key="INIT-00001")
    world.act(POPULATE)
    assert "nearest existing key is INIT-000001" in world.status("Candidates", row)


def test_a_mirror_that_a_person_overwrote_is_repaired(world: World) -> None:
    world.initiative(1, country="UK")
    world.act(POPULATE)
    world.retype("Candidates", 2, country="US", north_star_contribution=9)
    world.act(POPULATE)
    assert world.rows("Candidates")[0]["country"] == "UK"
    assert world.rows("Candidates")[0]["north_star_contribution"] is None


def test_an_unchanged_workbook_costs_one_read_and_no_write(world: World) -> None:
    world.initiative(1)
    world.initiative(2, is_optimization_candidate=False)
    world.act(POPULATE)
    reads, writes = world.book.reads, world.book.writes
    world.act(POPULATE)
    assert (world.book.reads, world.book.writes) == (reads + 1, writes)


@pytest.mark.parametrize("versions", [True, False], ids=["like a file", "like a Google sheet"])
@pytest.mark.parametrize("fault", [Fault.FAILS, Fault.ANSWER_LOST])
def test_rows_of_a_run_whose_write_went_wrong_are_appended_by_the_next_action_and_never_doubled(
    versions: bool, fault: Fault
) -> None:
    world = World(versions=versions)
    world.initiative(1, gmv=5)
    world.scenario()
    world.act(SAVE)
    world.book.faults.append(fault)
    world.act(RUN_ALL)
    world.act(POPULATE)
    world.act(POPULATE)
    assert [row["run_id"] for row in world.rows("Runs")] == [world.run().run_id]
    assert len(world.rows("Results")) == 1
    assert world.run().written_at is not None


def test_rows_that_may_still_land_are_not_appended_a_second_time() -> None:
    world = World(versions=False)
    world.book.write_window_s = 60.0
    world.initiative(1, gmv=5)
    world.scenario()
    world.act(SAVE)
    world.book.faults.append(Fault.LANDS_LATE)
    world.act(RUN_ALL)
    world.act(POPULATE)
    assert world.rows("Runs") == []
    world.book.land_late()
    world.act(POPULATE)
    assert len(world.rows("Runs")) == len(world.rows("Results")) == 1
    assert world.run().written_at is not None


def test_rows_of_old_runs_that_a_person_deleted_stay_away(world: World) -> None:
    world.initiative(1, gmv=5)
    world.scenario()
    world.act(SAVE)
    world.act(RUN_ALL)
    for tab in ("Runs", "Results"):
        world.book.delete_row(tab, 1)
    world.act(RUN_ALL)
    assert [row["run_id"] for row in world.rows("Runs")] == [world.run().run_id]


def test_saving_a_workbook_without_tabs_says_what_is_missing(world: World) -> None:
    world.book.delete_tab("Scenario_Config")
    context = world.act(SAVE)
    assert "there is no tab 'Scenario_Config'" in texts(context, "FAILED")
