"""A Control tab as it was read: which rows ask for something, and what each row shall tell."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sheetsync.models import ActionRun, ControlTick
from sheetsync.service_tabs import CONTROL, control_tab
from sheetsync.syncing.headers import HeaderProblem, find_header
from sheetsync.syncing.view import SheetRow, TabView, view_tab
from sheetsync.syncing.writing import PlannedCell, same_cell
from sheetsync.tabs import Role
from sheetsync.values.cells import Refusal, parse
from sheetsync.workbooks.interface import OpenWorkbook, Snapshot, Writable

LONGEST_STATUS = 900  # characters
_UNDER_WAY = (ActionRun.Status.QUEUED, ActionRun.Status.RUNNING)


@dataclass(frozen=True, kw_only=True)
class ControlRead:
    """One read of a Control tab."""

    view: TabView | None  # None when there is no such tab, or none that can be used
    problem: str  # why it can't be used; "" also when there is no such tab
    snapshot: Snapshot


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A row that somebody ticked, or typed something into the tick's cell of."""

    row: SheetRow
    name: str  # the action, as the row says
    arguments: str  # as the row says
    refusal: str  # why nothing can be done, "" when something may
    is_tick: bool  # whether it is a tick, to be cleared; text in its cell stays


def read_control(book: OpenWorkbook, role: str) -> ControlRead:
    """Reads the tab, in one read. Raises WorkbookUnavailable."""
    shown = book.read([CONTROL], formulas=True)
    title = next((title for title in shown.titles if title.casefold() == CONTROL.casefold()), "")
    if title and title not in shown.grids:
        shown = book.read([title])
    if title not in shown.grids:
        return ControlRead(view=None, problem="", snapshot=shown)
    tab, grid = control_tab(Role(role)), shown.grids[title]
    header = find_header(tab, grid.rows)
    if isinstance(header, HeaderProblem):
        return ControlRead(view=None, problem=header.text, snapshot=shown)
    return ControlRead(view=view_tab(tab, title, header, grid), problem="", snapshot=shown)


def read_asks(view: TabView) -> Iterator[Ask]:
    """The rows that ask for something, from the first."""
    column = view.tab.column("run")
    for row in view.rows:
        wanted = parse(column, row.raw["run"])
        if isinstance(wanted, Refusal):
            yield _ask(row, wanted.text, is_tick=False)
        elif wanted:
            yield _ask(row, _flaw(view, row), is_tick=not _is_fixed(view, row, "run"))


def _ask(row: SheetRow, refusal: str, *, is_tick: bool) -> Ask:
    name, arguments = row.raw["action"], row.raw.get("arguments")
    return Ask(
        row=row,
        name=str(name or "").strip(),
        arguments="" if arguments is None else str(arguments),
        refusal=refusal,
        is_tick=is_tick and row.key != "",
    )


def _flaw(view: TabView, row: SheetRow) -> str:
    """What is wrong with a ticked row, whatever it asks for."""
    if _is_fixed(view, row, "run"):
        return "run: the cell holds a formula or is merged, so that the tick couldn't be cleared; use a plain tick box, or type TRUE"
    if not row.key:
        return "action: the cell is empty; name an action, as pm.undo_run"
    if row.key in view.twins:
        rows = " and ".join(map(str, view.twins[row.key]))
        return f"action: rows {rows} both name {row.raw['action']}; keep one of them"
    return ""


def _is_fixed(view: TabView, row: SheetRow, name: str) -> bool:
    """Whether the cell is never written."""
    return row.merged or (row.index, view.header.columns.get(name, -1)) in view.grid.formulas


def tell(view: TabView, row: SheetRow, **wanted: Writable) -> list[PlannedCell]:
    """The cells to be written so that the row shows these values; columns that aren't there are left out."""
    return [
        PlannedCell(
            row=row,
            key=row.key,
            column=name,
            value=value,
            expect=row.raw[name],
            owned=name != "run",
        )
        for name, value in wanted.items()
        if name in row.raw and not _is_fixed(view, row, name) and not same_cell(row.raw[name], value)
    ]


# ---- what became of ticks ------------------------------------------------------------------------------------------


def latest(ticks: Iterable[ControlTick]) -> Mapping[str, ControlTick]:
    """By row: the tick that the row tells of."""
    return {tick.row_key: tick for tick in ticks}


def outcome_cells(view: TabView, tick: ControlTick, *, live: bool = False) -> list[PlannedCell]:
    """What its row still has to tell about a tick; none also when the row is gone. `live`: also how far its run is."""
    row = view.by_key.get(tick.row_key)
    if row is None:
        return []
    run = tick.run
    if run.status in _UNDER_WAY:
        return tell(view, row, last_status=status_text(run, tick.place, live=live))
    ended = run.finished_at.astimezone(datetime.UTC) if run.finished_at else None
    moment = f"{ended:%Y-%m-%dT%H:%M:%SZ}" if ended else ""
    return tell(view, row, last_status=status_text(run), last_run_at=moment)


def has_ended(tick: ControlTick) -> bool:
    """Whether what became of the tick is known."""
    return tick.run.status not in _UNDER_WAY


def status_text(run: ActionRun, place: int = 0, *, live: bool = False) -> str:
    """last_status of a row: how its run stands. `place`: its place among the ticks that were taken at once, 0 goes first."""
    if live and run.status == ActionRun.Status.RUNNING and run.progress:
        return f"running: {run.progress}; run {run.run_id}"
    if run.status == ActionRun.Status.RUNNING or (run.status == ActionRun.Status.QUEUED and not place):
        return f"running: run {run.run_id}"
    if run.status == ActionRun.Status.QUEUED:
        return f"queued: run {run.run_id} waits for {place} before it"
    counts = [
        f"{run.counts[name]:,} {name.replace('_', ' ')}"
        for name in ("rows_changed", "cells_written")
        if run.counts.get(name)
    ]
    told = [f"{run.status}: {', '.join(counts) or 'nothing was changed'}", *_first_failures(run)]
    text = "; ".join([*told, f"run {run.run_id}"])
    return text if len(text) <= LONGEST_STATUS else text[: LONGEST_STATUS - 1] + "…"


def _first_failures(run: ActionRun) -> list[str]:
    failed = [message for message in run.messages if message["status"] == "FAILED"]
    more = [f"and {len(failed) - 2} more"] if len(failed) > 2 else []
    return [" ".join(filter(None, (message["tab"], message["key"], message["text"]))) for message in failed[:2]] + more
