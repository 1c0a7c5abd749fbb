"""Stored scores: computing those of every framework, and making another framework's the active ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from backlog.models import Initiative
from productops.models import InitiativeScoring
from productops.scores.evaluation import (
    FRAMEWORKS,
    PICKED,
    RICE_INPUTS,
    SCORE_PARTS,
    WSJF_INPUTS,
    active_fields,
    all_scores,
    load_facts,
    load_kpis,
    load_models,
    score_fields,
)
from productops.scores.scoring import Score
from sheetsync.storage import Origin, RecordUpdate, Storage

INPUTS = (*(f"rice_{name}" for name in RICE_INPUTS), *(f"wsjf_{name}" for name in WSJF_INPUTS))
SCORES = tuple(f"{prefix}_{part}_score" for prefix in FRAMEWORKS.values() for part in SCORE_PARTS)
ACTIVE = tuple(f"{part}_score" for part in SCORE_PARTS)

# initiative_key -> where a change of its scores is noted to have come from
OriginOf = Callable[[str], Origin]


def store_scores(storage: Storage, keys: Collection[str], origin_of: OriginOf) -> int:
    """Computes every framework's scores for the initiatives of these keys (none: for all) and stores what changed, the
    active scores included. Returns for how many initiatives something changed."""
    rows = _stored(keys)
    pks = None if not keys else [row["pk"] for row in rows]
    kpis, models, facts = load_kpis(), load_models(pks), load_facts(pks)
    scorings, active = [], []
    for row in rows:
        scores = all_scores(row, facts[row["pk"]], models.get(row["pk"], ()), kpis)
        computed = _fields(scores)
        origin = origin_of(row["initiative_key"])
        if any(computed[name] != row[name] for name in SCORES):
            scorings.append(RecordUpdate(pk=row["pk"], fields=computed, origin=origin))
        now = active_fields(row["active_scoring_framework"], computed)
        if any(now[name] != row[name] for name in ACTIVE):
            active.append(RecordUpdate(pk=row["pk"], fields=now, origin=origin))
    storage.update_related(InitiativeScoring, "initiative", scorings)
    storage.update(Initiative, active)
    return len({update.pk for update in (*scorings, *active)})


def switch_scores(storage: Storage, framework: str, keys: Collection[str], origin_of: OriginOf) -> dict[str, str]:
    """Makes the stored scores of a framework the active ones, for these keys (none: for all), without computing anything.

    Returns initiative_key -> why it was left as it is, for those that have no overall score in that framework.
    """
    updates, skipped = [], {}
    overall = f"{FRAMEWORKS[framework]}_overall_score"
    for row in _stored(keys):
        key = row["initiative_key"]
        if row[overall] is None:
            skipped[key] = f"{framework} has no overall score here yet; fill in its inputs and run pm.score_selected"
            continue
        fields = {"active_scoring_framework": framework, **active_fields(framework, row)}
        if any(row[name] != value for name, value in fields.items()):
            updates.append(RecordUpdate(pk=row["pk"], fields=fields, origin=origin_of(key)))
    storage.update(Initiative, updates)
    return skipped


def _stored(keys: Collection[str]) -> Sequence[Mapping[str, Any]]:
    """Inputs and scores of initiatives, by column name."""
    related = {name: f"scoring__{name}" for name in (*INPUTS, *SCORES)}
    fields = ("pk", "initiative_key", "active_scoring_framework", *ACTIVE)
    rows = Initiative.objects.order_by("initiative_key")
    if keys and len(keys) <= PICKED:
        rows = rows.filter(initiative_key__in=list(keys))
    found: Iterable[tuple[Any, ...]] = rows.values_list(*fields, *related.values())
    named = (dict(zip((*fields, *related), row, strict=True)) for row in found)
    return [row for row in named if not keys or row["initiative_key"] in keys]


def _fields(scores: Mapping[str, Score]) -> dict[str, float | None]:
    return {
        name: number for framework, score in scores.items() for name, number in score_fields(framework, score).items()
    }
