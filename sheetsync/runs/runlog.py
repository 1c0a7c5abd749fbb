"""Run_Log: once a run has ended, a row in every workbook that it changed or took something from.

A row is owed from the moment the run ends until it is known to stand there. When a process dies in between, or the
workbook can't be written just then, the next action that writes to the workbook appends it.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse

from sheetsync.context import ActionContext
from sheetsync.models import ActionRun, CellChange, OwedLogRow, RecordChange, Workbook
from sheetsync.service_tabs import RUN_LOG, run_log_tab
from sheetsync.storage import now_epoch
from sheetsync.syncing.headers import Header, find_header
from sheetsync.syncing.versions import move_versions_on
from sheetsync.syncing.view import identity_text, view_tab
from sheetsync.tabs import Role
from sheetsync.workbooks.interface import (
    OpenWorkbook,
    Snapshot,
    TabWrites,
    WorkbookChanged,
    WorkbookUnavailable,
    Writable,
    WriteResult,
)

logger = logging.getLogger(__name__)

# How often a row is planned anew when people save in between.
TRIES = 3
MOST_MESSAGES = 5  # in one cell
LONGEST_MESSAGE = 160  # characters
_WORST_FIRST = ("FAILED", "WARNING", "SKIPPED", "OK")


def owe_log_rows(context: ActionContext) -> None:
    """Notes which workbooks are to tell of the run; belongs into the transaction that ends it."""
    run, tallies = context.run, context.report.tallies
    OwedLogRow.objects.bulk_create(
        [OwedLogRow(run=run, workbook_id=pk, counts=tallies[pk].as_json()) for pk in sorted(_touched(run))],
        ignore_conflicts=True,
    )


def _touched(run: ActionRun) -> set[int]:
    """Ids of the workbooks that any attempt of the run wrote to, or took something from."""
    written = CellChange.objects.filter(run=run).order_by().values_list("workbook_id", flat=True).distinct()
    taken = RecordChange.objects.filter(run=run, workbook__isnull=False).order_by()
    return {*written, *(pk for pk in taken.values_list("workbook_id", flat=True).distinct() if pk is not None)}


def write_log_rows(context: ActionContext) -> None:
    """Appends the rows that the run's workbooks owe; one write for each, and no read where the action has just read it.

    Never raises for what a workbook has against it: the row stays owed.
    """
    for workbook in Workbook.objects.filter(pk__in=OwedLogRow.objects.filter(run=context.run).values("workbook")):
        try:
            _write_to(context, workbook)
        except (WorkbookUnavailable, WorkbookChanged) as later:
            logger.info("Run_Log of %s is owed run %s: %s", workbook.pk, context.run.run_id, later)
        except Exception:
            # The action is done; its row in a log is no reason to call it anything else.
            logger.exception("Run_Log of %s couldn't be told of run %s", workbook.pk, context.run.run_id)


def _write_to(context: ActionContext, workbook: Workbook) -> None:
    visit = context.visits.get(workbook.pk)
    book = visit.book if visit else context.open_book(workbook)
    shown = visit.shown if visit else None
    for attempt in range(TRIES):
        title, shown = _look(book, shown)
        header = find_header(run_log_tab(Role(workbook.role)), shown.grids[title].rows) if title else None
        if not isinstance(header, Header):
            # A workbook without this tab is told nothing, and nothing later when it gets one.
            OwedLogRow.objects.filter(workbook=workbook).delete()
            return
        try:
            _append(context, workbook, book, shown, title, header)
            return
        except WorkbookChanged:
            if attempt + 1 == TRIES:
                raise
            shown = None


def _look(book: OpenWorkbook, shown: Snapshot | None) -> tuple[str, Snapshot]:
    """The tab's title as the workbook spells it ("" when there is none), and a read that shows it."""
    shown = shown or book.read([RUN_LOG])
    title = next((title for title in shown.titles if title.casefold() == RUN_LOG.casefold()), "")
    if title and title not in shown.grids:
        shown = book.read([title])
    return (title if title in shown.grids else ""), shown


def _append(
    context: ActionContext, workbook: Workbook, book: OpenWorkbook, shown: Snapshot, title: str, header: Header
) -> None:
    view = view_tab(run_log_tab(Role(workbook.role)), title, header, shown.grids[title])
    present = {row.key for row in view.rows}
    owed = list(OwedLogRow.objects.filter(workbook=workbook).select_related("run").order_by("run__finished_at", "pk"))
    standing = [one for one in owed if identity_text([one.run.run_id]) in present]
    # While an earlier write may still land, its row would stand there twice.
    due = [one for one in owed if one not in standing and one.may_land_until <= context.now.timestamp()]
    due = [one for one in due if _claim(one, book.write_window_s)]
    if due:
        rows = [_cells(row_values(one.run, workbook, one.counts), header) for one in due]
        result = book.write({title: TabWrites(appended=rows, after_row=header.row)}, version=shown.version)
        _note_attempt(due, result.may_land_for_s if title in result.unknown else 0.0)
        move_versions_on(workbook, shown.version, result.version)
        standing += due if _is_written(result, title) else []
    OwedLogRow.objects.filter(pk__in=[one.pk for one in standing]).delete()


def _claim(one: OwedLogRow, window_s: float) -> bool:
    """Notes until when the row may land; False when another action was first to send it. Without a window a write made on an old
    version is refused, so that nobody can be first."""
    seen = one.may_land_until
    one.may_land_until = now_epoch() + window_s if window_s else 0.0
    return bool(OwedLogRow.objects.filter(pk=one.pk, may_land_until=seen).update(may_land_until=one.may_land_until))


def _note_attempt(due: Sequence[OwedLogRow], may_land_for_s: float) -> None:
    until = now_epoch() + may_land_for_s if may_land_for_s else 0.0
    if until or any(one.may_land_until for one in due):
        for one in due:
            one.may_land_until = until
        OwedLogRow.objects.bulk_update(due, ["may_land_until"])


def _is_written(result: WriteResult, title: str) -> bool:
    if title in result.refused:
        logger.warning("Run_Log wasn't written: %s", result.refused[title])
    return title in result.written


def row_values(run: ActionRun, workbook: Workbook, counts: Mapping[str, int]) -> dict[str, Writable]:
    """column -> cell of the run's row in a workbook's Run_Log."""
    return {
        "run_id": run.run_id,
        "action": run.action,
        "requested_by": run.requested_by,
        "started_at": _moment(run.started_at),
        "finished_at": _moment(run.finished_at),
        "status": run.status,
        **counts,
        "messages": messages_text(run.messages, str(workbook)),
        "link": run_address(run),
    }


def run_address(run: ActionRun) -> str:
    """The address of the run's page."""
    return f"{settings.PUBLIC_URL}{reverse('admin:sheetsync_actionrun_change', args=(run.pk,))}"


def messages_text(messages: Sequence[Mapping[str, Any]], workbook: str) -> str:
    """What a run said about a workbook, or about no workbook in particular: the worst first, shortened."""
    own = [message for message in messages if message["workbook"] in ("", workbook)]
    ranked = sorted(own, key=lambda message: _WORST_FIRST.index(message["status"]))
    lines = [_line(message) for message in ranked[:MOST_MESSAGES]]
    more = len(ranked) - len(lines)
    return "\n".join([*lines, *([f"and {more} more"] if more else [])])


def _line(message: Mapping[str, Any]) -> str:
    place = " ".join(
        part for part in (message["tab"], f"row {message['row']}" if message["row"] else "", message["key"]) if part
    )
    text = f"{message['status']} {place}: {message['text']}" if place else f"{message['status']}: {message['text']}"
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def _cells(values: Mapping[str, Writable], header: Header) -> dict[int, Writable]:
    return {place: None if values[name] == "" else values[name] for name, place in header.columns.items()}


def _moment(moment: datetime.datetime | None) -> str:
    return f"{moment.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else ""
