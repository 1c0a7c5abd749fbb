"""Rows that people cut from one tab and pasted, with their keys, into another of the same workbook: they stay the rows they were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from django.db import transaction
from django.db.models import F

from sheetsync.context import ActionContext
from sheetsync.models import Conflict, RowState, TabState, Workbook
from sheetsync.records import Scene
from sheetsync.registry import Registered
from sheetsync.service_tabs import SERVICE_TITLES
from sheetsync.syncing.headers import Header, find_header
from sheetsync.syncing.view import TabView, view_tab
from sheetsync.workbooks.interface import Snapshot


def follow_moved_rows(context: ActionContext, workbook: Workbook, registered: Registered, snapshot: Snapshot) -> None:
    """On tabs under any title: what is remembered of a row goes along to the one tab that shows its key now.

    `snapshot` shows every tab of the workbook. A row that its own tab still shows, or whose tab can't be read, stays where it was.
    """
    views = _views(registered, snapshot)
    if registered.records is None or not views:
        return
    homes = registered.records().homes(Scene(context=context, workbook=workbook, title=""))
    if len({*views, *homes.values()}) < 2:
        return
    with transaction.atomic():
        for (former, title), keys in _moves(views, homes, snapshot).items():
            _move(context, workbook, registered, former, title, keys)
        context.storage.flush()


def _views(registered: Registered, snapshot: Snapshot) -> dict[str, TabView]:
    views = {}
    for title, grid in snapshot.grids.items():
        header = find_header(registered.tab, grid.rows)
        if isinstance(header, Header) and title.casefold() not in SERVICE_TITLES:
            views[title] = view_tab(registered.tab, title, header, grid)
    return views


def _moves(
    views: Mapping[str, TabView], homes: Mapping[str, str], snapshot: Snapshot
) -> dict[tuple[str, str], list[str]]:
    """(former tab, tab that shows them now) -> row keys."""
    shown: dict[str, list[str]] = defaultdict(list)
    for title, view in views.items():
        for key in {row.key for row in view.rows if row.key}:
            shown[key].append(title)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, former in homes.items():
        titles = shown.get(key, [])
        is_readable = former in views or former not in snapshot.titles
        if len(titles) == 1 and titles[0] != former and is_readable:
            found[former, titles[0]].append(key)
    return found


def _move(
    context: ActionContext, workbook: Workbook, registered: Registered, former: str, title: str, keys: list[str]
) -> None:
    assert registered.records is not None
    RowState.objects.filter(workbook=workbook, tab=title, row_key__in=keys).delete()
    for model in (RowState, Conflict):
        model._default_manager.filter(workbook=workbook, tab=former, row_key__in=keys).update(tab=title)
    # Rows that are found elsewhere are no reason for the brake.
    left = TabState.objects.filter(workbook=workbook, tab=former, row_count__gte=len(keys))
    left.update(row_count=F("row_count") - len(keys))
    registered.records().moved(Scene(context=context, workbook=workbook, title=title), former, keys)
    rows = "a row" if len(keys) == 1 else f"{len(keys)} rows"
    text = f"{rows} moved here from {former!r}, found by the key: {', '.join(key.upper() for key in sorted(keys)[:5])}"
    context.report.tell("OK", text + (", ..." if len(keys) > 5 else ""), workbook=str(workbook), tab=title)
