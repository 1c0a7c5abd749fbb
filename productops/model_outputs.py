"""What is shown of one math model: its results with their units, how it comes to them, how far they may lie apart. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from productops.formulas.language import FormulaError
from productops.formulas.steps import Step, explain_formula
from productops.scores.scoring import ModelInput, ModelOutcome, ParamInput, contribution_sources, evaluate_model
from productops.scores.unit_check import param_unit
from productops.spreads.draws import Shape
from productops.spreads.figures import KpiSpread, kpi_spreads, spread_text
from productops.spreads.spread import Sampler

_LONGEST_STEP = 160  # characters of a step that a cell shows
_REMEMBERED = 16_384  # models whose texts are kept: an action shows its tabs several times


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How draws are made for what is shown."""

    draws: int  # how many; 0 for none
    shape: Shape
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class ModelExplanation:
    """How one model comes to its results."""

    name: str  # model_name
    steps: tuple[Step, ...]  # in the order in which they are taken; none when it can't be computed
    error: str = ""  # why it can't, a sentence


def explain_model(model: ModelInput) -> ModelExplanation:
    """The steps of a model's formula with its parameters' numbers and units filled in."""
    outcome = evaluate_model(model)
    return ModelExplanation(name=model.name, steps=steps_of(outcome), error=outcome.error)


def steps_of(outcome: ModelOutcome) -> tuple[Step, ...]:
    """The steps behind a model's results; none when it can't be computed."""
    if outcome.formula is None:
        return ()
    params = {written: outcome.model.params[name] for written, name in outcome.names.items()}
    values = {written: param.value for written, param in params.items()}
    steps = explain_formula(outcome.formula, values, {written: param_unit(param) for written, param in params.items()})
    return () if isinstance(steps, FormulaError) else steps


def outputs_text(model: ModelInput, active_kpis: Collection[str], drawing: Drawing) -> str:
    """The cell of computed_outputs: what the formula gives with the current parameters, or what is missing; "" while
    there is no formula."""
    if not model.formula_text.strip():
        return ""
    params = tuple(model.params.items())
    about = (model.name, model.formula_text, model.target_kpi_key, model.approved)
    return _remembered_text(about, params, tuple(active_kpis), drawing)


@lru_cache(maxsize=_REMEMBERED)
def _remembered_text(
    about: tuple[str, str, str, bool],
    params: Sequence[tuple[str, ParamInput]],
    active_kpis: Sequence[str],
    drawing: Drawing,
) -> str:
    name, formula, target, approved = about
    model = ModelInput(name=name, formula_text=formula, target_kpi_key=target, approved=approved, params=dict(params))
    return _text(evaluate_model(model), active_kpis, drawing)


def _text(outcome: ModelOutcome, active_kpis: Collection[str], drawing: Drawing) -> str:
    if outcome.error:
        return " ".join([outcome.error, *outcome.notes])
    named = {step.name: step for step in steps_of(outcome) if step.name}
    results = "; ".join(f"{name} = {named[name].result}" for name in outcome.results)
    spreads = model_spreads([outcome.model], active_kpis, drawing)
    remarks = [*_how(outcome, named.values(), active_kpis), *map(spread_text, spreads)]
    remarks += [*outcome.notes, *_approval_remarks(outcome)]
    return " ".join([results + ("." if remarks else ""), *remarks])


def _how(outcome: ModelOutcome, steps: Collection[Step], active_kpis: Collection[str]) -> Iterator[str]:
    """The last step to each number that counts, shortened."""
    counted = set(contribution_sources(outcome, active_kpis).values())
    for step in steps:
        if step.name in counted and len(step.operands) > 1:
            text = step.text if len(step.text) <= _LONGEST_STEP else step.text[:_LONGEST_STEP].rstrip() + "..."
            yield f"{step.name} is {text}."


def model_spreads(
    models: Sequence[ModelInput], active_kpis: Collection[str], drawing: Drawing
) -> tuple[KpiSpread, ...]:
    """The spread of each contribution of one initiative's models together; none where nothing varies, or no draws are
    asked for."""
    if not drawing.draws:
        return ()
    return kpi_spreads(models, active_kpis, Sampler(seed=drawing.seed, draws=drawing.draws, shape=drawing.shape))


def _approval_remarks(outcome: ModelOutcome) -> Iterator[str]:
    params = dict.fromkeys(name for result in outcome.results for name in outcome.unapproved_params(result))
    unapproved = [] if outcome.model.approved else ["the model"]
    if params:
        unapproved.append(f"in Params {', '.join(params)}")
    if unapproved:
        yield f"Not approved: {'; '.join(unapproved)}."
