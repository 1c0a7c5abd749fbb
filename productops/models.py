"""How initiatives move KPIs: metrics, math models, parameters, scores per framework, contributions."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from backlog.models import Initiative, ScoringFramework

# The key of parameters that several initiatives' models use; no initiative ever has it.
SHARED_KEY = "SHARED"


class KpiLevel(models.TextChoices):
    """How near a KPI stands to what the company is steered by."""

    NORTH_STAR = "north_star"
    STRATEGIC = "strategic"


class MetricConfig(models.Model):
    """One KPI of the company."""

    department_path: ClassVar = ""  # see sheetsync.access.scope

    kpi_key = models.CharField(max_length=100, unique=True)
    kpi_name = models.CharField(max_length=200, blank=True)
    kpi_level = models.CharField(max_length=12, choices=KpiLevel.choices)
    unit = models.CharField(max_length=60, blank=True)
    description = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)
    notes = models.TextField(blank=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = "KPI"
        verbose_name_plural = "KPIs"
        ordering = ("kpi_key",)

    def __str__(self) -> str:
        return self.kpi_key


class InitiativeScoring(models.Model):
    """Inputs and scores of every framework, side by side; the active ones are copied to the initiative."""

    department_path: ClassVar = "initiative__department"  # see sheetsync.access.scope

    initiative = models.OneToOneField(Initiative, on_delete=models.CASCADE, related_name="scoring")
    rice_reach = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0.0)])
    rice_impact = models.FloatField(null=True, blank=True)
    rice_confidence = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    rice_effort = models.FloatField(null=True, blank=True)
    wsjf_business_value = models.FloatField(null=True, blank=True)
    wsjf_time_criticality = models.FloatField(null=True, blank=True)
    wsjf_risk_reduction = models.FloatField(null=True, blank=True)
    wsjf_job_size = models.FloatField(null=True, blank=True)
    rice_value_score = models.FloatField(null=True, blank=True)
    rice_effort_score = models.FloatField(null=True, blank=True)
    rice_overall_score = models.FloatField(null=True, blank=True)
    wsjf_value_score = models.FloatField(null=True, blank=True)
    wsjf_effort_score = models.FloatField(null=True, blank=True)
    wsjf_overall_score = models.FloatField(null=True, blank=True)
    math_value_score = models.FloatField(null=True, blank=True)
    math_effort_score = models.FloatField(null=True, blank=True)
    math_overall_score = models.FloatField(null=True, blank=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = "scores"
        verbose_name_plural = "scores"

    def __str__(self) -> str:
        return f"scores of {self.initiative}"


class InitiativeMathModel(models.Model):
    """One model of how an initiative moves a KPI: a formula over named parameters, and the metric chain it stands for."""

    department_path: ClassVar = "initiative__department"  # see sheetsync.access.scope

    initiative = models.ForeignKey(Initiative, on_delete=models.CASCADE, related_name="math_models")
    model_name = models.CharField(max_length=200)
    model_description_free_text = models.TextField(blank=True)
    target_kpi_key = models.CharField(max_length=100, blank=True)
    formula_text = models.TextField(blank=True)
    metric_chain_text = models.TextField(blank=True)
    assumptions_text = models.TextField(blank=True)
    suggested_by_llm = models.BooleanField(default=False)
    approved_by_user = models.BooleanField(default=False)
    updated_at = models.DateTimeField(auto_now=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = "math model"
        verbose_name_plural = "math models"
        ordering = ("initiative", "model_name")
        constraints = (models.UniqueConstraint(fields=("initiative", "model_name"), name="one_model_per_name"),)
        permissions = (("approve_initiativemathmodel", "Can approve math models"),)

    def __str__(self) -> str:
        return f"{self.initiative.initiative_key} / {self.model_name}"


class InitiativeParam(models.Model):
    """One assumption: a named number with unit and range. Without an initiative it is shared by all (`SHARED` in the sheet)."""

    department_path: ClassVar = "initiative__department"  # see sheetsync.access.scope
    shared_without: ClassVar = "initiative"

    initiative = models.ForeignKey(Initiative, null=True, blank=True, on_delete=models.CASCADE, related_name="params")
    framework = models.CharField(max_length=12, choices=ScoringFramework.choices, default=ScoringFramework.MATH_MODEL)
    param_name = models.CharField(max_length=100)
    param_display = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    unit = models.CharField(max_length=60, blank=True)
    value = models.FloatField(null=True, blank=True)
    min = models.FloatField(null=True, blank=True)
    max = models.FloatField(null=True, blank=True)
    source = models.TextField(blank=True)
    approved = models.BooleanField(default=False)
    notes = models.TextField(blank=True)
    is_auto_seeded = models.BooleanField(default=False)

    history = HistoricalRecords()

    class Meta:
        verbose_name = "parameter"
        verbose_name_plural = "parameters"
        ordering = ("initiative", "framework", "param_name")
        permissions = (("approve_initiativeparam", "Can approve parameters"),)
        constraints = (
            models.UniqueConstraint(
                fields=("initiative", "framework", "param_name"),
                condition=Q(initiative__isnull=False),
                name="one_param_per_name",
            ),
            models.UniqueConstraint(
                fields=("framework", "param_name"),
                condition=Q(initiative__isnull=True),
                name="one_shared_param_per_name",
            ),
        )

    def __str__(self) -> str:
        key = self.initiative.initiative_key if self.initiative else SHARED_KEY
        return f"{key} / {self.param_name}"


class InitiativeContribution(models.Model):
    """Notes on an initiative's KPI contributions, and where an adopted number came from. The number itself stands on the initiative."""

    department_path: ClassVar = "initiative__department"  # see sheetsync.access.scope

    initiative = models.OneToOneField(Initiative, on_delete=models.CASCADE, related_name="contribution")
    notes = models.TextField(blank=True)
    adopted_json = models.JSONField(null=True, blank=True)  # what was adopted: {kpi_key: number}
    adopted_at = models.DateTimeField(null=True, blank=True)
    adopted_by = models.CharField(max_length=200, blank=True)
    adopted_run = models.CharField(max_length=40, blank=True)
    entered_at = models.DateTimeField(null=True, blank=True)  # when somebody last typed the numbers
    entered_inputs_json = models.JSONField(null=True, blank=True)  # what the models rested on then, see adoption.Basis
    adopted_inputs_json = models.JSONField(null=True, blank=True)  # models and parameters then, see adoption.Basis

    history = HistoricalRecords()

    class Meta:
        verbose_name = "contribution"
        verbose_name_plural = "contributions"
        permissions = (("adopt_initiativecontribution", "Can adopt computed contributions"),)

    def __str__(self) -> str:
        return f"contributions of {self.initiative}"


class ModelTemplate(models.Model):
    """A kind of math model that initiatives may start from, with a worked example; curated by analysts."""

    department_path: ClassVar = ""  # see sheetsync.access.scope

    template_name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True)
    formula_text = models.TextField()
    metric_chain_text = models.TextField(blank=True)  # {kpi} stands for the KPI that a started model contributes to
    target_kpi_key = models.CharField(max_length=100, blank=True)  # "" for the north star
    assumptions_text = models.TextField(blank=True)
    params_json = models.JSONField(default=list)  # [{"name", "unit", "value", "min", "max", "description"}]
    example_result = models.FloatField()  # what `value` gives with the values of params_json
    is_active = models.BooleanField(default=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = "template"
        verbose_name_plural = "templates"
        ordering = ("template_name",)

    def __str__(self) -> str:
        return self.template_name


class LanguageModelAnswer(models.Model):
    """What asking a language model once brought and took. The same question is answered from here; neither prompt nor key is kept."""

    question_hash = models.CharField(max_length=64)  # of model, address, prompt and shape
    task = models.CharField(max_length=60)
    about = models.CharField(max_length=300)  # whom the question is about, as people name it
    model_name = models.CharField(max_length=200)
    content_json = models.JSONField(null=True, blank=True)  # the answer; null when nothing came that could be read
    problems_json = models.JSONField(default=list, blank=True)  # sentences: what still doesn't fit
    failure = models.TextField(blank=True)  # why asking ended early
    revisions = models.PositiveIntegerField(default=0)
    requests = models.PositiveIntegerField(default=0)
    tokens_sent = models.PositiveBigIntegerField(default=0)
    tokens_received = models.PositiveBigIntegerField(default=0)
    run_id = models.CharField(max_length=40, blank=True)
    asked_at = models.DateTimeField()
    used_at = models.DateTimeField()  # when it last answered a question

    class Meta:
        verbose_name = "question to the language model"
        verbose_name_plural = "questions to the language model"
        ordering = ("-asked_at", "-pk")
        indexes = (
            models.Index(fields=("question_hash",), name="answers_by_question"),
            models.Index(fields=("asked_at",), name="answers_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.task} of {self.about}"


class Review(models.Model):
    """What an approver decided about a model or a parameter. It counts while what was decided on is as it was then."""

    class Decision(models.TextChoices):
        APPROVED = "approved"
        REJECTED = "rejected"

    subject = models.CharField(max_length=80)  # "productops.InitiativeMathModel"
    object_id = models.BigIntegerField()
    label = models.CharField(max_length=300)  # what people call it
    decision = models.CharField(max_length=10, choices=Decision.choices)
    comment = models.TextField(blank=True)
    content_json = models.JSONField(default=dict)  # field -> value that was decided on
    decided_by = models.CharField(max_length=200)
    decided_at = models.DateTimeField(default=timezone.now)
    run_id = models.CharField(
        max_length=40, blank=True
    )  # of the run that stored the decision, "" where nothing changed

    class Meta:
        ordering = ("-decided_at", "-id")
        indexes = (models.Index(fields=("subject", "object_id"), name="review_subject"),)

    def __str__(self) -> str:
        return f"{self.label} {self.decision}"
