"""What goes into a run: initiatives, the scenario, the rules, ticks and what-ifs, frozen in one snapshot.

Pure. `Snapshot.to_json` holds the complete inputs, so that the same snapshot gives the same portfolio later.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from optimization.constraints.rules import INITIATIVE, Rule
from sheetsync.values.cells import fold

# scope_mode -> the column whose number counts; an empty scope_mode counts as custom.
TOKEN_COLUMNS = {"mvp": "engineering_tokens_mvp", "full": "engineering_tokens_full", "custom": "engineering_tokens"}


@dataclass(frozen=True, kw_only=True)
class Initiative:
    """What optimization knows of one initiative."""

    key: str  # initiative_key
    title: str = ""
    is_candidate: bool = True  # is_optimization_candidate
    lifecycle_status: str = ""
    period: str = ""  # candidate_period_key
    scope_mode: str = ""  # mvp, full, custom; "" counts as custom
    token_estimates: Mapping[str, float | None] = field(
        default_factory=dict
    )  # scope_mode -> tokens; None or missing: unknown
    earliest_start: datetime.date | None = None
    latest_finish: datetime.date | None = None
    deadline: datetime.date | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict)  # country, market, ... -> value as typed
    contributions: Mapping[str, float] = field(default_factory=dict)  # KPI key -> contribution in the KPI's unit
    overall_score: float | None = None  # of the active scoring framework
    dependencies: tuple[str, ...] = ()  # dependencies_initiatives; these bind nothing

    @property
    def token_column(self) -> str:
        """The column whose number counts in this scope_mode."""
        return TOKEN_COLUMNS[self.scope_mode or "custom"]

    @property
    def tokens(self) -> float | None:
        """Tokens that the initiative takes in its scope_mode; None when unknown."""
        return self.token_estimates.get(self.scope_mode or "custom")

    @cached_property
    def folded(self) -> dict[str, str]:
        """Dimension -> value folded for comparing; empty values are left out, the key stands under `initiative`."""
        values = {dimension: fold(value) for dimension, value in self.dimensions.items()}
        return {dimension: value for dimension, value in values.items() if value} | {INITIATIVE: fold(self.key)}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `from_json` reads it back."""
        return {
            "key": self.key,
            "title": self.title,
            "is_candidate": self.is_candidate,
            "lifecycle_status": self.lifecycle_status,
            "period": self.period,
            "scope_mode": self.scope_mode,
            "token_estimates": dict(self.token_estimates),
            "earliest_start": _day_text(self.earliest_start),
            "latest_finish": _day_text(self.latest_finish),
            "deadline": _day_text(self.deadline),
            "dimensions": dict(self.dimensions),
            "contributions": dict(self.contributions),
            "overall_score": self.overall_score,
            "dependencies": list(self.dependencies),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Initiative:
        """The initiative that `to_json` wrote."""
        days = {name: _day(data[name]) for name in ("earliest_start", "latest_finish", "deadline")}
        return cls(**{**data, **days, "dependencies": tuple(data["dependencies"])})


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What a run is for."""

    name: str
    period: str  # period_key, as stored: 2026, 2026-H1, 2026-Q1, 2026-03
    capacity: float  # tokens
    mode: str  # north_star, weighted_kpis, lexicographic
    weights: Mapping[str, float] | tuple[str, ...] | None = None  # KPI -> weight, or KPIs in order
    scope: str = ""  # "" and "all" mean everything, else a market

    def __post_init__(self) -> None:
        # Databases hand back a JSON object's keys in an order of their own; sentences and sums must not depend on it.
        if isinstance(self.weights, Mapping):
            object.__setattr__(self, "weights", dict(sorted(self.weights.items())))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `from_json` reads it back."""
        weights = dict(self.weights) if isinstance(self.weights, Mapping) else self.weights and list(self.weights)
        return {
            "name": self.name,
            "period": self.period,
            "capacity": self.capacity,
            "mode": self.mode,
            "weights": weights,
            "scope": self.scope,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scenario:
        """The scenario that `to_json` wrote."""
        weights = data["weights"]
        return cls(**{**data, "weights": tuple(weights) if isinstance(weights, list) else weights})


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The complete inputs of one run."""

    scenario: Scenario
    initiatives: tuple[Initiative, ...]  # every initiative that may matter: candidates, and whatever rules name
    rules: tuple[Rule, ...] = ()  # of the constraint set
    set_name: str = ""  # constraint_set_name, "" for a run without rules
    north_star: str = ""  # KPI key of the active north star
    kpis: tuple[str, ...] = ()  # keys of all active KPIs, the north star among them
    ticked: frozenset[str] | None = None  # keys the run is limited to; None: all candidates
    force: Mapping[str, str] = field(default_factory=dict)  # key -> "in" or "out": a what-if of this run
    stated: Scenario | None = None  # as it is stored, where this run varies its capacity or weights

    @cached_property
    def by_key(self) -> dict[str, Initiative]:
        """Every initiative of the snapshot by its key."""
        return {initiative.key: initiative for initiative in self.initiatives}

    @cached_property
    def done(self) -> frozenset[str]:
        """Keys whose work is done: as prerequisites they are met."""
        return frozenset(entry.key for entry in self.initiatives if fold(entry.lifecycle_status) == "done")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `from_json` reads it back."""
        return {
            "scenario": self.scenario.to_json(),
            "initiatives": [initiative.to_json() for initiative in self.initiatives],
            "rules": [rule.to_json() for rule in self.rules],
            "set_name": self.set_name,
            "north_star": self.north_star,
            "kpis": list(self.kpis),
            "ticked": None if self.ticked is None else sorted(self.ticked),
            "force": dict(self.force),
            "stated": self.stated and self.stated.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Snapshot:
        """The snapshot that `to_json` wrote."""
        return cls(
            scenario=Scenario.from_json(data["scenario"]),
            initiatives=tuple(Initiative.from_json(entry) for entry in data["initiatives"]),
            rules=tuple(Rule.from_json(entry) for entry in data["rules"]),
            set_name=data["set_name"],
            north_star=data["north_star"],
            kpis=tuple(data["kpis"]),
            ticked=None if data["ticked"] is None else frozenset(data["ticked"]),
            force=dict(data["force"]),
            stated=Scenario.from_json(stated) if (stated := data.get("stated")) else None,
        )


def _day_text(day: datetime.date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if text else None
