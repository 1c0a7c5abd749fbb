"""What is remembered of a tab once it was planned, and once it was written; what the action's caller is told."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable
from typing import Any

from sheetsync.bulk import insert_rows
from sheetsync.context import ActionContext
from sheetsync.models import CellChange, TabState
from sheetsync.storage import now_epoch
from sheetsync.syncing.opentab import KEY_PARTS, OpenTab
from sheetsync.syncing.verdicts import is_failed
from sheetsync.syncing.view import JOINT, NOT_CALCULATED, TabView, row_digest
from sheetsync.syncing.writing import TabOutcome, TabPlan
from sheetsync.workbooks.interface import Writable


def close(tab: OpenTab, plan: TabPlan) -> None:
    """Stores the state; the digests of the whole tab only when nothing is on its way."""
    tab.memory.save()
    tab.state.columns = list(tab.header.columns)
    tab.state.row_count = len(tab.view.rows)
    tab.state.message = "; ".join(tab.doubled_text(name) for name in tab.header.doubled)
    tab.state.read_at = tab.scene.context.now
    tab.state.problems = _problems(tab)
    whole = not plan and tab.job.columns is None and tab.job.take and not tab.job.keys
    tab.state.sheet_digest = tab.sheet_digest(tab.header, tab.grid) if whole else ""
    tab.state.db_digest = tab.whole_db_digest() if whole or plan else ""
    tab.state.version = tab.version if whole else ""
    tab.state.is_filled = tab.job.append is not None and tab.job.take and not (plan.appended or tab.lacks_rows)
    tab.state.save()


def _problems(tab: OpenTab) -> list[list[Any]]:
    """Every row that isn't plainly OK, also those that were left alone this time."""
    now = [
        [row.number, tab.shown_key(row), verdict]
        for row, verdict in tab.verdicts.items()
        if not verdict.startswith("OK")
    ]
    told = {row.key for row in tab.verdicts}
    for key, row in tab.view.by_key.items():
        mark = tab.memory.marks.get(key)
        if key not in told and mark is not None and mark.verdict and not mark.verdict.startswith("OK"):
            now.append([row.number, tab.shown_key(row), mark.verdict])
    return sorted(now, key=lambda problem: problem[0])


def acknowledge(tab: OpenTab, outcome: TabOutcome, may_land_for_s: float) -> None:
    """Records what landed: bases move on, attempts are forgotten, cells are logged."""
    touched: set[str] = set()
    for cell in outcome.landed:
        if cell.two_way:
            tab.memory.rows[cell.key].landed(cell.column, cell.encoded, cell.row.index)
            touched.add(cell.key)
    for row in outcome.appended:
        if row.key:
            for name, value in row.encoded.items():
                tab.memory.rows[row.key].landed(name, value)
            touched.add(row.key)
    _date_attempts(tab, outcome, may_land_for_s)
    if outcome.as_planned and outcome.readback is not None:
        _settle_digests(tab, outcome.readback, touched, outcome)
    for key in touched:
        tab.memory.mark(key)
    tab.memory.save()
    log_cells(tab, outcome)
    tell_refused(tab, outcome)


def tell_refused(tab: OpenTab, outcome: TabOutcome) -> None:
    """Tells why nothing was written, where that is so."""
    if outcome.refused:
        tab.scene.context.report.tell(
            "FAILED",
            f"nothing was written: {outcome.refused}",
            workbook=str(tab.scene.workbook),
            tab=tab.scene.title,
        )


def _date_attempts(tab: OpenTab, outcome: TabOutcome, may_land_for_s: float) -> None:
    """Attempts that weren't answered may land for a while yet."""
    until = now_epoch() + may_land_for_s if may_land_for_s else 0.0
    if tab.desk is not None and tab.write_window_s:
        tab.desk.date(tab.sent_keys, until=until)
    for cell in outcome.left:
        if cell.two_way:
            tab.memory.rows[cell.key].date(cell.column, cell.encoded, cell.row.index, until)
            tab.memory.mark(cell.key)
    for row in outcome.left_rows:
        if row.key:
            for name, value in row.encoded.items():
                tab.memory.rows[row.key].date(name, value, -1, until)
            tab.memory.mark(row.key)


def _settle_digests(tab: OpenTab, shown: TabView, touched: set[str], outcome: TabOutcome) -> None:
    if tab.job.columns is not None or not tab.job.take:
        return
    for key in {cell.key for cell in outcome.landed if cell.key} | {row.key for row in outcome.appended if row.key}:
        row = shown.by_key.get(key)
        if row is not None and key in tab.memory.rows and key in tab.memory.marks:
            tab.memory.mark(key).sheet_digest = row_digest(row)
            touched.add(key)
    if not tab.job.keys and not tab.gave_keys:
        tab.state.sheet_digest = tab.sheet_digest(shown.header, shown.grid)
        tab.state.version = outcome.version
        tab.state.is_filled = tab.job.append is not None and not tab.lacks_rows
    tab.state.row_count = len(shown.rows)
    tab.state.save(update_fields=["sheet_digest", "version", "is_filled", "row_count"])


def log_cells(tab: OpenTab, outcome: TabOutcome) -> None:
    """Logs every cell that landed, a row an entry: the history of the sheet, and what undo takes back."""
    by_row: dict[str, dict[str, list[Any]]] = {}
    for cell in outcome.landed:
        by_row.setdefault(cell.key, {})[cell.column] = [cell.expect, _loggable(cell.value)]
    changes: list[tuple[str, bool, dict[str, list[Any]]]] = [(key, False, cells) for key, cells in by_row.items()]
    for row in outcome.appended:
        changes.append((row.key, True, {name: [None, _loggable(value)] for name, value in row.cells.items()}))
    scene = tab.scene
    names = ("run_id", "workbook_id", "tab", "row_key", "appended", "cells")
    insert_rows(
        CellChange, names, [(scene.context.run.pk, scene.workbook.pk, scene.title, *change) for change in changes]
    )
    report = scene.context.report
    written = sum(len(cells) for _key, _appended, cells in changes)
    report.count("cells_written", written)
    report.changed.update((str(scene.workbook), scene.title, key) for key, _appended, _cells in changes)
    report.tallies[scene.workbook.pk].cells_written += written
    report.tallies[scene.workbook.pk].changed.update((scene.title, key) for key, _appended, _cells in changes)
    if scene.context.dry_run:
        report.plan.extend(_plan_lines(tab, changes))


def _plan_lines(tab: OpenTab, changes: Iterable[tuple[str, bool, dict[str, list[Any]]]]) -> Iterable[dict[str, Any]]:
    """A dry run's plan, cell by cell."""
    where = {"workbook": str(tab.scene.workbook), "tab": tab.scene.title}
    for key, appended, cells in changes:
        for name, (old, new) in cells.items():
            yield {**where, "key": key.upper(), "column": name, "from": old, "to": new, "appended": appended}


def report(tab: OpenTab) -> None:
    """Tells what the action's caller should know about this tab."""
    report = tab.scene.context.report
    report.rows_whole += sum(bool(work.incoming.failure) for work in tab.work.values())
    if tab.job.registered.records is not None:  # rows that no key finds
        unclear = [row for row in tab.verdicts if row.key not in tab.work and tab.selects(row)]
        report.rows_whole += sum(is_failed(tab.verdicts[row]) for row in unclear)
    report.keys_wanted |= tab.job.keys
    report.keys_seen.update(row.key.partition(JOINT)[0].upper() for row in tab.view.rows if tab.job.keys)
    report_state(tab.scene.context, tab.state, keys=tab.job.keys, rows=sum(map(tab.selects, tab.view.rows)))
    if tab.withholds_rows:
        rows = ", ".join(map(str, tab.view.uncalculated[:10]))
        report.tell(
            "FAILED",
            f"no rows were added, because it can't be told whose row is row {rows}: in its key {NOT_CALCULATED}",
            workbook=str(tab.scene.workbook),
            tab=tab.scene.title,
        )


def report_state(
    context: ActionContext, state: TabState, *, keys: Collection[str] = (), rows: int | None = None
) -> None:
    """Tells what the tab's last read showed. With `keys`, only of their rows; `rows` says how many of all those are."""
    report = context.report
    report.tabs_done += 1
    report.count("rows_read", state.row_count)
    report.tallies[state.workbook_id].rows_read += state.row_count
    report.rows_seen += state.row_count if rows is None else rows
    where = {"workbook": str(state.workbook), "tab": state.tab}
    for number, key, verdict in state.problems:
        if keys and key.partition(KEY_PARTS)[0].upper() not in keys:
            continue
        status, _, text = verdict.partition(": ")
        report.failed_rows += is_failed(verdict)
        report.tell(status, text, row=number, key=key, **where)
    if state.message:
        report.tell("WARNING", state.message, **where)


def _loggable(value: Writable) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else value
