"""Bulk reads and writes of stored records that leave history: who asked, which action and run, which sheet and row, old and new value."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

from sheetsync.cells import encode
from sheetsync.models import ActionRun, RecordChange, Workbook

if TYPE_CHECKING:
    from sheetsync.records import Incoming, Scene

BATCH = 500


@dataclass(frozen=True)
class Origin:
    """Where a change came from."""

    workbook: Workbook | None = None
    tab: str = ""
    row: int | None = None  # the sheet's row, counted from 1
    label: str = ""  # what people call the record


@dataclass(frozen=True, kw_only=True)
class NewRecord:
    """A record to be made."""

    fields: Mapping[str, Any]
    origin: Origin = Origin()


@dataclass(frozen=True, kw_only=True)
class RecordUpdate:
    """Fields of one record to be set."""

    pk: int
    fields: Mapping[str, Any]
    origin: Origin = Origin()


@dataclass
class Storage:
    """Saves on behalf of one run. Every change is logged in RecordChange, and in the model's own history where it keeps one."""

    run: ActionRun
    changed_records: int = 0
    _log: list[RecordChange] = field(default_factory=list)

    @staticmethod
    def origin(scene: Scene, row: Incoming) -> Origin:
        """The origin of what a sheet's row brought."""
        label = row.record and row.record.values.get("initiative_key")
        return Origin(scene.workbook, scene.title, row.row.number, str(label or row.key))

    def create(self, model: type[models.Model], new: Sequence[NewRecord]) -> list[models.Model]:
        """Makes the records; returns them with their pk, in order."""
        if not new:
            return []
        made = model._default_manager.bulk_create([model(**record.fields) for record in new], batch_size=BATCH)
        self._keep_history(model, made, created=True)
        for instance, record in zip(made, new, strict=True):
            self._remember(
                model,
                instance.pk,
                record.origin,
                {name: [None, plain(value)] for name, value in record.fields.items()},
                created=True,
            )
        return made

    def update(self, model: type[models.Model], updates: Sequence[RecordUpdate]) -> int:
        """Sets fields; what already holds the value is left alone. Returns how many records changed."""
        if not updates:
            return 0
        instances = self._instances(model, [update.pk for update in updates])
        changed: dict[int, models.Model] = {}
        by_fields: dict[tuple[str, ...], list[models.Model]] = defaultdict(list)
        for update in updates:
            instance = instances[update.pk]
            old_new = {
                name: [plain(old), plain(value)]
                for name, value in update.fields.items()
                if (old := getattr(instance, name)) != value
            }
            if not old_new:
                continue
            for name in old_new:
                setattr(instance, name, update.fields[name])
            by_fields[tuple(sorted(old_new))].append(instance)
            changed[instance.pk] = instance
            self._remember(model, instance.pk, update.origin, old_new)
        for names, group in by_fields.items():
            _write_fields(model, names, group)
        self._keep_history(model, list(changed.values()))
        return len(changed)

    def update_related(self, model: type[models.Model], link: str, updates: Sequence[RecordUpdate]) -> int:
        """As `update`, for a one-to-one model; each update's pk is the owner's. Records that don't exist yet are made."""
        if not updates:
            return 0
        owners = [update.pk for update in updates]
        pks: dict[int, int] = {}
        for start in range(0, len(owners), BATCH):
            found = model._default_manager.filter(**{f"{link}_id__in": owners[start : start + BATCH]})
            pks.update(found.values_list(f"{link}_id", "pk"))
        missing = [update for update in updates if update.pk not in pks]
        self.create(
            model,
            [NewRecord(fields={f"{link}_id": update.pk, **update.fields}, origin=update.origin) for update in missing],
        )
        present = [
            RecordUpdate(pk=pks[update.pk], fields=update.fields, origin=update.origin)
            for update in updates
            if update.pk in pks
        ]
        return self.update(model, present) + len(missing)

    def delete(self, model: type[models.Model], pks: Iterable[int], origin: Origin = Origin()) -> None:  # noqa: B008 - Origin is frozen
        """Deletes records; their last values stay in the log."""
        for instance in self._instances(model, list(pks)).values():
            old = {name: [value, None] for name, value in snapshot(instance).items()}
            self._remember(model, instance.pk, origin, old, deleted=True)
            instance.delete()

    def flush(self) -> None:
        """Writes the log; called inside the same transaction as the changes."""
        RecordChange.objects.bulk_create(self._log, batch_size=BATCH)
        self._log.clear()

    def discard(self) -> None:
        """Forgets the log of a transaction that was rolled back."""
        self._log.clear()

    def _remember(
        self,
        model: type[models.Model],
        pk: int,
        origin: Origin,
        fields: dict[str, Any],
        *,
        created: bool = False,
        deleted: bool = False,
    ) -> None:
        self.changed_records += 1
        self._log.append(
            RecordChange(
                run=self.run,
                model=model._meta.label,
                object_id=pk,
                row_key=origin.label[:500],
                created=created,
                deleted=deleted,
                fields=fields,
                workbook=origin.workbook,
                tab=origin.tab,
                row=origin.row,
            )
        )

    def _instances(self, model: type[models.Model], pks: Sequence[int]) -> dict[int, models.Model]:
        found: dict[int, models.Model] = {}
        for start in range(0, len(pks), BATCH):
            found.update(model._default_manager.in_bulk(pks[start : start + BATCH]))
        return found

    def _keep_history(
        self, model: type[models.Model], instances: Sequence[models.Model], *, created: bool = False
    ) -> None:
        history = getattr(model, "history", None)
        if history is None or not instances:
            return
        history.bulk_history_create(
            instances,
            batch_size=BATCH,
            update=not created,
            default_change_reason=f"{self.run.action} {self.run.run_id} by {self.run.requested_by}"[:100],
            default_date=timezone.now(),
        )


def snapshot(instance: models.Model) -> dict[str, Any]:
    """Every concrete field of a record, encoded, by attribute name."""
    return {
        stored.attname: plain(getattr(instance, stored.attname))
        for stored in instance._meta.concrete_fields
        if not stored.primary_key
    }


def plain(value: Any) -> Any:
    """A value as RecordChange stores it."""
    if hasattr(value, "pk"):
        return value.pk
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return encode(value)


def _write_fields(model: type[models.Model], names: tuple[str, ...], instances: Sequence[models.Model]) -> None:
    """UPDATE of the named fields, row by row in one prepared statement: many times faster than bulk_update's CASE."""
    from django.db import connection

    touched = [model._meta.get_field(name) for name in names]
    for stored in model._meta.concrete_fields:
        if getattr(stored, "auto_now", False) and stored not in touched:
            touched.append(stored)
    columns = ", ".join(f"{connection.ops.quote_name(stored.column)} = %s" for stored in touched)
    key = connection.ops.quote_name(model._meta.pk.column)
    sql = f"UPDATE {connection.ops.quote_name(model._meta.db_table)} SET {columns} WHERE {key} = %s"  # noqa: S608 - names of our own models
    rows = [
        [*(stored.get_db_prep_save(stored.pre_save(instance, False), connection) for stored in touched), instance.pk]
        for instance in instances
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql, rows)


def now_epoch() -> float:
    """Epoch seconds; attempts are dated with it."""
    return time.time()
