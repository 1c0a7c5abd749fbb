"""Control: ticks in a workbook become runs. Works for every kind of workbook, with nothing installed in it.

A tick is taken once, whatever happens: the run is stored, with a note that its tick is still there, before the tick is
cleared; while that note stands, a tick in that row is the one that was taken. Two polls that saw the same tick are told
apart by the tab's generation: the second one's read is stale.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from sheetsync.context import Arguments
from sheetsync.control.rows import Ask, ControlRead, has_ended, latest, outcome_cells, read_asks, read_control, tell
from sheetsync.models import ActionRun, ControlState, ControlTick, Workbook
from sheetsync.runs.actions import Action, OpenBook, WrongUsage
from sheetsync.runs.asked import allowed_actions, read_request, read_short_form
from sheetsync.runs.tasks import submit
from sheetsync.storage import now_epoch
from sheetsync.syncing.versions import move_versions_on
from sheetsync.syncing.view import TabView
from sheetsync.syncing.writing import Outcome, PlannedCell, TabPlan, write_plan
from sheetsync.workbooks.interface import OpenWorkbook, TabWrites, WorkbookChanged, WorkbookUnavailable, Writable
from sheetsync.workbooks.kinds import is_spreadsheet, open_location, open_workbook

logger = logging.getLogger(__name__)

CAME_FROM = "control"
# For how long the poll that took a tick may take to clear it, before another one does; seconds.
CLEARED_WITHIN_S = 60.0
# For how long one call looks at tabs: the timetable calls again every minute.
POLL_FOR_S = 50.0
# Stores a run: (action, workbook, arguments) -> run. Raises WrongUsage.
Submit = Callable[[str, Workbook, Arguments], ActionRun]


@dataclass(kw_only=True)
class _Turn:
    """What one poll of one tab is about to do."""

    workbook: Workbook
    view: TabView
    began: float  # epoch second at which the read began
    window_s: float  # seconds during which a write could land
    live: bool  # whether rows tell how far a run is: not in a file, where each write gets in the run's own way
    submit: Submit
    cells: list[PlannedCell] = field(default_factory=list)
    taken: list[ControlTick] = field(default_factory=list)
    outstanding: list[ControlTick] = field(default_factory=list)


def poll_all(*, open_book: OpenBook = open_workbook) -> str:
    """Looks at the Control tabs of active workbooks, and hands what is ticked to the workers; returns what was done, in words.

    Spreadsheets, whose requests are counted, take turns: those that weren't looked at for longest come first, and what the budget or
    the time doesn't allow for comes first at the next call. A workbook that can't be read or written now doesn't keep others waiting."""
    runs = looked_at = 0
    until = time.monotonic() + POLL_FOR_S
    for workbook in _whose_turn_it_is():
        if time.monotonic() > until:
            break
        try:
            runs += len(poll(workbook, open_book=open_book))
            looked_at += 1
        except WorkbookUnavailable as unavailable:
            _put_last(workbook, str(unavailable))
            logger.warning("Control of workbook %s: %s", workbook.pk, unavailable)
        except Exception:
            _put_last(workbook, "the tab couldn't be looked at; the log says why")
            logger.exception("Control of workbook %s couldn't be polled", workbook.pk)
    return f"{looked_at} workbooks looked at, {runs} runs asked for"


def _whose_turn_it_is() -> list[Workbook]:
    waited = models.F("control__polled_at").asc(nulls_first=True)
    active = list(Workbook.objects.filter(is_active=True).order_by(waited, "pk"))
    counted = [workbook for workbook in active if is_spreadsheet(workbook.location)]
    allowed = counted[: settings.SHEETS_POLLS_PER_MINUTE or None]
    return [workbook for workbook in active if workbook not in counted] + allowed


def _put_last(workbook: Workbook, message: str) -> None:
    ControlState.objects.update_or_create(workbook=workbook, defaults={"polled_at": timezone.now(), "message": message})


def poll(
    workbook: Workbook, *, open_book: OpenBook = open_workbook, submit_run: Submit | None = None
) -> list[ActionRun]:
    """Stores a run for each tick, clears the ticks, and brings the rows of earlier ticks up to date; returns the runs, in order.

    One read when nothing is to be done. Without `submit_run` the runs go to the workers. Raises WorkbookUnavailable when the tab can't
    be read; when it can't be written, the next poll does that."""
    state, _made = ControlState.objects.get_or_create(workbook=workbook)
    book = open_book(workbook)
    if state.version and state.version == book.version() and not workbook.control_ticks.exists():
        return []
    began = now_epoch()
    shown = read_control(book, workbook.role)
    if shown.view is None:
        _rest(state, shown)
        return []
    turn = _Turn(
        workbook=workbook,
        view=shown.view,
        began=began,
        window_s=book.write_window_s,
        live=not shown.snapshot.version,
        submit=submit_run or _to_the_workers,
    )
    with transaction.atomic():
        if not _move_on(state):
            return []  # another poll took something since; it sees to the rest
        _settle_earlier(turn)
        _take(turn)
    if turn.cells:
        _try_to_write(turn, book, state)
    elif not workbook.control_ticks.exists():
        _rest(state, shown)
    return [tick.run for tick in turn.taken]


def _to_the_workers(name: str, workbook: Workbook, arguments: Arguments) -> ActionRun:
    return submit(name, workbook=workbook, arguments=arguments, requested_by="Control tab", came_from=CAME_FROM)


def _move_on(state: ControlState) -> bool:
    """Makes every read stale that was begun before this moment; False when this one is."""
    moved = ControlState.objects.filter(pk=state.pk, generation=state.generation).update(
        generation=state.generation + 1, version="", message="", polled_at=timezone.now()
    )
    state.generation += 1
    return bool(moved)


def _rest(state: ControlState, shown: ControlRead) -> None:
    """Nothing is to be done until the workbook changes."""
    ControlState.objects.filter(pk=state.pk, generation=state.generation).update(
        version=shown.snapshot.version, message=shown.problem, polled_at=timezone.now()
    )


# ---- ticks that were taken before ----------------------------------------------------------------------------------


def _settle_earlier(turn: _Turn) -> None:
    """Sees which ticks are gone from the sheet, clears those that aren't, tells how their runs stand, forgets what is done with."""
    ticks = list(ControlTick.objects.filter(workbook=turn.workbook).select_related("run"))
    asking = {ask.row.key: ask for ask in read_asks(turn.view) if ask.is_tick}
    for tick in ticks:
        if tick.is_cleared or tick.may_land_until > turn.began:
            continue
        ask = asking.get(tick.row_key)
        if ask is None:
            tick.is_cleared = True
            tick.save(update_fields=["is_cleared"])
        else:
            turn.cells.extend(tell(turn.view, ask.row, run=False))
            _date(turn, tick)
    telling = latest(ticks)
    for tick in ticks:
        cells = outcome_cells(turn.view, tick, live=turn.live) if telling[tick.row_key] is tick else []
        if tick.is_cleared and has_ended(tick) and not cells:
            tick.delete()
            continue
        turn.outstanding.append(tick)
        turn.cells.extend(cells)


def _date(turn: _Turn, tick: ControlTick) -> None:
    """Until when the write that clears the tick may land, or is still to be sent."""
    tick.may_land_until = turn.began + max(turn.window_s, CLEARED_WITHIN_S)
    tick.save(update_fields=["may_land_until"])


# ---- new ticks -----------------------------------------------------------------------------------------------------


def _take(turn: _Turn) -> None:
    """Stores a run for each new tick, or says on its row why there is none."""
    being_cleared = {tick.row_key for tick in turn.outstanding if not tick.is_cleared}
    for ask in read_asks(turn.view):
        if ask.is_tick and ask.row.key in being_cleared:
            continue
        refusal = ask.refusal or _take_one(turn, ask)
        if refusal:
            _refuse(turn, ask, refusal)


def _take_one(turn: _Turn, ask: Ask) -> str:
    """Why there is no run for a tick; "" when there is one."""
    try:
        action, arguments = read_request(turn.workbook, ask.name, read_short_form(ask.arguments))
        run = turn.submit(action.name, turn.workbook, arguments)
    except WrongUsage as wrong:
        return str(wrong)
    tick = ControlTick(workbook=turn.workbook, row_key=ask.row.key, run=run, place=len(turn.taken))
    _forget_told(turn, ask)
    tick.save()
    _date(turn, tick)
    turn.taken.append(tick)
    turn.cells.extend([*tell(turn.view, ask.row, run=False), *outcome_cells(turn.view, tick)])
    return ""


def _refuse(turn: _Turn, ask: Ask, why: str) -> None:
    clears = {"run": False} if ask.is_tick and ask.row.key not in turn.view.twins else {}
    if clears:
        _forget_told(turn, ask)
    turn.cells.extend(tell(turn.view, ask.row, last_status=f"FAILED: {why}", **clears))


def _forget_told(turn: _Turn, ask: Ask) -> None:
    """The row tells of the new tick from now on."""
    row = ask.row
    turn.cells = [cell for cell in turn.cells if cell.row is not row]
    ControlTick.objects.filter(workbook=turn.workbook, row_key=row.key, is_cleared=True).delete()


def _try_to_write(turn: _Turn, book: OpenWorkbook, state: ControlState) -> None:
    """What was taken stays taken when the tab can't be written now: the next poll clears the ticks."""
    try:
        _write(turn, book, state)
    except (WorkbookUnavailable, WorkbookChanged) as later:
        logger.warning("Control of workbook %s isn't written yet: %s", turn.workbook.pk, later)
        ControlState.objects.filter(pk=state.pk).update(message=str(later))


def _write(turn: _Turn, book: OpenWorkbook, state: ControlState) -> None:
    title = turn.view.title
    outcome = write_plan(book, {title: TabPlan(view=turn.view, cells=turn.cells)})
    move_versions_on(turn.workbook, outcome.planned_on, outcome.made)
    _note_cleared(turn, state, outcome)
    if outcome.tabs[title].refused:
        message = f"nothing can be written to the tab: {outcome.tabs[title].refused}"
        ControlState.objects.filter(pk=state.pk).update(message=message)


def _note_cleared(turn: _Turn, state: ControlState, outcome: Outcome) -> None:
    """From now on a tick in such a row is a new one; a read that was begun before doesn't know that."""
    cleared = [cell.key for cell in outcome.tabs[turn.view.title].landed if cell.column == "run"]
    if not cleared:
        return
    with transaction.atomic():
        current = ControlState.objects.select_for_update().get(pk=state.pk)
        current.generation += 1
        current.save(update_fields=["generation"])
        ControlTick.objects.filter(workbook=turn.workbook, row_key__in=cleared).update(is_cleared=True)


# ---- making the tab's rows -----------------------------------------------------------------------------------------


def add_action_rows(location: str, role: str) -> list[str]:
    """Adds a row for each action of the role that the Control tab lacks; returns what was done, in sentences. Raises
    WorkbookUnavailable."""
    book = open_location(location)
    shown = read_control(book, role)
    if shown.view is None:
        return [f"Control: {shown.problem}"] if shown.problem else []
    present = {row.key for row in shown.view.rows}
    missing = [action for action in allowed_actions(role) if action.name.casefold() not in present]
    if not missing:
        return []
    columns = shown.view.header.columns
    rows: list[dict[int, Writable]] = [{columns["action"]: action.name, columns["run"]: False} for action in missing]
    writes = {shown.view.title: TabWrites(appended=rows, after_row=shown.view.header.row)}
    try:
        result = book.write(writes, version=shown.snapshot.version)
    except WorkbookChanged as changed:
        raise WorkbookUnavailable("The workbook was saved by someone else meanwhile; try again.") from changed
    if shown.view.title in result.refused:
        return [f"Control: nothing was added: {result.refused[shown.view.title]}"]
    return [f"Control: added {_names(missing)}."]


def _names(actions: Sequence[Action]) -> str:
    return ", ".join(action.name for action in actions)
