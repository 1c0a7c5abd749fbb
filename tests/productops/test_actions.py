"""Populate, score, switch the framework, seed parameters: what each brings to sheet and database, and what it leaves alone."""

from __future__ import annotations

import pytest
from django.db.migrations.loader import MigrationLoader

from backlog.models import Initiative
from productops.model_templates.library import LIBRARY
from productops.model_templates.starting import plan_starts, start_models
from productops.model_templates.stored import add_templates, find_template
from productops.models import InitiativeMathModel, InitiativeParam, InitiativeScoring, ModelTemplate
from sheetsync.models import ActionRun, RecordChange
from sheetsync.runs.actions import WrongUsage
from sheetsync.storage import Origin, Storage
from sheetsync.workbooks.memory import Formula
from tests.factories import (
    ActionRunFactory,
    InitiativeFactory,
    InitiativeMathModelFactory,
    InitiativeParamFactory,
    InitiativeScoringFactory,
    MetricConfigFactory,
)
from tests.productops.desk import Desk, north_star

pytestmark = pytest.mark.django_db
FIRST, SECOND, THIRD = "INIT-000001", "INIT-000002", "INIT-000003"
RICE = {"rice_reach": 1000, "rice_impact": 2, "rice_confidence": 0.5, "rice_effort": 4}
WSJF = {"wsjf_business_value": 8, "wsjf_time_criticality": 5, "wsjf_risk_reduction": 3, "wsjf_job_size": 4}


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def initiatives():
    return [InitiativeFactory(initiative_key=key, title=f"Title {key[-1]}") for key in (FIRST, SECOND, THIRD)]


def keys(desk, tab):
    return [row["initiative_key"] for row in desk.rows(tab)]


def scores(key=FIRST):
    return Initiative.objects.values_list("value_score", "effort_score", "overall_score").get(initiative_key=key)


# ---- populate ----------------------------------------------------------------------------------------------------------


def test_populate_appends_what_is_missing_below_what_is_there(desk, initiatives):
    Initiative.objects.filter(initiative_key=THIRD).update(use_math_model=True)
    desk.add("Scoring_Inputs", initiative_key=SECOND)
    assert desk.act("pm.populate_initiatives").status == "success"
    assert keys(desk, "Scoring_Inputs") == [SECOND, FIRST, THIRD]
    assert keys(desk, "KPI_Contributions") == [FIRST, SECOND, THIRD]
    assert keys(desk, "MathModels") == [THIRD]
    assert [row["title"] for row in desk.rows("Scoring_Inputs")] == [None, "Title 1", "Title 3"]


def test_populate_twice_appends_nothing_more(desk, initiatives):
    Initiative.objects.update(use_math_model=True)
    desk.act("pm.populate_initiatives")
    writes = desk.book.writes
    desk.act("pm.populate_initiatives")
    assert desk.book.writes == writes
    assert len(desk.rows("MathModels")) == 3


def test_populate_adds_no_rows_while_it_cannot_tell_whose_row_one_is(desk, initiatives):
    desk.add("Scoring_Inputs", initiative_key=Formula('=TRIM("INIT-000001")'))
    report = desk.act("pm.populate_initiatives", tab="Scoring_Inputs")
    assert len(desk.rows("Scoring_Inputs")) == 1
    assert (report.status, [message.status for message in report.messages]) == ("partial", ["FAILED"])
    assert "whose row is row 2" in report.messages[0].text


def test_populated_models_wait_for_a_name(desk, initiatives):
    Initiative.objects.filter(initiative_key=FIRST).update(use_math_model=True)
    desk.act("pm.populate_initiatives", tab="MathModels")
    row = desk.row("MathModels")
    assert (row["initiative_key"], row["title"], row["model_name"]) == (FIRST, "Title 1", None)
    assert row["run_status"].startswith("SKIPPED: model_name is empty")
    writes = desk.book.writes
    desk.save("MathModels")
    assert desk.book.writes == writes


def test_a_row_that_waits_for_its_name_keeps_nobody_else_out(desk, initiatives):
    Initiative.objects.filter(initiative_key=FIRST).update(use_math_model=True)
    desk.act("pm.populate_initiatives", tab="MathModels")
    Initiative.objects.filter(initiative_key=SECOND).update(use_math_model=True)
    desk.act("pm.populate_initiatives", tab="MathModels")
    assert keys(desk, "MathModels") == [FIRST, SECOND]


def test_populate_shows_the_stored_models_of_an_initiative_that_has_some(desk, initiatives):
    Initiative.objects.filter(initiative_key=FIRST).update(use_math_model=True)
    for name in ("one", "two"):
        InitiativeMathModelFactory(initiative=initiatives[0], model_name=name, formula_text="value = 3")
    desk.act("pm.populate_initiatives", tab="MathModels")
    rows = desk.rows("MathModels")
    assert [(row["model_name"], row["formula_text"]) for row in rows] == [("one", "value = 3"), ("two", "value = 3")]
    desk.save("MathModels")
    assert InitiativeMathModel.objects.count() == 2


def test_populate_saves_nothing_that_people_typed(desk, initiatives):
    place = desk.add("Scoring_Inputs", initiative_key=FIRST, rice_reach=500)
    desk.act("pm.populate_initiatives")
    assert not InitiativeScoring.objects.exists()
    assert desk.status("Scoring_Inputs", place) == "None"
    desk.save("Scoring_Inputs")
    assert InitiativeScoring.objects.get().rice_reach == 500


def test_populate_keeps_to_the_keys_and_the_tab_that_were_asked_for(desk, initiatives):
    desk.act("pm.populate_initiatives", tab="scoring inputs", keys=(SECOND,))
    assert (keys(desk, "Scoring_Inputs"), keys(desk, "KPI_Contributions")) == ([SECOND], [])


def test_populated_rows_are_saved_like_any_other(desk, initiatives):
    Initiative.objects.update(kpi_contribution_json=None, immediate_kpi_key="orders")
    desk.act("pm.populate_initiatives")
    desk.type("Scoring_Inputs", 1, **RICE)
    assert desk.save().status == "success"
    assert InitiativeScoring.objects.get().rice_reach == 1000
    assert set(Initiative.objects.values_list("immediate_kpi_key", flat=True)) == {"orders"}


@pytest.mark.parametrize("tab", ["Params", "Scorings"])
def test_populate_refuses_a_tab_that_it_does_not_fill(desk, initiatives, tab):
    with pytest.raises(WrongUsage, match="Scoring_Inputs"):
        desk.act("pm.populate_initiatives", tab=tab)


def test_keys_that_do_not_exist_are_told_with_the_nearest(desk, initiatives):
    report = desk.act("pm.populate_initiatives", keys=(FIRST, "INIT-00002"))
    assert report.status == "partial"
    assert [(message.key, message.status) for message in report.messages] == [("INIT-00002", "FAILED")]
    with pytest.raises(WrongUsage, match="the nearest existing key is INIT-000002"):
        desk.act("pm.populate_initiatives", keys=("INIT-00002",))


# ---- score --------------------------------------------------------------------------------------------------------------


def test_scoring_saves_inputs_computes_every_framework_and_shows_it_in_one_go(desk, initiatives):
    north_star("gmv")
    Initiative.objects.update(engineering_tokens=20)
    desk.add("Scoring_Inputs", initiative_key=FIRST, active_scoring_framework="WSJF", **RICE, **WSJF)
    desk.add(
        "MathModels", initiative_key=FIRST, model_name="main", formula_text="value = visits * 2", target_kpi_key="gmv"
    )
    desk.add("Params", initiative_key=FIRST, param_name="visits", value=50)
    desk.add("KPI_Contributions", initiative_key=FIRST)
    assert desk.score().status == "success"
    stored = InitiativeScoring.objects.get()
    assert (stored.rice_value_score, stored.rice_effort_score, stored.rice_overall_score) == (1000, 4, 250)
    assert (stored.wsjf_value_score, stored.wsjf_effort_score, stored.wsjf_overall_score) == (16, 4, 4)
    assert (stored.math_value_score, stored.math_effort_score, stored.math_overall_score) == (100, 20, 5)
    assert scores() == (16, 4, 4)
    row = desk.row("Scoring_Inputs")
    assert (row["rice_overall_score"], row["wsjf_value_score"], row["math_overall_score"]) == (250, 16, 5)
    assert (row["value_score"], row["overall_score"], row["run_status"]) == (16, 4, "OK")
    assert desk.row("MathModels")["computed_outputs"].startswith("value = 100")
    assert desk.row("Params")["model_name"] == "main"
    assert desk.row("KPI_Contributions")["computed_contribution_json"] == '{"gmv":100}'


def test_scoring_again_writes_nothing(desk, initiatives):
    north_star("gmv")
    for tab in ("Scoring_Inputs", "KPI_Contributions"):
        for key in (FIRST, SECOND):
            desk.add(tab, initiative_key=key)
    desk.type("Scoring_Inputs", 1, active_scoring_framework="RICE", **RICE)
    desk.add("MathModels", initiative_key=FIRST, model_name="main", formula_text="gmv = 3")
    desk.score()
    writes, changes = desk.book.writes, RecordChange.objects.count()
    desk.score()
    assert (desk.book.writes, RecordChange.objects.count()) == (writes, changes)


def test_scoring_shows_scores_on_a_tab_that_was_saved_and_left_alone_since(desk, initiatives):
    desk.add("Scoring_Inputs", initiative_key=FIRST, active_scoring_framework="RICE", **RICE)
    desk.save()
    desk.save()
    desk.score()
    assert desk.row("Scoring_Inputs")["overall_score"] == 250
    assert desk.status("Scoring_Inputs") == "OK"


def test_scoring_leaves_unsaved_contributions_unsaved_and_says_so(desk, initiatives):
    north_star("gmv")
    desk.add("KPI_Contributions", initiative_key=FIRST, kpi_contribution_json="gmv: 5")
    desk.add("MathModels", initiative_key=FIRST, model_name="main", formula_text="gmv = 3")
    desk.score()
    row = desk.row("KPI_Contributions")
    assert row["computed_contribution_json"] == '{"gmv":3}'
    assert row["run_status"].startswith("SKIPPED: what was entered here isn't saved yet")
    assert Initiative.objects.get(initiative_key=FIRST).kpi_contribution_json is None
    desk.save()
    assert Initiative.objects.get(initiative_key=FIRST).kpi_contribution_json == {"gmv": 5}
    assert desk.status("KPI_Contributions") == "OK"


def test_scoring_leaves_a_refused_contribution_refused(desk, initiatives):
    north_star("gmv")
    desk.add("KPI_Contributions", initiative_key=FIRST, kpi_contribution_json="gmw: 5")
    desk.save("KPI_Contributions")
    desk.score()
    assert desk.status("KPI_Contributions").startswith("FAILED: kpi_contribution_json: gmw is no active KPI")


def test_scoring_keeps_to_the_keys_that_were_asked_for_and_the_shared_parameters(desk, initiatives):
    north_star("gmv")
    for key in (FIRST, SECOND):
        desk.add("Scoring_Inputs", initiative_key=key, **WSJF)
        desk.add(
            "MathModels", initiative_key=key, model_name="main", formula_text="value = visits", target_kpi_key="gmv"
        )
    desk.add("Params", initiative_key="SHARED", param_name="visits", value=9)
    desk.score(keys=(SECOND,))
    stored = InitiativeScoring.objects.get()
    assert (stored.initiative.initiative_key, stored.math_value_score) == (SECOND, 9)


def test_a_model_is_computed_before_anybody_approved_it(desk, initiatives):
    InitiativeMathModelFactory(initiative=initiatives[0], formula_text="value = 8\neffort = 2")
    desk.add("Scoring_Inputs", initiative_key=FIRST)
    desk.score()
    assert desk.row("Scoring_Inputs")["math_overall_score"] == 4


def test_scores_that_can_no_longer_be_computed_are_emptied(desk, initiatives):
    place = desk.add("Scoring_Inputs", initiative_key=FIRST, active_scoring_framework="RICE", **RICE)
    desk.score()
    desk.type("Scoring_Inputs", place, rice_effort=None)
    desk.score()
    assert scores() == (1000, None, None)
    assert desk.row("Scoring_Inputs")["overall_score"] is None
    assert desk.status("Scoring_Inputs") == "OK: missing rice_effort"


def test_scores_leave_history_that_names_the_row(desk, initiatives):
    place = desk.add("Scoring_Inputs", initiative_key=FIRST, active_scoring_framework="RICE", **RICE)
    desk.score()
    change = RecordChange.objects.get(model="backlog.Initiative", fields__has_key="overall_score")
    assert (change.run.action, change.row_key, change.tab) == ("pm.score_selected", FIRST, "Scoring_Inputs")
    assert (change.row, change.fields["overall_score"]) == (place + 1, [None, 250])


def test_scores_can_be_undone(desk, initiatives):
    desk.add("Scoring_Inputs", initiative_key=FIRST, active_scoring_framework="RICE", **RICE)
    desk.save()
    desk.score()
    run = RecordChange.objects.filter(model="productops.InitiativeScoring").latest("pk").run
    desk.act("pm.undo_run", workbook=desk.workbook, runs=(run.run_id,))
    assert scores() == (None, None, None)
    assert InitiativeScoring.objects.get().rice_overall_score is None
    assert InitiativeScoring.objects.get().rice_reach == 1000
    assert desk.row("Scoring_Inputs")["overall_score"] is None


def save_and_undo(desk):
    desk.save("MathModels")
    made = RecordChange.objects.get(model="productops.InitiativeMathModel", created=True).run
    desk.act("pm.undo_run", workbook=desk.workbook, runs=(made.run_id,))
    return RecordChange.objects.get(model="productops.InitiativeMathModel", deleted=True).run


def test_an_undone_save_makes_no_record_again_of_a_row_that_stays_as_typed(desk, initiatives):
    desk.add(
        "MathModels", initiative_key=FIRST, model_name="Lift", formula_text="value = 3", metric_chain_text="a -> gmv"
    )
    before = desk.row("MathModels")
    save_and_undo(desk)
    assert not InitiativeMathModel.objects.exists()
    assert Initiative.objects.get(initiative_key=FIRST).metric_chain_json is None
    assert desk.row("MathModels") == before
    assert desk.save("MathModels").status == "success"
    assert InitiativeMathModel.objects.get().model_name == "Lift"


def test_undoing_an_undo_keeps_what_was_made_anew_since_and_says_so(desk, initiatives):
    desk.add("MathModels", initiative_key=FIRST, model_name="Lift", formula_text="value = 3")
    undone = save_and_undo(desk)
    desk.save("MathModels")
    pk = InitiativeMathModel.objects.get().pk
    report = desk.act("pm.undo_run", workbook=desk.workbook, runs=(undone.run_id,))
    assert InitiativeMathModel.objects.get().pk == pk
    assert "made anew since" in " ".join(message.text for message in report.messages)


def test_a_missing_tab_is_told_and_the_others_go_through(desk, initiatives):
    desk.book.delete_tab("KPI_Contributions")
    desk.add("Scoring_Inputs", initiative_key=FIRST, active_scoring_framework="RICE", **RICE)
    assert desk.score().status == "partial"
    assert scores() == (1000, 4, 250)
    assert any("no tab 'KPI_Contributions'" in message.text for message in desk.last.messages)


# ---- switch the framework -----------------------------------------------------------------------------------------------


@pytest.fixture
def scored(initiatives):
    for initiative in initiatives[:2]:
        InitiativeScoringFactory(initiative=initiative, **RICE, **WSJF, rice_overall_score=250, wsjf_overall_score=4)
    InitiativeScoring.objects.update(
        rice_value_score=1000, rice_effort_score=4, wsjf_value_score=16, wsjf_effort_score=4
    )
    return initiatives


def test_switching_makes_the_stored_scores_the_active_ones_without_computing(desk, scored):
    InitiativeScoring.objects.update(wsjf_overall_score=99)
    for key in (FIRST, SECOND):
        desk.add("Scoring_Inputs", initiative_key=key)
    desk.save()
    desk.act("pm.switch_framework", framework="wsjf", keys=(FIRST, SECOND))
    assert (scores(FIRST), scores(SECOND)) == ((16, 4, 99), (16, 4, 99))
    row = desk.row("Scoring_Inputs")
    assert (row["active_scoring_framework"], row["overall_score"]) == ("WSJF", 99)


def test_rows_without_scores_in_that_framework_are_skipped_and_told(desk, scored):
    for key in (FIRST, THIRD):
        desk.add("Scoring_Inputs", initiative_key=key)
    desk.save()
    report = desk.act("pm.switch_framework", framework="RICE")
    assert report.status == "success"
    assert desk.row("Scoring_Inputs", 1)["active_scoring_framework"] == "RICE"
    assert desk.row("Scoring_Inputs", 2)["active_scoring_framework"] is None
    assert desk.status("Scoring_Inputs", 2).startswith("SKIPPED: RICE has no overall score here yet")
    assert (THIRD, "SKIPPED") in [(message.key, message.status) for message in report.messages]
    desk.save()
    assert desk.status("Scoring_Inputs", 2).startswith("OK")


def test_switching_back_and_forth_ends_where_it_began(desk, scored):
    desk.add("Scoring_Inputs", initiative_key=FIRST)
    for framework in ("RICE", "WSJF", "RICE"):
        desk.act("pm.switch_framework", framework=framework, keys=(FIRST,))
    assert scores() == (1000, 4, 250)
    assert desk.row("Scoring_Inputs")["active_scoring_framework"] == "RICE"
    writes = desk.book.writes
    desk.save()
    desk.save()
    assert scores() == (1000, 4, 250)
    assert desk.book.writes <= writes + 1


def test_switching_comes_after_what_the_sheet_brings(desk, scored):
    place = desk.add("Scoring_Inputs", initiative_key=FIRST)
    desk.save()
    desk.type("Scoring_Inputs", place, active_scoring_framework="RICE", rice_reach=77)
    desk.act("pm.switch_framework", framework="WSJF")
    assert desk.row("Scoring_Inputs")["active_scoring_framework"] == "WSJF"
    assert scores() == (16, 4, 4)
    assert InitiativeScoring.objects.get(initiative__initiative_key=FIRST).rice_reach == 1000


def test_switching_reaches_the_mirrors_of_backlog(desk, scored):
    desk.connect_backlog()
    desk.act("pm.backlog_sync")
    desk.act("pm.switch_framework", framework="RICE")
    row = desk.rows("Backlog", backlog=True)[0]
    assert (row["active_scoring_framework"], row["overall_score"]) == ("RICE", 250)


def test_switching_from_a_backlog_reaches_scoring_inputs_at_the_next_save(desk, scored):
    backlog = desk.connect_backlog()
    desk.add("Scoring_Inputs", initiative_key=FIRST)
    desk.save()
    desk.act("pm.backlog_sync")
    desk.act("pm.switch_framework", framework="RICE", workbook=backlog)
    assert scores() == (1000, 4, 250)
    assert desk.rows("Backlog", backlog=True)[0]["overall_score"] == 250
    desk.save()
    assert desk.row("Scoring_Inputs")["active_scoring_framework"] == "RICE"
    assert desk.row("Scoring_Inputs")["overall_score"] == 250


@pytest.mark.parametrize(("typed", "said"), [("", "RICE, WSJF, MATH_MODEL"), ("RISE", "did you mean RICE")])
def test_a_framework_that_does_not_exist_is_wrong_usage(desk, initiatives, typed, said):
    with pytest.raises(WrongUsage, match=said):
        desk.act("pm.switch_framework", framework=typed)


# ---- seed parameters ----------------------------------------------------------------------------------------------------


def approved_model(initiative, formula, name="main", **fields):
    return InitiativeMathModelFactory(
        initiative=initiative, model_name=name, formula_text=formula, **{"approved_by_user": True, **fields}
    )


def test_seeding_makes_a_row_for_each_name_that_has_no_parameter(desk, initiatives):
    approved_model(initiatives[0], "value = visits * uplift * basket")
    InitiativeParamFactory(initiative=initiatives[0], param_name="visits", value=3)
    InitiativeParamFactory(initiative=None, param_name="basket", value=20)
    desk.add("Params", initiative_key=FIRST, param_name="visits", value=3)
    assert desk.act("pm.seed_math_params").status == "success"
    seeded = InitiativeParam.objects.get(param_name="uplift")
    assert (seeded.initiative, seeded.framework, seeded.value) == (initiatives[0], "MATH_MODEL", None)
    assert seeded.is_auto_seeded
    row = desk.row("Params", 2)
    assert (row["initiative_key"], row["param_name"], row["model_name"]) == (FIRST, "uplift", "main")
    assert (row["framework"], row["is_auto_seeded"], row["title"]) == ("MATH_MODEL", True, "Title 1")
    assert row["run_status"] == "OK: missing value"
    assert len(desk.rows("Params")) == 2


def test_seeding_twice_makes_nothing_more(desk, initiatives):
    approved_model(initiatives[0], "value = visits")
    desk.act("pm.seed_math_params")
    writes = desk.book.writes
    desk.act("pm.seed_math_params")
    assert (InitiativeParam.objects.count(), desk.book.writes) == (1, writes)


def test_a_seeded_row_is_filled_in_and_saved(desk, initiatives):
    approved_model(initiatives[0], "value = visits")
    desk.act("pm.seed_math_params")
    desk.type("Params", 1, value=12, approved=True)
    assert desk.save("Params").status == "success"
    stored = InitiativeParam.objects.get()
    assert (stored.value, stored.approved, stored.is_auto_seeded) == (12, True, True)
    assert desk.status("Params") == "OK"


def test_formulas_that_nobody_approved_seed_nothing(desk, initiatives):
    approved_model(initiatives[0], "value = visits", approved_by_user=False)
    desk.act("pm.seed_math_params")
    assert desk.rows("Params") == []


def test_a_row_that_was_typed_and_not_saved_yet_is_not_doubled(desk, initiatives):
    approved_model(initiatives[0], "value = visits * basket")
    desk.add("Params", initiative_key=FIRST, param_name="Visits", value=3)
    desk.add("Params", initiative_key="SHARED", param_name="basket", value=3)
    desk.act("pm.seed_math_params")
    assert not InitiativeParam.objects.exists()
    assert len(desk.rows("Params")) == 2


def test_a_stored_parameter_whose_row_never_came_gets_its_row(desk, initiatives):
    approved_model(initiatives[0], "value = visits")
    InitiativeParamFactory(initiative=initiatives[0], param_name="visits", value=7)
    desk.act("pm.seed_math_params")
    assert [(row["param_name"], row["value"]) for row in desk.rows("Params")] == [("visits", 7)]
    assert InitiativeParam.objects.count() == 1


def test_two_models_that_read_one_name_get_one_parameter(desk, initiatives):
    approved_model(initiatives[0], "value = visits", "one")
    approved_model(initiatives[0], "value = Visits", "two")
    desk.act("pm.seed_math_params")
    assert [(row["param_name"], row["model_name"]) for row in desk.rows("Params")] == [("visits", "one, two")]


def test_seeding_keeps_to_the_keys_that_were_asked_for(desk, initiatives):
    for initiative in initiatives:
        approved_model(initiative, "value = visits")
    desk.act("pm.seed_math_params", keys=(SECOND,))
    assert keys(desk, "Params") == [SECOND]


def test_seeding_saves_nothing_that_people_typed(desk, initiatives):
    approved_model(initiatives[0], "value = visits")
    desk.add("Params", initiative_key=SECOND, param_name="basket", value=3)
    desk.act("pm.seed_math_params")
    assert list(InitiativeParam.objects.values_list("param_name", flat=True)) == ["visits"]


def test_seeded_parameters_can_be_undone(desk, initiatives):
    approved_model(initiatives[0], "value = visits")
    desk.act("pm.seed_math_params")
    run = RecordChange.objects.get(model="productops.InitiativeParam").run
    desk.act("pm.undo_run", workbook=desk.workbook, runs=(run.run_id,))
    assert not InitiativeParam.objects.exists()
    assert all(value is None for row in desk.rows("Params") for value in row.values())


def test_a_workbook_that_is_not_active_is_left_alone(desk, initiatives):
    approved_model(initiatives[0], "value = visits")
    desk.workbook.is_active = False
    desk.workbook.save()
    desk.act("pm.seed_math_params")
    assert not InitiativeParam.objects.exists()
    assert desk.rows("Params") == []


# ---- starting from a template ------------------------------------------------------------------------------------------


@pytest.fixture
def library(initiatives):
    north_star()
    ModelTemplate.objects.all().delete()
    add_templates(ModelTemplate, ModelTemplate.history.model, LIBRARY)
    return initiatives


def start(desk, *wanted, template="Risk avoided"):
    return desk.act("pm.populate_initiatives", keys=wanted or (FIRST,), template=template)


def test_a_model_starts_from_a_template_with_nothing_approved_and_no_number_invented(desk, library):
    assert start(desk, template="risk  avoided").status == "success"
    model = InitiativeMathModel.objects.get()
    assert (model.initiative.initiative_key, model.model_name, model.target_kpi_key) == (FIRST, "Risk avoided", "gmv")
    assert model.metric_chain_text == "incident_probability -> expected_loss -> gmv"
    assert not model.approved_by_user
    params = InitiativeParam.objects.order_by("pk")
    assert [param.param_name for param in params] == ["probability_now", "probability_after", "loss"]
    assert {(param.value, param.min, param.max, param.approved, param.is_auto_seeded) for param in params} == {
        (None, None, None, False, True)
    }
    assert (params[2].unit, params[2].description) == ("GBP", "What it would cost if it happened once.")
    assert params[2].notes == "Example of the template Risk avoided: 900,000, from 400,000 to 1,500,000."
    assert Initiative.objects.get(initiative_key=FIRST).metric_chain_json["nodes"][-1] == "gmv"


def test_what_was_started_stands_in_the_sheet_to_be_filled_in(desk, library):
    start(desk)
    row = desk.row("MathModels")
    assert (row["initiative_key"], row["model_name"], row["title"]) == (FIRST, "Risk avoided", "Title 1")
    assert row["formula_text"] == "value = (probability_now - probability_after) * loss"
    assert [row["param_name"] for row in desk.rows("Params")] == ["probability_now", "probability_after", "loss"]
    for place, value in enumerate((0.3, 0.1, 1000), start=1):
        desk.type("Params", place, value=value, approved=True)
    desk.type("MathModels", 1, approved_by_user=True)
    desk.save()
    assert desk.row("MathModels")["computed_outputs"].startswith("value = 200")


def test_starting_twice_makes_nothing_more(desk, library):
    start(desk)
    writes = desk.book.writes
    report = start(desk)
    assert desk.book.writes == writes
    assert (InitiativeMathModel.objects.count(), InitiativeParam.objects.count()) == (1, 3)
    assert [(message.status, message.key) for message in report.messages] == [("SKIPPED", FIRST)]


def test_rows_that_got_lost_on_their_way_are_shown_by_asking_again(desk, library):
    template = find_template("Risk avoided")
    storage = Storage(ActionRunFactory())
    start_models(storage, template, plan_starts(template, {FIRST}), Origin())
    storage.flush()
    start(desk)
    assert [row["model_name"] for row in desk.rows("MathModels")] == ["Risk avoided"]
    assert len(desk.rows("Params")) == 3


def test_parameters_that_are_there_or_shared_are_not_made_again(desk, library):
    InitiativeParamFactory(initiative=None, param_name="loss", value=7)
    InitiativeParamFactory(initiative=library[0], param_name="probability_now", value=0.5)
    start(desk)
    assert InitiativeParam.objects.count() == 3
    assert InitiativeParam.objects.get(param_name="probability_now").value == 0.5


def test_a_row_that_is_not_saved_yet_is_left_to_its_person(desk, library):
    desk.add("MathModels", initiative_key=FIRST, model_name="Risk avoided", formula_text="value = 1")
    report = start(desk)
    assert not InitiativeMathModel.objects.exists()
    assert "MathModels has a row for Risk avoided that isn't saved yet" in report.messages[0].text
    assert desk.row("MathModels")["formula_text"] == "value = 1"


def test_a_chain_that_would_close_a_circle_is_refused(desk, library):
    InitiativeMathModelFactory(initiative=library[0], metric_chain_text="gmv -> incident_probability")
    report = start(desk)
    assert report.status != "success"
    assert "round in a circle" in report.messages[0].text
    assert InitiativeMathModel.objects.count() == 1


@pytest.mark.parametrize(
    ("template", "wanted", "said"),
    [
        ("Risk avoidance", (FIRST,), "did you mean Risk avoided"),
        ("Retention", (), "name the initiatives that shall start from 'Retention'"),
    ],
)
def test_what_cannot_be_meant_is_refused(desk, library, template, wanted, said):
    with pytest.raises(WrongUsage, match=said):
        desk.act("pm.populate_initiatives", keys=wanted, template=template)


def test_a_template_out_of_use_is_not_found(desk, library):
    ModelTemplate.objects.filter(template_name="Retention").update(is_active=False)
    with pytest.raises(WrongUsage, match="there is no template 'Retention'"):
        start(desk, template="Retention")


def test_a_started_model_can_be_undone(desk, library):
    start(desk)
    run = ActionRun.objects.latest("pk")
    desk.act("pm.undo_run", workbook=desk.workbook, runs=(run.run_id,))
    assert not InitiativeMathModel.objects.exists()
    assert not InitiativeParam.objects.exists()
    assert Initiative.objects.get(initiative_key=FIRST).metric_chain_json is None
    assert all(not row["model_name"] for row in desk.rows("MathModels"))


def test_a_template_keeps_its_own_kpi_while_that_is_active(desk, library):
    MetricConfigFactory(kpi_key="retention_30d")
    ModelTemplate.objects.filter(template_name="Retention").update(target_kpi_key="retention_30d")
    start(desk, template="Retention")
    model = InitiativeMathModel.objects.get()
    assert (model.target_kpi_key, model.metric_chain_text) == ("retention_30d", "churn -> customers -> retention_30d")


def test_a_fresh_database_gets_the_library():
    migrations = MigrationLoader(None).disk_migrations.values()
    called = [
        operation.code.__name__ for one in migrations for operation in one.operations if hasattr(operation, "code")
    ]
    assert "load_library" in called


def test_loading_the_library_again_leaves_what_analysts_changed(library):
    ModelTemplate.objects.filter(template_name="Retention").update(description="ours")
    assert add_templates(ModelTemplate, ModelTemplate.history.model, LIBRARY) == 0
    assert ModelTemplate.objects.get(template_name="Retention").description == "ours"


def test_a_workbook_full_of_warnings_is_written_once(desk, initiatives):
    north_star()
    chain = {"nodes": ["page", "bounce", "gmv"], "edges": [["page", "bounce"], ["bounce", "gmv"]]}
    Initiative.objects.update(use_math_model=True, metric_chain_json=chain, kpi_contribution_json={"gmv": 7.0})
    for owner in initiatives:
        for name in ("first", "second"):
            InitiativeMathModelFactory(
                initiative=owner,
                model_name=name,
                formula_text="value = visits",
                target_kpi_key="gmv",
                metric_chain_text="page -> bounce -> gmv",
                approved_by_user=True,
            )
        for name in ("visits", "zeal"):
            InitiativeParamFactory(initiative=owner, param_name=name, value=3, approved=True)
    desk.act("pm.populate_initiatives")
    desk.score()
    desk.save()
    said = desk.row("KPI_Contributions")["contribution_check"]
    for part in ("Differs from computed", "claimed by the models first (3) and second (3)", "claim gmv through page"):
        assert said.count(part) == 1
    warnings = desk.row("Scoring_Inputs")["math_warnings"]
    for part in ("first: the chain", "second: the chain", "No formula uses zeal"):
        assert warnings.count(part) == 1
    writes = desk.book.writes
    desk.score()
    desk.save()
    assert desk.book.writes == writes
