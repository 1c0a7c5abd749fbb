"""The dashboard and the page of owners: real data, within a fixed number of questions to the database."""

from __future__ import annotations

import datetime
import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from sheetsync.admin.dashboard import ago
from sheetsync.admin.ownership import matrix
from sheetsync.models import ActionRun, RequestBudget, TabState
from sheetsync.registry import registry
from sheetsync.storage import now_epoch
from sheetsync.tabs import Owner
from tests.admin_pages import admin_client, change_url, client_with, conflict, fill, initiative, workbook

pytestmark = pytest.mark.django_db


def card(client: Client, name: str) -> str:
    """The words of one card; "" when it isn't shown."""
    html = client.get(reverse("admin:index")).content.decode()
    found = re.search(rf'<section class="desk-panel" id="card-{name}".*?</section>', html, re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found.group())).split()) if found else ""


def test_what_waits_is_counted() -> None:
    owner = initiative()
    conflict(owner)
    conflict(owner, field="market", status="kept")
    rows = [[4, "init-000001", "FAILED: no"], [5, "init-000002", "WARNING: hm"]]
    TabState.objects.create(workbook=workbook(), tab="Backlog", problems=rows, message="two headers mean title")
    said = card(admin_client(), "waiting")
    assert "1 conflict to settle" in said
    assert "1 row that was refused" in said
    assert "1 tab that is stopped until somebody looks" in said


def test_what_a_person_may_not_settle_doesnt_wait_for_them() -> None:
    conflict(initiative())
    assert "conflicts" not in card(client_with("view_conflict", "view_tabstate"), "waiting")


def test_nothing_waiting_is_said() -> None:
    assert "Nothing waits for you." in card(admin_client(), "waiting")


def test_a_workbook_tells_its_last_read_its_refused_rows_and_what_stopped_it() -> None:
    TabState.objects.create(
        workbook=workbook(),
        tab="Backlog",
        problems=[[4, "x", "FAILED: no"]],
        message="far fewer rows than last time",
        read_at=timezone.now() - datetime.timedelta(minutes=5),
    )
    said = card(admin_client(), "workbooks")
    assert "backlog 5 min ago 1 Backlog: far fewer rows than last time" in said


def test_an_inactive_workbook_counts_no_more() -> None:
    book = workbook()
    TabState.objects.create(workbook=book, tab="Backlog", problems=[[4, "x", "FAILED: no"]])
    type(book).objects.update(is_active=False)
    assert "No workbook is connected yet." in card(admin_client(), "workbooks")
    assert "Nothing waits for you." in card(admin_client(), "waiting")


def test_googles_quota_is_told_where_it_is_used() -> None:
    workbook()
    RequestBudget.objects.create(account="desk@x", kind="read", taken=[now_epoch() - 90, now_epoch() - 5])
    assert "Google reads in the last minute: 1 of 60 (desk@x)." in card(admin_client(), "workbooks")


def test_the_last_runs_are_told_by_what_they_do() -> None:
    ActionRun.objects.create(action="pm.backlog_sync", status="partial", requested_by="mina", workbook=workbook())
    said = card(admin_client(), "runs")
    assert "Sync intake and backlog partial backlog mina just now" in said
    assert "No worker shows a sign of life" in said


def test_runs_by_day_are_a_plot_with_a_sentence() -> None:
    for status in ("success", "success", "failed"):
        ActionRun.objects.create(action="pm.backlog_sync", status=status)
    old = timezone.now() - datetime.timedelta(days=20)
    ActionRun.objects.create(action="pm.backlog_sync", status="failed", created_at=old)
    assert "3 runs in 14 days, 1 of them failed." in card(admin_client(), "runs-by-day")


def test_the_dashboard_asks_the_database_as_often_for_thirty_of_everything_as_for_five() -> None:
    ada = admin_client()
    fill(1, 5)
    ada.get(reverse("admin:index"))
    with CaptureQueriesContext(connection) as few:
        ada.get(reverse("admin:index"))
    fill(6, 25)
    with CaptureQueriesContext(connection) as many:
        ada.get(reverse("admin:index"))
    assert len(many) == len(few)


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, "just now"), (59, "59 min ago"), (60, "1 h ago"), (60 * 23, "23 h ago")]
)
def test_how_long_ago_is_told_in_words(minutes: int, words: str) -> None:
    assert ago(timezone.now() - datetime.timedelta(minutes=minutes)) == words


# ---- who owns what ---------------------------------------------------------------------------------------------------------------------


def test_the_matrix_holds_every_column_of_every_tab_with_its_owner() -> None:
    shown = {(tab, owner) for fields in matrix().values() for owned in fields for tab, owner in owned.owners.items()}
    declared = {
        (tab.name, column.owner)
        for tab in registry.tabs()
        for column in tab.columns
        if column.owner is not Owner.FEEDBACK
    }
    assert shown == declared


def test_a_field_is_one_row_with_its_owner_in_each_tab() -> None:
    (title,) = [owned for owned in matrix()["backlog.Initiative"] if owned.name == "title"]
    assert title.owners["Backlog"] is Owner.OVERRIDE
    assert title.owners["Candidates"] is Owner.MIRROR


def test_a_field_that_no_tab_enters_says_what_saves_it() -> None:
    (score,) = [owned for owned in matrix()["backlog.Initiative"] if owned.name == "overall_score"]
    assert "pm.score_selected" in score.saved_by


def test_everybody_who_is_signed_in_may_read_who_owns_what() -> None:
    html = client_with().get(reverse("admin:ownership")).content.decode()
    assert "kpi_contribution_json" in html


def test_what_was_done_by_hand_is_told_in_words_and_a_stopped_tab_is_a_click_away() -> None:
    ActionRun.objects.create(action="admin.edit", requested_by="ada", came_from="admin")
    state = TabState.objects.create(workbook=workbook(), tab="Backlog", message="far fewer rows than last time")
    page = admin_client().get(reverse("admin:index")).content.decode()
    assert ">Edit in the admin</a>" in page
    assert change_url(state) in page
