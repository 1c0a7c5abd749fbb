"""The database's side of a tab: load what stands there, judge what a sheet brings, save it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection, models

from sheetsync.storage import NewRecord, RecordUpdate, Storage
from sheetsync.syncing.view import digest, identity_text
from sheetsync.tabs import TWO_WAY, Owner, Tab
from sheetsync.values.cells import Value, blank, nearest
from sheetsync.values.words import as_shown
from sheetsync.workbooks.interface import Raw

if TYPE_CHECKING:
    from sheetsync.context import ActionContext
    from sheetsync.models import Workbook
    from sheetsync.syncing.view import SheetRow


@dataclass(frozen=True)
class Record:
    """What the database holds for one row of a tab."""

    pk: int  # of the tab's model; 0 for rows that no single record stands behind
    values: Mapping[str, Value]  # column -> canonical value: two-way, mirror, computed and copied columns
    note: str = "OK"  # the row's run_status as far as stored data decides it: "OK", "OK: ...", "WARNING: ..."


@dataclass(kw_only=True)
class Incoming:
    """One row that a sheet brings, on its way to the database. `check` may refuse, warn and adjust; `save` stores `takes`."""

    key: str  # identity text
    row: SheetRow
    values: Mapping[str, Value]  # everything the row shows that was understood
    record: Record | None  # None: the row makes a new record
    takes: dict[str, Value]  # column -> value that the DB shall take
    refused: dict[str, str] = field(default_factory=dict)  # column -> sentence; a refused column isn't taken
    failure: str = ""  # why the whole row is refused
    skipped: str = ""  # why the row waits, without being wrong
    notice: str | None = None  # what to tell until the row changes next; None leaves an earlier notice
    before: dict[str, Value] = field(default_factory=dict)  # column -> what the DB held for each taken column
    clear_ticks: list[str] = field(default_factory=list)  # sheet_only ticks that were carried out and shall be cleared

    def refuse(self, column: str, text: str) -> None:
        """Keeps one cell from being taken; the rest of the row goes on."""
        self.refused[column] = text
        self.takes.pop(column, None)


@dataclass(frozen=True, kw_only=True)
class NewRow:
    """A row that the backend appends."""

    key: str  # identity text
    values: Mapping[str, Value]  # column -> value, for columns that no record gives (the plain key, say)
    note: str = "OK"  # its run_status while no record stands behind it


@dataclass(kw_only=True)
class Scene:
    """Where an action stands: which workbook and sheet, on whose behalf."""

    context: ActionContext
    workbook: Workbook
    title: str  # the sheet's own name


class Records(Protocol):
    """The database's side of one tab, made anew for each action."""

    def load(self, scene: Scene) -> dict[str, Record]:
        """Every record that the tab may show, by identity text."""
        ...

    def stored(self, scene: Scene, pks: Collection[int]) -> dict[str, Record]:
        """Of these records what is stored, by identity text: enough to judge and save edits of them. What a tab works out over all of
        its records, to show it, is missing."""
        ...

    def fingerprint(self, scene: Scene) -> str:
        """Changes whenever `load` would return something else; "" when only loading can tell."""
        ...

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        """Judges what a sheet brings, all rows at once; refusals and warnings go into the rows."""
        ...

    def save(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        """Stores what was taken, through `scene.context.storage`."""
        ...

    def unknown(self, scene: Scene, row: SheetRow, values: Mapping[str, Value], known: Collection[str]) -> str:
        """What to tell a row whose key no record has, on a tab where rows don't make records."""
        ...

    def nameless(self, scene: Scene, row: SheetRow) -> str:
        """run_status for a row whose identity is empty or incomplete."""
        ...

    def unready(self, scene: Scene, row: SheetRow, values: Mapping[str, Value]) -> str:
        """On a tab that gives keys: why a row can't be given one yet; "" when it can."""
        ...

    def renamed(self, scene: Scene, former: str) -> None:
        """On a tab under any title: people renamed it; `scene.title` is what it is called now."""
        ...

    def homes(self, scene: Scene) -> Mapping[str, str]:
        """On tabs under any title: in which tab of the scene's workbook each stored row stands, by identity text."""
        ...

    def moved(self, scene: Scene, former: str, keys: Collection[str]) -> None:
        """On tabs under any title: people moved these rows from that tab to `scene.title`."""
        ...


class ModelRecords:
    """Records of a tab whose rows are rows of one model. Columns name lookup paths; one step along a one-to-one relation may be taken,
    forwards to read, to a related model that hangs on this one (`scoring__rice_reach`) also to save."""

    tab: Tab

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.model: type[models.Model] = apps.get_model(tab.model)
        self.paths = {column.name: column.path for column in tab.columns if column.path}
        # What identifies a row when its column is no field of the model, e.g. {"initiative_key": "initiative__initiative_key"}.
        for name in tab.identity:
            self.paths.setdefault(name, tab.column(name).field or name)
        for column in tab.named(Owner.COPIED):
            self.paths.setdefault(column.name, column.field or column.name)

    def queryset(self, scene: Scene) -> models.QuerySet[Any]:
        """The records that the tab may show."""
        return self.model._default_manager.order_by("pk")

    def load(self, scene: Scene) -> dict[str, Record]:
        return self.complete(scene, self.read(self.queryset(scene)))

    def stored(self, scene: Scene, pks: Collection[int]) -> dict[str, Record]:
        found = self.read(self.queryset(scene).filter(pk__in=pks))
        return {key: Record(pk, values) for key, (pk, values) in found.items()}

    def read(self, rows: models.QuerySet[Any]) -> dict[str, tuple[int, dict[str, Value]]]:
        """Identity text -> (pk, what is stored of it by column)."""
        names = tuple(self.paths)
        blanks = tuple(blank(self.tab.column(name)) for name in names)
        loaded = {}
        for pk, *stored in rows.values_list("pk", *self.paths.values()):
            values = {
                name: (empty if value is None else value)
                for name, value, empty in zip(names, stored, blanks, strict=True)
            }
            loaded[self.identify(values)] = (pk, values)
        return loaded

    def fingerprint(self, scene: Scene) -> str:
        return ""

    def fingerprint_of_rows(self, scene: Scene) -> str:
        """For records that show nothing but their own row: a digest of what the database gives, before anything is made of it."""
        query = self.queryset(scene).values_list("pk", *self.paths.values()).query
        sql, params = query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return digest(cursor.fetchall())

    def identify(self, values: Mapping[str, Value]) -> str:
        """Identity text of a record."""
        return identity_text(values[name] for name in self.tab.identity)

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        """Adds what isn't stored: computed columns and the note. Subclasses override it."""
        return {key: Record(pk, values) for key, (pk, values) in loaded.items()}

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        for row in rows:
            for name in tuple(row.takes):
                self._check_field(row, name)

    def _check_field(self, row: Incoming, name: str) -> None:
        stored = self.stored_field(name)
        value = row.takes[name]
        if value in (None, "", [], {}):
            if name in self.needed and not self.needed_elsewhere(row, name):
                row.refuse(name, f"{name} is empty; it needs a value")
            return
        try:
            stored.run_validators(value)
        except ValidationError as error:
            row.refuse(name, f"{name}: {as_shown(str(value))} {_unfit(stored, value, error)}")

    # Two-way columns that may not be emptied.
    needed: frozenset[str] = frozenset()

    def needed_elsewhere(self, row: Incoming, name: str) -> bool:
        """Whether an emptied cell gets its value from elsewhere (overrides do)."""
        return self.tab.column(name).owner is Owner.OVERRIDE

    def stored_field(self, name: str) -> models.Field[Any, Any]:
        """The model field behind a column."""
        *steps, last = self.paths[name].split("__")
        model = self.model
        for step in steps:
            related = model._meta.get_field(step).related_model
            assert isinstance(related, type)
            model = related
        found = model._meta.get_field(last)
        assert isinstance(found, models.Field)
        return found

    def save(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        storage = scene.context.storage
        updates: list[RecordUpdate] = []
        new: list[NewRecord] = []
        related: dict[tuple[type[models.Model], str], list[RecordUpdate]] = defaultdict(list)
        for row in rows:
            own = {
                self.paths[name]: self.stored_value(name, value)
                for name, value in row.takes.items()
                if "__" not in self.paths[name]
            }
            if row.record is None:
                new.append(
                    NewRecord(fields={**self.identity_fields(scene, row), **own}, origin=storage.origin(scene, row))
                )
            elif own:
                updates.append(RecordUpdate(pk=row.record.pk, fields=own, origin=storage.origin(scene, row)))
            for model, link, update in self._related(scene, row, storage):
                related[model, link].append(update)
        storage.create(self.model, new)
        storage.update(self.model, updates)
        for (model, link), hanging in related.items():
            storage.update_related(model, link, hanging)

    def _related(
        self, scene: Scene, row: Incoming, storage: Storage
    ) -> Iterable[tuple[type[models.Model], str, RecordUpdate]]:
        """What goes to one-to-one models that hang on this one: (model, name of its link, update with the owner's pk)."""
        by_relation: dict[str, dict[str, Any]] = {}
        for name, value in row.takes.items():
            relation, _, last = self.paths[name].partition("__")
            if last:
                by_relation.setdefault(relation, {})[last] = self.stored_value(name, value)
        for relation, fields in by_relation.items():
            link = self.model._meta.get_field(relation)
            assert row.record is not None, "a new record can't have fields of related models"
            assert isinstance(link.related_model, type)
            remote = link.remote_field.name  # type: ignore[union-attr]
            yield (
                link.related_model,
                remote,
                RecordUpdate(pk=row.record.pk, fields=fields, origin=storage.origin(scene, row)),
            )

    def stored_value(self, name: str, value: Value) -> Any:
        """The field's value for a cell's value: None where the column can be null, else what a blank means."""
        return value

    def identity_fields(self, scene: Scene, row: Incoming) -> dict[str, Any]:
        """The fields that identify a new record."""
        return {self.paths[name]: row.values[name] for name in self.tab.identity}

    def unknown(self, scene: Scene, row: SheetRow, values: Mapping[str, Value], known: Collection[str]) -> str:
        return unknown_key(self.tab.identity[0], row.raw.get(self.tab.identity[0]), [key.upper() for key in known])

    def nameless(self, scene: Scene, row: SheetRow) -> str:
        wanted = " and ".join(self.tab.identity)
        return f"FAILED: {row.problem or wanted + ' is empty'}; the row needs it to be found"

    def unready(self, scene: Scene, row: SheetRow, values: Mapping[str, Value]) -> str:
        return ""

    def renamed(self, scene: Scene, former: str) -> None:
        """Nothing stored here knows its tab's title."""

    def homes(self, scene: Scene) -> Mapping[str, str]:
        return {}

    def moved(self, scene: Scene, former: str, keys: Collection[str]) -> None:
        """Nothing stored here knows its tab's title."""


def _unfit(stored: models.Field[Any, Any], value: Value, error: ValidationError) -> str:
    """Why a field can't hold a value, and what it would."""
    longest = stored.max_length
    if isinstance(value, str) and longest is not None and len(value) > longest:
        return f"has {len(value):,} characters; write {longest:,} at most"
    return f"isn't accepted. {' '.join(error.messages)}"


def unknown_key(column: str, typed: Raw, known: Collection[str]) -> str:
    """A sentence for a key that doesn't exist, with the nearest one that does."""
    near = nearest(str(typed).strip(), known, however_far=True)
    hint = f"the nearest existing key is {near}" if near else "there is no key yet"
    return f"{column}: {as_shown(typed)} doesn't exist; {hint}"


def two_way_names(tab: Tab) -> tuple[str, ...]:
    """Names of the columns that the three-way merge settles."""
    return tuple(column.name for column in tab.named(*TWO_WAY))
