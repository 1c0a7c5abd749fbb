"""Admin pages of the backlog."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from backlog.models import INTAKE_FIELDS, Initiative, IntakeSubmission
from backlog.services import intake_value
from sheetsync.admin.base import DeskAdmin, ReadOnlyAdmin, as_code
from sheetsync.admin.decorators import shown
from sheetsync.admin.tables import shown_number, table
from sheetsync.admin.transfer import TransfersRows
from sheetsync.tabs import Role

STATUS_COLOURS = {
    "new": "info",
    "discovery": "info",
    "ready": "success",
    "planned": "success",
    "in_progress": "warning",
    "done": "success",
    "rejected": "danger",
    "archived": "danger",
}


@admin.register(Initiative)
class InitiativeAdmin(TransfersRows, DeskAdmin):
    """Every initiative. New ones come through intake, where they get their key."""

    in_search = True
    import_tab = (Role.BACKLOG, "Backlog")
    list_display = (
        *("initiative_key", "title", "shown_status", "department", "market", "tokens"),
        *("framework", "score", "candidate_for"),
    )
    list_display_links = ("initiative_key", "title")
    list_filter = (
        *("lifecycle_status", "department", "product_area", "market", "country", "active_scoring_framework"),
        *("is_optimization_candidate", "candidate_period_key", "use_math_model"),
    )
    nothing_yet = "Initiatives come from intake: connect an intake workbook under Workbooks, then sync it."
    key_field = "initiative_key"
    search_fields = ("initiative_key", "title", "requester_name", "requester_email", "program_key")
    looked_through = ("metric_chain_json",)  # for initiatives that share a metric
    ordering = ("initiative_key",)
    readonly_fields = ("overridden", "metric_chain", "contributions")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *(("initiative_key", "lifecycle_status"), "title", ("market", "category", "program_key")),
                    *(("is_optimization_candidate", "candidate_period_key"), "strategic_priority_coefficient"),
                )
            },
        ),
        (
            "From intake",
            {
                "classes": ["tab"],
                "fields": (
                    *(("department", "requesting_team"), ("requester_name", "requester_email")),
                    *(("country", "product_area"), ("customer_segment", "initiative_type")),
                    *("problem_statement", "hypothesis", "intake_source", "overridden"),
                ),
            },
        ),
        (
            "Effort",
            {
                "classes": ["tab"],
                "fields": (
                    *("scope_mode", ("engineering_tokens", "engineering_tokens_mvp", "engineering_tokens_full")),
                    *("effort_tshirt_size", ("effort_engineering_days", "effort_other_teams_days")),
                    "infra_cost_estimate",
                ),
            },
        ),
        (
            "Risk and time",
            {
                "classes": ["tab"],
                "fields": (
                    *("dependencies_initiatives", "dependencies_others", "risk_level", "risk_description"),
                    *("time_sensitivity_score", ("earliest_start_date", "latest_finish_date", "deadline_date")),
                ),
            },
        ),
        (
            "Scores and KPIs",
            {
                "classes": ["tab"],
                "fields": (
                    *(("active_scoring_framework", "use_math_model"), ("value_score", "effort_score", "overall_score")),
                    *("immediate_kpi_key", "kpi_contribution_json", "metric_chain", "llm_summary"),
                ),
            },
        ),
        ("Record", {"classes": ["tab"], "fields": (("created_at", "updated_at"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Initiative]:
        """With what intake said of each."""
        initiatives: QuerySet[Initiative] = super().get_queryset(request)
        return initiatives.select_related("submission", "submission__workbook")

    @shown("Status", label=STATUS_COLOURS, ordering="lifecycle_status")
    def shown_status(self, initiative: Initiative) -> str:
        """In colour."""
        return initiative.lifecycle_status

    @shown("Tokens", ordering="engineering_tokens")
    def tokens(self, initiative: Initiative) -> str:
        """What it takes of the capacity."""
        return shown_number(initiative.engineering_tokens)

    @shown("Framework", ordering="active_scoring_framework")
    def framework(self, initiative: Initiative) -> str:
        """Whose scores hold."""
        return initiative.active_scoring_framework

    @shown("Score", ordering="overall_score")
    def score(self, initiative: Initiative) -> str:
        """By the active framework."""
        return shown_number(initiative.overall_score)

    @shown("Candidate for", ordering="candidate_period_key")
    def candidate_for(self, initiative: Initiative) -> str:
        """The period in which the optimizer considers it; a dash where it doesn't."""
        return initiative.candidate_period_key if initiative.is_optimization_candidate else "-"

    @shown("Overridden")
    def overridden(self, initiative: Initiative) -> SafeString | str:
        """Where a person's override holds, and what intake says there."""
        submission = getattr(initiative, "submission", None)
        if submission is None:
            return "-"
        said = {name: intake_value(submission.workbook, name, getattr(submission, name)) for name in INTAKE_FIELDS}
        rows = [
            (name, getattr(initiative, name), said[name])
            for name in INTAKE_FIELDS
            if getattr(initiative, name) != said[name]
        ]
        return table(("Field", "Holds", "Intake says"), rows, nothing="Nothing: all is as intake says.")

    @shown("Metric chain")
    def metric_chain(self, initiative: Initiative) -> Any:
        """Of its models, as one graph."""
        return as_code(initiative.metric_chain_json)

    @shown("Contributions")
    def contributions(self, initiative: Initiative) -> Any:
        """Per KPI, in the KPI's unit."""
        return as_code(initiative.kpi_contribution_json)


@admin.register(IntakeSubmission)
class IntakeSubmissionAdmin(ReadOnlyAdmin):
    """What each intake row last said. It is changed in the intake workbook."""

    list_display = (
        "key",
        "title",
        "department",
        "requesting_team",
        "requester_name",
        "country",
        "product_area",
        "workbook",
    )
    list_filter = ("workbook", "department", "product_area", "country")
    nothing_yet = "What intake workbooks hold stands here after their first sync."
    key_field = "initiative__initiative_key"
    search_fields = ("initiative__initiative_key", "title", "requester_name", "requester_email")
    list_select_related = ("initiative", "workbook")
    ordering = ("initiative__initiative_key",)
    fieldsets = (
        (None, {"fields": ("initiative", ("workbook", "tab"))}),
        ("What intake says", {"fields": INTAKE_FIELDS}),
    )

    @shown("Key", ordering="initiative__initiative_key")
    def key(self, submission: IntakeSubmission) -> str:
        """The initiative's key."""
        return submission.initiative.initiative_key
