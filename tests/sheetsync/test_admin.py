"""The admin of the engine: every page answers, edits are recorded and can be undone, nothing happens unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import OrmQ

from backlog.models import Initiative
from sheetsync.models import ActionRun, Conflict, RecordChange, Workbook
from sheetsync.runs.actions import request
from sheetsync.runs.leases import claim
from tests.admin_pages import (
    admin_client,
    button_url,
    change_url,
    client_with,
    conflict,
    edit,
    errors,
    fill,
    initiative,
    list_url,
    opened,
    save,
    workbook,
)

pytestmark = pytest.mark.django_db

APPS = ("sheetsync", "backlog", "productops", "optimization")
MODELS = [model for model in admin.site._registry if model._meta.app_label in APPS]
names = [model.__name__ for model in MODELS]


@pytest.fixture
def ada() -> Client:
    return admin_client()


# ---- every page ------------------------------------------------------------------------------------------------------------------------


def test_every_model_that_keeps_something_for_people_has_a_page() -> None:
    # Bookkeeping of the engine that tells people nothing; a person's scope stands on the person's page, a publication on its run's.
    internal = {
        "ControlState", "ControlTick", "KeyCounter", "OwedLogRow", "PersonScope", "Publication", "RequestBudget", "RequestNonce",
        "RoleRights", "WorkbookLease", "WorkbookSecret", "WorkerBeat",
    }  # fmt: skip
    stored = {
        model.__name__
        for app in APPS
        for model in apps.get_app_config(app).get_models()
        if not hasattr(model, "history_object") and model.__name__ not in internal
    }
    assert set(names) == stored


@pytest.mark.parametrize("model", MODELS, ids=names)
def test_the_list_and_the_page_of_a_record_answer(ada: Client, model: type[models.Model]) -> None:
    fill(1, 2)
    record = model._default_manager.all()[0]
    assert ada.get(list_url(model)).status_code == 200
    assert ada.get(list_url(model), {"q": "idea"}).status_code == 200
    assert ada.get(change_url(record)).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=names)
def test_a_list_asks_the_database_as_often_for_thirty_rows_as_for_five(ada: Client, model: type[models.Model]) -> None:
    fill(1, 5)
    few = _queries(ada, list_url(model))
    fill(6, 25)
    assert _queries(ada, list_url(model)) == few


def _queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        client.get(url)
    return len(asked)


def test_the_first_page_shows_the_sidebar_in_users_words(ada: Client) -> None:
    page = ada.get(reverse("admin:index")).content.decode()
    for word in ("Intake", "Backlog", "Math models", "KPIs", "Scenarios", "Workbooks", "Runs", "Conflicts"):
        assert word in page


def test_the_sidebar_leaves_out_what_a_person_may_not_see() -> None:
    page = client_with("view_initiative").get(reverse("admin:index")).content.decode()
    assert list_url(Initiative) in page
    assert list_url(Workbook) not in page


# ---- edits -----------------------------------------------------------------------------------------------------------------------------


def test_an_edit_is_a_run_with_old_and_new_value(ada: Client) -> None:
    record = initiative(title="Old")
    response = edit(ada, record, title="New", change_reason="typo")
    assert response.status_code == 302
    run = ActionRun.objects.get()
    assert (run.action, run.came_from, run.requested_by, run.status) == ("admin.edit", "admin", "ada", "success")
    change = RecordChange.objects.get()
    assert (change.run, change.model, change.object_id, change.row_key) == (
        run,
        "backlog.Initiative",
        record.pk,
        "INIT-000001",
    )
    assert change.fields == {"title": ["Old", "New"]}


def test_an_edit_leaves_history_with_person_and_reason(ada: Client) -> None:
    record = initiative(title="Old")
    edit(ada, record, title="New", change_reason="typo")
    latest = record.history.latest()
    assert (latest.title, latest.history_user.username, latest.history_change_reason) == ("New", "ada", "typo")


def test_saving_an_unchanged_page_changes_nothing(ada: Client) -> None:
    record = initiative()
    before = Initiative.objects.values().get()
    assert edit(ada, record).status_code == 302
    assert Initiative.objects.values().get() == before
    assert not ActionRun.objects.exists()


def test_only_what_the_person_changed_is_saved(ada: Client) -> None:
    record = initiative(title="Old")
    data = opened(ada, change_url(record))
    Initiative.objects.update(market="EMEA")
    save(ada, change_url(record), data, title="New")
    record.refresh_from_db()
    assert (record.title, record.market) == ("New", "EMEA")


def test_a_field_that_somebody_else_changed_meanwhile_is_refused(ada: Client) -> None:
    record = initiative(title="Old")
    data = opened(ada, change_url(record))
    Initiative.objects.update(title="Theirs")
    response = save(ada, change_url(record), data, title="Mine")
    assert "somebody else" in errors(response)["title"][0]
    record.refresh_from_db()
    assert record.title == "Theirs"


def test_the_second_of_two_people_is_told_who_was_first(ada: Client) -> None:
    record = initiative(title="Old")
    data = opened(ada, change_url(record))
    vera = User.objects.create_superuser("vera", password="-")
    other = Client()
    other.force_login(vera)
    edit(other, record, title="Vera's")
    response = save(ada, change_url(record), data, title="Mine")
    said = errors(response)["title"][0]
    assert said.startswith('title was changed by vera (admin.edit) since you opened this page; it now holds "Vera\'s"')


def test_an_earlier_version_is_brought_back_as_a_run(ada: Client) -> None:
    record = initiative(title="Old")
    first = record.history.latest()
    edit(ada, record, title="New")
    url = reverse("admin:backlog_initiative_simple_history", args=(record.pk, first.pk))
    assert ada.get(url).status_code == 200
    data = opened(ada, url)
    assert ada.post(url, data).status_code == 302
    record.refresh_from_db()
    assert record.title == "Old"
    assert [run.action for run in ActionRun.objects.all()] == ["admin.edit", "admin.edit"]


def test_a_person_who_may_only_look_changes_nothing() -> None:
    record = initiative(title="Old")
    bo = client_with("view_initiative")
    assert bo.get(change_url(record)).status_code == 200
    assert bo.post(change_url(record), {"title": "New"}).status_code == 403
    record.refresh_from_db()
    assert record.title == "Old"


# ---- runs ------------------------------------------------------------------------------------------------------------------------------


def _edited(ada: Client) -> tuple[Initiative, ActionRun]:
    workbook()
    record = initiative(title="Old")
    edit(ada, record, title="New")
    return record, ActionRun.objects.get()


def test_undo_asks_first(ada: Client) -> None:
    record, run = _edited(ada)
    page = ada.get(button_url(run, "undo_this_run"))
    assert page.status_code == 200
    assert "Undo this run" in page.content.decode()
    record.refresh_from_db()
    assert record.title == "New"


def test_undo_takes_an_edit_back(ada: Client) -> None:
    record, run = _edited(ada)
    response = ada.post(button_url(run, "undo_this_run"), {"confirm": "yes"})
    undoing = ActionRun.objects.get(action="pm.undo_run")
    assert response["Location"] == change_url(undoing)
    assert (undoing.came_from, undoing.requested_by, undoing.status) == ("admin", "ada", "success")
    record.refresh_from_db()
    run.refresh_from_db()
    assert (record.title, run.undone_by) == ("Old", undoing)


def test_a_run_is_undone_once(ada: Client) -> None:
    _record, run = _edited(ada)
    for _ in range(2):
        ada.post(button_url(run, "undo_this_run"), {"confirm": "yes"})
    assert ActionRun.objects.filter(action="pm.undo_run").count() == 1


def test_undo_needs_the_permission_to_change_runs(ada: Client) -> None:
    record, run = _edited(ada)
    bo = client_with("view_actionrun")
    assert "Undo this run" not in bo.get(change_url(run)).content.decode()
    assert bo.post(button_url(run, "undo_this_run"), {"confirm": "yes"}).status_code == 403
    record.refresh_from_db()
    assert record.title == "New"


def test_a_run_is_carried_out_again_with_the_same_arguments(ada: Client) -> None:
    book = workbook(location="/nowhere/backlog.xlsx")
    run = ActionRun.objects.create(
        action="pm.backlog_sync", status="failed", workbook=book, payload={"keys": ["INIT-000001"]}
    )
    assert ada.get(button_url(run, "run_again")).status_code == 200
    assert ActionRun.objects.count() == 1
    ada.post(button_url(run, "run_again"), {"confirm": "yes"})
    again = ActionRun.objects.exclude(pk=run.pk).get()
    assert (again.action, again.workbook, again.payload, again.came_from) == (
        "pm.backlog_sync",
        book,
        {"keys": ["INIT-000001"]},
        "admin",
    )
    assert again.status == "failed"  # the file isn't there, and the run says so


def test_what_the_admin_itself_did_is_not_run_again(ada: Client) -> None:
    _record, run = _edited(ada)
    ada.post(button_url(run, "run_again"), {"confirm": "yes"})
    assert ActionRun.objects.count() == 1


def test_a_run_shows_its_messages_and_leads_to_its_changes(ada: Client) -> None:
    fill(1, 1)
    run = ActionRun.objects.get()
    page = ada.get(change_url(run)).content.decode()
    assert "INIT-000001" in page
    changes = f"{list_url(RecordChange)}?run__id__exact={run.pk}"
    assert changes in page
    assert ada.get(changes).context["cl"].result_count == 1


def test_runs_are_never_edited(ada: Client) -> None:
    fill(1, 1)
    run = ActionRun.objects.get()
    assert ada.post(change_url(run), {"status": "success"}).status_code == 403
    assert ada.get(reverse("admin:sheetsync_actionrun_add")).status_code == 403


# ---- conflicts -------------------------------------------------------------------------------------------------------------------------


def test_restoring_sets_the_other_value_as_a_run(ada: Client) -> None:
    record = initiative(title="Sheet's")
    found = conflict(record, lost_value="Database's")
    assert ada.get(button_url(found, "restore_this")).status_code == 200
    ada.post(button_url(found, "restore_this"), {"confirm": "yes"})
    record.refresh_from_db()
    found.refresh_from_db()
    assert (record.title, found.status) == ("Database's", "restored")
    assert RecordChange.objects.get().fields == {"title": ["Sheet's", "Database's"]}
    assert ActionRun.objects.get().action == "admin.restore"


def test_restoring_is_asked_for_first(ada: Client) -> None:
    record = initiative(title="Sheet's")
    ada.get(button_url(conflict(record), "restore_this"))
    record.refresh_from_db()
    assert record.title == "Sheet's"


def test_a_value_that_was_changed_since_is_not_restored_over(ada: Client) -> None:
    record = initiative(title="Sheet's")
    found = conflict(record)
    Initiative.objects.update(title="Newest")
    ada.post(button_url(found, "restore_this"), {"confirm": "yes"})
    record.refresh_from_db()
    found.refresh_from_db()
    assert (record.title, found.status) == ("Newest", "open")
    assert not ActionRun.objects.exists()


def test_a_zero_that_stands_is_no_empty_value() -> None:
    record = initiative(strategic_priority_coefficient=0.0)
    found = conflict(record, field="strategic_priority_coefficient", kept_value=None, lost_value=2.0)
    admin_client().post(button_url(found, "restore_this"), {"confirm": "yes"})
    record.refresh_from_db()
    assert record.strategic_priority_coefficient == 0.0


def test_keeping_what_stands_settles_the_selected_conflicts(ada: Client) -> None:
    record = initiative(title="Sheet's")
    found = conflict(record)
    _select(ada, "keep_what_stands", found)
    found.refresh_from_db()
    record.refresh_from_db()
    assert (found.status, record.title) == ("kept", "Sheet's")


def test_several_conflicts_are_restored_at_once(ada: Client) -> None:
    records = [initiative(number, title="Sheet's") for number in (1, 2)]
    _select(ada, "restore_other_value", *[conflict(record, lost_value=f"Other {record.pk}") for record in records])
    assert list(Initiative.objects.values_list("title", flat=True)) == [f"Other {record.pk}" for record in records]


def test_a_conflict_about_a_record_that_is_gone_is_told(ada: Client) -> None:
    found = conflict(initiative())
    Initiative.objects.all().delete()
    response = ada.post(button_url(found, "restore_this"), {"confirm": "yes"}, follow=True)
    assert "the record is gone" in response.content.decode()


def _select(client: Client, action: str, *chosen: Conflict) -> None:
    client.post(list_url(Conflict), {"action": action, "_selected_action": [found.pk for found in chosen]})


# ---- workbooks -------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def intake_file(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Wishes"
    sheet.append(["Initiative key", "Title", "Dept", "Moon phase"])
    sheet.append([None, "Faster search", "Sales", "full"])
    place = tmp_path / "wishes.xlsx"
    book.save(place)
    return place


def _connect(client: Client, **fields: Any) -> Any:
    return client.post(reverse("admin:sheetsync_workbook_add"), {"title": "", "tab": "", "department": "", **fields})


def test_a_workbook_is_connected_by_adding_it(ada: Client, intake_file: Path) -> None:
    assert ada.get(reverse("admin:sheetsync_workbook_add")).status_code == 200
    response = _connect(ada, role="intake", location=f"{intake_file.parent}/./wishes.xlsx", department="Sales")
    made = Workbook.objects.get()
    assert (made.location, made.title, made.role, made.department, made.is_active) == (
        str(intake_file.resolve()),
        "wishes",
        "intake",
        "Sales",
        True,
    )
    page = ada.get(response["Location"]).content.decode()
    assert "Moon phase" in page
    assert "initiative_key, title, department" in page


def test_a_workbook_that_is_not_there_is_refused(ada: Client, tmp_path: Path) -> None:
    response = _connect(ada, role="backlog", location=str(tmp_path / "none.xlsx"))
    assert "none.xlsx" in errors(response)["location"][0]
    assert not Workbook.objects.exists()


def test_one_file_is_connected_once(ada: Client, intake_file: Path) -> None:
    _connect(ada, role="intake", location=str(intake_file))
    response = _connect(ada, role="intake", location=f"{intake_file.parent}/../{intake_file.parent.name}/wishes.xlsx")
    assert list(errors(response)) == ["location"]
    assert Workbook.objects.count() == 1


def test_a_tab_is_named_for_intake_alone(ada: Client, intake_file: Path) -> None:
    response = _connect(ada, role="backlog", location=str(intake_file), tab="Wishes")
    assert "intake workbooks only" in errors(response)["tab"][0]


def test_a_workbook_that_went_missing_can_still_be_put_out_of_use(ada: Client) -> None:
    book = workbook(location="/nowhere/gone.xlsx")
    inline = {"tab_states-TOTAL_FORMS": "0", "tab_states-INITIAL_FORMS": "0"}
    response = ada.post(
        change_url(book), {"title": "gone", "location": book.location, "tab": "", "department": "", **inline}
    )
    assert response.status_code == 302
    book.refresh_from_db()
    assert not book.is_active


def test_what_a_workbook_is_for_never_changes(ada: Client) -> None:
    book = workbook("backlog")
    inline = {"tab_states-TOTAL_FORMS": "0", "tab_states-INITIAL_FORMS": "0"}
    ada.post(change_url(book), {"title": "b", "location": book.location, "role": "intake", "is_active": "on", **inline})
    book.refresh_from_db()
    assert (book.title, book.role) == ("b", "backlog")


def test_syncing_asks_first_and_then_runs(ada: Client, intake_file: Path) -> None:
    _connect(ada, role="intake", location=str(intake_file))
    book = Workbook.objects.get()
    assert ada.get(button_url(book, "sync_now")).status_code == 200
    assert not ActionRun.objects.exists()
    ada.post(button_url(book, "sync_now"), {"confirm": "yes"})
    run = ActionRun.objects.get()
    assert (run.action, run.workbook, run.status, run.came_from) == ("pm.backlog_sync", book, "success", "admin")
    assert Initiative.objects.get().title == "Faster search"


def test_while_a_workbook_is_in_use_an_action_is_left_to_the_workers(ada: Client, intake_file: Path) -> None:
    _connect(ada, role="intake", location=str(intake_file))
    book = Workbook.objects.get()
    first = request("pm.backlog_sync", workbook=book, requested_by="bo")
    claim(first, [book.pk])
    shown = ada.post(button_url(book, "sync_now"), {"confirm": "yes"}, follow=True).content.decode()
    run = ActionRun.objects.get(requested_by="ada")
    assert run.status == "queued"
    assert OrmQ.objects.get(pk=run.task_row).task["args"] == (run.run_id,)
    assert (
        f"is in use by pm.backlog_sync since {first.started_at:%H:%M:%S} UTC (run {first.run_id}, asked for by bo)"
        in shown
    )
    assert not Initiative.objects.exists()


def test_the_page_of_a_run_under_way_shows_how_far_it_is(ada: Client) -> None:
    run = ActionRun.objects.create(action="pm.backlog_sync", status="running", progress="comparing 1,000 rows of Plan")
    assert "comparing 1,000 rows of Plan" in ada.get(change_url(run)).content.decode()


def test_each_kind_of_workbook_has_an_action_that_saves_it() -> None:
    from sheetsync.admin.workbooks import saving_action

    assert [saving_action(role) for role in ("intake", "backlog", "productops")] == [
        "pm.backlog_sync",
        "pm.backlog_sync",
        "pm.save_selected",
    ]
