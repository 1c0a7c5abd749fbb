"""Whether an initiative's formulas, parameters, chains and contributions go together: one report, nothing forced. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from productops.contributions.check import Standing, adoption_remark, claimed_by_several, comparison
from productops.formulas.language import Formula, FormulaError, match_names, parse_formula
from productops.formulas.tree import RESULT_NAME
from productops.metrics.chains import Chain, check_ends, ends
from productops.scores.scoring import EFFORT, OVERALL, ModelInput
from sheetsync.values.words import fold, nearest, snake_case

LISTED = 6  # names that one sentence lists
# Words that say how something is counted, not what.
_COUNTING_WORDS = (
    "all annual average avg base count current daily each expected extra factor fraction gain increase item less mean "
    "metric month monthly more new number old overall per percent percentage rate ratio relative share size sum the "
    "total unit uplift value weekly with without year yearly"
)
_COUNTING = frozenset(_COUNTING_WORDS.split())


class Kind(StrEnum):
    """What a finding is about, the most important first."""

    NOT_COMPUTED = "not computed"
    STALE = "adopted, and stale"
    DIFFERS = "differs from computed"
    NO_KPI = "no active KPI"
    WRONG_END = "chain ends elsewhere"
    OFF_CHAIN = "off the chain"
    CLAIMED_TWICE = "two models, one KPI"
    COUNTED_TWICE = "two initiatives, one KPI"
    UNITS = "units"
    UNMENTIONED = "chain without the inputs"
    UNUSED = "unused parameters"
    NOTE = "to note"
    UNAPPROVED = "not approved"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that doesn't go together."""

    kind: Kind
    text: str  # a sentence that names keys, columns, values, and what would be accepted


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """A math model, and the chain that it stands for."""

    input: ModelInput
    chain: Chain  # empty where none is written, or it can't be read


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An initiative, as the report looks at it."""

    models: Sequence[ModelFacts]  # in order of name
    own_params: Collection[str]  # param_names of its own MATH_MODEL rows in Params
    immediate_kpi: str  # immediate_kpi_key, "" for none
    standing: Standing  # its contributions


def report(subject: Subject) -> tuple[Finding, ...]:
    """Everything that doesn't go together, each once, the most important first."""
    active = subject.standing.active
    found = [
        *_computing(subject.standing),
        *_contribution_findings(subject.standing),
        *model_findings(subject.models, subject.own_params, active),
        *_off_chain(subject.immediate_kpi, subject.standing.chain),
        *_loose_ends(subject.models, active),
    ]
    order = list(Kind)
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: order.index(finding.kind)))


def model_findings(
    models: Sequence[ModelFacts], own_params: Collection[str], active: Collection[str]
) -> Iterator[Finding]:
    """Where formulas, chains and parameters of one initiative don't go together."""
    for model in models:
        text = end_warning(model.input, model.chain, active)
        if text:
            yield Finding(kind=Kind.WRONG_END, text=f"{model.input.name}: {text}")
    for model in models:
        text = _unmentioned(model, active)
        if text:
            yield Finding(kind=Kind.UNMENTIONED, text=f"{model.input.name}: {text}")
    unused = _unused([model.input for model in models], own_params)
    if unused:
        text = f"No formula uses {_listed(unused)} of Params: use the name in formula_text, or delete the row."
        yield Finding(kind=Kind.UNUSED, text=text)


def end_warning(model: ModelInput, chain: Chain, active: Collection[str]) -> str:
    """A sentence when a model contributes to a KPI at which its chain doesn't end, "" when it does; without a chain there
    is nothing to compare."""
    claimed = claimed_kpis(model, active)
    if not claimed or not chain.nodes:
        return ""
    last = ends(chain)
    missing = [kpi for kpi in claimed if kpi not in chain.nodes]
    if not missing and any(kpi in last for kpi in claimed):
        return ""
    kpi = (missing or claimed)[0]
    return (
        f"metric_chain_text ends at {_listed(last)}, and the model contributes to {kpi}; "
        f"let a chain end with -> {kpi}, or contribute to what it ends at."
    )


def claimed_kpis(model: ModelInput, active: Collection[str]) -> tuple[str, ...]:
    """The active KPIs to which a model says it contributes: its target, if the formula gives a value, and those that the
    formula assigns."""
    by_fold = {fold(kpi): kpi for kpi in active}
    target = by_fold.get(fold(model.target_kpi_key))
    formula = parse_formula(model.formula_text)
    if isinstance(formula, FormulaError):
        return (target,) if target else ()
    assigned = [by_fold[fold(name)] for name in formula.assigned if fold(name) in by_fold]
    gives_value = any(name.casefold() == RESULT_NAME for name in formula.assigned)
    return tuple(dict.fromkeys([target, *assigned] if target and gives_value else assigned))


def off_chain_warning(metric: str, chain: Chain) -> str:
    """A sentence when the immediate KPI isn't on the chain; "" when it is, or there is no chain that it could stand on."""
    if not metric or not chain.nodes or metric in chain.nodes:
        return ""
    near = nearest(metric, chain.nodes)
    hint = f"; the nearest on it is {near}" if near else ""
    return f'immediate_kpi_key: "{metric}" isn\'t on the metric chain{hint}'


# ---- the report's other parts ------------------------------------------------------------------------------------------


def _computing(standing: Standing) -> Iterator[Finding]:
    failed = {part.error for part in standing.computed.by_model if part.error}
    for text in standing.computed.reasons if standing.models else ():
        kind = Kind.NOT_COMPUTED if text in failed or not standing.computed.numbers else Kind.UNAPPROVED
        yield Finding(kind=kind, text=text)
    for text in standing.computed.notes:
        yield Finding(kind=Kind.NO_KPI if "active KPI" in text else Kind.NOTE, text=text)


def _contribution_findings(standing: Standing) -> Iterator[Finding]:
    told = adoption_remark(standing)
    if standing.is_stale:
        yield Finding(kind=Kind.STALE, text=told)
    elif told and not standing.differs:
        yield Finding(kind=Kind.NOTE, text=told)
    if standing.differs:
        text = comparison(standing) if standing.is_stale else f"{comparison(standing)} {told}".rstrip()
        yield Finding(kind=Kind.DIFFERS, text=text)
    for text in claimed_by_several(standing.computed):
        yield Finding(kind=Kind.CLAIMED_TWICE, text=text)
    for text in standing.unit_remarks:
        yield Finding(kind=Kind.UNITS, text=text)
    for overlap in standing.overlaps:
        yield Finding(kind=Kind.COUNTED_TWICE, text=overlap.told(standing.key))


def _off_chain(metric: str, chain: Chain) -> Iterator[Finding]:
    text = off_chain_warning(metric, chain)
    if text:
        yield Finding(kind=Kind.OFF_CHAIN, text=text)


def _loose_ends(models: Sequence[ModelFacts], active: Collection[str]) -> Iterator[Finding]:
    """Chains that end at no active KPI, where nothing said so yet."""
    for model in models:
        text = check_ends(model.chain, active)
        if text and not end_warning(model.input, model.chain, active):
            yield Finding(kind=Kind.WRONG_END, text=f"{model.input.name}: {text}")


# ---- chain and formula -------------------------------------------------------------------------------------------------


def _unmentioned(model: ModelFacts, active: Collection[str]) -> str:
    """A sentence when no metric of the chain, up to the KPI, has a word in common with any name in the formula."""
    formula = parse_formula(model.input.formula_text)
    metrics = [metric for metric in model.chain.nodes if metric not in active]
    if isinstance(formula, FormulaError) or not metrics or not formula.names:
        return ""
    said = frozenset().union(*map(_words, (*formula.names, *_parts(formula, active))))
    if any(_words(metric) & said for metric in metrics):
        return ""
    return (
        f"the chain ({' -> '.join(metrics[:LISTED])}) mentions none of the formula's inputs ({_listed(formula.names)}); "
        "name the metric that each of them moves, or look whether chain and formula belong together."
    )


def _parts(formula: Formula, active: Collection[str]) -> list[str]:
    """Names of lines that are steps on the way, not results."""
    results = {RESULT_NAME, EFFORT, OVERALL, *(fold(kpi) for kpi in active)}
    return [name for name in formula.assigned if fold(name) not in results]


@lru_cache(maxsize=16_384)
def _words(name: str) -> frozenset[str]:
    """The telling words of a name, without a plural s, and the name itself: monthly_visits -> visit, monthly_visits."""
    whole = snake_case(name)
    words = (word.removesuffix("s") for word in whole.split("_"))
    return frozenset((whole, *(word for word in words if len(word) > 1 and word not in _COUNTING)))


def _unused(models: Sequence[ModelInput], own_params: Collection[str]) -> list[str]:
    """Own parameters that no formula uses; none while a formula is missing or can't be read."""
    used: set[str] = set()
    for model in models if own_params else ():
        formula = parse_formula(model.formula_text)
        if isinstance(formula, FormulaError):
            return []
        used.update(match_names(formula, model.params).names.values())
    return sorted(name for name in own_params if name not in used) if models else []


def _listed(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
