"""What people see of a run: its page, files, the print view, publishing, and two runs side by side."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from backlog.models import Initiative
from optimization.models import OptimizationRun, Publication
from optimization.pages.charts import add_plots
from optimization.runs.publishing import current
from sheetsync.models import ActionRun, RecordChange
from sheetsync.plots import Plot, PlotKind, Point, Series
from tests.optimization.world import RUN_ALL, SAVE, World

pytestmark = pytest.mark.django_db

K1, K2, K3 = (f"INIT-{number:06d}" for number in (1, 2, 3))


@pytest.fixture
def world() -> World:
    """Two of three fit; a cap, a floor, a goal; two runs, the second with another contribution."""
    world = World()
    world.initiative(1, gmv=9, country="UK", department="Sales")
    world.initiative(2, gmv=8, country="DE", department="Sales", title="=2+2 & <b>bold</b>")
    world.initiative(3, gmv=7, country="DE", department="Ops")
    world.initiative(4, tokens=None)
    world.scenario(capacity_total_tokens=20)
    world.rule("capacity_cap", dimension="country", dimension_key="DE", max_tokens=10)
    world.rule("capacity_floor", dimension="department", dimension_key="Sales", min_tokens=5)
    world.target("gmv", 20)
    world.act(SAVE)
    world.act(RUN_ALL)
    Initiative.objects.filter(initiative_key=K3).update(kpi_contribution_json={"gmv": 8.5})
    world.act(RUN_ALL)
    return world


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ada"))
    return client


def page_of(client: Client, run: OptimizationRun) -> str:
    return client.get(reverse("admin:optimization_optimizationrun_change", args=(run.pk,))).content.decode()


def address(name: str, run: OptimizationRun) -> str:
    return reverse(f"admin:{name}", args=(run.run_id,))


# ---- the page ----------------------------------------------------------------------------------------------------------------------------


def test_a_runs_page_shows_what_is_in_what_nearly_was_and_why(world: World, ada: Client) -> None:
    page = page_of(ada, world.run())
    for text in ("2 of 3 candidates", "20 of 20", "no more: this is proved to be the best", "nearest misses first (1)"):
        assert text in page
    assert "Not eligible (1)" in page
    assert "Excel file" in page


def test_a_runs_page_draws_teams_capacity_and_targets(world: World, ada: Client) -> None:
    page = page_of(ada, world.run())
    for title in ("Tokens by department", "Tokens by country", "Tokens against floors and caps"):
        assert title in page
    assert "Missed: gmv." in page
    assert "What more or less capacity would bring" not in page


def test_a_runs_page_draws_the_frontier_once_it_was_computed(world: World, ada: Client) -> None:
    world.act("pm.optimize_frontier")
    assert "What more or less capacity would bring" in page_of(ada, world.run())


def test_a_runs_page_says_what_changed_since_the_run_before(world: World, ada: Client) -> None:
    page = page_of(ada, world.run())
    assert f"came in: {K3}; went out: {K2}" in page
    assert f"{K3} gmv: 7 -&gt; 8.5" in page


def test_titles_are_shown_as_text(world: World, ada: Client) -> None:
    for answer in (page_of(ada, world.run()), ada.get(address("run_print", world.run())).content.decode()):
        assert "&lt;b&gt;bold&lt;/b&gt;" in answer
        assert "<b>bold" not in answer


def test_the_page_of_a_run_without_a_portfolio_says_why_and_what_mends_it(world: World, ada: Client) -> None:
    assert "Why there is no portfolio" not in page_of(ada, world.run())
    world.rule("capacity_floor", dimension="country", dimension_key="DE", min_tokens=15)
    world.act(SAVE)
    world.act(RUN_ALL)
    page = page_of(ada, world.run())
    assert "Why there is no portfolio" in page
    assert "row 2 of Constraints" in page
    assert "set max_tokens of row 2 of Constraints from 10 to 20" in page
    assert "Objective" not in page.split("panel-no-portfolio")[0].split("panel-glance")[1]


@pytest.mark.parametrize("status", ["infeasible", "failed"])
def test_a_run_without_a_portfolio_has_all_its_pages(status: str, ada: Client) -> None:
    run = OptimizationRun.objects.create(scenario_name="S1", status=status, message="why", run_id="r1")
    assert "At a glance" in page_of(ada, run)
    for name in ("run_print", "run_workbook", "run_csv"):
        assert ada.get(address(name, run)).status_code == 200


def test_an_unknown_run_is_not_found(ada: Client) -> None:
    assert ada.get(reverse("admin:run_print", args=("nothing",))).status_code == 404


def test_an_initiatives_page_says_in_which_runs_it_was_and_why(world: World, ada: Client) -> None:
    initiative = Initiative.objects.get(initiative_key=K2)
    page = ada.get(reverse("admin:backlog_initiative_change", args=(initiative.pk,))).content.decode()
    panel = page.partition('id="panel-runs"')[2].partition("</section>")[0]
    assert panel.count("Q3 base") == 2
    assert "chosen on merit" in panel
    assert "orcing it in would cost" in panel


# ---- files -------------------------------------------------------------------------------------------------------------------------------


def test_the_excel_file_holds_everything_as_text_and_native_charts(world: World, ada: Client) -> None:
    world.act("pm.optimize_frontier")
    answer = ada.get(address("run_workbook", world.run()))
    assert answer["Content-Disposition"] == f'attachment; filename="{world.run().run_id}.xlsx"'
    book = load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames[:4] == ["Run", "Initiatives", "Targets", "Frontier"]
    rows = list(book["Initiatives"].iter_rows(values_only=True))
    assert [row[0] for row in rows] == ["initiative_key", K1, K3, K2, "INIT-000004"]
    cell = book["Initiatives"]["B4"]
    assert (cell.value, cell.data_type) == ("=2+2 & <b>bold</b>", "s")
    assert len(list(book["Frontier"].iter_rows())) == 22
    charts = {sheet.title: len(sheet._charts) for sheet in book.worksheets if sheet._charts}
    assert charts["Chart More or less capacity"] == 1
    assert charts["Chart Teams and countries"] == 2


def test_the_excel_file_is_read_alike_in_every_program(world: World, ada: Client) -> None:
    book = load_workbook(io.BytesIO(ada.get(address("run_workbook", world.run())).content))
    sheet = book["Initiatives"]
    head = {cell.value: cell for cell in sheet[1]}
    assert {cell.font.name for cell in head.values()} == {"Calibri"}
    assert sheet.cell(2, head["selected"].column).number_format == '"TRUE";"TRUE";"FALSE"'
    for name, side in (("tokens", "right"), ("title", None)):
        assert head[name].alignment.horizontal == sheet.cell(2, head[name].column).alignment.horizontal == side
    assert sheet.cell(2, head["tokens"].column).number_format == "General"  # no point behind a whole number
    for cell in head.values():
        assert sheet.column_dimensions[cell.column_letter].width >= len(cell.value) + 4


def test_charts_of_bars_begin_at_nothing_and_have_room_for_every_name(world: World, ada: Client) -> None:
    plot = Plot(
        kind=PlotKind.RANGE,
        title="Cost",
        summary="",
        y_label="Rule",
        series=(Series(name="cost", points=tuple(Point(x=f"p{n}", y=90.0, low=80.0, high=100.0) for n in range(30))),),
    )
    sheet = Workbook().create_sheet()
    add_plots(sheet, [plot])
    (chart,) = sheet._charts
    assert chart.y_axis.scaling.min == 0
    assert chart.height > 20
    assert sheet.cell(3 + 2 * chart.height + 1, 2).value == "Value"  # the numbers stand below the chart


def test_the_csv_holds_every_initiative_and_no_formula(world: World, ada: Client) -> None:
    text = ada.get(address("run_csv", world.run())).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["initiative_key"], row["selected"]) for row in rows[:3]] == [(K1, "TRUE"), (K3, "TRUE"), (K2, "FALSE")]
    assert rows[2]["title"] == "'=2+2 & <b>bold</b>"


def test_characters_that_no_file_can_hold_are_left_out(world: World, ada: Client) -> None:
    run = world.run()
    snapshot = run.inputs_snapshot_json
    snapshot["initiatives"][0]["title"] = "bell\x07"
    OptimizationRun.objects.filter(pk=run.pk).update(inputs_snapshot_json=snapshot)
    book = load_workbook(io.BytesIO(ada.get(address("run_workbook", run)).content))
    assert book["Initiatives"]["B2"].value == "bell"


def test_the_print_view_stands_alone(world: World, ada: Client) -> None:
    page = ada.get(address("run_print", world.run())).content.decode()
    assert "Q3 base: 2026-Q3" in page
    assert "Nearest misses" in page
    assert "nav" not in page


# ---- publishing --------------------------------------------------------------------------------------------------------------------------


def test_a_person_publishes_a_run_with_a_comment(world: World, ada: Client) -> None:
    run = world.run()
    answer = ada.post(address("publish_run", run), {"comment": "Agreed in the board"}, follow=True)
    assert "is published as the portfolio of Q3 base" in answer.content.decode()
    held = current("Q3 base")
    assert held is not None
    assert (held.run, held.published_by, held.comment) == (run, "ada", "Agreed in the board")
    assert "Agreed in the board" in page_of(ada, run)
    assert "Agreed in the board" in ada.get(address("run_print", run)).content.decode()
    assert "Agreed in the board" in ada.get(reverse("admin:index")).content.decode()
    recorded = ActionRun.objects.get(action="admin.publish")
    assert RecordChange.objects.get(run=recorded).model == "optimization.Publication"


def test_an_earlier_publication_stays_in_the_list(world: World, ada: Client) -> None:
    first, second = OptimizationRun.objects.order_by("pk")
    for run in (first, second):
        ada.post(address("publish_run", run), {"comment": f"plan {run.pk}"})
    assert Publication.objects.count() == 2
    held = current("Q3 base")
    assert held is not None
    assert held.run == second
    scenario = reverse("admin:optimization_optimizationscenario_change", args=(first.scenario_id,))
    page = ada.get(scenario).content.decode()
    assert f"plan {first.pk}" in page
    assert "Published of Q3 base is" in page_of(ada, first)


def test_a_publication_can_be_undone(world: World, ada: Client) -> None:
    ada.post(address("publish_run", world.run()), {"comment": "too early"})
    world.act("pm.undo_run", runs=(ActionRun.objects.get(action="admin.publish").run_id,))
    assert current("Q3 base") is None


def test_the_same_run_is_not_published_twice_with_one_comment(world: World, ada: Client) -> None:
    for _ in range(2):
        answer = ada.post(address("publish_run", world.run()), {"comment": "same"}, follow=True)
    assert "already, with this comment" in answer.content.decode()
    assert Publication.objects.count() == 1


def test_a_run_without_a_portfolio_cannot_be_published(ada: Client) -> None:
    run = OptimizationRun.objects.create(scenario_name="S1", status="infeasible", run_id="r1")
    for answer in (
        ada.get(address("publish_run", run), follow=True),
        ada.post(address("publish_run", run), {}, follow=True),
    ):
        assert "only a run that found a portfolio can be published" in answer.content.decode()
    assert not Publication.objects.exists()


@pytest.mark.parametrize(("role", "allowed"), [("Approver", True), ("Analyst", False), ("Viewer", False)])
def test_publishing_is_for_those_who_approve(role: str, allowed: bool, world: World, client: Client) -> None:
    user = User.objects.create_user("bob", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    assert client.post(address("publish_run", world.run()), {"comment": "x"}).status_code == (302 if allowed else 403)
    assert Publication.objects.exists() is allowed
    assert ("Publish</a>" in page_of(client, OptimizationRun.objects.order_by("pk")[0])) is allowed


def test_files_of_a_run_are_for_those_who_may_see_runs(world: World, client: Client) -> None:
    client.force_login(User.objects.create_user("eve", is_staff=True))
    for name in ("run_workbook", "run_csv", "run_print"):
        assert client.get(address(name, world.run())).status_code == 403
    client.logout()
    assert client.get(address("run_workbook", world.run())).status_code == 302


# ---- comparing ---------------------------------------------------------------------------------------------------------------------------


def compared(client: Client, **asked: Any) -> str:
    return client.get(reverse("admin:compare_runs"), asked).content.decode()


def test_without_a_choice_the_last_two_runs_of_a_scenario_stand_side_by_side(world: World, ada: Client) -> None:
    page = compared(ada)
    assert f"came in: {K3}; went out: {K2}" in page
    assert f"{K3} gmv: 7 -&gt; 8.5" in page
    assert "put the old values back and solve again" in page


def test_what_the_action_found_out_stands_beside_each_change(world: World, ada: Client) -> None:
    world.act("pm.compare_runs")
    page = compared(ada)
    assert f"{K2}, {K3}" in page
    assert "put the old values back and solve again" not in page


def test_a_mistyped_run_names_the_nearest(world: World, ada: Client) -> None:
    run = world.run().run_id
    page = compared(ada, before=run, after=f"{run[:-1]}x")
    assert f"did you mean {run}?" in page


def test_before_any_scenario_was_run_twice_the_page_says_so(ada: Client) -> None:
    assert "No scenario was run twice yet" in compared(ada)


def test_a_refused_run_has_nothing_to_compare(world: World, ada: Client) -> None:
    OptimizationRun.objects.create(scenario_name="Q3 base", status="failed", run_id="refused", message="no weights")
    assert "was refused before its inputs were taken: no weights" in compared(
        ada, before=world.run().run_id, after="refused"
    )
