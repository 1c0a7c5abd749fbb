"""Initiatives with math models, parameters and contributions: what scoring and choosing are measured on."""

from __future__ import annotations

from backlog.models import Initiative
from optimization.models import ObjectiveMode, OptimizationScenario
from productops.models import InitiativeMathModel, InitiativeParam, InitiativeScoring, KpiLevel, MetricConfig


def big_plan(size: int) -> None:
    """`size` candidates, each with inputs of every framework, an approved model and its two parameters."""
    MetricConfig.objects.create(kpi_key="gmv", kpi_level=KpiLevel.NORTH_STAR, unit="GBP")
    MetricConfig.objects.create(kpi_key="retention", kpi_level=KpiLevel.STRATEGIC, unit="%")
    Initiative.objects.bulk_create([_initiative(number) for number in range(size)])
    initiatives = list(Initiative.objects.order_by("pk"))
    InitiativeScoring.objects.bulk_create(_scoring(one, number) for number, one in enumerate(initiatives))
    InitiativeMathModel.objects.bulk_create(_model(one, number) for number, one in enumerate(initiatives))
    InitiativeParam.objects.bulk_create(
        InitiativeParam(initiative=one, param_name=name, value=value, approved=True)
        for one in initiatives
        for name, value in (("visits", 1_000.0), ("uplift", 0.02))
    )
    OptimizationScenario.objects.create(
        scenario_name="Next quarter",
        period_key="2026-Q3",
        capacity_total_tokens=size * 8.0,
        objective_mode=ObjectiveMode.NORTH_STAR,
    )


def _initiative(number: int) -> Initiative:
    return Initiative(
        initiative_key=f"INIT-{number + 1:06d}",
        title=f"Idea {number}",
        department="Sales",
        country=("UK", "DE", "FR")[number % 3],
        product_area=f"Area {number % 12}",
        engineering_tokens=float(number % 50 + 1),
        use_math_model=True,
        active_scoring_framework="RICE",
        is_optimization_candidate=True,
        candidate_period_key="2026-Q3",
        kpi_contribution_json={"gmv": float(number * 37 % 1_000)},
    )


def _scoring(initiative: Initiative, number: int) -> InitiativeScoring:
    return InitiativeScoring(
        initiative=initiative,
        rice_reach=float(number % 900 + 1),
        rice_impact=2.0,
        rice_confidence=0.8,
        rice_effort=float(number % 20 + 1),
    )


def _model(initiative: Initiative, number: int) -> InitiativeMathModel:
    """Each formula is one of its own, as people write them."""
    return InitiativeMathModel(
        initiative=initiative,
        model_name="base",
        formula_text=f"users = visits * {number + 1}\nvalue = users * uplift\nretention = 0.01",
        target_kpi_key="gmv",
        metric_chain_text="visits -> users -> gmv",
        approved_by_user=True,
    )
