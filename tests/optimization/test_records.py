"""What people type in Scenario_Config, Constraints and Targets, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from backlog.models import Initiative
from optimization.models import OptimizationConstraintSet, OptimizationScenario
from optimization.records import legible
from productops.models import MetricConfig
from sheetsync.models import RecordChange, Workbook
from sheetsync.workbooks.memory import MemoryWorkbook
from tests.optimization.world import SAVE, World, texts

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    """Two initiatives and the saved scenario Q3 base."""
    world = World()
    world.initiative(1, gmv=100, country="UK")
    world.initiative(2, gmv=50, country="DE")
    world.scenario()
    world.act(SAVE)
    return world


# ---- Scenario_Config ---------------------------------------------------------------------------------------------------------------------


def test_a_scenario_is_stored_as_typed(world: World) -> None:
    weights = "gmv: 0.7; nps: 0.3"
    world.scenario(
        "Q4 wide",
        period_key="Q4 2026",
        capacity_total_tokens="1,200",
        objective_mode="weighted_kpis",
        objective_weights_json=weights,
    )
    assert world.act(SAVE).report.status == "success"
    stored = OptimizationScenario.objects.get(scenario_name="Q4 wide")
    assert (stored.period_key, stored.capacity_total_tokens) == ("2026-Q4", 1200.0)
    assert stored.objective_weights_json == {"gmv": 0.7, "nps": 0.3}


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"period_key": ""}, "period_key is empty"),
        ({"period_key": "next spring"}, "next spring"),
        ({"capacity_total_tokens": -5}, "-5"),
        ({"capacity_total_tokens": ""}, "capacity_total_tokens is empty"),
        ({"objective_mode": "max"}, "objective_mode"),
        ({"objective_mode": "weighted_kpis"}, "objective_weights_json: empty"),
        ({"objective_mode": "weighted_kpis", "objective_weights_json": "gmv: -1"}, "gmv: -1 is negative"),
        ({"objective_mode": "weighted_kpis", "objective_weights_json": "gmv: 0; nps: 0"}, "every weight is 0"),
        (
            {"objective_mode": "weighted_kpis", "objective_weights_json": "churn: 1"},
            "churn isn't an active KPI of Metrics_Config",
        ),
        ({"objective_mode": "lexicographic", "objective_weights_json": "old > gmv"}, "old isn't active"),
    ],
)
def test_a_scenario_that_no_run_could_use_is_refused_and_says_why(
    world: World, cells: dict[str, Any], said: str
) -> None:
    MetricConfig.objects.create(kpi_key="old", kpi_level="strategic", is_active=False)
    row = world.scenario("Broken", **cells)
    assert world.act(SAVE).report.status == "partial"
    assert world.status("Scenario_Config", row).startswith("FAILED")
    assert said in world.status("Scenario_Config", row)
    assert not OptimizationScenario.objects.filter(scenario_name="Broken").exists()


def test_a_refused_change_leaves_the_whole_scenario_as_it_was(world: World) -> None:
    world.retype("Scenario_Config", 2, capacity_total_tokens=300, objective_mode="weighted_kpis")
    world.act(SAVE)
    assert OptimizationScenario.objects.get().capacity_total_tokens == 100
    world.retype("Scenario_Config", 2, objective_weights_json="gmv: 1")
    world.act(SAVE)
    assert OptimizationScenario.objects.get().capacity_total_tokens == 300


def test_an_emptied_capacity_is_refused_and_the_rest_of_the_row_goes_through(world: World) -> None:
    world.retype("Scenario_Config", 2, capacity_total_tokens=None, notes="cut?")
    world.act(SAVE)
    stored = OptimizationScenario.objects.get()
    assert (stored.capacity_total_tokens, stored.notes) == (100, "cut?")
    assert "capacity_total_tokens is empty" in world.status("Scenario_Config", 2)


def test_scenarios_whose_names_match_are_twins_and_none_is_taken(world: World) -> None:
    row = world.scenario("  q3   BASE ", capacity_total_tokens=7)
    world.act(SAVE)
    assert OptimizationScenario.objects.get().capacity_total_tokens == 100
    assert "same scenario_name" in world.status("Scenario_Config", row)


def test_a_kpi_that_is_put_out_of_use_shows_on_the_scenario_that_weighs_it(world: World) -> None:
    row = world.scenario("Weighted", objective_mode="weighted_kpis", objective_weights_json="nps: 1")
    world.act(SAVE)
    assert world.status("Scenario_Config", row) == "OK"
    MetricConfig.objects.filter(kpi_key="nps").update(is_active=False)
    world.act(SAVE)
    assert "nps isn't active" in world.status("Scenario_Config", row)


def test_a_scope_that_is_nobodys_market_is_warned_of(world: World) -> None:
    row = world.scenario("Narrow", objective_scope="Atlantis")
    fine = world.scenario("Global", objective_scope="GLOBAL")
    world.act(SAVE)
    assert world.status("Scenario_Config", row).startswith(
        "WARNING: objective_scope: no initiative has the market 'Atlantis'"
    )
    assert world.status("Scenario_Config", fine) == "OK"


# ---- Constraints and Targets -------------------------------------------------------------------------------------------------------------


def test_rows_become_the_set_of_their_scenario(world: World) -> None:
    world.rule("capacity_floor", dimension="country", dimension_key="UK", min_tokens=5)
    world.rule("capacity_cap", dimension="GLOBAL", max_tokens=90)
    world.rule("mandatory", member_keys="INIT-000001")
    world.rule("synergy_bonus", member_keys="INIT-000002 | INIT-000001", kpi_key="gmv", bonus_value=20)
    world.target("gmv", 500, "floor", baseline_value=450, notes="board")
    assert world.act(SAVE).report.status == "success"
    stored = world.set()
    assert stored.floors_json == {"country": {"UK": 5}}
    assert stored.caps_json == {"all": {"all": 90}}
    assert stored.mandatory_initiatives_json == ["INIT-000001"]
    assert stored.synergy_bonuses_json == [{"members": ["INIT-000001", "INIT-000002"], "kpi_key": "gmv", "value": 20}]
    assert stored.targets_json == {
        "all": {"all": {"gmv": {"type": "floor", "value": 500, "baseline": 450, "notes": "board"}}}
    }
    assert stored.scenario.scenario_name == "Q3 base"
    assert {row["run_status"] for row in world.rows("Constraints")} == {"OK"}


@pytest.mark.parametrize(
    ("kind", "cells", "said"),
    [
        ("capacity_floor", {"dimension": "planet", "dimension_key": "x", "min_tokens": 1}, "'planet' isn't known"),
        ("capacity_floor", {"dimension": "country", "dimension_key": "UK", "min_tokens": -1}, "-1 is negative"),
        ("capacity_floor", {"dimension": "country", "dimension_key": "UK", "min_tokens": "many"}, "many"),
        ("capacity_cap", {"dimension": "country", "dimension_key": "all", "max_tokens": 1}, "all in both columns"),
        ("capacity_cap", {"dimension": "country", "dimension_key": "UK"}, "max_tokens: empty"),
        ("mandatory", {"member_keys": "INIT-000009"}, "INIT-000009"),
        ("mandatory", {"scenario_name": "Q9", "member_keys": "INIT-000001"}, "scenario_name: 'Q9'"),
        ("mandatory", {"constraint_set_name": "", "member_keys": "INIT-000001"}, "constraint_set_name: empty"),
        ("exclude_pair", {"member_keys": "INIT-000001"}, "exactly two"),
        ("bundle_all_or_nothing", {"member_keys": "INIT-000001"}, "two or more"),
        ("require_prereq", {"dimension_key": "INIT-000001", "member_keys": "INIT-000001"}, "its own prerequisite"),
        ("synergy_bonus", {"member_keys": "INIT-000001, INIT-000002", "kpi_key": "churn", "bonus_value": 1}, "churn"),
        ("perhaps", {}, "constraint_type"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_the_good_ones_are_compiled(
    world: World, kind: str, cells: dict[str, Any], said: str
) -> None:
    good = world.rule("exclude_initiative", member_keys="INIT-000002")
    bad = world.rule(kind, **cells)
    assert world.act(SAVE).report.status == "partial"
    assert world.status("Constraints", bad).startswith("FAILED")
    assert said in world.status("Constraints", bad)
    assert world.status("Constraints", good) == "OK"
    assert world.set().exclusions_initiatives_json == ["INIT-000002"]


def test_a_refused_row_is_remembered_as_missing_from_its_set(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    bad = world.rule("capacity_floor", dimension="planet", min_tokens=1)
    world.act(SAVE)
    (missing,) = world.set().refused_rows_json
    assert (missing["tab"], missing["row"]) == ("Constraints", bad)


def test_a_target_needs_an_active_kpi_a_number_and_a_kind(world: World) -> None:
    rows = [
        world.target("churn", 1),
        world.target("gmv", "lots"),
        world.target("gmv", 1, "wish"),
        world.target("gmv", None),
    ]
    world.act(SAVE)
    assert all(world.status("Targets", row).startswith("FAILED") for row in rows)


def test_an_exact_repeat_counts_once_and_two_numbers_for_one_thing_count_not_at_all(world: World) -> None:
    cap = {"dimension": "country", "dimension_key": "UK"}
    first, again = (world.rule("capacity_cap", max_tokens=50, **cap) for _ in range(2))
    one, other = (world.rule("capacity_floor", min_tokens=number, **cap) for number in (1, 2))
    world.act(SAVE)
    assert world.status("Constraints", first) == "OK"
    assert world.status("Constraints", again) == f"WARNING: The same as row {first} of Constraints; it counts once."
    assert world.status("Constraints", one).startswith("FAILED")
    assert world.status("Constraints", other).startswith("FAILED")
    assert (world.set().caps_json, world.set().floors_json) == ({"country": {"UK": 50}}, {})


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            [("mandatory", {"member_keys": "INIT-000001"}), ("exclude_initiative", {"member_keys": "INIT-000001"})],
            "together",
        ),
        (
            [
                ("capacity_floor", {"dimension": "all", "min_tokens": 15}),
                ("capacity_cap", {"dimension": "all", "max_tokens": 12}),
            ],
            "together",
        ),
        ([("capacity_floor", {"dimension": "country", "dimension_key": "UK", "min_tokens": 11})], "can't hold"),
        ([("capacity_floor", {"dimension": "country", "dimension_key": "FR", "min_tokens": 1})], "No candidate"),
        (
            [
                ("require_prereq", {"dimension_key": "INIT-000001", "member_keys": "INIT-000002"}),
                ("require_prereq", {"dimension_key": "INIT-000002", "member_keys": "INIT-000001"}),
            ],
            "circle",
        ),
    ],
)
def test_what_can_be_seen_to_clash_is_warned_of_on_every_row_and_compiled_all_the_same(
    world: World, rules: list[tuple[str, dict[str, Any]]], said: str
) -> None:
    rows = [world.rule(kind, **cells) for kind, cells in rules]
    assert world.act(SAVE).report.status == "success"
    for row in rows:
        assert world.status("Constraints", row).startswith("WARNING")
        assert said in world.status("Constraints", row)
    assert len(world.set().rules_json) == len(rules)


def test_a_deleted_row_is_a_rule_that_is_gone(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    row = world.rule("exclude_initiative", member_keys="INIT-000002")
    world.act(SAVE)
    world.book.delete_row("Constraints", row - 1)
    world.act(SAVE)
    assert world.set().exclusions_initiatives_json == []
    assert world.set().mandatory_initiatives_json == ["INIT-000001"]
    last = RecordChange.objects.filter(model="optimization.OptimizationConstraintSet").latest("pk")
    assert last.fields["exclusions_initiatives_json"] == [["INIT-000002"], []]


def test_an_emptied_row_is_a_rule_that_is_gone_and_its_feedback_goes_too(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    row = world.rule("exclude_initiative", member_keys="INIT-000002")
    world.act(SAVE)
    world.retype(
        "Constraints", row, scenario_name=None, constraint_set_name=None, constraint_type=None, member_keys=None
    )
    assert world.act(SAVE).report.status == "success"
    assert world.set().exclusions_initiatives_json == []
    assert len(world.rows("Constraints")) < row or not any(world.rows("Constraints")[row - 2].values())


def test_a_set_that_lost_all_its_rows_stays_as_it_was(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    row = world.rule("mandatory", member_keys="INIT-000002", constraint_set_name="Other")
    world.act(SAVE)
    world.book.delete_row("Constraints", row - 1)
    world.act(SAVE)
    assert world.set("Other").mandatory_initiatives_json == ["INIT-000002"]
    assert world.set("Other").is_active


def test_a_tab_that_comes_back_empty_stops_both_until_a_person_confirms(world: World) -> None:
    row = world.rule("mandatory", member_keys="INIT-000001")
    target = world.target("gmv", 10)
    world.act(SAVE)
    world.book.delete_row("Constraints", row - 1)
    world.retype("Targets", target, target_value=20)
    context = world.act(SAVE)
    assert context.report.status == "partial"
    assert "run the action again with confirm" in texts(context, "FAILED")
    assert world.set().mandatory_initiatives_json == ["INIT-000001"]
    assert world.set().targets_json["all"]["all"]["gmv"]["value"] == 10
    world.act(SAVE, confirm=True)
    assert world.set().mandatory_initiatives_json == []
    assert world.set().targets_json["all"]["all"]["gmv"]["value"] == 20


def test_without_targets_constraints_is_not_compiled_either(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    world.target("gmv", 10)
    world.act(SAVE)
    world.rule("mandatory", member_keys="INIT-000002")
    world.book.delete_tab("Targets")
    context = world.act(SAVE)
    assert "Targets can't be read" in texts(context, "FAILED")
    assert world.set().mandatory_initiatives_json == ["INIT-000001"]
    assert world.set().targets_json != {}


def test_two_headers_for_one_column_keep_the_rules_as_they_were(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    world.book.set_cell("Constraints", 0, len(world.tabs["Constraints"]), "Members")
    context = world.act(SAVE)
    assert "both mean member_keys" in texts(context, "FAILED")
    assert world.set().mandatory_initiatives_json == ["INIT-000001"]


def test_unchanged_rules_cost_one_read_and_no_write(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    world.rule("capacity_floor", dimension="planet", min_tokens=1)
    world.target("gmv", 10)
    world.act(SAVE)
    reads, writes, history = world.book.reads, world.book.writes, RecordChange.objects.count()
    world.act(SAVE)
    assert (world.book.reads, world.book.writes) == (reads + 1, writes)
    assert RecordChange.objects.count() == history


def test_only_rows_that_changed_get_new_feedback(world: World) -> None:
    kept = world.rule("mandatory", member_keys="INIT-000001")
    changed = world.rule("capacity_cap", dimension="all", max_tokens=50)
    world.act(SAVE)
    for row in (kept, changed):
        world.retype("Constraints", row, updated_at="before", updated_source="before")
    world.retype("Constraints", changed, max_tokens=60)
    world.act(SAVE)
    assert world.rows("Constraints")[kept - 2]["updated_at"] == "before"
    assert world.rows("Constraints")[changed - 2]["updated_source"] == SAVE


def test_feedback_follows_its_row_when_rows_are_sorted_while_it_is_written(world: World) -> None:
    rows = [
        world.rule("capacity_cap", dimension="country", dimension_key=country, max_tokens=9) for country in ("UK", "DE")
    ]
    world.rule("capacity_cap", dimension="planet", dimension_key="A", max_tokens=9)
    once = iter([True])

    def sort(kind: str) -> None:
        if kind == "read" and world.book.reads > start and next(once, False):
            world.book.sort_rows("Constraints", world.tabs["Constraints"].index("dimension_key"), below=0)

    start = world.book.reads
    world.book.before_request = sort
    world.act(SAVE)
    said = {row["dimension_key"]: row["run_status"] for row in world.rows("Constraints")}
    assert len(rows) == 2
    assert said["UK"] == said["DE"] == "OK"
    assert said["A"].startswith("FAILED")


def test_rows_of_a_set_that_another_workbook_keeps_are_refused(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    Workbook.objects.create(role="optimization", location="other", title="Other plan")
    other = MemoryWorkbook({name: [list(names)] for name, names in world.tabs.items()})
    other.set_cell("Constraints", 1, 0, "Q3 base")
    other.set_cell("Constraints", 1, 1, "BASE")
    other.set_cell("Constraints", 1, 2, "exclude_initiative")
    other.set_cell("Constraints", 1, 7, "INIT-000001")
    world.books["other"] = other
    context = world.act(SAVE)
    assert "is kept in the workbook Plan" in texts(context, "FAILED")
    assert world.set().exclusions_initiatives_json == []
    Workbook.objects.filter(location="plan").update(is_active=False)
    world.act(SAVE)
    assert world.set().exclusions_initiatives_json == ["INIT-000001"]


def test_rows_of_a_set_that_is_put_out_of_use_say_so(world: World) -> None:
    row = world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    OptimizationConstraintSet.objects.update(is_active=False)
    world.act(SAVE)
    assert "put out of use" in world.status("Constraints", row)
    assert not world.set().is_active


def test_saving_one_tab_saves_the_other_along(world: World) -> None:
    world.rule("mandatory", member_keys="INIT-000001")
    world.target("gmv", 10)
    world.act("pm.save_selected", tab="Targets")
    assert world.set().mandatory_initiatives_json == ["INIT-000001"]
    assert world.set().targets_json["all"]["all"]["gmv"]["value"] == 10


def test_a_contradiction_is_told_when_it_comes_from_the_initiatives_side(world: World) -> None:
    row = world.rule("mandatory", member_keys="INIT-000001")
    world.act(SAVE)
    assert world.status("Constraints", row) == "OK"
    Initiative.objects.filter(initiative_key="INIT-000001").update(lifecycle_status="done")
    world.act(SAVE)
    assert "lifecycle_status is done" in world.status("Constraints", row)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.1 + 0.2, 0.3),
        (0.0010000000000000002, 0.001),
        (1_956_065.8, 1_956_065.8),
        (7498.55555555556, 7498.55556),
        (0.0, 0.0),
    ],
)
def test_numbers_that_are_worked_out_are_shown_without_their_rounding_errors(number: float, shown: float) -> None:
    assert legible(number) == shown
