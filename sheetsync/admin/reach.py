"""On a workbook's page: how its Control tab stands, and how much of Google's quota is in use."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString

from sheetsync.admin.links import record_link
from sheetsync.admin.tables import table
from sheetsync.checkups import current_load
from sheetsync.models import ControlState, RequestBudget, Workbook
from sheetsync.workbooks.google_budget import WINDOW_S
from sheetsync.workbooks.kinds import is_spreadsheet

Line = tuple[str, Any]


def asked_from_the_sheet(_request: HttpRequest, workbook: Workbook) -> SafeString | str:
    """Whatever there is to know; nothing for a file whose Control tab was never looked at."""
    state = ControlState.objects.filter(workbook=workbook).first()
    lines = [*(_control(workbook, state) if state else ())]
    if is_spreadsheet(workbook.location):
        lines += _quota()
    return table(["", ""], lines, nothing="")


def _control(workbook: Workbook, state: ControlState) -> Iterator[Line]:
    yield "Control tab last looked at", state.polled_at and f"{state.polled_at:%-d %b %Y %H:%M} UTC"
    yield "What is wrong with it", state.message or "nothing"
    for tick in workbook.control_ticks.select_related("run"):
        text = f"{tick.run.action}: {tick.run.get_status_display()}"
        yield "Ticked", record_link("sheetsync.actionrun", tick.run.pk, text)


def _quota() -> Iterator[Line]:
    load = current_load()
    if not settings.SHEETS_REQUESTS_PER_MINUTE:
        yield "Requests", "not limited"
        return
    since = time.time() - WINDOW_S
    for budget in RequestBudget.objects.order_by("account", "kind"):
        sent = sum(moment > since for moment in budget.taken)
        about = f"{budget.kind.capitalize()}s of {budget.account} in the last minute"
        yield about, f"{sent} of {settings.SHEETS_REQUESTS_PER_MINUTE}"
    yield "Reads a minute that the timetable asks for at rest", f"{load.reads} of {load.budget}"
    yield (
        "A Control tab's turn comes",
        "every minute" if load.control_every == 1 else f"every {load.control_every} minutes",
    )
