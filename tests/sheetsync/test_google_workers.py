"""Real workers on a spreadsheet: a tick in Control is carried out, once, although the workers are killed in the middle of a write."""

from __future__ import annotations

import threading

import pytest

from sheetsync.service_tabs import CONTROL, control_tab
from sheetsync.sheets_server.service import Request
from sheetsync.syncing.headers import Header, find_header
from tests.sheetsync.installation import Installation, installed
from tests.sheetsync.loopback import fill, running, shown

WISHES = [["Key", "Idea"], *([None, f"idea {number}"] for number in range(5))]


@pytest.mark.slow
def test_a_tick_is_carried_out_by_workers_of_whom_the_first_are_killed_in_the_middle_of_a_write(tmp_path):
    with running() as loopback:
        spreadsheet = loopback.spreadsheet({"Wishes": WISHES})
        served = {"SHEETS_API_URL": loopback.server.url, "GOOGLE_CREDENTIALS": "anonymous"}
        with installed("sqlite", tmp_path, **served) as installation:
            installation.manage("init_workbook", "intake", spreadsheet.spreadsheet_id)
            installation.manage("connect", "intake", spreadsheet.spreadsheet_id, "--tab", "Wishes")
            header = find_header(control_tab("intake"), shown(spreadsheet, CONTROL))
            assert isinstance(header, Header)

            def row() -> dict[str, object]:
                lines = shown(spreadsheet, CONTROL)[header.row + 1 :]
                found = next(line for line in lines if line[header.columns["action"]] == "pm.backlog_sync")
                return {name: found[place] for name, place in header.columns.items()}

            killed = kill_at_the_first_key(loopback.service, installation)
            at = next(n for n, line in enumerate(shown(spreadsheet, CONTROL)) if "pm.backlog_sync" in line)
            fill(spreadsheet.sheet(CONTROL), at, [True], left=header.columns["run"])
            installation.start_workers()
            installation.wait(killed.is_set, "the workers are at their first write of keys")
            loopback.service.before_request = None
            installation.start_workers()
            installation.wait(lambda: str(row()["last_status"]).startswith("success"), "the row says success")

            assert row()["run"] is False
            keys = [line[0] for line in shown(spreadsheet, "Wishes")[1:]]
            assert None not in keys
            assert len(set(keys)) == len(WISHES) - 1
            assert installation.ask("SELECT COUNT(*) FROM backlog_initiative") == [(len(WISHES) - 1,)]
            assert installation.ask("SELECT status, attempts FROM sheetsync_actionrun") == [("success", 2)]


def kill_at_the_first_key(service, installation: Installation) -> threading.Event:
    """The machine of the workers stops while the server has their request: it is carried out, and nobody hears of it."""
    killed = threading.Event()

    def hook(request: Request) -> None:
        if request.kind == "write" and "INIT-" in str(request.body) and not killed.is_set():
            installation.kill_group(installation.clusters[-1])
            killed.set()

    service.before_request = hook
    return killed
