"""Run_Log: every workbook that an action touched has a row of it, once; what was left untouched stays as it is to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from sheetsync.models import ActionRun, CellChange, OwedLogRow, TabState
from sheetsync.runs.actions import carry_out, request
from sheetsync.runs.runlog import LONGEST_MESSAGE, messages_text
from sheetsync.service_tabs import RUN_LOG, run_log_tab
from sheetsync.workbooks.interface import TabWrites
from sheetsync.workbooks.memory import Fault, MemoryWorkbook
from sheetsync.workbooks.xlsx import XlsxWorkbook
from tests.sheetsync.world import Crash, Sheet, World, at_request, crash, filled_world, key_of, writes_and_reads

pytestmark = pytest.mark.django_db
HEADER = [column.name for column in run_log_tab("backlog").columns]


def add_log(sheet: Sheet, header: list[Any] = HEADER, title: str = RUN_LOG) -> None:
    sheet.book.add_tab(title, [["What was done here"], list(header)])


def log(book: MemoryWorkbook, title: str = RUN_LOG) -> list[dict[str, Any]]:
    """The rows of the log, by header."""
    _legend, header, *rows = book.values(title)
    return [dict(zip(header, row, strict=True)) for row in rows]


def change(intake: Sheet, country: str) -> None:
    """An edit that surely writes to the Backlog, once, before its log is written."""
    intake.type({"initiative_key": key_of(1)}, country=country)


def logged_world(**options: Any) -> tuple[World, Sheet, Sheet]:
    """Two initiatives at rest; both workbooks have an empty log."""
    world, intake, backlog = filled_world(2, **options)
    for sheet in (intake, backlog):
        add_log(sheet)
    return world, intake, backlog


def cells_written(run: ActionRun, sheet: Sheet) -> int:
    written = CellChange.objects.filter(run=run, workbook=sheet.workbook)
    return sum(len(change.cells) for change in written)


# ---- what is told --------------------------------------------------------------------------------------------------


def test_a_run_is_told_in_every_workbook_that_it_touched():
    world, intake, backlog = logged_world()
    intake.type({"initiative_key": key_of(1)}, country="France")
    run = world.sync().run
    (told,), shown = log(intake.book), log(backlog.book)
    assert told == {
        "run_id": run.run_id,
        "action": "pm.backlog_sync",
        "requested_by": "ada",
        "started_at": f"{run.started_at:%Y-%m-%dT%H:%M:%SZ}",
        "finished_at": f"{run.finished_at:%Y-%m-%dT%H:%M:%SZ}",
        "status": "success",
        "rows_read": 2,
        "rows_changed": 1,
        "cells_written": cells_written(run, intake),
        "messages": None,
        "link": f"http://localhost:8000/admin/sheetsync/actionrun/{run.pk}/change/",
    }
    assert [(row["run_id"], row["rows_read"], row["rows_changed"]) for row in shown] == [(run.run_id, 2, 1)]
    assert shown[0]["cells_written"] == cells_written(run, backlog) > 0
    assert not OwedLogRow.objects.exists()


def test_a_run_that_changed_nothing_is_told_nowhere():
    world, intake, backlog = logged_world()
    world.sync()
    before, requests = world.contents(), writes_and_reads([intake, backlog])
    world.sync()
    assert world.contents() == before
    assert [writes for _reads, writes in writes_and_reads([intake, backlog])] == [writes for _reads, writes in requests]
    assert log(intake.book) == log(backlog.book) == []


def test_only_the_workbook_that_was_touched_is_told():
    world, intake, backlog = logged_world()
    backlog.type({"initiative_key": key_of(1)}, market="UK")
    world.sync()
    assert (len(log(intake.book)), len(log(backlog.book))) == (0, 1)


def test_a_refused_cell_is_told_with_its_row():
    world, _intake, backlog = logged_world()
    backlog.type({"initiative_key": key_of(2)}, earliest_start_date="03/04/2026")
    world.sync()
    (told,) = log(backlog.book)
    assert told["status"] == "partial"
    assert told["messages"].startswith(f"FAILED Backlog row 3 {key_of(2)}: earliest_start_date")


def test_a_log_costs_one_write_and_no_read_of_its_own():
    world, intake, backlog = filled_world(2, versions=False)
    costs = []
    for country in ("France", "Spain"):
        reads, writes = backlog.book.reads, backlog.book.writes
        change(intake, country)
        world.sync()
        costs.append((backlog.book.reads - reads, backlog.book.writes - writes))
        add_log(backlog)
    assert costs == [(3, 1), (3, 2)]


def test_after_a_logged_run_an_unchanged_workbook_is_still_known_by_its_version():
    world, intake, backlog = logged_world()
    change(intake, "France")
    world.sync()
    for sheet in (intake, backlog):
        assert TabState.objects.get(workbook=sheet.workbook, tab=sheet.title).version == sheet.book.version()


@pytest.mark.parametrize("title", ["run_log", "RUN_LOG"])
def test_the_tab_is_found_however_it_is_spelled(title):
    world, _intake, backlog = filled_world(1)
    add_log(backlog, title=title)
    backlog.type({"initiative_key": key_of(1)}, market="UK")
    world.sync()
    assert len(log(backlog.book, title)) == 1


def test_columns_may_be_moved_renamed_and_deleted():
    world, _intake, backlog = filled_world(1)
    add_log(backlog, ["our notes", "Status", "Run", "Asked by"])
    backlog.type({"initiative_key": key_of(1)}, market="UK")
    run = world.sync().run
    assert log(backlog.book) == [{"our notes": None, "Status": "success", "Run": run.run_id, "Asked by": "ada"}]


@pytest.mark.parametrize("rows", [None, [], [["no", "header"]]])
def test_a_workbook_without_a_log_is_told_nothing_and_nothing_later(rows):
    world, _intake, backlog = filled_world(1)
    if rows is not None:
        backlog.book.add_tab(RUN_LOG, rows)
    backlog.type({"initiative_key": key_of(1)}, market="UK")
    assert world.sync().run.status == "success"
    assert not OwedLogRow.objects.filter(workbook=backlog.workbook).exists()


def test_an_undone_run_keeps_its_row_and_the_undoing_gets_one():
    world, _intake, backlog = logged_world()
    backlog.type({"initiative_key": key_of(1)}, market="UK")
    done = world.sync()
    undone = world.undo(done)
    assert [row["run_id"] for row in log(backlog.book)] == [done.run.run_id, undone.run.run_id]


def test_a_dry_run_is_told_nowhere():
    world, _intake, backlog = logged_world()
    backlog.type({"initiative_key": key_of(1)}, market="UK")
    world.rehearse("pm.backlog_sync")
    assert log(backlog.book) == []
    assert not OwedLogRow.objects.exists()


# ---- what goes wrong -----------------------------------------------------------------------------------------------


def test_a_process_that_dies_before_the_log_leaves_the_row_to_the_next_run():
    world, intake, backlog = logged_world()
    change(intake, "France")
    at_request(backlog.book, "write", 2, crash)
    run = request("pm.backlog_sync")
    with pytest.raises(Crash):
        carry_out(run, open_book=world.open)
    assert ActionRun.objects.get(pk=run.pk).status == "success"
    assert log(backlog.book) == []
    backlog.book.before_request = None
    change(intake, "DE")
    later = world.sync().run
    assert [row["run_id"] for row in log(backlog.book)] == [run.run_id, later.run_id]


def test_a_process_that_dies_after_the_log_was_written_doubles_nothing():
    world, intake, backlog = logged_world()
    change(intake, "France")
    at_request(backlog.book, "write", 2, crash, after=True)
    run = request("pm.backlog_sync")
    with pytest.raises(Crash):
        carry_out(run, open_book=world.open)
    backlog.book.after_request = None
    change(intake, "DE")
    later = world.sync().run
    assert [row["run_id"] for row in log(backlog.book)] == [run.run_id, later.run_id]


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.LANDS_LATE])
def test_a_row_whose_write_wasnt_answered_stands_there_once(fault, time_machine):
    time_machine.move_to("2026-03-31T09:30:00Z")
    world, intake, backlog = logged_world(versions=False, write_window_s=180.0)
    change(intake, "France")
    backlog.book.faults = [None, fault]
    first = world.sync().run
    change(intake, "DE")
    second = world.sync().run
    backlog.book.land_late()
    time_machine.move_to("2026-03-31T09:40:00Z")
    change(intake, "FR")
    third = world.sync().run
    assert sorted(row["run_id"] for row in log(backlog.book)) == sorted(run.run_id for run in (first, second, third))


def test_a_log_that_cant_be_written_is_no_reason_to_fail():
    world, intake, backlog = logged_world()
    change(intake, "France")
    backlog.book.faults = [None, Fault.FAILS]
    assert world.sync().run.status == "success"
    assert log(backlog.book) == []
    change(intake, "DE")
    world.sync()
    assert len(log(backlog.book)) == 2


def test_an_edit_right_before_the_log_is_written_is_kept():
    world, intake, backlog = logged_world()
    change(intake, "France")
    at_request(backlog.book, "write", 2, lambda: backlog.type({"initiative_key": key_of(2)}, market="DE"))
    world.sync()
    assert len(log(backlog.book)) == 1
    backlog.book.before_request = None
    world.sync()
    assert backlog.row(initiative_key=key_of(2))["market"] == "DE"
    assert "OK" in backlog.status(initiative_key=key_of(2))


# ---- messages ------------------------------------------------------------------------------------------------------


def message(status: str, text: str, workbook: str = "") -> dict[str, Any]:
    return {"workbook": workbook, "tab": "", "row": None, "key": "", "status": status, "text": text}


def test_messages_tell_the_worst_first_shortened_and_of_this_workbook_alone():
    said = [message("WARNING", f"warning {number}") for number in range(5)]
    said += [message("FAILED", "x" * 300), message("FAILED", "of another", "Other")]
    lines = messages_text(said, "Mine").splitlines()
    assert lines[0].startswith("FAILED: xxx")
    assert len(lines[0]) == LONGEST_MESSAGE
    assert lines[1:] == [*(f"WARNING: warning {number}" for number in range(4)), "and 1 more"]


# ---- on a file -----------------------------------------------------------------------------------------------------


def test_a_file_made_by_init_workbook_has_a_log_that_is_filled(tmp_path: Path):
    for role in ("intake", "backlog"):
        call_command("init_workbook", role, str(tmp_path / f"{role}.xlsx"))
        call_command("connect", role, str(tmp_path / f"{role}.xlsx"))
    intake = XlsxWorkbook(tmp_path / "intake.xlsx")
    shown = intake.read()
    assert shown.titles == ("Intake", "Control", RUN_LOG)
    rows = shown.grids["Intake"].rows
    header = next(number for number, row in enumerate(rows) if "title" in row)
    intake.write({"Intake": TabWrites(appended=[{rows[header].index("title"): "an idea"}], after_row=header)})
    run = request("pm.backlog_sync")
    carry_out(run)
    for role in ("intake", "backlog"):
        grid = XlsxWorkbook(tmp_path / f"{role}.xlsx").read([RUN_LOG]).grids[RUN_LOG]
        assert grid.rows[-1][:2] == [run.run_id, "pm.backlog_sync"]
    before = [(tmp_path / f"{role}.xlsx").read_bytes() for role in ("intake", "backlog")]
    carry_out(request("pm.backlog_sync"))
    assert before == [(tmp_path / f"{role}.xlsx").read_bytes() for role in ("intake", "backlog")]
