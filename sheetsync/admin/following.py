"""A run that is under way, in words, for the page that follows it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sheetsync.models import ActionRun
from sheetsync.runs.health import workers

ENDED = (ActionRun.Status.SUCCESS, ActionRun.Status.PARTIAL, ActionRun.Status.FAILED)


def state_of(run: ActionRun) -> dict[str, Any]:
    """{"status", "words", "ended"}."""
    return {"status": run.status, "words": in_words(run), "ended": run.status in ENDED}


def in_words(run: ActionRun) -> str:
    """How far the run is, a sentence."""
    if run.status in ENDED:
        return f"Ended: {run.status}."
    if run.status == ActionRun.Status.QUEUED:
        return f"Waiting: {run.progress.removeprefix('waits: ') or _whom_it_waits_for()}."
    if run.cancelled_by:
        return (
            f"Cancelled by {run.cancelled_by}; it stops at the next safe point. Last seen {run.progress or 'at work'}."
        )
    since = run.started_at or run.created_at
    return f"Under way for {(timezone.now() - since).total_seconds():.0f} s: {run.progress or 'beginning'}."


def _whom_it_waits_for() -> str:
    if workers().are_well:
        return "a worker takes it up in a moment"
    return "no worker shows a sign of life; it begins once one is started (make serve)"


def under_way(run: ActionRun) -> SafeString | str:
    """The words, kept up to date by the page; the page is opened anew once the run has ended."""
    words = in_words(run)
    if run.status in ENDED:
        return words
    address = reverse("admin:sheetsync_actionrun_state", args=(run.pk,))
    return format_html('<span role="status" aria-live="polite" data-run-state="{}">{}</span>', address, words)
