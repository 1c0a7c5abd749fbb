"""Actions on ProductOps workbooks: populate, score, switch the framework, seed parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from backlog.models import Initiative
from productops.jobs import (
    KPI_CONTRIBUTIONS,
    MATH_MODELS,
    PARAMS,
    SCORING_INPUTS,
    Missing,
    asked_keys,
    each_workbook,
    origins,
    productops_job,
)
from productops.llm import actions as _llm_actions  # noqa: F401  # registers the actions that ask a language model
from productops.model_templates.started import start_from_template
from productops.models import SHARED_KEY, InitiativeMathModel, InitiativeParam
from productops.scores.evaluation import FRAMEWORKS
from productops.scores.stored import store_scores, switch_scores
from productops.seeding import FRAMEWORK, needed_params, without_row
from sheetsync.context import ActionContext
from sheetsync.models import Workbook
from sheetsync.records import NewRow, Scene
from sheetsync.registry import registry
from sheetsync.runs.actions import WrongUsage, action
from sheetsync.storage import NewRecord, Origin
from sheetsync.syncing.opentab import TabJob
from sheetsync.syncing.sync import WorkbookJob, sync_workbook
from sheetsync.syncing.tabsync import TabSync
from sheetsync.syncing.view import TabView, identity_text
from sheetsync.tabs import Role
from sheetsync.values.cells import nearest
from sheetsync.values.words import squeeze

NAMELESS = "SKIPPED: model_name is empty; the row is saved once its model has a name"


@action(
    "pm.populate_initiatives",
    roles=(Role.PRODUCTOPS,),
    label="Add missing initiatives",
    help="Appends the initiatives that the tabs don't show yet; with template and keys, a model from that template.",
    arguments=("template",),
)
def populate_initiatives(context: ActionContext) -> None:
    """Appends rows and saves nothing that people typed; in MathModels only initiatives that use a math model and have no
    row there. With a template the initiatives of the keys start a model from it instead."""
    keys = asked_keys(context)
    if context.arguments.template:
        start_from_template(context, keys)
        return
    missing: Mapping[str, Missing] = {
        SCORING_INPUTS: _missing_initiatives,
        MATH_MODELS: _missing_models,
        KPI_CONTRIBUTIONS: _missing_initiatives,
    }
    names = [_populated_tab(context.arguments.tab, missing)] if context.arguments.tab else list(missing)
    for workbook in each_workbook(context, "populating", Role.PRODUCTOPS):
        jobs = [productops_job(name, keys=keys, take=False, append=missing[name]) for name in names]
        sync_workbook(context, WorkbookJob(workbook=workbook, tabs=jobs))


@action(
    "pm.score_selected",
    roles=(Role.PRODUCTOPS,),
    label="Score",
    help="Saves Scoring_Inputs, MathModels and Params, computes every framework and shows scores and contributions.",
)
def score_selected(context: ActionContext) -> None:
    """Scores the initiatives of the keys given, else all. Shared parameters are saved along: every score may rest on them."""
    keys = asked_keys(context)
    for workbook in each_workbook(context, "scoring", Role.PRODUCTOPS):
        jobs = [
            productops_job(SCORING_INPUTS, keys=keys),
            productops_job(MATH_MODELS, keys=keys),
            productops_job(PARAMS, keys=keys | {SHARED_KEY} if keys else keys),
            productops_job(KPI_CONTRIBUTIONS, keys=keys, take=False, refresh=True),
        ]
        sync_workbook(context, WorkbookJob(workbook=workbook, tabs=jobs, between=_scoring(context, workbook, keys)))


@action(
    "pm.switch_framework",
    roles=(Role.PRODUCTOPS, Role.BACKLOG),
    label="Switch the framework",
    help="Makes another framework's computed scores the active ones, without computing anything anew.",
    arguments=("framework",),
)
def switch_framework(context: ActionContext) -> None:
    """Switches the initiatives of the keys given, else all; those without a score in that framework are left as they are."""
    framework = _framework(context.arguments.framework)
    keys = asked_keys(context)
    skipped: dict[str, str] = {}
    for workbook in each_workbook(context, "switching", Role.PRODUCTOPS, Role.BACKLOG):
        between = _switching(context, workbook, framework, keys, skipped)
        if workbook.role == Role.PRODUCTOPS:
            job = productops_job(SCORING_INPUTS, keys=keys, columns=frozenset({"active_scoring_framework"}))
        else:
            job = TabJob(registered=registry.get(Role.BACKLOG, "Backlog"), keys=keys, take=False, refresh=True)
        sync_workbook(context, WorkbookJob(workbook=workbook, tabs=[job], between=between))
    for key, why in skipped.items():
        context.report.tell("SKIPPED", why, key=key)


@action(
    "pm.seed_math_params",
    roles=(Role.PRODUCTOPS,),
    label="Add missing parameters",
    help="Appends a Params row for each name in an approved formula that has none.",
)
def seed_math_params(context: ActionContext) -> None:
    """Seeds for the initiatives of the keys given, else all; a name that SHARED defines isn't seeded."""
    keys = asked_keys(context)
    for workbook in each_workbook(context, "seeding", Role.PRODUCTOPS):
        job = productops_job(PARAMS, keys=keys, take=False, refresh=True, append=_missing_params)
        sync_workbook(context, WorkbookJob(workbook=workbook, tabs=[job], between=_seeding(context, workbook, keys)))


# ---- populate ----------------------------------------------------------------------------------------------------------


def _populated_tab(name: str, populated: Collection[str]) -> str:
    for tab in populated:
        if squeeze(tab) == squeeze(name):
            return tab
    near = nearest(name, populated)
    hint = f"did you mean {near}?" if near else "they are " + ", ".join(populated)
    raise WrongUsage(f"{name!r} is none of the tabs that are populated; {hint}")


def _wanted(scene: Scene) -> Sequence[tuple[str, str, bool]]:
    """(initiative_key, title, use_math_model) of the initiatives that the action is for."""
    asked = {key.strip().upper() for key in scene.context.arguments.keys}
    rows = Initiative.objects.order_by("initiative_key").values_list("initiative_key", "title", "use_math_model")
    return [row for row in rows if not asked or row[0] in asked]


def _missing_initiatives(scene: Scene, view: TabView) -> Sequence[NewRow]:
    present = {row.key for row in view.rows}
    return [
        NewRow(key=identity_text([key]), values={"initiative_key": key})
        for key, _title, _uses in _wanted(scene)
        if identity_text([key]) not in present
    ]


def _missing_models(scene: Scene, view: TabView) -> Sequence[NewRow]:
    """Rows for initiatives that use a math model and have none: one per stored model, else one that waits for a name."""
    present = {identity_text([str(row.raw["initiative_key"] or "")]) for row in view.rows}
    absent = [row for row in _wanted(scene) if row[2] and identity_text([row[0]]) not in present]
    stored: dict[str, list[str]] = {}
    models = InitiativeMathModel.objects.order_by("pk").values_list("initiative__initiative_key", "model_name")
    for key, name in models if absent else ():
        stored.setdefault(key, []).append(name)
    rows = []
    for key, title, _uses in absent:
        named = [NewRow(key=identity_text([key, name]), values={"initiative_key": key}) for name in stored.get(key, ())]
        waiting = NewRow(key="", values={"initiative_key": key, "title": title}, note=NAMELESS)
        rows.extend(named or [waiting])
    return rows


# ---- score, switch ------------------------------------------------------------------------------------------------------


def _scoring(
    context: ActionContext, workbook: Workbook, keys: frozenset[str]
) -> Callable[[Mapping[str, TabSync]], None]:
    def between(syncs: Mapping[str, TabSync]) -> None:
        changed = store_scores(context.storage, keys, origins(workbook, syncs))
        context.report.count("initiatives_rescored", changed)

    return between


def _framework(typed: str) -> str:
    frameworks = ", ".join(FRAMEWORKS)
    if not typed.strip():
        raise WrongUsage(f"name the framework to switch to: --framework with one of {frameworks}")
    for framework in FRAMEWORKS:
        if squeeze(framework) == squeeze(typed):
            return framework
    near = nearest(typed, FRAMEWORKS)
    raise WrongUsage(
        f"there is no framework {typed!r}; " + (f"did you mean {near}?" if near else f"they are {frameworks}")
    )


def _switching(
    context: ActionContext, workbook: Workbook, framework: str, keys: frozenset[str], skipped: dict[str, str]
) -> Callable[[Mapping[str, TabSync]], None]:
    """What a person chose with this action comes after what the sheet brings."""

    def between(syncs: Mapping[str, TabSync]) -> None:
        skipped.update(switch_scores(context.storage, framework, keys, origins(workbook, syncs)))
        for sync in syncs.values():
            for key, why in skipped.items():
                sync.skip(identity_text([key]), why)

    return between


# ---- seed ---------------------------------------------------------------------------------------------------------------


def _missing_params(scene: Scene, view: TabView) -> Sequence[NewRow]:
    asked = {key.strip().upper() for key in scene.context.arguments.keys}
    return [
        NewRow(key=needed.row_key, values={"initiative_key": needed.initiative_key})
        for needed in without_row(needed_params(asked), view)
    ]


def _seeding(
    context: ActionContext, workbook: Workbook, keys: frozenset[str]
) -> Callable[[Mapping[str, TabSync]], None]:
    def between(syncs: Mapping[str, TabSync]) -> None:
        for sync in syncs.values():
            needed = [one for one in without_row(needed_params(keys), sync.view) if not one.is_stored]
            new = [
                NewRecord(
                    fields={
                        "initiative_id": one.initiative,
                        "framework": FRAMEWORK,
                        "param_name": one.param_name,
                        "is_auto_seeded": True,
                    },
                    origin=Origin(workbook, sync.scene.title, label=one.initiative_key),
                )
                for one in needed
            ]
            context.storage.create(InitiativeParam, new)
            context.report.count("params_seeded", len(new))

    return between
