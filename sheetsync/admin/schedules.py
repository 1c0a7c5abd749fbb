"""The timetable in plain words: which action is asked for, how often, and when next. What would stop the timetable can't be stored."""

from __future__ import annotations

import ast
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from sheetsync.admin.base import DeskPage
from sheetsync.admin.decorators import shown
from sheetsync.models import Workbook
from sheetsync.runs.actions import ACTIONS
from sheetsync.runs.schedules import ASK, LONGEST_MINUTES, PREFIX, problem_of, timetable

OFTEN = {
    Schedule.MINUTES: "every so many minutes",
    Schedule.HOURLY: "every hour",
    Schedule.DAILY: "every day",
    Schedule.WEEKLY: "every week",
    Schedule.MONTHLY: "every month",
}


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """An action that is asked for again and again."""

    action = forms.ChoiceField(label="Action", widget=UnfoldAdminSelectWidget)
    workbook = forms.ChoiceField(label="Workbook", required=False, widget=UnfoldAdminSelectWidget)
    schedule_type = forms.ChoiceField(label="How often", choices=list(OFTEN.items()), widget=UnfoldAdminSelectWidget)
    minutes = forms.IntegerField(
        label="Minutes", required=False, min_value=1, max_value=LONGEST_MINUTES, widget=UnfoldAdminIntegerFieldWidget
    )
    next_run = forms.SplitDateTimeField(label="Next time (UTC)", widget=UnfoldAdminSplitDateTimeWidget)
    is_on = forms.BooleanField(label="In use", required=False, initial=True, widget=UnfoldBooleanSwitchWidget)

    class Meta:
        model = Schedule
        fields = ("name", "schedule_type", "minutes", "next_run")
        widgets = {"name": UnfoldAdminTextInputWidget}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["action"].choices = [  # type: ignore[attr-defined]
            (name, f"{action.label} ({name})") for name, action in sorted(ACTIONS.items())
        ]
        books = Workbook.objects.filter(is_active=True)
        self.fields["workbook"].choices = [  # type: ignore[attr-defined]
            ("", "every active one of its kind"),
            *((str(book.pk), f"{book} ({book.role})") for book in books),
        ]
        asked = asked_for(self.instance)
        self.initial.update(action=asked.get("action"), workbook=str(asked.get("workbook") or ""))
        if self.instance.pk:
            self.initial["is_on"] = self.instance.repeats != 0

    def clean(self) -> dict[str, Any]:
        """A workbook that the action doesn't work on, or no minutes, would fail every time."""
        given = super().clean() or self.cleaned_data
        action = ACTIONS.get(given.get("action", ""))
        book = Workbook.objects.filter(pk=given.get("workbook") or 0).first()
        if action and book and book.role not in action.roles:
            text = f"{action.name} works on {' and '.join(action.roles)} workbooks; {book} is of the role {book.role}."
            self.add_error("workbook", text)
        if given.get("schedule_type") == Schedule.MINUTES and not given.get("minutes"):
            self.add_error("minutes", "Say after how many minutes; 15, for example.")
        if str(given.get("name") or "").startswith(PREFIX):
            self.add_error("name", f"Names that begin with {PREFIX!r} are the timetable's own; choose another.")
        return given

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        row, given = self.instance, self.cleaned_data
        row.func, row.args, row.hook, row.cluster = ASK, None, None, None
        book = int(given.get("workbook") or 0)
        row.kwargs = repr({"action": given.get("action", ""), **({"workbook": book} if book else {})})
        row.repeats = -1 if given.get("is_on") else 0
        problem = "" if self.errors else problem_of(row)
        if problem:
            self.add_error(None, f"This schedule can't be carried out: {problem}.")


# What became of tasks stands in their runs; the queue's own pages would hand tasks out anew behind the runs' back.
for kept in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(kept):
        admin.site.unregister(kept)


@admin.register(Schedule)
class ScheduleAdmin(DeskPage, ModelAdmin):  # type: ignore[misc]
    """What workers do by the clock. Rows of the settings are shown, and follow the settings."""

    form = ScheduleForm
    list_display = ("shown_name", "what", "how_often", "next_run", "is_on")
    ordering = ("name", "pk")
    fieldsets = (
        (None, {"fields": ("name", ("action", "workbook"), ("schedule_type", "minutes"), "next_run", "is_on")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        """All of them, ours first."""
        rows: QuerySet[Schedule] = super().get_queryset(request)
        return rows.order_by("name", "pk")

    def has_change_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        """Rows of the settings change with the settings alone."""
        return bool(super().has_change_permission(request, obj)) and not (obj is not None and follows_settings(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        """Likewise."""
        return bool(super().has_delete_permission(request, obj)) and not (obj is not None and follows_settings(obj))

    def get_fieldsets(self, request: HttpRequest, obj: Schedule | None = None) -> Any:
        """A row that can't be edited is told in words."""
        if obj is not None and not self.has_change_permission(request, obj):
            return ((None, {"fields": ("shown_name", "what", "how_often", "next_run", "is_on", "why_fixed")}),)
        return self.fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Schedule | None = None) -> Any:
        """What words say."""
        told = obj is not None and not self.has_change_permission(request, obj)
        return ("shown_name", "what", "how_often", "next_run", "is_on", "why_fixed") if told else ()

    @shown("Name", ordering="name")
    def shown_name(self, row: Schedule) -> str:
        """Its name, or what it calls."""
        return str(row.name or row.func).removeprefix(PREFIX)

    @shown("What is done")
    def what(self, row: Schedule) -> str:
        """In words."""
        own = {entry.func: entry.words for entry in timetable()}
        if row.func in own:
            return own[row.func]
        asked = asked_for(row)
        action = ACTIONS.get(str(asked.get("action")))
        if action is None:
            return str(row.func)
        book = asked.get("workbook")
        return f"{action.label}, on {f'workbook {book}' if book else 'every active workbook of its kind'}"

    @shown("How often", ordering="schedule_type")
    def how_often(self, row: Schedule) -> str:
        """In words."""
        if row.schedule_type == Schedule.MINUTES:
            return "every minute" if row.minutes == 1 else f"every {row.minutes} minutes"
        return OFTEN.get(row.schedule_type, str(row.get_schedule_type_display()).lower())

    @admin.display(description="In use", boolean=True)
    def is_on(self, row: Schedule) -> bool:
        """Whether it is done at all."""
        return bool(row.repeats != 0)

    @shown("Who changes it")
    def why_fixed(self, row: Schedule) -> str:
        """Why it isn't edited here."""
        return "It follows the settings (SYNC_EVERY_MINUTES for the sync); the operator's guide names them."


def follows_settings(row: Schedule) -> bool:
    """Whether the row is put back to what the settings say."""
    return str(row.name or "").startswith(PREFIX)


def asked_for(row: Schedule) -> dict[str, Any]:
    """What a row of ours asks for: action, workbook."""
    try:
        read = ast.literal_eval(str(row.kwargs or "{}"))
    except (ValueError, SyntaxError):
        return {}
    return read if isinstance(read, dict) and row.func == ASK else {}
