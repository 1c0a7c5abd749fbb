"""KPI_Contributions: people enter or adopt; the backend computes and shows, and never enters by itself."""

from __future__ import annotations

import pytest

from backlog.models import Initiative
from productops.models import InitiativeContribution, InitiativeMathModel, InitiativeParam, MetricConfig
from productops.services import active_kpis, contributions_of, kpis, north_star
from sheetsync.models import ActionRun
from sheetsync.workbooks.memory import Formula
from tests.factories import InitiativeFactory, InitiativeMathModelFactory, InitiativeParamFactory, MetricConfigFactory
from tests.productops import desk as desks
from tests.productops.desk import NOW, Desk

pytestmark = pytest.mark.django_db
TAB = "KPI_Contributions"


@pytest.fixture
def desk():
    desks.north_star("gmv")
    MetricConfigFactory(kpi_key="retention_30d", unit="fraction")
    initiative = InitiativeFactory(initiative_key="INIT-000001", title="Faster search")
    InitiativeMathModelFactory(
        initiative=initiative,
        model_name="main",
        formula_text="value = visits * 2\nretention_30d = 0.01",
        target_kpi_key="gmv",
        approved_by_user=True,
    )
    InitiativeParamFactory(initiative=initiative, param_name="visits", value=50, approved=True)
    return Desk()


def add(desk, key="INIT-000001", **cells):
    return desk.add(TAB, initiative_key=key, **cells)


def entered():
    return Initiative.objects.get(initiative_key="INIT-000001").kpi_contribution_json


def shown(desk):
    return desk.row(TAB)["computed_contribution_json"]


COMPUTED = {"gmv": 100.0, "retention_30d": 0.01}
COMPUTED_TEXT = '{"gmv":100,"retention_30d":0.01}'


@pytest.mark.parametrize("typed", ['{"gmv": 120000, "retention_30d": 0.02}', "gmv: 120,000; retention_30d: 2%"])
def test_both_forms_are_saved_and_what_was_typed_stays(desk, typed):
    add(desk, kpi_contribution_json=typed, notes="Ledger of May")
    assert desk.save(TAB).status == "success"
    assert entered() == {"gmv": 120_000, "retention_30d": 0.02}
    assert desk.row(TAB)["kpi_contribution_json"] == typed
    assert InitiativeContribution.objects.get().notes == "Ledger of May"
    assert desk.row(TAB)["title"] == "Faster search"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("gmw: 5; retention_30d: 1", "gmw is no active KPI; the nearest is gmv"),
        ("orders: 5", "orders is no active KPI"),
        ('{"gmv": }', "kpi_contribution_json"),
        ('{"gmv": "many"}', "gmv"),
        ('{"gmv": 1, "gmv": 2}', "twice"),
        ("[1, 2]", "object of numbers"),
        (120000, "number without a name"),
        ("120000", "isn't of the form name: number"),
        ('{"gmv": NaN}', "kpi_contribution_json"),
    ],
)
def test_a_cell_that_cannot_be_taken_is_refused_as_a_whole(desk, typed, said):
    place = add(desk, kpi_contribution_json="gmv: 7")
    desk.save(TAB)
    desk.type(TAB, place, kpi_contribution_json=typed, notes="new")
    assert desk.save(TAB).status == "partial"
    assert desk.status(TAB).startswith("FAILED: kpi_contribution_json")
    assert said in desk.status(TAB)
    assert entered() == {"gmv": 7}
    assert desk.row(TAB)["kpi_contribution_json"] == typed
    assert InitiativeContribution.objects.get().notes == "new"


def test_a_kpi_that_is_not_active_refuses_the_cell(desk):
    MetricConfigFactory(kpi_key="orders", is_active=False)
    add(desk, kpi_contribution_json="gmv: 1; orders: 5")
    desk.save(TAB)
    assert "orders is no active KPI" in desk.status(TAB)
    assert entered() is None


def test_a_kpi_that_was_deactivated_since_is_a_warning(desk):
    add(desk, kpi_contribution_json="gmv: 1; retention_30d: 0.01")
    desk.save(TAB)
    MetricConfig.objects.filter(kpi_key="retention_30d").update(is_active=False)
    desk.save(TAB)
    assert "names retention_30d, which is no active KPI any more" in desk.status(TAB)
    assert desk.status(TAB).startswith("WARNING")


def test_emptying_the_cell_empties_the_contribution(desk):
    place = add(desk, kpi_contribution_json="gmv: 1")
    desk.save(TAB)
    desk.type(TAB, place, kpi_contribution_json=None)
    desk.save(TAB)
    assert entered() is None


def test_computed_numbers_stand_beside_and_are_never_entered_by_themselves(desk):
    add(desk)
    desk.save(TAB)
    desk.save(TAB)
    assert (shown(desk), entered()) == (COMPUTED_TEXT, None)
    assert desk.row(TAB)["contribution_check"] == "Nothing is entered yet."


def test_the_check_says_how_entered_and_computed_differ(desk):
    Initiative.objects.update(metric_chain_json={"nodes": ["visits", "gmv"], "edges": [["visits", "gmv"]]})
    InitiativeParam.objects.update(approved=False)
    add(desk, kpi_contribution_json="gmv: 120; retention_30d: 0.01")
    desk.save(TAB)
    assert desk.row(TAB)["contribution_check"] == (
        "Differs from computed: gmv is 120 beside 100 (+20.0 %). Entered on 2026-03-31. "
        "Can't be adopted: Not approved in Params, and used by the model main: visits. "
        "Not on the metric chain: retention_30d."
    )


def test_an_initiative_without_models_has_nothing_to_compare(desk):
    InitiativeFactory(initiative_key="INIT-000002")
    add(desk, "INIT-000002")
    add(desk, kpi_contribution_json="gmv: 100; retention_30d: 0.01")
    desk.save(TAB)
    assert [row["contribution_check"] for row in desk.rows(TAB)] == [None, "Equals computed."]


def adopt(desk):
    """The computed numbers are shown, then a person ticks."""
    place = add(desk)
    desk.save(TAB)
    desk.type(TAB, place, adopt_computed=True)
    return place


def test_a_tick_adopts_the_number_shown_and_is_cleared(desk):
    adopt(desk)
    assert desk.save(TAB).status == "success"
    assert entered() == COMPUTED
    row = desk.row(TAB)
    assert (row["kpi_contribution_json"], row["adopt_computed"]) == (COMPUTED_TEXT, False)
    assert (row["contribution_check"], row["run_status"]) == ("Equals computed.", "OK")


def test_an_adoption_notes_who_when_and_in_which_run(desk):
    adopt(desk)
    desk.save(TAB)
    run = ActionRun.objects.latest("pk")
    noted = InitiativeContribution.objects.get()
    assert (noted.adopted_json, noted.adopted_at) == (COMPUTED, NOW)
    assert (noted.adopted_by, noted.adopted_run) == ("ada", run.run_id)
    assert run.record_changes.filter(model="backlog.Initiative", row_key="INIT-000001").exists()


def test_after_an_adoption_nothing_is_left_to_write(desk):
    adopt(desk)
    desk.save(TAB)
    writes = desk.book.writes
    desk.save(TAB)
    assert desk.book.writes == writes
    assert entered() == COMPUTED


def test_an_adopted_number_replaces_what_was_entered(desk):
    place = add(desk, kpi_contribution_json="gmv: 7")
    desk.save(TAB)
    desk.type(TAB, place, adopt_computed=True)
    desk.save(TAB)
    assert entered() == COMPUTED
    assert desk.row(TAB)["kpi_contribution_json"] == COMPUTED_TEXT


def test_adopting_what_is_entered_already_clears_the_tick(desk):
    place = add(desk, kpi_contribution_json=COMPUTED_TEXT)
    desk.save(TAB)
    desk.type(TAB, place, adopt_computed=True)
    desk.save(TAB)
    assert desk.row(TAB)["adopt_computed"] is False
    assert InitiativeContribution.objects.get().adopted_json == COMPUTED


def test_a_number_that_no_longer_holds_is_not_adopted_and_the_new_one_is_shown(desk):
    adopt(desk)
    InitiativeParam.objects.update(value=60)
    assert desk.save(TAB).status == "partial"
    assert entered() is None
    assert desk.status(TAB).startswith("FAILED: adopt_computed: the row showed gmv = 100; retention_30d = 0.01")
    assert "gmv = 120" in desk.status(TAB)
    assert (shown(desk), desk.row(TAB)["adopt_computed"]) == ('{"gmv":120,"retention_30d":0.01}', True)


def test_a_tick_on_a_row_that_shows_no_number_yet_adopts_nothing(desk):
    add(desk, adopt_computed=True)
    desk.save(TAB)
    assert entered() is None
    assert "the row showed nothing" in desk.status(TAB)


def test_a_number_that_a_person_typed_over_the_computed_one_is_not_adopted(desk):
    place = adopt(desk)
    desk.type(TAB, place, computed_contribution_json="gmv: 1000000")
    desk.save(TAB)
    assert (entered(), shown(desk)) == (None, COMPUTED_TEXT)
    assert desk.status(TAB).startswith("FAILED: adopt_computed")


@pytest.mark.parametrize(
    ("model", "fields", "said"),
    [
        (InitiativeParam, {"approved": False}, "Not approved in Params, and used by the model main: visits."),
        (InitiativeMathModel, {"approved_by_user": False}, "The model main isn't approved."),
    ],
)
def test_what_is_not_approved_is_shown_and_cannot_be_adopted(desk, model, fields, said):
    model.objects.update(**fields)
    adopt(desk)
    desk.save(TAB)
    assert (entered(), shown(desk), desk.row(TAB)["adopt_computed"]) == (None, COMPUTED_TEXT, True)
    assert desk.status(TAB).startswith("FAILED: adopt_computed: not everything behind the number is approved")
    assert said in desk.status(TAB)


def test_once_approved_the_standing_tick_is_carried_out(desk):
    InitiativeParam.objects.update(approved=False)
    adopt(desk)
    desk.save(TAB)
    InitiativeParam.objects.update(approved=True)
    desk.save(TAB)
    assert (entered(), desk.row(TAB)["adopt_computed"]) == (COMPUTED, False)


def test_a_tick_where_nothing_is_computed_says_why(desk):
    InitiativeParam.objects.update(value=None)
    adopt(desk)
    desk.save(TAB)
    assert "nothing is computed that could be adopted" in desk.status(TAB)
    assert "visits" in desk.status(TAB)


def test_a_tick_beside_a_refused_entry_waits_until_it_is_mended(desk):
    place = adopt(desk)
    desk.type(TAB, place, kpi_contribution_json="gmw: 3")
    desk.save(TAB)
    assert entered() is None
    assert "kpi_contribution_json of this row is refused; mend or empty it first" in desk.status(TAB)
    desk.type(TAB, place, kpi_contribution_json=None)
    desk.save(TAB)
    assert entered() == COMPUTED


def test_an_adopted_number_that_was_overtaken_is_told(desk):
    adopt(desk)
    desk.save(TAB)
    InitiativeParam.objects.update(value=60)
    desk.save(TAB)
    assert entered() == COMPUTED
    assert "what is computed has changed since" in desk.status(TAB)
    said = "Adopted on 2026-03-31, and what is computed has changed since: visits was 50, is 60."
    assert said in desk.row(TAB)["contribution_check"]


def test_a_tick_is_carried_out_by_saving_this_tab_alone(desk):
    adopt(desk)
    desk.save("Params")
    desk.score()
    assert (entered(), desk.row(TAB)["adopt_computed"]) == (None, True)


def test_only_the_rows_that_were_asked_for_are_adopted(desk):
    InitiativeFactory(initiative_key="INIT-000002")
    adopt(desk)
    desk.save(TAB, keys=("INIT-000002",))
    assert entered() is None
    desk.save(TAB, keys=("init-000001",))
    assert entered() == COMPUTED


def test_a_formula_in_the_entry_cell_is_never_written_over(desk):
    place = add(desk)
    desk.type(TAB, place, kpi_contribution_json=Formula('="gmv: "&7', "gmv: 7"))
    desk.save(TAB)
    assert entered() == {"gmv": 7}
    desk.type(TAB, place, adopt_computed=True)
    desk.save(TAB)
    assert desk.book.overwritten_formulas == []
    assert "kpi_contribution_json holds a formula" in desk.status(TAB)


def test_a_deleted_computed_column_leaves_nothing_to_adopt():
    desks.north_star("gmv")
    InitiativeMathModelFactory(
        initiative=InitiativeFactory(initiative_key="INIT-000001"),
        formula_text="gmv = 5",
        approved_by_user=True,
    )
    desk = Desk(without=("computed_contribution_json",))
    add(desk, adopt_computed=True)
    desk.save(TAB)
    assert entered() is None
    assert "the tab has no column computed_contribution_json" in desk.status(TAB)


def test_other_apps_are_told_what_counts_and_what_is_entered(desk):
    MetricConfigFactory(kpi_key="orders", is_active=False)
    InitiativeFactory(initiative_key="INIT-000002")
    add(desk, kpi_contribution_json="gmv: 3")
    desk.save(TAB)
    assert (north_star(), active_kpis()) == ("gmv", ("gmv", "retention_30d"))
    assert kpis().units == {"gmv": "GBP", "retention_30d": "fraction"}
    assert contributions_of(["INIT-000001", "INIT-9"]) == {"INIT-000001": {"gmv": 3}}
    assert contributions_of() == {"INIT-000001": {"gmv": 3}, "INIT-000002": {}}


def test_an_adoption_can_be_undone(desk):
    place = add(desk, kpi_contribution_json="gmv: 7")
    desk.save(TAB)
    desk.type(TAB, place, adopt_computed=True)
    desk.save(TAB)
    run = ActionRun.objects.latest("pk")
    desk.act("pm.undo_run", workbook=desk.workbook, runs=(run.run_id,))
    assert entered() == {"gmv": 7}
    assert desk.row(TAB)["kpi_contribution_json"] == '{"gmv":7}'
    desk.save(TAB)
    assert entered() == {"gmv": 7}


def test_an_adoption_keeps_what_it_rests_on(desk):
    adopt(desk)
    desk.save(TAB)
    assert InitiativeContribution.objects.get().adopted_inputs_json == {
        "models": {"main": {"formula_text": "value = visits * 2\nretention_30d = 0.01", "target_kpi_key": "gmv"}},
        "params": {"visits": 50.0},
    }


def type_param(desk, value):
    """A person types another number into Params and approves it."""
    if len(desk.rows("Params")) == 0:
        desk.add("Params", initiative_key="INIT-000001", param_name="visits", value=value, approved=True)
    else:
        desk.type("Params", 1, value=value, approved=True)
    desk.save("Params")
    desk.save(TAB)


def test_a_stale_number_is_told_with_the_parameter_and_the_day(desk):
    adopt(desk)
    desk.save(TAB)
    type_param(desk, 60)
    day = f"{InitiativeParam.history.latest().history_date:%Y-%m-%d}"
    assert f"what is computed has changed since: visits was 50, is 60 since {day}" in desk.status(TAB)
    assert entered() == COMPUTED


def test_a_parameter_that_went_back_leaves_the_adoption_as_it_was(desk):
    adopt(desk)
    desk.save(TAB)
    type_param(desk, 60)
    type_param(desk, 50)
    assert (desk.status(TAB), desk.row(TAB)["contribution_check"]) == ("OK", "Equals computed.")


def test_inputs_that_changed_without_changing_the_number_are_told(desk):
    adopt(desk)
    desk.save(TAB)
    InitiativeMathModel.objects.update(formula_text="value = visits + visits\nretention_30d = 0.01")
    desk.save(TAB)
    assert "its inputs have changed since, to the same number: the formula of main is another one" in desk.status(TAB)


def test_two_initiatives_that_claim_one_kpi_through_one_metric_are_both_told(desk):
    InitiativeFactory(initiative_key="INIT-000002", kpi_contribution_json={"gmv": 5.0})
    Initiative.objects.update(metric_chain_json={"nodes": ["visits", "gmv"], "edges": [["visits", "gmv"]]})
    add(desk)
    add(desk, "INIT-000002")
    desk.save(TAB)
    checks = [row["contribution_check"] for row in desk.rows(TAB)]
    assert "INIT-000001 and INIT-000002 claim gmv through visits" in checks[0]
    assert "INIT-000002 and INIT-000001 claim gmv through visits" in checks[1]
    assert desk.status(TAB, 2) == "OK"


def test_what_is_done_is_counted_no_second_time(desk):
    InitiativeFactory(initiative_key="INIT-000002", kpi_contribution_json={"gmv": 5.0}, lifecycle_status="done")
    Initiative.objects.update(metric_chain_json={"nodes": ["visits", "gmv"], "edges": [["visits", "gmv"]]})
    add(desk)
    desk.save(TAB)
    assert "through visits" not in desk.row(TAB)["contribution_check"]


def test_a_typed_number_is_told_with_what_changed_since(desk):
    add(desk, kpi_contribution_json="gmv: 100; retention_30d: 0.01")
    desk.save(TAB)
    assert desk.row(TAB)["contribution_check"] == "Equals computed."
    type_param(desk, 60)
    day = f"{InitiativeParam.history.latest().history_date:%Y-%m-%d}"
    assert desk.row(TAB)["contribution_check"].startswith(
        "Differs from computed: gmv is 100 beside 120 (-16.7 %). "
        f"Entered on 2026-03-31; since then visits was 50, is 60 since {day}."
    )
    assert desk.status(TAB) == "OK"


def test_a_number_typed_over_an_adopted_one_is_told_with_both_days(desk):
    place = adopt(desk)
    desk.save(TAB)
    desk.type(TAB, place, kpi_contribution_json="gmv: 7")
    desk.save(TAB)
    said = desk.row(TAB)["contribution_check"]
    assert "Adopted on 2026-03-31 was" in said
    assert "another number was entered on 2026-03-31." in said


def test_emptying_the_cell_forgets_when_it_was_typed(desk):
    place = add(desk, kpi_contribution_json="gmv: 7")
    desk.save(TAB)
    desk.type(TAB, place, kpi_contribution_json=None)
    desk.save(TAB)
    kept = InitiativeContribution.objects.get()
    assert (kept.entered_at, kept.entered_inputs_json) == (None, None)
