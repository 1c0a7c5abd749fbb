"""The actions that ask a language model: what is asked is read first, nothing is held while anybody waits, then the answers are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from backlog.models import Initiative
from productops.jobs import MATH_MODELS, asked_keys, each_workbook, origins, productops_job
from productops.llm import suggesting, summarising
from productops.llm.asking import Asker, NotAsked, asker
from productops.llm.shapes import SuggestedModel, Summary
from productops.llm.suggesting import Suggestions, WantedRow, show_suggestions, tell_not_asked, wanted_rows
from productops.llm.summarising import Summaries, text_of, why_none
from productops.models import InitiativeMathModel
from productops.records.shared import initiative_pks
from sheetsync.context import ActionContext
from sheetsync.models import Workbook
from sheetsync.registry import registry
from sheetsync.runs.actions import action
from sheetsync.storage import Origin, RecordUpdate
from sheetsync.syncing.opentab import TabJob
from sheetsync.syncing.sync import WorkbookJob, sync_workbook
from sheetsync.syncing.tabsync import TabSync
from sheetsync.syncing.view import JOINT
from sheetsync.tabs import Role


@action(
    "pm.suggest_math_model_llm",
    roles=(Role.PRODUCTOPS,),
    label="Suggest a model",
    help="Saves MathModels, asks the language model for formulas and metric chains, and shows them for people to consider.",
)
def suggest_math_model_llm(context: ActionContext) -> None:
    """Asks about the rows of the keys given, else about every row that hasn't an approved formula or says something to the model."""
    keys = asked_keys(context)
    with asker(context, "math model", SuggestedModel) as asking:
        for workbook in each_workbook(context, "reading", Role.PRODUCTOPS):
            _suggest(context, asking, workbook, keys)


def _suggest(context: ActionContext, asking: Asker[SuggestedModel], workbook: Workbook, keys: frozenset[str]) -> None:
    job = productops_job(MATH_MODELS, keys=keys, looks=True)
    syncs = sync_workbook(context, WorkbookJob(workbook=workbook, tabs=[job]))
    rows: list[WantedRow] = []
    for sync in syncs.values():
        rows, passed_over = wanted_rows(sync, named=bool(keys))
        if passed_over:
            why = "an approved formula and an empty model_prompt_to_llm"
            text = f"{passed_over} rows with {why} weren't asked about; name their keys to ask"
            context.report.tell("SKIPPED", text, workbook=str(workbook), tab=sync.scene.title)
    found = asking.ask(suggesting.questions(rows))
    if not found:
        return
    job = productops_job(MATH_MODELS, keys=_first_parts(found), take=False, refresh=True)
    suggested: set[int] = set()
    with context.second_look(workbook):
        between = _suggestions_into(context, workbook, found, asking.model.name, suggested)
        sync_workbook(context, WorkbookJob(workbook=workbook, tabs=[job], between=between))
    context.report.count("rows_suggested", len(suggested))
    _count_whole_failures(context, found)


def _suggestions_into(
    context: ActionContext, workbook: Workbook, found: Suggestions, said_by: str, suggested: set[int]
) -> Callable[[Mapping[str, TabSync]], None]:
    def between(syncs: Mapping[str, TabSync]) -> None:
        for sync in syncs.values():
            models = show_suggestions(sync, found, said_by)
            suggested.update(models)
            context.storage.update(
                InitiativeMathModel,
                [
                    RecordUpdate(pk=pk, fields={"suggested_by_llm": True}, origin=Origin(workbook, sync.scene.title))
                    for pk in models
                ],
            )

    return between


@action(
    "pm.generate_llm_summary",
    roles=(Role.BACKLOG,),
    label="Summarise",
    help="Asks the language model for a summary of each initiative, stores it and shows it in Backlog.",
)
def generate_llm_summary(context: ActionContext) -> None:
    """Summarises the initiatives of the keys given, else those that aren't done, rejected or archived."""
    keys = asked_keys(context)
    with asker(context, "summary", Summary) as asking:
        found: Summaries = asking.ask(summarising.questions(keys))
    if context.dry_run:
        return
    shown = _first_parts(found)
    for workbook in each_workbook(context, "writing summaries to", Role.BACKLOG):
        backlog = registry.get(Role.BACKLOG, "Backlog")
        job = TabJob(registered=backlog, keys=shown, take=False, refresh=True)
        between = _summaries_into(context, workbook, found)
        sync_workbook(context, WorkbookJob(workbook=workbook, tabs=[job], between=between))


def _summaries_into(
    context: ActionContext, workbook: Workbook, found: Summaries
) -> Callable[[Mapping[str, TabSync]], None]:
    def between(syncs: Mapping[str, TabSync]) -> None:
        origin = origins(workbook, syncs)
        texts: dict[str, str] = {}
        for key, outcome in found.items():
            if not isinstance(outcome, NotAsked) and text_of(outcome):
                texts[key.upper()] = text_of(outcome)
                continue
            for sync in syncs.values():
                if isinstance(outcome, NotAsked):
                    tell_not_asked(sync, key, outcome)
                else:
                    sync.fail(key, why_none(outcome))
        pks = initiative_pks(texts)
        updates = [
            RecordUpdate(pk=pk, fields={"llm_summary": texts[key]}, origin=origin(key)) for key, pk in pks.items()
        ]
        context.report.count("initiatives_summarised", context.storage.update(Initiative, updates))

    return between


def _first_parts(found: Mapping[str, object]) -> frozenset[str]:
    """initiative_keys of these rows."""
    return frozenset(key.partition(JOINT)[0].upper() for key in found)


def _count_whole_failures(context: ActionContext, found: Suggestions) -> None:
    """A row that was asked about and got nothing was refused as a whole: when all were, nothing could be done."""
    context.report.rows_whole += sum(
        outcome.is_failure if isinstance(outcome, NotAsked) else outcome.content is None for outcome in found.values()
    )
