"""What workers do: carry out runs, and keep house. A task carries a run id only: the ActionRun row is the truth."""

from __future__ import annotations

import hashlib
import json
import logging

from django.db import IntegrityError, transaction
from django.utils import timezone

from sheetsync.context import Arguments
from sheetsync.models import ActionRun, Workbook
from sheetsync.runs.actions import attempt, needed_workbooks, request
from sheetsync.runs.leases import Status, WorkbooksBusy, first_in_line
from sheetsync.runs.queueing import enqueue

__all__ = ("enqueue", "submit", "work_on")

logger = logging.getLogger(__name__)

# A run that waits for a workbook is woken when it is free; should that get lost, it looks again after so long.
LOOK_AGAIN_S = 10.0


def submit(
    name: str,
    *,
    workbook: Workbook | None = None,
    arguments: Arguments | None = None,
    requested_by: str = "",
    came_from: str = "command",
) -> ActionRun:
    """Asks the workers for an action; returns the run that will do it. Raises WrongUsage.

    What is asked for while the same still waits to begin joins it: that run is returned, and does for both.
    """
    asked = arguments or Arguments()
    key = _queue_key(name, workbook, asked)
    while True:
        waiting = ActionRun.objects.filter(queue_key=key, status=Status.QUEUED).first()
        if waiting is not None:
            return waiting
        try:
            with transaction.atomic():
                run = request(name, workbook=workbook, arguments=asked, requested_by=requested_by, came_from=came_from)
                ActionRun.objects.filter(pk=run.pk).update(queue_key=key)
                enqueue(run)
        except IntegrityError:
            continue  # somebody asked for the same in this very moment
        run.refresh_from_db()
        return run


def _queue_key(name: str, workbook: Workbook | None, arguments: Arguments) -> str:
    asked = json.dumps([name, workbook and workbook.pk, arguments.as_json()], sort_keys=True, default=str)
    return hashlib.sha256(asked.encode()).hexdigest()


def work_on(run_id: str) -> str:
    """What a worker does with a task; returns what became of it, in words. Never raises: an error's text belongs in the log alone."""
    run = ActionRun.objects.select_related("workbook").filter(run_id=run_id).first()
    if run is None:
        return f"run {run_id} is gone"
    try:
        before = first_in_line(run, needed_workbooks) if run.status == Status.QUEUED else None
        if before is not None:
            return _wait(run, f"run {before.run_id} is first in line for its workbook")
        context = attempt(run)
    except WorkbooksBusy as busy:
        return _wait(run, str(busy))
    except Exception:
        logger.exception("run %s couldn't be carried out to its end; it is taken up again", run_id)
        return f"run {run_id} broke off; the log says why"
    return f"run {run_id}: {run.status}" if context else f"run {run_id} was taken already"


def _wait(run: ActionRun, why: str) -> str:
    """Puts a run off until its workbooks are free."""
    with transaction.atomic():
        waits = ActionRun.objects.filter(pk=run.pk, status=Status.QUEUED, attempts=run.attempts).update(
            waits_since=run.waits_since or timezone.now(), progress=f"waits: {why}"[:200]
        )
        if waits:
            enqueue(run, delay_s=LOOK_AGAIN_S)
    return f"run {run.run_id} waits: {why}" if waits else f"run {run.run_id} was taken already"
