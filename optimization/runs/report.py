"""A run as people read it: figures, initiatives, slices, targets and what later actions found out. Pure; from what is stored."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from optimization.constraints.rules import EVERYTHING, RuleType, Slice, plain
from optimization.solving.facts import Snapshot
from optimization.solving.objective import WEIGHTED

CUT_BY = ("department", "country")  # what tokens are shown by
_SOLVED = ("optimal", "feasible")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One initiative in a run."""

    key: str
    title: str
    selected: bool
    is_eligible: bool
    rank: int | None
    tokens: float | None
    department: str
    country: str
    north_star_gain: float | None  # north star's unit
    contribution: float | None  # to the objective, without bonuses
    reason: str
    why_not: str
    frequency: float | None  # share of draws that choose it; None: no draws yet
    frequency_text: str


@dataclass(frozen=True, kw_only=True)
class Use:
    """How many tokens a slice takes, between what its rules ask for and allow."""

    label: str
    used: float
    floor: float | None
    cap: float | None


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """Everything that pages and files show of one run."""

    run_id: str
    scenario: str
    set_name: str
    period: str
    mode: str
    status: str
    requested_by: str
    created_at: str  # UTC, "" when unknown
    message: str
    capacity: float  # tokens
    capacity_used: float | None  # None without a portfolio
    objective: float | None
    greedy: float | None
    optimality_gap: float | None
    lines: tuple[Line, ...]  # chosen ones by rank, nearest misses, then what isn't eligible
    snapshot: Snapshot | None  # None for a run that was refused before its inputs were taken
    result: Mapping[str, Any] = field(default_factory=dict)  # result_json

    @property
    def has_portfolio(self) -> bool:
        """Whether something was chosen, be it nothing."""
        return self.status in _SOLVED

    @property
    def unit(self) -> str:
        """What the objective is counted in."""
        if self.mode == WEIGHTED or self.snapshot is None:
            return "share of targets, weighted"
        return self.snapshot.north_star

    @property
    def chosen(self) -> tuple[Line, ...]:
        """What is in, by rank."""
        return tuple(line for line in self.lines if line.selected)

    @property
    def missed(self) -> tuple[Line, ...]:
        """What could have been chosen and wasn't, nearest misses first."""
        return tuple(line for line in self.lines if line.is_eligible and not line.selected)

    @property
    def ineligible(self) -> tuple[Line, ...]:
        """What couldn't be chosen."""
        return tuple(line for line in self.lines if not line.is_eligible)

    @cached_property
    def figures(self) -> tuple[tuple[str, str], ...]:
        """(what, number) in the order of importance."""
        pairs = [
            ("Status", self.status),
            ("Chosen", f"{len(self.chosen)} of {len(self.chosen) + len(self.missed)} candidates"),
            ("Tokens", f"{number(self.capacity_used)} of {number(self.capacity)}"),
            ("Objective", f"{number(self.objective)} ({self.unit})" if self.objective is not None else ""),
            ("Sorting by score would reach", number(self.greedy)),
            ("A better one could bring", _gap(self.optimality_gap)),
        ]
        return tuple((what, text) for what, text in pairs if text)

    @cached_property
    def slices(self) -> tuple[Use, ...]:
        """Tokens of the whole portfolio and of every slice with a floor or a cap."""
        if self.snapshot is None or not self.has_portfolio:
            return ()
        floors, caps = self._bounds(RuleType.CAPACITY_FLOOR, max), self._bounds(RuleType.CAPACITY_CAP, min)
        caps[EVERYTHING] = min(caps.get(EVERYTHING, math.inf), self.capacity)
        return tuple(
            Use(label=str(where), used=self._used(where), floor=floors.get(where), cap=caps.get(where))
            for where in sorted({*floors, *caps}, key=lambda where: (where != EVERYTHING, where.dimension, where.key))
        )

    def _bounds(self, kind: RuleType, strictest: Any) -> dict[Slice, float]:
        found: dict[Slice, float] = {}
        for rule in self.snapshot.rules if self.snapshot else ():
            if rule.type is kind:
                found[rule.slice] = strictest(found.get(rule.slice, rule.number), rule.number)
        return found

    def _used(self, where: Slice) -> float:
        assert self.snapshot is not None
        chosen = (self.snapshot.by_key[line.key] for line in self.chosen if line.key in self.snapshot.by_key)
        return math.fsum(entry.tokens or 0.0 for entry in chosen if where.holds(entry.folded))

    def tokens_by(self, dimension: str) -> dict[str, tuple[float, float]]:
        """Value -> (tokens chosen, tokens left out), the most chosen first."""
        found: dict[str, tuple[float, float]] = {}
        for line in (*self.chosen, *self.missed):
            value = getattr(line, dimension) or "(empty)"
            chosen, missed = found.get(value, (0.0, 0.0))
            tokens = line.tokens or 0.0
            found[value] = (chosen + tokens, missed) if line.selected else (chosen, missed + tokens)
        return dict(sorted(found.items(), key=lambda pair: (-pair[1][0], pair[0])))

    @property
    def targets(self) -> Sequence[Mapping[str, Any]]:
        """As Gaps_And_Alerts shows them."""
        gaps: Sequence[Mapping[str, Any]] = self.result.get("gaps", ())
        return gaps

    @property
    def clash(self) -> Mapping[str, Any]:
        """Why there is no portfolio, and what would mend it; empty where there is one."""
        clash: Mapping[str, Any] = self.result.get("infeasible", {})
        return clash

    @property
    def frontier(self) -> Sequence[Mapping[str, Any]]:
        """Steps by capacity; none before pm.optimize_frontier."""
        steps: Sequence[Mapping[str, Any]] = self.result.get("frontier", {}).get("steps", ())
        return steps

    @property
    def params(self) -> Sequence[Mapping[str, Any]]:
        """As Measure_Next shows them, those that still vary."""
        params: Iterable[Mapping[str, Any]] = self.result.get("measure_next", {}).get("params", ())
        return [param for param in params if param["rank"] is not None]

    @property
    def prices(self) -> Sequence[Mapping[str, Any]]:
        """What each rule costs, the dearest first."""
        prices: Sequence[Mapping[str, Any]] = self.result.get("rule_prices", ())
        return prices


def number(value: float | None) -> str:
    """A number as people read it; "" for none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else plain(float(f"{value:.4g}"))


def _gap(gap: float | None) -> str:
    if gap is None:
        return ""
    return f"at most {gap:.2%} more" if gap else "no more: this is proved to be the best"
