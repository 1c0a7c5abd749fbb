"""The optimization problem of a snapshot: candidates, objective and rules as arrays, each row knowing its rules.

Pure. Columns are 0/1: first the candidates in order of their keys, then one per synergy (1 when both are selected).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from optimization.constraints.rules import EVERYTHING, Rule, RuleType, Slice
from optimization.solving.eligibility import eligibility
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.objective import Refusal, read_objective
from optimization.solving.rows import RowBook, Rows
from sheetsync.values.cells import fold

__all__ = [
    "Expression",
    "Initiative",
    "Problem",
    "Refusal",
    "Scenario",
    "Snapshot",
    "Step",
    "build_problem",
    "tolerance",
]

Floats = NDArray[np.float64]
TOLERANCE = 1e-6


def tolerance(number: float) -> float:
    """How far a sum may miss a row's number: 1e-6 of it, at least 1e-6."""
    return TOLERANCE * max(1.0, abs(number))


@dataclass(frozen=True, kw_only=True)
class Synergy:
    """A bonus that can be earned: both members are candidates, the KPI is active."""

    first: int  # column of a member
    second: int  # column of the other
    kpi_key: str
    value: float  # bonus in the KPI's unit, may be negative
    rule: int  # index of its rule in the snapshot
    slice_parts: frozenset[tuple[str, str]]  # (dimension, folded value) that both members share


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A sum over what is selected: a coefficient per column (candidates, then synergies)."""

    coefficients: Floats  # shape (columns,)

    def value(self, columns: NDArray[np.bool_]) -> float:
        """The sum over the chosen columns, rounded once."""
        return math.fsum(self.coefficients[columns].tolist())


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a lexicographic objective."""

    target: Rule  # the row of Targets it follows
    expression: Expression  # contributions to the KPI in the scope, in its unit
    needed: float  # what contributions must add up to for the target, in the KPI's unit

    @property
    def is_met_by_baseline(self) -> bool:
        """Whether the target is reached before anything is selected, so that the step is skipped."""
        return self.target.baseline is not None and self.target.baseline >= self.target.number


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Everything a solver or an explanation needs. Candidates stand in order of their keys."""

    snapshot: Snapshot
    candidates: tuple[Initiative, ...]
    ineligible: Mapping[str, str]  # key -> why it takes no part, for every other initiative of the snapshot
    tokens: Floats  # per candidate
    synergies: tuple[Synergy, ...]
    objective: Expression  # what is maximised at last
    steps: tuple[Step, ...]  # lexicographic: what is reached first, in order
    rows: Rows  # linear rows over the columns
    forced: Mapping[int, bool] = field(default_factory=dict)  # candidate -> forced in (True) or out
    idle_forces: Mapping[str, str] = field(default_factory=dict)  # key -> why its what-if has no effect
    factors: Mapping[str, float] = field(default_factory=dict)  # KPI key -> objective units per unit of the KPI
    scope: Slice = EVERYTHING  # whose contributions count in the objective and its steps

    @cached_property
    def index(self) -> dict[str, int]:
        """Candidate key -> its column."""
        return {candidate.key: column for column, candidate in enumerate(self.candidates)}

    @property
    def keys(self) -> tuple[str, ...]:
        """Candidate keys, ascending."""
        return tuple(candidate.key for candidate in self.candidates)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of the constraint set; rows refer to them by position."""
        return self.snapshot.rules

    def columns(self, selected: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """All columns for a selection of candidates (one mark per candidate): synergies follow from their members."""
        chosen = np.zeros(len(self.candidates) + len(self.synergies), dtype=np.bool_)
        chosen[: len(self.candidates)] = selected
        pairs = np.array([(s.first, s.second) for s in self.synergies], dtype=np.int64).reshape(-1, 2)
        chosen[len(self.candidates) :] = chosen[pairs[:, 0]] & chosen[pairs[:, 1]]
        return chosen

    def inside(self, within: Slice) -> Floats:
        """1 for each column that lies in the slice, else 0."""
        return _Sums(self.snapshot, self.candidates, self.synergies).inside(within)

    def sum_of(self, kpi: str, within: Slice = EVERYTHING) -> Expression:
        """Contributions and bonuses to a KPI inside a slice, in the KPI's unit."""
        return _Sums(self.snapshot, self.candidates, self.synergies).of({kpi: 1.0}, within)


def build_problem(snapshot: Snapshot) -> Problem | Refusal:
    """The problem that a snapshot states, or why the run is refused before solving."""
    objective = read_objective(snapshot)
    if isinstance(objective, Refusal):
        return objective
    reasons = {entry.key: eligibility(entry, snapshot.scenario, snapshot.ticked) for entry in snapshot.initiatives}
    candidates = tuple(sorted((i for i in snapshot.initiatives if reasons[i.key] is None), key=lambda entry: entry.key))
    index = {candidate.key: column for column, candidate in enumerate(candidates)}
    synergies = _synergies(snapshot, candidates, index)
    sums = _Sums(snapshot, candidates, synergies)
    tokens = np.array([candidate.tokens for candidate in candidates], dtype=np.float64)
    forced = {index[key]: way == "in" for key, way in snapshot.force.items() if key in index and way in ("in", "out")}
    return Problem(
        snapshot=snapshot,
        candidates=candidates,
        ineligible={key: reason for key, reason in reasons.items() if reason is not None},
        tokens=tokens,
        synergies=synergies,
        objective=sums.of(objective.factors, objective.scope),
        steps=tuple(
            Step(target=target, expression=sums.of({target.kpi_key: 1.0}, objective.scope), needed=target.needed)
            for target in objective.steps
        ),
        rows=_Compiler(snapshot, candidates, index, synergies, sums, tokens).rows(forced),
        forced=forced,
        idle_forces={
            key: f"force: {key} isn't a candidate of this run ({reasons.get(key) or 'no such initiative'}): no effect"
            for key in sorted(snapshot.force)
            if key not in index
        },
        factors=objective.factors,
        scope=objective.scope,
    )


def _synergies(snapshot: Snapshot, candidates: tuple[Initiative, ...], index: Mapping[str, int]) -> tuple[Synergy, ...]:
    active = {fold(kpi): kpi for kpi in snapshot.kpis}
    found = []
    for number, rule in enumerate(snapshot.rules):
        if rule.type is not RuleType.SYNERGY or fold(rule.kpi_key) not in active:
            continue
        first, second = (index.get(key) for key in rule.members)
        if first is None or second is None:
            continue
        shared = frozenset(candidates[first].folded.items() & candidates[second].folded.items())
        kpi = active[fold(rule.kpi_key)]
        found.append(
            Synergy(first=first, second=second, kpi_key=kpi, value=rule.number, rule=number, slice_parts=shared)
        )
    return tuple(found)


class _Sums:
    """Sums of contributions and bonuses per KPI and slice, over the columns of one problem."""

    def __init__(self, snapshot: Snapshot, candidates: tuple[Initiative, ...], synergies: tuple[Synergy, ...]) -> None:
        self.active = {fold(kpi): kpi for kpi in snapshot.kpis}
        self.candidates = candidates
        self.synergies = synergies
        self.members: dict[Slice, Floats] = {}
        self.given: dict[str, Floats] = {}
        self.values: dict[str, NDArray[np.str_]] = {}  # dimension -> each candidate's folded value

    def inside(self, within: Slice) -> Floats:
        """1 for each column that lies in the slice, else 0."""
        if within not in self.members:
            inside = np.ones(len(self.candidates), dtype=np.bool_)
            for dimension, value in within.parts:
                inside &= self._values_of(dimension) == value
            both = [set(within.parts) <= synergy.slice_parts for synergy in self.synergies]
            self.members[within] = np.concatenate([inside, np.array(both, dtype=np.bool_)]).astype(np.float64)
        return self.members[within]

    def _values_of(self, dimension: str) -> NDArray[np.str_]:
        if dimension not in self.values:
            values = [candidate.folded.get(dimension, "") for candidate in self.candidates]
            self.values[dimension] = np.array(values, dtype=np.str_)
        return self.values[dimension]

    def of(self, factors: Mapping[str, float], within: Slice) -> Expression:
        """Factor x contribution, summed over KPIs, for what lies in the slice; KPIs that aren't active count 0."""
        named = {self.active[fold(kpi)]: factor for kpi, factor in factors.items() if fold(kpi) in self.active}
        total = np.zeros(len(self.candidates) + len(self.synergies))
        for kpi, factor in named.items():
            total += factor * self._contributions(kpi)
        return Expression(coefficients=total * self.inside(within) + 0.0)  # adding 0 makes -0.0 a plain 0.0

    def _contributions(self, kpi: str) -> Floats:
        """Contributions of candidates, then bonuses of synergies, to one active KPI."""
        if kpi not in self.given:
            own = [candidate.contributions.get(kpi, 0.0) for candidate in self.candidates]
            bonuses = [synergy.value if synergy.kpi_key == kpi else 0.0 for synergy in self.synergies]
            self.given[kpi] = np.array(own + bonuses, dtype=np.float64)
        return self.given[kpi]


class _Compiler:
    """Turns the rules of a snapshot into linear rows over the columns of its problem."""

    def __init__(
        self,
        snapshot: Snapshot,
        candidates: tuple[Initiative, ...],
        index: Mapping[str, int],
        synergies: tuple[Synergy, ...],
        sums: _Sums,
        tokens: Floats,
    ) -> None:
        self.snapshot = snapshot
        self.index = index
        self.synergies = synergies
        self.sums = sums
        self.size = len(candidates)
        self.tokens = np.concatenate([tokens, np.zeros(len(synergies))])
        self.book = RowBook(columns=self.size + len(synergies))

    def rows(self, forced: Mapping[int, bool]) -> Rows:
        """All rows: capacity, what-ifs, what a synergy is, then each rule's own."""
        capacity = self.snapshot.scenario.capacity
        self.book.dense(self.tokens, upper=capacity + tolerance(capacity))
        for column, is_in in forced.items():
            self.book.add([column], [1.0], lower=float(is_in), upper=float(is_in))
        for position, synergy in enumerate(self.synergies, start=self.size):
            self._link(position, synergy)
        bundles: dict[str, list[tuple[int, list[int]]]] = {}
        for number, rule in enumerate(self.snapshot.rules):
            if rule.type is RuleType.BUNDLE:
                self._bundle(number, rule, bundles)
            else:
                self._rule(number, rule)
        return self.book.rows()

    def _link(self, position: int, synergy: Synergy) -> None:
        # More is better in every KPI, so only the side that the optimum would overstep needs a row.
        # Without its rule the column is 0, and says nothing of its members.
        owners = (synergy.rule,)
        if synergy.value > 0:
            self.book.add([position, synergy.first], [1.0, -1.0], upper=0.0, owners=owners)
            self.book.add([position, synergy.second], [1.0, -1.0], upper=0.0, owners=owners)
        else:
            self.book.add([synergy.first, synergy.second, position], [1.0, 1.0, -1.0], upper=1.0, owners=owners)

    def _rule(self, number: int, rule: Rule) -> None:
        columns = [self.index[key] for key in rule.members if key in self.index]
        match rule.type:
            case RuleType.CAPACITY_FLOOR:
                self._tokens(number, rule, lower=rule.number - tolerance(rule.number))
            case RuleType.CAPACITY_CAP:
                self._tokens(number, rule, upper=rule.number + tolerance(rule.number))
            case RuleType.MANDATORY:
                for column in columns:
                    self.book.add([column], [1.0], lower=1.0, owners=(number,))
                if len(columns) < len(rule.members):
                    self.book.add([], [], lower=1.0, owners=(number,))
            case RuleType.EXCLUDE:
                for column in columns:
                    self.book.add([column], [1.0], upper=0.0, owners=(number,))
            case RuleType.EXCLUDE_PAIR if len(columns) == 2:
                self.book.add(columns, [1.0, 1.0], upper=1.0, owners=(number,))
            case RuleType.PREREQUISITE if rule.dependent in self.index:
                self._prerequisites(number, rule, self.index[rule.dependent])
            case RuleType.TARGET if rule.kind == "floor":
                sums = self.sums.of({rule.kpi_key: 1.0}, rule.slice)
                self.book.dense(sums.coefficients, lower=rule.needed - tolerance(rule.needed), owners=(number,))

    def _tokens(self, number: int, rule: Rule, *, lower: float = -math.inf, upper: float = math.inf) -> None:
        # The slice's zeros for synergies don't matter: synergies take no tokens.
        self.book.dense(self.tokens * self.sums.inside(rule.slice), lower=lower, upper=upper, owners=(number,))

    def _prerequisites(self, number: int, rule: Rule, dependent: int) -> None:
        for key in rule.members:
            if key in self.index:
                self.book.add([dependent, self.index[key]], [1.0, -1.0], upper=0.0, owners=(number,))
            elif key not in self.snapshot.done:
                self.book.add([dependent], [1.0], upper=0.0, owners=(number,))

    def _bundle(self, number: int, rule: Rule, bundles: dict[str, list[tuple[int, list[int]]]]) -> None:
        columns = [self.index[key] for key in rule.members if key in self.index]
        for one, other in pairwise(columns):
            self.book.add([one, other], [1.0, -1.0], lower=0.0, upper=0.0, owners=(number,))
        if len(columns) < len(rule.members):
            for column in columns:
                self.book.add([column], [1.0], upper=0.0, owners=(number,))
        # Rows that name the same bundle add up: their members stand or fall together.
        same = bundles.setdefault(fold(rule.bundle_key), [])
        for other_number, others in same:
            self._join(columns, others, (other_number, number))
        same.append((number, columns))

    def _join(self, columns: list[int], others: list[int], owners: tuple[int, ...]) -> None:
        if columns and others and columns[0] != others[0]:
            self.book.add([columns[0], others[0]], [1.0, -1.0], lower=0.0, upper=0.0, owners=owners)
        elif columns and not others:
            self.book.add([columns[0]], [1.0], upper=0.0, owners=owners)
        elif others and not columns:
            self.book.add([others[0]], [1.0], upper=0.0, owners=owners)
