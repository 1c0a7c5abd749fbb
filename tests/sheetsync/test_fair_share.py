"""Two hundred spreadsheets, one service account, one timetable: the real schedule, queue and budget against a server that counts, on a
clock that runs as fast as the work does."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
import time_machine
from django.utils import timezone
from google.auth.credentials import AnonymousCredentials

from sheetsync.control.polling import poll_all
from sheetsync.models import ActionRun, ControlState, Workbook
from sheetsync.runs.housekeeping import ask_for_sync, keep_house
from sheetsync.runs.schedules import timetable
from sheetsync.runs.tasks import work_on
from sheetsync.workbooks import google
from sheetsync.workbooks.google_client import SheetsClient
from tests.sheetsync.loopback import Loopback, running

WORKBOOKS = 200
PER_MINUTE = 60  # what Google lets one account ask
SYNC_EVERY = 20  # minutes
CALLS = {"keep_house": keep_house, "poll_all": poll_all, "ask_for_sync": ask_for_sync}
ANSWER_S = 0.2  # until Google answers


@dataclass
class Machine:
    """One worker: it does what is due, then what is queued, one after the other."""

    clock: time_machine.Traveller
    due: dict[str, datetime.datetime] = field(default_factory=dict)  # the timetable's functions
    polled: dict[int, list[datetime.datetime]] = field(default_factory=dict)  # by workbook: when its Control was read

    def work_until(self, end: datetime.datetime) -> None:
        """Does whatever there is to do until then."""
        self.due = {entry.func.rpartition(".")[2]: timezone.now() for entry in timetable()}
        while timezone.now() < end:
            if not self._do_what_is_due() and not self._carry_out_one():
                self.clock.move_to(min(self.due.values()))

    def _do_what_is_due(self) -> bool:
        name = next((name for name, moment in self.due.items() if moment <= timezone.now()), "")
        if not name:
            return False
        minutes = next(entry.minutes for entry in timetable() if entry.func.endswith(f".{name}"))
        while self.due[name] <= timezone.now():  # times that were missed aren't made up for
            self.due[name] += datetime.timedelta(minutes=minutes)
        CALLS[name]()
        for workbook, moment in ControlState.objects.values_list("workbook_id", "polled_at"):
            seen = self.polled.setdefault(workbook, [])
            if moment not in seen:
                seen.append(moment)
        return True

    @staticmethod
    def _carry_out_one() -> bool:
        run = ActionRun.objects.filter(status=ActionRun.Status.QUEUED).order_by("pk").first()
        if run:
            work_on(run.run_id)
        return run is not None


def longest_gap(began: datetime.datetime, moments: list[datetime.datetime], end: datetime.datetime) -> float:
    """Minutes."""
    marks = [began, *moments, end]
    return max((later - earlier).total_seconds() / 60 for earlier, later in pairwise(marks))


@pytest.fixture
def loopback(settings, monkeypatch) -> Iterator[tuple[Loopback, time_machine.Traveller]]:
    settings.SYNC_EVERY_MINUTES, settings.SHEETS_POLLS_PER_MINUTE = SYNC_EVERY, PER_MINUTE // 2
    began = datetime.datetime(2026, 7, 1, 9, tzinfo=datetime.UTC)
    with time_machine.travel(began, tick=False) as clock, running(clock=lambda: timezone.now().timestamp()) as server:
        server.service.quota.reads = server.service.quota.writes = PER_MINUTE
        server.service.before_request = lambda request: clock.shift(ANSWER_S)

        def open_client() -> SheetsClient:
            url = server.server.url
            return SheetsClient(AnonymousCredentials(), base_url=url, per_minute=PER_MINUTE, sleep=clock.shift)

        monkeypatch.setattr(google, "open_client", open_client)
        yield server, clock


@pytest.mark.slow
@pytest.mark.django_db
def test_two_hundred_workbooks_in_one_schedule_stay_below_the_quota_and_none_starves(loopback):
    server, clock = loopback
    for number in range(WORKBOOKS):
        # In every tenth one a department has handed something in.
        wishes = [["Key", "Idea", "Country"], *([[None, f"idea {number}", "UK"]] if number % 10 == 0 else [])]
        control = [["action", "run", "arguments", "last_status", "last_run_at"], ["pm.backlog_sync", False]]
        spreadsheet = server.spreadsheet({"Wishes": wishes, "Control": control})
        Workbook.objects.create(role="intake", location=spreadsheet.spreadsheet_id, title=f"Wishes {number}")
    began = timezone.now()
    end = began + datetime.timedelta(minutes=SYNC_EVERY + 5)
    machine = Machine(clock)
    machine.work_until(end)

    assert {answer.status for _request, answer in server.calls} == {200}
    synced = ActionRun.objects.filter(status="success", finished_at__lt=began + datetime.timedelta(minutes=SYNC_EVERY))
    assert set(synced.values_list("workbook__title", flat=True)) == {f"Wishes {number}" for number in range(WORKBOOKS)}
    # 30 of 200 tabs a minute: every seven minutes, and one more while syncs wait for their turn.
    assert len(machine.polled) == WORKBOOKS
    assert max(longest_gap(began, moments, end) for moments in machine.polled.values()) <= 9
