"""Actions: one registry for all ways in (menu, Control tab, admin, HTTP, command line), one way to carry one out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from sheetsync.cells import nearest
from sheetsync.context import ActionContext, Arguments
from sheetsync.models import ActionRun, Workbook
from sheetsync.registry import registry
from sheetsync.tabs import Tab
from sheetsync.view import JOINT
from sheetsync.workbooks.interface import OpenWorkbook, WorkbookUnavailable
from sheetsync.workbooks.kinds import open_workbook, rehearse

logger = logging.getLogger(__name__)

Work = Callable[[ActionContext], None]
OpenBook = Callable[[Workbook], OpenWorkbook]


class WrongUsage(Exception):
    """The call itself is wrong: an action, a workbook or an argument that doesn't exist. The text says what would be right."""


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
        payload=(arguments or Arguments()).as_json(),
        requested_by=requested_by,
        came_from=came_from,
    )


def carry_out(
    run: ActionRun,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    open_book: OpenBook = open_workbook,
) -> ActionContext | None:
    """Carries out a queued run; None when somebody else was first. Never raises for what an action meets: it is told in the run."""
    claimed = ActionRun.objects.filter(pk=run.pk, status=ActionRun.Status.QUEUED).update(
        status=ActionRun.Status.RUNNING, started_at=timezone.now(), attempts=run.attempts + 1
    )
    if not claimed:
        return None
    run.refresh_from_db()
    context = _context(run, dry_run=False, open_book=open_book)
    if progress is not None:
        context.progress = progress
    _work(context)
    _finish(context)
    return context


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
        context.report.tabs_stopped += 1
        context.report.tell("FAILED", str(refusal))
    except WorkbookUnavailable as unavailable:
        context.report.tabs_stopped += 1
        context.report.tell("FAILED", str(unavailable))
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
        report.tell("WARNING", f"no row has the key {key}{hint}", key=key)


def _require_workbooks(context: ActionContext, found: Action) -> None:
    if not context.workbooks(*found.roles):
        raise WrongUsage(
            f"no active workbook of the role {' or '.join(found.roles)} is connected; `connect` registers one"
        )


def _finish(context: ActionContext) -> None:
    run, report = context.run, context.report
    report.counts["rows_changed"] = len(report.changed)
    for name in ("rows_read", "cells_written"):
        report.counts.setdefault(name, 0)
    with transaction.atomic():
        context.storage.flush()
        ActionRun.objects.filter(pk=run.pk, status=ActionRun.Status.RUNNING).update(
            status=report.status,
            counts=report.counts,
            messages=[message.as_json() for message in report.messages],
            finished_at=timezone.now(),
        )
    run.refresh_from_db()


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
