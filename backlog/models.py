"""Initiatives, and what intake said of them."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from simple_history.models import HistoricalRecords

from sheetsync.models import Workbook


class IntakeFields(models.Model):
    """What a department hands in; the same fields stand on the submission (what intake says) and the initiative (what holds)."""

    title = models.CharField(max_length=500, blank=True)
    department = models.CharField(max_length=200, blank=True)
    requesting_team = models.CharField(max_length=200, blank=True)
    requester_name = models.CharField(max_length=200, blank=True)
    requester_email = models.CharField(max_length=254, blank=True)
    country = models.CharField(max_length=200, blank=True)
    product_area = models.CharField(max_length=200, blank=True)
    problem_statement = models.TextField(blank=True)
    hypothesis = models.TextField(blank=True)
    customer_segment = models.CharField(max_length=200, blank=True)
    initiative_type = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True


# Field names of IntakeFields, in the order of the tabs.
INTAKE_FIELDS: tuple[str, ...] = tuple(field.name for field in IntakeFields._meta.fields)


class LifecycleStatus(models.TextChoices):
    """Where an initiative stands."""

    NEW = "new"
    DISCOVERY = "discovery"
    READY = "ready"
    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    REJECTED = "rejected"
    ARCHIVED = "archived"


class ScopeMode(models.TextChoices):
    """Which of the three token estimates counts."""

    MVP = "mvp"
    FULL = "full"
    CUSTOM = "custom"


class ScoringFramework(models.TextChoices):
    """How an initiative is scored."""

    RICE = "RICE", "RICE"
    WSJF = "WSJF", "WSJF"
    MATH_MODEL = "MATH_MODEL", "MATH_MODEL"


NOT_NEGATIVE = [MinValueValidator(0.0)]


class Initiative(IntakeFields):
    """One piece of work that may be built. Numbers are in the units of the team's sheets; tokens are the unit of capacity."""

    department_path: ClassVar = "department"  # see sheetsync.access.scope

    initiative_key = models.CharField(max_length=40, unique=True)
    intake_source = models.CharField(max_length=400, blank=True)

    lifecycle_status = models.CharField(max_length=20, choices=LifecycleStatus.choices, default=LifecycleStatus.NEW)
    market = models.CharField(max_length=200, blank=True)
    category = models.CharField(max_length=200, blank=True)
    program_key = models.CharField(max_length=200, blank=True)
    strategic_priority_coefficient = models.FloatField(null=True, blank=True)
    effort_tshirt_size = models.CharField(max_length=40, blank=True)
    effort_engineering_days = models.FloatField(null=True, blank=True, validators=NOT_NEGATIVE)
    effort_other_teams_days = models.FloatField(null=True, blank=True, validators=NOT_NEGATIVE)
    infra_cost_estimate = models.FloatField(null=True, blank=True, validators=NOT_NEGATIVE)
    engineering_tokens = models.FloatField(null=True, blank=True, validators=NOT_NEGATIVE)
    engineering_tokens_mvp = models.FloatField(null=True, blank=True, validators=NOT_NEGATIVE)
    engineering_tokens_full = models.FloatField(null=True, blank=True, validators=NOT_NEGATIVE)
    scope_mode = models.CharField(max_length=10, choices=ScopeMode.choices, blank=True)
    dependencies_initiatives = models.JSONField(default=list, blank=True)  # [initiative key]
    dependencies_others = models.TextField(blank=True)
    risk_level = models.CharField(max_length=40, blank=True)
    risk_description = models.TextField(blank=True)
    time_sensitivity_score = models.FloatField(null=True, blank=True)
    earliest_start_date = models.DateField(null=True, blank=True)
    latest_finish_date = models.DateField(null=True, blank=True)
    deadline_date = models.DateField(null=True, blank=True)
    is_optimization_candidate = models.BooleanField(default=False)
    candidate_period_key = models.CharField(max_length=10, blank=True)

    llm_summary = models.TextField(blank=True)
    use_math_model = models.BooleanField(default=False)
    active_scoring_framework = models.CharField(max_length=12, choices=ScoringFramework.choices, blank=True)
    value_score = models.FloatField(null=True, blank=True)
    effort_score = models.FloatField(null=True, blank=True)
    overall_score = models.FloatField(null=True, blank=True)
    immediate_kpi_key = models.CharField(max_length=100, blank=True)
    metric_chain_json = models.JSONField(null=True, blank=True)  # {"nodes": [name], "edges": [[name, name]]}
    kpi_contribution_json = models.JSONField(null=True, blank=True)  # {kpi_key: number in the KPI's unit}

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ("initiative_key",)

    def __str__(self) -> str:
        return f"{self.initiative_key} {self.title}"


class IntakeSubmission(IntakeFields):
    """What the intake row of an initiative last said. Where the initiative differs, a person's override holds."""

    department_path: ClassVar = "initiative__department"  # see sheetsync.access.scope

    initiative = models.OneToOneField(Initiative, on_delete=models.CASCADE, related_name="submission")
    workbook = models.ForeignKey(Workbook, on_delete=models.PROTECT, related_name="submissions")
    tab = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"intake of {self.initiative}"
