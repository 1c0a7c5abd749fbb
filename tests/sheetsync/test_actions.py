"""Asking for actions: names, wrong usage, exit statuses, JSON, dry runs. On real files, through the command itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from backlog.models import Initiative
from sheetsync.context import Arguments, Report
from sheetsync.models import ActionRun, Workbook
from sheetsync.runs.actions import ACTIONS, Action, WrongUsage, action, carry_out, find_action, find_workbook, request
from tests.sheetsync.world import World, filled_world, row_counts

NAMES = {"pm.backlog_sync", "pm.save_selected", "pm.undo_run"}


# ---- the registry ----------------------------------------------------------------------------------------------------------------------


def test_an_action_is_registered_once():
    with pytest.raises(ValueError, match=r"the action pm\.undo_run is registered twice"):
        action("pm.undo_run", roles=(), label="", help="")(lambda context: None)
    assert ACTIONS["pm.undo_run"].label == "Undo a run"


def test_the_engines_actions_say_what_they_are():
    assert set(ACTIONS) >= NAMES
    for found in ACTIONS.values():
        assert isinstance(found, Action)
        assert found.roles
        assert found.label
        assert found.help.endswith(".")


def test_a_mistyped_action_names_the_nearest():
    with pytest.raises(WrongUsage, match=r"there is no action 'pm.backlog_snyc'; did you mean pm\.backlog_sync\?"):
        find_action("pm.backlog_snyc")
    with pytest.raises(WrongUsage, match=r"the actions are .*pm\.backlog_sync"):
        find_action("make tea")


@pytest.mark.django_db
def test_a_workbook_is_named_by_id_location_or_title():
    one = Workbook.objects.create(role="backlog", location="/somewhere/one.xlsx", title="One")
    assert find_workbook(str(one.pk)) == find_workbook("/somewhere/one.xlsx") == find_workbook(" one ") == one
    with pytest.raises(WrongUsage, match=r"no workbook 'two' is connected; connected: \d+ \(One\)"):
        find_workbook("two")
    Workbook.objects.create(role="backlog", location="/elsewhere/one.xlsx", title="one")
    with pytest.raises(WrongUsage, match="several workbooks are titled 'One'; name one by its id"):
        find_workbook("One")


@pytest.mark.django_db
def test_an_action_on_a_workbook_of_another_role_is_refused():
    intake = Workbook.objects.create(role="intake", location="wishes.xlsx", title="Wishes")
    with pytest.raises(WrongUsage, match="Wishes is a workbook of the role intake"):
        request("pm.save_selected", workbook=intake)
    assert not ActionRun.objects.exists()


@pytest.mark.django_db
def test_without_a_workbook_of_its_role_an_action_fails_and_says_so():
    done = World().sync()
    assert done.report.status == "failed"
    assert done.report.messages[0].text == (
        "no active workbook of the role intake or backlog is connected; `connect` registers one"
    )
    assert ActionRun.objects.get().status == "failed"


@pytest.mark.django_db
def test_a_run_keeps_who_asked_what_came_of_it_and_when():
    world, _intake, backlog = filled_world()
    backlog.type({"initiative_key": "INIT-000001"}, engineering_tokens="a few")
    done = world.sync(keys=("INIT-000001",), confirm=True)
    run = ActionRun.objects.get(pk=done.run.pk)
    assert (run.action, run.requested_by, run.status, run.attempts) == ("pm.backlog_sync", "ada", "partial", 1)
    assert run.payload == {"keys": ["INIT-000001"], "confirm": True}
    assert run.counts["rows_changed"] == 1
    assert run.counts["rows_read"] == 6
    assert run.started_at <= run.finished_at
    assert [(message["key"], message["status"]) for message in run.messages] == [("INIT-000001", "FAILED")]


@pytest.mark.django_db
def test_a_run_is_carried_out_once():
    world, _intake, _backlog = filled_world(1)
    run = ActionRun.objects.filter(status="success").first()
    assert run is not None
    assert carry_out(run, open_book=world.open) is None


def test_arguments_survive_being_stored():
    given = Arguments(
        tab="Backlog", keys=("A", "B"), runs=("r",), capacity=3.0, weights={"gmv": 1}, explain=5, confirm=True
    )
    assert Arguments.from_json(json.loads(json.dumps(given.as_json()))) == given
    assert Arguments().as_json() == {}


@pytest.mark.parametrize(
    ("done", "stopped", "failed", "whole", "seen", "status"),
    [
        (1, 0, 0, 0, 3, "success"),
        (1, 0, 1, 0, 3, "partial"),
        (1, 1, 0, 0, 3, "partial"),
        (0, 1, 0, 0, 0, "failed"),
        (1, 0, 3, 3, 3, "failed"),
        (1, 0, 0, 0, 0, "success"),
    ],
)
def test_the_status_of_an_action(done, stopped, failed, whole, seen, status):
    report = Report(tabs_done=done, tabs_stopped=stopped, failed_rows=failed, rows_whole=whole, rows_seen=seen)
    assert report.status == status


# ---- the command -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path, db: None) -> dict[str, Path]:
    """An intake file with two wishes and an empty Backlog, both connected."""
    places = {role: tmp_path / f"{role}.xlsx" for role in ("intake", "backlog")}
    for role, place in places.items():
        call_command("init_workbook", role, str(place), verbosity=0)
        call_command("connect", role, str(place), verbosity=0)
    type_in(places["intake"], "Intake", {"title": "Faster search", "country": "UK"}, {"title": "Shorter forms"})
    return places


def type_in(place: Path, tab: str, *rows: dict[str, Any]) -> None:
    """Types rows below everything, as a person in a spreadsheet program."""
    book = openpyxl.load_workbook(place)
    sheet = book[tab]
    header = next(row for row in sheet.iter_rows() if any(cell.value in ("title", "Title") for cell in row))
    columns = {str(cell.value).lower().replace(" ", "_"): cell.column for cell in header if cell.value}
    for number, row in enumerate(rows, header[0].row + 1):
        for name, value in row.items():
            sheet.cell(number, columns[name]).value = value
    book.save(place)


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """(exit status, what was printed)."""
    capsys.readouterr()
    status = 0
    try:
        call_command("action", *words)
    except SystemExit as left:
        status = int(left.code or 0)
    except CommandError as refused:
        return refused.returncode, str(refused)
    return status, capsys.readouterr().out


def test_success_is_status_0_and_json_is_one_object(files, capsys):
    status, printed = asked(capsys, "pm.backlog_sync", "--json")
    answer = json.loads(printed)
    assert status == 0
    assert list(answer) == ["run_id", "action", "status", "counts", "messages"]
    assert (answer["action"], answer["status"]) == ("pm.backlog_sync", "success")
    assert answer["counts"]["rows_changed"] == 4
    assert ActionRun.objects.get(run_id=answer["run_id"]).status == "success"
    assert Initiative.objects.count() == 2


def test_partial_is_status_0_and_each_message_names_its_row(files, capsys):
    type_in(files["intake"], "Intake", {"title": "Faster search"}, {"title": None, "country": "UK"})
    status, printed = asked(capsys, "pm.backlog_sync", "--json")
    answer = json.loads(printed)
    assert (status, answer["status"]) == (0, "partial")
    assert [set(message) for message in answer["messages"]] == [
        {"workbook", "tab", "row", "key", "status", "text"}
    ] * len(answer["messages"])
    failed = [message for message in answer["messages"] if message["status"] == "FAILED"]
    assert [(message["workbook"], message["tab"]) for message in failed] == [("intake", "Intake")]
    assert failed[0]["text"].startswith("title is empty; a row needs a title")


def test_failed_is_status_1(files, capsys):
    for place in files.values():
        place.unlink()
    status, printed = asked(capsys, "pm.backlog_sync", "--json")
    assert (status, json.loads(printed)["status"]) == (1, "failed")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("pm.backlog_snyc",), "did you mean pm.backlog_sync?"),
        (("pm.backlog_sync", "--workbook", "nowhere"), "no workbook 'nowhere' is connected"),
        (("pm.save_selected", "--workbook", "intake"), "is a workbook of the role intake"),
        (("pm.backlog_sync", "--weights", "{"), "--weights isn't JSON"),
        (("pm.backlog_sync", "--weights", '{"gmv": NaN}'), "weights: {'gmv': nan} isn't a number"),
        (("pm.backlog_sync", "--capacity", "inf"), "capacity: inf isn't a number"),
    ],
)
def test_wrong_usage_is_status_2_and_leaves_no_run(files, capsys, words, says):
    status, printed = asked(capsys, *words)
    assert status == 2
    assert says in printed
    assert not ActionRun.objects.exists()


def test_a_dry_run_changes_nothing_anywhere(files, capsys):
    before, contents = row_counts(), {role: place.read_bytes() for role, place in files.items()}
    status, printed = asked(capsys, "pm.backlog_sync", "--dry-run", "--json")
    assert status == 0
    assert row_counts() == before
    assert {role: place.read_bytes() for role, place in files.items()} == contents
    plan = json.loads(printed)["plan"]
    given = [(cell["column"], cell["from"], cell["to"]) for cell in plan if cell["tab"] == "Intake"]
    assert ("initiative_key", None, "INIT-000001") in given
    status, printed = asked(capsys, "pm.backlog_sync", "--dry-run")
    assert "INIT-000001" in printed
    assert "would be success" in printed
    assert row_counts() == before


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("pm.undo_run",), 2),
        (("pm.undo_run", "--run", "nowhere"), 2),
        (("pm.save_selected", "--tab", "Backlgo"), 2),
        (("pm.populate_candidates",), 1),
    ],
)
def test_an_argument_that_is_missing_or_unknown_is_status_2_and_what_cannot_be_done_yet_is_1(
    files, capsys, words, status
):
    found, printed = asked(capsys, *words, "--json")
    assert (found, json.loads(printed)["status"]) == (status, "failed")


def test_one_workbook_alone_can_be_named(files, capsys):
    status, _printed = asked(capsys, "pm.backlog_sync", "--workbook", "intake")
    assert status == 0
    assert Initiative.objects.count() == 2
    assert Workbook.objects.get(role="backlog").tab_states.count() == 0


def test_a_queued_run_waits_for_a_worker(files, capsys):
    status, printed = asked(capsys, "pm.backlog_sync", "--queue", "--json")
    answer = json.loads(printed)
    assert (status, answer["status"]) == (0, "queued")
    assert ActionRun.objects.get(run_id=answer["run_id"]).status == "queued"
    assert not Initiative.objects.exists()


def test_an_action_that_breaks_off_is_told_and_leaves_the_run_failed(files, capsys, caplog):
    def break_off(context: Any) -> None:
        raise ZeroDivisionError("secret details")

    name = "pm.test_breaks_off"
    register: Callable[..., Any] = action(name, roles=("backlog",), label="Breaks off", help="Breaks off.")
    register(break_off)
    try:
        status, printed = asked(capsys, name, "--json")
    finally:
        del ACTIONS[name]
    answer = json.loads(printed)
    assert (status, answer["status"]) == (1, "failed")
    assert "secret" not in printed
    assert answer["run_id"] in answer["messages"][0]["text"]
    assert "secret details" in caplog.text
