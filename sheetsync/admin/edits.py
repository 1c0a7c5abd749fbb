"""Edits in the admin. A changed field goes the way of its tab: the same parsing, the same checks, the same saving, the same history.

An edit touches the database alone; the next sync finds the stored value changed and shows it in the sheets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models

from sheetsync.admin.recording import AdminRun
from sheetsync.models import ActionRun, Workbook
from sheetsync.records import Incoming, Record, Records, Scene
from sheetsync.registry import Registered, registry
from sheetsync.storage import Origin, RecordUpdate
from sheetsync.syncing.view import SheetRow, identity_text
from sheetsync.tabs import TWO_WAY, Column, Owner, Tab
from sheetsync.values.cells import Refusal, Value, date_to_serial, parse, render
from sheetsync.workbooks.interface import Raw

# Owners whose cells a row of the sheet would bring.
_BROUGHT = frozenset({*TWO_WAY, Owner.COPIED})


@dataclass(frozen=True, kw_only=True)
class Entered:
    """The column in which people enter a stored field."""

    registered: Registered  # the tab and its records
    column: Column
    owner_pk: str  # attribute of the record that holds the pk of the tab's own record

    @property
    def tab(self) -> Tab:
        """The declaration."""
        return self.registered.tab

    @property
    def identifies(self) -> bool:
        """Whether the field is part of what finds the row, so that changing it would lose the row."""
        return self.column.name in self.tab.identity


def entered_fields(model: type[models.Model]) -> dict[str, Entered]:
    """Field name -> the column that enters it; an entry column goes before an override."""
    found: dict[str, Entered] = {}
    for registered in registry:
        for column in registered.tab.named(*TWO_WAY):
            landing = _landing(registered.tab, column)
            if landing is None or landing[0] is not model:
                continue
            _model, name, owner_pk = landing
            if name not in found or column.owner is Owner.ENTRY:
                found[name] = Entered(registered=registered, column=column, owner_pk=owner_pk)
    return found


def edited_here(model: type[models.Model], name: str) -> bool:
    """Whether people may change a stored field: some tab enters it, and it isn't part of what finds the row."""
    entered = entered_fields(model).get(name)
    return entered is not None and not entered.identifies


def decoded(record: models.Model, name: str, encoded: Any) -> Any:
    """A value as the log keeps it, in the field's own type. Raises ValidationError."""
    stored = record._meta.get_field(name)
    assert isinstance(stored, models.Field)
    if encoded is None:
        return None if stored.null else stored.get_default()
    return stored.to_python(encoded)


def _landing(tab: Tab, column: Column) -> tuple[type[models.Model], str, str] | None:
    """(model, field, attribute with the pk of the tab's record) of a stored column."""
    if not column.path:
        return None
    model = apps.get_model(tab.model)
    relation, _, name = column.path.rpartition("__")
    if not relation:
        return model, name, "pk"
    link = model._meta.get_field(relation)
    if not isinstance(link, models.OneToOneRel):
        return None
    return link.related_model, name, f"{link.remote_field.name}_id"


@dataclass(kw_only=True)
class _RowEdit:
    """The changes of one record that one tab enters."""

    records: Records
    scene: Scene
    row: Incoming


@dataclass(kw_only=True)
class _OpenedTab:
    """The database's side of a tab, as far as edits need it."""

    records: Records
    scene: Scene
    by_pk: dict[int, tuple[str, Record]]  # pk of the tab's record -> its key and what is stored of it


@dataclass(kw_only=True)
class _Edited:
    """The records that are edited alike, with the tabs that enter their fields; each tab is read once for all of them."""

    records: Sequence[models.Model]
    admin_run: AdminRun
    opened: dict[tuple[str, str], _OpenedTab] = field(default_factory=dict)  # (role, tab) ->

    def open(self, one: Entered) -> _OpenedTab:
        """The column's tab; only what stands behind the edited records is read."""
        at = (one.tab.role, one.tab.name)
        if at not in self.opened:
            assert one.registered.records is not None
            records = one.registered.records()
            book = Workbook(title="the admin", role=one.tab.role)
            scene = Scene(context=self.admin_run.context, workbook=book, title=one.tab.name)
            found = records.stored(scene, [getattr(record, one.owner_pk) for record in self.records])
            by_pk = {stored.pk: (key, stored) for key, stored in found.items()}
            self.opened[at] = _OpenedTab(records=records, scene=scene, by_pk=by_pk)
        return self.opened[at]


@dataclass(kw_only=True)
class Edit:
    """A planned edit of one record: what would be saved, and what is refused."""

    record: models.Model  # as stored now
    admin_run: AdminRun
    rows: list[_RowEdit] = field(default_factory=list)
    direct: dict[str, Any] = field(default_factory=dict)  # field -> value, for fields that no tab enters
    refused: dict[str, str] = field(default_factory=dict)  # field ("" for the whole record) -> sentence
    notices: list[str] = field(default_factory=list)  # what the person should know
    label: str = ""  # what people call the record

    @property
    def changes_something(self) -> bool:
        """Whether saving it would write anything."""
        return bool(self.direct) or any(part.row.takes for part in self.rows)

    @property
    def changed_fields(self) -> list[str]:
        """What it changes, by the names of columns, and of fields that no tab enters."""
        return [*(name for part in self.rows for name in part.row.takes), *self.direct]

    def save(self) -> ActionRun | None:
        """Saves it as one run; None when there is nothing to save."""
        return save_edits([self], self.admin_run)

    def store(self) -> None:
        """Stores it on behalf of its run, which is being recorded."""
        storage = self.admin_run.storage
        storage.label = self.label
        for part in self.rows:
            part.records.save(part.scene, [part.row])
        update = RecordUpdate(pk=self.record.pk, fields=self.direct, origin=Origin(label=self.label))
        storage.update(type(self.record), [update] if self.direct else [])
        for notice in self.notices:
            self.admin_run.context.report.tell("WARNING", notice, key=self.label)


def save_edits(edits: Sequence[Edit], admin_run: AdminRun) -> ActionRun | None:
    """Saves several edits as one run; those that are refused or change nothing are left out. None when none is left."""
    kept = [edit for edit in edits if edit.changes_something and not edit.refused]
    if not kept:
        return None
    with admin_run.recorded():
        for edit in kept:
            edit.store()
    return admin_run.run


def plan_edit(record: models.Model, changes: Mapping[str, Any], admin_run: AdminRun) -> Edit:
    """Plans an edit. `record` is what is stored now; `changes` is field -> new value, in the field's own type.

    Values that are stored already are left out. Nothing is written.
    """
    return plan_edits([record], changes, admin_run)[0]


def plan_edits(records: Sequence[models.Model], changes: Mapping[str, Any], admin_run: AdminRun) -> list[Edit]:
    """Plans the same edit of each of several records of one model."""
    edited = _Edited(records=records, admin_run=admin_run)
    return [_planned(edited, record, changes) for record in records]


def _planned(edited: _Edited, record: models.Model, changes: Mapping[str, Any]) -> Edit:
    edit = Edit(record=record, admin_run=edited.admin_run)
    entered = entered_fields(type(record))
    by_tab: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for name, value in changes.items():
        if getattr(record, name) == value:
            continue
        if name in entered and entered[name].registered.records is not None:
            tab = entered[name].tab
            by_tab[tab.role, tab.name][name] = value
        else:
            edit.direct[name] = value
    for fields in by_tab.values():
        _plan_row(edited, edit, entered, fields)
    edit.label = edit.label or record_label(record)
    return edit


def record_label(record: models.Model) -> str:
    """What people call a record: its own key, else its initiative's, else its name."""
    owner = getattr(record, "initiative", None)
    key = getattr(record, "initiative_key", "") or getattr(owner, "initiative_key", "")
    return str(key or record)


def _plan_row(edited: _Edited, edit: Edit, entered: Mapping[str, Entered], fields: Mapping[str, Any]) -> None:
    """Judges the fields that one tab enters, as if they had been typed into its row."""
    one = entered[next(iter(fields))]
    takes: dict[str, Value] = {}
    for name, value in fields.items():
        column = entered[name].column
        understood = canonical(column, value)
        if isinstance(understood, Refusal):
            edit.refused[name] = understood.text
        else:
            takes[column.name] = understood
    opened = edited.open(one)
    found = opened.by_pk.get(getattr(edit.record, one.owner_pk))
    if found is None:
        # The tab doesn't show this record; its fields still keep their own rules.
        _plan_direct(edit, {name: value for name, value in fields.items() if name not in edit.refused})
        return
    row = _incoming(one.tab, found[0], found[1], takes)
    opened.records.check(opened.scene, [row])
    _tell(edit, {entered[name].column.name: name for name in fields}, row)
    edit.rows.append(_RowEdit(records=opened.records, scene=opened.scene, row=row))
    edit.label = str(found[1].values.get("initiative_key") or found[0])


def _plan_direct(edit: Edit, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        stored = edit.record._meta.get_field(name)
        assert isinstance(stored, models.Field)
        try:
            edit.direct[name] = stored.clean(value, edit.record)
        except ValidationError as error:
            edit.refused[name] = f"{name}: {str(value)[:60]!r} isn't accepted. {' '.join(error.messages)}"


def _incoming(tab: Tab, key: str, record: Record, takes: dict[str, Value]) -> Incoming:
    """The row as the sheet would bring it."""
    brought = {column.name: column for column in tab.columns if column.owner in _BROUGHT or column.name in tab.identity}
    values = {name: takes.get(name, record.values.get(name)) for name in brought if name in {*record.values, *takes}}
    raw = {name: _cell(brought[name], value) for name, value in values.items()}
    changed = {name: value for name, value in takes.items() if record.values.get(name) != value}
    return Incoming(
        key=key,
        row=SheetRow(0, raw, identity_text(values[name] for name in tab.identity if name in values)),
        values=values,
        record=record,
        takes=changed,
        before={name: record.values.get(name) for name in changed},
    )


def _tell(edit: Edit, field_of: Mapping[str, str], row: Incoming) -> None:
    for column, text in row.refused.items():
        name = field_of.get(column, "")
        edit.refused[name] = "; ".join(filter(None, (edit.refused.get(name), text)))
    whole = row.failure or row.skipped
    if whole:
        # No row of a sheet is meant here.
        edit.refused[""] = whole.replace(f" (row {row.row.number})", "")
    if row.notice:
        edit.notices.append(row.notice)


def canonical(column: Column, value: Any) -> Value | Refusal:
    """A field's value as the column keeps it, or why it can't be taken: what a cell that shows it would be read as."""
    try:
        return parse(column, _cell(column, value))
    except (TypeError, ValueError):
        return Refusal(
            text=f"{column.name}: {str(value)[:60]!r} isn't accepted; write it as in {column.example or column.help}"
        )


def _cell(column: Column, value: Any) -> Raw:
    shown = render(column, value)
    if shown is None or isinstance(shown, bool | int | float | str):
        return shown
    return date_to_serial(shown)
