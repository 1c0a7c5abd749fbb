"""MathModels: formulas and chains are checked, approvals hold only for what was approved, the chain reaches the initiative."""

from __future__ import annotations

import datetime

import pytest
import time_machine

from backlog.models import Initiative
from productops.models import InitiativeMathModel
from tests.factories import InitiativeFactory, InitiativeMathModelFactory, InitiativeParamFactory, MetricConfigFactory
from tests.productops.desk import Desk, north_star

pytestmark = pytest.mark.django_db
TAB = "MathModels"


@pytest.fixture
def desk():
    north_star("gmv")
    InitiativeFactory(initiative_key="INIT-000001", title="Faster search")
    return Desk()


def add(desk, name="main", **cells):
    return desk.add(TAB, initiative_key="INIT-000001", model_name=name, **cells)


def model(name="main"):
    return InitiativeMathModel.objects.get(model_name=name)


def chain():
    return Initiative.objects.get().metric_chain_json


def test_a_row_with_a_new_name_makes_a_model(desk):
    add(
        desk,
        formula_text="value = visits * 2",
        target_kpi_key="GMV",
        metric_chain_text="Page load -> GMV",
        assumptions_text="Visits stay.",
        model_description_free_text="More visits.",
    )
    assert desk.save(TAB).status == "success"
    made = model()
    assert (made.formula_text, made.target_kpi_key, made.assumptions_text) == (
        "value = visits * 2",
        "gmv",
        "Visits stay.",
    )
    assert desk.row(TAB)["title"] == "Faster search"
    assert desk.row(TAB)["metric_chain_text"] == "Page load -> GMV"


def test_a_row_without_a_model_name_is_skipped_until_it_has_one(desk):
    place = add(desk, name=None, formula_text="value = 1")
    assert desk.save(TAB).status == "success"
    assert desk.status(TAB) == "SKIPPED: model_name is empty; the row is saved once its model has a name"
    desk.type(TAB, place, model_name="main")
    desk.save(TAB)
    assert model().formula_text == "value = 1"
    assert desk.status(TAB).startswith("OK")


def test_a_row_without_a_key_fails(desk):
    desk.add(TAB, model_name="main", formula_text="value = 1")
    desk.save(TAB)
    assert desk.status(TAB).startswith("FAILED: initiative_key is empty")


def test_a_new_model_of_an_unknown_initiative_fails_with_the_nearest_key(desk):
    desk.add(TAB, initiative_key="INIT-000002", model_name="main", formula_text="value = 1")
    assert desk.save(TAB).status == "failed"
    assert desk.status(TAB) == (
        'FAILED: initiative_key: "INIT-000002" doesn\'t exist; the nearest existing key is INIT-000001'
    )
    assert not InitiativeMathModel.objects.exists()


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("value = 2\neffort = 3 +", "line 2"),
        ("value = open(x)", "open"),
        ("value = 'x'", "Quotation marks"),
        ("value = a.b", "line 1"),
        ("value = 1 / 0", "line 1"),
        ("value = 4000000 ** 4000000", "line 1"),
        ("value = " + "(" * 500 + "1" + ")" * 500, "line 1"),
        ("value = " + " + ".join(["visits"] * 20_000), "accepted"),
        ("value = 1\nvalue = 2", "line 2"),
    ],
)
def test_a_formula_that_cannot_be_read_is_refused_with_its_line(desk, formula, said):
    add(desk, formula_text=formula[:32_000], target_kpi_key="gmv")
    desk.save(TAB)
    assert desk.status(TAB).startswith("FAILED: formula_text")
    assert said in desk.status(TAB)
    assert (model().formula_text, model().target_kpi_key) == ("", "gmv")


def test_a_step_too_large_for_any_number_is_a_warning_where_parameters_take_part(desk):
    InitiativeParamFactory(initiative=Initiative.objects.get(), param_name="visits", value=3)
    add(desk, formula_text="value = visits * 10 ** 400")
    desk.save(TAB)
    assert desk.status(TAB).startswith("WARNING: formula_text of the model main, line 1")
    assert "line 1" in desk.row(TAB)["computed_outputs"]


def test_a_refused_formula_leaves_the_stored_one_and_its_approval(desk):
    place = add(desk, formula_text="value = 1", approved_by_user=True)
    desk.save(TAB)
    desk.type(TAB, place, formula_text="value = 1 +")
    desk.save(TAB)
    assert (model().formula_text, model().approved_by_user) == ("value = 1", True)
    assert desk.row(TAB)["formula_text"] == "value = 1 +"
    assert desk.row(TAB)["approved_by_user"] is True


def test_a_target_that_is_no_active_kpi_is_refused_with_the_nearest(desk):
    MetricConfigFactory(kpi_key="retention", is_active=False)
    place = add(desk, target_kpi_key="gmw", formula_text="value = 1")
    desk.save(TAB)
    assert desk.status(TAB) == 'FAILED: target_kpi_key: "gmw" is no active KPI; the nearest is gmv'
    assert model().formula_text == "value = 1"
    desk.type(TAB, place, target_kpi_key="retention")
    desk.save(TAB)
    assert 'target_kpi_key: "retention" is no active KPI' in desk.status(TAB)


def test_a_target_that_was_deactivated_since_is_a_warning(desk):
    MetricConfigFactory(kpi_key="retention", is_active=False)
    InitiativeMathModelFactory(initiative=Initiative.objects.get(), model_name="main", target_kpi_key="retention")
    add(desk, target_kpi_key="retention")
    desk.save(TAB)
    assert desk.status(TAB).startswith('WARNING: target_kpi_key: "retention" is no active KPI')


@pytest.mark.parametrize("change", [{"formula_text": "value = 2"}, {"target_kpi_key": "orders"}])
def test_a_change_of_what_was_approved_withdraws_the_approval(desk, change):
    MetricConfigFactory(kpi_key="orders")
    place = add(desk, formula_text="value = 1", target_kpi_key="gmv", approved_by_user=True)
    desk.save(TAB)
    assert model().approved_by_user
    desk.type(TAB, place, **change)
    assert desk.save(TAB).status == "success"
    assert not model().approved_by_user
    assert not desk.row(TAB)["approved_by_user"]
    (name,) = change
    assert desk.status(TAB).startswith(f"WARNING: {name} changed, so the approval is withdrawn")


def test_the_withdrawal_is_told_until_the_row_is_approved_anew(desk):
    place = add(desk, formula_text="value = 1", target_kpi_key="gmv", approved_by_user=True)
    desk.save(TAB)
    desk.type(TAB, place, formula_text="value = 2")
    desk.save(TAB)
    desk.save(TAB)
    assert desk.status(TAB).startswith("WARNING: formula_text changed")
    desk.type(TAB, place, approved_by_user=True)
    desk.save(TAB)
    assert model().approved_by_user
    assert "withdrawn" not in desk.status(TAB)


def test_a_change_that_comes_with_a_new_tick_is_approved(desk):
    place = add(desk, formula_text="value = 1")
    desk.save(TAB)
    desk.type(TAB, place, formula_text="value = 2", approved_by_user=True)
    desk.save(TAB)
    assert (model().formula_text, model().approved_by_user) == ("value = 2", True)


def test_other_changes_keep_the_approval(desk):
    place = add(desk, formula_text="value = 1", approved_by_user=True)
    desk.save(TAB)
    desk.type(TAB, place, assumptions_text="Nothing breaks.", metric_chain_text="a -> gmv")
    desk.save(TAB)
    assert model().approved_by_user


def test_the_chains_of_all_models_together_are_the_initiative_s(desk):
    add(desk, "one", metric_chain_text="load_time → conversion -> gmv")
    add(desk, "two", metric_chain_text="reach => conversion; reach > gmv")
    desk.save(TAB)
    assert chain() == {
        "nodes": ["load_time", "conversion", "gmv", "reach"],
        "edges": [["load_time", "conversion"], ["conversion", "gmv"], ["reach", "conversion"], ["reach", "gmv"]],
    }


def test_the_initiative_s_chain_follows_when_one_model_s_is_emptied(desk):
    first = add(desk, "one", metric_chain_text="a -> gmv")
    second = add(desk, "two", metric_chain_text="b -> gmv")
    desk.save(TAB)
    desk.type(TAB, first, metric_chain_text=None)
    desk.save(TAB)
    assert chain() == {"nodes": ["b", "gmv"], "edges": [["b", "gmv"]]}
    desk.type(TAB, second, metric_chain_text=None)
    desk.save(TAB)
    assert chain() is None


def test_a_chain_that_goes_round_in_a_circle_is_refused(desk):
    add(desk, metric_chain_text="a -> b -> c -> a", formula_text="value = 1")
    desk.save(TAB)
    assert desk.status(TAB).startswith("FAILED: metric_chain_text: The metric chain goes round in a circle: a -> b")
    assert (model().metric_chain_text, model().formula_text, chain()) == ("", "value = 1", None)


def test_a_chain_that_closes_a_circle_with_another_model_is_refused_and_the_stored_one_holds(desk):
    add(desk, "one", metric_chain_text="a -> b -> gmv")
    second = add(desk, "two", metric_chain_text="b -> gmv")
    desk.save(TAB)
    before = chain()
    desk.type(TAB, second, metric_chain_text="gmv -> a")
    desk.save(TAB)
    assert "Taken together, the metric chains of this initiative's models go round" in desk.status(TAB, 2)
    assert (model("two").metric_chain_text, chain()) == ("b -> gmv", before)
    assert desk.status(TAB, 1).startswith("OK")


def test_two_new_chains_that_clash_refuse_the_second_alone(desk):
    add(desk, "one", metric_chain_text="a -> b")
    add(desk, "two", metric_chain_text="b -> a")
    desk.save(TAB)
    assert chain() == {"nodes": ["a", "b"], "edges": [["a", "b"]]}
    assert "round in a circle" in desk.status(TAB, 2)


def test_chains_that_are_turned_round_in_one_save_are_taken(desk):
    first, second = add(desk, "one", metric_chain_text="a -> b"), add(desk, "two", metric_chain_text="c -> d")
    desk.save(TAB)
    desk.type(TAB, first, metric_chain_text="d -> c")
    desk.type(TAB, second, metric_chain_text="b -> a")
    desk.save(TAB)
    assert chain()["edges"] == [["d", "c"], ["b", "a"]]


def test_a_chain_that_does_not_end_at_an_active_kpi_is_a_warning(desk):
    add(desk, metric_chain_text="load_time -> conversion")
    assert desk.save(TAB).status == "success"
    assert desk.status(TAB).startswith("WARNING: The metric chain ends at conversion")
    assert chain()["nodes"] == ["load_time", "conversion"]


def test_computed_outputs_show_every_result_and_what_is_not_approved(desk):
    initiative = Initiative.objects.get()
    InitiativeParamFactory(initiative=initiative, param_name="visits", value=60_000, approved=True)
    InitiativeParamFactory(initiative=None, param_name="basket", value=0.01)
    add(desk, formula_text="value = visits * 2\nretention = basket\neffort = 20", target_kpi_key="gmv")
    desk.save(TAB)
    assert desk.row(TAB)["computed_outputs"] == (
        "value = 120,000; retention = 0.01; effort = 20. value is visits 60,000 x 2. "
        "Not approved: the model; in Params basket."
    )


def test_computed_outputs_name_parameters_without_a_value(desk):
    InitiativeParamFactory(initiative=Initiative.objects.get(), param_name="visits")
    add(desk, formula_text="value = visits * basket")
    desk.save(TAB)
    assert desk.row(TAB)["computed_outputs"] == (
        "The model main needs a row in Params for basket and a value in Params for visits."
    )
    assert "missing metric_chain_text, target_kpi_key, a value in Params for visits" in desk.status(TAB)


def test_a_division_by_zero_is_told_with_its_line(desk):
    InitiativeParamFactory(initiative=Initiative.objects.get(), param_name="visits", value=0)
    add(desk, formula_text="# per visit\nvalue = 3 / visits")
    desk.save(TAB)
    assert "line 2" in desk.row(TAB)["computed_outputs"]
    assert desk.status(TAB).startswith("WARNING: formula_text of the model main, line 2")


def test_updated_at_moves_exactly_when_the_model_changes(desk):
    start = datetime.datetime(2026, 1, 1, 8, 0, tzinfo=datetime.UTC)
    with time_machine.travel(start, tick=False):
        place = add(desk, formula_text="value = 1")
        desk.save(TAB)
    assert desk.row(TAB)["updated_at"] == "2026-01-01T08:00:00Z"
    with time_machine.travel(start + datetime.timedelta(days=1), tick=False):
        desk.type(TAB, place, model_prompt_to_llm="Think of basket sizes.")
        desk.save(TAB)
        assert desk.row(TAB)["updated_at"] == "2026-01-01T08:00:00Z"
        desk.type(TAB, place, assumptions_text="None.")
        desk.save(TAB)
    assert desk.row(TAB)["updated_at"] == "2026-01-02T08:00:00Z"
    assert model().updated_at == start + datetime.timedelta(days=1)


def test_saving_keeps_what_the_suggestion_job_noted(desk):
    InitiativeMathModelFactory(initiative=Initiative.objects.get(), model_name="main", suggested_by_llm=True)
    add(desk, formula_text="value = 1")
    desk.save(TAB)
    assert model().suggested_by_llm
    assert desk.row(TAB)["suggested_by_llm"] is True


def test_an_unchanged_tab_writes_nothing(desk):
    add(desk, formula_text="value = visits", metric_chain_text="a -> gmv", approved_by_user=True)
    add(desk, None)
    desk.save(TAB)
    writes = desk.book.writes
    desk.save(TAB)
    desk.save(TAB)
    assert desk.book.writes == writes


def test_computed_outputs_show_units_steps_and_the_spread_of_approved_ranges(desk):
    initiative = InitiativeFactory(initiative_key="INIT-000077")
    given = {"framework": "MATH_MODEL", "approved": True, "initiative": initiative}
    InitiativeParamFactory(param_name="visits", value=1000, unit="visits", **given)
    InitiativeParamFactory(param_name="uplift", value=0.02, min=0.01, max=0.04, unit="fraction", **given)
    InitiativeParamFactory(param_name="basket", value=50, unit="GBP/order", **given)
    desk.add(
        TAB,
        initiative_key="INIT-000077",
        model_name="main",
        formula_text="orders = visits * uplift\nvalue = orders * basket",
        target_kpi_key="gmv",
        approved_by_user=True,
    )
    desk.save(TAB)
    shown = desk.row(TAB)["computed_outputs"]
    assert shown == (
        "orders = 20 visits; value = 1,000 GBP. value is orders 20 x basket 50. "
        "gmv: P10 722, P50 1,040, P90 1,450. It moves most with uplift from 500 to 2,000."
    )
    reads, writes = desk.book.reads, desk.book.writes
    desk.save(TAB)
    assert (desk.book.reads, desk.book.writes) == (reads + 1, writes)


def test_no_draws_are_shown_where_the_installation_asks_for_none(desk, settings):
    settings.RANGE_DRAWS = 0
    initiative = InitiativeFactory(initiative_key="INIT-000077")
    InitiativeParamFactory(initiative=initiative, param_name="visits", value=2, min=1, max=5, approved=True)
    desk.add(TAB, initiative_key="INIT-000077", model_name="main", formula_text="visits * 2", target_kpi_key="gmv")
    desk.save(TAB)
    assert "P10" not in desk.row(TAB)["computed_outputs"]
