"""Admin pages of workbooks: connecting one, what is recognised in it, syncing it now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.enums import ActionVariant

from sheetsync.access.scope import shows_model
from sheetsync.admin.asking import run_now
from sheetsync.admin.base import DeskPage, ReadOnlyAdmin, ReadOnlyInline
from sheetsync.admin.brake import settle_brake
from sheetsync.admin.confirm import ask, confirmed
from sheetsync.admin.decorators import button, shown
from sheetsync.admin.saving import saving_action
from sheetsync.admin.tables import table
from sheetsync.connecting import TabFinding, canonical_location, find_tabs
from sheetsync.models import KeyReservation, RowState, TabState, Workbook
from sheetsync.runs.actions import ACTIONS
from sheetsync.tabs import Role
from sheetsync.workbooks.interface import WorkbookUnavailable
from sheetsync.workbooks.kinds import open_location, title_of


class WorkbookForm(forms.ModelForm):  # type: ignore[type-arg]
    """Connects a workbook: it must be there and readable when its location is given."""

    found_title = ""  # what the workbook calls itself, once its location was looked at

    class Meta:
        model = Workbook
        fields = ("title", "role", "location", "tab", "department", "is_active")

    def clean_location(self) -> str:
        """Files are kept by their absolute path. Refuses what can't be read now."""
        place = canonical_location(self.cleaned_data["location"])
        if place != self.instance.location:
            try:
                book = open_location(place)
                book.read(None)
                self.found_title = title_of(book, place)
            except WorkbookUnavailable as unavailable:
                raise forms.ValidationError(f"location: {unavailable}") from unavailable
        return place

    def clean(self) -> dict[str, Any] | None:
        """One tab and a department are named for intake alone."""
        super().clean()  # it also has the location checked for uniqueness
        role = self.cleaned_data.get("role") or self.instance.role
        for name in ("tab", "department"):
            value = self.cleaned_data.get(name)
            if value and role != Role.INTAKE:
                self.add_error(
                    name, f"{name}: {value!r} is for intake workbooks only; leave it empty for the role {role}"
                )
        return self.cleaned_data


class TabStateInline(ReadOnlyInline):
    """What the last read of each tab showed."""

    model = TabState
    verbose_name_plural = "Tabs, as last read"
    fields = ("tab", "row_count", "problem_count", "message", "read_at", "saved_at")
    readonly_fields = fields

    @shown("Rows to look at")
    def problem_count(self, state: TabState) -> int:
        """Rows that weren't OK."""
        return len(state.problems)


@admin.register(Workbook)
class WorkbookAdmin(DeskPage, ModelAdmin):  # type: ignore[misc]
    """Every connected workbook. Adding one here is what `connect` does on the command line."""

    form = WorkbookForm
    in_search = True
    nothing_yet = "Add a workbook that people plan in: an .xlsx file, or a Google spreadsheet's address."
    list_display = ("shown_title", "role", "location", "tab", "department", "is_active")
    list_filter = ("role", "is_active", "department")
    search_fields = ("title", "location", "department")
    ordering = ("role", "id")
    list_fullwidth = True
    actions_detail = ("sync_now",)
    inlines = (TabStateInline,)
    readonly_fields = ("recognised", "created_at")
    fieldsets = (
        (None, {"fields": (("title", "role"), "location", ("tab", "department"), "is_active")}),
        ("What is in it", {"fields": ("recognised", "created_at")}),
    )
    add_fieldsets = ((None, {"fields": (("title", "role"), "location", ("tab", "department"))}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Workbook | None = None) -> Sequence[str]:
        """What a workbook is for can't change once its tabs are known."""
        return (*super().get_readonly_fields(request, obj), *(("role",) if obj is not None else ()))

    def get_inlines(self, request: HttpRequest, obj: Workbook | None) -> Sequence[type[Any]]:
        """A workbook that isn't connected yet has no tabs."""
        return self.inlines if obj is not None else ()

    def has_delete_permission(self, request: HttpRequest, obj: Workbook | None = None) -> bool:
        """A workbook is made inactive instead: history and what intake said hang on it."""
        return False

    def save_model(self, request: HttpRequest, obj: Workbook, form: WorkbookForm, change: bool) -> None:
        """A workbook without a title is called like its file, or as the spreadsheet is."""
        obj.title = obj.title or (form.found_title or Path(obj.location).stem)[:200]
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Workbook, post_url_continue: str | None = None) -> HttpResponse:
        """Shows what was recognised in it."""
        if "_addanother" in request.POST or "_popup" in request.POST:
            response: HttpResponse = super().response_add(request, obj, post_url_continue)
            return response
        self.message_user(request, f"{obj} is connected; see below what was recognised in it.")
        return HttpResponseRedirect(_address(obj))

    @shown("Title", ordering="title")
    def shown_title(self, workbook: Workbook) -> str:
        """Its title, or where it is."""
        return str(workbook)

    @shown("Recognised now")
    def recognised(self, workbook: Workbook) -> SafeString | str:
        """Tab by tab: which columns were found, which weren't."""
        try:
            findings = find_tabs(workbook, open_location(workbook.location).read(None))
        except WorkbookUnavailable as unavailable:
            return str(unavailable)
        rows = (_finding_row(finding) for finding in findings)
        return table(("Tab", "Recognised", "Not known, left alone", "Without a column", "Problem"), rows)

    def has_sync_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who may start actions."""
        return request.user.has_perm("sheetsync.change_actionrun") and self.has_view_permission(request)

    @button("Sync now", permissions=["sync"], icon="sync", variant=ActionVariant.PRIMARY)
    def sync_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then carries out what saves this kind of workbook."""
        workbook = get_object_or_404(Workbook, pk=object_id)
        name = saving_action(workbook.role)
        if not name:
            self.message_user(request, f"no action saves a workbook of the role {workbook.role}")
            return HttpResponseRedirect(_address(workbook))
        if not confirmed(request):
            text = f"{ACTIONS[name].help} This runs {name} on {workbook} now."
            return ask(self, request, title=f"Sync {workbook}?", text=text, button="Sync now", back=_address(workbook))
        return run_now(self, request, name, workbook=workbook) or HttpResponseRedirect(_address(workbook))


def _finding_row(finding: TabFinding) -> Sequence[str]:
    unknown = (
        f"{letter} {header!r}" + (f" (like {near}?)" if near else "") for letter, header, near in finding.unknown
    )
    doubled = f"two headers mean {', '.join(finding.doubled)}" if finding.doubled else ""
    problem = finding.problem or doubled
    return (finding.title, ", ".join(finding.recognised), ", ".join(unknown), ", ".join(finding.absent), problem)


def _address(workbook: Workbook) -> str:
    return reverse("admin:sheetsync_workbook_change", args=(workbook.pk,))


@admin.register(TabState)
class TabStateAdmin(ReadOnlyAdmin):
    """Rows to look at, tab by tab, as last read."""

    nothing_yet = "Tabs stand here once their workbook was synced: Workbooks, then “Sync now”."
    list_display = ("workbook", "tab", "row_count", "problem_count", "message", "read_at", "saved_at")
    list_filter = ("workbook__role", "workbook")
    search_fields = ("tab", "workbook__title", "message")
    list_select_related = ("workbook",)
    ordering = ("workbook", "tab")
    fieldsets = (
        (None, {"fields": (("workbook", "tab"), ("row_count", "read_at", "saved_at"), "message", "known_columns")}),
        ("Rows to look at", {"fields": ("rows_to_look_at",)}),
    )
    actions_detail = ("look_at_missing_rows",)

    def may_operate(self, request: HttpRequest) -> bool:
        """Whoever may sync workbooks."""
        return bool(request.user.has_perm("sheetsync.change_workbook")) and shows_model(request, TabState)

    @button("Rows that are gone", permissions=["operate"], icon="playlist_remove")
    def look_at_missing_rows(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the brake stopped for, and a person's word on it."""
        return settle_brake(self, request, get_object_or_404(self.get_queryset(request), pk=object_id))

    @shown("Rows to look at")
    def problem_count(self, state: TabState) -> int:
        """How many rows weren't OK."""
        return len(state.problems)

    @shown("Columns")
    def known_columns(self, state: TabState) -> str:
        """Those that were there."""
        return ", ".join(state.columns) or "-"

    @shown("Rows")
    def rows_to_look_at(self, state: TabState) -> SafeString | str:
        """Row, key and run_status of those that weren't OK."""
        return table(("Row", "Key", "Status"), state.problems, nothing="Every row was OK.")


@admin.register(RowState)
class RowStateAdmin(ReadOnlyAdmin):
    """What both sides last agreed on, row by row: for finding out why the merge decided as it did."""

    list_display = ("row_key", "workbook", "tab", "verdict", "is_present", "has_pending")
    list_filter = ("workbook", "tab", "is_present", "has_pending")
    search_fields = ("row_key", "verdict")
    list_select_related = ("workbook",)
    ordering = ("workbook", "tab", "row_key")


@admin.register(KeyReservation)
class KeyReservationAdmin(ReadOnlyAdmin):
    """Keys that were given to rows, taken or not."""

    list_display = ("key", "workbook", "tab", "taken_at")
    list_filter = ("workbook", ("taken_at", admin.EmptyFieldListFilter))
    search_fields = ("key",)
    list_select_related = ("workbook",)
    ordering = ("-key",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[KeyReservation]:
        """With their workbooks."""
        reserved: QuerySet[KeyReservation] = super().get_queryset(request)
        return reserved.select_related("workbook")
