"""The engine's own backfill: a first history row for every record."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db import models

from sheetsync.bulk import insert_rows
from sheetsync.context import ActionContext
from sheetsync.models import RecordChange
from sheetsync.operating.backfilling import BATCH, PREFIX, Step, backfill


def models_with_history() -> list[type[models.Model]]:
    """Every model that keeps a history, by label."""
    kept = [model for model in apps.get_models() if hasattr(getattr(model, "history", None), "model")]
    return sorted(kept, key=lambda model: model._meta.label)


def _count() -> int:
    return sum(model._default_manager.count() for model in models_with_history())


@backfill(
    "history",
    help="Gives every record that has no first history row one, dated when the record was made.",
    count=_count,
)
def history(context: ActionContext, cursor: str) -> Step | None:
    """One batch of one model; the cursor is `app_label.Model:pk`."""
    last_label, _, last = cursor.partition(":")
    for model in models_with_history():
        label = model._meta.label
        if label < last_label:
            continue
        after = int(last) if label == last_label else 0
        found = model._default_manager.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
        pks = list(found[:BATCH])
        if pks:
            return Step(cursor=f"{label}:{pks[-1]}", seen=len(pks), changed=_add_first_rows(context, model, pks))
    return None


def _add_first_rows(context: ActionContext, model: type[models.Model], pks: Sequence[int]) -> list[str]:
    """Adds the missing first rows; returns what people call their records."""
    kept: Any = model.history.model  # type: ignore[attr-defined]
    key = model._meta.pk.attname
    rows = kept._default_manager.filter(**{f"{key}__in": pks})
    begun = set(rows.filter(history_type="+").values_list(key, flat=True))
    missing = [pk for pk in pks if pk not in begun]
    if not missing:
        return []
    records = model._default_manager.in_bulk(missing)
    # Newest first, so that the oldest one stays.
    oldest = {getattr(row, key): row for row in rows.order_by("-history_date", "-history_id")}
    dates = _dates(model, records, context.now)
    own = {stored.attname for stored in model._meta.concrete_fields}
    names = [stored.attname for stored in kept._meta.concrete_fields if stored.attname in own]
    reason = f"{PREFIX}history {context.run.run_id}"
    new = []
    for pk, record in records.items():
        # What was changed later is known; what stood before the first change kept isn't, and the oldest state stands for it.
        state = oldest.get(pk, record)
        date = min(dates[pk], oldest[pk].history_date) if pk in oldest else dates[pk]
        new.append((*(getattr(state, name) for name in names), date, reason, "+", None))
    insert_rows(kept, (*names, "history_date", "history_change_reason", "history_type", "history_user_id"), new)
    return [f"{model._meta.label} {record}" for record in records.values()]


def _dates(
    model: type[models.Model], records: Mapping[int, models.Model], now: datetime.datetime
) -> dict[int, datetime.datetime]:
    """When each record was made: as it says itself, else as the log of changes says, else when it last changed, else now."""
    made = RecordChange.objects.filter(model=model._meta.label, object_id__in=list(records), created=True)
    logged = dict(made.values_list("object_id", "run__created_at"))
    return {
        pk: getattr(record, "created_at", None) or logged.get(pk) or getattr(record, "updated_at", None) or now
        for pk, record in records.items()
    }
