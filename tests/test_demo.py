"""The demo, end to end: real .xlsx files, the public commands and actions, told four times on one database."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings
from openpyxl import load_workbook
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from backlog.models import Initiative, IntakeSubmission
from config.demo.advice import ADVICE
from config.demo.assumptions import MODELS, SHARED
from config.demo.company import FORMS, Cell, IntakeForm, plans
from config.demo.drafts import DRAFTS, SECOND_DRAFT
from config.demo.folder import Folder
from config.demo.modelling import somebody_answers
from config.demo.promises import PROMISES
from config.demo.shelf import BOOKS, TabNotFound, type_rows
from config.demo.story import Story
from config.demo.strategy import CONSTRAINTS, KPIS, REVENUE, SCENARIOS, TARGETS
from config.demo.workbooks import write_intake
from optimization.constraints.rules import RuleType
from optimization.models import OptimizationRun, Portfolio
from productops.llm.stand_in import SAYS_SO
from productops.models import InitiativeMathModel, InitiativeParam, LanguageModelAnswer, MetricConfig
from sheetsync.models import Workbook
from sheetsync.registry import registry
from sheetsync.syncing.headers import Header, find_header
from sheetsync.tabs import Role
from tests.test_docs import rows_of

# ---- the company -----------------------------------------------------------------------------------------------------


def refs() -> list[str]:
    return [ref for form in FORMS for ref, _cells in form.rows if ref]


def test_sixty_initiatives_come_from_three_sheets_and_each_is_planned_once() -> None:
    assert len(refs()) == 60
    assert sorted(refs()) == sorted(plan.ref for plan in plans())
    assert max(Counter(refs()).values()) == 1


def test_no_two_sheets_share_a_layout() -> None:
    assert len({form.headers for form in FORMS}) == 3
    assert len({len(form.instructions) for form in FORMS}) == 3
    assert len({form.title_header for form in FORMS}) == 3


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.file)
def test_each_sheet_has_columns_that_are_known_and_columns_of_its_own(form: IntakeForm) -> None:
    rows = [[line] for line in form.instructions] + [[*form.headers, "initiative_key"][: len(form.headers) + 1]]
    if "initiative_key" in form.headers:
        rows[-1] = list(form.headers)
    header = find_header(registry.get(Role.INTAKE, "Intake").tab, rows)
    assert isinstance(header, Header)
    assert {"title", "requester_email", "country", "problem_statement"} <= set(header.columns)
    assert header.unknown
    assert not header.doubled


def test_rules_use_every_type_and_name_only_initiatives_that_exist() -> None:
    assert {row["constraint_type"] for row in CONSTRAINTS} == {kind.value for kind in RuleType} - {"target"}
    named = " ".join(f"{row.get('dimension_key', '')} {row.get('member_keys', '')}" for row in CONSTRAINTS)
    words = named.replace("|", " ").replace(",", " ").split()
    assert {word for word in words if word[1:].isdigit()} <= set(refs())


def test_targets_reach_from_everything_to_one_country_with_floors_goals_and_baselines() -> None:
    assert {"all", "market", "country"} <= {row["dimension"] for row in TARGETS}
    assert {row["floor_or_goal"] for row in TARGETS} == {"floor", "goal"}
    assert any("baseline_value" in row for row in TARGETS)
    assert {row["objective_mode"] for row in SCENARIOS} == {"north_star", "weighted_kpis", "lexicographic"}


# ---- typing ----------------------------------------------------------------------------------------------------------

METRICS = registry.get(Role.PRODUCTOPS, "Metrics_Config").tab


PRODUCTOPS = BOOKS[Role.PRODUCTOPS]


@pytest.fixture
def shelf(tmp_path: Path) -> Folder:
    """One with the productops workbook."""
    shelf = Folder(tmp_path)
    call_command("init_workbook", "productops", shelf.location(PRODUCTOPS), stdout=io.StringIO())
    return shelf


def type_metric(shelf: Folder, *, adds_rows: bool = True, **cells: Cell) -> int:
    return type_rows(shelf, PRODUCTOPS, METRICS, [cells], identity=("kpi_key",), adds_rows=adds_rows)


def test_typing_adds_rows_and_fills_only_cells_that_nobody_filled(shelf: Folder) -> None:
    assert type_metric(shelf, kpi_key="gmv", unit="GBP") == 2
    assert type_metric(shelf, kpi_key="GMV ", unit="USD", notes="by card") == 1
    row = shown(shelf.file(PRODUCTOPS), "Metrics_Config", "kpi_key")["gmv"]
    assert (row["unit"], row["notes"]) == ("GBP", "by card")


def test_typing_without_adding_leaves_unknown_rows_out_and_the_file_as_it_is(shelf: Folder) -> None:
    before = shelf.file(PRODUCTOPS).read_bytes()
    assert type_metric(shelf, adds_rows=False, kpi_key="gmv", unit="GBP") == 0
    assert shelf.file(PRODUCTOPS).read_bytes() == before


def test_a_typed_zero_is_no_empty_tick_box(shelf: Folder) -> None:
    type_metric(shelf, kpi_key="gmv", notes=0)
    assert type_metric(shelf, kpi_key="gmv", notes="later") == 0


def test_typing_into_a_tab_that_isn_t_there_says_how_to_get_it(shelf: Folder) -> None:
    with pytest.raises(TabNotFound, match="has no tab 'Backlog'"):
        type_rows(shelf, PRODUCTOPS, registry.get(Role.BACKLOG, "Backlog").tab, [])


def test_an_intake_sheet_that_is_made_anew_holds_the_keys_that_were_given(tmp_path: Path) -> None:
    form = FORMS[0]
    write_intake(tmp_path / "intake.xlsx", form, {"D02": "INIT-000777"})
    rows = shown(tmp_path / "intake.xlsx", form.tab, form.title_header)
    assert rows["Tonight near me"]["initiative_key"] == "INIT-000777"
    assert rows["Dark mode"]["initiative_key"] is None


def test_files_that_are_set_aside_are_kept_beside_the_new_ones(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for text in ("one", "two"):
        folder.state.write_text(text)
        aside = Path(folder.set_aside().removeprefix("in "))
        assert (aside / "state.json").read_text() == text
    assert not folder.state.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["before-1", "before-2"]


# ---- the whole story -------------------------------------------------------------------------------------------------


def shown(path: Path, tab: str, key: str) -> dict[str, dict[str, object]]:
    """What a tab shows: text in the column `key` -> header -> cell, for rows where that column holds something."""
    rows = list(load_workbook(path)[tab].iter_rows(values_only=True))
    header = next(row for row in rows if key in row)
    below = rows[rows.index(header) + 1 :]
    cells = [dict(zip(map(str, header), row, strict=True)) for row in below]
    return {str(row[key]): row for row in cells if row[key] is not None}


def change(path: Path, tab: str, key: str, row: str, column: str, value: object) -> None:
    """A person's edit in a spreadsheet program."""
    book = load_workbook(path)
    sheet = book[tab]
    header = next(cells for cells in sheet.iter_rows() if key in [cell.value for cell in cells])
    places = {cell.value: cell.column for cell in header}
    number = next(n for n in range(header[0].row + 1, sheet.max_row + 1) if sheet.cell(n, places[key]).value == row)
    sheet.cell(number, places[column]).value = value
    book.save(path)


EXPLAINED = 3  # nearest misses that a run says more of: what is proved of them has tests of its own


def told(folder: Path) -> str:
    """One telling; what it printed."""
    said = io.StringIO()
    with override_settings(SOLVER_EXPLAIN_MOST=EXPLAINED):
        call_command("demo", dir=str(folder), stdout=said)
    return said.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def counts() -> dict[str, int]:
    """How many of everything that a repetition could double."""
    models = (Initiative, IntakeSubmission, Workbook, MetricConfig, InitiativeParam, OptimizationRun)
    return {model.__name__: model.objects.count() for model in models}


# Tabs that show a row per initiative.
WITH_INITIATIVES = (
    (Role.BACKLOG, "Backlog"),
    (Role.PRODUCTOPS, "Scoring_Inputs"),
    (Role.PRODUCTOPS, "KPI_Contributions"),
    (Role.OPTIMIZATION, "Candidates"),
)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What was seen when the demo was told beside other people's work."""

    keys: dict[str, set[str]]  # tab -> keys that it shows
    their_key: str
    is_untouched: bool  # whether their initiative is as it was, without new history
    runs_on_their_workbook: int


@dataclass(frozen=True, kw_only=True)
class Tellings:
    """What was seen while the demo was told again and again in one folder."""

    beside: Beside
    folder: Folder
    first: str  # printed by the first telling
    files: dict[str, bytes]  # after the first
    counted: dict[str, int]  # after the first
    repeated: str  # printed by the second, with nothing changed in between
    repeated_files: dict[str, bytes]
    repeated_counted: dict[str, int]
    key: str  # the initiative that people edited between the second and the third
    edited_counted: dict[str, int]  # after the third
    lost_counted: dict[str, int]  # after the fourth, before which the backlog and an intake workbook were deleted
    lost_backlog: dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def tellings(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Tellings]:
    folder, other = (Folder(tmp_path_factory.mktemp(name).resolve()) for name in ("demo", "beside"))
    with django_db_blocker.unblock(), transaction.atomic():
        with transaction.atomic():
            beside = tell_beside_others(other)
            transaction.set_rollback(True)
        yield tell_four_times(folder, beside)
        transaction.set_rollback(True)


def tell_beside_others(folder: Folder) -> Beside:
    """One telling in a database where somebody else's initiative and backlog are at home."""
    theirs = Initiative.objects.create(
        initiative_key="INIT-900000",
        title="Not ours",
        is_optimization_candidate=True,
        active_scoring_framework="RICE",
        overall_score=3.0,
    )
    backlog = Workbook.objects.create(role=Role.BACKLOG, location=str(folder.path / "elsewhere.xlsx"))
    told(folder.path)
    tabs = {tab: shown(folder.file(BOOKS[role]), tab, "initiative_key") for role, tab in WITH_INITIATIVES}
    theirs_now = Initiative.objects.get(pk=theirs.pk)
    return Beside(
        keys={tab: set(rows) for tab, rows in tabs.items()},
        their_key=theirs.initiative_key,
        is_untouched=(theirs_now.overall_score, theirs_now.history.count()) == (3.0, 1),
        runs_on_their_workbook=backlog.runs.count(),
    )


def tell_four_times(folder: Folder, beside: Beside) -> Tellings:
    first = told(folder.path)
    files, counted = contents(folder.path), counts()
    repeated = told(folder.path)
    repeated_files, repeated_counted = contents(folder.path), counts()
    key = Initiative.objects.get(title="Tonight near me").initiative_key
    edit(folder, key)
    told(folder.path)
    edited_counted = counts()
    folder.file(BOOKS[Role.BACKLOG]).unlink()
    folder.file(FORMS[0].file).unlink()
    told(folder.path)
    return Tellings(
        beside=beside,
        folder=folder,
        first=first,
        files=files,
        counted=counted,
        repeated=repeated,
        repeated_files=repeated_files,
        repeated_counted=repeated_counted,
        key=key,
        edited_counted=edited_counted,
        lost_counted=counts(),
        lost_backlog=shown(folder.file(BOOKS[Role.BACKLOG]), "Backlog", "initiative_key"),
    )


def edit(folder: Folder, key: str) -> None:
    """What people change between two tellings: an override, an entry, a formula's input, an emptied cell, a rule."""
    backlog, productops, portfolio = (folder.file(BOOKS[role]) for role in BOOKS)
    change(backlog, "Backlog", "initiative_key", key, "title", "Free tables tonight")
    change(backlog, "Backlog", "initiative_key", key, "category", None)
    change(productops, "Scoring_Inputs", "initiative_key", key, "rice_reach", 61000)
    change(portfolio, "Scenario_Config", "scenario_name", str(SCENARIOS[0]["scenario_name"]), "notes", "Signed off")


@pytest.mark.django_db
def test_every_row_with_a_title_becomes_one_initiative(tellings: Tellings) -> None:
    assert tellings.counted["Initiative"] == tellings.counted["IntakeSubmission"] == 60
    assert tellings.counted["Workbook"] == 6
    per_workbook = Counter(IntakeSubmission.objects.values_list("workbook__title", flat=True))
    assert per_workbook == {form.file: sum(bool(ref) for ref, _cells in form.rows) for form in FORMS}


@pytest.mark.django_db
def test_the_summary_names_every_refusal_with_its_value(tellings: Tellings) -> None:
    printed = " ".join(tellings.first.replace("│", " ").split())
    for value in ('"ask Tom"', '"#REF!"', "INIT-2026-7", '"a few"', '"probably"', '"03/04/2026"', "round in a circle"):
        assert value in printed
    assert Initiative.objects.get(title="Terrace tables by weather").engineering_tokens is None
    assert Initiative.objects.get(title="Allergen log for kitchens").deadline_date is None


@pytest.mark.django_db
def test_what_is_not_refused_in_a_row_goes_through(tellings: Tellings) -> None:
    dashboard = Initiative.objects.get(title="Multi-venue dashboard")
    assert (dashboard.country, dashboard.customer_segment) == ("UK", "Restaurant groups")
    assert Initiative.objects.get(title="Gift vouchers").candidate_period_key == "2026-Q3"
    assert Initiative.objects.get(title="Chat with the restaurant").department == "Platform"
    waitlists = Initiative.objects.filter(title__startswith="Waitlist for full").values_list(
        "lifecycle_status", flat=True
    )
    assert sorted(waitlists) == ["planned", "rejected"]


@pytest.mark.django_db
def test_metrics_params_and_adopted_contributions_stand_in_the_database(tellings: Tellings) -> None:
    assert tellings.counted["MetricConfig"] == len(KPIS)
    models = (*MODELS, *DRAFTS, SECOND_DRAFT, *ADVICE.values())
    assert tellings.counted["InitiativeParam"] == len(SHARED) + sum(len(model.params) for model in models)
    faster = Initiative.objects.get(title="Faster restaurant pages")
    assert faster.kpi_contribution_json is not None
    assert faster.kpi_contribution_json["net_revenue"] == pytest.approx(186_480)
    assert faster.overall_score == pytest.approx(186_480 / 19)
    unapproved = Initiative.objects.get(title="Recommendation model")
    assert unapproved.kpi_contribution_json is None


@pytest.mark.django_db
def test_each_objective_mode_has_an_optimal_portfolio(tellings: Tellings) -> None:
    others = OptimizationRun.objects.exclude(scenario_name=PROMISES)
    plans = [run for run in others if "base" not in run.result_json]
    runs = {run.objective_mode: run for run in plans}
    assert {mode: run.status for mode, run in runs.items()} == {
        "north_star": "optimal",
        "weighted_kpis": "optimal",
        "lexicographic": "optimal",
    }
    assert len(plans) == 3
    assert tellings.counted["OptimizationRun"] == 7
    assert tellings.first.count("tokens used") == 3
    assert len({tuple(run.result_json["selected"]) for run in runs.values()}) == 3


@pytest.mark.django_db
def test_promises_that_cannot_all_be_kept_are_named_mended_and_asked_about(tellings: Tellings) -> None:
    broken, mended, what_if = OptimizationRun.objects.filter(scenario_name=PROMISES).order_by("pk")
    assert [broken.status, mended.status, what_if.status] == ["infeasible", "optimal", "optimal"]
    infeasible = broken.result_json["infeasible"]
    assert len(infeasible["rows"]) == 3
    assert infeasible["relaxation"][0]["to"] == 110
    assert "raise the scenario's capacity to 400" in broken.message
    assert what_if.message.startswith("what-if: ")
    assert what_if.result_json["base"]["selected"] == mended.result_json["selected"]


@pytest.mark.django_db
def test_choosing_is_worth_more_than_sorting_and_rules_pull_initiatives_in(tellings: Tellings) -> None:
    portfolio = Portfolio.objects.exclude(run__scenario_name=PROMISES).get(run__objective_mode="north_star")
    assert portfolio.total_objective is not None
    assert portfolio.greedy_objective is not None
    assert portfolio.total_objective > 1.1 * portfolio.greedy_objective
    assert portfolio.capacity_used <= 352 < portfolio.capacity_total
    reasons = dict(portfolio.items.filter(selected=True).values_list("initiative__title", "reason"))
    assert reasons["Card vault"].startswith("pulled in as a prerequisite")
    assert reasons["Widget analytics for owners"].startswith("pulled in by bundle")
    assert reasons["Consent centre"].startswith("mandatory")
    assert "Choosing is worth" in tellings.first


@pytest.mark.django_db
def test_runs_are_looked_at_again_capacity_ranges_and_another_weighing(tellings: Tellings) -> None:
    run = OptimizationRun.objects.get(scenario_name=REVENUE)
    assert len(run.result_json["frontier"]["steps"]) == 21
    assert run.result_json["robust"]["weight"] == 1.0
    assert run.result_json["measure_next"]["params"][0]["expected_regret"] > 0
    book = tellings.folder.file(BOOKS[Role.OPTIMIZATION])
    assert len(shown(book, "Frontier", "capacity")) == 21
    assert shown(book, "Measure_Next", "param_name")
    other = OptimizationRun.objects.filter(objective_mode="weighted_kpis").latest("pk")
    (compared,) = other.result_json["compared"].values()
    assert compared["came"]
    assert compared["changes"][0]["kind"] == "objective"
    assert set(compared["changes"][0]["moved"]) == {*compared["came"], *compared["went"]}
    assert "The robust choice" in tellings.first
    assert "it moved" in tellings.first


@pytest.mark.django_db
def test_one_goal_is_missed_and_the_summary_says_which(tellings: Tellings) -> None:
    gaps = shown(tellings.folder.file(BOOKS[Role.OPTIMIZATION]), "Gaps_And_Alerts", "severity")
    assert set(gaps) == {"ok", "warning"}
    assert "support_hours_saved" in tellings.first


@pytest.mark.django_db
def test_a_repetition_changes_no_byte_and_doubles_nothing(tellings: Tellings) -> None:
    assert tellings.repeated_files == tellings.files
    assert tellings.repeated_counted == tellings.counted


@pytest.mark.django_db
def test_the_password_is_shown_once(tellings: Tellings) -> None:
    password = tellings.first.split("password ", 1)[1].split()[0]
    assert get_user_model().objects.get(username="demo").check_password(password)
    assert password not in tellings.repeated


@pytest.mark.django_db
def test_edits_between_two_tellings_stay_in_sheets_and_database(tellings: Tellings) -> None:
    initiative = Initiative.objects.select_related("scoring").get(initiative_key=tellings.key)
    assert (initiative.title, initiative.category) == ("Free tables tonight", "")
    assert initiative.scoring.rice_reach == 61000
    productops = tellings.folder.file(BOOKS[Role.PRODUCTOPS])
    assert shown(productops, "Scoring_Inputs", "initiative_key")[tellings.key]["rice_reach"] == 61000
    assert shown(productops, "KPI_Contributions", "initiative_key")[tellings.key]["title"] == "Free tables tonight"
    scenarios = shown(tellings.folder.file(BOOKS[Role.OPTIMIZATION]), "Scenario_Config", "scenario_name")
    assert scenarios[str(SCENARIOS[0]["scenario_name"])]["notes"] == "Signed off"
    assert tellings.edited_counted == tellings.counted


@pytest.mark.django_db
def test_a_lost_workbook_is_made_anew_and_nothing_is_handed_in_twice(tellings: Tellings) -> None:
    assert tellings.lost_counted == tellings.counted
    assert len(tellings.lost_backlog) == 60
    assert tellings.lost_backlog[tellings.key]["title"] == "Free tables tonight"
    intake = shown(tellings.folder.file(FORMS[0].file), FORMS[0].tab, FORMS[0].title_header)
    assert intake["Tonight near me"]["initiative_key"] == tellings.key


@pytest.mark.django_db
def test_a_second_folder_on_the_same_database_is_refused(tellings: Tellings, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="this database has the demo already"):
        told(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.django_db
def test_a_database_with_another_north_star_is_left_alone(tmp_path: Path) -> None:
    MetricConfig.objects.create(kpi_key="gmv", kpi_level="north_star", unit="GBP")
    with pytest.raises(CommandError, match="steers by the north star gmv"):
        told(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.django_db
def test_other_people_s_initiatives_and_workbooks_are_left_alone(tellings: Tellings) -> None:
    assert all(tellings.beside.keys.values())
    assert not [tab for tab, keys in tellings.beside.keys.items() if tellings.beside.their_key in keys]
    assert tellings.beside.is_untouched
    assert tellings.beside.runs_on_their_workbook == 0


# ---- models that don't go together -----------------------------------------------------------------------------------


def texts_of(tellings: Tellings, tab: str, title: str) -> list[str]:
    """Everything that the rows of an initiative show in a tab of the productops workbook."""
    rows = list(load_workbook(tellings.folder.file(BOOKS[Role.PRODUCTOPS]))[tab].iter_rows(values_only=True))
    header = next(row for row in rows if "title" in row)
    place = header.index("title")
    return [str(cell) for row in rows[rows.index(header) :] if row[place] == title for cell in row if cell is not None]


WALK = rows_of(Path(settings.BASE_DIR) / "docs" / "analyst.md", "look at")


@pytest.mark.django_db
@pytest.mark.parametrize("step", WALK, ids=lambda step: step["look at"])
def test_the_demo_shows_every_warning_that_the_analysts_guide_walks_through(
    tellings: Tellings, step: dict[str, str]
) -> None:
    tab, said = step["in"].partition(",")[0], step["it says"].strip("`")
    assert [text for text in texts_of(tellings, tab, step["look at"]) if said in text] != []


def test_the_walk_is_as_long_as_there_are_things_to_show() -> None:
    assert len(WALK) >= 20
    assert {step["in"].partition(",")[0] for step in WALK} == {
        "Scoring_Inputs",
        "MathModels",
        "Params",
        "KPI_Contributions",
    }


@pytest.mark.django_db
def test_the_stand_in_answers_and_says_so_and_a_pm_accepts_one_suggestion(tellings: Tellings) -> None:
    assert "no language model is asked (OPENAI_API_KEY isn't set)" in tellings.first
    assert "language model" not in tellings.repeated
    letters = InitiativeMathModel.objects.get(model_name="Letters on birthdays")
    assert (letters.suggested_by_llm, letters.approved_by_user) == (True, True)
    assert letters.metric_chain_text.startswith("letter_bookings -> reached_users_per_month")
    maps = InitiativeMathModel.objects.get(model_name="Maps that convert")
    assert (maps.suggested_by_llm, maps.formula_text) == (True, "")
    summaries = Initiative.objects.exclude(llm_summary="").values_list("llm_summary", flat=True)
    assert [SAYS_SO in text for text in summaries] == [True, True]
    assert LanguageModelAnswer.objects.count() == 4


@pytest.mark.django_db
def test_no_contribution_rests_on_a_draft(tellings: Tellings) -> None:
    drafted = InitiativeMathModel.objects.filter(model_name__in=[draft.name for draft in (*DRAFTS, SECOND_DRAFT)])
    assert drafted.count() == len(DRAFTS) + 1
    assert not drafted.filter(approved_by_user=True).exists()


def test_with_a_key_the_demo_asks_nobody_unless_it_is_told_to(settings: Settings) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "a key", "http://127.0.0.1:9/v1"
    said: list[str] = []
    story = Story(shelf=Folder(Path()), say=said.append, whisper=said.append)
    with somebody_answers(story):
        assert settings.OPENAI_API_KEY == "stand-in"
        assert settings.OPENAI_BASE_URL != "http://127.0.0.1:9/v1"
    assert (settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL) == ("a key", "http://127.0.0.1:9/v1")
    assert "the demo spends nothing unless told to" in said[0]
    story.may_spend = True
    with somebody_answers(story):
        assert settings.OPENAI_API_KEY == "a key"
    assert "is asked, as you said it may be" in said[1]
