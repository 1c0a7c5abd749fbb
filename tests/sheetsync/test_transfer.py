"""Import and export in the admin: judged as in the sheets, shown before it happens, saved as a run, safe against formulas."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import python_calamine
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import Client
from django.urls import reverse

from backlog.models import Initiative
from optimization.models import OptimizationConstraintSet, PortfolioItem
from productops.models import InitiativeParam, MetricConfig
from sheetsync.access.people import AuditEntry, PersonScope
from sheetsync.admin import uploads
from sheetsync.models import ActionRun, RecordChange
from tests.admin_pages import admin_client, button_url, client_with, edit, fill, initiative, list_url, north_star, param

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    return admin_client()


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Uploads are kept here, and none is left at the end that was imported."""
    monkeypatch.setattr(uploads.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def url(model: type[models.Model], verb: str) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{verb}")


def hand_in(client: Client, model: type[models.Model], data: str | bytes, name: str = "rows.csv", **more: Any) -> Any:
    file = SimpleUploadedFile(name, data.encode() if isinstance(data, str) else data)
    return client.post(url(model, "import"), {"file": file, "reason": "", **more})


def confirm(client: Client, model: type[models.Model], preview: Any, **changes: str) -> Any:
    hidden = {name: str(value) for name, value in preview.context["confirm"].initial.items()}
    return client.post(url(model, "import"), {**hidden, "confirm": "yes", **changes}, follow=True)


def exported(client: Client, model: type[models.Model], kind: int, query: str = "") -> bytes:
    response = client.post(url(model, "export") + query, {"format": str(kind), "resource": "0"})
    assert response.status_code == 200, response.context["form"].errors
    return b"".join(response.streaming_content)


# ---- import ----------------------------------------------------------------------------------------------------------


def test_nothing_is_saved_before_it_was_shown(ada: Client) -> None:
    record = initiative(title="Old")
    page = hand_in(ada, Initiative, "initiative_key,title\nINIT-000001,New\n")
    assert "rows that change a record: 1, make one: 0" in page.context["summary"]
    for words in ("Old", "New", "INIT-000001"):
        assert words in page.context["changes"]
    record.refresh_from_db()
    assert record.title == "Old"
    assert not ActionRun.objects.exists()


def test_what_was_shown_is_saved_as_one_run_that_can_be_undone(ada: Client, own_folder: Path) -> None:
    one, two = initiative(1, title="Old"), initiative(2, title="Same")
    page = hand_in(
        ada, Initiative, "initiative_key,title,market\nINIT-000001,New,EMEA\nINIT-000002,Same,\n", reason="spring clean"
    )
    confirm(ada, Initiative, page)
    run = ActionRun.objects.get()
    assert (run.action, run.status, run.requested_by, run.payload) == (
        "admin.import",
        "success",
        "ada",
        {"file": "rows.csv", "reason": "spring clean"},
    )
    assert run.counts == {"rows_read": 2, "rows_changed": 1, "cells_written": 0}
    change = RecordChange.objects.get()
    assert (change.object_id, change.row_key, change.fields) == (
        one.pk,
        "INIT-000001",
        {"title": ["Old", "New"], "market": ["", "EMEA"]},
    )
    latest = one.history.latest()
    assert (latest.title, latest.history_user.username, latest.history_change_reason) == ("New", "ada", "spring clean")
    assert AuditEntry.objects.get(event="import").run_id == run.run_id
    assert list(own_folder.iterdir()) == []
    ada.post(button_url(run, "undo_this_run"), {"confirm": "yes"})
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.title, one.market, two.title) == ("Old", "", "Same")


def test_a_refused_cell_is_told_as_in_the_sheet_and_the_rest_goes_through(ada: Client) -> None:
    record = initiative(title="Old")
    rows = (
        "Key,Title,Tokens,Deadline,Moon phase\n"
        "INIT-000001,New,many,03/04/2026,full\n"
        "INIT-000009,Ghost,1,,\n"
        ",Nobody's,1,,\n"
    )
    page = hand_in(ada, Initiative, rows)
    for words in (
        "engineering_tokens: &quot;many&quot; is not a number",
        "03/04/2026",
        "&quot;INIT-000009&quot; doesn&#x27;t exist; the nearest existing key is INIT-000001; new initiatives are handed in",
        "initiative_key is empty; new initiatives are handed in through an intake sheet",
    ):
        assert words in page.context["refused"]
    assert 'Column E, "Moon phase", means nothing here and isn\'t taken' in page.context["ignored"]
    confirm(ada, Initiative, page)
    run = ActionRun.objects.get()
    record.refresh_from_db()
    assert (record.title, record.engineering_tokens, run.status) == ("New", 10.0, "partial")
    assert [(message["row"], message["status"]) for message in run.messages] == [
        (2, "FAILED"),
        (3, "FAILED"),
        (4, "FAILED"),
    ]


def test_rows_with_one_key_are_both_left_alone(ada: Client) -> None:
    initiative(title="Old")
    page = hand_in(ada, Initiative, "key,title\nINIT-000001,A\ninit-000001,B\n")
    assert "has the same initiative_key; none of them is taken" in page.context["refused"]
    assert page.context["confirm"] is None


def test_what_changed_since_it_was_shown_is_shown_again(ada: Client) -> None:
    record = initiative(title="Old")
    page = hand_in(ada, Initiative, "key,title\nINIT-000001,Mine\n")
    edit(ada, record, title="Theirs")
    again = confirm(ada, Initiative, page)
    record.refresh_from_db()
    assert record.title == "Theirs"
    assert "has changed since you looked" in again.context["notice"]
    assert "Theirs" in again.context["changes"]
    assert [run.action for run in ActionRun.objects.all()] == ["admin.edit"]
    confirm(ada, Initiative, again)
    record.refresh_from_db()
    assert record.title == "Mine"


def test_params_and_metrics_are_made_and_changed(ada: Client) -> None:
    north_star()
    param(initiative(), value=0.05, approved=True)
    page = hand_in(
        ada,
        InitiativeParam,
        "initiative_key,framework,param_name,value,approved\n"
        "INIT-000001,MATH_MODEL,uplift,0.07,TRUE\nINIT-000001,MATH_MODEL,visits,1200,TRUE\n",
    )
    assert any("Not entered here, so not taken: approved" in sentence for sentence in page.context["ignored"])
    confirm(ada, InitiativeParam, page)
    stored = InitiativeParam.objects.order_by("param_name").values_list("param_name", "value", "approved")
    # A number that was approved isn't any more once it changes, and no file brings an approval.
    assert list(stored) == [("uplift", 0.07, False), ("visits", 1200.0, False)]
    page = hand_in(ada, MetricConfig, json.dumps([{"kpi_key": "nps", "kpi_level": "strategic"}]), "metrics.json")
    confirm(ada, MetricConfig, page)
    assert MetricConfig.objects.get(kpi_key="nps").kpi_level == "strategic"


def test_a_formula_in_a_file_is_a_text_like_any_other(ada: Client) -> None:
    record = initiative(title="Old")
    confirm(ada, Initiative, hand_in(ada, Initiative, "key,title,tokens\nINIT-000001,=1+1,=2\n"))
    record.refresh_from_db()
    assert (record.title, record.engineering_tokens) == ("=1+1", 10.0)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", "title\nÿ".encode("latin-1"), "isn't in UTF-8"),
        ("a.csv", b"Colour\nred", "no header row"),
        ("a.pdf", b"%PDF", "is no file that can be imported"),
        ("a.xlsx", b"PK", "can't be read as .xlsx"),
        ("a.csv", b"", "empty"),
    ],
)
def test_a_file_that_cant_be_read_gets_a_page_that_says_why(ada: Client, name: str, data: bytes, said: str) -> None:
    page = hand_in(ada, Initiative, data, name)
    assert page.status_code == 200
    assert said in page.context["form"].errors["file"][0]


def test_a_file_that_is_too_large_is_refused_unread(ada: Client, own_folder: Path, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 1024
    page = hand_in(ada, Initiative, b"key,title\n" * 1000)
    assert "at most 0 MB are read" in page.context["form"].errors["file"][0]
    assert list(own_folder.iterdir()) == []


def test_a_file_that_is_gone_or_was_somebody_elses_is_asked_for_again(ada: Client, own_folder: Path) -> None:
    initiative(title="Old")
    page = hand_in(ada, Initiative, "key,title\nINIT-000001,New\n")
    User.objects.create_superuser("eve", password="-")
    eve = Client()
    eve.force_login(User.objects.get(username="eve"))
    assert "hand it in again" in confirm(eve, Initiative, page).content.decode()
    assert "hand it in again" in confirm(ada, Initiative, page, upload="forged").content.decode()
    for kept in own_folder.iterdir():
        kept.unlink()
    assert "hand it in again" in confirm(ada, Initiative, page).content.decode()
    assert Initiative.objects.get().title == "Old"


def test_who_may_only_look_imports_nothing() -> None:
    bo = client_with("view_initiative")
    assert bo.get(url(Initiative, "import")).status_code == 403
    assert "Import" not in bo.get(list_url(Initiative)).content.decode()


def test_a_person_of_one_department_imports_into_it_alone() -> None:
    mine, other = initiative(1, title="Mine"), initiative(2, title="Other")
    Initiative.objects.filter(pk=other.pk).update(department="Finance")
    bo = client_with("view_initiative", "change_initiative", "view_initiativeparam", "change_initiativeparam")
    PersonScope.objects.create(user=User.objects.get(username="bo"), departments=["Sales"])
    page = hand_in(bo, Initiative, "key,title\nINIT-000001,New\nINIT-000002,New\n")
    assert "&quot;INIT-000002&quot; doesn&#x27;t exist" in page.context["refused"]
    confirm(bo, Initiative, page)
    assert list(Initiative.objects.order_by("pk").values_list("title", flat=True)) == ["New", "Other"]
    rows = "initiative_key,framework,param_name,value\nINIT-000002,MATH_MODEL,visits,1\n"
    page = hand_in(bo, InitiativeParam, rows)
    assert "doesn&#x27;t exist" in page.context["refused"]
    assert page.context["confirm"] is None
    assert mine.department == "Sales"


# ---- export ----------------------------------------------------------------------------------------------------------


def test_an_export_shows_the_filtered_list_and_is_noted(ada: Client) -> None:
    initiative(1, title="Search", market="EMEA")
    initiative(2, title="Other", market="APAC")
    rows = list(csv.DictReader(io.StringIO(exported(ada, Initiative, 0, "?market=EMEA").decode("utf-8-sig"))))
    assert [(row["initiative_key"], row["title"], row["engineering_tokens"]) for row in rows] == [
        ("INIT-000001", "Search", "10")
    ]
    entry = AuditEntry.objects.get(event="export")
    assert (entry.username, "filtered: market=EMEA" in entry.text) == ("ada", True)


@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@x", "\tx", "'=1"])
def test_no_cell_of_an_export_is_a_formula_and_the_text_comes_back(ada: Client, title: str) -> None:
    record = initiative(title=title.strip() or title)
    Initiative.objects.update(title=title)
    data = exported(ada, Initiative, 0)
    (row,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert row["title"] == f"'{title}"
    assert "rows that change a record: 0" in hand_in(ada, Initiative, data).context["summary"] or title == "\tx"
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(exported(ada, Initiative, 1)))
    header, cells = book.get_sheet_by_index(0).to_python()
    assert cells[header.index("title")] == title
    assert record.pk


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_what_is_exported_imports_as_what_is_stored(ada: Client, kind: int) -> None:
    fill(1, 2)
    param(None, param_name="visits")
    Initiative.objects.update(
        dependencies_initiatives=["INIT-000001"], deadline_date="2026-03-31", is_optimization_candidate=True
    )
    for model in (Initiative, InitiativeParam, MetricConfig):
        name = f"a.{('csv', 'xlsx', 'json')[kind]}"
        page = hand_in(ada, model, exported(ada, model, kind), name)
        assert "form" not in page.context, page.context["form"].errors
        assert page.context["summary"].startswith("rows that change a record: 0, make one: 0"), page.context["changes"]
        assert "FAILED" not in page.context["refused"], page.context["refused"][-1500:]


@pytest.mark.parametrize("model", [OptimizationConstraintSet, PortfolioItem])
def test_constraint_sets_and_results_are_exported(ada: Client, model: type[models.Model]) -> None:
    fill(1, 2)
    records = json.loads(exported(ada, model, 2))
    assert len(records) == 2
    if model is OptimizationConstraintSet:
        assert records[0]["mandatory_initiatives_json"] == ["INIT-000001"]
    assert csv.reader(io.StringIO(exported(ada, model, 0).decode("utf-8-sig")))


def test_an_export_of_nothing_is_a_file_all_the_same(ada: Client) -> None:
    assert json.loads(exported(ada, Initiative, 2)) == []
    assert exported(ada, Initiative, 0).decode("utf-8-sig").startswith("initiative_key,title")


def test_an_export_shows_nothing_beyond_the_persons_departments() -> None:
    initiative(1)
    Initiative.objects.filter(pk=initiative(2).pk).update(department="Finance")
    bo = client_with("view_initiative")
    PersonScope.objects.create(user=User.objects.get(username="bo"), departments=["Sales"])
    assert [each["initiative_key"] for each in json.loads(exported(bo, Initiative, 2))] == ["INIT-000001"]


def test_who_may_not_see_a_list_exports_nothing_of_it() -> None:
    bo = client_with("view_initiative")
    assert bo.post(url(MetricConfig, "export"), {"format": "0", "resource": "0"}).status_code == 403
    assert bo.get(url(MetricConfig, "export")).status_code == 403
