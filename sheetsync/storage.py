"""Bulk reads and writes of stored records that leave history: who asked, which action and run, which sheet and row, old and new value."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

from sheetsync.bulk import insert_rows, take_ids, update_rows
from sheetsync.models import ActionRun, RecordChange, Workbook
from sheetsync.values.cells import encode

if TYPE_CHECKING:
    from sheetsync.records import Incoming, Scene

BATCH = 500
_LOGGED = ("model", "object_id", "row_key", "created", "deleted", "fields", "workbook_id", "tab", "row")


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
    reason: str = ""  # a person's own words for the models' history; "" names the run and who asked
    user_id: int | None = None  # who is signed in, for the models' history; None where nobody is
    changed_records: int = 0
    fence: Callable[[], None] | None = None  # raises when the run isn't this process's any more
    _log: list[tuple[Any, ...]] = field(default_factory=list)  # values of _LOGGED

    @staticmethod
    def origin(scene: Scene, row: Incoming) -> Origin:
        """The origin of what a sheet's row brought."""
        label = row.record and row.record.values.get("initiative_key")
        return Origin(scene.workbook, scene.title, row.row.number, str(label or row.key))

    def create(self, model: type[models.Model], new: Sequence[NewRecord]) -> list[int]:
        """Makes the records; returns their primary keys, in order. Fields that aren't named get their defaults."""
        if not new:
            return []
        stamps = _stamps(model)
        fields = [{**stamps, **_by_attname(model, record.fields)} for record in new]
        names = tuple(dict.fromkeys(name for record in fields for name in record))
        defaults = {
            stored.attname: stored.get_default() for stored in model._meta.concrete_fields if stored.attname in names
        }
        key = _key_name(model)
        pks = [record[key] for record in fields] if key in names else list(take_ids(model, len(new)))
        columns = (key, *(name for name in names if name != key))
        rows = [
            (pk, *(record.get(name, defaults[name]) for name in columns[1:]))
            for pk, record in zip(pks, fields, strict=True)
        ]
        insert_rows(model, columns, rows)
        self._keep_history(model, columns, rows, created=True)
        for pk, record, values in zip(pks, new, fields, strict=True):
            logged = {name: [None, plain(value)] for name, value in values.items() if name not in stamps}
            self._remember(model, pk, record.origin, logged, created=True)
        return pks

    def update(self, model: type[models.Model], updates: Sequence[RecordUpdate]) -> int:
        """Sets fields; what already holds the value is left alone. Returns how many records changed."""
        if not updates:
            return 0
        instances = self._instances(model, [update.pk for update in updates])
        changed: dict[int, models.Model] = {}
        by_fields: dict[tuple[str, ...], list[models.Model]] = defaultdict(list)
        for update in updates:
            instance = instances[update.pk]
            fields = _by_attname(model, update.fields)
            old_new = {
                name: [plain(old), plain(value)]
                for name, value in fields.items()
                if (old := getattr(instance, name)) != value
            }
            if not old_new:
                continue
            for name in old_new:
                setattr(instance, name, fields[name])
            by_fields[tuple(sorted(old_new))].append(instance)
            changed[instance.pk] = instance
            self._remember(model, instance.pk, update.origin, old_new)
        self._write(model, by_fields)
        columns = tuple(stored.attname for stored in model._meta.concrete_fields)
        rows = [tuple(getattr(instance, name) for name in columns) for instance in changed.values()]
        self._keep_history(model, columns, rows, created=False)
        return len(changed)

    @staticmethod
    def _write(model: type[models.Model], by_fields: Mapping[tuple[str, ...], Sequence[models.Model]]) -> None:
        stamps = [stored for stored in model._meta.concrete_fields if getattr(stored, "auto_now", False)]
        for names, group in by_fields.items():
            for instance in group:
                for stored in stamps:
                    stored.pre_save(instance, add=False)
            touched = tuple(dict.fromkeys((*names, *(stored.attname for stored in stamps))))
            update_rows(
                model, touched, [(instance.pk, [getattr(instance, name) for name in touched]) for instance in group]
            )

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

    def delete(self, model: type[models.Model], pks: Iterable[int], origin: Origin = Origin()) -> None:
        """Deletes records; their last values stay in the log."""
        for instance in self._instances(model, list(pks)).values():
            old = {name: [value, None] for name, value in snapshot(instance).items()}
            self._remember(model, instance.pk, origin, old, deleted=True)
            instance.delete()

    def flush(self) -> None:
        """Writes the log; called inside the same transaction as the changes, at its end."""
        if self.fence is not None:
            self.fence()
        names = ("run_id", *_LOGGED)
        insert_rows(RecordChange, names, [(self.run.pk, *entry) for entry in self._log])
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
        workbook = origin.workbook.pk if origin.workbook else None
        self._log.append(
            (model._meta.label, pk, origin.label[:500], created, deleted, fields, workbook, origin.tab, origin.row)
        )

    def _instances(self, model: type[models.Model], pks: Sequence[int]) -> dict[int, models.Model]:
        found: dict[int, models.Model] = {}
        for start in range(0, len(pks), BATCH):
            found.update(model._default_manager.in_bulk(pks[start : start + BATCH]))
        return found

    def _keep_history(
        self, model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]], *, created: bool
    ) -> None:
        """The model's own history, as its save signal would write it."""
        history = getattr(model, "history", None)
        if history is None or not rows:
            return
        history_model = history.model
        kept = {stored.attname for stored in history_model._meta.concrete_fields}
        places = [place for place, name in enumerate(columns) if name in kept]
        reason = (self.reason or f"{self.run.action} {self.run.run_id} by {self.run.requested_by}")[:100]
        said = (timezone.now(), reason, "+" if created else "~", self.user_id)
        about = ("history_date", "history_change_reason", "history_type", "history_user_id")
        names = (*(columns[place] for place in places), *about)
        insert_rows(history_model, names, [(*(row[place] for place in places), *said) for row in rows])


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


def _by_attname(model: type[models.Model], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by attribute name: `initiative=record` is `initiative_id=pk`."""
    found = {}
    for name, value in fields.items():
        stored = model._meta.get_field(name)
        assert isinstance(stored, models.Field)
        found[stored.attname] = value.pk if isinstance(value, models.Model) else value
    return found


def _stamps(model: type[models.Model]) -> dict[str, Any]:
    """The time for fields that are set to it when a record is made; its history shows the same."""
    blank = model()
    automatic = [
        stored
        for stored in model._meta.concrete_fields
        if getattr(stored, "auto_now", False) or getattr(stored, "auto_now_add", False)
    ]
    return {stored.attname: stored.pre_save(blank, add=True) for stored in automatic}


def _key_name(model: type[models.Model]) -> str:
    return next(stored.attname for stored in model._meta.concrete_fields if stored.primary_key)


def now_epoch() -> float:
    """Epoch seconds; attempts are dated with it."""
    return time.time()
