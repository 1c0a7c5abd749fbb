"""Solving 10,000 candidates beside raw highspy fed with the same arrays.

The whole of ours counts: reading the snapshot, building the problem, presolve, checking the answer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import highspy
import numpy as np

from optimization.constraints.rules import Place, Rule, RuleType, Slice
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.milp import solve
from optimization.solving.problem import Problem, build_problem
from optimization.why.why_not import Inquiry
from tests.benchmarks.report import Figure

GAP = 1e-3
COUNTRIES = tuple(f"C{number}" for number in range(10))
AREAS = tuple(f"A{number}" for number in range(10))


def big_snapshot(size: int = 10_000, seed: int = 1) -> Snapshot:
    """Caps, floors and KPI floors by country and area, prerequisites, pairs, bundles and synergies."""
    dice = random.Random(seed)
    keys = [f"INIT-{number:06d}" for number in range(1, size + 1)]
    initiatives = tuple(
        Initiative(
            key=key,
            period="2026-Q1",
            lifecycle_status="ready",
            token_estimates={"custom": float(dice.randint(5, 100))},
            dimensions={
                "country": dice.choice(COUNTRIES),
                "product_area": dice.choice(AREAS),
                "market": dice.choice(("N", "S")),
            },
            contributions={"gmv": round(dice.lognormvariate(8, 1), 2), "nps": round(dice.uniform(-1, 10), 3)},
            overall_score=dice.random(),
        )
        for key in keys
    )
    total = sum(entry.tokens or 0.0 for entry in initiatives)
    return Snapshot(
        scenario=Scenario(name="big", period="2026-Q1", capacity=total * 0.3, mode="north_star"),
        initiatives=initiatives,
        rules=tuple(_rules(dice, keys, total)),
        set_name="base",
        north_star="gmv",
        kpis=("gmv", "nps"),
    )


def _rules(dice: random.Random, keys: list[str], total: float) -> list[Rule]:
    rules: list[dict[str, object]] = []
    for country in COUNTRIES:
        where = Slice(dimension="country", key=country)
        rules.append({"type": RuleType.CAPACITY_CAP, "slice": where, "number": total * 0.035})
        rules.append({"type": RuleType.CAPACITY_FLOOR, "slice": where, "number": total * 0.02})
        rules.append({"type": RuleType.TARGET, "slice": where, "kpi_key": "nps", "number": 1500.0, "kind": "floor"})
    for area in AREAS:
        where = Slice(dimension="product_area", key=area)
        rules.append({"type": RuleType.CAPACITY_CAP, "slice": where, "number": total * 0.036})
    for _ in range(600):
        one, other = dice.sample(keys, 2)
        rules.append({"type": RuleType.PREREQUISITE, "dependent": max(one, other), "members": (min(one, other),)})
        rules.append({"type": RuleType.EXCLUDE_PAIR, "members": tuple(sorted(dice.sample(keys, 2)))})
    for number in range(150):
        members = tuple(dice.sample(keys, 3))
        rules.append({"type": RuleType.BUNDLE, "members": members, "bundle_key": f"bundle {number}"})
        pair = tuple(sorted(dice.sample(keys, 2)))
        rules.append({"type": RuleType.SYNERGY, "members": pair, "kpi_key": "gmv", "number": dice.uniform(-3000, 3000)})
    return [Rule(places=(Place(tab="Constraints", row=row),), **fields) for row, fields in enumerate(rules, start=2)]  # type: ignore[arg-type]


def raw_seconds(problem: Problem) -> tuple[float, float]:
    """Seconds and objective of highspy alone on the same rows."""
    rows, size = problem.rows, problem.rows.columns
    begun = time.perf_counter()
    highs = highspy.Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("mip_rel_gap", GAP), ("random_seed", 20)):
        highs.setOptionValue(option, value)
    none = np.zeros(0, dtype=np.int32)
    highs.addCols(size, problem.objective.coefficients, np.zeros(size), np.ones(size), 0, none, none, np.zeros(0))
    highs.changeColsIntegrality(size, np.arange(size, dtype=np.int32), np.full(size, highspy.HighsVarType.kInteger))
    highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
    starts, indices = rows.starts[:-1].astype(np.int32), rows.indices.astype(np.int32)
    highs.addRows(len(starts), rows.lower, rows.upper, len(indices), starts, indices, rows.coefficients)
    highs.run()
    return time.perf_counter() - begun, highs.getInfo().objective_function_value


def solving(_folder: Path, rounds: int = 3) -> Iterator[Figure]:
    """The median of a few rounds; both answers must agree within the gap."""
    snapshot = big_snapshot()
    ours: list[float] = []
    raw: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        problem = build_problem(snapshot)
        assert isinstance(problem, Problem)
        solution = solve(problem, time_limit_s=120, gap=GAP)
        ours.append(time.perf_counter() - begun)
        seconds, objective = raw_seconds(problem)
        raw.append(seconds)
        if abs(solution.objective - objective) > 2 * GAP * abs(objective):
            raise AssertionError(f"{solution.objective} isn't {objective}")
    what = f"solving {len(snapshot.initiatives):,} candidates, gap {GAP:g}"
    yield Figure(what=what, taken=median(ours), floor=median(raw), against="highspy", aim=1.25)


def explaining(_folder: Path, size: int = 200, every: int = 4) -> Iterator[Figure]:
    """Every fourth `why_not` of 200 candidates, each beside a plain solve of the same problem."""
    whole = big_snapshot(size)
    rules = tuple(rule for rule in whole.rules if rule.type is RuleType.CAPACITY_CAP)
    problem = build_problem(replace(whole, rules=rules))
    assert isinstance(problem, Problem)
    begun = time.perf_counter()
    solution = solve(problem)
    plain = time.perf_counter() - begun
    inquiry = Inquiry(problem=problem, solution=solution, deadline=begun + 600)
    left_out = list(inquiry.left_out())[::every]
    begun = time.perf_counter()
    if not all(inquiry.why_not(key) for key in left_out):
        raise AssertionError("not every candidate left out was explained in time")
    taken = (time.perf_counter() - begun) / len(left_out)
    yield Figure(
        what=f"explaining one of {size} candidates", taken=taken, floor=plain, against="a plain solve", aim=2.5
    )
