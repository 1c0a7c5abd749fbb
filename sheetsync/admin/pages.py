"""Admin pages of runs and what they changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant

from sheetsync.admin.base import ReadOnlyAdmin, as_code
from sheetsync.admin.confirm import ask, confirmed
from sheetsync.admin.decorators import button, shown
from sheetsync.admin.tables import table
from sheetsync.context import Arguments
from sheetsync.leases import WorkbooksBusy
from sheetsync.models import ActionRun, CellChange, RecordChange, Workbook
from sheetsync.runs import ACTIONS, WrongUsage, attempt, request
from sheetsync.tasks import enqueue

UNDO = "pm.undo_run"
# How a run's status looks.
STATUS_COLOURS = {"success": "success", "partial": "warning", "failed": "danger", "running": "info", "queued": "info"}
_ENDED = (ActionRun.Status.SUCCESS, ActionRun.Status.PARTIAL, ActionRun.Status.FAILED)
MESSAGES_SHOWN = 200


def run_now(
    page: Any, asked: HttpRequest, name: str, *, workbook: Workbook | None = None, arguments: Arguments | None = None
) -> HttpResponse | None:
    """Carries out an action for the person who asks, and leads to its run; None (with a message) when it can't be asked for.

    While a workbook that it needs is in use it is left to the workers: a page can't wait for long."""
    try:
        run = request(
            name,
            workbook=workbook,
            arguments=arguments,
            requested_by=asked.user.get_username(),
            came_from="admin",
        )
    except WrongUsage as refusal:
        page.message_user(asked, str(refusal), messages.ERROR)
        return None
    try:
        attempt(run)
    except WorkbooksBusy as busy:
        enqueue(run)
        page.message_user(asked, f"{busy}; the workers carry {name} out as soon as it is free.", messages.INFO)
        return HttpResponseRedirect(run_address(run))
    run.refresh_from_db()
    level = {"success": messages.SUCCESS, "partial": messages.WARNING}.get(run.status, messages.ERROR)
    changed = run.counts.get("rows_changed", 0)
    page.message_user(asked, f"{name}: {run.status}; {changed} {'row' if changed == 1 else 'rows'} changed.", level)
    return HttpResponseRedirect(run_address(run))


def run_address(run: ActionRun) -> str:
    """The page of a run."""
    return reverse("admin:sheetsync_actionrun_change", args=(run.pk,))


@admin.register(ActionRun)
class ActionRunAdmin(ReadOnlyAdmin):
    """Who asked for what, and what came of it."""

    list_display = (
        "run_id",
        "action",
        "shown_status",
        "requested_by",
        "came_from",
        "workbook",
        "created_at",
        "changes",
    )
    list_filter = ("status", "action", "came_from", "workbook")
    search_fields = ("run_id", "action", "requested_by")
    date_hierarchy = "created_at"
    list_select_related = ("workbook",)
    actions_detail = ("undo_this_run", "run_again")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *(("run_id", "shown_status"), ("action", "workbook"), ("requested_by", "came_from")),
                    *("progress", ("attempts", "worker", "lease_until")),
                    *(("created_at", "started_at", "finished_at"), ("asked_for", "undone"), "counted", "changed"),
                )
            },
        ),
        ("Messages", {"fields": ("told",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ActionRun]:
        """With the number of records and rows that each run changed."""
        runs: QuerySet[ActionRun] = super().get_queryset(request)
        return runs.select_related("workbook", "undone_by").annotate(
            records=Count("record_changes", distinct=True), rows=Count("cell_changes", distinct=True)
        )

    @shown("Status", label=STATUS_COLOURS, ordering="status")
    def shown_status(self, run: ActionRun) -> str:
        """In colour."""
        return run.status

    @shown("Changed")
    def changes(self, run: Any) -> str:
        """Records in the database, rows in sheets."""
        return f"records: {run.records}, rows: {run.rows}"

    @shown("Arguments")
    def asked_for(self, run: ActionRun) -> str:
        """What was asked for."""
        return as_code(run.payload)

    @shown("Undone by")
    def undone(self, run: ActionRun) -> str:
        """The run that took it back."""
        later = run.undone_by
        return format_html('<a href="{}">{}</a>', run_address(later), later.run_id) if later else "-"

    @shown("Counts")
    def counted(self, run: ActionRun) -> str:
        """What it read and wrote."""
        return ", ".join(f"{name.replace('_', ' ')}: {number}" for name, number in run.counts.items()) or "-"

    @shown("What it changed")
    def changed(self, run: Any) -> str:
        """Links to every change."""
        links = (
            ("recordchange", "stored records", run.records),
            ("cellchange", "rows of sheets", run.rows),
            ("conflict", "conflicts", run.conflicts.count()),
        )
        return format_html_join(
            " · ", '<a class="text-primary-600 dark:text-primary-500" href="{}?run__id__exact={}">{}: {}</a>',
            ((reverse(f"admin:sheetsync_{page}_changelist"), run.pk, what, number) for page, what, number in links),
        )  # fmt: skip

    @shown("What it said")
    def told(self, run: ActionRun) -> SafeString | str:
        """Messages, as a table."""
        shown = run.messages[:MESSAGES_SHOWN]
        rows = [
            [message.get(name) for name in ("status", "workbook", "tab", "row", "key", "text")] for message in shown
        ]
        if len(run.messages) > len(shown):
            rows.append(["", "", "", "", "", f"and {len(run.messages) - len(shown)} more"])
        return table(("Status", "Workbook", "Tab", "Row", "Key", "Message"), rows, nothing="Nothing to tell.")

    # ---- buttons -------------------------------------------------------------------------------------------------------------------

    @button("Undo this run", permissions=["operate"], icon="undo", variant=ActionVariant.DANGER)
    def undo_this_run(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then takes the run back."""
        run = get_object_or_404(self.get_queryset(request), pk=object_id)
        back = run_address(run)
        refused = _why_not_undone(run)
        if refused:
            self.message_user(request, refused, messages.ERROR)
            return HttpResponseRedirect(back)
        if not confirmed(request):
            return ask(
                self,
                request,
                title=f"Undo {run}?",
                text="What this run stored and wrote goes back to what it was before. What people changed since is kept and listed.",
                details=self.changed(run),
                button="Undo this run",
                back=back,
            )
        return run_now(self, request, UNDO, arguments=Arguments(runs=(run.run_id,))) or HttpResponseRedirect(back)

    @button("Run again", permissions=["operate"], icon="replay")
    def run_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then carries out the same action with the same arguments."""
        run = get_object_or_404(self.get_queryset(request), pk=object_id)
        back = run_address(run)
        if run.action not in ACTIONS or run.action == UNDO:
            self.message_user(
                request, f"{run.action} can't be run again; only actions on workbooks can.", messages.ERROR
            )
            return HttpResponseRedirect(back)
        if not confirmed(request):
            where = run.workbook or "every active workbook of its kind"
            text = f"{ACTIONS[run.action].help} This runs now, on {where}."
            return ask(
                self, request, title=f"Run {run.action} again?", text=text, details=as_code(run.payload), button="Run it", back=back
            )  # fmt: skip
        arguments = Arguments.from_json(run.payload)
        return run_now(self, request, run.action, workbook=run.workbook, arguments=arguments) or HttpResponseRedirect(
            back
        )


def _why_not_undone(run: ActionRun) -> str:
    if run.undone_by is not None:
        return f"This run was already undone, by run {run.undone_by.run_id}."
    if run.status not in _ENDED:
        return f"This run is {run.status}; it can be undone once it has ended."
    return ""


class _ChangeAdmin(ReadOnlyAdmin):
    """What one run changed."""

    list_select_related = ("run", "workbook")
    ordering = ("-id",)
    search_fields = ("row_key", "run__run_id", "run__requested_by")
    list_filter: tuple[str, ...] = ("tab", "workbook", "run__action")

    @shown("When", ordering="run__created_at")
    def when(self, change: Any) -> Any:
        """When the run was asked for."""
        return change.run.created_at

    @shown("Run", ordering="run__action")
    def of_run(self, change: Any) -> str:
        """The run, as a link."""
        return format_html('<a href="{}">{}</a>', run_address(change.run), change.run)

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

    list_display = ("when", "row_key", "what", "kind", "old_and_new", "asked_by", "of_run", "workbook", "tab", "row")
    list_filter = ("model", "created", "deleted", *_ChangeAdmin.list_filter)
    fieldsets = (
        (None, {"fields": (("when", "of_run", "asked_by"), ("what", "kind"), ("row_key", "record"), ("workbook", "tab", "row"))}),
        ("Values", {"fields": ("values",)}),
    )  # fmt: skip

    @shown("Record of", ordering="model")
    def what(self, change: RecordChange) -> str:
        """The model."""
        return change.model.partition(".")[2]

    @shown("Change", label={"made": "success", "changed": "info", "deleted": "danger"})
    def kind(self, change: RecordChange) -> str:
        """What happened to it."""
        return "made" if change.created else "deleted" if change.deleted else "changed"

    @shown("Old → new")
    def old_and_new(self, change: RecordChange) -> str:
        """The first few fields, in a line each."""
        lines = [f"{name}: {_short(old)} → {_short(new)}" for name, (old, new) in list(change.fields.items())[:3]]
        more = len(change.fields) - len(lines)
        return "; ".join([*lines, f"and {more} more"] if more > 0 else lines)

    @shown("The record")
    def record(self, change: RecordChange) -> str:
        """A link to the record as it stands."""
        try:
            address = reverse(f"admin:{change.model.lower().replace('.', '_')}_change", args=(change.object_id,))
        except NoReverseMatch:
            return "-"
        return format_html('<a href="{}">{}</a>', address, change.row_key or change.object_id)

    @shown("Old and new")
    def values(self, change: RecordChange) -> SafeString | str:
        """Every field."""
        return table(
            ("Field", "Old", "New"), ((name, as_code(old), as_code(new)) for name, (old, new) in change.fields.items())
        )


@admin.register(CellChange)
class CellChangeAdmin(_ChangeAdmin):
    """What was in cells before, and what was written there."""

    list_display = ("when", "row_key", "tab", "workbook", "appended", "old_and_new", "of_run")
    list_filter = ("appended", *_ChangeAdmin.list_filter)
    fieldsets = (
        (None, {"fields": (("when", "of_run", "asked_by"), ("workbook", "tab"), ("row_key", "appended"))}),
        ("Cells", {"fields": ("values",)}),
    )

    @shown("Before → written")
    def old_and_new(self, change: CellChange) -> str:
        """The first few cells."""
        lines = [f"{name}: {_short(old)} → {_short(new)}" for name, (old, new) in list(change.cells.items())[:3]]
        more = len(change.cells) - len(lines)
        return "; ".join([*lines, f"and {more} more"] if more > 0 else lines)

    @shown("Before and written")
    def values(self, change: CellChange) -> SafeString | str:
        """Every cell."""
        return table(
            ("Column", "Before", "Written"),
            ((name, as_code(old), as_code(new)) for name, (old, new) in change.cells.items()),
        )


def _short(value: Any) -> str:
    text = "nothing" if value in (None, "") else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
