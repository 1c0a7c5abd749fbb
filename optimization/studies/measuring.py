"""How sure the portfolio of a stored run is: draws from productops, the run's snapshot, and what comes of both."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings

from optimization.constraints.rules import plain
from optimization.solving.effort import Effort, Patience
from optimization.solving.objective import Refusal
from optimization.solving.problem import Problem
from optimization.solving.rows import Bools, Floats
from optimization.studies.draw_pool import solve_draws
from optimization.studies.drawn_problems import DrawnProblems
from optimization.studies.robust import Robust, choose_robustly
from optimization.studies.uncertainty import BORDERLINE, CORE, Evaluation, Param, Uncertainty, assess, label
from productops.services import SHARED_KEY, ContributionDraws, contribution_draws, contributions_of

SEED = 1
BLOCK = 100  # draws whose contributions are held for all candidates at once
MOST_NAMED = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """Contributions draw by draw, of what varies among a run's candidates."""

    problems: DrawnProblems
    numbers: Floats  # [draw, varying, kpi], in KPI units
    params: tuple[Param, ...]
    still: Mapping[str, str]  # every other candidate -> why its contributions don't vary


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """What the draws say of a run."""

    drawn: Drawn
    evaluation: Evaluation
    uncertainty: Uncertainty
    chosen: Bools  # the run's own portfolio, a mark per column
    seed: int
    robust: Robust | None = None  # for scenarios that ask for one

    @property
    def varying(self) -> int:
        """How many candidates' contributions vary."""
        return len(self.drawn.problems.varying)


def measure(
    problem: Problem, selected: tuple[str, ...], effort: Effort, patience: Patience, robust_weight: float | None = None
) -> Measured | Refusal:
    """Draws, solves every draw, and looks at the run's own portfolio in each; with a weight, makes the robust choice too."""
    drawn = draw_contributions(problem, settings.SELECTION_DRAWS, SEED)
    if isinstance(drawn, Refusal):
        return drawn
    best = solve_draws(
        drawn.problems,
        drawn.numbers,
        time_limit_s=effort.time_limit_s,
        patience=patience,
        processes=settings.DRAW_PROCESSES,
    )
    evaluation = Evaluation(drawn.problems, drawn.numbers, best)
    if not evaluation.solved:
        found = "no portfolio obeys the rules" if evaluation.infeasible else "no portfolio was found in time"
        return Refusal(text=f"in none of {len(drawn.numbers):,} draws {found}")
    chosen = problem.columns(np.array([key in set(selected) for key in problem.keys], dtype=np.bool_))
    return Measured(
        drawn=drawn,
        evaluation=evaluation,
        uncertainty=assess(evaluation, chosen, drawn.params, len(drawn.numbers)),
        chosen=chosen,
        seed=SEED,
        robust=None if robust_weight is None else choose_robustly(evaluation, chosen, robust_weight, effort),
    )


def draw_contributions(problem: Problem, draws: int, seed: int) -> Drawn | Refusal:
    """The draws of a problem's candidates. Numbers that were changed since the run's snapshot don't vary: the draws are
    about others by now."""
    blocks: list[Floats] = []
    found: ContributionDraws | None = None
    values: list[list[Floats]] = []
    keys = frozenset(problem.keys)
    places: list[int] = []
    still: dict[str, str] = {}
    for first in range(0, draws, BLOCK):
        found = contribution_draws(keys, draws=min(BLOCK, draws - first), seed=seed, first=first)
        if not blocks:
            still = _still(problem, found)
            places = [place for place, key in enumerate(found.keys) if key not in still]
        blocks.append(found.numbers[:, places, :])
        values.append([param.values for param in found.params])
    if found is None or not places:
        return Refusal(text=_nothing_varies(still))
    varying = [problem.index[found.keys[place]] for place in places]
    return Drawn(
        problems=DrawnProblems(problem, varying, found.kpis),
        numbers=np.concatenate(blocks),
        params=tuple(_params(found, values, frozenset(found.keys[place] for place in places))),
        still=still,
    )


def _still(problem: Problem, found: ContributionDraws) -> dict[str, str]:
    """Key -> why it doesn't vary, for each candidate that doesn't."""
    still = {key: found.still[key] for key in problem.keys if key in found.still}
    gone = set(problem.keys) - set(found.keys)
    still |= dict.fromkeys(sorted(gone), "It isn't among the initiatives any more.")
    for key, now in contributions_of(frozenset(problem.keys)).items():
        known = problem.candidates[problem.index[key]].contributions
        if key not in still and any(now.get(kpi, 0.0) != known.get(kpi, 0.0) for kpi in found.kpis):
            still[key] = "Its contributions were changed since the run."
    return still


def _params(found: ContributionDraws, values: list[list[Floats]], varying: frozenset[str]) -> Iterator[Param]:
    for number, param in enumerate(found.params):
        used_by = param.used_by & varying
        if used_by:
            drawn = np.concatenate([block[number] for block in values])
            yield Param(
                owner=param.owner, name=param.name, low=param.low, high=param.high, values=drawn, used_by=used_by
            )


def _nothing_varies(still: Mapping[str, str]) -> str:
    reasons = Counter(still.values()).most_common(MOST_NAMED)
    said = " ".join(f"{count} of {len(still)}: {reason}" for reason, count in reasons)
    return (
        "no contribution varies, so there is nothing to draw. Give approved params a min and a max, and adopt what their "
        f"models compute. {said}".strip()
    )


# ---- what is kept ------------------------------------------------------------------------------------------------------------------------


def as_json(found: Measured) -> dict[str, Any]:
    """For `result_json`: `selection_frequency`, `uncertainty`, `measure_next`."""
    told = found.uncertainty
    return {
        **({"robust": found.robust.to_json()} if found.robust else {}),
        "selection_frequency": {key: round(share, 6) for key, share in told.frequency.items()},
        "uncertainty": {
            "seed": found.seed,
            "draws": told.asked,
            "solved": told.solved,
            "infeasible": told.infeasible,
            "unknown": told.unknown,
            "varying": found.varying,
            "still": dict(found.drawn.still),
            "measured_in": told.measured_in,
            "chosen": told.chosen.to_json(),
            "best": told.best.to_json(),
            "perfect": told.perfect,
        },
        "measure_next": {
            "method": "regression on the draws",
            "params": [
                {
                    "rank": rank,
                    "initiative_key": measure.owner,
                    "param_name": measure.name,
                    "low": measure.low,
                    "high": measure.high,
                    "expected_regret": measure.worth,
                    "share_of_regret": measure.share,
                }
                for rank, measure in enumerate(told.measures, start=1)
            ],
        },
    }


def in_words(found: Measured, north_star: str) -> list[str]:
    """What the draws say, a sentence each."""
    told = found.uncertainty
    labels = Counter(label(share) for share in told.frequency.values())
    unit = told.measured_in or north_star or "of the objective"
    said = [
        f"{told.solved:,} of {told.asked:,} draws (seed {found.seed}): {labels[CORE]} core, {labels[BORDERLINE]} borderline; "
        f"{len(found.drawn.still)} of {len(told.frequency)} contributions don't vary",
        f"the portfolio brings {_short(told.chosen.mean)} {unit} on average, {_short(told.chosen.p10)} or less in one "
        f"draw of ten; choosing anew in each draw would bring {_short(told.chosen.regret)} more",
    ]
    said += [f"in {told.infeasible:,} draws no portfolio obeys the rules; they are left out"] if told.infeasible else []
    said += [f"{told.unknown:,} draws weren't solved in time; they are left out"] if told.unknown else []
    broken = told.chosen.breaks_rules
    said += [f"in {broken:,} draws the portfolio misses a KPI floor"] if broken else []
    said += [found.robust.text()] if found.robust else []
    return [*said, _measure_first(told, unit)]


def _measure_first(told: Uncertainty, unit: str) -> str:
    worth = [measure for measure in told.measures if measure.worth > 0]
    if not worth:
        return "knowing any one param better would change nothing: no need to measure before committing"
    named = ", ".join(f"{_owned(one.owner, one.name)} ({_short(one.worth)} {unit})" for one in worth[:MOST_NAMED])
    return f"measure next: {named}"


def _owned(owner: str, name: str) -> str:
    return f"{name} (shared)" if owner == SHARED_KEY else f"{name} of {owner}"


def _short(number: float) -> str:
    """Three digits at least, and no false precision."""
    if number == 0 or not math.isfinite(number):
        return "0"
    digits = max(0, 3 - math.floor(math.log10(abs(number))))
    return plain(round(number, digits))


def frequency_text(share: float | None, uncertainty: Mapping[str, Any]) -> str:
    """The cell of Results: the share, what it is called, and how far it can be relied on."""
    if share is None:
        return ""
    still, draws = len(uncertainty.get("still", ())), uncertainty.get("solved", 0)
    doesnt = f"; {still} of {still + uncertainty.get('varying', 0)} contributions don't vary" if still else ""
    return f"{share:.2f} {label(share)} ({draws:,} draws{doesnt})"
