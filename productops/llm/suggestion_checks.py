"""What is wrong with a suggested model, in sentences that a language model and a person both understand. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from productops.contributions.consistency import ModelFacts, claimed_kpis, model_findings
from productops.formulas.language import Formula, FormulaError, evaluate, match_names, parse_formula
from productops.formulas.tree import names_in
from productops.llm.shapes import SuggestedModel, Summary
from productops.llm.wording import MAX_SUMMARY, as_plain_text, has_link
from productops.metrics.chains import Chain, ChainError, check_ends, parse_chain
from productops.scores.scoring import EFFORT, OVERALL, VALUE, ModelInput, ParamInput
from productops.scores.unit_check import unit_warnings
from sheetsync.values.words import as_shown, fold, nearest

LONGEST_FORMULA = 2_000  # characters: a model that a person can read
LONGEST_CHAIN = 1_000
_SCORES = (VALUE, EFFORT, OVERALL)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a suggestion has to fit to."""

    active_kpis: tuple[str, ...]  # the north star first
    target_kpi: str = ""  # the KPI that `value` contributes to; "" while nobody chose one
    parameters: Mapping[str, ParamInput]  # by name: those that the formula may read already
    kpi_units: Mapping[str, str] = field(default_factory=dict)  # active kpi_key -> unit as typed


def check_model(suggested: SuggestedModel, known: Known) -> tuple[str, ...]:
    """Sentences, none when everything fits."""
    formula, chain = read_formula(suggested), _read_chain(suggested)
    problems = [text for text in (formula, chain) if isinstance(text, str)]
    if isinstance(formula, Formula):
        model = _as_model(formula, suggested, known)
        problems += [
            *_name_problems(formula, suggested, known),
            *_result_problems(formula, model, known),
            *_value_problems(formula, known),
            *unit_warnings([_with_numbers(model)], known.kpi_units),
        ]
        if isinstance(chain, Chain):
            problems += _chain_problems(model, chain, known)
    return tuple(problems)


def read_formula(suggested: SuggestedModel) -> Formula | str:
    """The formula, or why it can't be read."""
    text = suggested.formula_text.strip()
    if not text:
        return "formula_text is empty: write lines name = expression."
    if len(text) > LONGEST_FORMULA:
        return f"formula_text has {len(text):,} characters: {LONGEST_FORMULA:,} at most, so that people can follow it."
    formula = parse_formula(text)
    return f"formula_text, {formula}" if isinstance(formula, FormulaError) else formula


def _read_chain(suggested: SuggestedModel) -> Chain | str:
    """The chain, or why it can't be taken."""
    text = suggested.metric_chain_text.strip()
    if not text or len(text) > LONGEST_CHAIN:
        return f"metric_chain_text must hold a chain such as a -> b -> kpi, in {LONGEST_CHAIN:,} characters at most."
    chain = parse_chain(text)
    if isinstance(chain, ChainError):
        return f"metric_chain_text: {chain}"
    if not chain.edges:
        return "metric_chain_text names one metric alone: write which metric moves which, a -> b -> kpi."
    return chain


def _as_model(formula: Formula, suggested: SuggestedModel, known: Known) -> ModelInput:
    """The suggestion as if it were typed, its new parameters with their units."""
    new = {parameter.name: ParamInput(value=None, unit=parameter.unit) for parameter in suggested.new_parameters}
    return ModelInput(
        name="formula_text",
        formula_text=formula.source,
        target_kpi_key=known.target_kpi,
        params={**new, **known.parameters},
    )


def _with_numbers(model: ModelInput) -> ModelInput:
    """Units are read where a formula gives a number: parameters without one get some, which ones doesn't matter."""
    some = (0.31 + 0.17 * place for place in range(len(model.params)))
    filled = {
        name: replace(param, value=number if param.value is None else param.value)
        for (name, param), number in zip(model.params.items(), some, strict=True)
    }
    return replace(model, params=filled)


def _name_problems(formula: Formula, suggested: SuggestedModel, known: Known) -> Iterator[str]:
    announced = [parameter.name for parameter in suggested.new_parameters]
    missing = match_names(formula, [*known.parameters, *announced]).missing
    for name in missing:
        near = nearest(name, known.parameters)
        hint = f"; did you mean {near}?" if near else ""
        yield f"formula_text reads {name}, which is neither a parameter of the data nor in new_parameters{hint}"
    for parameter in suggested.new_parameters:
        if fold(parameter.name) not in {fold(name) for name in formula.names}:
            yield f"new_parameters lists {as_shown(parameter.name)}, which formula_text doesn't read."
        elif not parameter.unit.strip():
            yield f"new_parameters gives no unit for {as_shown(parameter.name)}."


def _result_problems(formula: Formula, model: ModelInput, known: Known) -> Iterator[str]:
    """Every line is used by another, or is a score or a KPI."""
    active = {fold(kpi) for kpi in known.active_kpis}
    used = {use.name for line in formula.assignments for use in names_in(line.expression)}
    listed = ", ".join(known.active_kpis)
    for name in formula.assigned:
        if name not in used and name not in _SCORES and fold(name) not in active:
            yield (
                f"formula_text assigns {name}, which no later line uses and which is no active KPI: "
                f"the active ones are {listed}."
            )
    reached = claimed_kpis(model, known.active_kpis)
    if known.target_kpi and fold(known.target_kpi) not in {fold(kpi) for kpi in reached}:
        yield f"formula_text gives no number for {known.target_kpi}: assign value, or {known.target_kpi} itself."
    elif not reached:
        yield f"formula_text gives no number for a KPI: assign one of {listed}."


def _value_problems(formula: Formula, known: Known) -> Iterator[str]:
    """Where all numbers are there already, the formula must give one."""
    matched = match_names(formula, known.parameters)
    values = {name: known.parameters[stored].value for name, stored in matched.names.items()}
    if matched.missing or any(value is None for value in values.values()):
        return
    found = evaluate(formula, values)
    if isinstance(found, FormulaError):
        yield f"with today's parameters formula_text fails, {found}"


def _chain_problems(model: ModelInput, chain: Chain, known: Known) -> Iterator[str]:
    loose = check_ends(chain, known.active_kpis)
    if loose:
        yield f"metric_chain_text: {loose}"
    for finding in model_findings([ModelFacts(input=model, chain=chain)], (), known.active_kpis):
        yield finding.text


def check_summary(answer: Summary) -> tuple[str, ...]:
    """Sentences, none when it may be shown."""
    text = as_plain_text(answer.summary)
    if not text:
        return ("summary is empty.",)
    problems = []
    if len(text) > MAX_SUMMARY:
        problems.append(f"summary has {len(text):,} characters: {MAX_SUMMARY} at most.")
    if has_link(answer.summary):
        problems.append("summary holds a link or an address: leave it out.")
    return tuple(problems)
