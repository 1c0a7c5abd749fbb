"""The demo on spreadsheets: the same story, over the Sheets API, with a server on this machine."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command

from backlog.models import Initiative, IntakeSubmission
from config.demo.shelf import TITLES
from optimization.models import OptimizationRun
from sheetsync.models import Workbook
from sheetsync.sheets_server.keeping import alone, load
from tests.sheetsync.loopback import Loopback, running

EXPLAINED = 3  # nearest misses that a run says more of: what is proved of them has tests of its own


@pytest.fixture
def loopback(settings) -> Iterator[Loopback]:
    with running() as server:
        settings.SHEETS_API_URL, settings.GOOGLE_CREDENTIALS = server.server.url, "anonymous"
        settings.SHEETS_REQUESTS_PER_MINUTE = 0
        settings.SOLVER_EXPLAIN_MOST = EXPLAINED
        yield server


def told(folder: Path, **options: bool) -> str:
    """One telling; what it printed."""
    said = io.StringIO()
    call_command("demo", dir=str(folder), stdout=said, **options)
    return said.getvalue()


def counts() -> list[int]:
    return [model.objects.count() for model in (Initiative, IntakeSubmission, Workbook, OptimizationRun)]


@pytest.mark.slow
@pytest.mark.django_db
def test_a_repeated_story_writes_to_no_spreadsheet_but_one_that_was_lost_and_is_made_anew(loopback, tmp_path):
    printed = told(tmp_path, spreadsheets=True)
    assert "Choosing is worth" in printed
    assert f"Larkspoon backlog: {loopback.server.url}/spreadsheets/d/" in printed
    assert sorted(book.title for book in loopback.service.spreadsheets.values()) == sorted(TITLES)

    counted = counts()
    lost = Workbook.objects.get(role="backlog")
    del loopback.service.spreadsheets[lost.location]
    loopback.calls.clear()
    told(tmp_path, spreadsheets=True)
    assert counts() == counted
    made_anew = Workbook.objects.get(role="backlog")
    assert made_anew.pk == lost.pk
    written = [request.path for request, _answer in loopback.calls if request.kind == "write"]
    assert [path for path in written if path != "/v4/spreadsheets" and made_anew.location not in path] == []


@pytest.mark.django_db
def test_without_a_server_of_its_own_it_says_how_to_get_one(tmp_path):
    with pytest.raises(CommandError, match=r"set SHEETS_API_URL, or run `manage.py demo_google`"):
        told(tmp_path, spreadsheets=True)


def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project.BASE_DIR / "manage.py"), *arguments]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "SOLVER_EXPLAIN_MOST": str(EXPLAINED)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
def test_one_command_starts_the_server_tells_the_story_and_says_how_to_look(tmp_path):
    done = manage("demo_google", "--dir", str(tmp_path), "--port", "0")
    assert done.returncode == 0, done.stderr
    assert "Choosing is worth" in done.stdout
    assert f"ENV_FILE={tmp_path / 'settings.env'} make serve" in done.stdout
    assert f"--file {tmp_path / 'spreadsheets.json'}" in done.stdout
    assert sorted(book.title for book in load(tmp_path / "spreadsheets.json").values()) == sorted(TITLES)
    assert f"DATABASE_URL=sqlite:///{tmp_path / 'db.sqlite3'}" in (tmp_path / "settings.env").read_text()


def test_two_servers_never_keep_their_spreadsheets_in_one_file(tmp_path):
    kept = tmp_path / "spreadsheets.json"
    with alone(kept):
        refused = manage("sheets_server", "--port", "0", "--file", str(kept))
    assert refused.returncode == 1
    assert f"another server keeps its spreadsheets in {kept}" in refused.stderr
