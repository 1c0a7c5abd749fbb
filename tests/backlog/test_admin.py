"""Initiatives in the admin: what may be typed there is judged and saved as Backlog would."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backlog.models import Initiative, IntakeSubmission
from sheetsync.models import ActionRun, Conflict, RecordChange, Workbook
from sheetsync.runs.actions import carry_out, request
from tests.admin_pages import (
    admin_client,
    button_url,
    change_url,
    conflict,
    edit,
    errors,
    initiative,
    opened,
    save,
    workbook,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    return admin_client()


def _fresh(record: Initiative) -> Initiative:
    return Initiative.objects.get(pk=record.pk)


def test_initiatives_are_neither_made_nor_deleted_here(ada: Client) -> None:
    record = initiative()
    assert ada.get(reverse("admin:backlog_initiative_add")).status_code == 403
    assert ada.post(reverse("admin:backlog_initiative_delete", args=(record.pk,)), {"post": "yes"}).status_code == 403
    assert Initiative.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "posted"),
    [
        ("initiative_key", "INIT-999999"),
        ("intake_source", "elsewhere"),
        ("overall_score", "99"),
        ("llm_summary", "mine"),
        ("metric_chain_json", "{}"),
    ],
)
def test_what_nobody_types_cannot_be_posted(ada: Client, field: str, posted: str) -> None:
    record = initiative()
    before = getattr(record, field)
    assert edit(ada, record, **{field: posted}).status_code == 302
    assert getattr(_fresh(record), field) == before
    assert not ActionRun.objects.exists()


@pytest.mark.parametrize(
    ("field", "posted", "stored"),
    [
        ("lifecycle_status", "ready", "ready"),
        ("engineering_tokens", "40.5", 40.5),
        ("deadline_date", "2026-03-31", datetime.date(2026, 3, 31)),
        ("candidate_period_key", "Q3 2026", "2026-Q3"),
        ("is_optimization_candidate", "on", True),
        ("dependencies_initiatives", "init-000002", ["INIT-000002"]),
        ("risk_description", "two\nlines", "two\nlines"),
    ],
)
def test_a_field_reads_what_its_cell_would(ada: Client, field: str, posted: str, stored: Any) -> None:
    record = initiative(1)
    initiative(2)
    assert edit(ada, record, **{field: posted}).status_code == 302
    assert getattr(_fresh(record), field) == stored
    assert [sorted(change.fields) for change in RecordChange.objects.all()] == [[field]]


@pytest.mark.parametrize(
    ("field", "posted", "told"),
    [
        ("engineering_tokens", "-1", "engineering_tokens"),
        ("candidate_period_key", "sometime", "candidate_period_key"),
        ("requester_email", "not an address", "requester_email"),
        ("lifecycle_status", "asleep", "asleep"),
        ("dependencies_initiatives", "INIT-000009", "doesn't exist"),
        ("kpi_contribution_json", "gmv = much", "kpi_contribution_json"),
    ],
)
def test_what_the_sheet_would_refuse_is_refused(ada: Client, field: str, posted: str, told: str) -> None:
    record = initiative()
    response = edit(ada, record, **{field: posted})
    assert response.status_code == 200
    assert told in " ".join(errors(response)[field])
    assert not ActionRun.objects.exists()


def test_a_refused_field_keeps_the_rest_of_the_page_from_being_saved(ada: Client) -> None:
    record = initiative(title="Old")
    edit(ada, record, title="New", candidate_period_key="sometime")
    assert _fresh(record).title == "Old"


def test_emptying_an_overridden_field_brings_back_what_intake_says(ada: Client) -> None:
    record = initiative(title="Mine")
    IntakeSubmission.objects.update(title="Theirs")
    assert edit(ada, record, title="").status_code == 302
    assert _fresh(record).title == "Theirs"


def test_typing_what_intake_says_settles_the_conflicts_of_this_initiative_alone(ada: Client) -> None:
    record, other = initiative(1, title="Mine"), initiative(2, title="Mine")
    own, others = conflict(record, lost_value="Theirs"), conflict(other, lost_value="Theirs")
    with CaptureQueriesContext(connection) as asked:
        edit(ada, record, title="Theirs")
    assert [Conflict.objects.get(pk=each.pk).status for each in (own, others)] == ["restored", "open"]
    looked = [each["sql"] for each in asked.captured_queries if 'FROM "sheetsync_conflict"' in each["sql"]]
    assert [sql for sql in looked if '"object_id" ' not in sql] == []


def test_lines_end_as_they_were_stored(ada: Client) -> None:
    record = initiative(hypothesis="one\ntwo\n")
    assert edit(ada, record, hypothesis="one\r\ntwo\r\nthree").status_code == 302
    assert _fresh(record).hypothesis == "one\ntwo\nthree"


def test_unticking_is_an_edit(ada: Client) -> None:
    record = initiative(is_optimization_candidate=True)
    edit(ada, record, is_optimization_candidate=None)
    assert _fresh(record).is_optimization_candidate is False


def test_a_page_that_comes_back_with_errors_still_knows_what_it_was_opened_with(ada: Client) -> None:
    record = initiative(title="Old")
    data = opened(ada, change_url(record))
    refused = save(ada, change_url(record), data, engineering_tokens="-1", title="New")
    assert refused.status_code == 200
    Initiative.objects.update(title="Theirs")
    again = save(ada, change_url(record), data, title="New")
    assert "somebody else" in errors(again)["title"][0]


def test_each_field_says_where_it_is_entered(ada: Client) -> None:
    record = initiative()
    page = ada.get(change_url(record)).content.decode()
    assert "Entered in the tab Backlog of the backlog workbook." in page
    assert "Entered in the tab Scoring_Inputs of the productops workbook." in page
    assert "Comes from intake; Backlog may override it." in page
    assert "Written by the language model when somebody asks for it." in page


def test_overrides_are_shown_beside_what_intake_says(ada: Client) -> None:
    record = initiative(title="Mine")
    IntakeSubmission.objects.update(title="What they said")
    assert "What they said" in ada.get(change_url(record)).content.decode()


def test_what_intake_said_is_only_shown(ada: Client) -> None:
    initiative()
    submission = IntakeSubmission.objects.get()
    assert ada.get(change_url(submission)).status_code == 200
    assert ada.post(change_url(submission), {"title": "New"}).status_code == 403


# ---- on the way to the sheet -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def backlog_file(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Backlog"
    sheet.append(["Initiative key", "Title", "Market", "Run status"])
    place = tmp_path / "backlog.xlsx"
    book.save(place)
    return place


def _sync(book: Workbook) -> None:
    run = request("pm.backlog_sync", workbook=book)
    carry_out(run)
    run.refresh_from_db()
    assert run.status == "success"


def _cells(place: Path) -> list[list[Any]]:
    sheet = openpyxl.load_workbook(place)["Backlog"]
    return [list(row)[:3] for row in sheet.iter_rows(min_row=2, values_only=True)]


def test_an_edit_reaches_the_sheet_with_the_next_sync_and_stays(ada: Client, backlog_file: Path) -> None:
    record = initiative(title="Old", market="EMEA")
    book = workbook(location=str(backlog_file))
    _sync(book)
    assert _cells(backlog_file) == [["INIT-000001", "Old", "EMEA"]]
    edit(ada, record, title="New", market="APAC")
    assert _cells(backlog_file) == [["INIT-000001", "Old", "EMEA"]]
    for _ in range(2):
        _sync(book)
        assert _cells(backlog_file) == [["INIT-000001", "New", "APAC"]]
    assert (_fresh(record).title, _fresh(record).market) == ("New", "APAC")
    assert not Conflict.objects.exists()


def test_a_restored_value_reaches_the_sheet_with_the_next_sync(ada: Client, backlog_file: Path) -> None:
    record = initiative(title="Old")
    book = workbook(location=str(backlog_file))
    _sync(book)
    edit(ada, record, title="Admin's")
    typed = openpyxl.load_workbook(backlog_file)
    typed["Backlog"]["B2"] = "Sheet's"
    typed.save(backlog_file)
    _sync(book)
    found = Conflict.objects.get()
    assert (found.kept_value, found.lost_value, _fresh(record).title) == ("Sheet's", "Admin's", "Sheet's")
    ada.post(button_url(found, "restore_this"), {"confirm": "yes"})
    _sync(book)
    assert (_cells(backlog_file)[0][1], _fresh(record).title) == ("Admin's", "Admin's")


def test_syncing_from_the_admin_and_undoing_it_leaves_what_was_there(ada: Client, backlog_file: Path) -> None:
    record = initiative(title="Old")
    book = workbook(location=str(backlog_file))
    _sync(book)
    typed = openpyxl.load_workbook(backlog_file)
    typed["Backlog"]["B2"] = "Typed"
    typed.save(backlog_file)
    ada.post(button_url(book, "sync_now"), {"confirm": "yes"})
    assert _fresh(record).title == "Typed"
    ada.post(button_url(ActionRun.objects.get(came_from="admin"), "undo_this_run"), {"confirm": "yes"})
    assert (_fresh(record).title, _cells(backlog_file)[0][1]) == ("Old", "Old")
