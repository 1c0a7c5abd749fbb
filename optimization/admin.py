"""Admin pages of scenarios, constraint sets, runs and portfolios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from optimization.constraints.rules import Rule
from optimization.models import (
    OptimizationConstraintSet,
    OptimizationRun,
    OptimizationScenario,
    Portfolio,
    PortfolioItem,
)
from sheetsync.admin.base import DeskAdmin, ReadOnlyAdmin, ReadOnlyInline, as_code
from sheetsync.admin.decorators import shown
from sheetsync.admin.links import link, record_link, run_address
from sheetsync.admin.tables import shown_number, table
from sheetsync.admin.transfer import ExportsRows
from sheetsync.models import ActionRun
from sheetsync.transfer.exporting import stored_columns

STATUS_COLOURS = {
    "optimal": "success",
    "feasible": "warning",
    "infeasible": "danger",
    "failed": "danger",
    "running": "info",
    "queued": "info",
}


@admin.register(OptimizationScenario)
class OptimizationScenarioAdmin(DeskAdmin):
    """What runs are for: a period, a capacity, an objective. Here a scenario can ask for a robust choice."""

    nothing_yet = (
        "Scenarios are entered in the tab Scenario_Config of an optimization workbook; saving it brings them here."
    )
    admin_fields = ("robust_weight",)
    in_search = True
    list_display = ("scenario_name", "period_key", "capacity_total_tokens", "objective_mode", "objective_scope")
    list_filter = ("period_key", "objective_mode")
    search_fields = ("scenario_name", "notes")
    ordering = ("scenario_name",)
    fieldsets = (
        (None, {"fields": (("scenario_name", "period_key"), "capacity_total_tokens")}),
        ("Objective", {"fields": (("objective_mode", "objective_scope"), "objective_weights_json", "notes")}),
        ("Robust choice", {"fields": ("robust_weight",)}),
    )


@admin.register(OptimizationConstraintSet)
class OptimizationConstraintSetAdmin(ExportsRows, DeskAdmin):
    """Compiled from Constraints and Targets, where the rules are changed. Here a set can be put out of use."""

    nothing_yet = (
        "Sets are compiled from Constraints and Targets: “Save scenarios, constraints and targets” under Runs."
    )
    admin_fields = ("is_active",)
    export_columns = stored_columns(
        *("scenario__scenario_name", "constraint_set_name", "is_active", "saved_at", "floors_json", "caps_json"),
        *("targets_json", "mandatory_initiatives_json", "bundles_json", "exclusions_initiatives_json"),
        *("exclusions_pairs_json", "prerequisites_json", "synergy_bonuses_json"),
    )
    list_display = (
        "constraint_set_name",
        "scenario",
        "is_active",
        "rule_count",
        "refused_count",
        "workbook",
        "saved_at",
    )
    list_filter = ("is_active", "scenario", "workbook")
    search_fields = ("constraint_set_name", "scenario__scenario_name")
    list_select_related = ("scenario", "workbook")
    ordering = ("scenario__scenario_name", "constraint_set_name")
    readonly_fields = ("rules", "refused")
    fieldsets = (
        (None, {"fields": (("scenario", "constraint_set_name"), "is_active", ("workbook", "saved_at"))}),
        ("Rules", {"fields": ("rules",)}),
        ("Rows that aren't in the set", {"fields": ("refused",)}),
    )

    @shown("Rules")
    def rule_count(self, rules: OptimizationConstraintSet) -> int:
        """Rows that were compiled."""
        return len(rules.rules_json)

    @shown("Refused rows")
    def refused_count(self, rules: OptimizationConstraintSet) -> int:
        """Rows that weren't."""
        return len(rules.refused_rows_json)

    @shown("What binds")
    def rules(self, rules: OptimizationConstraintSet) -> SafeString | str:
        """Row by row, in the words that runs use."""
        compiled = [Rule.from_json(stored) for stored in rules.rules_json]
        rows = ((", ".join(map(str, rule.places)), rule.words(), rule.notes) for rule in compiled)
        return table(("Where", "Rule", "Notes"), rows, nothing="No rules.")

    @shown("Refused")
    def refused(self, rules: OptimizationConstraintSet) -> SafeString | str:
        """Where, and why."""
        return _rows(rules.refused_rows_json, {"tab": "Tab", "row": "Row", "text": "Why"}, "None.")


@admin.register(OptimizationRun)
class OptimizationRunAdmin(ReadOnlyAdmin):
    """What went in, what came out: the story first, then what is stored."""

    change_form_outer_before_template = "admin/sheetsync/panels_first.html"
    change_form_outer_after_template = ""
    nothing_yet = "Fill in Scenario_Config and Constraints, then start “Run on all candidates” under Runs."
    in_search = True
    list_display = (
        *("run_id", "scenario_name", "objective_mode", "shown_status"),
        *("selected", "capacity", "objective", "created_at"),
    )
    list_filter = ("status", "objective_mode", "scenario_name", "constraint_set_name")
    search_fields = ("run_id", "scenario_name", "constraint_set_name", "requested_by")
    date_hierarchy = "created_at"
    list_select_related = ("portfolio",)
    fieldsets = (
        (
            "What is stored",
            {
                "fields": (
                    *(("run_id", "shown_status"), ("scenario", "constraint_set"), ("period_key", "objective_mode")),
                    *(("created_at", "finished_at"), ("requested_by", "asked_in"), "items", "message"),
                )
            },
        ),
        ("The result, as stored", {"classes": ["tab"], "fields": ("outcome",)}),
        ("The inputs, as stored", {"classes": ["tab"], "fields": ("inputs",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[OptimizationRun]:
        """With the portfolio; the lists of runs leave the big snapshots where they are."""
        runs: QuerySet[OptimizationRun] = super().get_queryset(request)
        return runs.select_related("scenario", "constraint_set", "portfolio").defer(
            "inputs_snapshot_json", "result_json"
        )

    @shown("Status", label=STATUS_COLOURS, ordering="status")
    def shown_status(self, run: OptimizationRun) -> str:
        """In colour."""
        return run.status

    @shown("Selected", ordering="portfolio__selected_count")
    def selected(self, run: OptimizationRun) -> str:
        """How many of how many."""
        chosen = _portfolio(run)
        return f"{chosen.selected_count} of {chosen.candidate_count}" if chosen else "-"

    @shown("Tokens used", ordering="portfolio__capacity_used")
    def capacity(self, run: OptimizationRun) -> str:
        """How many of how many."""
        chosen = _portfolio(run)
        return f"{chosen.capacity_used:g} of {chosen.capacity_total:g}" if chosen else "-"

    @shown("Objective", ordering="portfolio__total_objective")
    def objective(self, run: OptimizationRun) -> str:
        """What was reached."""
        chosen = _portfolio(run)
        return shown_number(chosen.total_objective if chosen else None)

    @shown("Asked for in")
    def asked_in(self, run: OptimizationRun) -> SafeString | str:
        """The run of the action, as a link."""
        asked = ActionRun.objects.filter(run_id=run.action_run_id).first() if run.action_run_id else None
        return link(run_address(asked), asked.run_id) if asked else run.action_run_id or "-"

    @shown("Portfolio")
    def items(self, run: OptimizationRun) -> SafeString | str:
        """What it chose, as a link."""
        chosen = _portfolio(run)
        return record_link("optimization.Portfolio", chosen.pk, "initiative by initiative") if chosen else "-"

    @shown("Result")
    def outcome(self, run: OptimizationRun) -> SafeString | str:
        """The stored result, part by part."""
        return _parts(run.result_json)

    @shown("Snapshot")
    def inputs(self, run: OptimizationRun) -> SafeString | str:
        """The stored inputs, part by part."""
        return _parts(run.inputs_snapshot_json)


class PortfolioItemInline(ReadOnlyInline):
    """Initiative by initiative."""

    model = PortfolioItem
    ordering = ("-selected", "rank", "initiative_key")
    per_page = 50
    fields = (
        *("initiative_key", "selected", "rank", "allocated_tokens", "north_star_gain", "objective_contribution"),
        *("dependency_status", "reason"),
    )
    readonly_fields = fields


@admin.register(Portfolio)
class PortfolioAdmin(ReadOnlyAdmin):
    """What a run chose."""

    list_display = (
        *("scenario", "run_link", "selected_count", "candidate_count", "capacity_used", "capacity_total"),
        *("total_objective", "by_score"),
    )
    list_filter = ("run__scenario", "run__objective_mode", "run__status")
    search_fields = ("run__run_id", "run__scenario_name")
    list_select_related = ("run",)
    ordering = ("-run__created_at",)
    inlines = (PortfolioItemInline,)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *(("scenario", "run_link"), ("selected_count", "candidate_count")),
                    *(("capacity_used", "capacity_total"), ("total_objective", "by_score"), "optimality_gap"),
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Portfolio]:
        """With their runs, but for the big snapshots."""
        chosen: QuerySet[Portfolio] = super().get_queryset(request)
        return chosen.select_related("run").defer("run__inputs_snapshot_json", "run__result_json")

    @shown("Scenario", ordering="run__scenario_name")
    def scenario(self, chosen: Portfolio) -> str:
        """What it was made for."""
        return chosen.run.scenario_name

    @shown("Sorting by score", ordering="greedy_objective")
    def by_score(self, chosen: Portfolio) -> str:
        """What taking the highest scores until the capacity is full would have reached."""
        return shown_number(chosen.greedy_objective)

    @shown("Run", ordering="run__created_at")
    def run_link(self, chosen: Portfolio) -> str:
        """The run, as a link."""
        address = reverse("admin:optimization_optimizationrun_change", args=(chosen.run_id,))
        return format_html('<a href="{}">{}</a>', address, chosen.run.run_id)


@admin.register(PortfolioItem)
class PortfolioItemAdmin(ExportsRows, ReadOnlyAdmin):
    """Every initiative in every run, for finding where one was chosen and why."""

    export_columns = stored_columns(
        *("portfolio__run__run_id", "portfolio__run__scenario_name", "initiative_key", "initiative__title", "selected"),
        *("rank", "allocated_tokens", "north_star_gain", "objective_contribution", "is_eligible", "dependency_status"),
        "reason",
    )
    list_display = (
        *("initiative_key", "scenario", "selected", "rank", "allocated_tokens"),
        *("objective_contribution", "reason"),
    )
    list_filter = ("selected", "is_eligible", "portfolio__run__scenario")
    search_fields = ("initiative_key", "initiative__title", "portfolio__run__run_id", "reason")
    list_select_related = ("portfolio__run",)
    ordering = ("-portfolio__run__created_at", "-selected", "rank", "initiative_key")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PortfolioItem]:
        """With their runs, but for the big snapshots."""
        items: QuerySet[PortfolioItem] = super().get_queryset(request)
        big = ("portfolio__run__inputs_snapshot_json", "portfolio__run__result_json")
        return items.select_related("portfolio__run", "initiative").defer(*big)

    @shown("Scenario", ordering="portfolio__run__scenario_name")
    def scenario(self, item: PortfolioItem) -> str:
        """What the run was for."""
        return item.portfolio.run.scenario_name


def _portfolio(run: OptimizationRun) -> Portfolio | None:
    return getattr(run, "portfolio", None)


def _parts(stored: Mapping[str, Any]) -> SafeString | str:
    """A stored structure by its names; long lists by their length."""
    rows = ((name, _brief(value)) for name, value in sorted(stored.items()))
    return table(("Part", "Content"), rows, nothing="Nothing is stored.")


def _brief(value: Any) -> Any:
    if isinstance(value, list | dict) and len(value) > 20:
        return f"{len(value)} entries"
    return as_code(value)


def _rows(stored: list[dict[str, Any]], names: Mapping[str, str], nothing: str) -> SafeString | str:
    return table(tuple(names.values()), ([row.get(name) for name in names] for row in stored), nothing=nothing)
