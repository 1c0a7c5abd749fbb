"""What is said of an initiative's entered contributions beside the computed ones. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from productops.contributions.adoption import Adoption, Basis, Entry, Since, basis_of, changes
from productops.figures import amount, assignments, same_number, same_numbers
from productops.formulas.language import Formula, match_names, parse_formula
from productops.metrics.chains import Chain
from productops.metrics.overlaps import Overlap
from productops.scores.scoring import Contributions, ModelInput
from sheetsync.values.words import nearest


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What stands side by side for one initiative."""

    key: str  # initiative_key
    entered: Mapping[str, float] | None  # kpi_contribution_json; None while nobody entered or adopted anything
    computed: Contributions  # from its math models
    models: Sequence[ModelInput]  # its math models, in any order
    adoption: Adoption | None = None  # the last one; None for never
    entry: Entry | None = None  # when somebody last typed the numbers; None where that isn't known
    days: Mapping[tuple[str, str], str] = field(default_factory=dict)  # since when inputs are what they are, see Since
    active: Collection[str] = ()  # active kpi_keys
    chain: Chain = field(default_factory=Chain)  # its metric chain
    overlaps: tuple[Overlap, ...] = ()  # where others claim what it claims
    unit_remarks: tuple[str, ...] = ()  # what is said of its models' units

    @property
    def is_adopted(self) -> bool:
        """Whether what holds is what was adopted."""
        return self.adoption is not None and same_numbers(self.entered, self.adoption.numbers)

    @property
    def computes_otherwise(self) -> bool:
        """Whether what was adopted isn't what is computed now."""
        return self.adoption is not None and not same_numbers(self.adoption.numbers, self.computed.numbers)

    @cached_property
    def uses(self) -> frozenset[str]:
        """The param_names that its models' formulas use."""
        formulas = [(model, parse_formula(model.formula_text)) for model in self.models]
        read = [match_names(found, model.params) for model, found in formulas if isinstance(found, Formula)]
        return frozenset(name for match in read for name in match.names.values())

    @property
    def basis(self) -> Basis | None:
        """What the models rested on when what holds was adopted, or typed; None where that isn't known."""
        if self.is_adopted:
            return self.adoption.basis if self.adoption else None
        return self.entry.basis if self.entry else None

    @cached_property
    def since(self) -> Since:
        """Which inputs changed since what holds was adopted, or typed."""
        if self.basis is None:
            return Since()
        return Since(changes=changes(self.basis, basis_of(self.models, self.computed)), days=self.days)

    @property
    def differs(self) -> bool:
        """Whether what holds isn't what is computed, where there are both."""
        return bool(self.entered and self.computed.numbers) and not same_numbers(self.entered, self.computed.numbers)

    @property
    def is_stale(self) -> bool:
        """Whether what holds was adopted, and what it rests on, or what is computed from it, has changed since."""
        return self.is_adopted and (self.computes_otherwise or bool(self.since.changes))


def check_text(standing: Standing) -> str:
    """The cell of contribution_check: sentences, "" when there is nothing to compare."""
    if not standing.entered and not standing.models:
        return ""
    return " ".join(text for text in (comparison(standing), *remarks(standing)) if text)


def warnings(standing: Standing) -> list[str]:
    """What a row's run_status warns of."""
    texts = []
    for kpi in standing.entered or {}:
        if kpi not in standing.active:
            near = nearest(kpi, standing.active)
            hint = f"; the nearest is {near}" if near else ""
            texts.append(f"kpi_contribution_json names {kpi}, which is no active KPI any more{hint}")
    if standing.is_stale:
        texts.append(f"kpi_contribution_json was adopted, and {_what_changed(standing)}")
    return texts


def comparison(standing: Standing) -> str:
    """How what was entered and what is computed compare, in a sentence."""
    entered, computed = standing.entered, standing.computed.numbers
    if not computed:
        return "Entered by hand; nothing is computed." if entered else "Nothing is entered, and nothing is computed."
    if not entered:
        return "Nothing is entered yet."
    if same_numbers(entered, computed):
        return "Equals computed."
    return "Differs from computed: " + "; ".join(_differences(entered, computed)) + "."


def _differences(entered: Mapping[str, float], computed: Mapping[str, float]) -> Iterator[str]:
    for kpi in sorted({*entered, *computed}):
        if kpi not in computed:
            yield f"{kpi} is entered ({amount(entered[kpi])}) and not computed"
        elif kpi not in entered:
            yield f"{kpi} is computed ({amount(computed[kpi])}) and not entered"
        elif not same_number(entered[kpi], computed[kpi]):
            yield f"{kpi} is {_difference(entered[kpi], computed[kpi])}"


def _difference(entered: float, computed: float) -> str:
    """`120,000 beside 100,000 (+20 %)`."""
    share = f" ({(entered - computed) / abs(computed):+.1%})".replace("%", " %") if computed else ""
    return f"{amount(entered)} beside {amount(computed)}{share}"


def remarks(standing: Standing) -> Iterator[str]:
    """What else is worth a look, the most important first."""
    yield adoption_remark(standing)
    if standing.models and standing.computed.reasons:
        yield "Can't be adopted: " + " ".join(standing.computed.reasons)
    yield from standing.computed.notes
    loose = [kpi for kpi in standing.entered or {} if standing.chain.nodes and kpi not in standing.chain.nodes]
    if loose:
        yield f"Not on the metric chain: {', '.join(loose)}."
    yield from standing.unit_remarks
    yield from claimed_by_several(standing.computed)
    yield from (overlap.told(standing.key) for overlap in standing.overlaps)


def adoption_remark(standing: Standing) -> str:
    """What became of the adopted number; "" when it stands as it was adopted, or there is none."""
    adoption = standing.adoption
    if standing.is_stale and adoption is not None:
        return f"Adopted on {adoption.on}, and {_what_changed(standing)}."
    if standing.is_adopted or not standing.entered:
        return ""
    entered = f" on {standing.entry.on}" if standing.entry else " since"
    if adoption is not None:
        text = f"Adopted on {adoption.on} was {assignments(adoption.numbers)}; another number was entered{entered}"
    elif standing.entry is not None and standing.differs:
        text = f"Entered{entered}"
    else:
        return ""
    because = str(standing.since) if standing.differs else ""
    return f"{text}; {'then' if adoption else 'since then'} {because}." if because else f"{text}."


def _what_changed(standing: Standing) -> str:
    """`what is computed has changed since: visits was 50, is 60 since 2026-04-02`."""
    because = str(standing.since)
    if not standing.computes_otherwise:
        return f"its inputs have changed since, to the same number: {because}"
    return "what is computed has changed since" + (f": {because}" if because else "")


def claimed_by_several(computed: Contributions) -> Iterator[str]:
    """A sentence per KPI to which several models of the initiative give a number."""
    for kpi, total in computed.numbers.items():
        claiming = [(part.name, part.numbers[kpi]) for part in computed.by_model if part.numbers.get(kpi)]
        if len(claiming) > 1:
            listed = " and ".join(f"{name} ({amount(number)})" for name, number in claiming)
            yield (
                f"{kpi} is claimed by the models {listed}, which add up to {amount(total)}: "
                "if both mean the same gain, keep it in one of them."
            )


def why_not_adopted(computed: Contributions, shown: Mapping[str, float] | None) -> str:
    """Why the computed numbers can't be adopted by a person who saw `shown` (None: nothing); "" when they can."""
    if not computed.numbers:
        return "nothing is computed that could be adopted. " + " ".join(computed.reasons)
    if not same_numbers(shown, computed.numbers):
        before = assignments(shown) if shown else "nothing"
        return (
            f"the row showed {before}; computed is now {assignments(computed.numbers)}, which is shown from now on. "
            "Nothing was adopted; save again to adopt it, or take the tick away"
        )
    return "" if computed.approved else "not everything behind the number is approved. " + " ".join(computed.reasons)
