"""What people read on the pages: numbers, moments, headings, what an empty list says, what a refusal says."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.safestring import mark_safe

from productops.models import InitiativeParam
from sheetsync.admin.plans import short, spaced
from sheetsync.admin.record_panels import in_words
from sheetsync.admin.tables import shown_number
from sheetsync.templatetags.desk import as_heading, blank
from tests.admin_pages import admin_client, change_url, client_with, fill


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((1_150_000.0, "1,150,000"), (1_956_065.8, "1,956,066"), (123_456.7, "123,457"), (12.0, "12")),
        *((0.000285714, "0.000285714"), (5.666666, "5.66667"), (-2_000_000, "-2,000,000"), (None, "-"), ("all", "all")),
    ],
)
def test_numbers_are_written_out(value: float | str | None, shown: str) -> None:
    assert shown_number(value) == shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2026-11-27T11:53:18+00:00", "27 Nov 2026 11:53"),
        ("2026-11-27", "2026-11-27"),
        ([["visits", "orders"], ["orders", "gmv"]], "visits → orders, orders → gmv"),
        (["INIT-000001", "INIT-000002"], "INIT-000001, INIT-000002"),
    ],
)
def test_stored_values_are_put_in_words(value: object, words: str) -> None:
    assert in_words(value) == words


def test_plans_write_numbers_and_records_as_people_do() -> None:
    assert [short(value) for value in (7901.754545454546, 3.0, None, "a  b")] == ["7,901.75", "3", "nothing", "a b"]
    assert spaced("InitiativeScoring") == "initiative scoring"


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        *(("math models", "Math models"), ("net_revenue", "net_revenue"), ("pm.undo_run 2026", "pm.undo_run 2026")),
        (mark_safe("this isn&#x27;t"), "This isn&#x27;t"),
    ],
)
def test_headings_keep_the_names_of_the_sheets(text: str, heading: str) -> None:
    assert as_heading(text) == heading
    assert blank("", "nothing") == "nothing"
    assert blank("UK", "nothing") == "UK"


@pytest.mark.django_db
def test_a_number_stands_in_lists_and_forms_as_people_write_it() -> None:
    fill(1, 1)
    param = InitiativeParam.objects.get()
    InitiativeParam.objects.update(value=1_150_000.0, min=1e6, max=1.3e6)
    listed = admin_client().get(reverse("admin:productops_initiativeparam_changelist")).content.decode()
    assert "1,000,000 to 1,300,000" in listed
    assert 'value="1150000"' in admin_client().get(change_url(param)).content.decode()
    assert "1,150,000" in client_with("view_initiativeparam").get(change_url(param)).content.decode()


@pytest.mark.django_db
def test_an_empty_list_says_what_fills_it() -> None:
    page = admin_client().get(reverse("admin:backlog_initiative_changelist"))
    assert "connect an intake workbook" in page.content.decode()
    fill(1, 1)
    page = admin_client().get(reverse("admin:backlog_initiative_changelist"), {"q": "no such words"})
    assert "Show all" in page.content.decode()


@pytest.mark.django_db
def test_a_page_that_is_not_theirs_or_not_there_says_so_in_the_frame() -> None:
    refused = client_with("view_initiative").get(reverse("admin:auth_user_changelist"))
    assert refused.status_code == 403
    assert "Your roles: none." in refused.content.decode()
    gone = admin_client().get("/admin/no/such/page/")
    assert gone.status_code == 404
    assert "There is no such page" in gone.content.decode()
    assert "dashboard" not in Client().get("/no/such/page/").content.decode()
