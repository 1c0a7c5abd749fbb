"""Control: a tick is carried out once, whatever goes wrong, and its row tells what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django_q.models import OrmQ

from sheetsync.context import ActionContext
from sheetsync.control.polling import CLEARED_WITHIN_S, add_action_rows, poll, poll_all
from sheetsync.models import ActionRun, ControlState, ControlTick, TabState, Workbook
from sheetsync.runs.actions import carry_out
from sheetsync.runs.asked import allowed_actions
from sheetsync.service_tabs import CONTROL, control_tab
from sheetsync.syncing.headers import find_header
from sheetsync.tabs import Role
from sheetsync.workbooks.interface import WorkbookUnavailable
from sheetsync.workbooks.memory import Cell, Fault, Formula, MemoryWorkbook
from tests.factories import WorkbookFactory
from tests.sheetsync.world import Crash, at_request, crash, filled_world, key_of

pytestmark = pytest.mark.django_db
HEADER = ["action", "run", "arguments", "last_status", "last_run_at"]
SYNC, SAVE, UNDO = "pm.backlog_sync", "pm.save_selected", "pm.undo_run"
KINDS = pytest.mark.parametrize("versions", [True, False], ids=["file", "Google"])


class Desk:
    """A Backlog with a Control tab, and people at it."""

    def __init__(self, rows: list[list[Cell]] | None = None, *, count: int = 1, **options: Any) -> None:
        self.world, self.intake, self.backlog = filled_world(count, **options)
        self.book = self.backlog.book
        made = [[name, False, None, None, None] for name in (SYNC, SAVE, UNDO)] if rows is None else rows
        self.book.add_tab(CONTROL, [["Tick what you want done."], list(HEADER), *made])

    def type(self, action: str, column: str, value: Cell) -> None:
        self.book.set_cell(CONTROL, self.place(action), HEADER.index(column), value)

    def tick(self, action: str, arguments: Cell = None) -> None:
        self.type(action, "arguments", arguments)
        self.type(action, "run", True)

    def place(self, action: str) -> int:
        return next(number for number, row in enumerate(self.book.values(CONTROL)) if row[0] == action)

    def row(self, action: str) -> dict[str, Any]:
        return dict(zip(HEADER, self.book.values(CONTROL)[self.place(action)], strict=True))

    def status(self, action: str) -> str:
        return self.row(action)["last_status"] or ""

    def poll(self) -> list[ActionRun]:
        return poll(self.backlog.workbook, open_book=self.world.open)

    def work(self) -> list[ActionContext | None]:
        """What the workers do with everything that is queued."""
        queued = ActionRun.objects.filter(status="queued").order_by("pk")
        return [carry_out(run, open_book=self.world.open) for run in queued]

    def runs(self) -> list[str]:
        return list(ActionRun.objects.filter(came_from="control").order_by("pk").values_list("action", flat=True))


def requests(book: MemoryWorkbook, do: Callable[[], Any]) -> tuple[int, int]:
    """(reads, writes) that it takes."""
    before = book.reads, book.writes
    do()
    return book.reads - before[0], book.writes - before[1]


# ---- a tick is carried out -----------------------------------------------------------------------------------------


@KINDS
def test_a_tick_becomes_a_run_and_is_cleared_with_the_word_running(versions):
    desk = Desk(versions=versions)
    desk.tick(SAVE, "tab: backlog; confirm: yes")
    assert requests(desk.book, desk.poll)[1] == 1
    run = ActionRun.objects.get(came_from="control")
    assert desk.row(SAVE) == {
        "action": SAVE,
        "run": False,
        "arguments": "tab: backlog; confirm: yes",
        "last_status": f"running: run {run.run_id}",
        "last_run_at": None,
    }
    assert (run.action, run.workbook, run.status) == (SAVE, desk.backlog.workbook, "queued")
    assert run.payload == {"tab": "Backlog", "confirm": True}
    assert OrmQ.objects.get().task["args"] == (run.run_id,)


@KINDS
def test_the_row_tells_how_the_run_ended(versions):
    desk = Desk(versions=versions)
    desk.backlog.type({"initiative_key": key_of(1)}, earliest_start_date="03/04/2026")
    desk.tick(SAVE)
    desk.poll()
    desk.work()
    run = ActionRun.objects.get(came_from="control")
    assert run.status == "partial"
    assert desk.status(SAVE).startswith("partial: ")
    assert "earliest_start_date" in desk.status(SAVE)
    assert run.run_id in desk.status(SAVE)
    assert desk.row(SAVE)["last_run_at"] == f"{run.finished_at:%Y-%m-%dT%H:%M:%SZ}"
    assert requests(desk.book, desk.poll)[1] == 0
    assert not ControlTick.objects.exists()


def test_a_run_that_changed_nothing_says_so():
    desk = Desk()
    desk.tick(SYNC)
    desk.poll()
    desk.work()
    assert desk.status(SYNC).startswith("success: nothing was changed; run ")


def test_several_ticks_are_queued_in_the_order_of_their_rows():
    desk = Desk()
    for name in (SAVE, SYNC):
        desk.tick(name)
    first, second = desk.poll()
    assert [first.action, second.action] == [SYNC, SAVE]
    assert desk.status(SYNC) == f"running: run {first.run_id}"
    assert desk.status(SAVE) == f"queued: run {second.run_id} waits for 1 before it"
    assert [task.task["args"][0] for task in OrmQ.objects.order_by("pk")] == [first.run_id, second.run_id]
    desk.work()
    assert all(desk.status(name).startswith("success") for name in (SYNC, SAVE))


def test_a_row_that_is_ticked_again_runs_again():
    desk = Desk()
    for number in (1, 2):
        desk.tick(SYNC)
        desk.poll()
        desk.work()
        assert desk.runs() == [SYNC] * number
    latest = ActionRun.objects.filter(came_from="control").order_by("pk").last()
    assert latest.run_id in desk.status(SYNC)


def test_a_row_that_is_ticked_while_its_run_is_under_way_tells_of_the_later_one():
    desk = Desk()
    desk.tick(SAVE)
    desk.poll()
    desk.tick(SAVE, "confirm: yes")
    (second,) = desk.poll()
    desk.work()
    assert second.run_id in desk.status(SAVE)
    assert desk.runs() == [SAVE, SAVE]


@pytest.mark.parametrize("tick", ["yes", "TRUE", "x", 1])
def test_a_tick_may_be_typed(tick):
    desk = Desk()
    desk.type(SYNC, "run", tick)
    assert len(desk.poll()) == 1
    assert desk.row(SYNC)["run"] is False


@KINDS
def test_nothing_ticked_costs_one_read_and_no_write(versions):
    desk = Desk(versions=versions)
    desk.poll()
    assert requests(desk.book, desk.poll) == (1, 0)


def test_a_poll_leaves_an_unchanged_workbook_known_by_its_version():
    desk = Desk()
    desk.world.sync()
    desk.tick(SAVE)
    desk.world.sync()
    desk.poll()
    assert TabState.objects.get(workbook=desk.backlog.workbook, tab="Backlog").version == desk.book.version()


def test_how_far_a_run_is_shows_in_a_spreadsheet_that_several_may_write_to():
    desk = Desk(versions=False)
    desk.tick(SYNC)
    (run,) = desk.poll()
    ActionRun.objects.filter(pk=run.pk).update(status="running", progress="412 of 1,000 rows")
    desk.poll()
    assert desk.status(SYNC) == f"running: 412 of 1,000 rows; run {run.run_id}"


def test_a_run_that_ended_elsewhere_is_told_by_the_next_poll():
    desk = Desk()
    desk.tick(SYNC)
    (run,) = desk.poll()
    message = {"workbook": "", "tab": "", "row": None, "key": "", "status": "FAILED", "text": "given up"}
    ActionRun.objects.filter(pk=run.pk).update(status="failed", messages=[message])
    desk.poll()
    assert desk.status(SYNC) == f"failed: nothing was changed; given up; run {run.run_id}"
    desk.poll()
    assert not ControlTick.objects.exists()


def test_rows_may_be_sorted_while_the_run_is_under_way():
    desk = Desk()
    desk.tick(SYNC)
    desk.poll()
    desk.book.sort_rows(CONTROL, 0, below=1, descending=True)
    desk.work()
    assert desk.status(SYNC).startswith("success")
    assert desk.status(SAVE) == desk.status(UNDO) == ""


def test_columns_that_people_deleted_are_not_needed():
    desk = Desk()
    for column in (4, 3, 2):
        desk.book.delete_column(CONTROL, column)
    desk.book.set_cell(CONTROL, 2, 1, True)
    desk.poll()
    desk.work()
    desk.poll()
    assert desk.book.values(CONTROL)[2] == [SYNC, False]
    assert desk.runs() == [SYNC]
    assert not ControlTick.objects.exists()


# ---- what can't be done --------------------------------------------------------------------------------------------


def refused(desk: Desk, action: str, *words: str, ticked: bool = False) -> None:
    """The row says why nothing was done, and keeps still from then on."""
    assert desk.poll() == []
    assert desk.status(action).startswith("FAILED: ")
    assert [word for word in words if word not in desk.status(action)] == [], desk.status(action)
    assert desk.row(action)["run"] is ticked
    assert desk.runs() == []
    assert requests(desk.book, desk.poll)[1] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("confirm", ("arguments", "name: value")),
        ("confirm: perhaps", ("confirm", '"perhaps"')),
        ("scenario: Q2", ('"scenario"', "tab, keys, confirm")),
        ("tab: Bcklog", ("did you mean Backlog?",)),
        ("confirm: yes; Confirm: no", ("confirm", "twice")),
        ("{", ("JSON",)),
        (42, ("arguments",)),
    ],
)
@KINDS
def test_bad_arguments_are_named(versions, arguments, words):
    desk = Desk(versions=versions)
    desk.tick(SAVE, arguments)
    refused(desk, SAVE, *words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pm.backlog_snyc", ("did you mean pm.backlog_sync?",)),
        ("pm.populate_candidates", ("optimization", "role is backlog", SAVE)),
        ("make tea", ("the actions are",)),
    ],
)
@KINDS
def test_an_action_that_isnt_there_is_named(versions, name, words):
    desk = Desk([[name, True, None, None, None]], versions=versions)
    refused(desk, name, *words)


@KINDS
def test_text_in_the_ticks_cell_is_named_and_stays(versions):
    desk = Desk(versions=versions)
    desk.type(SYNC, "run", "maybe later")
    assert desk.poll() == []
    assert desk.status(SYNC).startswith('FAILED: run: "maybe later"')
    assert "TRUE" in desk.status(SYNC)
    assert desk.row(SYNC)["run"] == "maybe later"
    assert requests(desk.book, desk.poll)[1] == 0


def test_one_bad_row_doesnt_keep_the_others_waiting():
    desk = Desk()
    desk.tick(SAVE, "nonsense")
    desk.tick(SYNC)
    assert [run.action for run in desk.poll()] == [SYNC]
    assert desk.status(SAVE).startswith("FAILED: ")
    assert desk.status(SYNC).startswith("running: ")


@KINDS
def test_rows_of_one_action_are_both_left_and_say_so(versions):
    desk = Desk([[SYNC, True, None, None, None], [SYNC, True, "confirm: yes", None, None]], versions=versions)
    assert desk.poll() == []
    rows = desk.book.values(CONTROL)[2:]
    assert [row[1] for row in rows] == [True, True]
    assert {row[3] for row in rows} == {f"FAILED: action: rows 3 and 4 both name {SYNC}; keep one of them"}
    assert requests(desk.book, desk.poll)[1] == 0
    desk.book.delete_row(CONTROL, 3)
    assert [run.action for run in desk.poll()] == [SYNC]


@KINDS
def test_a_tick_without_an_action_is_told(versions):
    desk = Desk([[None, True, None, None, None]], versions=versions)
    assert desk.poll() == []
    assert desk.book.values(CONTROL)[2][3].startswith("FAILED: action: the cell is empty")
    assert requests(desk.book, desk.poll)[1] == 0


def test_a_formula_in_the_ticks_cell_is_refused_and_never_overwritten():
    desk = Desk()
    desk.type(SYNC, "run", Formula("=1=1", True))
    assert desk.poll() == []
    assert "formula" in desk.status(SYNC)
    assert isinstance(desk.book.cell(CONTROL, desk.place(SYNC), 1), Formula)
    assert desk.runs() == []


def test_another_workbooks_run_isnt_undone_from_here():
    desk = Desk()
    other = Workbook.objects.create(role="optimization", location="memory other")
    run = ActionRun.objects.create(action="pm.populate_candidates", status="success", workbook=other)
    desk.tick(UNDO, f"run: {run.run_id}")
    refused(desk, UNDO, run.run_id, "isn't this workbook's alone")


def test_a_broken_header_row_is_remembered_and_nothing_is_done():
    desk = Desk()
    desk.tick(SYNC)
    desk.book.set_cell(CONTROL, 1, 1, "go")
    assert desk.poll() == []
    assert "run" in ControlState.objects.get().message
    desk.book.set_cell(CONTROL, 1, 1, "Run")
    assert len(desk.poll()) == 1
    assert ControlState.objects.get().message == ""


def test_a_workbook_without_the_tab_is_left_alone():
    world, _intake, backlog = filled_world(1)
    before = world.contents()
    assert poll(backlog.workbook, open_book=world.open) == []
    assert world.contents() == before


# ---- once, whatever goes wrong -------------------------------------------------------------------------------------


@KINDS
def test_two_polls_that_see_one_tick_take_it_once(versions):
    desk = Desk(versions=versions)
    desk.tick(SYNC)
    taken: list[ActionRun] = []

    def other_poll() -> None:
        desk.book.after_request = None
        taken.extend(desk.poll())

    at_request(desk.book, "read", 1, other_poll, after=True)
    taken.extend(desk.poll())
    assert len(taken) == len(desk.runs()) == 1
    assert desk.row(SYNC)["run"] is False


@pytest.mark.parametrize("kind", ["read", "write"])
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True])
@KINDS
def test_a_poll_that_dies_anywhere_takes_a_tick_once(versions, kind, number, after):
    desk = Desk(versions=versions)
    desk.tick(SYNC)
    at_request(desk.book, kind, number, crash, after=after)
    with suppress(Crash):
        desk.poll()
    desk.book.before_request = desk.book.after_request = None
    with time_machine.travel(_later()):
        desk.poll()
        desk.work()
        desk.poll()
    assert desk.runs() == [SYNC]
    assert desk.row(SYNC)["run"] is False
    assert desk.status(SYNC).startswith("success")
    assert not ControlTick.objects.exists()


def _later() -> float:
    return time.time() + CLEARED_WITHIN_S + 300


@pytest.mark.parametrize("fault", list(Fault))
def test_a_write_whose_outcome_is_unknown_runs_a_tick_once(fault):
    desk = Desk(versions=False, write_window_s=180.0)
    desk.tick(SYNC)
    desk.book.faults = [fault]
    desk.poll()
    desk.poll()
    desk.book.land_late()
    with time_machine.travel(_later()):
        desk.poll()
        desk.work()
        desk.poll()
    assert desk.runs() == [SYNC]
    assert desk.row(SYNC)["run"] is False
    assert desk.status(SYNC).startswith("success")


def test_a_workbook_that_cant_be_written_loses_no_tick():
    desk = Desk()
    desk.tick(SYNC)
    desk.book.faults = [Fault.FAILS]
    assert len(desk.poll()) == 1
    assert "can't be reached" in ControlState.objects.get().message
    desk.work()
    with time_machine.travel(_later()):
        assert desk.poll() == []
    assert desk.runs() == [SYNC]
    assert desk.row(SYNC)["run"] is False


def test_a_person_who_takes_the_tick_back_in_between_changes_nothing_more():
    desk = Desk(versions=False)
    desk.tick(SYNC)
    at_request(desk.book, "read", 2, lambda: desk.type(SYNC, "run", False))
    desk.poll()
    desk.book.before_request = None
    desk.work()
    with time_machine.travel(_later()):
        desk.poll()
        desk.poll()
    assert desk.runs() == [SYNC]
    assert not ControlTick.objects.exists()


def test_a_workbook_that_cant_be_read_doesnt_keep_the_others_waiting():
    desk = Desk()
    desk.tick(SYNC)

    def fail(kind: str) -> None:
        raise RuntimeError("broken")

    desk.intake.book.before_request = fail
    assert poll_all(open_book=desk.world.open) == "1 workbooks looked at, 1 runs asked for"
    assert desk.runs() == [SYNC]


def test_workbooks_that_are_put_out_of_use_arent_looked_at():
    desk = Desk()
    desk.tick(SYNC)
    Workbook.objects.update(is_active=False)
    assert poll_all(open_book=desk.world.open) == "0 workbooks looked at, 0 runs asked for"


def test_spreadsheets_take_turns_within_their_share_of_the_budget_and_files_are_always_looked_at(settings):
    settings.SHEETS_POLLS_PER_MINUTE = 2
    spreadsheets = [f"{number}{'x' * 43}" for number in range(5)]
    for location in [*spreadsheets, "/plans/one.xlsx", "/plans/two.xlsx"]:
        WorkbookFactory(role="backlog", location=location)
    asked: list[str] = []

    def open_book(workbook: Workbook) -> MemoryWorkbook:
        asked.append(workbook.location)
        if workbook.location == spreadsheets[0]:
            raise WorkbookUnavailable("it is gone")
        return MemoryWorkbook({}, versions=False)

    for _ in range(3):
        poll_all(open_book=open_book)
    counted = [location for location in asked if location in spreadsheets]
    assert counted == [*spreadsheets, spreadsheets[0]]
    assert asked.count("/plans/one.xlsx") == asked.count("/plans/two.xlsx") == 3
    assert ControlState.objects.get(workbook__location=spreadsheets[0]).message == "it is gone"


# ---- on a file, by command -----------------------------------------------------------------------------------------


def tick_in_file(path: Path, action: str, value: Any = True) -> None:
    book = openpyxl.load_workbook(path)
    for row in book[CONTROL].iter_rows(min_row=1):
        if row[0].value == action:
            row[1].value = value
    book.save(path)


def rows_in_file(path: Path) -> dict[str, tuple[Any, ...]]:
    """action -> the cells beside it, of every row below the header."""
    cells = list(openpyxl.load_workbook(path)[CONTROL].iter_rows(values_only=True))
    header = next(number for number, row in enumerate(cells) if row[0] == "action")
    return {row[0]: row[1:5] for row in cells[header + 1 :] if row[0]}


@pytest.mark.parametrize("role", list(Role))
def test_init_workbook_makes_a_row_for_each_action_of_the_role(tmp_path, role):
    path = tmp_path / "made.xlsx"
    out = StringIO()
    call_command("init_workbook", role, str(path), stdout=out)
    names = [action.name for action in allowed_actions(role)]
    assert rows_in_file(path) == dict.fromkeys(names, (False, None, None, None))
    assert f"Control: added {', '.join(names)}." in out.getvalue()
    before = path.read_bytes()
    call_command("init_workbook", role, str(path), stdout=StringIO())
    assert path.read_bytes() == before


def test_missing_rows_are_added_below_what_is_there(tmp_path):
    path = tmp_path / "made.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "control"
    for row in (["Tick"], ["Run", "Action"], [None, UNDO]):
        book.active.append(row)
    book.save(path)
    assert add_action_rows(str(path), "intake") == [f"Control: added {SYNC}."]
    assert add_action_rows(str(path), "intake") == []
    rows = list(openpyxl.load_workbook(path)["control"].iter_rows(values_only=True))
    assert rows[2:] == [(None, UNDO), (False, SYNC)]


def test_a_tick_in_a_file_is_carried_out_here_and_now(tmp_path):
    path = tmp_path / "backlog.xlsx"
    call_command("init_workbook", "backlog", str(path), stdout=StringIO())
    call_command("connect", "backlog", str(path), stdout=StringIO())
    for name in (SYNC, SAVE):
        tick_in_file(path, name)
    out = StringIO()
    call_command("poll_control", "--now", stdout=out)
    assert [line.split(": ", 1)[1].split(" ")[:2] for line in out.getvalue().splitlines()] == [
        [SYNC, "success:"],
        [SAVE, "success:"],
    ]
    rows = rows_in_file(path)
    for name in (SYNC, SAVE):
        run, _arguments, status, at = rows[name]
        assert (run, status.split(":")[0], len(at)) == (False, "success", 20)
    out = StringIO()
    call_command("poll_control", "--workbook", "backlog", stdout=out)
    assert out.getvalue() == "nothing is ticked\n"
    assert not OrmQ.objects.exists()


def test_a_tick_in_a_file_goes_to_the_workers(tmp_path):
    path = tmp_path / "backlog.xlsx"
    call_command("init_workbook", "backlog", str(path), stdout=StringIO())
    call_command("connect", "backlog", str(path), stdout=StringIO())
    tick_in_file(path, SYNC)
    out = StringIO()
    call_command("poll_control", stdout=out)
    run = ActionRun.objects.get()
    assert out.getvalue() == f"backlog: {SYNC} queued as run {run.run_id}\n"
    assert rows_in_file(path)[SYNC][2] == f"running: run {run.run_id}"
    assert OrmQ.objects.count() == 1


def test_a_file_that_is_gone_is_said_and_an_unknown_workbook_is_wrong_usage(tmp_path):
    Workbook.objects.create(role="backlog", location=str(tmp_path / "gone.xlsx"), title="Gone")
    with pytest.raises(CommandError, match="Gone: ") as failed:
        call_command("poll_control", stdout=StringIO())
    assert failed.value.returncode == 1
    with pytest.raises(CommandError) as wrong:
        call_command("poll_control", "--workbook", "Nowhere")
    assert wrong.value.returncode == 2


def test_the_tab_is_recognised_by_its_declaration():
    assert [column.name for column in control_tab(Role.BACKLOG).columns] == HEADER
    assert not hasattr(find_header(control_tab(Role.BACKLOG), [HEADER]), "text")
