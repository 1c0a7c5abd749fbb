"""What is stored, as prompts tell it: the company's KPIs and metrics, an initiative, its parameters, similar approved models.

Names and addresses of requesters are never sent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from backlog.models import Initiative, ScoringFramework
from productops.llm.examples import Approved, similar, words_of
from productops.models import InitiativeMathModel, InitiativeParam, MetricConfig
from productops.scores.evaluation import Kpis, load_kpis
from productops.scores.scoring import ParamInput

MOST_METRICS, MOST_PARAMETERS, MOST_KPIS = 60, 60, 60
TEXTS = ("title", "problem_statement", "hypothesis", "customer_segment", "initiative_type")
PLACES = ("department", "requesting_team", "country", "market", "product_area", "category")
_PARAMETER = ("param_name", "unit", "value", "min", "max", "description")

Parameter = Mapping[str, Any]  # by the names of _PARAMETER


@dataclass(frozen=True, kw_only=True)
class Company:
    """What is the same for every question of a run."""

    kpis: Kpis
    kpi_entries: tuple[Mapping[str, Any], ...]  # kpi_key, kpi_name, kpi_level, unit, description
    metrics: tuple[str, ...]  # metrics of chains, the most used first
    approved: tuple[Approved, ...]
    parameters: Mapping[int | None, tuple[Parameter, ...]]  # by pk of the initiative; None holds the shared ones

    def parameters_of(self, initiative: int) -> dict[str, Parameter]:
        """Name -> parameter that the initiative's formulas may read: its own, else a shared one."""
        entries = (*self.parameters.get(None, ()), *self.parameters.get(initiative, ()))
        return {str(entry["param_name"]): entry for entry in entries}

    def inputs_of(self, initiative: int) -> dict[str, ParamInput]:
        """The same, as formulas take them."""
        return {
            name: ParamInput(value=entry["value"], low=entry["min"], high=entry["max"], unit=entry["unit"])
            for name, entry in self.parameters_of(initiative).items()
        }


def load_company(initiatives: Collection[int]) -> Company:
    """`initiatives`: whose parameters are needed, by primary key."""
    active = MetricConfig.objects.filter(is_active=True).order_by("kpi_key")
    fields = ("kpi_key", "kpi_name", "kpi_level", "unit", "description")
    kpis = load_kpis()
    entries = sorted(active.values(*fields), key=lambda entry: entry["kpi_key"] != kpis.north_star)
    return Company(
        kpis=kpis,
        kpi_entries=tuple(entries[:MOST_KPIS]),
        metrics=_metrics(),
        approved=_approved(),
        parameters=_parameters(initiatives),
    )


def _metrics() -> tuple[str, ...]:
    chains = Initiative.objects.filter(metric_chain_json__isnull=False).values_list("metric_chain_json", flat=True)
    used = Counter(node for chain in chains for node in (chain or {}).get("nodes", ()))
    return tuple(sorted(used, key=lambda name: (-used[name], name))[:MOST_METRICS])


def _approved() -> tuple[Approved, ...]:
    stored = InitiativeMathModel.objects.filter(approved_by_user=True).exclude(formula_text="")
    about = [f"initiative__{name}" for name in ("initiative_key", "product_area", *TEXTS)]
    own = ("model_name", "target_kpi_key", "formula_text", "metric_chain_text")
    return tuple(_example(row) for row in stored.order_by("pk").values(*own, *about))


def _example(row: Mapping[str, Any]) -> Approved:
    return Approved(
        initiative_key=row["initiative__initiative_key"],
        model_name=row["model_name"],
        title=row["initiative__title"],
        product_area=row["initiative__product_area"],
        words=words_of(*(row[f"initiative__{name}"] for name in TEXTS)),
        target_kpi_key=row["target_kpi_key"],
        formula_text=row["formula_text"],
        metric_chain_text=row["metric_chain_text"],
    )


def _parameters(initiatives: Collection[int]) -> dict[int | None, tuple[Parameter, ...]]:
    stored = InitiativeParam.objects.filter(framework=ScoringFramework.MATH_MODEL).order_by("param_name")
    wanted = set(initiatives)
    found: dict[int | None, list[Parameter]] = defaultdict(list)
    for row in stored.values("initiative_id", *_PARAMETER):
        owner = row.pop("initiative_id")
        if owner is None or owner in wanted:
            found[owner].append(row)
    return {owner: tuple(rows) for owner, rows in found.items()}


def about_initiative(initiative: Initiative) -> dict[str, Any]:
    """What the company says of it, for any prompt."""
    return {name: getattr(initiative, name) for name in (*TEXTS, *PLACES)}


def about_model(model: InitiativeMathModel, request: str, company: Company) -> dict[str, Any]:
    """The data of a question for a model's formula and chain. `request`: the PM's own words."""
    initiative = model.initiative
    target = model.target_kpi_key or company.kpis.north_star
    examples = similar(
        company.approved,
        initiative_key=initiative.initiative_key,
        words=words_of(*(getattr(initiative, name) for name in TEXTS)),
        target=target,
        area=initiative.product_area,
    )
    return {
        "request_of_the_product_manager": request,
        "initiative": about_initiative(initiative),
        "model": {
            "model_name": model.model_name,
            "description": model.model_description_free_text,
            "target_kpi_key": target,
            "formula_text": model.formula_text,
            "metric_chain_text": model.metric_chain_text,
            "assumptions": model.assumptions_text,
        },
        "kpis": list(company.kpi_entries),
        "parameters": _shown(company.parameters_of(initiative.pk)),
        "metrics_in_use": list(company.metrics),
        "approved_examples": [
            {
                "title": one.title,
                "target_kpi_key": one.target_kpi_key,
                "formula_text": one.formula_text,
                "metric_chain_text": one.metric_chain_text,
            }
            for one in examples
        ],
    }


def _shown(parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
    renamed = {"param_name": "name"}
    entries = list(parameters.values())[:MOST_PARAMETERS]
    return [{renamed.get(name, name): entry[name] for name in _PARAMETER} for entry in entries]


def about_summary(initiative: Initiative, kpis: Kpis) -> dict[str, Any]:
    """The data of a question for an initiative's summary."""
    numbers = initiative.kpi_contribution_json or {}
    moves = initiative.immediate_kpi_key or next(iter(sorted(numbers)), "")
    chain = (initiative.metric_chain_json or {}).get("nodes", [])
    contributions = {kpi: f"{number:g} {kpis.units.get(kpi, '')}".strip() for kpi, number in sorted(numbers.items())}
    about = {**about_initiative(initiative), "moves": moves, "metric_chain": chain, "contributions": contributions}
    return {"initiative": about}
