"""The timetable in the admin: plain words, nothing stored that would stop it, and the settings' own rows left to the settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_q.models import Schedule

from sheetsync.models import ActionRun
from sheetsync.runs.housekeeping import ask_for
from sheetsync.runs.schedules import PREFIX, problem_of, set_up
from tests.admin_pages import admin_client, change_url, client_with, list_url, workbook

pytestmark = pytest.mark.django_db
ADD = "admin:django_q_schedule_add"


@pytest.fixture
def ada() -> Client:
    return admin_client()


def add(client: Client, **fields: Any) -> Any:
    given = {
        "name": "Score on Mondays",
        "action": "pm.score_selected",
        "workbook": "",
        "schedule_type": "W",
        "minutes": "",
        "next_run_0": "2026-04-06",
        "next_run_1": "06:00",
        "is_on": "on",
        **fields,
    }
    return client.post(reverse(ADD), given)


def mine() -> Schedule:
    return Schedule.objects.exclude(name__startswith=PREFIX).get()


def test_an_action_is_put_into_the_timetable_in_plain_words(ada: Client) -> None:
    book = workbook("productops")
    assert add(ada, workbook=str(book.pk)).status_code == 302
    row = mine()
    assert (row.func, row.schedule_type, row.repeats) == ("sheetsync.runs.housekeeping.ask_for", "W", -1)
    assert problem_of(row) == ""
    page = ada.get(list_url(Schedule)).content.decode()
    for words in ("Score on Mondays", f"Score, on workbook {book.pk}", "every week"):
        assert words in page


def test_what_it_asks_for_is_asked_of_the_workers() -> None:
    book = workbook("productops")
    ask_for("pm.score_selected", book.pk)
    run = ActionRun.objects.get()
    assert (run.action, run.workbook, run.status, run.came_from) == ("pm.score_selected", book, "queued", "schedule")
    assert ask_for("pm.score_selected", 999) == "workbook 999 isn't active any more; nothing was asked for"
    assert "there is no action" in ask_for("pm.nothing")
    assert ActionRun.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"action": "pm.nothing"}, "action"),
        ({"schedule_type": "C"}, "schedule_type"),
        ({"schedule_type": "I"}, "minutes"),
        ({"schedule_type": "I", "minutes": "0"}, "minutes"),
        ({"schedule_type": "I", "minutes": "99999"}, "minutes"),
        ({"next_run_0": "soon"}, "next_run"),
        ({"name": f"{PREFIX}sync"}, "name"),
    ],
)
def test_what_would_stop_the_timetable_isnt_stored(ada: Client, fields: dict[str, str], field: str) -> None:
    assert list(add(ada, **fields).context["adminform"].form.errors) == [field]
    assert not Schedule.objects.exclude(name__startswith=PREFIX).exists()


def test_a_workbook_that_the_action_doesnt_work_on_is_refused(ada: Client) -> None:
    response = add(ada, workbook=str(workbook("intake").pk))
    assert "works on productops workbooks" in response.context["adminform"].form.errors["workbook"][0]


def test_it_is_put_out_of_use_and_changed(ada: Client) -> None:
    add(ada)
    row = mine()
    form = ada.get(change_url(row)).context["adminform"].form
    assert (form.initial["action"], form.initial["is_on"]) == ("pm.score_selected", True)
    given = {"name": "Each hour", "action": "pm.score_selected", "schedule_type": "H", "next_run_0": "2026-04-06"}
    ada.post(change_url(row), {**given, "next_run_1": "06:00"})
    row.refresh_from_db()
    assert (row.name, row.schedule_type, row.repeats) == ("Each hour", "H", 0)


def test_rows_of_the_settings_are_shown_and_left_alone(ada: Client) -> None:
    set_up()
    row = Schedule.objects.get(name=f"{PREFIX}housekeeping")
    page = ada.get(change_url(row)).content.decode()
    for words in ("housekeeping", "Takes up what broke off", "every minute", "It follows the settings"):
        assert words in page
    assert ada.post(change_url(row), {"name": "mine"}).status_code == 403
    assert ada.post(reverse("admin:django_q_schedule_delete", args=(row.pk,)), {"post": "yes"}).status_code == 403


def test_who_may_only_look_puts_nothing_in() -> None:
    bo = client_with("view_schedule")
    assert bo.get(list_url(Schedule)).status_code == 200
    assert add(bo).status_code == 403
