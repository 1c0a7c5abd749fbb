"""How the admin's buttons and forms carry out an action for the person who presses them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from sheetsync.admin.links import run_address
from sheetsync.context import Arguments
from sheetsync.models import Workbook
from sheetsync.runs.actions import WrongUsage, attempt, request
from sheetsync.runs.health import workers
from sheetsync.runs.leases import WorkbooksBusy
from sheetsync.runs.tasks import enqueue, submit


def run_now(
    page: Any, asked: HttpRequest, name: str, *, workbook: Workbook | None = None, arguments: Arguments | None = None
) -> HttpResponse | None:
    """Has an action carried out, and leads to its run; None (with a message) when it can't be asked for.

    Workers do it while there are any, and the run's page follows it; else it is done before this returns, unless a workbook that
    it needs is in use: a page can't wait for long."""
    call = {
        "workbook": workbook,
        "arguments": arguments,
        "requested_by": asked.user.get_username(),
        "came_from": "admin",
    }
    try:
        if workers().are_well:
            return HttpResponseRedirect(run_address(submit(name, **call)))  # type: ignore[arg-type]
        run = request(name, **call)  # type: ignore[arg-type]
    except WrongUsage as refusal:
        page.message_user(asked, str(refusal), messages.ERROR)
        return None
    try:
        attempt(run)
    except WorkbooksBusy as busy:
        enqueue(run)
        page.message_user(asked, f"{busy}; the workers carry {name} out as soon as it is free.", messages.INFO)
        return HttpResponseRedirect(run_address(run))
    run.refresh_from_db()
    level = {"success": messages.SUCCESS, "partial": messages.WARNING}.get(run.status, messages.ERROR)
    changed = run.counts.get("rows_changed", 0)
    page.message_user(asked, f"{name}: {run.status}; {changed} {'row' if changed == 1 else 'rows'} changed.", level)
    return HttpResponseRedirect(run_address(run))
