"""Takes back what one run did: stored fields and sheet cells go back; what people edited since is kept and listed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models, transaction

from sheetsync.context import ActionContext, Message
from sheetsync.models import ActionRun, CellChange, RecordChange, RowState, TabState, Workbook
from sheetsync.records import Record, Scene
from sheetsync.registry import Registered, registry
from sheetsync.runs.actions import NotPossible, WrongUsage
from sheetsync.storage import NewRecord, Origin, RecordUpdate, plain, snapshot
from sheetsync.syncing.headers import Header, find_header
from sheetsync.syncing.opentab import TabJob
from sheetsync.syncing.sync import WorkbookJob, sync_workbook
from sheetsync.syncing.view import JOINT, SheetRow, TabView, view_tab
from sheetsync.syncing.writing import PlannedCell, TabPlan, same_cell, write_plan
from sheetsync.tabs import TWO_WAY, Owner
from sheetsync.workbooks.interface import OpenWorkbook, WorkbookUnavailable


def undo(context: ActionContext, run_id: str) -> None:
    """Takes the run back. Raises WrongUsage when there is no such run, or it can't be undone."""
    run = _undoable(run_id)
    with transaction.atomic():
        _restore_records(context, run)
        context.storage.flush()
        ActionRun.objects.filter(pk=run.pk).update(undone_by=context.run)
    touched = _touched_tabs(run)
    context.report.tabs_done += 1
    for workbook, titles in touched.items():
        _restore_where_possible(context, run, workbook, titles)
    if not touched and not run.record_changes.exists():
        context.report.tell("OK", f"run {run_id} of {run.action} had changed nothing")


def _restore_where_possible(context: ActionContext, run: ActionRun, workbook: Workbook, titles: set[str]) -> None:
    """One workbook that can't be reached, or isn't in use any more, keeps none of the others from going back."""
    if not workbook.is_active:
        context.report.tell("WARNING", "the workbook isn't active any more; its cells stay", workbook=str(workbook))
        return
    try:
        _restore_workbook(context, run, workbook, titles)
    except WorkbookUnavailable as unavailable:
        context.report.tabs_stopped += 1
        text = f"{unavailable} What was stored went back; the cells that show it follow at the next sync."
        context.report.tell("FAILED", text, workbook=str(workbook))


def _undoable(run_id: str) -> ActionRun:
    run = ActionRun.objects.filter(run_id=run_id).first()
    if run is None:
        recent = ", ".join(
            ActionRun.objects.exclude(status=ActionRun.Status.QUEUED).values_list("run_id", flat=True)[:3]
        )
        raise WrongUsage(f"there is no run {run_id!r}; the latest runs are {recent or 'none'}")
    if run.undone_by is not None:
        raise NotPossible(f"run {run_id} was already undone, by run {run.undone_by.run_id}")
    if run.status in (ActionRun.Status.QUEUED, ActionRun.Status.RUNNING):
        raise NotPossible(f"run {run_id} is {run.status}; it can be undone once it has ended")
    return run


# ---- stored records --------------------------------------------------------------------------------------------------------------------


def _restore_records(context: ActionContext, run: ActionRun) -> None:
    changes = list(run.record_changes.order_by("-pk").select_related("workbook"))
    for label, group in _by_model(changes).items():
        model = apps.get_model(label)
        current = model._default_manager.in_bulk([change.object_id for change in group])
        _take_fields_back(
            context, model, [change for change in group if not change.created and not change.deleted], current
        )
        _bring_back(context, model, [change for change in group if change.deleted and change.object_id not in current])
        # What the run made and then changed holds by now what it was made with.
        made = [change for change in group if change.created]
        current = model._default_manager.in_bulk([change.object_id for change in made])
        _remove_made(context, run, model, [change for change in made if change.object_id in current], current)


def _by_model(changes: Iterable[RecordChange]) -> dict[str, list[RecordChange]]:
    """In the order of undoing: what was made last goes first."""
    groups: dict[str, list[RecordChange]] = defaultdict(list)
    for change in changes:
        groups[change.model].append(change)
    return groups


def _origin(change: RecordChange) -> Origin:
    return Origin(change.workbook, change.tab, change.row, change.row_key)


def _take_fields_back(
    context: ActionContext, model: type[models.Model], changes: Sequence[RecordChange], current: dict[Any, models.Model]
) -> None:
    updates = []
    for change in changes:
        instance = current.get(change.object_id)
        if instance is None:
            _kept(context, change, "the record is gone")
            continue
        fields: dict[str, Any] = {}
        for name, (old, new) in change.fields.items():
            if plain(getattr(instance, name)) == new:
                fields[name] = _python_value(model, name, old)
                setattr(
                    instance, name, fields[name]
                )  # an older change of the same run is judged by what this one found
            elif plain(getattr(instance, name)) != old:
                _kept(context, change, f"{name} was edited since and keeps its value")
        updates.append(RecordUpdate(pk=change.object_id, fields=fields, origin=_origin(change)))
    # One record may have been changed several times in a run: newest first, each on top of the last.
    for update in updates:
        context.storage.update(model, [update])


def _bring_back(context: ActionContext, model: type[models.Model], changes: Sequence[RecordChange]) -> None:
    for change in changes:
        fields = {name: _python_value(model, name, old) for name, (old, _new) in change.fields.items()}
        new = NewRecord(fields={model._meta.pk.attname: change.object_id, **fields}, origin=_origin(change))
        try:
            with transaction.atomic():
                context.storage.create(model, [new])
        except IntegrityError:
            _kept(context, change, "it was made anew since, or what it belongs to is gone, so it isn't brought back")


def _python_value(model: type[models.Model], attname: str, logged: Any) -> Any:
    """A value from the log as its field holds it."""
    stored = next(stored for stored in model._meta.concrete_fields if stored.attname == attname)
    return (
        logged
        if logged is None or isinstance(stored, models.ForeignKey | models.JSONField)
        else stored.to_python(logged)
    )


def _remove_made(
    context: ActionContext,
    run: ActionRun,
    model: type[models.Model],
    changes: Sequence[RecordChange],
    current: dict[Any, models.Model],
) -> None:
    for change in changes:
        later = RecordChange.objects.filter(pk__gt=change.pk).exclude(run=run).exclude(run=context.run)
        # What was itself taken back, and the taking back, leave things as they were.
        lasting = later.filter(run__undone_by=None).exclude(run__action=context.action)
        worked_on = lasting.filter(row_key=change.row_key).exists()
        now = snapshot(current[change.object_id])
        edited = any(now.get(name, now.get(f"{name}_id")) != new for name, (_old, new) in change.fields.items())
        if worked_on or edited:
            _kept(context, change, "it was worked on since, so the record stays")
        else:
            context.storage.delete(model, [change.object_id], _origin(change))


def _kept(context: ActionContext, change: RecordChange, why: str) -> None:
    message = Message(
        status="WARNING",
        text=why,
        workbook=str(change.workbook or ""),
        tab=change.tab,
        row=change.row,
        key=change.row_key,
    )
    context.report.keep(message)


# ---- sheets ----------------------------------------------------------------------------------------------------------------------------


def _touched_tabs(run: ActionRun) -> dict[Workbook, set[str]]:
    touched: dict[int, set[str]] = defaultdict(set)
    for source in (run.cell_changes.values_list("workbook", "tab"), run.record_changes.values_list("workbook", "tab")):
        for workbook, title in source.distinct():
            if workbook is not None and title:
                touched[workbook].add(title)
    books = Workbook.objects.in_bulk(list(touched))
    return {books[pk]: titles for pk, titles in touched.items()}


def _registered(workbook: Workbook, title: str) -> Registered | None:
    for entry in registry:
        if entry.tab.role == workbook.role and (entry.tab.any_name or entry.tab.name.casefold() == title.casefold()):
            return entry
    return None


def _restore_workbook(context: ActionContext, run: ActionRun, workbook: Workbook, titles: set[str]) -> None:
    book = context.open_book(workbook)
    views = _views(book, workbook, titles)
    cells = {title: _cell_changes(run, workbook, title) for title in titles}
    plans = {}
    for title, view in views.items():
        stored = _stored_rows(context, workbook, title)
        plans[title] = _plan_back(context, view, cells[title], stored)
    for title, plan in plans.items():
        TabState.objects.filter(workbook=workbook, tab=title).update(sheet_digest="", version="")
        gone = [cell.key for cell in plan.cells if cell.column in plan.view.tab.identity and cell.value is None]
        RowState.objects.filter(workbook=workbook, tab=title, row_key__in=gone).delete()
    sending = {title: plan for title, plan in plans.items() if plan}
    if sending:
        outcome = write_plan(book, sending)
        _log_restored(context, workbook, sending, {title: tab.landed for title, tab in outcome.tabs.items()})
        _set_row_counts(workbook, {title: tab.readback for title, tab in outcome.tabs.items()})
    _show_again(context, run, workbook, views)


def _views(book: OpenWorkbook, workbook: Workbook, titles: set[str]) -> dict[str, TabView]:
    snapshot_ = book.read(sorted(titles), formulas=True)
    views = {}
    for title in sorted(titles):
        entry = _registered(workbook, title)
        grid = snapshot_.grids.get(title)
        header = find_header(entry.tab, grid.rows) if entry and grid else None
        if entry and grid and isinstance(header, Header):
            views[title] = view_tab(entry.tab, title, header, grid)
    return views


def _cell_changes(run: ActionRun, workbook: Workbook, title: str) -> list[CellChange]:
    return list(run.cell_changes.filter(workbook=workbook, tab=title).order_by("pk").select_related("workbook"))


def _stored_rows(context: ActionContext, workbook: Workbook, title: str) -> Mapping[str, Record]:
    """The records that stand behind the tab now, by identity."""
    entry = _registered(workbook, title)
    if entry is None or entry.records is None:
        return {}
    return entry.records().load(Scene(context=context, workbook=workbook, title=title))


def _plan_back(
    context: ActionContext, view: TabView, changes: Sequence[CellChange], stored: Mapping[str, Record]
) -> TabPlan:
    """What only the sheet knows: appended rows are blanked; suggestions, and what rows were given or told whose record is gone, are taken
    out. The rest is shown anew."""
    plan = TabPlan(view=view)
    for change in changes:
        row = view.by_key.get(change.row_key)
        if row is None and change.row_key in stored:
            _put_key_back(context, plan, change, stored[change.row_key])
            continue
        row = row or _by_content(view, change)
        if row is None:
            continue
        if change.appended:
            _blank_row(context, plan, row, change)
            continue
        for name, (old, new) in change.cells.items():
            if name not in row.raw or not same_cell(row.raw[name], new):
                continue
            # A row whose record is gone shows what it showed before: no key that was given to it, and no verdict on it.
            if change.row_key not in stored or view.tab.column(name).owner is Owner.SUGGESTION:
                plan.cells.append(_cell(row, name, old))
    return plan


def _put_key_back(context: ActionContext, plan: TabPlan, change: CellChange, record: Record) -> None:
    """A record came back whose row had lost its key: the one row without a key that says what the record says gets it again."""
    given = {
        name: old for name, (old, new) in change.cells.items() if name in plan.view.tab.identity and old and not new
    }
    if not given or not plan.view.tab.key_prefix:
        return  # elsewhere missing rows are appended anew
    text = plan.view.text_as_stored(record.values)
    rows = [row for row in plan.view.rows if not row.key and plan.view.typed_text(row) == text]
    if len(rows) == 1:
        plan.cells.extend(replace(_cell(rows[0], name, key), key=change.row_key) for name, key in given.items())
        return
    context.report.tell(
        "WARNING",
        "no row can be told to be this one's any more; type the key into its row, or the row gets a new one",
        workbook=str(change.workbook),
        tab=plan.view.title,
        key=change.row_key.upper(),
    )


def _by_content(view: TabView, change: CellChange) -> SheetRow | None:
    """A row that has no identity of its own (an appended row of an output tab)."""
    if all(new is None for _old, new in change.cells.values()):
        return None  # nothing would match every empty row
    for row in view.rows:
        if not row.key and all(
            same_cell(row.raw.get(name), new) for name, (_old, new) in change.cells.items() if name in row.raw
        ):
            return row
    return None


def _blank_row(context: ActionContext, plan: TabPlan, row: SheetRow, change: CellChange) -> None:
    feedback = {column.name for column in plan.view.tab.named(Owner.FEEDBACK)}
    places = set(plan.view.header.columns.values())
    foreign = [value for place, value in enumerate(plan.view.grid.rows[row.index]) if place not in places]
    untouched = all(
        same_cell(value, change.cells.get(name, [None, None])[1])
        for name, value in row.raw.items()
        if name not in feedback
    )
    if not untouched or any(value not in (None, "", False) for value in foreign):
        context.report.keep(
            Message(
                status="WARNING",
                text="the row was edited since it was appended, so it stays",
                workbook=str(change.workbook),
                tab=plan.view.title,
                row=row.number,
                key=change.row_key.upper(),
            )
        )
        return
    plan.cells.extend(_cell(row, name, None) for name, value in row.raw.items() if value is not None)


def _cell(row: SheetRow, name: str, value: Any) -> PlannedCell:
    return PlannedCell(row=row, key=row.key, column=name, value=value, expect=row.raw[name], owned=False)


def _log_restored(
    context: ActionContext, workbook: Workbook, plans: dict[str, TabPlan], landed: dict[str, list[PlannedCell]]
) -> None:
    changes = []
    for title in plans:
        by_row: dict[str, dict[str, list[Any]]] = defaultdict(dict)
        for cell in landed[title]:
            by_row[cell.key][cell.column] = [cell.expect, cell.value]
            context.report.plan.append(
                {
                    "workbook": str(workbook),
                    "tab": title,
                    "key": cell.key,
                    "column": cell.column,
                    "from": cell.expect,
                    "to": cell.value,
                }
            )
        changes += [
            CellChange(run=context.run, workbook=workbook, tab=title, row_key=key, cells=cells)
            for key, cells in by_row.items()
        ]
        context.report.changed.update((str(workbook), title, key) for key in by_row)
        context.report.tallies[workbook.pk].changed.update((title, key) for key in by_row)
    CellChange.objects.bulk_create(changes)
    written = sum(len(change.cells) for change in changes)
    context.report.count("cells_written", written)
    context.report.tallies[workbook.pk].cells_written += written


def _set_row_counts(workbook: Workbook, shown: dict[str, TabView | None]) -> None:
    """Rows that the undo blanked are no reason for the brake."""
    for title, view in shown.items():
        if view is not None:
            TabState.objects.filter(workbook=workbook, tab=title).update(row_count=len(view.rows))


def _show_again(context: ActionContext, run: ActionRun, workbook: Workbook, views: dict[str, TabView]) -> None:
    """What went back in the database is shown in the sheets it came from, through the merge."""
    jobs = []
    fields = {name for change in run.record_changes.filter(workbook=workbook) for name in change.fields}
    for title, view in views.items():
        entry = _registered(workbook, title)
        assert entry is not None
        keys = _row_keys(run, workbook, title)
        if entry.records is None or not keys or not entry.tab.identity or not entry.tab.model:
            continue
        written = {name for change in _cell_changes(run, workbook, title) for name in change.cells}
        columns = frozenset(
            column.name
            for column in view.tab.named(*TWO_WAY)
            if column.path.rpartition("__")[2] in fields or column.name in written
        )
        # A row that a person typed stays as it was typed; it would make again what was just taken back.
        jobs.append(TabJob(registered=entry, keys=keys, columns=columns, known_rows=True))
    if jobs:
        sync_workbook(context, WorkbookJob(workbook=workbook, tabs=jobs))


def _row_keys(run: ActionRun, workbook: Workbook, title: str) -> frozenset[str]:
    """First part of the identity of every row that the run touched there."""
    touched = set(run.cell_changes.filter(workbook=workbook, tab=title).values_list("row_key", flat=True))
    touched |= set(run.record_changes.filter(workbook=workbook, tab=title).values_list("row_key", flat=True))
    return frozenset(key.partition(JOINT)[0].upper() for key in touched if key)
