"""Questions for math models, row by row, and what becomes of the answers in the sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from productops.formulas.language import Formula
from productops.llm.asking import Ask, NotAsked
from productops.llm.conversation import Outcome
from productops.llm.facts import Company, about_model, load_company
from productops.llm.language_model import Question, Turn
from productops.llm.prompts import SUGGEST_MODEL, fenced, instructions_for
from productops.llm.shapes import SuggestedModel
from productops.llm.suggestion_checks import Known, check_model, read_formula
from productops.llm.wording import notes_on
from productops.metrics.chains import ChainError, parse_chain
from productops.models import InitiativeMathModel
from productops.scores.evaluation import PICKED
from productops.scores.scoring import VALUE
from sheetsync.syncing.opentab import KEY_PARTS
from sheetsync.syncing.tabsync import TabSync
from sheetsync.syncing.view import JOINT, identity_text

FORMULA, CHAIN, NOTES = "llm_suggested_formula_text", "llm_suggested_metric_chain_text", "llm_notes"
PROMPT = "model_prompt_to_llm"
UNFIT = "the suggestion doesn't fit in everything; llm_notes says in what"
NO_TARGET = "target_kpi_key is empty: name the KPI that value contributes to; the north star was assumed."

Suggestions = Mapping[str, Outcome[SuggestedModel] | NotAsked]  # by identity text of the row


@dataclass(frozen=True, kw_only=True)
class WantedRow:
    """A row of MathModels that is to be asked about."""

    key: str  # identity text
    request: str  # model_prompt_to_llm


def wanted_rows(sync: TabSync, *, named: bool) -> tuple[list[WantedRow], int]:
    """The rows to ask about, and how many were passed over. `named`: whether the action was given keys.

    Unless they are named, rows that need nothing are passed over: an approved formula, and no words for the language model.
    """
    rows, passed_over = [], 0
    for row in sync.view.by_key.values():
        if not sync.selects(row) or row.key not in sync.loaded():
            continue
        values, _refused = sync.view.values(row)
        request, record = str(values.get(PROMPT) or ""), sync.loaded()[row.key].values
        if not named and not request and record["formula_text"] and record["approved_by_user"]:
            passed_over += 1
        else:
            rows.append(WantedRow(key=row.key, request=request))
    return rows, passed_over


def questions(rows: Sequence[WantedRow]) -> list[Ask[SuggestedModel]]:
    """A question for each row whose model is stored."""
    models = _models(rows)
    company = load_company({model.initiative_id for model in models.values()})
    instructions = instructions_for(SUGGEST_MODEL)
    return [_ask(row, models[row.key], company, instructions) for row in rows if row.key in models]


def _models(rows: Sequence[WantedRow]) -> dict[str, InitiativeMathModel]:
    wanted = {row.key for row in rows}
    stored = InitiativeMathModel.objects.select_related("initiative").order_by("pk")
    keys = {row.key.partition(JOINT)[0].upper() for row in rows}
    if len(keys) <= PICKED:
        stored = stored.filter(initiative__initiative_key__in=keys)
    by_key = {identity_text([model.initiative.initiative_key, model.model_name]): model for model in stored}
    return {key: model for key, model in by_key.items() if key in wanted}


def _ask(row: WantedRow, model: InitiativeMathModel, company: Company, instructions: str) -> Ask[SuggestedModel]:
    data = about_model(model, row.request, company)
    known = Known(
        active_kpis=company.kpis.active,
        target_kpi=data["model"]["target_kpi_key"],
        parameters=company.inputs_of(model.initiative_id),
        kpi_units=company.kpis.units,
    )
    question = Question(instructions=instructions, turns=(Turn(by="user", text=fenced(data)),), shape=SuggestedModel)
    about = f"{model.initiative.initiative_key}{KEY_PARTS}{model.model_name}"
    return Ask(key=row.key, about=about, question=question, check=partial(check_model, known=known))


def show_suggestions(sync: TabSync, found: Suggestions, said_by: str) -> list[int]:
    """Puts what came into the rows; primary keys of the models that something was suggested for."""
    suggested = []
    for key, outcome in found.items():
        row = sync.view.by_key.get(key)
        if row is None or key not in sync.loaded():
            continue  # gone meanwhile
        record = sync.loaded()[key]
        if isinstance(outcome, NotAsked):
            tell_not_asked(sync, key, outcome)
        elif outcome.content is None:
            assert outcome.failure is not None, "no answer and no failure"
            sync.fail(key, f"nothing was suggested. {outcome.failure.text}")
        else:
            sync.fill(row, cells_of(outcome, said_by=said_by, targets=bool(record.values["target_kpi_key"])))
            sync.keep_notice(key, UNFIT, holds=bool(outcome.problems))
            suggested.append(record.pk)
    return suggested


def tell_not_asked(sync: TabSync, key: str, outcome: NotAsked) -> None:
    """Tells a row why nobody was asked about it."""
    if outcome.is_failure:
        sync.fail(key, outcome.why)
    else:
        sync.skip(key, outcome.why)


def cells_of(outcome: Outcome[SuggestedModel], *, said_by: str, targets: bool) -> dict[str, str]:
    """What the three suggestion cells show. A formula or chain that can't be read is never shown: it might be anything.

    `targets`: whether the row says which KPI `value` contributes to.
    """
    content = outcome.content
    assert content is not None, "there is nothing to show without an answer"
    formula, chain = read_formula(content), parse_chain(content.metric_chain_text)
    notes = notes_on(outcome, said_by=said_by)
    if isinstance(formula, Formula) and VALUE in formula.assigned and not targets:
        notes = f"{NO_TARGET}\n{notes}"
    return {
        FORMULA: formula.source.strip() if isinstance(formula, Formula) else "",
        CHAIN: "" if isinstance(chain, ChainError) else content.metric_chain_text.strip(),
        NOTES: notes,
    }
