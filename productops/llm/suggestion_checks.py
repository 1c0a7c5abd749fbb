"""What is wrong with a suggested model, in sentences that a language model and a person both understand. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from productops.chains import ChainError, check_ends, ends, parse_chain
from productops.formula_tree import names_in
from productops.formulas import Formula, FormulaError, evaluate, match_names, parse_formula
from productops.llm.shapes import SuggestedModel, Summary
from productops.llm.wording import MAX_SUMMARY, as_plain_text, has_link
from productops.scoring import EFFORT, OVERALL, VALUE
from sheetsync.words import as_shown, fold, nearest

LONGEST_FORMULA = 2_000  # characters: a model that a person can read
LONGEST_CHAIN = 1_000
_SCORES = (VALUE, EFFORT, OVERALL)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a suggestion has to fit to."""

    active_kpis: tuple[str, ...]  # the north star first
    target_kpi: str = ""  # the KPI that `value` contributes to; "" while nobody chose one
    parameters: Mapping[str, float | None]  # name -> value, of those that the formula may read already


def check_model(suggested: SuggestedModel, known: Known) -> tuple[str, ...]:
    """Sentences, none when everything fits."""
    formula = read_formula(suggested)
    if isinstance(formula, str):
        return (formula, *_chain_problems(suggested, known, ()))
    reached = contributed_kpis(formula, known)
    return (
        *_name_problems(formula, suggested, known),
        *_result_problems(formula, reached, known),
        *_value_problems(formula, known),
        *_chain_problems(suggested, known, reached),
    )


def read_formula(suggested: SuggestedModel) -> Formula | str:
    """The formula, or why it can't be read."""
    text = suggested.formula_text.strip()
    if not text:
        return "formula_text is empty: write lines name = expression."
    if len(text) > LONGEST_FORMULA:
        return f"formula_text has {len(text):,} characters: {LONGEST_FORMULA:,} at most, so that people can follow it."
    formula = parse_formula(text)
    return f"formula_text, {formula}" if isinstance(formula, FormulaError) else formula


def contributed_kpis(formula: Formula, known: Known) -> tuple[str, ...]:
    """The active KPIs that the formula gives a number for: those it assigns by name, and the target of `value`."""
    by_fold = {fold(kpi): kpi for kpi in known.active_kpis}
    named = [by_fold[fold(name)] for name in formula.assigned if fold(name) in by_fold]
    target = by_fold.get(fold(known.target_kpi))
    through_value = [target] if target and VALUE in formula.assigned else []
    return tuple(dict.fromkeys([*named, *through_value]))


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


def _result_problems(formula: Formula, reached: Sequence[str], known: Known) -> Iterator[str]:
    """Every line is used by another, or is a score or a KPI."""
    active = {fold(kpi) for kpi in known.active_kpis}
    used = {use.name for line in formula.assignments for use in names_in(line.expression)}
    for name in formula.assigned:
        if name not in used and name not in _SCORES and fold(name) not in active:
            yield (
                f"formula_text assigns {name}, which no later line uses and which is no active KPI: "
                f"the active ones are {', '.join(known.active_kpis)}."
            )
    if known.target_kpi and known.target_kpi not in reached:
        yield f"formula_text gives no number for {known.target_kpi}: assign value, or {known.target_kpi} itself."
    elif not reached:
        yield f"formula_text gives no number for a KPI: assign one of {', '.join(known.active_kpis)}."


def _value_problems(formula: Formula, known: Known) -> Iterator[str]:
    """Where all numbers are there already, the formula must give one."""
    matched = match_names(formula, known.parameters)
    values = {name: known.parameters[stored] for name, stored in matched.names.items()}
    if matched.missing or any(value is None for value in values.values()):
        return
    found = evaluate(formula, values)
    if isinstance(found, FormulaError):
        yield f"with today's parameters formula_text fails, {found}"


def _chain_problems(suggested: SuggestedModel, known: Known, reached: Sequence[str]) -> Iterator[str]:
    text = suggested.metric_chain_text.strip()
    if not text or len(text) > LONGEST_CHAIN:
        yield f"metric_chain_text must hold a chain such as a -> b -> kpi, in {LONGEST_CHAIN:,} characters at most."
        return
    chain = parse_chain(text)
    if isinstance(chain, ChainError):
        yield f"metric_chain_text: {chain}"
        return
    if not chain.edges:
        yield "metric_chain_text names one metric alone: write which metric moves which, a -> b -> kpi."
    if loose := check_ends(chain, known.active_kpis):
        yield f"metric_chain_text: {loose}"
        return
    shown = {fold(metric) for metric in ends(chain)} | {fold(metric) for metric in chain.nodes}
    for kpi in reached:
        if fold(kpi) not in shown:
            yield f"metric_chain_text doesn't lead to {kpi}, which formula_text gives a number for."


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
