"""The brake's page: which rows are gone from a sheet, and a person's word on it."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from django.test import Client

from sheetsync.models import TabState, Workbook
from sheetsync.runs.actions import carry_out, request
from tests.admin_pages import admin_client, button_url, client_with, workbook
from tests.sheetsync.xlsx_files import plain_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    return admin_client()


@pytest.fixture
def book(tmp_path: Path) -> Workbook:
    """An intake workbook of 15 rows that were taken, of which 12 were deleted by now."""
    rows = [["Initiative key", "Title"], *([None, f"Idea {number}"] for number in range(1, 16))]
    made = workbook("intake", str(plain_file(tmp_path / "wishes.xlsx", {"Wishes": rows})))
    carry_out(request("pm.backlog_sync", workbook=made))
    _edit(made, lambda sheet: sheet.delete_rows(5, 12))
    carry_out(request("pm.backlog_sync", workbook=made))
    return made


def _edit(book: Workbook, change: object) -> None:
    file = openpyxl.load_workbook(book.location)
    change(file["Wishes"])
    file.save(book.location)


def state() -> TabState:
    return TabState.objects.get(tab="Wishes")


def test_the_page_names_the_rows_that_are_gone(ada: Client, book: Workbook) -> None:
    page = ada.get(button_url(state(), "look_at_missing_rows"))
    assert page.context["title"] == "Are 12 rows of intake / Wishes meant to be gone?"
    details = page.context["details"]
    assert "INIT-000004" in details
    assert "title: Idea 4" in details
    assert "INIT-000003" not in details


def test_a_person_who_confirms_lets_the_sync_go_on(ada: Client, book: Workbook) -> None:
    assert "nothing was changed" in state().message
    ada.post(button_url(state(), "look_at_missing_rows"), {"confirm": "yes"})
    assert (state().message, state().row_count) == ("", 3)


def test_a_person_who_dismisses_it_changes_nothing(ada: Client, book: Workbook) -> None:
    ada.post(button_url(state(), "look_at_missing_rows"), {"confirm": "yes", "dismiss": "yes"})
    assert (state().message, state().row_count) == ("", 15)
    carry_out(request("pm.backlog_sync", workbook=book))
    assert "nothing was changed" in state().message


def test_rows_that_came_back_are_no_question(ada: Client, book: Workbook) -> None:
    TabState.objects.filter(pk=state().pk).update(row_count=4)
    page = ada.get(button_url(state(), "look_at_missing_rows"))
    assert "The brake doesn't hold" in page.context["title"]


def test_a_workbook_that_is_gone_gets_a_page(ada: Client, book: Workbook) -> None:
    Path(book.location).unlink()
    page = ada.get(button_url(state(), "look_at_missing_rows"))
    assert (page.status_code, "can't be looked at now" in page.context["title"]) == (200, True)


def test_it_takes_the_right_to_sync(book: Workbook) -> None:
    bo = client_with("view_tabstate")
    assert bo.post(button_url(state(), "look_at_missing_rows"), {"confirm": "yes"}).status_code == 403
    assert state().row_count == 15
