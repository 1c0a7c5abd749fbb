"""History that nobody needs any more is taken away: old runs with all they changed, and old versions of records.

The latest version of every record stays, and so does what a run that hasn't ended is about. A run that is taken away can't be undone.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet

from sheetsync.models import ActionRun, CellChange, RecordChange

BATCH = 200  # runs, or thousands of versions, that are taken away in one statement
_ENDED = (ActionRun.Status.SUCCESS, ActionRun.Status.PARTIAL, ActionRun.Status.FAILED)


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """How much there was, or would be, to take away."""

    what: str  # in words
    count: int


def count_history(before: datetime.datetime) -> list[Pruned]:
    """What `prune` would take away."""
    runs = _old_runs(before)
    counts = [Pruned(what="runs", count=runs.count())]
    for model, words in ((RecordChange, "changes of stored records"), (CellChange, "changes of rows in sheets")):
        counts.append(Pruned(what=words, count=model._default_manager.filter(run__in=runs).count()))
    for kept in historical_models():
        counts.append(Pruned(what=_words(kept), count=_old_versions(kept, before).count()))
    return counts


def prune(before: datetime.datetime, tell: Callable[[str, int, int], None] = lambda what, done, total: None) -> None:
    """Takes history away that is older, some at a time: it may be broken off, and goes on when it is called again."""
    runs = _old_runs(before)
    total, done = runs.count(), 0
    for pks in _batches(runs, BATCH):
        CellChange.objects.filter(run__in=pks).delete()
        RecordChange.objects.filter(run__in=pks).delete()
        ActionRun.objects.filter(pk__in=pks).delete()
        done += len(pks)
        tell("runs", done, total)
    for kept in historical_models():
        versions = _old_versions(kept, before)
        total, done = versions.count(), 0
        for pks in _batches(versions, BATCH * 10):
            kept._default_manager.filter(pk__in=pks).delete()
            done += len(pks)
            tell(_words(kept), done, total)


def historical_models() -> list[Any]:
    """The models that keep earlier versions of records."""
    return [model for model in apps.get_models() if hasattr(model, "history_object")]


def _old_runs(before: datetime.datetime) -> QuerySet[ActionRun]:
    return ActionRun.objects.filter(created_at__lt=before, status__in=_ENDED).order_by("pk")


def _old_versions(kept: Any, before: datetime.datetime) -> QuerySet[Any]:
    """Versions that a later one stands for."""
    key = kept.instance_type._meta.pk.attname
    later = kept._default_manager.filter(**{key: OuterRef(key)}, history_id__gt=OuterRef("history_id"))
    old: QuerySet[Any] = kept._default_manager.filter(Exists(later), history_date__lt=before).order_by("pk")
    return old


def _batches(rows: QuerySet[Any], size: int) -> Iterator[list[int]]:
    while pks := list(rows.values_list("pk", flat=True)[:size]):
        yield pks


def _words(kept: type[models.Model]) -> str:
    return f"earlier versions of {kept.instance_type._meta.verbose_name_plural!s}"  # type: ignore[attr-defined]
