"""Scores of the three frameworks, and what an initiative's math models contribute to the KPIs. Pure.

Nothing here raises for any input: a number that can't be worked out is None, and the record says why.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from productops.formulas.language import (
    Evaluation,
    Formula,
    FormulaError,
    NameMatch,
    evaluate,
    match_names,
    parameters_of,
    parse_formula,
)
from sheetsync.values.words import fold, nearest, squeeze

VALUE, EFFORT, OVERALL = "value", "effort", "overall"  # what a formula assigns for the math score
TOKENS = "engineering_tokens"


@dataclass(frozen=True, kw_only=True)
class Score:
    """An initiative's score in one framework."""

    value: float | None  # what it brings; None when it can't be worked out
    effort: float | None  # what it takes
    overall: float | None  # value / effort, or what a formula gives for it
    missing: tuple[str, ...] = ()  # the inputs that are needed and empty: column names, or parameters of the formula
    note: str = ""  # sentences for the row: where the score came from, why a part is None


@dataclass(frozen=True, kw_only=True)
class ParamInput:
    """One assumption, as a formula may use it."""

    value: float | None  # in the parameter's unit; None while it is empty
    approved: bool = False  # whether a person approved it
    low: float | None = None  # min, in the parameter's unit; None while it is empty
    high: float | None = None  # max, in the parameter's unit; None while it is empty
    unit: str = ""  # as typed
    owner: str = ""  # initiative_key, or SHARED


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """One math model of an initiative."""

    name: str  # model_name, unique within the initiative
    formula_text: str
    target_kpi_key: str = ""  # the KPI that `value` contributes to; "" for none
    approved: bool = False  # whether a person approved the model
    params: Mapping[str, ParamInput] = field(
        default_factory=dict
    )  # by param_name: the initiative's own, else the shared ones

    @cached_property
    def outcome(self) -> ModelOutcome:
        """What its formula gives, worked out once: scores, contributions, units and texts all ask for it."""
        return _outcome(self)


@dataclass(frozen=True, kw_only=True)
class ModelOutcome:
    """What one model's formula gives with its parameters."""

    model: ModelInput
    results: Mapping[str, float] = field(
        default_factory=dict
    )  # assigned name -> number, in order; empty when it can't be computed
    missing: tuple[str, ...] = ()  # parameters without a value, as the formula writes them
    error: str = ""  # why nothing was computed, a sentence
    notes: tuple[str, ...] = ()  # parameters that were taken although they are spelled differently
    formula: Formula | None = None  # None when it is empty or can't be read
    names: Mapping[str, str] = field(default_factory=dict)  # parameter as the formula writes it -> param_name

    def unapproved_params(self, result: str) -> tuple[str, ...]:
        """The param_names behind an assigned name that nobody has approved."""
        if self.formula is None:
            return ()
        used = (self.names[name] for name in parameters_of(self.formula, result))
        return tuple(name for name in used if not self.model.params[name].approved)


@dataclass(frozen=True, kw_only=True)
class ModelContribution:
    """One model's part in an initiative's contributions."""

    name: str  # model_name
    numbers: Mapping[str, float]  # kpi_key -> contribution in the KPI's unit
    approved: bool  # the model and every parameter behind these numbers
    error: str = ""  # why the model gives no number, a sentence


@dataclass(frozen=True, kw_only=True)
class Contributions:
    """What an initiative's models contribute, taken together."""

    numbers: Mapping[str, float]  # kpi_key -> sum over the models, in the KPI's unit; never adopted by itself
    by_model: tuple[ModelContribution, ...]  # in order of model name
    approved: bool  # whether a person may adopt the numbers
    reasons: tuple[str, ...] = ()  # why they can't be adopted; empty when approved
    notes: tuple[str, ...] = ()  # other things worth a look: spellings, targets that are no active KPI


def rice(*, reach: float | None, impact: float | None, confidence: float | None, effort: float | None) -> Score:
    """RICE: value = reach x impact x confidence (a share from 0 to 1), overall = value / effort."""
    inputs = {"rice_reach": reach, "rice_impact": impact, "rice_confidence": confidence}
    note = ""
    if confidence is not None and not 0.0 <= confidence <= 1.0:
        inputs["rice_confidence"] = None
        note = f"rice_confidence is {confidence}: a share from 0 to 1 is accepted."
    return _framework_score(inputs, math.prod, "rice_effort", effort, note)


def wsjf(
    *,
    business_value: float | None,
    time_criticality: float | None,
    risk_reduction: float | None,
    job_size: float | None,
) -> Score:
    """WSJF: value = business value + time criticality + risk reduction, overall = value / job size."""
    inputs = {
        "wsjf_business_value": business_value,
        "wsjf_time_criticality": time_criticality,
        "wsjf_risk_reduction": risk_reduction,
    }
    return _framework_score(inputs, sum, "wsjf_job_size", job_size)


def math_score(models: Sequence[ModelInput], *, north_star: str, tokens: float | None) -> Score:
    """The math score: `value`, `effort` (else `tokens`) and `overall` (else value / effort) that one model's formula
    assigns.

    That model is the one that targets the north star (a kpi_key, "" while there is none), else the first by name; the
    note says which.
    """
    if not models:
        return Score(
            value=None, effort=None, overall=None, missing=("formula_text",), note="There is no math model yet."
        )
    model, why = _scored_model(models, north_star)
    outcome = evaluate_model(model)
    if outcome.error:
        return Score(
            value=None, effort=None, overall=None, missing=outcome.missing, note=_sentences(why, outcome.error)
        )
    assigned = {name.casefold(): name for name in outcome.results}
    results = {part: outcome.results[assigned[part]] for part in (VALUE, EFFORT, OVERALL) if part in assigned}
    flags = _approval_problems(outcome, [assigned[part] for part in results])
    return _assembled(results, _number(tokens), _sentences(why, *outcome.notes, *flags))


def contributions(models: Sequence[ModelInput], active_kpis: Collection[str]) -> Contributions:
    """What the models of one initiative contribute per active KPI, summed over the models, in each KPI's unit.

    In each model, a name assigned that is an active KPI's key gives that KPI's number; `value` gives the number of
    `target_kpi_key` unless the formula assigns that KPI itself. A model that can't be computed, or rests on something
    nobody approved, is shown, and keeps the sum from being adopted.
    """
    outcomes = evaluated(models)
    parts = [_contribution(outcome, active_kpis) for outcome in outcomes]
    numbers: dict[str, float] = {}
    for part in parts:
        for kpi, number in part.numbers.items():
            numbers[kpi] = numbers.get(kpi, 0.0) + number
    reasons = [text for outcome in outcomes for text in _reasons(outcome, active_kpis)]
    if not numbers and not reasons:
        reasons.append("No model gives a number for an active KPI.")
    notes = tuple(text for outcome in outcomes for text in _notes(outcome, active_kpis))
    return Contributions(
        numbers=numbers, by_model=tuple(parts), approved=not reasons, reasons=tuple(reasons), notes=notes
    )


def evaluated(models: Sequence[ModelInput]) -> list[ModelOutcome]:
    """The outcomes of one initiative's models, in order of model name: the order in which they are added up."""
    return [evaluate_model(model) for model in sorted(models, key=_by_name)]


def evaluate_model(model: ModelInput) -> ModelOutcome:
    """Everything that one model's formula assigns, or why it can't be computed."""
    return model.outcome


def _outcome(model: ModelInput) -> ModelOutcome:
    if not model.formula_text.strip():
        return ModelOutcome(model=model, missing=("formula_text",), error=f"The model {model.name} has no formula yet.")
    formula = parse_formula(model.formula_text)
    if isinstance(formula, FormulaError):
        return ModelOutcome(model=model, error=_formula_text(model, formula))
    match = match_names(formula, model.params)
    values = {name: model.params[param].value for name, param in match.names.items()}
    missing = tuple(name for name in formula.names if values.get(name) is None)
    if missing:
        return ModelOutcome(model=model, missing=missing, error=_missing_text(model, missing, match), notes=match.notes)
    evaluation = evaluate(formula, values)
    if isinstance(evaluation, FormulaError):
        return ModelOutcome(model=model, error=_formula_text(model, evaluation), notes=match.notes)
    return _computed(model, formula, match, evaluation)


def _computed(model: ModelInput, formula: Formula, match: NameMatch, evaluation: Evaluation) -> ModelOutcome:
    notes = (*match.notes, *_assigned_params(model, formula))
    return ModelOutcome(model=model, results=evaluation.results, notes=notes, formula=formula, names=match.names)


def _assigned_params(model: ModelInput, formula: Formula) -> Iterator[str]:
    """What is said where a line gives a result to the name of a parameter, which then isn't read."""
    params = {squeeze(name): name for name in model.params}
    for line in formula.assignments:
        param = params.get(squeeze(line.name))
        if param:
            yield f"{line.name} gets a result in line {line.line}, so the parameter {param} of Params isn't read there."


def _formula_text(model: ModelInput, error: FormulaError) -> str:
    return f"formula_text of the model {model.name}, {error}"


def _missing_text(model: ModelInput, missing: Sequence[str], match: NameMatch) -> str:
    """Which names have no row in Params, with the row that may be meant, and which have one without a value."""
    hints = []
    for name in (name for name in missing if name in match.missing):
        meant = nearest(name, model.params)
        hints.append(f"{name} (is {meant} meant?)" if meant else name)
    empty = [name for name in missing if name not in match.missing]
    needs = [f"a row in Params for {', '.join(hints)}"] if hints else []
    needs += [f"a value in Params for {', '.join(empty)}"] if empty else []
    return f"The model {model.name} needs {' and '.join(needs)}."


def _number(given: float | None) -> float | None:
    """A finite float, or None; whole numbers of any size are compared before they are converted."""
    if given is None or not -sys.float_info.max <= given <= sys.float_info.max:
        return None
    return float(given)


def _sentences(*texts: str) -> str:
    return " ".join(text for text in texts if text)


def _framework_score(
    inputs: Mapping[str, float | None],
    combine: Callable[[list[float]], float],
    effort_name: str,
    effort: float | None,
    note: str = "",
) -> Score:
    """The score of a framework whose value combines all of `inputs` (column name -> number)."""
    numbers = {name: _number(given) for name, given in inputs.items()}
    missing = [name for name, number in numbers.items() if number is None]
    size = _number(effort)
    value = None if missing else _number(combine([number for number in numbers.values() if number is not None]))
    if value is None and not missing:
        note = _sentences(note, "The inputs are too large to give a value.")
    if size is None:
        missing.append(effort_name)
    overall, why = _ratio(value, size, effort_name)
    return Score(value=value, effort=size, overall=overall, missing=tuple(missing), note=_sentences(note, why))


def _ratio(value: float | None, effort: float | None, effort_name: str) -> tuple[float | None, str]:
    """value / effort, or None and a sentence that says why ("" where a missing input says it)."""
    if effort is not None and effort <= 0:
        return None, f"{effort_name} is {effort:g}: an overall score needs one above 0."
    if value is None or effort is None:
        return None, ""
    overall = _number(value / effort)
    return overall, "" if overall is not None else f"{effort_name} is too small to give an overall score."


def _by_name(model: ModelInput) -> tuple[str, str]:
    return fold(model.name), model.name


def _scored_model(models: Sequence[ModelInput], north_star: str) -> tuple[ModelInput, str]:
    """The model that the math score comes from, and a sentence that says so."""
    ordered = sorted(models, key=_by_name)
    for model in ordered:
        if north_star and fold(model.target_kpi_key) == fold(north_star):
            return model, f"From the model {model.name}, which targets the north star {north_star}."
    return ordered[0], f"From the model {ordered[0].name}, the first by name: none targets the north star."


def _assembled(results: Mapping[str, float], tokens: float | None, note: str) -> Score:
    """The math score from what the formula assigns, and the initiative's tokens where it assigns no effort."""
    value, overall, why = results.get(VALUE), results.get(OVERALL), ""
    effort = results.get(EFFORT, tokens)
    missing = [] if VALUE in results else [VALUE]
    if overall is None:
        overall, why = _ratio(value, effort, EFFORT if EFFORT in results else TOKENS)
        missing += [] if effort is not None else [TOKENS]
    if VALUE not in results:
        why = _sentences("The formula gives no value: write a line value = ...", why)
    return Score(value=value, effort=effort, overall=overall, missing=tuple(missing), note=_sentences(note, why))


def contribution_sources(outcome: ModelOutcome, active_kpis: Collection[str]) -> dict[str, str]:
    """kpi_key -> the assigned name that gives the model's number for it."""
    kpis = {fold(kpi): kpi for kpi in active_kpis}
    sources = {kpis[fold(name)]: name for name in outcome.results if fold(name) in kpis}
    target = kpis.get(fold(outcome.model.target_kpi_key))
    value = next((name for name in outcome.results if name.casefold() == VALUE), None)
    if target is not None and value is not None:
        sources.setdefault(target, value)
    return sources


def _contribution(outcome: ModelOutcome, active_kpis: Collection[str]) -> ModelContribution:
    sources = contribution_sources(outcome, active_kpis)
    return ModelContribution(
        name=outcome.model.name,
        numbers={kpi: outcome.results[name] for kpi, name in sources.items()},
        approved=not outcome.error and not _approval_problems(outcome, list(sources.values())),
        error=outcome.error,
    )


def _approval_problems(outcome: ModelOutcome, results: Sequence[str]) -> list[str]:
    """What nobody has approved of the model and of the parameters behind these assigned names."""
    problems = [] if outcome.model.approved else [f"The model {outcome.model.name} isn't approved."]
    params = dict.fromkeys(param for name in results for param in outcome.unapproved_params(name))
    if params:
        problems.append(f"Not approved in Params, and used by the model {outcome.model.name}: {', '.join(params)}.")
    return problems


def _reasons(outcome: ModelOutcome, active_kpis: Collection[str]) -> list[str]:
    """Why this model keeps the sum from being adopted; a model without a formula adds nothing, and keeps nothing."""
    if outcome.error:
        return [outcome.error] if outcome.model.formula_text.strip() else []
    sources = contribution_sources(outcome, active_kpis)
    return _approval_problems(outcome, list(sources.values())) if sources else []


def _notes(outcome: ModelOutcome, active_kpis: Collection[str]) -> list[str]:
    """What is worth a look in this model, and keeps nothing from being adopted."""
    model = outcome.model
    notes = [f"{model.name}: {note}" for note in outcome.notes]
    if outcome.error:
        return notes if model.formula_text.strip() else [*notes, outcome.error]
    target = model.target_kpi_key
    if target and fold(target) not in {fold(kpi) for kpi in active_kpis}:
        meant = nearest(target, active_kpis)
        hint = f"; the nearest is {meant}" if meant else ""
        notes.append(f"target_kpi_key of the model {model.name} is {target}, which is no active KPI{hint}.")
    elif not contribution_sources(outcome, active_kpis):
        notes.append(f"The model {model.name} gives no active KPI a number: set target_kpi_key and write value = ...")
    return notes
