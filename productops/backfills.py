"""Backfills of metric chains and contributions."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from backlog.models import Initiative
from productops.metrics.chains import ChainError
from productops.metrics.stored_chains import chains_json, stored_texts, union_of
from productops.models import InitiativeContribution
from productops.scores.evaluation import load_kpis
from sheetsync.context import ActionContext
from sheetsync.operating.backfilling import BATCH, Step, backfill
from sheetsync.storage import Origin, RecordUpdate
from sheetsync.values.words import as_shown, nearest, read_name, squeeze

CONTRIBUTION = "kpi_contribution_json"


def _count() -> int:
    return Initiative.objects.count()


def _batch(cursor: str) -> list[Initiative]:
    """The initiatives behind the cursor, which is the pk of the last one that was looked at."""
    return list(Initiative.objects.filter(pk__gt=int(cursor or 0)).order_by("pk")[:BATCH])


# ---- metric chains -----------------------------------------------------------------------------------------------------


@backfill(
    "metric_chains",
    help="Works out every initiative's metric_chain_json anew from the texts of its math models.",
    count=_count,
)
def metric_chains(context: ActionContext, cursor: str) -> Step | None:
    """One batch of initiatives. Where a chain can't be read, that is told and the stored one stays."""
    batch = _batch(cursor)
    if not batch:
        return None
    chains = chains_json([initiative.pk for initiative in batch])
    changed = [one for one in batch if one.pk in chains and chains[one.pk] != one.metric_chain_json]
    updates = [
        RecordUpdate(pk=one.pk, fields={"metric_chain_json": chains[one.pk]}, origin=Origin(label=one.initiative_key))
        for one in changed
    ]
    context.storage.update(Initiative, updates)
    _tell_unreadable(context, [one for one in batch if one.pk not in chains])
    return Step(cursor=str(batch[-1].pk), seen=len(batch), changed=[one.initiative_key for one in changed])


def _tell_unreadable(context: ActionContext, initiatives: Sequence[Initiative]) -> None:
    texts = stored_texts([initiative.pk for initiative in initiatives])
    for initiative in initiatives:
        error = union_of(texts.get(initiative.pk, {}).values())
        assert isinstance(error, ChainError)
        context.report.tell(
            "WARNING", f"metric_chain_text: {error}; the stored chain stays", key=initiative.initiative_key
        )


# ---- contributions -----------------------------------------------------------------------------------------------------


@backfill(
    "contributions",
    help="Checks every stored contribution, spells its KPIs as Metrics_Config does, and drops nothing.",
    count=_count,
)
def contributions(context: ActionContext, cursor: str) -> Step | None:
    """One batch of initiatives. What can't be mended by spelling is told; the numbers are never touched."""
    batch = _batch(cursor)
    if not batch:
        return None
    active = load_kpis().active
    changed: dict[str, None] = {}
    updates = []
    for one in batch:
        spelled = spell_kpis(one.kpi_contribution_json, active)
        if spelled != one.kpi_contribution_json:
            updates.append(
                RecordUpdate(pk=one.pk, fields={CONTRIBUTION: spelled}, origin=Origin(label=one.initiative_key))
            )
            changed[one.initiative_key] = None
        for text in flaws(spelled, active):
            context.report.tell("WARNING", f"{CONTRIBUTION}: {text}", key=one.initiative_key)
    context.storage.update(Initiative, updates)
    changed.update(dict.fromkeys(_spell_adopted(context, batch, active)))
    return Step(cursor=str(batch[-1].pk), seen=len(batch), changed=list(changed))


def _spell_adopted(context: ActionContext, batch: Sequence[Initiative], active: Collection[str]) -> list[str]:
    """What was adopted is compared with what stands: it is spelled alike."""
    keys = {initiative.pk: initiative.initiative_key for initiative in batch}
    rows = InitiativeContribution.objects.filter(initiative__in=list(keys))
    updates = [
        RecordUpdate(pk=row.pk, fields={"adopted_json": spelled}, origin=Origin(label=keys[row.initiative_id]))
        for row in rows
        if (spelled := spell_kpis(row.adopted_json, active)) != row.adopted_json
    ]
    context.storage.update(InitiativeContribution, updates)
    return [update.origin.label for update in updates]


def spell_kpis(stored: Any, active: Collection[str]) -> Any:
    """A stored contribution with its KPIs spelled as Metrics_Config spells them, else in snake_case. Where two would become one,
    or where it isn't numbers by name at all, it is given back as it is."""
    if not isinstance(stored, dict):
        return stored
    by_letters = {squeeze(kpi): kpi for kpi in active}
    spelled = {_spelled(name, by_letters): number for name, number in stored.items()}
    return spelled if len(spelled) == len(stored) else stored


def _spelled(name: str, by_letters: Mapping[str, str]) -> str:
    kpi = by_letters.get(squeeze(name))
    if kpi is not None:
        return kpi
    read = read_name(name)
    return read if isinstance(read, str) else name


def flaws(stored: Any, active: Collection[str]) -> Iterator[str]:
    """What is wrong with a stored contribution, in sentences."""
    if stored is None:
        return
    if not isinstance(stored, dict):
        yield f"{as_shown(str(stored))} isn't numbers by KPI; enter it anew in KPI_Contributions, as in gmv: 120000"
        return
    for name, number in stored.items():
        if name not in active:
            near = nearest(name, active)
            hint = f"; the nearest is {near}" if near else ""
            yield f"{name} is no active KPI{hint}. It stays, and runs leave it out"
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            yield f"{name} is {as_shown(str(number))}, which is no number; enter it anew in KPI_Contributions"
