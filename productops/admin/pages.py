"""Admin pages of metrics, models, parameters, scores and contributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse

from backlog.models import Initiative
from productops.admin.filters import AdoptionState, BelongsTo, ModelState, ParamState
from productops.approvals.reviews import why_not_ticked
from productops.contributions.adoption import Basis
from productops.figures import amount, assignments
from productops.llm import admin as _llm_admin  # noqa: F401  # registers its page
from productops.models import (
    SHARED_KEY,
    InitiativeContribution,
    InitiativeMathModel,
    InitiativeParam,
    InitiativeScoring,
    MetricConfig,
    Review,
)
from sheetsync.access.scope import is_limited, within_scope
from sheetsync.admin.asking import run_now
from sheetsync.admin.base import DeskAdmin, ReadOnlyAdmin, signed_in
from sheetsync.admin.decorators import shown
from sheetsync.admin.tables import shown_number, table
from sheetsync.admin.transfer import TransfersRows
from sheetsync.context import Arguments
from sheetsync.records import Incoming
from sheetsync.tabs import Role
from sheetsync.transfer.exporting import ExportColumn
from sheetsync.transfer.importing import Barrier
from sheetsync.values.words import as_shown


class OfInitiativeAdmin(DeskAdmin):
    """A record that hangs on an initiative."""

    list_select_related = ("initiative",)
    key_field = "initiative__initiative_key"
    search_fields: tuple[str, ...] = ("initiative__initiative_key", "initiative__title")
    ordering: tuple[str, ...] = ("initiative__initiative_key",)

    @shown("Key", ordering="initiative__initiative_key")
    def key(self, record: Any) -> str:
        """The initiative's key, or SHARED."""
        return record.initiative.initiative_key if record.initiative else SHARED_KEY

    @shown("Initiative", ordering="initiative__title")
    def title(self, record: Any) -> str:
        """What the initiative is called."""
        return record.initiative.title if record.initiative else "Shared by all"


@admin.register(MetricConfig)
class MetricConfigAdmin(TransfersRows, DeskAdmin):
    """The company's KPIs: one active north star, and the strategic ones."""

    in_search = True
    nothing_yet = (
        "KPIs are entered in the tab Metrics_Config of a productops workbook; saving that tab brings them here."
    )
    import_tab = (Role.PRODUCTOPS, "Metrics_Config")
    list_display = ("kpi_key", "kpi_name", "level", "unit", "is_active", "description")
    list_filter = ("kpi_level", "is_active", "unit")
    search_fields = ("kpi_key", "kpi_name", "description")
    ordering = ("kpi_level", "kpi_key")
    fieldsets = (
        (None, {"fields": (("kpi_key", "kpi_name"), ("kpi_level", "unit"), "is_active", "description", "notes")}),
    )

    @shown("Level", label={"north_star": "success", "strategic": "info"}, ordering="kpi_level")
    def level(self, metric: MetricConfig) -> str:
        """In colour."""
        return metric.kpi_level


class ApprovedAdmin(OfInitiativeAdmin):
    """A record that is approved: by those who may, and by nobody for what they entered themselves."""

    def refusals(self, request: HttpRequest, record: models.Model, changes: Mapping[str, Any]) -> Mapping[str, str]:
        """Why this person may not tick the approval along with these changes."""
        return why_not_ticked(record, changes, signed_in(request))


@admin.register(InitiativeMathModel)
class InitiativeMathModelAdmin(ApprovedAdmin):
    """How initiatives move KPIs. Changing a formula takes its approval back."""

    nothing_yet = "Models are entered in the tab MathModels; an initiative's page starts one from a template."
    may_delete = True
    in_search = True
    list_display = (
        "key",
        "title",
        "model_name",
        "target_kpi_key",
        "approved_by_user",
        "suggested_by_llm",
        "updated_at",
    )
    list_display_links = ("key", "model_name")
    list_filter = ("approved_by_user", ModelState, "suggested_by_llm", "target_kpi_key", "initiative__department")
    search_fields = (*OfInitiativeAdmin.search_fields, "model_name", "formula_text")
    ordering = ("initiative__initiative_key", "model_name")
    fieldsets = (
        (None, {"fields": (("initiative", "model_name"), "model_description_free_text")}),
        ("Formula", {"fields": ("target_kpi_key", "formula_text", "approved_by_user", "suggested_by_llm")}),
        ("Meaning", {"fields": ("metric_chain_text", "assumptions_text", "updated_at")}),
    )


@admin.register(InitiativeParam)
class InitiativeParamAdmin(TransfersRows, ApprovedAdmin):
    """Assumptions. Changing a number, its range or its unit takes its approval back."""

    may_delete = True
    in_search = True
    nothing_yet = "Parameters are entered in the tab Params; “Add missing parameters” under Runs makes a row for each name in a formula."
    import_tab = (Role.PRODUCTOPS, "Params")
    not_imported = ("approved",)
    list_display = (
        "key",
        "title",
        "param_name",
        "shown_value",
        "shown_range",
        "unit",
        "approved",
        "source",
    )
    list_display_links = ("key", "param_name")
    list_filter = ("approved", ParamState, BelongsTo, "framework", "is_auto_seeded", "unit", "initiative__department")
    search_fields = (*OfInitiativeAdmin.search_fields, "param_name", "param_display", "source")
    ordering = ("initiative_id", "framework", "param_name")  # by the key, every page would sort all of them
    fieldsets = (
        (None, {"fields": (("initiative", "framework", "param_name"), "param_display", "description")}),
        ("Value", {"fields": (("value", "unit"), ("min", "max"), "approved", "is_auto_seeded")}),
        ("Where it comes from", {"fields": ("source", "notes")}),
    )

    @shown("Value", ordering="value")
    def shown_value(self, param: InitiativeParam) -> str:
        """As people read numbers."""
        return shown_number(param.value)

    @shown("From min to max", ordering="min")
    def shown_range(self, param: InitiativeParam) -> str:
        """A dash for an end that nobody named."""
        if param.min is None and param.max is None:
            return "-"
        return f"{shown_number(param.min)} to {shown_number(param.max)}"

    def get_export_columns(self) -> Sequence[ExportColumn]:
        """As in the sheet, where a parameter without an initiative is SHARED."""
        return tuple(
            replace(column, shown=lambda key: key or SHARED_KEY) if column.header == "initiative_key" else column
            for column in super().get_export_columns()
        )

    def import_barrier(self, request: HttpRequest) -> Barrier:
        """New parameters of initiatives that the person may not see: to this person those don't exist."""
        if not is_limited(request):
            return super().import_barrier(request)
        seen = set(within_scope(request, Initiative.objects.all()).values_list("initiative_key", flat=True))

        def why_not(row: Incoming) -> str:
            key = str(row.values.get("initiative_key", ""))
            return "" if key in seen or key == SHARED_KEY else f"initiative_key: {as_shown(key)} doesn't exist"

        return why_not


@admin.register(InitiativeScoring)
class InitiativeScoringAdmin(OfInitiativeAdmin):
    """Inputs and scores of every framework, side by side."""

    nothing_yet = "Scores stand here once Scoring_Inputs is saved; “Score” under Runs computes them."
    list_display = ("key", "title", "rice", "wsjf", "math", "active")
    actions = ("count_rice", "count_wsjf", "count_math")
    list_display_links = ("key", "title")
    list_filter = ("initiative__active_scoring_framework", "initiative__department")
    fieldsets = (
        (None, {"fields": ("initiative",)}),
        (
            "RICE",
            {
                "fields": (
                    *(("rice_reach", "rice_impact"), ("rice_confidence", "rice_effort")),
                    ("rice_value_score", "rice_effort_score", "rice_overall_score"),
                )
            },
        ),
        (
            "WSJF",
            {
                "fields": (
                    *(("wsjf_business_value", "wsjf_time_criticality"), ("wsjf_risk_reduction", "wsjf_job_size")),
                    ("wsjf_value_score", "wsjf_effort_score", "wsjf_overall_score"),
                )
            },
        ),
        ("Math model", {"fields": (("math_value_score", "math_effort_score", "math_overall_score"),)}),
    )

    @shown("RICE", ordering="rice_overall_score")
    def rice(self, scoring: InitiativeScoring) -> str:
        """The overall score."""
        return shown_number(scoring.rice_overall_score)

    @shown("WSJF", ordering="wsjf_overall_score")
    def wsjf(self, scoring: InitiativeScoring) -> str:
        """The overall score."""
        return shown_number(scoring.wsjf_overall_score)

    @shown("Math model", ordering="math_overall_score")
    def math(self, scoring: InitiativeScoring) -> str:
        """The overall score."""
        return shown_number(scoring.math_overall_score)

    def has_switch_permission(self, request: HttpRequest) -> bool:
        """For those who may start actions."""
        return bool(request.user.has_perm("sheetsync.add_actionrun"))

    @admin.action(description="Let RICE count for these", permissions=["switch"])
    def count_rice(self, request: HttpRequest, chosen: models.QuerySet[InitiativeScoring]) -> HttpResponse | None:
        """As pm.switch_framework does."""
        return self._switch(request, chosen, "RICE")

    @admin.action(description="Let WSJF count for these", permissions=["switch"])
    def count_wsjf(self, request: HttpRequest, chosen: models.QuerySet[InitiativeScoring]) -> HttpResponse | None:
        """As pm.switch_framework does."""
        return self._switch(request, chosen, "WSJF")

    @admin.action(description="Let the math model count for these", permissions=["switch"])
    def count_math(self, request: HttpRequest, chosen: models.QuerySet[InitiativeScoring]) -> HttpResponse | None:
        """As pm.switch_framework does."""
        return self._switch(request, chosen, "MATH_MODEL")

    def _switch(
        self, request: HttpRequest, chosen: models.QuerySet[InitiativeScoring], framework: str
    ) -> HttpResponse | None:
        keys = tuple(chosen.order_by("initiative__initiative_key").values_list("initiative__initiative_key", flat=True))
        return run_now(self, request, "pm.switch_framework", arguments=Arguments(framework=framework, keys=keys))

    @shown("Active framework", ordering="initiative__active_scoring_framework")
    def active(self, scoring: InitiativeScoring) -> str:
        """The framework whose scores hold."""
        return scoring.initiative.active_scoring_framework


@admin.register(InitiativeContribution)
class InitiativeContributionAdmin(OfInitiativeAdmin):
    """Where adopted contributions came from. The numbers stand on the initiative."""

    nothing_yet = "Contributions are entered in KPI_Contributions, or adopted from models under Adoptions."
    list_display = ("key", "title", "numbers", "adopted_at", "adopted_by", "notes")
    list_display_links = ("key", "title")
    list_filter = (AdoptionState, ("adopted_at", admin.DateFieldListFilter), "initiative__department")
    readonly_fields = ("numbers", "adopted", "adopted_from")
    fieldsets = (
        (None, {"fields": ("initiative", "numbers", "notes")}),
        (
            "Adopted from the model",
            {"fields": ("adopted", ("adopted_at", "adopted_by"), "adopted_run", "adopted_from")},
        ),
    )

    @shown("Contributions")
    def numbers(self, contribution: InitiativeContribution) -> Any:
        """What holds now, per KPI."""
        return assignments(contribution.initiative.kpi_contribution_json or {}) or "-"

    @shown("Adopted")
    def adopted(self, contribution: InitiativeContribution) -> Any:
        """What was adopted then, per KPI."""
        return assignments(contribution.adopted_json or {}) or "-"

    @shown("What it rested on")
    def adopted_from(self, contribution: InitiativeContribution) -> Any:
        """The models and the parameters' values then."""
        if not contribution.adopted_inputs_json:
            return "-"
        basis = Basis.from_json(contribution.adopted_inputs_json)
        rows = [(f"model {name}", model.formula_text) for name, model in basis.models.items()]
        rows += [(name, "empty" if value is None else amount(value)) for name, value in basis.params.items()]
        return table(("From", "As it was then"), rows)


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    """What approvers decided, newest first."""

    nothing_yet = "Each decision of an approver is kept here; what waits for one stands under Approvals."
    list_display = ("decided_at", "label", "shown_decision", "comment", "decided_by", "run_id")
    list_filter = ("decision", "subject", "decided_by")
    search_fields = ("label", "comment", "decided_by")
    ordering = ("-decided_at", "-id")

    @shown("Decision", label={"approved": "success", "rejected": "danger"}, ordering="decision")
    def shown_decision(self, review: Review) -> str:
        """In colour."""
        return review.decision
