"""Cancelling a run: one that waits never begins, one under way stops at the next safe point.

Safe points lie between reading, comparing, solving and writing, wherever an action tells how far it is: no transaction is open there, and
no write is on its way. What was done before stays, and can be undone.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ

from sheetsync.models import ActionRun

Status = ActionRun.Status
NEVER_BEGAN = "cancelled by {who} before it began. Nothing was done."
STOPPED = "cancelled by {who} while it ran. What was done until then stays, and can be undone."


class Cancelled(Exception):
    """Somebody cancelled the run: stop here. The text is for people."""

    def __init__(self, who: str) -> None:
        super().__init__(STOPPED.format(who=who))
        self.who = who


def cancel(run: ActionRun, who: str) -> str:
    """Cancels a run from the state that is stored now. Returns what comes of it, a sentence; "" when the run has ended already."""
    with transaction.atomic():
        stored = ActionRun.objects.select_for_update().get(pk=run.pk)
        if stored.status == Status.QUEUED:
            _end_unbegun(stored, who)
            return "The run is cancelled; it hadn't begun."
        if stored.status != Status.RUNNING:
            return ""
        ActionRun.objects.filter(pk=stored.pk, cancelled_by="").update(cancelled_by=who)
    return "The run stops at the next safe point; until then it shows as running."


def _end_unbegun(run: ActionRun, who: str) -> None:
    said = {"workbook": "", "tab": "", "row": None, "key": "", "status": "FAILED", "text": NEVER_BEGAN.format(who=who)}
    ActionRun.objects.filter(pk=run.pk, status=Status.QUEUED, attempts=run.attempts).update(
        status=Status.FAILED,
        cancelled_by=who,
        queue_key=None,
        waits_since=None,
        progress="",
        finished_at=timezone.now(),
        messages=[*run.messages, said],
    )
    OrmQ.objects.filter(pk=run.task_row or 0).delete()


def stop_if_cancelled(run: ActionRun) -> None:
    """At a safe point. Raises Cancelled."""
    who = ActionRun.objects.filter(pk=run.pk).values_list("cancelled_by", flat=True).first()
    if who:
        raise Cancelled(who)
