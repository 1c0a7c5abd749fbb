"""Solving a stored run again from its snapshot alone, and saying where the result differs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from optimization.models import OptimizationRun
from optimization.runs.running import Solved, run_scenario
from optimization.solving.effort import Effort
from optimization.solving.facts import Snapshot
from optimization.solving.objective import Refusal

# What a run decided and reached; what explains it follows from that.
COMPARED = ("selected", "total_objective", "tokens_used", "kpis", "steps", "base")


def replay(run: OptimizationRun, effort: Effort) -> Solved | Refusal:
    """The run's outcome from `inputs_snapshot_json` alone, with the effort that it was solved with where that is stored."""
    inputs = run.inputs_snapshot_json
    if "initiatives" not in inputs:
        return Refusal(text=f"run {run.run_id} was refused before anything was solved: {run.message}")
    stored = inputs.get("effort")
    return run_scenario(Snapshot.from_json(inputs), Effort(**stored) if stored else effort)


def differences(run: OptimizationRun, solved: Solved) -> Iterator[str]:
    """A sentence for everything that came out otherwise; numbers may differ by rounding."""
    if run.status != solved.status:
        yield f"status: {run.status} then, {solved.status} now"
    then, now = run.result_json, solved.result_json
    for name in COMPARED:
        if not _same(_decided(then.get(name)), _decided(now.get(name))):
            yield from _difference(name, then.get(name), now.get(name))
    rows = [result.get("infeasible", {}).get("rows") for result in (then, now)]
    if rows[0] != rows[1]:
        yield f"rows that clash: {rows[0]} then, {rows[1]} now"


def _decided(value: Any) -> Any:
    """Of a run inside a run (`base`) only what was decided counts."""
    if isinstance(value, Mapping) and "selected" in value:
        return {name: value.get(name) for name in COMPARED}
    return value


def _difference(name: str, then: Any, now: Any) -> Iterator[str]:
    if name != "selected":
        yield f"{name}: {then} then, {now} now"
        return
    before, after = set(then or ()), set(now or ())
    if after - before:
        yield f"selected now and not then: {', '.join(sorted(after - before))}"
    if before - after:
        yield f"selected then and not now: {', '.join(sorted(before - after))}"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)
