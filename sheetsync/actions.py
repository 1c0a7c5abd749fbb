"""The engine's own actions: save a tab, take back a run."""

from __future__ import annotations

from sheetsync.context import ActionContext
from sheetsync.registry import Registered, registry
from sheetsync.runs.actions import WrongUsage, action, find_tab
from sheetsync.runs.undo import undo
from sheetsync.syncing.opentab import TabJob
from sheetsync.syncing.sync import WorkbookJob, sync_workbook
from sheetsync.tabs import TWO_WAY, Owner, Role


@action(
    "pm.save_selected",
    roles=(Role.BACKLOG, Role.PRODUCTOPS, Role.OPTIMIZATION),
    label="Save this tab",
    help="Saves the tab (all rows, or the selected ones) to the database.",
)
def save_selected(context: ActionContext) -> None:
    """Saves the tab that was named, else every tab of the workbook that people enter something in."""
    keys = frozenset(key.strip().upper() for key in context.arguments.keys)
    workbooks = context.workbooks(Role.BACKLOG, Role.PRODUCTOPS, Role.OPTIMIZATION)
    if context.arguments.tab:
        workbooks = [workbook for workbook in workbooks if find_tab(workbook.role, context.arguments.tab, or_none=True)]
        if not workbooks:
            find_tab(None, context.arguments.tab)
            raise WrongUsage(f"no connected workbook of the right role has the tab {context.arguments.tab}")
    for number, workbook in enumerate(workbooks):
        context.progress(f"saving {workbook}", number, len(workbooks))
        jobs = [TabJob(registered=entry, keys=keys) for entry in saved_tabs(workbook.role, context.arguments.tab)]
        sync_workbook(context, WorkbookJob(workbook=workbook, tabs=jobs))


def saved_tabs(role: str, name: str) -> list[Registered]:
    """The tabs to save: the named one and those that are always saved along with it, else every one that can be saved."""
    savable = [entry for entry in registry if entry.tab.role == role and entry.is_entered and _is_savable(entry)]
    if not name:
        return savable
    named = find_tab(role, name)
    assert named is not None
    return [entry for entry in savable if entry.tab.name == named.name or entry.tab.name in named.saved_with]


def _is_savable(entry: Registered) -> bool:
    return bool(entry.tab.named(*TWO_WAY, Owner.SHEET_ONLY))


@action(
    "pm.undo_run",
    roles=tuple(Role),
    label="Undo a run",
    help="Takes back what one earlier run did; edits that people made since are kept and listed.",
    arguments=("runs",),
)
def undo_run(context: ActionContext) -> None:
    """Takes back the run that `--run` names."""
    if len(context.arguments.runs) != 1:
        raise WrongUsage("name the run to undo: --run RUN_ID")
    undo(context, context.arguments.runs[0])
