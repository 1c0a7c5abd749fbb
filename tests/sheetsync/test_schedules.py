"""The timetable follows the settings, is made once however often it is asked for, and no bad row stops it."""

from __future__ import annotations

import datetime

import pytest
import time_machine
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task
from django_q.scheduler import scheduler

from sheetsync.models import ActionRun, RequestNonce, WorkerBeat
from sheetsync.runs.health import SILENT_AFTER_S, workers
from sheetsync.runs.housekeeping import TASKS_KEPT_FOR, ask_for_sync, keep_house, worker_started
from sheetsync.runs.schedules import PREFIX, disarm_malformed, problem_of, set_up, timetable
from tests.factories import WorkbookFactory

pytestmark = pytest.mark.django_db


def ours() -> dict[str, Schedule]:
    return {str(row.name): row for row in Schedule.objects.filter(name__startswith=PREFIX)}


def test_after_migrate_the_timetable_stands():
    assert set(ours()) == {PREFIX + entry.name for entry in timetable()}
    assert ours()[f"{PREFIX}housekeeping"].func == "sheetsync.runs.housekeeping.keep_house"


def test_setting_it_up_again_changes_nothing():
    before = list(Schedule.objects.order_by("pk").values())
    assert set_up() == []
    assert list(Schedule.objects.order_by("pk").values()) == before


def test_syncing_by_the_clock_comes_changes_and_goes_with_its_setting(settings):
    settings.SYNC_EVERY_MINUTES = 15
    assert set_up() == [f"made {PREFIX}sync"]
    assert (ours()[f"{PREFIX}sync"].minutes, ours()[f"{PREFIX}sync"].repeats) == (15, -1)
    settings.SYNC_EVERY_MINUTES = 5
    assert set_up() == [f"changed {PREFIX}sync"]
    settings.SYNC_EVERY_MINUTES = 0
    assert set_up() == [f"removed {PREFIX}sync"]


def test_a_row_that_was_made_twice_changed_or_switched_off_is_put_right():
    row = ours()[f"{PREFIX}housekeeping"]
    Schedule.objects.create(name=row.name, func=row.func, schedule_type=Schedule.MINUTES, minutes=1)
    Schedule.objects.filter(pk=row.pk).update(repeats=0, minutes=99, next_run=None)
    assert sorted(set_up()) == [f"changed {row.name}", f"removed {row.name}"]
    row.refresh_from_db()
    assert (row.repeats, row.minutes, row.next_run is None) == (-1, 1, False)


def test_rows_of_others_are_left_alone():
    other = Schedule.objects.create(name="reports", func="math.floor", schedule_type=Schedule.HOURLY)
    assert set_up() == []
    assert Schedule.objects.filter(pk=other.pk, repeats=-1).exists()


BAD = [
    {"args": "1, 2,,"},
    {"args": "("},
    {"kwargs": "[1, 2]"},
    {"kwargs": "{1: 2}"},
    {"schedule_type": Schedule.CRON, "cron": "* * * * *"},
    {"schedule_type": "X"},
]


@pytest.mark.django_db(transaction=True)  # django-q2 closes and opens its connection
@pytest.mark.parametrize("fields", BAD)
def test_a_malformed_row_is_stored_out_of_use_and_the_timetable_goes_on(fields):
    given = {"schedule_type": Schedule.MINUTES, "next_run": timezone.now() - datetime.timedelta(days=1), **fields}
    if given["schedule_type"] == Schedule.CRON:
        Schedule.objects.bulk_create([Schedule(name="bad", func="math.floor", **given)])  # its own save can't store one
        disarm_malformed()
    else:
        Schedule.objects.create(name="bad", func="math.floor", **given)
    assert Schedule.objects.get(name="bad").repeats == 0
    scheduler()
    assert OrmQ.objects.count() == len(timetable())


@pytest.mark.django_db(transaction=True)  # django-q2 closes and opens its connection
@pytest.mark.parametrize("fields", BAD)
def test_a_malformed_row_that_came_by_another_way_is_put_out_of_use(fields):
    given = {"schedule_type": Schedule.MINUTES, "next_run": timezone.now() - datetime.timedelta(days=1), **fields}
    Schedule.objects.bulk_create([Schedule(name="bad", func="math.floor", **given)])
    scheduler()
    assert not OrmQ.objects.exists(), "it stops all others"
    (told,) = set_up()
    assert told.startswith("put bad (schedule ")
    scheduler()
    assert OrmQ.objects.count() == len(timetable())


def test_well_formed_rows_have_no_problem():
    fine = {"args": "1, 'two'", "kwargs": "three=3", "schedule_type": Schedule.DAILY, "next_run": timezone.now()}
    assert problem_of(Schedule(func="math.floor", **fine)) == ""
    assert [problem_of(row) for row in ours().values()] == [""] * len(ours())


@pytest.mark.django_db(transaction=True)  # django-q2 closes and opens its connection
def test_missed_times_are_not_made_up_for():
    Schedule.objects.update(next_run=timezone.now() - datetime.timedelta(hours=3))
    scheduler()
    scheduler()
    assert OrmQ.objects.count() == len(timetable())


def test_each_workbook_is_synced_by_a_run_of_its_own_and_one_that_still_waits_does_for_the_next(settings):
    settings.SYNC_EVERY_MINUTES = 5
    backlog, intake = WorkbookFactory(role="backlog"), WorkbookFactory(role="intake")
    WorkbookFactory(role="productops")
    WorkbookFactory(role="intake", is_active=False)
    assert ask_for_sync() == ask_for_sync() == "2 syncs asked for"
    runs = ActionRun.objects.order_by("pk")
    assert [(run.action, run.workbook, run.came_from) for run in runs] == [
        ("pm.backlog_sync", intake, "schedule"),
        ("pm.backlog_sync", backlog, "schedule"),
    ]
    settings.SYNC_EVERY_MINUTES = 0
    assert ask_for_sync() == "nobody wants it any more"


def test_housekeeping_shows_that_workers_live():
    assert workers().age_s is None
    keep_house()
    assert workers().are_well
    with time_machine.travel(timezone.now() + datetime.timedelta(seconds=SILENT_AFTER_S + 1)):
        assert not workers().are_well
        assert round(workers().age_s or 0) == SILENT_AFTER_S + 1


def test_a_worker_that_starts_makes_a_timetable_that_is_missing():
    Schedule.objects.all().delete()
    worker_started()
    assert set(ours()) == {PREFIX + entry.name for entry in timetable()}
    assert WorkerBeat.objects.count() == 1


def test_what_is_old_is_tidied_away():
    old = timezone.now() - TASKS_KEPT_FOR - datetime.timedelta(days=1)
    workbook = WorkbookFactory(role="backlog")
    WorkerBeat.objects.create(name="gone/1", seen_at=old)
    for number, when in enumerate((old, timezone.now())):
        RequestNonce.objects.create(workbook=workbook, nonce=str(number), seen_at=when)
        Task.objects.create(id=str(number), name="task", func="f", started=when, stopped=when, success=True)
    keep_house()
    assert not WorkerBeat.objects.filter(name="gone/1").exists()
    assert [nonce.nonce for nonce in RequestNonce.objects.all()] == ["1"]
    assert [task.id for task in Task.objects.all()] == ["1"]
