"""Contributions of many initiatives draw by draw: what the optimizer reads where ranges matter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backlog.models import Initiative
from productops.figures import same_numbers
from productops.scores.evaluation import PICKED, Kpis, load_kpis, load_models
from productops.scores.scoring import ModelInput, contributions
from productops.spreads.draws import Numbers
from productops.spreads.ranges import range_shape
from productops.spreads.spread import Sampler, Spread, VaryingParam, spread_of


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnParam:
    """A parameter that differs from draw to draw."""

    owner: str  # initiative_key, or SHARED
    name: str  # param_name
    low: float  # its min, in its own unit
    high: float  # its max
    values: Numbers  # one per draw
    used_by: frozenset[str]  # keys whose numbers it moves


@dataclass(frozen=True, kw_only=True, eq=False)
class ContributionDraws:
    """What initiatives contribute to the active KPIs, in each draw."""

    keys: tuple[str, ...]  # initiative_keys, in order
    kpis: tuple[str, ...]  # active kpi_keys, the north star first
    numbers: Numbers  # [draw, key, kpi], in KPI units, 0 where nothing is contributed; never NaN
    varying: frozenset[str]  # keys whose numbers differ from draw to draw
    still: Mapping[str, str]  # every other key -> why its numbers are the stored ones in each draw, a sentence
    params: tuple[DrawnParam, ...]  # behind the numbers that vary, by owner and name


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """What stands for one initiative."""

    pk: int
    key: str
    numbers: Mapping[str, float]  # kpi_contribution_json; {} while nothing is entered
    adopted: Mapping[str, float] | None  # the numbers that were last adopted; None for never


def contribution_draws(keys: Collection[str] | None, *, draws: int, seed: int, first: int = 0) -> ContributionDraws:
    """The contributions of the initiatives of these keys (None: of all) in the draws `first` up to `first + draws`.

    Numbers vary where they were adopted from approved models and still hold, with the approved ranges of the models'
    parameters; all others are the stored ones in each draw. The same seed gives the same numbers, whatever else is asked
    for along with a key, and a shared parameter is drawn once for all. Memory: draws x keys x KPIs floats; `first` lets
    a caller go through many draws in blocks.
    """
    kpis, stored = load_kpis(), _stored(keys)
    models = load_models([one.pk for one in stored] if keys is not None else None)
    sampler = Sampler(seed=seed, draws=draws, shape=range_shape(), first=first)
    numbers = np.zeros((draws, len(stored), len(kpis.active)))
    still: dict[str, str] = {}
    used: dict[tuple[str, str], tuple[VaryingParam, set[str]]] = {}
    for place, one in enumerate(stored):
        own = [model.input for model in models.get(one.pk, ())]
        numbers[:, place, :] = [one.numbers.get(kpi, 0.0) for kpi in kpis.active]
        spread = _spread(one, own, kpis, sampler)
        if isinstance(spread, str):
            still[one.key] = spread
            continue
        for kpi, drawn in spread.numbers.items():
            numbers[:, place, kpis.active.index(kpi)] = drawn
        for param in spread.varying:
            used.setdefault((param.owner, param.name), (param, set()))[1].add(one.key)
    return ContributionDraws(
        keys=tuple(one.key for one in stored),
        kpis=kpis.active,
        numbers=numbers,
        varying=frozenset(one.key for one in stored if one.key not in still),
        still=still,
        params=_params(used.values()),
    )


def _stored(keys: Collection[str] | None) -> list[_Stored]:
    rows = Initiative.objects.order_by("initiative_key")
    if keys is not None and len(keys) <= PICKED:
        rows = rows.filter(initiative_key__in=list(keys))
    wanted = None if keys is None else set(keys)
    fields = rows.values_list("pk", "initiative_key", "kpi_contribution_json", "contribution__adopted_json")
    return [
        _Stored(pk=pk, key=key, numbers=numbers or {}, adopted=adopted)
        for pk, key, numbers, adopted in fields
        if wanted is None or key in wanted
    ]


def _spread(one: _Stored, models: Sequence[ModelInput], kpis: Kpis, sampler: Sampler) -> Spread | str:
    """How an initiative's numbers vary, or why they don't."""
    reason = _why_still(one, models, kpis)
    if reason:
        return reason
    spread = spread_of(models, kpis.active, sampler)
    if not spread.varying:
        why = "; ".join(f"{name} {reason}" for name, reason in spread.constant.items())
        return f"No parameter behind it varies: {why}." if why else "Its models use no parameters."
    if spread.failures:
        return f"{spread.failures:,} of {sampler.draws:,} draws give no number: {spread.error}"
    return spread


def _why_still(one: _Stored, models: Sequence[ModelInput], kpis: Kpis) -> str:
    if not one.numbers:
        return "Nothing is entered in kpi_contribution_json."
    if one.adopted is None or not same_numbers(one.numbers, one.adopted):
        return "kpi_contribution_json was typed by hand; only numbers that were adopted vary with their parameters."
    if not same_numbers(contributions(models, kpis.active).numbers, one.numbers):
        return "kpi_contribution_json was adopted, and what is computed has changed since."
    unapproved = [model.name for model in models if model.formula_text.strip() and not model.approved]
    return f"Not approved any more: {', '.join(unapproved)}." if unapproved else ""


def _params(used: Iterable[tuple[VaryingParam, set[str]]]) -> tuple[DrawnParam, ...]:
    found = [
        DrawnParam(
            owner=param.owner,
            name=param.name,
            low=param.range.low,
            high=param.range.high,
            values=param.samples.values,
            used_by=frozenset(keys),
        )
        for param, keys in used
    ]
    return tuple(sorted(found, key=lambda param: (param.owner, param.name)))
