"""Runs that differ from the plan: ticks in `force`, another capacity, other weights; and what the same run gives without. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from optimization.constraints.rules import plain
from optimization.readable import listed
from optimization.solving.facts import Scenario, Snapshot
from optimization.solving.problem import Problem


def without(snapshot: Snapshot) -> Snapshot | None:
    """The same run without its what-ifs; None for a run without any."""
    if not snapshot.force and snapshot.stated is None:
        return None
    return replace(snapshot, force={}, scenario=snapshot.stated or snapshot.scenario, stated=None)


def varies(problem: Problem) -> bool:
    """Whether anything of the what-ifs can matter: ticks on what is no candidate don't."""
    return bool(problem.forced) or problem.snapshot.stated is not None


def in_words(problem: Problem, selected: Collection[str], base: Mapping[str, Any]) -> str:
    """ "what-if: INIT-000001 in; without it the objective is 450, with INIT-000002 instead of INIT-000001"; "" for none."""
    if not varies(problem):
        return ""
    said = [f"{problem.keys[column]} {'in' if is_in else 'out'}" for column, is_in in sorted(problem.forced.items())]
    if problem.snapshot.stated is not None:
        said += _varied(problem.snapshot.scenario, problem.snapshot.stated)
    return f"what-if: {', '.join(said)}; without it {_reached(base, frozenset(selected))}"


def _varied(scenario: Scenario, stated: Scenario) -> Iterator[str]:
    if scenario.capacity != stated.capacity:
        yield f"capacity {plain(scenario.capacity)} instead of {plain(stated.capacity)}"
    if scenario.weights != stated.weights:
        yield f"weights {_weights(scenario.weights)} instead of {_weights(stated.weights)}"


def _weights(weights: Mapping[str, float] | tuple[str, ...] | None) -> str:
    if isinstance(weights, Mapping):
        return "; ".join(f"{kpi}: {plain(weight)}" for kpi, weight in weights.items())
    return " then ".join(weights or ()) or "none"


def _reached(base: Mapping[str, Any], selected: frozenset[str]) -> str:
    if base.get("total_objective") is None:
        return base.get("message") or "there is no portfolio"
    before = frozenset(base["selected"])
    moves = [f"with {listed(sorted(before - selected))}"] if before - selected else []
    moves += (
        [f"{'instead of' if moves else 'without'} {listed(sorted(selected - before))}"] if selected - before else []
    )
    changed = ", " + " ".join(moves) if moves else ", and the same initiatives are chosen"
    return f"the objective is {plain(round(base['total_objective'], 6))}{changed}"
