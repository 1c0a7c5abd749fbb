"""Stored records for tests: a factory per model, with plausible values and nothing that a test doesn't ask for."""

from __future__ import annotations

import factory
from factory.django import DjangoModelFactory

from backlog.models import Initiative, IntakeSubmission, ScoringFramework
from optimization.models import (
    ObjectiveMode,
    OptimizationConstraintSet,
    OptimizationRun,
    OptimizationScenario,
    Portfolio,
    PortfolioItem,
)
from productops.models import (
    InitiativeContribution,
    InitiativeMathModel,
    InitiativeParam,
    InitiativeScoring,
    KpiLevel,
    MetricConfig,
)
from sheetsync.models import ActionRun, Workbook
from sheetsync.tabs import Role


class WorkbookFactory(DjangoModelFactory[Workbook]):
    """A connected workbook; tests bring their own content."""

    class Meta:
        model = Workbook

    title = factory.Sequence(lambda n: f"Workbook {n}")
    role = Role.PRODUCTOPS.value
    location = factory.Sequence(lambda n: f"workbook-{n}.xlsx")


class ActionRunFactory(DjangoModelFactory[ActionRun]):
    """A run under way."""

    class Meta:
        model = ActionRun

    action = "pm.save_selected"
    status = ActionRun.Status.RUNNING
    requested_by = "ada"


class InitiativeFactory(DjangoModelFactory[Initiative]):
    """An initiative: INIT-000001, INIT-000002, ..."""

    class Meta:
        model = Initiative

    initiative_key = factory.Sequence(lambda n: f"INIT-{n + 1:06d}")
    title = factory.LazyAttribute(lambda made: f"Title of {made.initiative_key}")


class IntakeSubmissionFactory(DjangoModelFactory[IntakeSubmission]):
    """What intake says of an initiative."""

    class Meta:
        model = IntakeSubmission

    initiative = factory.SubFactory(InitiativeFactory)
    workbook = factory.SubFactory(WorkbookFactory, role=Role.INTAKE.value)
    tab = "Wishes"
    title = factory.SelfAttribute("initiative.title")


class MetricConfigFactory(DjangoModelFactory[MetricConfig]):
    """An active strategic KPI."""

    class Meta:
        model = MetricConfig

    kpi_key = factory.Sequence(lambda n: f"kpi_{n}")
    kpi_level = KpiLevel.STRATEGIC
    unit = "GBP"
    is_active = True


class InitiativeScoringFactory(DjangoModelFactory[InitiativeScoring]):
    """Empty inputs and scores."""

    class Meta:
        model = InitiativeScoring

    initiative = factory.SubFactory(InitiativeFactory)


class InitiativeMathModelFactory(DjangoModelFactory[InitiativeMathModel]):
    """A model without a formula yet."""

    class Meta:
        model = InitiativeMathModel

    initiative = factory.SubFactory(InitiativeFactory)
    model_name = factory.Sequence(lambda n: f"model {n}")


class InitiativeParamFactory(DjangoModelFactory[InitiativeParam]):
    """A parameter of math models, without a value yet."""

    class Meta:
        model = InitiativeParam

    initiative = factory.SubFactory(InitiativeFactory)
    framework = ScoringFramework.MATH_MODEL
    param_name = factory.Sequence(lambda n: f"param_{n}")


class InitiativeContributionFactory(DjangoModelFactory[InitiativeContribution]):
    """Notes on contributions; nothing was adopted."""

    class Meta:
        model = InitiativeContribution

    initiative = factory.SubFactory(InitiativeFactory)


class OptimizationScenarioFactory(DjangoModelFactory[OptimizationScenario]):
    """A quarter with 100 tokens, towards the north star."""

    class Meta:
        model = OptimizationScenario

    scenario_name = factory.Sequence(lambda n: f"Scenario {n}")
    period_key = "2026-Q2"
    capacity_total_tokens = 100.0
    objective_mode = ObjectiveMode.NORTH_STAR


class OptimizationConstraintSetFactory(DjangoModelFactory[OptimizationConstraintSet]):
    """A set without rules."""

    class Meta:
        model = OptimizationConstraintSet

    scenario = factory.SubFactory(OptimizationScenarioFactory)
    constraint_set_name = "base"


class OptimizationRunFactory(DjangoModelFactory[OptimizationRun]):
    """A queued run of a scenario."""

    class Meta:
        model = OptimizationRun

    scenario = factory.SubFactory(OptimizationScenarioFactory)
    scenario_name = factory.SelfAttribute("scenario.scenario_name")


class PortfolioFactory(DjangoModelFactory[Portfolio]):
    """An empty portfolio."""

    class Meta:
        model = Portfolio

    run = factory.SubFactory(OptimizationRunFactory)


class PortfolioItemFactory(DjangoModelFactory[PortfolioItem]):
    """One initiative in a portfolio, not selected."""

    class Meta:
        model = PortfolioItem

    portfolio = factory.SubFactory(PortfolioFactory)
    initiative = factory.SubFactory(InitiativeFactory)
    initiative_key = factory.SelfAttribute("initiative.initiative_key")
