"""What people do to spreadsheets between two syncs: each gets its sentence in the run's messages, loses nothing, and stops nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from backlog.models import Initiative
from sheetsync.context import Arguments
from sheetsync.models import ActionRun, TabState
from sheetsync.runs.actions import carry_out, request
from sheetsync.sheets_server.batch import batch_update
from sheetsync.sheets_server.places import Block
from sheetsync.sheets_server.sheet import ANONYMOUS, Protection, Spreadsheet
from tests.sheetsync.loopback import Loopback, fill, running, shown
from tests.sheetsync.spreadsheets import command, header_of, rows_of, set_up

pytestmark = pytest.mark.django_db


@dataclass
class Desk:
    """A department's sheet and a Backlog, at rest, and something new in both."""

    loopback: Loopback
    intake: Spreadsheet
    backlog: Spreadsheet

    def sync(self) -> ActionRun:
        """Everything, as the timetable or a person asks for it."""
        run = request("pm.backlog_sync", arguments=Arguments(), requested_by="ada")
        carry_out(run)
        run.refresh_from_db()
        return run

    def type(self, row: int, column: str, value: object) -> None:
        """Into the Backlog; rows count from 0 below the header."""
        header = header_of(self.backlog, "Backlog", "backlog")
        fill(self.backlog.sheet("Backlog"), header.row + 1 + row, [value], left=header.columns[column])

    def rows(self) -> list[dict[str, object]]:
        """What the Backlog shows."""
        return rows_of(self.backlog, "Backlog", "backlog")


@pytest.fixture
def desk(settings) -> Iterator[Desk]:
    with running() as loopback:
        settings.SHEETS_API_URL, settings.GOOGLE_CREDENTIALS = loopback.server.url, "anonymous"
        settings.SHEETS_REQUESTS_PER_MINUTE = 0
        intake = loopback.spreadsheet(
            {"Wishes": [["Key", "Idea", "Country"], [None, "One", "UK"], [None, "Two", "UK"]]}
        )
        command("connect", "intake", intake.spreadsheet_id)
        desk = Desk(loopback, intake, set_up(loopback, "backlog"))
        assert desk.sync().status == "success"
        fill(intake.sheet("Wishes"), 3, [None, "Three", "DE"])
        desk.type(0, "market", "UKI")
        yield desk


# Each does its worst and gives what undoes it.
Undo = Callable[[], object]


def forget(desk: Desk) -> Undo:
    kept = desk.loopback.service.spreadsheets.pop(desk.backlog.spreadsheet_id)
    return lambda: desk.loopback.service.spreadsheets.update({kept.spreadsheet_id: kept})


def unshare(desk: Desk) -> Undo:
    desk.backlog.strangers.add(ANONYMOUS)
    return desk.backlog.strangers.clear


def show_only(desk: Desk) -> Undo:
    desk.backlog.readers.add(ANONYMOUS)
    return desk.backlog.readers.clear


def rename(desk: Desk) -> Undo:
    sheet = desk.backlog.sheet("Backlog")
    sheet.title = "Backlog (old)"
    return lambda: setattr(sheet, "title", "Backlog")


def delete(desk: Desk) -> Undo:
    sheet = desk.backlog.sheet("Backlog")
    desk.backlog.sheets.remove(sheet)
    return lambda: desk.backlog.sheets.append(sheet)


def protect(desk: Desk) -> Undo:
    sheet = desk.backlog.sheet("Backlog")
    theirs = Protection(protection_id=9, block=Block(), warning_only=False, editors=("ada@example.com",))
    sheet.protections.append(theirs)
    return lambda: sheet.protections.remove(theirs)


def fill_up(desk: Desk) -> Undo:
    limit = desk.backlog.cell_limit
    desk.backlog.cell_limit = sum(sheet.row_count * sheet.column_count for sheet in desk.backlog.sheets)
    return lambda: setattr(desk.backlog, "cell_limit", limit)


def empty(desk: Desk) -> Undo:
    sheet, header = desk.backlog.sheet("Backlog"), header_of(desk.backlog, "Backlog", "backlog")
    kept = list(sheet.rows)
    del sheet.rows[header.row + 1 :]
    TabState.objects.filter(tab="Backlog").update(row_count=60)  # as if there had been that many
    return lambda: sheet.rows.__setitem__(slice(None), kept)


@pytest.mark.parametrize(
    ("mishap", "said"),
    [
        (forget, "There is no Google spreadsheet with the id"),
        (unshare, "anonymous may not open the Google spreadsheet"),
        (show_only, "make that address an editor"),
        (rename, "there is no tab 'Backlog'"),
        (delete, "there is no tab 'Backlog'"),
        (
            protect,
            "cells that must be written are protected; in Google Sheets, choose Data > Protect sheets and ranges",
        ),
        (fill_up, "as many cells as Google allows, 10 million"),
        (empty, "the tab shows 0 rows, 60 at the last read; nothing was changed"),
    ],
)
def test_it_is_said_the_rest_goes_on_and_once_it_is_mended_nothing_is_lost(
    desk: Desk, mishap: Callable[[Desk], Undo], said: str
) -> None:
    mend = mishap(desk)
    run = desk.sync()
    assert run.status == "partial"
    told = [message["text"] for message in run.messages if message["status"] == "FAILED"]
    assert any(said in text for text in told), told
    assert [row[0] for row in shown(desk.intake, "Wishes")[1:]] == ["INIT-000001", "INIT-000002", "INIT-000003"]
    mend()
    TabState.objects.filter(tab="Backlog").update(row_count=2)
    run = desk.sync()
    assert run.status == "success", run.messages
    assert [(row["title"], row["market"]) for row in desk.rows()] == [("One", "UKI"), ("Two", None), ("Three", None)]
    assert Initiative.objects.get(title="One").market == "UKI"


def test_a_hidden_tab_and_filtered_rows_are_worked_in_like_others(desk: Desk) -> None:
    sheet = desk.backlog.sheet("Backlog")
    hide = {"properties": {"sheetId": sheet.sheet_id, "hidden": True}, "fields": "hidden"}
    rows = {"sheetId": sheet.sheet_id, "dimension": "ROWS", "startIndex": 4, "endIndex": 6}
    unseen = {"range": rows, "properties": {"hiddenByUser": True}, "fields": "hiddenByUser"}
    filtered = {"filter": {"range": {"sheetId": sheet.sheet_id}}}
    requests = [
        {"updateSheetProperties": hide},
        {"updateDimensionProperties": unseen},
        {"setBasicFilter": filtered},
    ]
    batch_update(desk.backlog, requests, "ada@example.com")
    assert desk.sync().status == "success"
    assert [(row["title"], row["market"]) for row in desk.rows()] == [("One", "UKI"), ("Two", None), ("Three", None)]
