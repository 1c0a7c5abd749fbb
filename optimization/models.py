"""Scenarios, constraint sets, runs and the portfolios they chose."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from simple_history.models import HistoricalRecords

from backlog.models import Initiative
from sheetsync.models import Workbook, new_run_id


class ObjectiveMode(models.TextChoices):
    """What a portfolio is made to maximise."""

    NORTH_STAR = "north_star"
    WEIGHTED_KPIS = "weighted_kpis"
    LEXICOGRAPHIC = "lexicographic"


class OptimizationScenario(models.Model):
    """What a run is for: a period, a capacity, an objective."""

    department_path: ClassVar = ""  # see sheetsync.access.scope

    scenario_name = models.CharField(max_length=200, unique=True)
    period_key = models.CharField(max_length=10)
    capacity_total_tokens = models.FloatField(validators=[MinValueValidator(0.0)])
    objective_mode = models.CharField(max_length=20, choices=ObjectiveMode.choices)
    objective_weights_json = models.JSONField(
        null=True, blank=True
    )  # {kpi_key: weight}, or [kpi_key] for lexicographic
    objective_scope = models.CharField(max_length=200, blank=True)  # "" or "all", else a market
    notes = models.TextField(blank=True)
    robust_weight = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="0 to 1: how much a unit of spread below the average counts against a portfolio. Each run then also says which "
        "portfolio would hold up best over the ranges of params. Empty: no robust choice is made.",
    )

    history = HistoricalRecords()

    class Meta:
        verbose_name = "scenario"
        ordering = ("scenario_name",)

    def __str__(self) -> str:
        return self.scenario_name


class OptimizationConstraintSet(models.Model):
    """The rules of one (scenario, constraint set), compiled from the rows of Constraints and Targets."""

    scenario = models.ForeignKey(OptimizationScenario, on_delete=models.CASCADE, related_name="constraint_sets")
    constraint_set_name = models.CharField(max_length=200)
    floors_json = models.JSONField(default=dict, blank=True)
    caps_json = models.JSONField(default=dict, blank=True)
    targets_json = models.JSONField(default=dict, blank=True)
    mandatory_initiatives_json = models.JSONField(default=list, blank=True)
    bundles_json = models.JSONField(default=list, blank=True)
    exclusions_initiatives_json = models.JSONField(default=list, blank=True)
    exclusions_pairs_json = models.JSONField(default=list, blank=True)
    prerequisites_json = models.JSONField(default=dict, blank=True)
    synergy_bonuses_json = models.JSONField(default=list, blank=True)
    rules_json = models.JSONField(
        default=list, blank=True
    )  # the compiled rows, each with its tab and row: see optimization.constraints.sets.Rule
    refused_rows_json = models.JSONField(
        default=list, blank=True
    )  # [{"tab", "row", "text"}]: rows that aren't in the set
    workbook = models.ForeignKey(Workbook, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    is_active = models.BooleanField(default=True)
    saved_at = models.DateTimeField(default=timezone.now)

    history = HistoricalRecords()

    class Meta:
        verbose_name = "constraint set"
        ordering = ("scenario", "constraint_set_name")
        constraints = (models.UniqueConstraint(fields=("scenario", "constraint_set_name"), name="one_set_per_name"),)

    def __str__(self) -> str:
        return f"{self.scenario} / {self.constraint_set_name}"


class OptimizationRun(models.Model):
    """One run: what went in (snapshot), what came out."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        OPTIMAL = "optimal"
        FEASIBLE = "feasible"
        INFEASIBLE = "infeasible"
        FAILED = "failed"

    run_id = models.CharField(max_length=40, unique=True, default=new_run_id)
    scenario = models.ForeignKey(
        OptimizationScenario, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs"
    )
    constraint_set = models.ForeignKey(
        OptimizationConstraintSet, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs"
    )
    scenario_name = models.CharField(max_length=200)
    constraint_set_name = models.CharField(max_length=200, blank=True)
    period_key = models.CharField(max_length=10, blank=True)
    objective_mode = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    inputs_snapshot_json = models.JSONField(default=dict, blank=True)
    result_json = models.JSONField(default=dict, blank=True)
    message = models.TextField(blank=True)
    requested_by = models.CharField(max_length=200, blank=True)
    action_run_id = models.CharField(max_length=40, blank=True)
    workbook = models.ForeignKey(Workbook, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    written_at = models.DateTimeField(null=True, blank=True)  # when its rows were known to stand in the workbook
    owed_tabs_json = models.JSONField(
        default=list, blank=True
    )  # tabs whose rows of this run a later action made or changed, and that the workbook doesn't show yet

    history = HistoricalRecords(excluded_fields=["inputs_snapshot_json", "result_json"])

    class Meta:
        verbose_name = "optimizer run"
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.scenario_name} {self.run_id}"


class Portfolio(models.Model):
    """What a run chose, in figures."""

    run = models.OneToOneField(OptimizationRun, on_delete=models.CASCADE, related_name="portfolio")
    candidate_count = models.PositiveIntegerField(default=0)
    selected_count = models.PositiveIntegerField(default=0)
    capacity_total = models.FloatField(default=0.0)  # tokens
    capacity_used = models.FloatField(default=0.0)  # tokens
    total_objective = models.FloatField(
        null=True, blank=True
    )  # native units of the north star, or sum of weighted fractions
    greedy_objective = models.FloatField(
        null=True, blank=True
    )  # the same, for sorting by the active score and filling capacity
    optimality_gap = models.FloatField(null=True, blank=True)  # relative; 0 is proved

    history = HistoricalRecords()

    def __str__(self) -> str:
        return f"portfolio of {self.run}"


class PortfolioItem(models.Model):
    """One initiative in a run's outcome, selected or not."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="items")
    initiative = models.ForeignKey(
        Initiative, null=True, blank=True, on_delete=models.SET_NULL, related_name="portfolio_items"
    )
    initiative_key = models.CharField(max_length=40)
    is_eligible = models.BooleanField(default=True)
    selected = models.BooleanField(default=False)
    rank = models.PositiveIntegerField(null=True, blank=True)
    allocated_tokens = models.FloatField(null=True, blank=True)
    north_star_gain = models.FloatField(null=True, blank=True)
    objective_contribution = models.FloatField(null=True, blank=True)
    dependency_status = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    selection_frequency = models.FloatField(null=True, blank=True)  # share of draws that choose it; None: no draws yet

    history = HistoricalRecords()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("portfolio", "initiative_key"), name="one_item_per_initiative"),)

    def __str__(self) -> str:
        return f"{self.initiative_key} in {self.portfolio}"


class Publication(models.Model):
    """A person's word that a run is the plan of its scenario; the latest one of a scenario holds, earlier ones stay."""

    run = models.ForeignKey(OptimizationRun, on_delete=models.CASCADE, related_name="publications")
    scenario_name = models.CharField(max_length=200)
    comment = models.TextField(blank=True)
    published_by = models.CharField(max_length=200)
    published_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-published_at", "-id")

    def __str__(self) -> str:
        return f"{self.scenario_name} {self.run.run_id}"
