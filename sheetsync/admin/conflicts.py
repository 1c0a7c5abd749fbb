"""Admin pages of conflicts: one value was changed on both sides. The sheet's edit stands; the other can be restored."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist, ValidationError
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from unfold.enums import ActionVariant

from sheetsync.access.audit import note
from sheetsync.access.people import AuditEntry
from sheetsync.admin.base import ReadOnlyAdmin, signed_in
from sheetsync.admin.confirm import ask, confirmed
from sheetsync.admin.decorators import button, shown
from sheetsync.admin.edits import decoded, plan_edit
from sheetsync.admin.links import link, record_link, run_address
from sheetsync.admin.recording import RESTORE, AdminRun
from sheetsync.models import Conflict, RecordChange
from sheetsync.storage import plain

REFUSALS_SHOWN = 5  # of many conflicts that are restored at once


@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    """What stands, what gave way, and a way to take the other."""

    nothing_yet = "Nothing was changed in a sheet and in the database at once: there is nothing to settle."
    list_display = (
        "created_at",
        "row_key",
        "column",
        "agreed",
        "stands",
        "gave_way",
        "shown_status",
        "workbook",
        "tab",
        "of_run",
    )
    list_filter = ("status", "column", "tab", "workbook")
    search_fields = ("row_key", "column", "run__run_id")
    list_select_related = ("workbook", "run")
    actions = ("keep_what_stands", "restore_other_value")
    actions_detail = ("keep_this", "restore_this")
    fieldsets = (
        (None, {"fields": (("row_key", "column"), ("agreed", "stands", "gave_way"), ("shown_status", "created_at"))}),
        ("Where it came from", {"fields": (("workbook", "tab"), ("record", "of_run"), ("synced_by", "other_set_by"))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conflict]:
        """With what every page shows."""
        conflicts: QuerySet[Conflict] = super().get_queryset(request)
        return conflicts.select_related("workbook", "run")

    @shown("Status", label={"open": "warning", "kept": "info", "restored": "success"}, ordering="status")
    def shown_status(self, conflict: Conflict) -> str:
        """In colour."""
        return conflict.status

    @shown("Last agreed on")
    def agreed(self, conflict: Conflict) -> str:
        """What both sides had."""
        return _shown(conflict.base_value)

    @shown("Stands")
    def stands(self, conflict: Conflict) -> str:
        """The person's edit in the sheet."""
        return _shown(conflict.kept_value)

    @shown("Gave way")
    def gave_way(self, conflict: Conflict) -> str:
        """The value that can be restored."""
        return _shown(conflict.lost_value)

    @shown("Found by")
    def of_run(self, conflict: Conflict) -> str:
        """The run, as a link."""
        return link(run_address(conflict.run), conflict.run) if conflict.run else "-"

    @shown("The record")
    def record(self, conflict: Conflict) -> str:
        """A link to the record as it stands."""
        return record_link(conflict.model, conflict.object_id, conflict.row_key.upper())

    @shown("Sync asked by")
    def synced_by(self, conflict: Conflict) -> str:
        """For a sheet a claim."""
        return (conflict.run.requested_by if conflict.run else "") or "-"

    @shown("Other value set by")
    def other_set_by(self, conflict: Conflict) -> str:
        """Who stored what gave way, as far as history tells."""
        name = conflict.field.rpartition("__")[2]
        changes = RecordChange.objects.filter(model=conflict.model, object_id=conflict.object_id or 0)
        latest = changes.filter(**{f"fields__{name}__1": conflict.lost_value}).select_related("run").last()
        if latest is None:
            return "-"
        return format_html(
            "{}, by {}", latest.run.requested_by or "nobody named", link(run_address(latest.run), latest.run)
        )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """A run's page links to its own conflicts."""
        return lookup == "run__id__exact" or bool(super().lookup_allowed(lookup, value, request))

    # ---- buttons -------------------------------------------------------------------------------------------------------------------

    @admin.action(description="Keep what stands", permissions=["operate"])
    def keep_what_stands(self, request: HttpRequest, queryset: QuerySet[Conflict]) -> None:
        """Settles the selected conflicts as they are."""
        kept = queryset.filter(status=Conflict.Status.OPEN).update(status=Conflict.Status.KEPT)
        self.message_user(request, f"Settled: {kept}. What stands is kept.", messages.SUCCESS)

    @admin.action(description="Restore the other value", permissions=["operate"])
    def restore_other_value(self, request: HttpRequest, queryset: QuerySet[Conflict]) -> None:
        """Restores the value that gave way, for each of the selected conflicts where that is still possible."""
        restored, refusals = 0, []
        for conflict in queryset.filter(status=Conflict.Status.OPEN):
            refused, _notices = restore(conflict, signed_in(request))
            restored += not refused
            if not refused:
                _note_restored(request, conflict)
            refusals += [f"{conflict}: {refused}"] if refused else []
        for text in refusals[:REFUSALS_SHOWN]:
            self.message_user(request, text, messages.ERROR)
        if len(refusals) > REFUSALS_SHOWN:
            more = f"and {len(refusals) - REFUSALS_SHOWN} more were left as they are, for reasons like these."
            self.message_user(request, more, messages.ERROR)
        self.message_user(request, f"Restored: {restored}. The next sync shows it in the sheets.", messages.SUCCESS)

    @button("Keep what stands", permissions=["operate"], icon="check")
    def keep_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same, from the conflict's own page."""
        if not confirmed(request):
            conflict = get_object_or_404(self.get_queryset(request), pk=object_id)
            text = f"{_shown(conflict.kept_value)} stays, and the conflict counts as settled."
            return self._ask(request, conflict, f"Keep {_shown(conflict.kept_value)}?", text, "Keep it")
        self.keep_what_stands(request, self.get_queryset(request).filter(pk=object_id))
        return HttpResponseRedirect(_address(object_id))

    @button("Restore the other value", permissions=["operate"], icon="undo", variant=ActionVariant.PRIMARY)
    def restore_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same, from the conflict's own page."""
        conflict = get_object_or_404(self.get_queryset(request), pk=object_id)
        if not confirmed(request):
            text = (
                f"{_shown(conflict.kept_value)} is replaced in the database now, and in the sheet with the next sync."
            )
            return self._ask(request, conflict, f"Restore {_shown(conflict.lost_value)}?", text, "Restore it")
        self._restore(request, conflict)
        return HttpResponseRedirect(_address(object_id))

    def _ask(self, request: HttpRequest, conflict: Conflict, title: str, text: str, button: str) -> HttpResponse:
        said = f"{conflict.column} of {conflict.row_key}: {text}"
        return ask(self, request, title=title, text=said, button=button, back=_address(str(conflict.pk)))

    def _restore(self, request: HttpRequest, conflict: Conflict) -> None:
        refused, notices = restore(conflict, signed_in(request))
        for text in notices:
            self.message_user(request, f"{conflict}: {text}", messages.WARNING)
        if refused:
            self.message_user(request, f"{conflict}: {refused}", messages.ERROR)
        else:
            _note_restored(request, conflict)
            text = f"{conflict}: {_shown(conflict.lost_value)} is restored; the next sync shows it in the sheet."
            self.message_user(request, text, messages.SUCCESS)


def _note_restored(request: HttpRequest, conflict: Conflict) -> None:
    note(request, AuditEntry.Event.OVERRIDE, f"{conflict}: {_shown(conflict.lost_value)} restored")


def restore(conflict: Conflict, user: AbstractBaseUser) -> tuple[str, list[str]]:
    """Sets the field back to the value that gave way. Returns why it wasn't ("" when it was), and what else came of it."""
    with transaction.atomic():
        conflict = Conflict.objects.select_for_update().get(pk=conflict.pk)
        if conflict.status == Conflict.Status.RESTORED:
            return "the other value was restored already.", []
        try:
            record, name = _stored_side(conflict)
        except (LookupError, FieldDoesNotExist, ObjectDoesNotExist):
            return "the record is gone.", []
        now = plain(getattr(record, name))
        if not _same(now, conflict.kept_value):
            return (
                f"{name} was changed since and now holds {_shown(now)}; nothing was restored. Edit the record instead.",
                [],
            )
        try:
            value = decoded(record, name, conflict.lost_value)
        except ValidationError as error:
            return " ".join(error.messages), []
        edit = plan_edit(record, {name: value}, AdminRun(RESTORE, user))
        if edit.refused:
            return "; ".join(edit.refused.values()), []
        edit.save()
        Conflict.objects.filter(pk=conflict.pk).update(status=Conflict.Status.RESTORED)
    return "", edit.notices


def _stored_side(conflict: Conflict) -> tuple[models.Model, str]:
    """The record that holds the value, and its field. Raises LookupError, FieldDoesNotExist or ObjectDoesNotExist."""
    record: Any = apps.get_model(conflict.model)._default_manager.get(pk=conflict.object_id)
    *steps, name = conflict.field.split("__")
    for step in steps:
        record = getattr(record, step)
    record = type(record)._default_manager.select_for_update().get(pk=record.pk)
    record._meta.get_field(name)
    return record, name


def _same(now: Any, kept: Any) -> bool:
    return bool(now == kept) or (_is_blank(now) and _is_blank(kept))


def _is_blank(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _shown(value: Any) -> str:
    return "nothing" if _is_blank(value) else str(value)


def _address(object_id: str) -> str:
    return reverse("admin:sheetsync_conflict_change", args=(object_id,))
