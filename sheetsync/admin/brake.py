"""The page of a tab that the brake stopped: which rows are gone from the sheet, and a person's word on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from sheetsync.admin.asking import run_now
from sheetsync.admin.confirm import Other, ask, confirmed, say
from sheetsync.admin.plans import capped, short
from sheetsync.admin.record_panels import in_words
from sheetsync.admin.saving import saving_action
from sheetsync.context import Arguments
from sheetsync.models import RowState, TabState
from sheetsync.registry import Registered, registry
from sheetsync.syncing.headers import HeaderProblem, find_header
from sheetsync.syncing.view import far_fewer, view_tab
from sheetsync.workbooks.interface import WorkbookUnavailable
from sheetsync.workbooks.kinds import open_location

DISMISS = "dismiss"
WHAT_NOW = (
    "Nothing stored is deleted if you confirm: the sync goes on with the rows that are there. If the rows went by mistake, bring them "
    "back in the sheet and dismiss this."
)
NOT_NAMED = "No row can be named."


@dataclass(kw_only=True)
class Missing:
    """What a look at the sheet now shows."""

    problem: str = ""  # why nothing can be told
    rows: int = 0  # with content now
    gone: list[RowState] = field(default_factory=list)  # that the last finished read showed, and this one doesn't


def settle_brake(page: Any, request: HttpRequest, state: TabState) -> HttpResponse:
    """Shows what is gone; then goes on as the person says."""
    back = reverse("admin:sheetsync_tabstate_change", args=(state.pk,))
    if request.method == "POST" and DISMISS in request.POST:
        TabState.objects.filter(pk=state.pk).update(message="")
        text = f"Dismissed. {state} stays as it was stored; the next sync stops again while the rows are missing."
        page.message_user(request, text, messages.INFO)
        return HttpResponseRedirect(back)
    if confirmed(request):
        arguments = Arguments(tab=_named_tab(state), confirm=True)
        action = saving_action(state.workbook.role)
        return run_now(page, request, action, workbook=state.workbook, arguments=arguments) or HttpResponseRedirect(
            back
        )
    found = look(state)
    if found.problem:
        return say(page, request, title=f"{state} can't be looked at now", text=found.problem, back=back)
    if not far_fewer(state.row_count, found.rows):
        text = f"It shows {found.rows} rows, {state.row_count} at the last finished read; the next sync goes through."
        return say(page, request, title=f"The brake doesn't hold {state}", text=text, back=back)
    gone = capped(("Row that is gone", "What it showed"), map(_shown, found.gone), len(found.gone), NOT_NAMED)
    return ask(
        page,
        request,
        title=f"Are {state.row_count - found.rows} rows of {state} meant to be gone?",
        text=f"The sheet shows {found.rows} rows now, {state.row_count} at the last finished read. {WHAT_NOW}",
        details=gone,
        button="They are meant to be gone, sync",
        other=Other(name=DISMISS, label="Dismiss"),
        back=back,
    )


def look(state: TabState) -> Missing:
    """Reads the sheet and compares it with what was last agreed on."""
    entry = _registered(state)
    if entry is None:
        return Missing(problem="Nothing stands behind a tab of this name any more.")
    try:
        grid = open_location(state.workbook.location).read([state.tab]).grids.get(state.tab)
    except WorkbookUnavailable as unavailable:
        return Missing(problem=str(unavailable))
    if grid is None:
        return Missing(problem=f"The workbook has no tab {state.tab!r} now.")
    header = find_header(entry.tab, grid.rows)
    if isinstance(header, HeaderProblem):
        return Missing(problem=header.text)
    view = view_tab(entry.tab, state.tab, header, grid)
    present = RowState.objects.filter(workbook=state.workbook, tab=state.tab, is_present=True).order_by("row_key")
    here = {row.key for row in view.rows}
    return Missing(rows=len(view.rows), gone=[row for row in present if row.row_key not in here])


def _registered(state: TabState) -> Registered | None:
    own = [entry for entry in registry if entry.tab.role == state.workbook.role]
    return next((each for each in own if each.tab.any_name or each.tab.name.casefold() == state.tab.casefold()), None)


def _named_tab(state: TabState) -> str:
    """An intake tab goes by any title; the sync takes all of the workbook's."""
    entry = _registered(state)
    return "" if entry is None or entry.tab.any_name else entry.tab.name


def _shown(row: RowState) -> tuple[str, str]:
    held = ", ".join(
        f"{name}: {short(in_words(value), 60)}" for name, value in list(row.base.items())[:4] if value not in ("", None)
    )
    return row.row_key.upper(), held  # fmt: skip
