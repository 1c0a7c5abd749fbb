"""Backfills: passes over what is stored, in batches, that go on where they stopped.

A backfill is recorded like an action: its run holds what was changed and, in its payload, how far it came. A run that didn't get
to its end is taken up by the next call; a process that still works on it then finds that it was taken over, and stops. One that is
cancelled stops before its next batch, or inside one wherever a sync tells how far it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from sheetsync.context import ActionContext, Arguments, Message
from sheetsync.models import ActionRun, RecordChange
from sheetsync.runs.actions import Progress, WrongUsage
from sheetsync.runs.cancelling import Cancelled, stop_if_cancelled
from sheetsync.runs.planning import stored_lines
from sheetsync.values.cells import nearest
from sheetsync.workbooks.kinds import open_workbook, rehearse

logger = logging.getLogger(__name__)

PREFIX = "backfill."  # of the action that a run of a backfill is recorded under
BATCH = 500  # records


class TakenOver(Exception):
    """Another process goes on with this backfill: stop, and leave it to that one."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One batch that was worked on."""

    cursor: str  # where the next batch begins, in the backfill's own terms
    seen: int  # items that were looked at
    changed: Sequence[str] = ()  # what people call the records that were changed


Work = Callable[[ActionContext, str], Step | None]


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """One pass over what is stored."""

    name: str  # as the command takes it
    help: str  # one sentence
    count: Callable[[], int]  # how many items there are in all
    step: Work  # works on the batch behind the cursor ("" at the start); None when there is none
    in_transaction: bool  # whether a batch and its cursor are stored together; False where workbooks are written


BACKFILLS: dict[str, Backfill] = {}


def backfill(name: str, *, help: str, count: Callable[[], int], in_transaction: bool = True) -> Callable[[Work], Work]:
    """Registers the decorated function as the step of a backfill."""

    def register(step: Work) -> Work:
        if name in BACKFILLS:
            raise ValueError(f"the backfill {name} is registered twice")
        BACKFILLS[name] = Backfill(name=name, help=help, count=count, step=step, in_transaction=in_transaction)
        return step

    return register


def find_backfill(name: str) -> Backfill:
    """The backfill of that name. Raises WrongUsage that names the nearest one."""
    if name in BACKFILLS:
        return BACKFILLS[name]
    near = nearest(name, BACKFILLS)
    hint = f"did you mean {near}?" if near else "they are " + ", ".join(sorted(BACKFILLS))
    raise WrongUsage(f"there is no backfill {name!r}; {hint}")


def carry_out(name: str, *, requested_by: str = "", progress: Progress | None = None) -> ActionContext:
    """Carries out a backfill, from where an earlier run of it stopped. Raises WrongUsage.

    What goes wrong is told in the run. An interruption (Ctrl-C) is told there as well, and raised on.
    """
    found = find_backfill(name)
    context = _context(_claim(found, requested_by))
    context.progress = _at_safe_points(context.run, progress)
    try:
        _go_on(context, found)
        _end(context, complete=True)
    except TakenOver:
        context.report.tabs_stopped += 1
        context.report.tell("FAILED", "another process goes on with this backfill; this one stopped")
    except Cancelled as cancelled:
        _break_off(context, f"cancelled by {cancelled.who}")
    except Exception:
        logger.exception("run %s of %s broke off", context.run.run_id, context.action)
        _break_off(context, "the backfill broke off with an error of the program; the operator's log names the run")
    except BaseException:
        _break_off(context, "the backfill was interrupted")
        raise
    return context


def rehearse_backfill(name: str, *, requested_by: str = "") -> ActionContext:
    """A dry run: reads, plans, and changes nothing anywhere. The plan stands in `report.plan`. Raises WrongUsage."""
    found = find_backfill(name)
    kept: list[ActionContext] = []
    with _context(ActionRun(action=PREFIX + name), dry_run=True).rehearsal():
        context = _context(_claim(found, requested_by), dry_run=True)
        before = RecordChange.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        _go_on(context, found)
        context.report.plan.extend(stored_lines(context.run, after=before))
        kept.append(context)
    return kept[0]


def _claim(found: Backfill, requested_by: str) -> ActionRun:
    """The run of the backfill that didn't get to its end, taken up again; else a new one."""
    action = PREFIX + found.name
    with transaction.atomic():
        runs = ActionRun.objects.select_for_update().filter(action=action, undone_by=None)
        unfinished = runs.filter(payload__complete=False).first()
        run = unfinished or ActionRun(action=action, payload={"cursor": "", "done": 0, "complete": False})
        run.requested_by, run.status, run.cancelled_by = requested_by, ActionRun.Status.RUNNING, ""
        run.attempts += 1
        run.started_at = run.started_at or timezone.now()
        run.save()
    return run


def _context(run: ActionRun, *, dry_run: bool = False) -> ActionContext:
    context = ActionContext(
        run=run,
        arguments=Arguments(),
        now=timezone.now().replace(microsecond=0),
        open_book=rehearse(open_workbook) if dry_run else open_workbook,
        dry_run=dry_run,
    )
    context.report.counts.update(run.counts)
    context.report.tabs_done = int(bool(run.payload.get("done")))
    # That an earlier attempt broke off is over once this one goes on; what it said of workbooks and rows still holds.
    said = (Message(**message) for message in run.messages)
    context.report.messages.extend(message for message in said if message.status != "FAILED" or message.workbook)
    return context


def _at_safe_points(run: ActionRun, progress: Progress | None) -> Progress:
    """Tells how far it is, and stops where somebody cancelled it."""

    def tell(what: str, done: int, total: int) -> None:
        stop_if_cancelled(run)
        if progress is not None:
            progress(what, done, total)

    return tell


def _go_on(context: ActionContext, found: Backfill) -> None:
    total = found.count()
    while True:
        so_far = context.run.payload
        context.progress(found.name, so_far["done"], total)
        with _one_batch(found):
            step = found.step(context, so_far["cursor"])
            if step is None:
                break
            _take_in(context, found, step)
            context.storage.flush()
            _note(context, {**so_far, "cursor": step.cursor, "done": so_far["done"] + step.seen})
    context.report.tabs_done += found.in_transaction


def _one_batch(found: Backfill) -> AbstractContextManager[Any]:
    return transaction.atomic() if found.in_transaction else nullcontext()


def _take_in(context: ActionContext, found: Backfill, step: Step) -> None:
    report = context.report
    report.changed.update(("", found.name, label) for label in step.changed)
    report.count("looked_at", step.seen)
    report.count("records_changed", len(step.changed))


def _note(context: ActionContext, payload: dict[str, Any], **fields: Any) -> None:
    """Stores how far the run came. Raises TakenOver when another process took it up meanwhile; its transaction is then rolled back."""
    run = ActionRun.objects.filter(pk=context.run.pk, attempts=context.run.attempts, status=ActionRun.Status.RUNNING)
    if not run.update(payload=payload, **_told(context), **fields):
        raise TakenOver
    context.run.payload = payload


def _end(context: ActionContext, *, complete: bool) -> None:
    payload = {**context.run.payload, "complete": complete}
    _note(context, payload, status=context.report.status, finished_at=timezone.now())
    context.run.refresh_from_db()


def _break_off(context: ActionContext, why: str) -> None:
    context.storage.discard()
    context.report.tabs_stopped += 1
    context.report.tabs_done = 0
    context.report.tell("FAILED", f"{why}; what was done stays, and the same command goes on from there")
    with suppress(TakenOver):
        _end(context, complete=False)


def _told(context: ActionContext) -> dict[str, Any]:
    report = context.report
    return {"counts": dict(report.counts), "messages": [message.as_json() for message in report.messages]}
