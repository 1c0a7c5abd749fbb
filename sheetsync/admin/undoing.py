"""The page before an undo: what would go back, what was edited since and is kept, what stands in the way."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from sheetsync.admin.confirm import ask, say
from sheetsync.admin.following import ENDED
from sheetsync.admin.links import link, run_address
from sheetsync.admin.plans import as_told, kept, sheet_plan, stored_plan, told
from sheetsync.context import Arguments, Report
from sheetsync.models import ActionRun
from sheetsync.runs.actions import rehearse_run

UNDO = "pm.undo_run"


def ask_to_undo(page: Any, request: HttpRequest, run: ActionRun) -> HttpResponse:
    """The undo as it would go now, worked out by a dry run; or why there is nothing to undo."""
    back = run_address(run)
    if run.undone_by is not None:
        text = "What it did was taken back already. To bring it back, undo the run that took it back."
        details = format_html("It was undone by {}.", link(run_address(run.undone_by), run.undone_by))
        return say(page, request, title=f"{run} is undone", text=text, back=back, details=details)
    if run.status not in ENDED:
        text = f"It is {run.status} now; it can be undone once it has ended. It can be cancelled before."
        return say(page, request, title=f"{run} hasn't ended", text=text, back=back)
    user = request.user.get_username()
    rehearsed = rehearse_run(UNDO, workbook=None, arguments=Arguments(runs=(run.run_id,)), requested_by=user)
    return ask(
        page,
        request,
        title=f"Undo {run}?",
        text="This is what goes back to what it was before the run. Nothing is changed until you say so.",
        details=_preview(rehearsed.report),
        button="Undo this run",
        back=back,
    )


def _preview(report: Report) -> SafeString:
    hindered = [message for message in as_told(report.messages) if message["status"] == "FAILED"]
    sections = [
        ("Edited since: these stay as they are now", kept(report.kept)),
        ("In the way", told(hindered, nothing="")),
        ("In the database", stored_plan(report.plan)),
        ("In the sheets", sheet_plan(report.plan)),
    ]
    heading = '<h2 class="font-semibold mb-2 mt-6 text-important">{}</h2>{}'
    return format_html_join("", heading, ((title, body) for title, body in sections if body))
