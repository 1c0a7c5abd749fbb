"""Models from a template, as rows of MathModels and Params: the half of `pm.populate_initiatives` that starts models."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from productops.jobs import MATH_MODELS, PARAMS, Missing, each_workbook, productops_job
from productops.model_templates.starting import Start, plan_starts, start_models
from productops.model_templates.stored import find_template
from productops.models import ModelTemplate
from sheetsync.context import ActionContext
from sheetsync.models import Workbook
from sheetsync.records import NewRow, Scene
from sheetsync.runs.actions import WrongUsage
from sheetsync.storage import Origin
from sheetsync.syncing.sync import WorkbookJob, sync_workbook
from sheetsync.syncing.tabsync import TabSync
from sheetsync.syncing.view import TabView
from sheetsync.tabs import Role


def start_from_template(context: ActionContext, keys: frozenset[str]) -> None:
    """Starts a model for each of the keys and shows it. Raises WrongUsage without keys, or when there is no such template."""
    if not keys:
        raise WrongUsage(f"name the initiatives that shall start from {context.arguments.template!r}: keys")
    template = find_template(context.arguments.template)
    for start in plan_starts(template, keys):
        if start.is_stored:
            text = f"there is a model {start.model_name} already; rename it first to start another one"
            context.report.tell("SKIPPED", text, key=start.key)
        elif start.refusal:
            context.report.tell("FAILED", start.refusal, key=start.key)
    for workbook in each_workbook(context, "starting models", Role.PRODUCTOPS):
        jobs = [
            productops_job(MATH_MODELS, keys=keys, take=False, append=_missing(template, keys, Start.model_rows)),
            productops_job(PARAMS, keys=keys, take=False, append=_missing(template, keys, Start.param_rows)),
        ]
        between = _starting(context, workbook, template, keys)
        sync_workbook(context, WorkbookJob(workbook=workbook, tabs=jobs, between=between))


def _starting(
    context: ActionContext, workbook: Workbook, template: ModelTemplate, keys: Collection[str]
) -> Callable[[Mapping[str, TabSync]], None]:
    def between(syncs: Mapping[str, TabSync]) -> None:
        models = next((sync for sync in syncs.values() if sync.tab.name == MATH_MODELS), None)
        if models is None:
            return
        shown = {row.key for row in models.view.rows}
        starts = [start for start in plan_starts(template, keys) if not start.is_stored]
        for start in (start for start in starts if start.model_key in shown):
            text = f"MathModels has a row for {start.model_name} that isn't saved yet; save it, or give it another name"
            context.report.tell("SKIPPED", text, key=start.key)
        free = [start for start in starts if start.model_key not in shown]
        origin = Origin(workbook, models.scene.title)
        context.report.count("models_started", start_models(context.storage, template, free, origin))

    return between


def _missing(template: ModelTemplate, keys: Collection[str], rows_of: Callable[[Start], Sequence[NewRow]]) -> Missing:
    """The rows of started models that a tab doesn't show."""

    def append(scene: Scene, view: TabView) -> Sequence[NewRow]:
        present = {row.key for row in view.rows}
        stored = [start for start in plan_starts(template, keys) if start.is_stored]
        return [row for start in stored for row in rows_of(start) if row.key not in present]

    return append
