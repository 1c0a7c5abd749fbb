"""Solving 10 to 50,000 candidates beside raw highspy fed with the same arrays, each in a process of its own; and explaining.

The whole of ours counts: reading the snapshot, building the problem, presolve, checking the answer. Processor time is taken,
so that what else the machine does doesn't count.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import highspy
import numpy as np

from optimization.constraints.rules import Place, Rule, RuleType, Slice
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.milp import PROOF_LIMIT, solve
from optimization.solving.problem import Problem, build_problem
from optimization.why.why_not import Inquiry
from tests.benchmarks.report import Figure

GAP = 1e-3
SIZES = (10, 100, 1_000, 10_000, 50_000)
COUNTRIES = tuple(f"C{number}" for number in range(10))
AREAS = tuple(f"A{number}" for number in range(10))


def big_snapshot(size: int = 10_000, seed: int = 1) -> Snapshot:
    """Caps, floors and KPI floors by country and area, prerequisites, pairs, bundles and synergies."""
    dice = random.Random(seed)
    slices = min(len(COUNTRIES), max(size // 20, 1))  # a floor of a slice without candidates couldn't hold
    keys = [f"INIT-{number:06d}" for number in range(1, size + 1)]
    initiatives = tuple(
        Initiative(
            key=key,
            period="2026-Q1",
            lifecycle_status="ready",
            token_estimates={"custom": float(dice.randint(5, 100))},
            dimensions={
                "country": dice.choice(COUNTRIES[:slices]),
                "product_area": dice.choice(AREAS[:slices]),
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
        rules=tuple(_rules(dice, keys, total, slices)),
        set_name="base",
        north_star="gmv",
        kpis=("gmv", "nps"),
    )


def _rules(dice: random.Random, keys: list[str], total: float, slices: int) -> list[Rule]:
    rules: list[dict[str, object]] = []
    for country in COUNTRIES[:slices]:
        where = Slice(dimension="country", key=country)
        rules.append({"type": RuleType.CAPACITY_CAP, "slice": where, "number": total * 0.35 / slices})
        rules.append({"type": RuleType.CAPACITY_FLOOR, "slice": where, "number": total * 0.2 / slices})
        rules.append(
            {"type": RuleType.TARGET, "slice": where, "kpi_key": "nps", "number": 15_000.0 / slices, "kind": "floor"}
        )
    for area in AREAS[:slices]:
        where = Slice(dimension="product_area", key=area)
        rules.append({"type": RuleType.CAPACITY_CAP, "slice": where, "number": total * 0.36 / slices})
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


def mixed_snapshot(size: int, seed: int = 1) -> Snapshot:
    """The same mix for any size: caps and floors that fit, the other rules as dense as among 10,000."""
    whole = big_snapshot(size, seed)
    share = size / 10_000
    count = sum(rule.type in _SLICED for rule in whole.rules)
    sized = [replace(rule, number=rule.number * (share if rule.kpi_key else 1.0)) for rule in whole.rules[:count]]
    others = whole.rules[count : count + int((len(whole.rules) - count) * share)]
    return replace(whole, rules=(*sized, *others))


_SLICED = (RuleType.CAPACITY_CAP, RuleType.CAPACITY_FLOOR, RuleType.TARGET)


def gap_of(size: int) -> float:
    """What both are asked for: a proof where ours promises one."""
    return 0.0 if size <= PROOF_LIMIT else GAP


def solve_ours(size: int) -> tuple[float, float]:
    """Processor seconds and objective, from the snapshot to the checked portfolio."""
    snapshot = mixed_snapshot(size)
    begun = time.process_time()
    problem = build_problem(snapshot)
    assert isinstance(problem, Problem)
    solution = solve(problem, time_limit_s=600, gap=GAP)
    return time.process_time() - begun, solution.objective


def solve_raw(arrays: Path, gap: float) -> tuple[float, float]:
    """Processor seconds and objective of highspy alone on stored arrays."""
    with np.load(arrays) as stored:
        cost, starts, indices, coefficients, lower, upper = (stored[name] for name in _ARRAYS)
    size = len(cost)
    begun = time.process_time()
    highs = highspy.Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("mip_rel_gap", gap), ("random_seed", 20)):
        highs.setOptionValue(option, value)
    none = np.zeros(0, dtype=np.int32)
    highs.addCols(size, cost, np.zeros(size), np.ones(size), 0, none, none, np.zeros(0))
    highs.changeColsIntegrality(size, np.arange(size, dtype=np.int32), np.full(size, highspy.HighsVarType.kInteger))
    highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
    highs.addRows(len(starts), lower, upper, len(indices), starts, indices, coefficients)
    highs.run()
    return time.process_time() - begun, highs.getInfo().objective_function_value


_ARRAYS = ("cost", "starts", "indices", "coefficients", "lower", "upper")


def _store(size: int, arrays: Path) -> None:
    """The rows that ours solves, for highspy."""
    problem = build_problem(mixed_snapshot(size))
    assert isinstance(problem, Problem)
    rows = problem.rows
    starts, indices = rows.starts[:-1].astype(np.int32), rows.indices.astype(np.int32)
    given = (problem.objective.coefficients, starts, indices, rows.coefficients, rows.lower, rows.upper)
    np.savez(arrays, **dict(zip(_ARRAYS, given, strict=True)))  # type: ignore[arg-type]


def _apart(*words: str) -> tuple[float, float, float]:
    """(processor seconds, objective, MB at its highest) of one solve in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.solve", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, objective, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, objective, peak


def solving(folder: Path, sizes: tuple[int, ...] = SIZES, rounds: int = 3) -> Iterator[Figure]:
    """The median of a few rounds for each size; both answers must agree within the gap."""
    for size in sizes:
        arrays = folder / f"{size}.npz"
        _store(size, arrays)
        repeat = rounds if size <= 10_000 else 1
        pairs = [(_apart("ours", str(size)), _apart("raw", str(size), str(arrays))) for _ in range(repeat)]
        for (_, mine, _), (_, theirs, _) in pairs:
            if abs(mine - theirs) > max(2 * gap_of(size), 1e-6) * abs(theirs):
                raise AssertionError(f"{size}: {mine} isn't {theirs}")
        (ours, _, our_peak), (raw, _, raw_peak) = (
            tuple(map(median, zip(*side, strict=True))) for side in zip(*pairs, strict=True)
        )
        how = "to proof" if not gap_of(size) else f"gap {GAP:g}"
        aim = 1.25 if size == 10_000 else None
        yield Figure(what=f"solving {size:,} candidates, {how}", taken=ours, floor=raw, against="highspy", aim=aim)
        yield Figure(what="  memory at its highest", taken=our_peak, floor=raw_peak, against="highspy", unit="MB")


def explaining(_folder: Path, size: int = 200, every: int = 4) -> Iterator[Figure]:
    """Every fourth `why_not` of 200 candidates, each beside a plain solve of the same problem, under three mixes of rules."""
    whole = mixed_snapshot(size)
    caps = tuple(rule for rule in whole.rules if rule.type is RuleType.CAPACITY_CAP)
    for name, rules in (("no rules", ()), ("caps", caps), ("every kind of rule", whole.rules)):
        problem = build_problem(replace(whole, rules=rules))
        assert isinstance(problem, Problem)
        solution = solve(problem, time_limit_s=600)
        inquiry = Inquiry(problem=problem, solution=solution, deadline=time.perf_counter() + 3600)
        left_out = list(inquiry.left_out())[::every]
        taken = plain = 0.0
        for key in left_out:  # side by side, so that both meet the same machine
            plain += _plain_seconds(problem) / len(left_out)
            begun = time.process_time()
            if inquiry.why_not(key) is None:
                raise AssertionError(f"{key} wasn't explained in time")
            taken += (time.process_time() - begun) / len(left_out)
        what = f"explaining one of {size} candidates, {name}"
        yield Figure(what=what, taken=taken, floor=plain, against="a plain solve", aim=2.5)


def _plain_seconds(problem: Problem) -> float:
    begun = time.process_time()
    solve(problem, time_limit_s=600)
    return time.process_time() - begun


def peak_memory() -> float:
    """MB of this process at its highest; what getrusage tells begins with the memory of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kilobytes) / 1024


def main() -> None:
    """`python -m tests.benchmarks.solve ours SIZE`, or `raw SIZE ARRAYS`: one solve, told as JSON."""
    side, size = sys.argv[1], int(sys.argv[2])
    seconds, objective = solve_ours(size) if side == "ours" else solve_raw(Path(sys.argv[3]), gap_of(size))
    sys.stdout.write(f"\n{json.dumps([seconds, objective, peak_memory()])}\n")


if __name__ == "__main__":
    main()
