"""Admin pages of runs: what is under way, what it said, what it changed; undo, cancel, run again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant

from sheetsync.admin.asking import run_now
from sheetsync.admin.base import ReadOnlyAdmin, as_code, signed_in
from sheetsync.admin.confirm import ask, confirmed
from sheetsync.admin.decorators import button, shown
from sheetsync.admin.following import ENDED, state_of, under_way
from sheetsync.admin.links import LINK, link, run_address
from sheetsync.admin.plans import cell_changes, stored_changes, told
from sheetsync.admin.starting import choose_action, start_action
from sheetsync.admin.undoing import UNDO, ask_to_undo
from sheetsync.context import Arguments
from sheetsync.models import ActionRun
from sheetsync.runs.actions import ACTIONS
from sheetsync.runs.cancelling import cancel

# How a run's status looks.
STATUS_COLOURS = {
    "success": "success",
    "partial": "warning",
    "failed": "danger",
    "running": "info",
    "queued": "info",
    "cancelled": "warning",
}


@admin.register(ActionRun)
class ActionRunAdmin(ReadOnlyAdmin):
    """Who asked for what, and what came of it."""

    in_search = True
    nothing_yet = "Each call of an action is kept here. “Start an action”, above, makes the first."
    list_display = (
        *("run_id", "action", "shown_status", "requested_by", "workbook", "created_at"),
        "changes",
    )
    list_filter = ("status", "action", "came_from", "workbook")
    search_fields = ("run_id", "action", "requested_by")
    date_hierarchy = "created_at"
    list_select_related = ("workbook",)
    actions_list = ("start",)
    actions_detail = ("cancel_this_run", "undo_this_run", "run_again")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "now",
                    *(("run_id", "shown_status"), ("action", "workbook"), ("requested_by", "came_from")),
                    *(("created_at", "started_at", "finished_at"), ("asked_for", "undone"), "counted", "changed"),
                )
            },
        ),
        ("What it said", {"classes": ["tab"], "fields": ("said",)}),
        ("In the database", {"classes": ["tab"], "fields": ("stored",)}),
        ("In the sheets", {"classes": ["tab"], "fields": ("written",)}),
        ("How it was carried out", {"classes": ["tab"], "fields": (("attempts", "worker", "lease_until"),)}),
    )

    class Media:
        js = ("sheetsync/follow_run.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ActionRun]:
        """With what the pages show."""
        runs: QuerySet[ActionRun] = super().get_queryset(request)
        return runs.select_related("workbook", "undone_by")

    def get_urls(self) -> list[URLPattern]:
        """The run's state for its page, and the pages that start an action."""
        own = [
            path("start/", self._view(choose_action), name="sheetsync_actionrun_start"),
            path("start/<str:name>/", self._view(start_action), name="sheetsync_actionrun_start_action"),
            path("<int:pk>/state/", self.admin_site.admin_view(self.state), name="sheetsync_actionrun_state"),
        ]
        return [*own, *super().get_urls()]

    def _view(self, view: Any) -> Any:
        def answer(request: HttpRequest, **named: str) -> HttpResponse:
            answered: HttpResponse = view(self, request, **named)
            return answered

        return self.admin_site.admin_view(answer)

    def state(self, request: HttpRequest, pk: int) -> JsonResponse:
        """How the run stands, for the page that follows it."""
        run = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, run):
            return JsonResponse({"error": "you may not see runs"}, status=403)
        return JsonResponse(state_of(run))

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        """Buttons that the run's state has a use for. Pressed a moment too late, they say so."""
        useless = ("run_again", "undo_this_run") if not _has_ended(object_id) else ("cancel_this_run",)
        offered = super().get_actions_detail(request, object_id)
        return [each for each in offered if not each.action_name.endswith(useless)]

    # ---- what is shown ---------------------------------------------------------------------------------------------

    @shown("Status", label=STATUS_COLOURS, ordering="status")
    def shown_status(self, run: ActionRun) -> str:
        """In colour."""
        return "cancelled" if run.cancelled_by and run.status in ENDED else run.status

    @shown("Changed")
    def changes(self, run: ActionRun) -> str:
        """Rows of either side, and cells, as counted when it ended."""
        rows, cells = run.counts.get("rows_changed", 0), run.counts.get("cells_written", 0)
        return f"rows: {rows:,}, cells: {cells:,}" if run.status in ENDED else "-"

    @shown("Now")
    def now(self, run: ActionRun) -> SafeString | str:
        """What it is doing; the page follows it."""
        return under_way(run)

    @shown("Arguments")
    def asked_for(self, run: ActionRun) -> str:
        """What was asked for."""
        return as_code(run.payload)

    @shown("Undone by")
    def undone(self, run: ActionRun) -> str:
        """The run that took it back."""
        return link(run_address(run.undone_by), run.undone_by.run_id) if run.undone_by else "-"

    @shown("Counts")
    def counted(self, run: ActionRun) -> str:
        """What it read and wrote."""
        return ", ".join(f"{name.replace('_', ' ')}: {number}" for name, number in run.counts.items()) or "-"

    @shown("What it changed")
    def changed(self, run: ActionRun) -> str:
        """Links to every change."""
        links = (
            ("recordchange", "stored records", run.record_changes.count()),
            ("cellchange", "rows of sheets", run.cell_changes.count()),
            ("conflict", "conflicts", run.conflicts.count()),
        )
        return format_html_join(
            " · ", '<a class="{}" href="{}?run__id__exact={}">{}: {}</a>',
            ((LINK, reverse(f"admin:sheetsync_{page}_changelist"), run.pk, what, number) for page, what, number in links),
        )  # fmt: skip

    @shown("Messages")
    def said(self, run: ActionRun) -> SafeString | str:
        """With links to the rows' records."""
        return told(run.messages)

    @shown("Stored records, field by field")
    def stored(self, run: ActionRun) -> SafeString | str:
        """Old and new."""
        return stored_changes(run)

    @shown("Sheets, cell by cell")
    def written(self, run: ActionRun) -> SafeString | str:
        """Before and written."""
        return cell_changes(run)

    # ---- buttons ---------------------------------------------------------------------------------------------------

    @button("Start an action", permissions=["operate"], icon="play_arrow", variant=ActionVariant.PRIMARY)
    def start(self, request: HttpRequest) -> HttpResponse:
        """Leads to the choice of actions."""
        return HttpResponseRedirect(reverse("admin:sheetsync_actionrun_start"))

    @button("Undo this run", permissions=["operate"], icon="undo", variant=ActionVariant.DANGER)
    def undo_this_run(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows what would go back and what would be kept, then takes the run back."""
        run = get_object_or_404(self.get_queryset(request), pk=object_id)
        if run.undone_by is not None or run.status not in ENDED or not confirmed(request):
            return ask_to_undo(self, request, run)
        back = HttpResponseRedirect(run_address(run))
        return run_now(self, request, UNDO, arguments=Arguments(runs=(run.run_id,))) or back

    @button("Cancel", permissions=["operate"], icon="stop_circle", variant=ActionVariant.DANGER)
    def cancel_this_run(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then has the run stop."""
        run = get_object_or_404(self.get_queryset(request), pk=object_id)
        back = run_address(run)
        if run.status in ENDED:
            self.message_user(request, f"{run} has ended already; there is nothing to cancel.", messages.WARNING)
            return HttpResponseRedirect(back)
        if not confirmed(request):
            text = "It stops at the next safe point. What it has done until then stays, and can be undone."
            return ask(self, request, title=f"Cancel {run}?", text=text, button="Cancel this run", back=back)
        outcome = cancel(run, signed_in(request).get_username())
        self.message_user(request, outcome or f"{run} has ended meanwhile; nothing was cancelled.", messages.INFO)
        return HttpResponseRedirect(back)

    @button("Run again", permissions=["operate"], icon="replay")
    def run_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then carries out the same action with the same arguments."""
        run = get_object_or_404(self.get_queryset(request), pk=object_id)
        back = run_address(run)
        if run.action not in ACTIONS or run.action == UNDO:
            text = f"{run.action} can't be run again; only actions on workbooks can."
            self.message_user(request, text, messages.ERROR)
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


def _has_ended(pk: int | str) -> bool:
    return str(pk).isdecimal() and ActionRun.objects.filter(pk=pk, status__in=ENDED).exists()
