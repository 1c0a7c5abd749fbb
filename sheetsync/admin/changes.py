"""Admin pages of what runs changed: in stored records, and in cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.utils.formats import localize
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from sheetsync.admin.base import ReadOnlyAdmin, as_code
from sheetsync.admin.decorators import shown
from sheetsync.admin.links import link, record_link, run_address
from sheetsync.admin.plans import short
from sheetsync.admin.record_panels import in_words
from sheetsync.admin.tables import table
from sheetsync.models import CellChange, RecordChange

SHORT = 40  # characters of a value in a list
SHOWN = 3  # fields or cells in a list


class _ChangeAdmin(ReadOnlyAdmin):
    """What one run changed."""

    nothing_yet = "What runs change is kept here, value by value. Start one under Runs."
    list_select_related = ("run", "workbook")
    ordering = ("-id",)
    search_fields = ("row_key", "run__run_id", "run__requested_by")
    list_filter: tuple[str, ...] = ("tab", "workbook", "run__action")

    @shown("When", ordering="run__created_at")
    def when(self, change: Any) -> str:
        """When the run was asked for."""
        return localize(localtime(change.run.created_at))

    @shown("Where", ordering="tab")
    def where(self, change: Any) -> str:
        """The workbook, the tab and the row."""
        row = getattr(change, "row", None)
        return f"{change.workbook} / {change.tab}{f', row {row}' if row else ''}" if change.workbook else "-"

    @shown("Run", ordering="run__action")
    def of_run(self, change: Any) -> str:
        """The run, as a link."""
        return link(run_address(change.run), change.run.action)

    @shown("Asked by", ordering="run__requested_by")
    def asked_by(self, change: Any) -> str:
        """Who asked for the run; for a sheet a claim."""
        return str(change.run.requested_by)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """A run's page links to its own changes."""
        return lookup == "run__id__exact" or bool(super().lookup_allowed(lookup, value, request))


@admin.register(RecordChange)
class RecordChangeAdmin(_ChangeAdmin):
    """Old and new values of stored records."""

    list_display = ("when", "row_key", "what", "kind", "old_and_new", "where", "asked_by", "of_run")
    list_filter = ("model", "created", "deleted", *_ChangeAdmin.list_filter)
    fieldsets = (
        (None, {"fields": (("when", "of_run", "asked_by"), ("what", "kind"), ("row_key", "record"), ("workbook", "tab", "row"))}),
        ("Values", {"fields": ("values",)}),
    )  # fmt: skip

    @shown("Record of", ordering="model")
    def what(self, change: RecordChange) -> str:
        """The model."""
        return model_in_words(change.model)

    @shown("Change", label={"made": "success", "changed": "info", "deleted": "danger"})
    def kind(self, change: RecordChange) -> str:
        """What happened to it."""
        return "made" if change.created else "deleted" if change.deleted else "changed"

    @shown("Old → new")
    def old_and_new(self, change: RecordChange) -> str:
        """The first few fields, in a line each."""
        return _first_few(change.fields)

    @shown("The record")
    def record(self, change: RecordChange) -> str:
        """A link to the record as it stands."""
        return record_link(change.model, change.object_id, change.row_key or change.object_id)

    @shown("Old and new")
    def values(self, change: RecordChange) -> SafeString | str:
        """Every field."""
        return table(
            ("Field", "Old", "New"), ((name, _whole(old), _whole(new)) for name, (old, new) in change.fields.items())
        )


@admin.register(CellChange)
class CellChangeAdmin(_ChangeAdmin):
    """What was in cells before, and what was written there."""

    list_display = ("when", "row_key", "where", "appended", "old_and_new", "of_run")
    list_filter = ("appended", *_ChangeAdmin.list_filter)
    fieldsets = (
        (None, {"fields": (("when", "of_run", "asked_by"), ("workbook", "tab"), ("row_key", "appended"))}),
        ("Cells", {"fields": ("values",)}),
    )

    @shown("Before → written")
    def old_and_new(self, change: CellChange) -> str:
        """The first few cells."""
        return _first_few(change.cells)

    @shown("Before and written")
    def values(self, change: CellChange) -> SafeString | str:
        """Every cell."""
        return table(
            ("Column", "Before", "Written"),
            ((name, _whole(old), _whole(new)) for name, (old, new) in change.cells.items()),
        )


def model_in_words(model: str) -> str:
    """What "app_label.Model" is called; as it is written where it is gone."""
    try:
        return str(apps.get_model(model)._meta.verbose_name)
    except LookupError:
        return model.partition(".")[2]


def _whole(value: Any) -> SafeString | str:
    """A stored value in full."""
    return as_code(value) if isinstance(value, dict | list) else value if isinstance(value, str) else in_words(value)


def _first_few(values: Mapping[str, Any]) -> str:
    told = {name: pair for name, pair in values.items() if not name.endswith("_id") or len(values) <= SHOWN}
    lines = [
        f"{name}: {short(in_words(old), SHORT)} → {short(in_words(new), SHORT)}"
        for name, (old, new) in list(told.items())[:SHOWN]
    ]
    more = len(told) - len(lines)
    return "; ".join([*lines, f"and {more} more"] if more > 0 else lines)
