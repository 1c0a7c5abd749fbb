"""Tabs under any title (intake) that people renamed: what is remembered of one goes along, so that its rows stay the rows they were."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import Count

from sheetsync.context import ActionContext
from sheetsync.models import Conflict, KeyReservation, RowState, TabState, Workbook
from sheetsync.records import Scene
from sheetsync.registry import Registered
from sheetsync.syncing.headers import Header, find_header
from sheetsync.syncing.view import view_tab
from sheetsync.workbooks.interface import Snapshot


def follow_renamed_tabs(
    context: ActionContext, workbook: Workbook, registered: Registered, snapshot: Snapshot
) -> dict[str, str]:
    """Finds tabs that went while another with their rows came, and calls them by their new title. Returns new title -> former one.

    `snapshot` shows every tab of the workbook.
    """
    known = set(TabState.objects.filter(workbook=workbook).values_list("tab", flat=True))
    gone, new = known - set(snapshot.titles), [title for title in snapshot.titles if title not in known]
    found: dict[str, str] = {}
    with transaction.atomic():
        for title in new if gone else ():
            former = _former_title(workbook, registered, snapshot, title, gone)
            if former is not None:
                gone.discard(former)
                _rename(context, workbook, registered, former, title)
                found[title] = former
        context.storage.flush()
    return found


def _former_title(
    workbook: Workbook, registered: Registered, snapshot: Snapshot, title: str, gone: Collection[str]
) -> str | None:
    """The tab that went and shares most rows with this one; None when none shares any."""
    grid = snapshot.grids.get(title)  # a chart has none
    header = find_header(registered.tab, grid.rows) if grid else None
    if grid is None or not isinstance(header, Header):
        return None
    keys = {row.key for row in view_tab(registered.tab, title, header, grid).rows if row.key}
    remembered = RowState.objects.filter(workbook=workbook, tab__in=gone, row_key__in=keys)
    shared = remembered.values("tab").annotate(rows=Count("pk")).order_by("-rows", "tab").first()
    return None if shared is None else shared["tab"]


def _rename(context: ActionContext, workbook: Workbook, registered: Registered, former: str, title: str) -> None:
    for model in (TabState, RowState, KeyReservation, Conflict):
        model._default_manager.filter(workbook=workbook, tab=former).update(tab=title)
    if registered.records is not None:
        registered.records().renamed(Scene(context=context, workbook=workbook, title=title), former)
    text = f"the tab was called {former!r} before; its rows are the same ones"
    context.report.tell("OK", text, workbook=str(workbook), tab=title)
