"""Why a candidate is left out: what forcing it in would cost, whom it would push out, and what would get it chosen.

Every number is exact: a solve with it chooses the candidate, a hair less doesn't. Pure but for the solver and its clock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from optimization.constraints.rules import RuleType, plain
from optimization.readable import amount, listed, shortest, tidy
from optimization.solving.levels import Fall, Level, as_columns, first_fall, levels_of, settles_for
from optimization.solving.milp import FAILED, INFEASIBLE, PROOF_LIMIT, Solution, solve_again
from optimization.solving.problem import Problem, tolerance
from optimization.solving.rows import Bools
from optimization.why.thresholds import LEAST, Lever, Reached, Threshold, more_than, touched_rows

HAIR = 1e-3  # of a change: so much less of it doesn't do
ROUND = 5e-4  # of a change: so far may a number be moved to one that reads better


@dataclass(frozen=True, kw_only=True)
class WhyNot:
    """Why one candidate is left out."""

    key: str
    cost: float | None = None  # what forcing it in costs, in the unit of what falls; None when it can't be forced in
    step: str = ""  # lexicographic: the KPI of the step that falls first, "" for the objective
    pushes_out: tuple[str, ...] = ()  # keys selected now that it would push out
    tokens: float = 0.0  # what it takes now
    tokens_needed: float | None = None  # at so many tokens it is chosen; None when at none below its own
    kpi_key: str = ""  # the KPI whose contribution would have to rise; "" when none helps
    contribution: float = 0.0  # what it contributes to that KPI now, in the KPI's unit
    contribution_needed: float | None = None  # with so much it is chosen; None when with no amount
    unit: str = ""  # what the cost is counted in: a KPI, or "" for the sum of weighted fractions
    blocked: str = ""  # why nothing gets it in, "" when something does or nothing is known to block it
    is_exact: bool = True  # every solve behind it was proved

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for `result_json["why_not"]`."""
        return {
            "cost": self.cost,
            "step": self.step or None,
            "pushes_out": list(self.pushes_out),
            "tokens_needed": self.tokens_needed,
            "kpi_key": self.kpi_key or None,
            "contribution_needed": self.contribution_needed,
            "approximate": not self.is_exact,
            "text": self.text(),
        }

    def text(self) -> str:
        """One sentence for people."""
        said = "; ".join(part for part in (self._cost_text(), self._change_text()) if part)
        return f"{said[0].upper()}{said[1:]}{'' if self.is_exact else ' (approximate: rests on a gap)'}."

    def _cost_text(self) -> str:
        if self.cost is None:
            return f"it can't be forced in: {self.blocked or 'no portfolio with it obeys every rule'}"
        out = f" and push out {listed(self.pushes_out)}" if self.pushes_out else ""
        if self.cost == 0.0:
            return f"forcing it in would cost nothing{out}, and a tie goes to what is selected"
        return f"forcing it in would cost {amount(self.cost, self.unit)}{f' of the step {self.step}' if self.step else ''}{out}"

    def _change_text(self) -> str:
        if self.blocked:
            return ""
        ways = []
        if self.tokens_needed is not None:
            ways.append(f"at {plain(self.tokens_needed)} tokens instead of {plain(tidy(self.tokens))}")
        if self.contribution_needed is not None:
            ways.append(
                f"with {plain(self.contribution_needed)} {self.kpi_key} instead of {plain(tidy(self.contribution))}"
            )
        if not ways:
            return "no token cut and no KPI rise would get it chosen"
        return f"it would be chosen {' or '.join(ways)}"


@dataclass(kw_only=True)
class Inquiry:
    """Asks a solved problem why it left out what it left out."""

    problem: Problem
    solution: Solution
    deadline: float  # of time.perf_counter(): no solve begins after it
    gap: float = 1e-3  # for problems that are too large to prove
    _solved: dict[int, Solution] = field(
        default_factory=dict
    )  # column -> the best with that candidate the other way round

    def left_out(self) -> Iterator[str]:
        """Keys left out, the nearest misses first."""
        out = [column for column in range(len(self.problem.candidates)) if not self.selected[column]]
        miss = self._misses()
        return (self.problem.keys[column] for column in sorted(out, key=lambda column: (miss[column], column)))

    def chosen(self) -> Iterator[str]:
        """Keys that are chosen, the narrowest choices first."""
        miss = self._misses()
        inside = [column for column in range(len(self.problem.candidates)) if self.selected[column]]
        return (self.problem.keys[column] for column in sorted(inside, key=lambda column: (-miss[column], column)))

    def why_not(self, key: str) -> WhyNot | None:
        """Why a candidate is left out; None when the time was up before that was known."""
        column = self.problem.index[key]
        empty = WhyNot(key=key, tokens=float(self.problem.tokens[column]))
        if blocked := self._blocked(key):
            return replace(empty, blocked=blocked)
        forced = self.other_way(column)
        if forced.status == FAILED:
            return None
        exact = forced.proved and self.solution.proved
        found = self._cost(empty, forced)
        tokens, tokens_known = self._tokens(column, forced)
        kpi, own, contribution, kpi_known = self._contribution(column, forced)
        if not (tokens_known and kpi_known) and time.perf_counter() >= self.deadline:
            return None
        return replace(
            found,
            tokens_needed=tokens,
            kpi_key=kpi,
            contribution=own,
            contribution_needed=contribution,
            is_exact=(exact or forced.status == INFEASIBLE) and tokens_known and kpi_known,
        )

    # ---- what both sides of a question need ---------------------------------------------------------------------------

    @cached_property
    def selected(self) -> Bools:
        """The columns of the portfolio that was chosen."""
        return as_columns(self.problem, self.solution.selected)

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """What portfolios are compared by."""
        return levels_of(self.problem)

    @property
    def _proof(self) -> bool:
        return len(self.problem.candidates) <= PROOF_LIMIT

    def other_way(self, column: int) -> Solution:
        """The best portfolio with the candidate where it isn't: in when it is out, out when it is in."""
        if column not in self._solved:
            seconds = max(self.deadline - time.perf_counter(), 0.0)
            self._solved[column] = solve_again(
                self.problem,
                fixed={column: not self.selected[column]},
                time_limit_s=seconds,
                gap=self.gap,
            )
        return self._solved[column]

    def fall(self, other: Solution) -> Fall | None:
        """Where another portfolio is worse than the chosen one."""
        return first_fall(self.levels, self.selected, as_columns(self.problem, other.selected))

    def unit(self, fall: Fall | None) -> str:
        """What a fall is counted in: a KPI, "" for the sum of weighted fractions."""
        if fall is not None and fall.kpi_key:
            return fall.kpi_key
        return "" if self.problem.snapshot.scenario.mode == "weighted_kpis" else self.problem.snapshot.north_star

    def _misses(self) -> list[float]:
        """How far each candidate is from being chosen, roughly: what it lacks per token beside the worst that is chosen."""
        worth = self.problem.objective.coefficients[: len(self.problem.candidates)]
        return [float(miss) for miss in -worth / np.maximum(self.problem.tokens, 1.0)]

    def _blocked(self, key: str) -> str:
        """The row or the what-if that keeps a candidate out whatever its numbers are."""
        for rule in self.problem.rules:
            if rule.type is RuleType.EXCLUDE and key in rule.members:
                return f"{rule.place} excludes it"
        if self.problem.forced.get(self.problem.index[key]) is False:
            return "a what-if forces it out"
        return ""

    # ---- a candidate that is out --------------------------------------------------------------------------------------

    def _cost(self, empty: WhyNot, forced: Solution) -> WhyNot:
        if forced.status == INFEASIBLE:
            return empty
        fall = self.fall(forced)
        gone = sorted(set(self.solution.selected) - set(forced.selected))
        return replace(
            empty,
            cost=fall.amount if fall else 0.0,
            step=fall.kpi_key if fall else "",
            pushes_out=tuple(gone),
            unit=self.unit(fall),
        )

    def reached(self, lever: Lever, rival: Bools) -> tuple[Reached | None, bool]:
        """How far a number may get worse while its candidate beats the rival, and whether that is proved."""
        search = Threshold(
            problem=self.problem,
            lever=lever,
            rival=rival,
            deadline=self.deadline,
            gap=0.0 if self._proof else self.gap,
        )
        return search.reached(), search.conclusive and self._proof

    def _threshold(self, lever: Lever) -> tuple[float | None, bool]:
        """The number at which a candidate wins, nearest to its own, and whether that is proved."""
        reached, known = self.reached(lever, self.selected)
        return (None if reached is None else readable(reached, lever, self.grain(lever))), known

    def grain(self, lever: Lever) -> float:
        """What the tolerance of a row may hide of a number."""
        return tolerance(self.problem.snapshot.scenario.capacity) if not lever.kpi_key else 0.0

    def _tokens(self, column: int, forced: Solution) -> tuple[float | None, bool]:
        own = float(self.problem.tokens[column])
        if own == 0.0:
            return None, True
        return self._threshold(Lever(column=column, own=own, best=0.0, worst=own))

    def _contribution(self, column: int, forced: Solution) -> tuple[str, float, float | None, bool]:
        """(KPI, own contribution to it, what it would have to be, whether that is settled) of the smallest rise."""
        best: tuple[float, str, float, float] | None = None
        settled = True
        for kpi, scale in self.kpis():
            own = self.problem.candidates[column].contributions.get(kpi, 0.0)
            needed, known = self._needed(column, forced, kpi, own)
            settled &= known
            if needed is not None and (best is None or (needed - own) / scale < best[0] * (1.0 - 1e-9)):
                best = ((needed - own) / scale, kpi, own, needed)
        if best is None:
            return "", 0.0, None, settled
        return best[1], best[2], best[3], settled

    def kpis(self) -> list[tuple[str, float]]:
        """(KPI, its scale) that a rise may be asked of: the north star, or those that are weighted, by key."""
        scenario, factors = self.problem.snapshot.scenario, self.problem.factors
        if scenario.mode != "weighted_kpis" or not isinstance(scenario.weights, Mapping):
            return [(self.problem.snapshot.north_star, 1.0)]
        return [(kpi, scenario.weights[kpi] / factors[kpi]) for kpi in sorted(factors)]

    def _needed(self, column: int, forced: Solution, kpi: str, own: float) -> tuple[float | None, bool]:
        pulls = self.pulls(column, kpi)
        touched = bool(touched_rows(self.problem, column, kpi).any())
        if not touched and not any(pulls):
            return None, True
        fall = self.fall(forced) if forced.status != INFEASIBLE else None
        if not touched and not any(pulls[:-1]):
            return self._without_rows(column, forced, fall, own, pulls[-1])
        bound = self._bound(column, forced, fall, kpi, own, pulls)
        return self._threshold(Lever(column=column, own=own, best=own + bound, worst=own, kpi_key=kpi))

    def pulls(self, column: int, kpi: str) -> list[float]:
        """What a unit of a contribution adds to each level."""
        inside = self.problem.scope.holds(self.problem.candidates[column].folded)
        return [level.factors.get(kpi, 0.0) if inside else 0.0 for level in self.levels]

    def _without_rows(
        self, column: int, forced: Solution, fall: Fall | None, own: float, pull: float
    ) -> tuple[float | None, bool]:
        """Where nothing but the objective moves with the contribution, the cost is what it lacks: no solve is needed."""
        known = forced.proved and self.solution.proved
        if forced.status == INFEASIBLE or (fall is not None and fall.level < len(self.levels) - 1):
            return None, forced.status == INFEASIBLE or known
        rival, other = self.selected, as_columns(self.problem, forced.selected)
        level = self.levels[-1]
        lacking, slack = level.value(rival) - level.value(other), level.slack(rival)
        wins = settles_for(self.problem, other, rival)
        least = own + max(lacking + (-0.999 * slack if wins else more_than(level.value(rival), slack)), 0.0) / pull
        reached = Reached(columns=other, number=least, nominal=own + lacking / pull if wins else None, best=math.inf)
        return readable(reached, Lever(column=column, own=own, best=math.inf, worst=own), 0.0), known

    def _bound(
        self, column: int, forced: Solution, fall: Fall | None, kpi: str, own: float, pulls: Sequence[float]
    ) -> float:
        """A rise that is enough if any is."""
        last = self.levels[-1]
        if forced.status != INFEASIBLE and pulls[-1] and (fall is None or fall.level == len(self.levels) - 1):
            lacking = last.value(self.selected) - last.value(as_columns(self.problem, forced.selected))
            return max(lacking, 0.0) / pulls[-1] + 4.0 * max(last.slack(self.selected), LEAST) / pulls[-1]
        rows, touched = self.problem.rows, touched_rows(self.problem, column, kpi)
        least = np.bincount(rows.row_of, weights=np.minimum(rows.coefficients, 0.0), minlength=len(rows.lower))
        lacks = [float(gap) for gap in (rows.lower - least)[touched]]
        for level, pull in zip(self.levels, pulls, strict=True):
            if pull:
                worst = float(np.minimum(level.expression.coefficients, 0.0).sum())
                lacks.append((level.value(self.selected) - worst + level.slack(self.selected) * 4.0) / pull)
        return max([1.0, *lacks]) + abs(own)


def readable(reached: Reached, lever: Lever, grain: float) -> float:
    """The number that reads best among those at which the candidate wins and a hair less of the change doesn't do."""
    number = reached.number
    change = abs(lever.own - number)
    room = min(ROUND * change, max(1e-5 * change, 1.01 * grain))
    better = 1.0 if lever.best > lever.worst else -1.0
    limit = number + better * room
    limit = min(limit, reached.best) if better > 0 else max(limit, reached.best)
    return shortest(min(number, limit), max(number, limit), nearest=number)
