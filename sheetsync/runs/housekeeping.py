"""What the timetable has workers do: show that they live, take up what broke off, tidy up, and sync where that is wanted."""

from __future__ import annotations

import datetime
import logging

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from django_q.models import Schedule, Task

from sheetsync.models import ActionRun, RequestNonce, Workbook, WorkerBeat
from sheetsync.runs.actions import ACTIONS, WrongUsage, needed_workbooks
from sheetsync.runs.health import beat, this_is_a_worker
from sheetsync.runs.leases import reap, wake
from sheetsync.runs.queueing import enqueue, enqueue_call, find_lost
from sheetsync.runs.schedules import set_up
from sheetsync.runs.tasks import submit

logger = logging.getLogger(__name__)

# Of tasks, what became of them stands in their runs; these are kept for looking into trouble.
TASKS_KEPT_FOR = datetime.timedelta(days=14)
# A nonce must be known for as long as a request may be late, and is forgotten well after.
NONCES_KEPT_FOR = datetime.timedelta(hours=1)
BEATS_KEPT_FOR = datetime.timedelta(days=1)
# A run that somebody meant to carry out himself waits for a workbook for seconds; later nobody does.
BEGUN_WITHIN = datetime.timedelta(hours=1)

SYNC = "pm.backlog_sync"

NOT_BEGUN = "the command that asked for this ended before it began. Nothing was done; ask for it again."


def keep_house() -> str:
    """Once a minute, by the timetable; returns what was done, in words."""
    beat()
    done = [f"run {run.run_id} had broken off" for run in reap()]
    for run in find_lost():
        enqueue(run)
        done.append(f"run {run.run_id} is queued anew")
    wake(needed_workbooks)
    done += set_up()
    _tidy()
    for text in done:
        logger.warning("%s", text)
    return "; ".join(done) or "nothing to do"


def _tidy() -> None:
    now = timezone.now()
    RequestNonce.objects.filter(seen_at__lt=now - NONCES_KEPT_FOR).delete()
    WorkerBeat.objects.filter(seen_at__lt=now - BEATS_KEPT_FOR).delete()
    Task.objects.filter(stopped__lt=now - TASKS_KEPT_FOR).delete()
    said = {"workbook": "", "tab": "", "row": None, "key": "", "status": "FAILED", "text": NOT_BEGUN}
    ActionRun.objects.filter(
        status=ActionRun.Status.QUEUED, task_row__isnull=True, created_at__lt=now - BEGUN_WITHIN
    ).update(status=ActionRun.Status.FAILED, finished_at=now, messages=[said])


def ask_for_sync() -> str:
    """Every SYNC_EVERY_MINUTES, by the timetable: a run for each workbook, so that none waits for all others, and a person who asks for
    one waits for that one alone. A run that still waits does for this time, too. Returns what was done, in words."""
    if settings.SYNC_EVERY_MINUTES <= 0:
        return "nobody wants it any more"
    roles = ACTIONS[SYNC].roles  # in the order in which the action goes through them: first intake, then the Backlog
    workbooks = Workbook.objects.filter(is_active=True, role__in=roles).order_by("pk")
    ordered = sorted(workbooks, key=lambda workbook: roles.index(workbook.role))
    asked = {submit(SYNC, workbook=one, requested_by="timetable", came_from="schedule").run_id for one in ordered}
    return f"{len(asked)} syncs asked for"


def ask_for(action: str, workbook: int = 0) -> str:
    """What somebody put into the timetable. A workbook that is gone, or a wrong call, is told in the task's result."""
    book = Workbook.objects.filter(pk=workbook, is_active=True).first() if workbook else None
    if workbook and book is None:
        return f"workbook {workbook} isn't active any more; nothing was asked for"
    try:
        return submit(action, workbook=book, requested_by="timetable", came_from="schedule").run_id
    except WrongUsage as refusal:
        return str(refusal)


def worker_started(**kwargs: object) -> None:
    """When a worker begins: it shows itself, and sees to the timetable, without which nothing here would ever be called.

    It may stand in for one that died at its work: what that one held is looked at once its lease has run out.
    """
    this_is_a_worker()
    try:
        keep_house()
        if ActionRun.objects.filter(status=ActionRun.Status.RUNNING, lease_until__isnull=False).exists():
            enqueue_call("sheetsync.runs.housekeeping.keep_house", delay_s=settings.RUN_LEASE_S + 1)
    except DatabaseError:
        logger.exception("the worker couldn't look after the house; is the database migrated?")


def database_migrated(**kwargs: object) -> None:
    """After `migrate`: the timetable stands before the first worker starts. One app's migrations alone may not bring its table."""
    if Schedule._meta.db_table in connection.introspection.table_names():
        set_up()
