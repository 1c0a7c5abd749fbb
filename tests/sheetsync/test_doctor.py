"""The doctor names what is wrong and what to do; health addresses tell a supervisor; neither tells a secret."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from sheetsync.models import KeyCounter, Workbook
from sheetsync.operating.doctor import CHECKUPS, Finding, Verdict, checkup, examine, ok
from sheetsync.registry import registry
from sheetsync.runs.housekeeping import keep_house
from sheetsync.tabs import Role

KEY = "a signing key that is long enough for anybody"


def found(about: str) -> list[Finding]:
    """What one checkup finds."""
    return list(CHECKUPS[about].look())


def verdicts(about: str) -> list[str]:
    return [finding.verdict for finding in found(about)]


def texts(about: str) -> str:
    return "\n".join(finding.line() for finding in found(about) if finding.verdict != Verdict.OK)


@pytest.fixture
def well(db: None, settings: Any) -> None:
    """An installation with nothing to find, but for workbooks."""
    settings.SECRET_KEY = KEY
    keep_house()
    Schedule.objects.update(next_run=timezone.now())


def doctor(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """(exit status, what it printed)."""
    capsys.readouterr()
    try:
        call_command("doctor", *words)
    except SystemExit as left:
        return int(left.code or 0), capsys.readouterr().out
    return 0, capsys.readouterr().out


def test_an_installation_that_is_well_is_told_so_line_by_line(well, tmp_path, capsys):
    connect_backlog(tmp_path)
    status, printed = doctor(capsys)
    assert status == 0
    assert printed.splitlines()[-1] == "All is well."
    assert [line.split()[0] for line in printed.splitlines()[:-1]] == ["ok"] * (len(printed.splitlines()) - 1)
    assert not KeyCounter.objects.exists(), "trying to write left nothing"


def test_what_is_broken_ends_with_status_1_and_says_what_to_do(well, settings, capsys):
    settings.SECRET_KEY = "only-for-a-first-try"
    status, printed = doctor(capsys)
    assert status == 1
    assert "SECRET_KEY is the one that everybody knows. Put a long random SECRET_KEY into .env" in printed


def test_as_json_it_is_one_object(well, capsys):
    status, printed = doctor(capsys, "--json")
    findings = json.loads(printed)["findings"]
    assert status == 0
    assert {"about": "solver", "verdict": "ok", "text": "HiGHS solves", "remedy": ""} in findings


def test_a_checkup_that_breaks_off_is_a_finding_and_the_others_go_on(well):
    @checkup("trouble")
    def trouble() -> list[Finding]:
        raise RuntimeError("oh")

    try:
        findings = list(examine())
    finally:
        del CHECKUPS["trouble"]
    assert [finding.text for finding in findings if finding.about == "trouble"] == [
        "couldn't be looked at (RuntimeError: oh)"
    ]
    assert len(findings) > len(CHECKUPS) - 1


def test_a_checkup_is_registered_once():
    with pytest.raises(ValueError, match="the checkup of database is registered twice"):
        checkup("database")(lambda: [ok("database", "")])


# ---- one thing at a time ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_workers_that_were_never_seen_or_fell_silent_are_broken():
    assert "none was ever seen. Start one" in texts("workers")
    keep_house()
    assert verdicts("workers") == ["ok"]
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=10)):
        assert "none was seen for 600 seconds" in texts("workers")


def test_tasks_that_nobody_picks_up_are_told(well):
    OrmQ.objects.create(key="portfolio", payload="", lock=timezone.now() - datetime.timedelta(minutes=11))
    assert "1 task waits for more than 10 minutes. Start more workers" in texts("workers")


def test_a_timetable_that_is_missing_late_or_stopped_is_broken(well):
    assert verdicts("timetable") == ["ok"]
    Schedule.objects.filter(name="portfolio: housekeeping").update(repeats=0)
    assert "portfolio: housekeeping is missing or out of use. Run manage.py setup_schedules" in texts("timetable")
    Schedule.objects.update(repeats=-1, next_run=timezone.now() - datetime.timedelta(minutes=6))
    assert "portfolio: housekeeping is overdue" in texts("timetable")
    Schedule.objects.bulk_create([Schedule(name="bad", func="f", args="(", next_run=timezone.now())])
    assert "bad stops all others: its arguments '(' can't be read" in texts("timetable")


@pytest.mark.django_db
def test_a_clock_that_is_off_is_told():
    assert verdicts("clock") == ["ok"]
    with time_machine.travel(timezone.now() + datetime.timedelta(seconds=20), tick=False):
        assert verdicts("clock") == ["warning"]
    with time_machine.travel(timezone.now() - datetime.timedelta(hours=1), tick=False):
        assert "is 3,600 seconds off the database's. Set both machines' clocks" in texts("clock")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"DEBUG": True, "PUBLIC_URL": "https://plan.example.com"},
            "broken   web: DEBUG is on for https://plan.example",
        ),
        ({"DEBUG": True}, "warning  web: DEBUG is on. Set DEBUG=0"),
        ({"PUBLIC_URL": "http://plan.example.com"}, "warning  web: PUBLIC_URL http://plan.example.com isn't https"),
        ({"PUBLIC_URL": "https://plan.example.com"}, "broken   web: ALLOWED_HOSTS lacks plan.example.com"),
    ],
)
def test_pages_that_others_reach_must_be_safe(settings, given, says):
    for name, value in {"DEBUG": False, "ALLOWED_HOSTS": ["localhost"], **given}.items():
        setattr(settings, name, value)
    assert says in texts("web")


def test_pages_served_as_they_should_be_are_well(settings):
    settings.DEBUG, settings.PUBLIC_URL, settings.ALLOWED_HOSTS = False, "https://a.example.com", [".example.com"]
    assert verdicts("web") == ["ok"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "can't be read (No such file or directory)"),
        ("not json", "isn't JSON"),
        ('{"client_email": "a@b"}', "lacks private_key, token_uri"),
        ("[]", "lacks client_email, private_key, token_uri"),
    ],
)
def test_credentials_that_are_none_are_broken(settings, tmp_path, content, says):
    place = tmp_path / "account.json"
    if content is not None:
        place.write_text(content)
    settings.GOOGLE_CREDENTIALS = str(place)
    assert verdicts("credentials") == ["broken"]
    assert says in texts("credentials")


def test_credentials_tell_whom_to_share_with_and_nothing_more(settings, tmp_path):
    place = tmp_path / "account.json"
    account = {"client_email": "robot@example.com", "private_key": "CANARY-KEY", "token_uri": "https://token"}
    place.write_text(json.dumps(account))
    settings.GOOGLE_CREDENTIALS = str(place)
    (finding,) = found("credentials")
    assert finding.line() == "ok       credentials: workbooks are shared with robot@example.com"


def test_anonymous_is_for_another_sheets_api_alone(settings):
    settings.GOOGLE_CREDENTIALS = "anonymous"
    assert verdicts("credentials") == ["broken"]
    settings.SHEETS_API_URL = "http://localhost:9000"
    assert verdicts("credentials") == ["ok"]


def connect_backlog(folder: Path) -> Path:
    """A Backlog workbook with nothing wrong."""
    place = folder / "backlog.xlsx"
    call_command("init_workbook", "backlog", str(place), verbosity=0)
    Workbook.objects.create(role="backlog", location=str(place), title="Plan")
    return place


def test_a_workbook_that_is_gone_is_broken(well, tmp_path):
    connect_backlog(tmp_path).unlink()
    (finding,) = found("workbooks")
    assert finding.verdict == Verdict.BROKEN
    assert "There is no file" in finding.text


def test_a_workbook_without_its_tab_or_header_is_told(well, tmp_path):
    place = connect_backlog(tmp_path)
    assert verdicts("workbooks") == ["ok"]
    book = openpyxl.load_workbook(place)
    book["Backlog"].title = "Old Backlog"
    book.save(place)
    assert "Backlog: there is no tab 'Backlog'. manage.py init_workbook adds what is missing." in texts("workbooks")


def test_tabs_that_are_for_those_who_want_them_may_be_missing(well, tmp_path):
    place = tmp_path / "bare.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Backlog"
    sheet.append([column.name for column in registry.get(Role.BACKLOG, "Backlog").tab.columns])
    book.save(place)
    Workbook.objects.create(role="backlog", location=str(place), title="Bare")
    assert verdicts("workbooks") == ["ok"]


def test_no_workbook_at_all_is_worth_a_word(well):
    assert "none is connected. Run manage.py init_workbook" in texts("workbooks")


def test_a_folder_that_is_gone_is_broken(well, tmp_path):
    Workbook.objects.create(role="backlog", location=str(tmp_path / "gone" / "plan.xlsx"))
    assert "can't be written to (No such file or directory)" in texts("disk")


def test_before_anything_is_kept_the_folder_that_will_hold_it_is_looked_at(well, settings, tmp_path):
    settings.BASE_DIR = tmp_path
    assert [(finding.about, finding.verdict) for finding in found("disk")] == [(f"disk ({tmp_path})", "ok")]
    (tmp_path / "var").mkdir()
    assert [finding.about for finding in found("disk")] == [f"disk ({tmp_path / 'var'})"]


def test_a_solver_that_may_outlast_its_worker_is_told(settings):
    assert verdicts("solver") == ["ok"]
    settings.SOLVER_TIME_LIMIT_S = 800.0
    assert "one solve may take 800 of a worker's 900 seconds" in texts("solver")


# ---- health ------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_webs_health_is_that_of_its_database(client: Client):
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer["Cache-Control"].startswith("max-age=0")
    assert client.post("/health/").status_code == 405


@pytest.mark.django_db
def test_the_workers_health_is_their_last_sign_of_life(client: Client):
    answer = client.get("/health/worker/")
    assert answer.status_code == 503
    assert answer.json() == {"status": "broken", "what": "no worker shows a sign of life", "age_s": None}
    keep_house()
    answer = client.get("/health/worker/")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "age_s": 0, "workers": 1})
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=10)):
        assert client.get("/health/worker/").json()["age_s"] == 600
