"""Actions: one registry for all ways in (menu, Control tab, admin, HTTP, command line), one way to carry one out."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from sheetsync.context import ActionContext, Arguments
from sheetsync.control.telling import tell_control
from sheetsync.logs import about_run
from sheetsync.models import ActionRun, Workbook
from sheetsync.registry import registry
from sheetsync.runs.cancelling import Cancelled, stop_if_cancelled
from sheetsync.runs.heartbeat import Heartbeat
from sheetsync.runs.leases import TakenOver, WorkbooksBusy, break_off, claim, end, fence, reap, wake
from sheetsync.runs.planning import stored_lines
from sheetsync.runs.runlog import owe_log_rows, write_log_rows
from sheetsync.syncing.view import JOINT
from sheetsync.tabs import Tab
from sheetsync.values.cells import nearest
from sheetsync.workbooks.interface import OpenWorkbook, WorkbookUnavailable
from sheetsync.workbooks.kinds import open_workbook, rehearse

logger = logging.getLogger(__name__)

Work = Callable[[ActionContext], None]
OpenBook = Callable[[Workbook], OpenWorkbook]
Progress = Callable[[str, int, int], None]

# For how long a person waits who runs an action on a workbook that is in use, and how often it is looked whether it still is.
WAIT_S = 20.0
LOOK_EVERY_S = 0.3


class WrongUsage(Exception):
    """The call itself is wrong: an action, a workbook or an argument that doesn't exist. The text says what would be right."""


class NotPossible(WrongUsage):
    """The call is right, but as things stand it can't be carried out. The text says why."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing that a PM can ask for."""

    name: str  # as users say it: pm.backlog_sync
    roles: tuple[str, ...]  # roles of workbook it works on
    label: str  # a few words for menus
    help: str  # one sentence
    arguments: tuple[str, ...]  # names of the Arguments it uses, beside tab, keys and confirm
    work: Work


ACTIONS: dict[str, Action] = {}


def action(
    name: str, *, roles: Sequence[str], label: str, help: str, arguments: Iterable[str] = ()
) -> Callable[[Work], Work]:
    """Registers the decorated function as the work of an action."""

    def register(work: Work) -> Work:
        if name in ACTIONS:
            raise ValueError(f"the action {name} is registered twice")
        ACTIONS[name] = Action(
            name=name, roles=tuple(roles), label=label, help=help, arguments=tuple(arguments), work=work
        )
        return work

    return register


def find_action(name: str) -> Action:
    """The action of that name. Raises WrongUsage that names the nearest one."""
    if name in ACTIONS:
        return ACTIONS[name]
    near = nearest(name, ACTIONS)
    hint = f"did you mean {near}?" if near else "the actions are " + ", ".join(sorted(ACTIONS))
    raise WrongUsage(f"there is no action {name!r}; {hint}")


def find_workbook(name: str) -> Workbook:
    """A workbook by its id, location or title. Raises WrongUsage that names those that exist."""
    by_id = Workbook.objects.filter(pk=int(name)) if name.isdecimal() and len(name) < 18 else Workbook.objects.none()
    found = by_id.first() or Workbook.objects.filter(location=name).first()
    if found is None:
        titled = list(Workbook.objects.filter(title__iexact=name.strip()))
        if len(titled) > 1:
            ids = ", ".join(str(workbook.pk) for workbook in titled)
            raise WrongUsage(f"several workbooks are titled {name!r}; name one by its id: {ids}")
        found = titled[0] if titled else None
    if found is None:
        connected = ", ".join(f"{workbook.pk} ({workbook})" for workbook in Workbook.objects.all()[:20])
        raise WrongUsage(
            f"no workbook {name!r} is connected; " + (f"connected: {connected}" if connected else "connect one first")
        )
    return found


def find_tab(role: str | None, name: str, *, or_none: bool = False) -> Tab | None:
    """The declared tab of that name, of one role or any. Raises WrongUsage that names the nearest one."""
    tabs = {tab.name: tab for tab in registry.tabs(role)}
    found = {tab_name.casefold(): tab for tab_name, tab in tabs.items()}.get(name.strip().casefold())
    if found is not None or or_none:
        return found
    near = nearest(name, tabs)
    raise WrongUsage(
        f"there is no tab {name!r}; " + (f"did you mean {near}?" if near else "the tabs are " + ", ".join(tabs))
    )


def request(
    name: str,
    *,
    workbook: Workbook | None = None,
    arguments: Arguments | None = None,
    requested_by: str = "",
    came_from: str = "command",
) -> ActionRun:
    """Stores a call of an action, ready to be carried out. Raises WrongUsage."""
    found = find_action(name)
    if workbook is not None and workbook.role not in found.roles:
        raise WrongUsage(
            f"{name} works on {' and '.join(found.roles)} workbooks; {workbook} is a workbook of the role {workbook.role}"
        )
    return ActionRun.objects.create(
        action=name,
        workbook=workbook,
        payload=_payload(arguments or Arguments()),
        requested_by=requested_by,
        came_from=came_from,
    )


def _payload(arguments: Arguments) -> dict[str, Any]:
    """What is stored of the arguments. Raises WrongUsage for numbers that no table can hold."""
    given = arguments.as_json()
    for name, value in given.items():
        try:
            json.dumps(value, allow_nan=False)
        except ValueError as error:
            raise WrongUsage(f"{name}: {value} isn't a number to reckon with; give finite numbers") from error
    return given


def carry_out(
    run: ActionRun,
    *,
    progress: Progress | None = None,
    open_book: OpenBook = open_workbook,
    wait_s: float = WAIT_S,
    on_wait: Callable[[str], None] | None = None,
) -> ActionContext | None:
    """Carries out a queued run here and now; None when somebody else was first. Never raises for what an action meets: it is told in
    the run. A workbook that is in use is waited for; `on_wait` is told whom the wait is for. One that stays in use fails the run.
    """
    deadline, told = time.monotonic() + wait_s, ""
    while True:
        try:
            return attempt(run, progress=progress, open_book=open_book)
        except WorkbooksBusy as busy:
            if time.monotonic() >= deadline:
                return _refuse(run, str(busy), open_book)
            if on_wait is not None and str(busy) != told:
                told = str(busy)
                on_wait(told)
            time.sleep(LOOK_EVERY_S)


def attempt(
    run: ActionRun, *, progress: Progress | None = None, open_book: OpenBook = open_workbook
) -> ActionContext | None:
    """Carries out a queued run if its workbooks are free; None when somebody else was first, or took over. Raises WorkbooksBusy."""
    reap()
    if not claim(run, needed_workbooks(run)):
        return None
    context = _context(run, dry_run=False, open_book=open_book)
    with about_run(run.run_id):
        try:
            with Heartbeat(run) as heartbeat:
                context.storage.fence = lambda: fence(run)
                context.progress = _told_to(heartbeat.note, progress, lambda: stop_if_cancelled(run))
                logger.info("run %s of %s begins, attempt %d", run.run_id, run.action, run.attempts)
                _work(context)
                _finish(context)
        except TakenOver:
            logger.warning("run %s was taken over by another process; nothing more is saved here", run.run_id)
            context.storage.discard()
            return None
        except BaseException:
            _let_go(run)
            raise
        logger.info("run %s of %s is %s", run.run_id, run.action, run.status)
        write_log_rows(context)
        tell_control(context)
    wake(needed_workbooks)
    return context


def needed_workbooks(run: ActionRun) -> list[int]:
    """The workbooks that a run works on, by primary key: the one that was named, else every active one of its action's roles."""
    found = ACTIONS.get(run.action)
    if found is None:
        return []
    if run.workbook is not None:
        return [run.workbook.pk] if run.workbook.role in found.roles else []
    return list(Workbook.objects.filter(is_active=True, role__in=found.roles).values_list("pk", flat=True))


def _told_to(first: Progress, second: Progress | None, safe_point: Callable[[], None]) -> Progress:
    def tell(what: str, done: int, total: int) -> None:
        safe_point()
        first(what, done, total)
        if second is not None:
            second(what, done, total)

    return tell


def _let_go(run: ActionRun) -> None:
    """The process is told to stop: others needn't wait until the lease runs out."""
    try:
        run.refresh_from_db()
        break_off(run)
    except (DatabaseError, ActionRun.DoesNotExist):
        logger.warning("run %s couldn't be let go; its lease runs out by itself", run.run_id, exc_info=True)


def _refuse(run: ActionRun, why: str, open_book: OpenBook) -> ActionContext | None:
    """Fails a run that hasn't begun; None when somebody else was first."""
    context = _context(run, dry_run=False, open_book=open_book)
    context.report.tabs_stopped += 1
    context.report.tell("FAILED", f"{why}. Nothing was done; try again when it has ended.")
    refused = ActionRun.objects.filter(pk=run.pk, status=ActionRun.Status.QUEUED, attempts=run.attempts).update(
        **_told(context), finished_at=timezone.now()
    )
    run.refresh_from_db()
    return context if refused else None


def rehearse_run(
    name: str,
    *,
    workbook: Workbook | None,
    arguments: Arguments,
    requested_by: str = "",
    open_book: OpenBook = open_workbook,
) -> ActionContext:
    """A dry run: reads, plans, and changes nothing anywhere. The plan stands in `report.plan`. Raises WrongUsage."""
    kept: list[ActionContext] = []
    outer = ActionContext(
        run=ActionRun(action=name),
        arguments=arguments,
        now=timezone.now(),
        open_book=rehearse(open_book),
        dry_run=True,
    )
    with outer.rehearsal():
        run = request(name, workbook=workbook, arguments=arguments, requested_by=requested_by)
        context = _context(run, dry_run=True, open_book=outer.open_book)
        _work(context)
        context.storage.flush()
        context.report.plan.extend(stored_lines(run))
        kept.append(context)
    return kept[0]


def _context(run: ActionRun, *, dry_run: bool, open_book: OpenBook) -> ActionContext:
    return ActionContext(
        run=run,
        arguments=Arguments.from_json(run.payload),
        now=timezone.now().replace(microsecond=0),
        open_book=open_book,
        dry_run=dry_run,
    )


def _work(context: ActionContext) -> None:
    try:
        found = find_action(context.action)
        _require_workbooks(context, found)
        found.work(context)
        _tell_missing_keys(context)
    except WrongUsage as refusal:
        context.report.misused = not isinstance(refusal, NotPossible)
        context.report.tabs_stopped += 1
        context.report.tell("FAILED", str(refusal))
    except WorkbookUnavailable as unavailable:
        context.report.tabs_stopped += 1
        context.report.tell("FAILED", str(unavailable))
    except Cancelled as cancelled:
        context.storage.discard()
        context.report.tabs_stopped += 1
        context.report.tell("FAILED", str(cancelled))
    except TakenOver:
        raise
    except Exception:
        if connection.in_atomic_block and context.dry_run:
            raise
        logger.exception("run %s of %s broke off", context.run.run_id, context.action)
        context.report.tabs_stopped += 1
        context.report.tabs_done = 0
        context.report.tell(
            "FAILED",
            "the action broke off with an error of the program; nothing is lost, run it again. "
            f"The operator's log names run {context.run.run_id}",
        )


def _tell_missing_keys(context: ActionContext) -> None:
    """Rows that the action was asked for and that no tab has: a mistyped key would go unnoticed."""
    report = context.report
    appended = {key.partition(JOINT)[0].upper() for _workbook, _tab, key in report.changed}
    asked_for = {key.strip().upper() for key in context.arguments.keys}
    for key in sorted(asked_for & report.keys_wanted - report.keys_seen - appended):
        near = nearest(key, sorted(report.keys_seen))
        hint = f"; the nearest key there is {near}" if near else ""
        report.tell("FAILED", f"no row has the key {key}{hint}", key=key)


def _require_workbooks(context: ActionContext, found: Action) -> None:
    if not context.workbooks(*found.roles):
        raise NotPossible(
            f"no active workbook of the role {' or '.join(found.roles)} is connected; `connect` registers one"
        )


def _finish(context: ActionContext) -> None:
    run = context.run
    with transaction.atomic():
        context.storage.flush()
        end(run, **_told(context))
        owe_log_rows(context)
    run.refresh_from_db()


def _told(context: ActionContext) -> dict[str, Any]:
    """What a run keeps of its report."""
    report = context.report
    report.counts["rows_changed"] = len(report.changed)
    for name in ("rows_read", "cells_written"):
        report.counts.setdefault(name, 0)
    return {
        "status": report.status,
        "counts": report.counts,
        "messages": [message.as_json() for message in report.messages],
    }


def as_json(context: ActionContext) -> dict[str, Any]:
    """What `--json` prints."""
    report = context.report
    answer: dict[str, Any] = {
        "run_id": context.run.run_id,
        "action": context.action,
        "status": str(report.status),
        "counts": {**report.counts, "rows_changed": len(report.changed)},
        "messages": [message.as_json() for message in report.messages],
    }
    if context.dry_run:
        answer["plan"] = report.plan
    return answer
