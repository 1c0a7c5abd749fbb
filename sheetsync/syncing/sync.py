"""Syncs one workbook: read, settle (sheet -> DB), let the action work, show (DB -> sheet), write, read back, record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from sheetsync.context import ActionContext, Visit
from sheetsync.models import TabState, Workbook
from sheetsync.records import Scene
from sheetsync.registry import Registered, registry
from sheetsync.service_tabs import SERVICE_TITLES
from sheetsync.storage import now_epoch
from sheetsync.syncing.appended import AppendedTabSync
from sheetsync.syncing.compiled import CompiledTabSync, compile_tabs
from sheetsync.syncing.headers import Header, HeaderProblem, find_header
from sheetsync.syncing.moved import follow_moved_rows
from sheetsync.syncing.opentab import TabJob, stored_digest
from sheetsync.syncing.recording import report_state
from sheetsync.syncing.renamed import follow_renamed_tabs
from sheetsync.syncing.tabsync import TabSync
from sheetsync.syncing.verdicts import waits
from sheetsync.syncing.writing import NothingWritten, Outcome, TabOutcome, TabPlan, write_plan
from sheetsync.workbooks.interface import OpenWorkbook, Snapshot, WorkbookChanged, WorkbookUnavailable

# How often one action goes round: keys that were just written, rows that moved under a write.
ROUNDS = 4


class StalePlan(Exception):
    """Another action synced the tab since it was read: read again."""


@dataclass(kw_only=True)
class WorkbookJob:
    """What an action wants of one workbook."""

    workbook: Workbook
    tabs: Sequence[TabJob]  # in the order in which they are settled
    between: Callable[[Mapping[str, TabSync]], None] | None = (
        None  # the action's own work, after settling and before showing
    )


@dataclass(frozen=True)
class _Moment:
    """When a snapshot was read, and what was known by then."""

    read_began: float  # epoch second
    write_window_s: float  # seconds during which a write could land
    strays: Mapping[str, dict[str, dict[str, Any]]]


@dataclass(kw_only=True)
class _Round:
    """One pass over the tabs of a workbook, on one snapshot."""

    syncs: dict[str, TabSync] = field(default_factory=dict)  # by title
    plans: dict[str, TabPlan] = field(default_factory=dict)


def sync_workbook(context: ActionContext, job: WorkbookJob) -> Mapping[str, TabSync]:
    """Carries out the job; returns its tabs by title, none when the workbook couldn't be synced.

    What is wrong with the workbook, a tab or a row is told in the report; nothing is raised for it.
    """
    name = str(job.workbook)
    try:
        book = context.open_book(job.workbook)
        return _go_round(context, job, book)
    except WorkbookUnavailable as error:
        context.report.tabs_stopped += 1
        context.report.tell("FAILED", str(error), workbook=name)
    except (StalePlan, WorkbookChanged):
        context.report.tabs_stopped += 1
        context.report.tell(
            "FAILED", "The workbook keeps changing while it is synced; try again in a moment.", workbook=name
        )
    return {}


def _go_round(context: ActionContext, job: WorkbookJob, book: OpenWorkbook) -> Mapping[str, TabSync]:
    snapshot: Snapshot | None = None
    began = 0.0
    strays: dict[
        str, dict[str, dict[str, Any]]
    ] = {}  # by title: what earlier rounds of this action put into other rows
    unchanged = _unchanged_tabs(context, job, book.version())
    if unchanged:
        return _report_unchanged(context, book, unchanged)
    for number in range(ROUNDS):
        generations = _generations(job.workbook)
        if snapshot is None:
            context.progress(f"reading {job.workbook}", 0, 0)
            began = now_epoch()
            snapshot = book.read(_titles_to_read(job))
            _follow_what_moved(context, job, snapshot, generations)
        context.progress(f"comparing {_row_count(snapshot):,} rows of {job.workbook}", 0, 0)
        try:
            with transaction.atomic():
                turn = _settle_and_show(
                    context, job, snapshot, generations, _Moment(began, book.write_window_s, strays)
                )
        except BaseException as error:
            context.storage.discard()
            if not isinstance(error, StalePlan):
                raise
            if number + 1 == ROUNDS:
                raise
            snapshot = None
            continue
        if not turn.plans:
            break
        began = now_epoch()  # the read back comes later: what can't land by now can't land after it
        outcome = _write(context, job.workbook, book, turn)
        with transaction.atomic():
            for title, sync in turn.syncs.items():
                if title in outcome.tabs:
                    sync.acknowledge(outcome.tabs[title], outcome.may_land_for_s)
            _move_versions_on(turn, outcome)
            context.storage.flush()
        if not _needs_another_round(turn, outcome):
            break
        snapshot = outcome.readback
        strays = {title: sync.strays for title, sync in turn.syncs.items()}
    for sync in turn.syncs.values():
        sync.report()
    context.report.count("reads", book.reads)
    context.report.count("writes", book.writes)
    return turn.syncs


def _row_count(snapshot: Snapshot) -> int:
    return sum(len(grid.rows) for grid in snapshot.grids.values())


def _write(context: ActionContext, workbook: Workbook, book: OpenWorkbook, turn: _Round) -> Outcome:
    cells = sum(len(plan.cells) + sum(len(row.cells) for row in plan.appended) for plan in turn.plans.values())
    context.progress(f"writing {cells:,} cells to {workbook}", 0, 0)
    try:
        outcome = write_plan(book, turn.plans)
    except NothingWritten:
        _take_back_attempts(context, turn)
        raise
    if outcome.readback is not None:
        context.visits[workbook.pk] = Visit(book=book, shown=outcome.readback)
    return outcome


def _take_back_attempts(context: ActionContext, turn: _Round) -> None:
    """Nothing is on its way: the next sync needn't wait until it couldn't land any more."""
    with transaction.atomic():
        for title, plan in turn.plans.items():
            left = TabOutcome(left=list(plan.cells), left_rows=list(plan.appended))
            turn.syncs[title].acknowledge(left, 0.0)
        context.storage.flush()


def _unchanged_tabs(context: ActionContext, job: WorkbookJob, version: str) -> list[TabState]:
    """The states of the job's tabs when nothing at all happened since they were settled: the workbook is the same version, and the
    database holds the same. Nothing need be parsed then. Empty when something happened, or when that can't be told so cheaply."""
    settled = TabState.objects.filter(workbook=job.workbook, version=version).select_related("workbook")
    stopped = TabState.objects.filter(workbook=job.workbook, version="").exclude(message="")
    states = list(settled) if version and not stopped.exists() else []
    found: list[TabState] = []
    for tab_job in job.tabs:
        name = tab_job.tab.name.casefold()
        own = [state for state in states if tab_job.tab.any_name or state.tab.casefold() == name]
        if not own or not all(_is_unchanged(context, tab_job, state) for state in own):
            return []
        found.extend(own)
    return found


def _is_unchanged(context: ActionContext, job: TabJob, state: TabState) -> bool:
    if (
        job.looks
        or not job.take
        or job.keys
        or job.columns is not None
        or (job.append is not None and not state.is_filled)
    ):
        return False
    if job.registered.records is None or any(waits(verdict) for _row, _key, verdict in state.problems):
        return False
    records, scene = job.registered.records(), Scene(context=context, workbook=state.workbook, title=state.tab)
    return stored_digest(records, scene, lambda: records.load(scene)) == state.db_digest


def _report_unchanged(context: ActionContext, book: OpenWorkbook, states: Sequence[TabState]) -> Mapping[str, TabSync]:
    TabState.objects.filter(pk__in=[state.pk for state in states]).update(read_at=context.now, saved_at=context.now)
    for state in states:
        report_state(context, state)
    context.report.count("reads", book.reads)
    return {}


def _move_versions_on(turn: _Round, outcome: Outcome) -> None:
    """Tabs to which nothing was written are settled in the version that the write of the others made."""
    if outcome.readback is None or not all(tab.as_planned for tab in outcome.tabs.values()):
        return
    others = [sync.state.pk for title, sync in turn.syncs.items() if title not in outcome.tabs and sync.state.version]
    TabState.objects.filter(pk__in=others).update(version=outcome.readback.version)


def _follow_what_moved(
    context: ActionContext, job: WorkbookJob, snapshot: Snapshot, generations: dict[str, int]
) -> None:
    if job.workbook.tab:
        return  # the one tab to read was named: under another title it isn't meant any more
    for tab_job in job.tabs:
        if tab_job.tab.any_name:
            for title, former in follow_renamed_tabs(context, job.workbook, tab_job.registered, snapshot).items():
                generations[title] = generations.pop(former, 0)
            follow_moved_rows(context, job.workbook, tab_job.registered, snapshot)


def _needs_another_round(turn: _Round, outcome: Outcome) -> bool:
    if outcome.readback is None:
        return False
    moved = any(not tab.complete and not tab.refused for tab in outcome.tabs.values())
    return moved or any(sync.gave_keys for sync in turn.syncs.values())


def _generations(workbook: Workbook) -> dict[str, int]:
    return dict(TabState.objects.filter(workbook=workbook).values_list("tab", "generation"))


def _titles_to_read(job: WorkbookJob) -> list[str] | None:
    """None (every tab) where tabs are recognised by their header row."""
    if any(tab_job.tab.any_name for tab_job in job.tabs):
        return [job.workbook.tab] if job.workbook.tab else None
    return [tab_job.tab.name for tab_job in job.tabs]


def _settle_and_show(
    context: ActionContext, job: WorkbookJob, snapshot: Snapshot, generations: Mapping[str, int], moment: _Moment
) -> _Round:
    turn = _Round()
    for tab_job, title in _jobs_by_title(context, job, snapshot):
        state = _locked_state(job.workbook, title, generations)
        sync = _open_tab(context, job.workbook, tab_job, title, snapshot, state, moment.read_began)
        if sync is not None:
            sync.write_window_s = moment.write_window_s
            sync.strays = moment.strays.get(title, {})
            turn.syncs[title] = sync
    for sync in turn.syncs.values():
        sync.settle()
    compile_tabs([sync for sync in turn.syncs.values() if isinstance(sync, CompiledTabSync)])
    if job.between is not None:
        job.between(turn.syncs)
    for title, sync in turn.syncs.items():
        plan = sync.show()
        if plan:
            turn.plans[title] = plan
    context.storage.flush()
    return turn


def _jobs_by_title(context: ActionContext, job: WorkbookJob, snapshot: Snapshot) -> list[tuple[TabJob, str]]:
    """Which declared tab each sheet of the workbook is."""
    found: list[tuple[TabJob, str]] = []
    by_fold = {title.strip().casefold(): title for title in snapshot.titles}
    for tab_job in job.tabs:
        if tab_job.tab.any_name:
            titles = recognised_titles(context, job.workbook, tab_job.registered, snapshot)
            found.extend((tab_job, title) for title in titles)
            continue
        title = by_fold.get(tab_job.tab.name.casefold(), "")
        if title in snapshot.grids:
            found.append((tab_job, title))
        else:
            _stop(
                context,
                job.workbook,
                tab_job.tab.name,
                f"there is no tab {tab_job.tab.name!r}; `init_workbook` adds it",
            )
    return found


def recognised_titles(
    context: ActionContext, workbook: Workbook, registered: Registered, snapshot: Snapshot
) -> list[str]:
    """Sheets whose header row is the declared tab's. One that nearly is gets a message."""
    titles, nearly = [], []
    for title, grid in snapshot.grids.items():
        if title.casefold() in SERVICE_TITLES:
            continue
        header = find_header(registered.tab, grid.rows)
        if isinstance(header, Header):
            titles.append(title)
        elif header.best_row is not None or workbook.tab:
            nearly.append((title, header))
    for title, header in nearly:
        _stop(context, workbook, title, header.text)
    if not titles and not nearly:
        missing = f"there is no tab {workbook.tab!r}" if workbook.tab else "no tab has a header row that is known"
        _stop(context, workbook, workbook.tab, missing)
    return titles


def _stop(context: ActionContext, workbook: Workbook, tab: str, text: str) -> None:
    context.report.tabs_stopped += 1
    context.report.tell("FAILED", text, workbook=str(workbook), tab=tab)
    TabState.objects.update_or_create(
        workbook=workbook, tab=tab, defaults={"message": text, "sheet_digest": "", "version": ""}
    )


def _locked_state(workbook: Workbook, title: str, generations: Mapping[str, int]) -> TabState:
    """The tab's state, locked for this transaction and moved on by one: a plan that was made on an older one is stale."""
    state, _made = TabState.objects.get_or_create(workbook=workbook, tab=title)
    state = TabState.objects.select_for_update().get(pk=state.pk)
    if state.generation != generations.get(title, 0):
        raise StalePlan
    state.generation += 1
    state.save(update_fields=["generation"])
    return state


def _open_tab(
    context: ActionContext,
    workbook: Workbook,
    job: TabJob,
    title: str,
    snapshot: Snapshot,
    state: TabState,
    began: float,
) -> TabSync | None:
    grid = snapshot.grids[title]
    header = find_header(job.tab, grid.rows)
    if isinstance(header, HeaderProblem):
        _stop(context, workbook, title, header.text)
        return None
    sync = _kind_of_sync(job.registered)(
        version=snapshot.version,
        scene=Scene(context=context, workbook=workbook, title=title),
        job=job,
        header=header,
        grid=grid,
        state=state,
        read_began=began,
    )
    stopped = sync.brake()
    if stopped:
        _stop(context, workbook, title, stopped)
        return None
    return sync


def _kind_of_sync(registered: Registered) -> type[TabSync]:
    """Rows are merged where each has a record; else the tab is compiled as a whole, or only appended to."""
    if registered.compiler is not None:
        return CompiledTabSync
    return AppendedTabSync if registered.records is None else TabSync


def tab_job(role: str, name: str, **options: object) -> TabJob:
    """A job for a registered tab."""
    return TabJob(registered=registry.get(role, name), **options)  # type: ignore[arg-type]
