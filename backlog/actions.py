"""Actions on intake and Backlog workbooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backlog.models import Initiative
from sheetsync.context import ActionContext
from sheetsync.models import Conflict, Workbook
from sheetsync.records import NewRow, Scene
from sheetsync.registry import registry
from sheetsync.runs.actions import action
from sheetsync.syncing.opentab import TabJob
from sheetsync.syncing.sync import WorkbookJob, sync_workbook
from sheetsync.syncing.view import TabView, identity_text
from sheetsync.tabs import Role


@action(
    "pm.backlog_sync",
    roles=(Role.INTAKE, Role.BACKLOG),
    label="Sync intake and backlog",
    help="Takes intake rows into the database, gives them keys, saves the Backlog and shows what changed.",
)
def backlog_sync(context: ActionContext) -> None:
    """Intake -> DB -> keys back to intake; Backlog -> DB; DB -> Backlog."""
    intakes, backlogs = context.workbooks(Role.INTAKE), context.workbooks(Role.BACKLOG)
    total = len(intakes) + len(backlogs)
    for number, workbook in enumerate(intakes):
        context.progress(f"intake {workbook}", number, total)
        _sync(context, workbook)
    overridden = _overridden(intakes)
    stored: dict[int, int] = {}  # by the workbook's id: how much was stored once it was synced
    for number, workbook in enumerate(backlogs, start=len(intakes)):
        context.progress(f"backlog {workbook}", number, total)
        _sync(context, workbook)
        stored[workbook.pk] = context.storage.changed_records
    _sync_again(context, [book for book in backlogs if stored[book.pk] < context.storage.changed_records])
    now = _overridden(intakes)
    _sync_again(context, [book for book in intakes if overridden.get(book.pk) != now.get(book.pk)])
    context.progress("done", total, total)


def _sync(context: ActionContext, workbook: Workbook) -> None:
    if workbook.role == Role.INTAKE:
        job = TabJob(registered=registry.get(Role.INTAKE, "Intake"), keys=keys_of(context))
    else:
        job = TabJob(registered=registry.get(Role.BACKLOG, "Backlog"), keys=keys_of(context), append=_missing_rows)
    sync_workbook(context, WorkbookJob(workbook=workbook, tabs=[job]))


def _sync_again(context: ActionContext, workbooks: Iterable[Workbook]) -> None:
    """What a later workbook changed, an earlier one shows at once, not at the next sync."""
    for workbook in workbooks:
        with context.second_look(workbook):
            _sync(context, workbook)


def _overridden(intakes: Iterable[Workbook]) -> dict[int, set[int]]:
    """By the workbook's id: which of intake's words an override in the Backlog keeps away."""
    found: dict[int, set[int]] = {}
    contested = Conflict.objects.filter(workbook__in=list(intakes), status=Conflict.Status.OPEN)
    for workbook, conflict in contested.values_list("workbook_id", "pk"):
        found.setdefault(workbook, set()).add(conflict)
    return found


def keys_of(context: ActionContext) -> frozenset[str]:
    """The keys that the action was asked for; empty for all."""
    return frozenset(key.strip().upper() for key in context.arguments.keys)


def _missing_rows(scene: Scene, view: TabView) -> Sequence[NewRow]:
    """Initiatives that the Backlog doesn't show yet."""
    present = {row.key for row in view.rows}
    wanted = keys_of(scene.context)
    keys = Initiative.objects.order_by("initiative_key").values_list("initiative_key", flat=True)
    return [
        NewRow(key=identity_text([key]), values={"initiative_key": key})
        for key in keys
        if identity_text([key]) not in present and (not wanted or key in wanted)
    ]
