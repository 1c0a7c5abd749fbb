"""Who decided on the database's side what a sheet is about to be shown: its row says so, until a person changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db import models

from sheetsync.models import ActionRun, RecordChange
from sheetsync.syncing.opentab import OpenTab

BATCH = 500
# Runs of the admin that decide on a value; an approval says so by its own tick.
_DECIDING = ("admin.edit", "admin.restore")


class Decisions:
    """What people changed in the admin, for the rows that an action shows in one tab. Asks the database once it is needed."""

    def __init__(self, tab: OpenTab) -> None:
        self.tab = tab

    def told(self, pk: int, pushed: Mapping[str, Any]) -> str:
        """A sentence for the row of a record; "" when nobody decided. `pushed`: column -> encoded value that its cell is given."""
        by_run: dict[int, tuple[ActionRun, list[str]]] = {}
        for name, value in pushed.items():
            found = self._changes.get((pk, self.tab.tab.column(name).path))
            if found is not None and found[0] == value:
                by_run.setdefault(found[1].pk, (found[1], []))[1].append(name)
        return "; ".join(_sentence(run, names) for run, names in by_run.values())

    @cached_property
    def _changes(self) -> dict[tuple[int, str], tuple[Any, ActionRun]]:
        """(pk of the tab's record, path of a column) -> the value that was last decided on, and by which run."""
        pks = [record.pk for key in self.tab.work if (record := self.tab.db.get(key)) is not None]
        model = apps.get_model(self.tab.tab.model)
        found = dict(_decided(model, {pk: pk for pk in pks}, ""))
        relations = {column.path.partition("__")[0] for column in self.tab.two_way if "__" in column.path}
        for relation in relations:
            link = model._meta.get_field(relation)
            if isinstance(link, models.OneToOneRel):
                found.update(_decided(link.related_model, _owners(link, pks), f"{relation}__"))
        return found


def _owners(link: models.OneToOneRel, pks: list[int]) -> dict[int, int]:
    """pk of the record that hangs on the tab's -> pk of the tab's."""
    owner = f"{link.remote_field.name}_id"
    found: dict[int, int] = {}
    for batch in _batches(pks):
        rows = link.related_model._default_manager.filter(**{f"{owner}__in": batch})
        found.update(rows.values_list("pk", owner))
    return found


def _decided(
    model: type[models.Model], owners: Mapping[int, int], prefix: str
) -> Iterable[tuple[tuple[int, str], tuple[Any, ActionRun]]]:
    """In the order of time, so that the last one holds."""
    for batch in _batches([*owners]):
        changes = RecordChange.objects.filter(model=model._meta.label, object_id__in=batch, run__action__in=_DECIDING)
        for change in changes.select_related("run").order_by("pk"):
            for field, (_old, new) in change.fields.items():
                yield (owners[change.object_id], f"{prefix}{field}"), (new, change.run)


def _batches(pks: list[int]) -> Iterable[list[int]]:
    return (pks[start : start + BATCH] for start in range(0, len(pks), BATCH))


def _sentence(run: ActionRun, names: list[str]) -> str:
    reason = run.payload.get("reason", "") if isinstance(run.payload, dict) else ""
    said = f"{' and '.join(names)} {'was' if len(names) == 1 else 'were'} changed in the admin by {run.requested_by}"
    return f"{said}: {reason.rstrip('.')}" if reason else said
