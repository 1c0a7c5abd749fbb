"""What analysts, approvers and operators do in the admin, from the first click to what stands in the sheet."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, expect

from productops.models import InitiativeMathModel
from sheetsync.models import ActionRun, Conflict, WorkerBeat
from sheetsync.runs.tasks import work_on
from tests.admin_pages import change_url, math_model, north_star
from tests.browser.desk import Sheets, stored
from tests.sheetsync.installation import MANAGE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sheets(live_server: Any, tmp_path: Path) -> Sheets:
    return Sheets(tmp_path).make()


def latest(action: str) -> ActionRun:
    return ActionRun.objects.filter(action=action).latest("pk")


@pytest.mark.parametrize(
    ("role", "seen", "unseen"),
    [
        ("viewer", ["Backlog", "Runs"], ["Timetable", "People"]),
        ("analyst", ["Backlog", "Conflicts"], ["Timetable", "People"]),
        ("approver", ["Approvals", "Backlog"], ["Timetable", "People"]),
        ("operator", ["Workbooks", "Timetable", "People"], []),
    ],
)
def test_each_role_finds_its_pages(page: Page, signed_in: Any, role: str, seen: list[str], unseen: list[str]) -> None:
    signed_in(role)
    page.goto("/admin/")
    links = page.locator("#nav-sidebar, nav").first.get_by_role("link")
    names = " ".join(links.all_inner_texts())
    assert [name for name in seen if name not in names] == []
    assert [name for name in unseen if name in names] == []


def test_an_override_reaches_the_sheet_with_the_next_sync(page: Page, signed_in: Any, sheets: Sheets) -> None:
    signed_in("analyst", "ada")
    page.goto(change_url(stored(1)))
    page.get_by_label("Title", exact=False).first.fill("Search by mood and occasion")
    page.get_by_label("Reason for the change").fill("as agreed with the team")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(re.compile(r"/admin/backlog/initiative/"))
    assert stored(1).title == "Search by mood and occasion"
    assert sheets.cell(1, "title") == "Search by mood"
    sheets.sync()
    assert sheets.cell(1, "title") == "Search by mood and occasion"
    assert stored(1).history.latest().history_change_reason == "as agreed with the team"


def test_a_model_is_approved(page: Page, signed_in: Any, sheets: Sheets) -> None:
    north_star()
    model = math_model(stored(1))
    signed_in("approver", "bo")
    page.goto("/admin/approvals/")
    page.get_by_role("button", name="Approve").first.click()
    expect(page.get_by_role("main").or_(page.locator("body")).first).to_contain_text("approved")
    assert InitiativeMathModel.objects.get(pk=model.pk).approved_by_user


def test_a_conflict_is_settled_for_the_other_side(page: Page, signed_in: Any, sheets: Sheets, screenshot: Any) -> None:
    signed_in("analyst", "ada")
    page.goto(change_url(stored(2)))
    page.get_by_label("Market", exact=True).fill("EMEA")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(re.compile(r"/initiative/$"))
    sheets.type(2, market="APAC")
    sheets.sync()
    assert (stored(2).market, sheets.cell(2, "market")) == ("APAC", "APAC")
    page.goto(change_url(Conflict.objects.get()))
    for words in ("APAC", "EMEA", "pm.backlog_sync"):
        expect(page.get_by_text(words).first).to_be_visible()
    screenshot("conflict")
    page.get_by_role("link", name="Restore the other value").click()
    page.get_by_role("button", name="Restore it").click()
    expect(page.get_by_text("EMEA is restored").first).to_be_visible()
    sheets.sync()
    assert (stored(2).market, sheets.cell(2, "market")) == ("EMEA", "EMEA")


def test_a_run_is_undone_after_a_look_at_what_goes_back(
    page: Page, signed_in: Any, sheets: Sheets, screenshot: Any
) -> None:
    signed_in("analyst", "ada")
    sheets.type(3, market="DACH", category="Growth")
    run = sheets.sync()
    sheets.type(3, category="Retention")
    sheets.sync()
    page.goto(change_url(run))
    page.get_by_role("link", name="Undo this run").click()
    expect(page.get_by_text("category was edited since and keeps its value")).to_be_visible()
    screenshot("undo")
    page.get_by_role("button", name="Undo this run").click()
    expect(page.get_by_text("pm.undo_run").first).to_be_visible()
    assert (stored(3).market, stored(3).category) == ("", "Retention")
    assert (sheets.cell(3, "market"), sheets.cell(3, "category")) == (None, "Retention")
    page.goto(change_url(run))
    page.get_by_role("link", name="Undo this run").click()
    expect(page.get_by_text("What it did was taken back already.")).to_be_visible()


def test_an_action_is_shown_first_then_started_and_followed(
    page: Page, signed_in: Any, sheets: Sheets, screenshot: Any
) -> None:
    signed_in("analyst", "ada")
    sheets.type(4, market="Iberia")
    page.goto("/admin/sheetsync/actionrun/")
    page.get_by_role("link", name="Start an action").click()
    screenshot("start-an-action")
    page.get_by_role("link", name="Sync intake and backlog").click()
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("cell", name="Iberia").first).to_be_visible()
    screenshot("dry-run")
    assert stored(4).market == ""
    WorkerBeat.objects.create(name="host/1", seen_at=timezone.now())
    page.get_by_role("button", name="Start it").click()
    expect(page.locator("[data-run-state]")).to_contain_text("a worker takes it up in a moment")
    work_on(latest("pm.backlog_sync").run_id)
    expect(page.get_by_text("Ended: success.")).to_be_visible()
    assert stored(4).market == "Iberia"


@pytest.mark.slow
def test_a_run_is_followed_to_its_end_while_real_workers_carry_it_out(
    page: Page, signed_in: Any, sheets: Sheets, tmp_path: Path
) -> None:
    signed_in("analyst", "ada")
    sheets.type(1, market="Iberia")
    WorkerBeat.objects.create(name="host/1", seen_at=timezone.now())
    page.goto("/admin/sheetsync/actionrun/start/pm.backlog_sync/")
    page.get_by_role("button", name="Start it").click()
    expect(page.locator("[data-run-state]")).to_contain_text("a worker takes it up in a moment")
    opened = page.url
    with workers(tmp_path / "workers.log"):
        # Nobody touches the page: it asks by itself, and shows the end.
        expect(page.get_by_text("Ended: success.")).to_be_visible(timeout=60_000)
    assert page.url == opened
    expect(page.get_by_role("link", name="Undo this run")).to_be_visible()
    assert stored(1).market == "Iberia"
    assert latest("pm.backlog_sync").worker != "host/1"


@contextmanager
def workers(log: Path) -> Iterator[None]:
    """A real group of workers, in processes of its own, on the database of this test."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": _address()}
    with log.open("wb") as output:
        cluster = subprocess.Popen(
            [*MANAGE, "qcluster"], env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield
    finally:
        cluster.terminate()
        try:
            cluster.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(cluster.pid, signal.SIGKILL)
            cluster.wait()


def _address() -> str:
    """Of this test's database, for other processes."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def test_a_run_that_waits_is_cancelled(page: Page, signed_in: Any, sheets: Sheets) -> None:
    signed_in("operator")
    WorkerBeat.objects.create(name="host/1", seen_at=timezone.now())
    page.goto("/admin/sheetsync/actionrun/start/pm.backlog_sync/")
    page.get_by_role("button", name="Start it").click()
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Cancel this run").click()
    expect(page.get_by_text("The run is cancelled; it hadn't begun.").first).to_be_visible()
    assert latest("pm.backlog_sync").cancelled_by == "operator"


def test_a_file_with_mistakes_is_imported_as_far_as_it_goes(
    page: Page, signed_in: Any, sheets: Sheets, screenshot: Any
) -> None:
    signed_in("analyst", "ada")
    rows = b"Key,Title,Tokens,Deadline,Moon\nINIT-000001,Search by mood,40,2026-09-30,full\nINIT-000002,Tonight near me,many,03/04/2026,\n"
    page.goto("/admin/backlog/initiative/")
    page.get_by_role("link", name="Import").click()
    page.locator("input[type=file]").set_input_files({"name": "estimates.csv", "mimeType": "text/csv", "buffer": rows})
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_text('"many" is not a number')).to_be_visible()
    screenshot("import")
    page.get_by_role("button", name="Import it").click()
    expect(page.get_by_text("estimates.csv is imported").first).to_be_visible()
    assert (stored(1).engineering_tokens, stored(2).engineering_tokens) == (40.0, None)
    sheets.sync()
    assert sheets.cell(1, "engineering_tokens") == 40


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_pages_of_runs_workbooks_and_imports_are_accessible(
    page: Page, signed_in: Any, sheets: Sheets, accessible: Any
) -> None:
    signed_in("superuser")
    run = sheets.sync()
    for address in (
        "/admin/",
        "/admin/sheetsync/actionrun/",
        change_url(run),
        f"/admin/sheetsync/actionrun/{run.pk}/undo_this_run/",
        "/admin/sheetsync/actionrun/start/",
        "/admin/sheetsync/actionrun/start/pm.optimize_run_all_candidates/",
        "/admin/backlog/initiative/",
        change_url(stored(1)),
        "/admin/backlog/initiative/import/",
        "/admin/backlog/initiative/export/",
        change_url(sheets.backlog),
        "/admin/django_q/schedule/",
        "/admin/django_q/schedule/add/",
    ):
        page.goto(address)
        accessible()
