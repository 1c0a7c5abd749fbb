"""The workers' queue: one task a run, which carries the run's id and nothing else. The ActionRun row is the truth.

A task may be handed out twice, late, or to two workers at once; what it does then is decided by the run's state alone.
"""

from __future__ import annotations

import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.models import OrmQ
from django_q.tasks import async_task

from sheetsync.models import ActionRun

WORK = "sheetsync.runs.tasks.work_on"  # what a worker does with a run's id
# A task that a group of workers picked up but didn't begin for so long may be handed to another group as well.
PICKED_UP_FOR_S = 60.0
LONGEST_DELAY_S = 60.0  # of a task that waits for its moment; what is locked for longer was picked up


class _Letterbox(ORM):  # type: ignore[misc]
    """Django-q2's queue in the database, but for two things: a task may wait until a moment, and its row is remembered."""

    def __init__(self, due: datetime.datetime) -> None:
        super().__init__()
        self.due = due
        self.row = 0  # of the last task

    def enqueue(self, task: str) -> int:
        """Stores the task; workers pick it up once its lock is over."""
        self.row = self.get_connection().create(key=self.list_key, payload=task, lock=self.due).pk
        return self.row


def enqueue(run: ActionRun, *, delay_s: float = 0.0) -> None:
    """Hands a run to the workers, in `delay_s` seconds at the earliest. Its earlier task is replaced.

    Part of the caller's transaction: run and task both stand, or neither."""
    letterbox = _Letterbox(timezone.now() + datetime.timedelta(seconds=min(delay_s, LONGEST_DELAY_S)))
    with transaction.atomic():
        OrmQ.objects.filter(pk=run.task_row or 0).delete()
        async_task(WORK, run.run_id, task_name=run.run_id, broker=letterbox)
        run.task_row = letterbox.row
        ActionRun.objects.filter(pk=run.pk).update(task_row=letterbox.row)


def enqueue_call(func: str, *, delay_s: float) -> None:
    """Has a worker call a function (dotted path, no arguments) in `delay_s` seconds at the earliest."""
    due = timezone.now() + datetime.timedelta(seconds=min(delay_s, LONGEST_DELAY_S))
    async_task(func, broker=_Letterbox(due))


def hurry(run: ActionRun) -> None:
    """A task that waits for its moment is due now."""
    now = timezone.now()
    OrmQ.objects.filter(pk=run.task_row or 0, lock__gt=now).update(lock=now)


def find_lost() -> list[ActionRun]:
    """Queued runs whose task is gone, or was picked up a while ago and not begun: whoever had it may have died."""
    queued = list(ActionRun.objects.filter(status=ActionRun.Status.QUEUED, task_row__isnull=False))
    locks = dict(OrmQ.objects.filter(pk__in=[run.task_row for run in queued]).values_list("pk", "lock"))
    return [run for run in queued if run.task_row not in locks or _was_picked_up(locks[run.task_row])]


def _was_picked_up(lock: datetime.datetime) -> bool:
    """Whether the task was picked up, and long ago: it is locked for what is left of the queue's own patience then."""
    left = (lock - timezone.now()).total_seconds()
    return LONGEST_DELAY_S < left < settings.TASK_RETRY_S - PICKED_UP_FOR_S
