"""The admin's pages of runs: started with a form, followed, cancelled, and shown field by field and cell by cell."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from sheetsync.models import ActionRun, RecordChange, WorkerBeat
from sheetsync.runs.actions import ACTIONS
from sheetsync.runs.tasks import submit
from tests.admin_pages import admin_client, button_url, change_url, client_with, edit, fill, initiative, workbook
from tests.sheetsync.xlsx_files import plain_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    return admin_client()


def form_of(name: str) -> str:
    return reverse("admin:sheetsync_actionrun_start_action", args=(name,))


def a_worker_lives() -> None:
    WorkerBeat.objects.create(name="host/1", seen_at=timezone.now())


# ---- starting ----------------------------------------------------------------------------------------------------


def test_every_action_can_be_started(ada: Client) -> None:
    page = ada.get(reverse("admin:sheetsync_actionrun_start")).content.decode()
    assert [name for name in ACTIONS if form_of(name) not in page] == []


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_the_form_asks_for_what_the_action_declares(ada: Client, name: str) -> None:
    form = ada.get(form_of(name)).context["form"]
    assert set(form.fields) == {"workbook", "tab", "keys", "confirm", *ACTIONS[name].arguments}


def test_what_there_is_can_be_chosen(ada: Client) -> None:
    fill(1, 1)
    book = workbook("optimization")
    form = ada.get(form_of("pm.optimize_run_all_candidates")).context["form"]
    assert [value for value, _words in form.fields["workbook"].choices] == ["", str(book.pk)]
    assert [value for value, _words in form.fields["scenario"].choices] == ["", "S1"]
    assert [value for value, _words in form.fields["constraint_set"].choices] == ["", "base"]


def test_a_run_to_undo_is_chosen_from_those_that_ended(ada: Client) -> None:
    fill(1, 1)
    ended = ActionRun.objects.get()
    ActionRun.objects.create(action="pm.backlog_sync")
    form = ada.get(form_of("pm.undo_run")).context["form"]
    assert [value for value, _words in form.fields["runs"].choices] == [ended.run_id]


def test_a_started_action_is_left_to_the_workers_while_there_are_any(ada: Client) -> None:
    book = workbook("backlog")
    a_worker_lives()
    response = ada.post(form_of("pm.backlog_sync"), {"workbook": book.pk, "keys": "INIT-000001, INIT-000002"})
    run = ActionRun.objects.get()
    assert response["Location"] == change_url(run)
    assert (run.status, run.workbook, run.payload, run.requested_by, run.came_from) == (
        "queued",
        book,
        {"keys": ["INIT-000001", "INIT-000002"]},
        "ada",
        "admin",
    )
    assert OrmQ.objects.get(pk=run.task_row).task["args"] == (run.run_id,)


def test_without_a_worker_it_is_done_at_once(ada: Client) -> None:
    book = workbook(location="/nowhere/backlog.xlsx")
    ada.post(form_of("pm.backlog_sync"), {"workbook": book.pk})
    assert ActionRun.objects.get().status == "failed"  # the file isn't there, and the run says so


def test_an_argument_that_means_nothing_is_told_beside_it(ada: Client) -> None:
    form = ada.post(form_of("pm.optimize_run_all_candidates"), {"capacity": "plenty"}).context["form"]
    assert list(form.errors) == ["capacity"]
    assert '"plenty"' in form.errors["capacity"][0]
    assert not ActionRun.objects.exists()


def test_a_dry_run_shows_a_table_and_changes_nothing(ada: Client, tmp_path: Path) -> None:
    place = tmp_path / "wishes.xlsx"
    plain_file(place, {"Wishes": [["Initiative key", "Title"], [None, "Faster search"]]})
    book = workbook("intake", str(place))
    before = place.read_bytes()
    page = ada.post(form_of("pm.backlog_sync"), {"workbook": book.pk, "dry_run": "yes"})
    assert page.context["dry_run"] == "success"
    assert "Faster search" in page.context["stored"]
    assert "INIT-000001" in page.context["sheets"]
    assert place.read_bytes() == before
    assert not ActionRun.objects.exists()


def test_an_action_that_doesnt_exist_has_no_page(ada: Client) -> None:
    assert ada.get(form_of("pm.nothing")).status_code == 404


def test_only_who_may_press_buttons_starts_actions() -> None:
    bo = client_with("view_actionrun")
    assert bo.get(reverse("admin:sheetsync_actionrun_start")).status_code == 403
    assert bo.post(form_of("pm.backlog_sync"), {}).status_code == 403
    assert not ActionRun.objects.exists()


# ---- following and cancelling ------------------------------------------------------------------------------------


def state_url(run: ActionRun) -> str:
    return reverse("admin:sheetsync_actionrun_state", args=(run.pk,))


@pytest.mark.parametrize(
    ("fields", "words", "ended"),
    [
        ({"status": "queued"}, "Waiting: no worker shows a sign of life", False),
        ({"status": "queued", "progress": "waits: Plan is in use"}, "Waiting: Plan is in use.", False),
        ({"status": "running", "progress": "reading Plan"}, "reading Plan.", False),
        ({"status": "running", "cancelled_by": "bo"}, "Cancelled by bo; it stops at the next safe point", False),
        ({"status": "partial"}, "Ended: partial.", True),
    ],
)
def test_the_state_of_a_run_in_words(ada: Client, fields: dict[str, str], words: str, ended: bool) -> None:
    run = ActionRun.objects.create(action="pm.backlog_sync", **fields)
    state = ada.get(state_url(run)).json()
    assert words in state["words"]
    assert (state["status"], state["ended"]) == (fields["status"], ended)
    assert words in ada.get(change_url(run)).content.decode()


def test_the_state_is_for_those_who_may_see_runs() -> None:
    run = ActionRun.objects.create(action="pm.backlog_sync")
    assert client_with("view_initiative").get(state_url(run)).status_code == 403


def test_a_run_that_waits_is_cancelled_by_a_button_that_asks_first(ada: Client) -> None:
    workbook("backlog")
    run = submit("pm.backlog_sync")
    assert "Cancel" in ada.get(change_url(run)).content.decode()
    ada.get(button_url(run, "cancel_this_run"))
    assert ActionRun.objects.get().status == "queued"
    ada.post(button_url(run, "cancel_this_run"), {"confirm": "yes"})
    run.refresh_from_db()
    assert (run.status, run.cancelled_by) == ("failed", "ada")


def test_a_cancel_that_comes_too_late_says_so(ada: Client) -> None:
    run = ActionRun.objects.create(action="pm.backlog_sync", status="success")
    page = ada.get(change_url(run)).content.decode()
    assert button_url(run, "cancel_this_run") not in page
    told = ada.post(button_url(run, "cancel_this_run"), {"confirm": "yes"}, follow=True).content.decode()
    assert "has ended already; there is nothing to cancel" in told


# ---- what a run changed, and taking it back ----------------------------------------------------------------------


def test_a_run_shows_what_it_changed_on_both_sides(ada: Client) -> None:
    fill(1, 1)
    page = ada.get(change_url(ActionRun.objects.get())).content.decode()
    for words in ("Stored records, field by field", "Sheets, cell by cell", "old", "new", "b / Backlog"):
        assert words in page


def test_before_an_undo_it_is_shown_what_goes_back_and_what_is_kept(ada: Client) -> None:
    workbook()
    first, second = initiative(1, title="Old"), initiative(2, title="Other")
    edit(ada, first, title="New", market="EMEA")
    run = ActionRun.objects.get()
    edit(ada, first, market="APAC")
    page = ada.get(button_url(run, "undo_this_run")).content.decode()
    assert "market was edited since and keeps its value" in page
    assert page.index("Edited since") < page.index("market was edited") < page.index("In the database")
    assert page.index("New", page.index("In the database")) < page.index("Old", page.index("In the database"))
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.title, first.market, second.title) == ("New", "APAC", "Other")
    assert RecordChange.objects.count() == 2


def test_an_undone_run_has_a_page_that_says_so(ada: Client) -> None:
    workbook()
    edit(ada, initiative(title="Old"), title="New")
    run = ActionRun.objects.get()
    ada.post(button_url(run, "undo_this_run"), {"confirm": "yes"})
    page = ada.get(button_url(run, "undo_this_run"))
    assert page.status_code == 200
    assert "is undone" in page.context["title"]
    assert ActionRun.objects.get(action="pm.undo_run").run_id in page.content.decode()


def test_the_undo_of_a_run_whose_workbook_is_gone_says_what_stays(ada: Client) -> None:
    fill(1, 1)
    run = ActionRun.objects.get()
    page = ada.get(button_url(run, "undo_this_run")).content.decode()
    assert "In the way" in page
    assert "backlog1.xlsx" in page
