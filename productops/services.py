"""What other apps may ask of productops: the KPIs that count, and what initiatives contribute to them."""

from __future__ import annotations

from collections.abc import Collection

from backlog.models import Initiative
from productops.models import SHARED_KEY
from productops.scores.evaluation import PICKED, Kpis, load_kpis
from productops.spreads.contribution_draws import ContributionDraws, DrawnParam, contribution_draws
from productops.spreads.ranges import explanations_of, spreads_of

__all__ = [
    "SHARED_KEY",
    "ContributionDraws",
    "DrawnParam",
    "Kpis",
    "active_kpis",
    "contribution_draws",
    "contributions_of",
    "explanations_of",
    "kpis",
    "north_star",
    "spreads_of",
]


def kpis() -> Kpis:
    """North star, active KPIs and their units, in one query."""
    return load_kpis()


def active_kpis() -> tuple[str, ...]:
    """Keys of the active KPIs, the north star first, then by key."""
    return load_kpis().active


def north_star() -> str:
    """Key of the active north star; "" while there is none."""
    return load_kpis().north_star


def contributions_of(keys: Collection[str] | None = None) -> dict[str, dict[str, float]]:
    """initiative_key -> {kpi_key: contribution in the KPI's unit}, as people entered or adopted it; {} for none yet.

    None asks for all. A KPI that was deactivated since may still be named: what isn't active is the caller's to drop.
    """
    stored = Initiative.objects.order_by("initiative_key")
    if keys is not None and len(keys) <= PICKED:
        stored = stored.filter(initiative_key__in=list(keys))
    wanted = None if keys is None else set(keys)
    rows = stored.values_list("initiative_key", "kpi_contribution_json")
    return {key: dict(numbers or {}) for key, numbers in rows if wanted is None or key in wanted}
