"""Leases: one process at a time on a run, one run at a time on a workbook.

A run is claimed by the state that was seen, and its attempt is counted before any work. While it runs, its lease is moved on; a run
whose lease ran out is broken off by whoever looks next. A workbook is held by an attempt of a run as long as that attempt is under
way, so that one lease says it all. Every transaction of an action ends by moving the lease on: what was taken over can't be saved.
"""

from __future__ import annotations

import datetime
import os
import socket
from collections.abc import Callable, Collection, Iterator, Sequence

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from sheetsync.models import ActionRun, WorkbookLease
from sheetsync.runs.queueing import enqueue, hurry

Status = ActionRun.Status
# Which workbooks a run needs, by primary key.
Needs = Callable[[ActionRun], Collection[int]]

GIVEN_UP = (
    "given up: this was begun {attempts} times, and each time the program or its machine stopped before it was done. "
    "Nothing is lost or doubled; what was done stays. Ask your operator to look for run {run_id} in the log, then ask for it again."
)
BROKEN_OFF = "the process that carried this out ended before it was done. Nothing is lost or doubled; ask for it again."


class WorkbooksBusy(Exception):
    """Another run works on a workbook that is needed. The text says which, who asked for it, and since when."""


class TakenOver(Exception):
    """The run's lease ran out, and it is somebody else's now: stop, save nothing."""


def this_process() -> str:
    """host/process id."""
    return f"{socket.gethostname()}/{os.getpid()}"


def lease_end() -> datetime.datetime:
    """When a lease ends that is given or moved on now."""
    return timezone.now() + datetime.timedelta(seconds=settings.RUN_LEASE_S)


def claim(run: ActionRun, workbooks: Sequence[int]) -> bool:
    """Begins an attempt at a queued run, and holds these workbooks (primary keys) for it: all of it, or nothing.

    False when somebody else was first. Raises WorkbooksBusy.
    """
    attempt = run.attempts + 1
    with transaction.atomic():
        begun = ActionRun.objects.filter(pk=run.pk, status=Status.QUEUED, attempts=run.attempts).update(
            status=Status.RUNNING,
            attempts=attempt,
            started_at=timezone.now(),
            lease_until=lease_end(),
            worker=this_process(),
            queue_key=None,
            waits_since=None,
            progress="",
        )
        if not begun:
            return False
        leases = _locked_leases(workbooks)
        for lease in leases:
            if _is_held(lease):
                raise WorkbooksBusy(_in_words(lease))
        WorkbookLease.objects.filter(pk__in=[lease.pk for lease in leases]).update(run=run, attempt=attempt)
    run.refresh_from_db()
    return True


def _locked_leases(workbooks: Sequence[int]) -> list[WorkbookLease]:
    """In the same order for everybody: nobody waits for somebody who waits for him."""
    known = set(WorkbookLease.objects.filter(workbook__in=workbooks).values_list("workbook_id", flat=True))
    missing = [WorkbookLease(workbook_id=pk) for pk in sorted(set(workbooks) - known)]
    WorkbookLease.objects.bulk_create(missing, ignore_conflicts=True)
    rows = WorkbookLease.objects.filter(workbook__in=workbooks).order_by("workbook_id")
    list(rows.select_for_update())
    # Read once they are locked: what a locking query shows of other tables may be older than the lock.
    return list(rows.select_related("run", "workbook"))


def _is_held(lease: WorkbookLease) -> bool:
    """A lease that ran out still holds until somebody has broken its run off: it may have been moved on this very moment."""
    return lease.run is not None and lease.run.status == Status.RUNNING and lease.run.attempts == lease.attempt


def _in_words(lease: WorkbookLease) -> str:
    assert lease.run is not None
    asked = f", asked for by {lease.run.requested_by}" if lease.run.requested_by else ""
    since = f" since {lease.run.started_at:%H:%M:%S} UTC" if lease.run.started_at else ""
    return f"{lease.workbook} is in use by {lease.run.action}{since} (run {lease.run.run_id}{asked})"


def renew(run: ActionRun, **fields: object) -> bool:
    """Moves the lease of this attempt on, and sets other fields along; False when the run isn't this attempt's any more."""
    return bool(_own(run).update(lease_until=lease_end(), **fields))


def _own(run: ActionRun) -> models.QuerySet[ActionRun]:
    return ActionRun.objects.filter(pk=run.pk, status=Status.RUNNING, attempts=run.attempts)


def fence(run: ActionRun) -> None:
    """Inside a transaction, before it ends: what this attempt changes is saved only if the run is still its own. Raises TakenOver."""
    if not renew(run):
        raise TakenOver(run.run_id)


def end(run: ActionRun, **fields: object) -> None:
    """Ends this attempt's run; its workbooks are free then. Raises TakenOver."""
    ended = _own(run).update(lease_until=None, progress="", finished_at=timezone.now(), **fields)
    if not ended:
        raise TakenOver(run.run_id)


def break_off(run: ActionRun) -> bool:
    """Ends an attempt that didn't come to its end; False when the run moved on meanwhile.

    What was asked of the workers goes back to their queue, until it was begun too often; what somebody ran himself is failed, since
    nobody expects a command that was killed to act later.
    """
    again = run.task_row is not None and run.attempts < settings.RUN_ATTEMPTS and not run.cancelled_by
    seen = ActionRun.objects.filter(
        pk=run.pk, status=Status.RUNNING, attempts=run.attempts, lease_until=run.lease_until
    )
    with transaction.atomic():
        if again:
            moved = seen.update(status=Status.QUEUED, lease_until=None, progress="", worker="")
        else:
            moved = seen.update(
                status=Status.FAILED,
                lease_until=None,
                progress="",
                finished_at=timezone.now(),
                messages=[*run.messages, _last_words(run)],
            )
        if moved and again:
            enqueue(run)
    return bool(moved)


def _last_words(run: ActionRun) -> dict[str, object]:
    text = (
        BROKEN_OFF
        if run.task_row is None or run.cancelled_by
        else GIVEN_UP.format(attempts=run.attempts, run_id=run.run_id)
    )
    return {"workbook": "", "tab": "", "row": None, "key": "", "status": "FAILED", "text": text}


def reap() -> list[ActionRun]:
    """Breaks off every run whose lease ran out; returns them."""
    out = ActionRun.objects.filter(status=Status.RUNNING, lease_until__lt=timezone.now())
    return [run for run in out if break_off(run)]


# ---- waiting for a workbook --------------------------------------------------------------------------------------------------------


def first_in_line(run: ActionRun, needs: Needs) -> ActionRun | None:
    """The run that waits longer for one of the same workbooks, None when it is this one's turn."""
    look_up = _remembered(needs)
    for other in _waiting():
        if other.pk == run.pk:
            return None
        if look_up(run) & look_up(other):
            return other
    return None


def wake(needs: Needs) -> None:
    """Hurries the runs whose turn it is: those that wait longest for the workbooks they need."""
    look_up = _remembered(needs)
    wanted: set[int] = set()
    for run in _waiting():
        if not look_up(run) & wanted:
            hurry(run)
        wanted |= look_up(run)


def _waiting() -> Iterator[ActionRun]:
    waiting = ActionRun.objects.filter(status=Status.QUEUED, waits_since__isnull=False)
    yield from waiting.select_related("workbook").order_by("waits_since", "pk")


def _remembered(needs: Needs) -> Callable[[ActionRun], set[int]]:
    """The needs of many runs: the same action on the same workbook needs the same."""
    known: dict[tuple[str, int | None], set[int]] = {}

    def look_up(run: ActionRun) -> set[int]:
        asked = (run.action, run.workbook.pk if run.workbook else None)
        if asked not in known:
            known[asked] = set(needs(run))
        return known[asked]

    return look_up
