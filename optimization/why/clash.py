"""Rules that can't hold together: a minimal set of rows, and the smallest changes that let a run have a portfolio.

Minimal means proved so: the rows can't hold together, and without any one of them the others can.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from optimization.constraints.rules import Place, Rule, RuleType, plain
from optimization.readable import shortest
from optimization.solving.bounds import conditioned
from optimization.solving.presolve import Finding, finding_of, minimal_part, prerequisite_cycle
from optimization.solving.problem import Problem
from optimization.solving.rows import NOBODY, Floats, RowBook
from optimization.solving.search import Search
from optimization.solving.solver import Effort, Ending, maximise

UNPROVED = "The time limit ended the search: fewer rows may be enough to clash."
MOST_SAID = 4  # ways to mend a run that are said in words; all of them are stored
CYCLES = 50  # circles of prerequisites that companions of a change may have to break

_COLUMNS = {
    RuleType.CAPACITY_CAP: "max_tokens",
    RuleType.CAPACITY_FLOOR: "min_tokens",
    RuleType.TARGET: "target_value",
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is changed in one row."""

    place: Place
    column: str = ""  # "" drops the row
    before: float | str = 0.0
    after: float | str = 0.0

    def to_json(self) -> dict[str, Any]:
        """{"tab", "row", "column", "from", "to"}, or {"tab", "row", "drop": true}."""
        if not self.column:
            return {**self.place.to_json(), "drop": True}
        return {**self.place.to_json(), "column": self.column, "from": self.before, "to": self.after}

    def words(self) -> str:
        """ "set max_tokens of row 3 of Constraints from 100 to 140"."""
        if not self.column:
            return f"drop {self.place}"
        return f"set {self.column} of {self.place} from {_shown(self.before)} to {_shown(self.after)}"

    @property
    def size(self) -> float:
        """How much it changes, relative to what stands there; dropping a row is the largest change."""
        if isinstance(self.before, str) or isinstance(self.after, str) or not self.column:
            return math.inf
        return abs(self.after - self.before) / max(abs(self.before), 1.0)


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """One way to mend a run: the change of one row of the minimal set, and what else has to go along with it."""

    change: Change
    also: tuple[Change, ...] = ()  # exact repeats of the row; and rows that can't hold together for other reasons

    def to_json(self) -> dict[str, Any]:
        """The change, with `also` where other changes must come along, and a sentence."""
        also = {"also": [change.to_json() for change in self.also]} if self.also else {}
        return {**self.change.to_json(), **also, "text": self.words()}

    def words(self) -> str:
        """ "drop row 3 of Constraints", and what must come along."""
        return " and ".join(change.words() for change in (self.change, *self.also))


def raise_capacity(to: str) -> str:
    """What mends a run beside the changes of its rows."""
    return f"raise the scenario's capacity to {to}"


@dataclass(frozen=True, kw_only=True)
class Clash:
    """Why a run has no portfolio, and what would give it one."""

    findings: tuple[Finding, ...]  # minimal sets; the smallest first
    relaxations: tuple[Relaxation, ...] = ()  # of the first set's rows, cheapest first
    capacity_needed: float | None = None  # the least capacity with which every rule holds; None when none is enough
    is_proved: bool = True  # the time limit left nothing out

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for `result_json["infeasible"]`."""
        return {
            "rows": [place.to_json() for place in self.findings[0].places] if self.findings else [],
            "relaxation": [relaxation.to_json() for relaxation in self.relaxations],
            "capacity_needed": self.capacity_needed,
            "findings": [finding.to_json() for finding in self.findings],
            "proved": self.is_proved,
        }

    def words(self) -> str:
        """Why there is no portfolio and what to do about it."""
        said = [finding.text for finding in self.findings]
        ways = [relaxation.words() for relaxation in self.relaxations[:MOST_SAID]]
        if self.capacity_needed is not None:
            ways.append(raise_capacity(plain(self.capacity_needed)))
        if ways:
            said.append(f"To mend it: {', or '.join(ways)}.")
        if not self.is_proved:
            said.append(UNPROVED)
        return " ".join(said)


def find_clash(problem: Problem, findings: Sequence[Finding], *, time_limit_s: float) -> Clash:
    """Why an infeasible problem is so. `findings` are contradictions that were seen without solving; none: a joint one is sought."""
    search = _Clashes(problem=problem, deadline=time.perf_counter() + time_limit_s)
    sets = [finding.rules for finding in findings] or [tuple(range(len(problem.rules)))]
    minimal = {search.minimal(rules): None for rules in sets}
    found = sorted((finding_of(problem, rules) for rules in minimal), key=lambda one: (len(one.places), one.places))
    relaxations = sorted(search.relaxations(found[0].rules), key=_cheapness)
    needed = search.capacity_needed()
    return Clash(
        findings=tuple(found), relaxations=tuple(relaxations), capacity_needed=needed, is_proved=search.conclusive
    )


def _cheapness(relaxation: Relaxation) -> tuple[int, float, Place]:
    others = {change.place for change in relaxation.also}
    return len(others), relaxation.change.size, relaxation.change.place


@dataclass(kw_only=True)
class _Clashes:
    """Which rules of a problem can hold together."""

    problem: Problem
    deadline: float  # of time.perf_counter()
    conclusive: bool = True  # no answer is missing
    _known: dict[frozenset[int], bool] = field(default_factory=dict)

    def holds(self, rules: Iterable[int]) -> bool:
        """Whether these rules can hold together, given the capacity and the what-ifs. What isn't known in time counts as yes."""
        asked = frozenset(rules)
        if asked not in self._known:
            self._known[asked] = self._can_hold(asked)
        return self._known[asked]

    def _can_hold(self, rules: frozenset[int]) -> bool:
        if prerequisite_cycle(self.problem.rules, sorted(rules)):
            return False
        search = self._search(rules)
        if search.contradiction or search.best(np.zeros(self.problem.rows.columns)) is not None:
            return not search.contradiction
        self.conclusive &= search.conclusive
        return not search.conclusive

    def _search(self, rules: frozenset[int], *, capacity: bool = True) -> Search:
        """The problem with these rules alone."""
        active = np.zeros(len(self.problem.rules), dtype=np.bool_)
        active[list(rules)] = True
        rows = self.problem.rows
        if not capacity:
            rows = rows.take(np.arange(len(rows.lower)) > 0)  # the capacity comes first
        rows = rows.standing(active)
        counted = replace(rows, coefficients=rows.coefficients * self._counted(rules)[rows.indices])
        return Search(replace(self.problem, rows=counted), deadline=self.deadline, gap=0.0, feasibility=1e-9)

    def _counted(self, rules: frozenset[int]) -> Floats:
        """1 per column, but 0 for bonuses whose row isn't among the rules."""
        bonuses = [float(synergy.rule in rules) for synergy in self.problem.synergies]
        return np.concatenate([np.ones(len(self.problem.candidates)), np.array(bonuses, dtype=np.float64)])

    def minimal(self, rules: Sequence[int]) -> tuple[int, ...]:
        """A part of these rules that can't hold together, and that could without any one of its rules."""
        return tuple(sorted(minimal_part([], list(rules), lambda part: not self.holds(part))))

    # ---- mending ---------------------------------------------------------------------------------------------------

    def relaxations(self, rules: Sequence[int]) -> Iterator[Relaxation]:
        """For each rule of a minimal set the smallest change that gives the run a portfolio."""
        for number in rules:
            others = self._companions(number, rules)
            if others is None:
                continue
            left = frozenset(range(len(self.problem.rules))) - {number} - others
            rule = self.problem.rules[number]
            after = self._number(rule, left)
            also = [change for other in sorted(others) for change in self._dropped(self.problem.rules[other])]
            first, *repeats = self._dropped(rule) if after is None else _set_to(rule, after)
            yield Relaxation(change=first, also=(*repeats, *also))

    def _dropped(self, rule: Rule) -> list[Change]:
        """The row (and its repeats) taken out; a target that the objective needs stays as a goal."""
        if self._steers(rule):
            column = {"column": "floor_or_goal", "before": "floor", "after": "goal"}
            return [Change(place=place, **column) for place in rule.places]
        return [Change(place=place) for place in rule.places]

    def _steers(self, rule: Rule) -> bool:
        """Whether the objective is refused without the row: it is the scale of a weighted KPI, or the target of a step."""
        if rule.type is not RuleType.TARGET or rule.slice.parts != self.problem.scope.parts:
            return False
        is_scale = self.problem.snapshot.scenario.mode == "weighted_kpis" and rule.kpi_key in self.problem.factors
        return is_scale or any(step.target is rule for step in self.problem.steps)

    def _number(self, rule: Rule, left: frozenset[int]) -> float | None:
        """What the row's number must be for the other rules to hold beside it; None where no number does."""
        if rule.type not in _COLUMNS:
            return None
        within = self.problem.inside(rule.slice)
        tokens = np.concatenate([self.problem.tokens, np.zeros(len(self.problem.synergies))]) * within
        match rule.type:
            case RuleType.CAPACITY_CAP:
                least = self._best(-tokens, left)
                return None if least is None else _rounded(-least, up=True)
            case RuleType.CAPACITY_FLOOR:
                most = self._best(tokens, left)
                return None if most is None else _rounded(most, up=False)
        most = self._best(self.problem.sum_of(rule.kpi_key, rule.slice).coefficients, left)
        if most is None or (rule.baseline is not None and most < 0.0):
            return None
        target = _rounded(most + (rule.baseline or 0.0), up=False)
        is_scale = self._steers(rule) and self.problem.snapshot.scenario.mode == "weighted_kpis"
        return None if is_scale and target <= 0.0 else target

    def _best(self, cost: Floats, rules: frozenset[int], *, capacity: bool = True) -> float | None:
        search = self._search(rules, capacity=capacity)
        found = None if search.contradiction else search.best(cost * self._counted(rules))
        self.conclusive &= search.conclusive
        return None if found is None else found.value

    def capacity_needed(self) -> float | None:
        """The least capacity with which every rule holds; None when the rules clash at any."""
        rules = frozenset(range(len(self.problem.rules)))
        if prerequisite_cycle(self.problem.rules, sorted(rules)):
            return None
        tokens = np.concatenate([self.problem.tokens, np.zeros(len(self.problem.synergies))])
        least = self._best(-tokens, rules, capacity=False)
        return None if least is None else _rounded(-least, up=True)

    def _companions(self, dropped: int, kept: Sequence[int]) -> frozenset[int] | None:
        """The fewest other rules (none of those to be kept) that must go before a run without this one has a portfolio.

        None when no number of them is enough, or when that isn't known.
        """
        every = frozenset(range(len(self.problem.rules))) - {dropped}
        if self.holds(every):
            return frozenset()
        cycles: list[Sequence[int]] = []
        for _ in range(CYCLES):
            gone = self._fewest(dropped, kept, cycles)
            if gone is None:
                return None
            cycle = prerequisite_cycle(self.problem.rules, sorted(every - gone))
            if not cycle:
                return gone if self.holds(every - gone) else None
            cycles.append(cycle)
        return None

    def _fewest(self, dropped: int, kept: Sequence[int], cycles: Sequence[Sequence[int]]) -> frozenset[int] | None:
        """The fewest rules to drop beside one: a column more per rule, 1 when it is dropped and its rows needn't hold."""
        rows, width, rules = self.problem.rows, self.problem.rows.columns, len(self.problem.rules)
        book = RowBook(columns=width + rules)
        least = np.bincount(rows.row_of, weights=np.minimum(rows.coefficients, 0.0), minlength=len(rows.lower))
        most = np.bincount(rows.row_of, weights=np.maximum(rows.coefficients, 0.0), minlength=len(rows.lower))
        for row in range(len(rows.lower)):
            entries = slice(rows.starts[row], rows.starts[row + 1])
            owners = sorted({width + int(owner) for owner in rows.owners[row] if owner != NOBODY})
            for bound, reach, sign in ((rows.lower[row], least[row], 1.0), (-rows.upper[row], -most[row], -1.0)):
                if math.isfinite(bound):
                    indices = np.append(rows.indices[entries], owners).astype(np.int64)
                    freed = [max(bound - reach, 0.0)] * len(owners)
                    book.add(indices, np.append(sign * rows.coefficients[entries], freed), lower=bound)
        for cycle in cycles:
            book.add([width + number for number in cycle], np.ones(len(cycle)), lower=1.0)
        low, high = np.zeros(width + rules), np.ones(width + rules)
        high[[width + number for number in kept]] = 0.0
        low[width + dropped] = high[width + dropped] = 1.0
        cost = np.concatenate([np.zeros(width), np.full(rules, -1.0)])
        seconds = max(self.deadline - time.perf_counter(), 0.0)
        effort = Effort(time_limit_s=seconds, gap=0.0, feasibility=1e-9)
        answer = maximise(cost, low=low, high=high, rows=conditioned(book.rows(), low, high), effort=effort)
        self.conclusive &= answer.ending in (Ending.OPTIMAL, Ending.INFEASIBLE)
        if answer.ending in (Ending.INFEASIBLE, Ending.NOTHING):
            return None
        return frozenset(int(number) for number in np.flatnonzero(answer.columns[width:])) - {dropped}


def _set_to(rule: Rule, number: float) -> list[Change]:
    column = _COLUMNS[rule.type]
    return [Change(place=place, column=column, before=rule.number, after=number) for place in rule.places]


def _rounded(number: float, *, up: bool) -> float:
    """A bound without the noise of summing, never on the wrong side by more than rows forgive."""
    room = 1e-9 * max(1.0, abs(number))
    return shortest(number, number + room, nearest=number) if up else shortest(number - room, number, nearest=number)


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else plain(value)
