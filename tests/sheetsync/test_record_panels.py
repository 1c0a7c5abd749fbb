"""A record's page: where its values came from, its history as a diff, its rows in the sheets, one value taken back."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backlog.models import Initiative
from sheetsync.access.people import AuditEntry
from sheetsync.admin.record_panels import in_words
from sheetsync.models import ActionRun, RecordChange, RowState, TabState, Workbook
from sheetsync.runs.actions import carry_out, request
from tests.admin_pages import (
    admin_client,
    button_url,
    change_url,
    client_with,
    conflict,
    edit,
    fill,
    initiative,
    workbook,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    return admin_client()


def panel(client: Client, record: Any, name: str) -> str:
    """The words of one panel; "" when it isn't shown."""
    html = client.get(change_url(record)).content.decode()
    found = re.search(rf'<section class="desk-panel" id="panel-{name}".*?</section>', html, re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found.group())).split()) if found else ""


def changed_by_sheet(record: Initiative, **fields: Any) -> RecordChange:
    """What a sync took from row 7 of the Backlog."""
    run = ActionRun.objects.create(action="pm.backlog_sync", status="success", requested_by="mina", workbook=workbook())
    Initiative.objects.filter(pk=record.pk).update(**{name: new for name, (_old, new) in fields.items()})
    return RecordChange.objects.create(
        run=run,
        model="backlog.Initiative",
        object_id=record.pk,
        row_key=record.initiative_key,
        fields={name: list(pair) for name, pair in fields.items()},
        workbook=workbook(),
        tab="Backlog",
        row=7,
    )


# ---- where values came from ------------------------------------------------------------------------------------------------------------


def test_a_value_tells_which_workbook_tab_row_person_and_action_set_it(ada: Client) -> None:
    record = initiative()
    changed_by_sheet(record, market=("", "UK"))
    said = panel(ada, record, "where-from")
    for part in ("market UK", "pm.backlog_sync", "mina", "backlog / Backlog, row 7"):
        assert part in said


def test_a_value_is_told_once_with_its_latest_change(ada: Client) -> None:
    record = initiative()
    changed_by_sheet(record, market=("", "UK"), category=("", "Growth"))
    changed_by_sheet(record, market=("UK", "DE"))
    said = panel(ada, record, "where-from")
    assert said.count("market") == 1
    assert "market DE" in said
    assert "category Growth" in said


def test_an_edit_in_the_admin_shows_its_reason(ada: Client) -> None:
    record = initiative()
    edit(ada, record, market="FR", change_reason="agreed with the board")
    said = panel(ada, record, "where-from")
    assert "admin.edit (agreed with the board)" in said
    assert "ada" in said


def test_what_hangs_on_the_record_one_to_one_is_told_as_well(ada: Client) -> None:
    fill(1, 1)
    record = Initiative.objects.get()
    run = ActionRun.objects.create(action="pm.score_selected", status="success")
    RecordChange.objects.create(
        run=run,
        model="productops.InitiativeScoring",
        object_id=record.scoring.pk,
        fields={"rice_reach": [None, 1200.0]},
    )
    assert "rice reach 1,200" in panel(ada, record, "where-from")


# ---- history ---------------------------------------------------------------------------------------------------------------------------


def test_the_history_shows_old_beside_new(ada: Client) -> None:
    record = initiative()
    changed_by_sheet(record, engineering_tokens=(10.0, 12500.0))
    assert "engineering tokens 10 → 12,500 Take back" in panel(ada, record, "history")


def test_only_what_people_type_can_be_taken_back(ada: Client) -> None:
    record = initiative()
    changed_by_sheet(record, overall_score=(1.0, 2.0))
    assert "Take back" not in panel(ada, record, "history")


def test_who_may_not_change_the_record_is_offered_no_way_back() -> None:
    record = initiative()
    changed_by_sheet(record, market=("", "UK"))
    bo = client_with("view_initiative")
    assert "Take back" not in panel(bo, record, "history")
    assert bo.get(reverse("admin:take_back_value", args=(RecordChange.objects.get().pk, "market"))).status_code == 403


def test_taking_back_asks_first_and_is_a_run_with_a_reason(ada: Client) -> None:
    record = initiative()
    change = changed_by_sheet(record, market=("DE", "UK"))
    address = reverse("admin:take_back_value", args=(change.pk, "market"))
    asked = ada.get(address).content.decode()
    assert "Take market back to DE?" in asked
    assert Initiative.objects.get().market == "UK"
    ada.post(address, {"confirm": "yes"})
    assert Initiative.objects.get().market == "DE"
    run = ActionRun.objects.get(action="admin.edit")
    assert run.payload["reason"] == f"taken back to before {change.run.run_id}"


def test_a_value_that_is_no_longer_valid_is_not_taken_back(ada: Client) -> None:
    record = initiative()
    change = changed_by_sheet(record, lifecycle_status=("sleeping", "ready"))
    response = ada.post(
        reverse("admin:take_back_value", args=(change.pk, "lifecycle_status")), {"confirm": "yes"}, follow=True
    )
    assert "lifecycle_status" in response.content.decode()
    assert Initiative.objects.get().lifecycle_status == "ready"


def test_a_value_that_is_there_already_is_said_to_be(ada: Client) -> None:
    record = initiative()
    change = changed_by_sheet(record, market=("DE", "UK"))
    Initiative.objects.update(market="DE")
    response = ada.get(reverse("admin:take_back_value", args=(change.pk, "market")), follow=True)
    assert "market holds DE already." in response.content.decode()


@pytest.mark.parametrize("field", ["nothing", "initiative_key"])
def test_a_field_that_the_change_didnt_touch_is_not_found(ada: Client, field: str) -> None:
    change = changed_by_sheet(initiative(), market=("DE", "UK"))
    assert ada.get(reverse("admin:take_back_value", args=(change.pk, field))).status_code == 404


def test_a_change_of_a_value_is_kept_in_the_audit_log_with_its_reason(ada: Client) -> None:
    record = initiative(market="DE")
    edit(ada, record, market="UK", change_reason="agreed with the board")
    change = RecordChange.objects.get(fields__has_key="market", run__action="admin.edit")
    ada.post(reverse("admin:take_back_value", args=(change.pk, "market")), {"confirm": "yes"})
    entries = AuditEntry.objects.filter(event="override").order_by("pk")
    assert [entry.text for entry in entries] == [
        "INIT-000001: market (agreed with the board)",
        f"INIT-000001: market (taken back to before {change.run.run_id})",
    ]
    assert entries[0].run_id == change.run.run_id


def test_a_restored_conflict_is_kept_in_the_audit_log(ada: Client) -> None:
    gave_way = conflict(initiative(title="Idea 1"))
    ada.post(button_url(gave_way, "restore_this"), {"confirm": "yes"})
    assert AuditEntry.objects.get(event="override").text.endswith("title: the other restored")


def test_numbers_that_moved_are_drawn_over_time(ada: Client) -> None:
    record = initiative()
    for old, new in ((10.0, 12.0), (12.0, 15.0)):
        changed_by_sheet(record, engineering_tokens=(old, new), market=(str(old), str(new)))
    said = panel(ada, record, "moved-numbers")
    assert "Engineering tokens From 10 to 15, 3 values; the last one since" in said
    assert "market" not in said


def test_a_number_that_was_set_once_has_no_picture(ada: Client) -> None:
    record = initiative()
    changed_by_sheet(record, engineering_tokens=(None, 12.0))
    assert panel(ada, record, "moved-numbers") == ""


# ---- in the sheets, conflicts ----------------------------------------------------------------------------------------------------------


def test_each_row_of_the_record_is_listed_with_what_it_was_told(ada: Client) -> None:
    record = initiative()
    TabState.objects.create(workbook=workbook(), tab="Backlog")
    RowState.objects.create(workbook=workbook(), tab="Backlog", row_key="init-000001", verdict="WARNING: no tokens")
    RowState.objects.create(workbook=workbook(), tab="Gone", row_key="init-000001", is_present=False)
    said = panel(ada, record, "in-sheets")
    assert "backlog Backlog WARNING: no tokens Go to the row" in said
    assert "Gone" not in said


def test_the_way_to_a_row_finds_where_it_stands_now(ada: Client, tmp_path: Path) -> None:
    from django.core.management import call_command

    path = tmp_path / "Backlog.xlsx"
    call_command("init_workbook", "backlog", str(path), verbosity=0)
    book = Workbook.objects.create(role="backlog", location=str(path), title="Backlog")
    record = initiative()
    carry_out(request("pm.backlog_sync", workbook=book))
    said = ada.get(reverse("admin:sheet_row", args=(book.pk, "Backlog", "init-000001"))).content.decode()
    assert re.search(r"It stands in row \d+\.", said)
    assert str(path) in said
    missing = ada.get(reverse("admin:sheet_row", args=(book.pk, "Backlog", "init-000009")))
    assert missing.status_code == 404
    path.unlink()
    assert ada.get(reverse("admin:sheet_row", args=(book.pk, "Backlog", "init-000001"))).status_code == 503
    assert record


def test_conflicts_of_the_record_stand_on_its_page(ada: Client) -> None:
    record = initiative()
    conflict(record)
    assert "title first Idea 1 the other open" in panel(ada, record, "conflicts")


def test_a_record_without_a_story_has_no_empty_panels(ada: Client) -> None:
    record = initiative()
    for name in ("where-from", "history", "conflicts", "in-sheets", "metric-chain"):
        assert panel(ada, record, name) == ""


def test_the_chain_is_drawn(ada: Client) -> None:
    chain = {"nodes": ["speed", "orders", "gmv"], "edges": [["speed", "orders"], ["orders", "gmv"]]}
    record = initiative(metric_chain_json=chain, kpi_contribution_json={"gmv": 1500.0})
    said = panel(ada, record, "metric-chain")
    assert "From speed to gmv." in said
    assert "adopted: 1,500" in said


def test_a_page_asks_the_database_as_often_for_a_long_history_as_for_a_short_one(ada: Client) -> None:
    record = initiative()
    changed_by_sheet(record, market=("", "UK"))
    ada.get(change_url(record))
    with CaptureQueriesContext(connection) as few:
        ada.get(change_url(record))
    for number in range(30):
        changed_by_sheet(record, market=(str(number), "UK"))
    with CaptureQueriesContext(connection) as many:
        ada.get(change_url(record))
    assert len(many) == len(few)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (29399.999999, "29,400"),
        (True, "yes"),
        ({"gmv": 1200.0, "nps": 2.5}, "gmv: 1,200; nps: 2.5"),
        (["INIT-000001", "INIT-000002"], "INIT-000001, INIT-000002"),
        (None, "nothing"),
        ("two\nlines", "two lines"),
    ],
)
def test_values_are_told_as_people_write_them(value: Any, words: str) -> None:
    assert in_words(value) == words
