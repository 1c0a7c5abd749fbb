"""What is stored, as the pure half of scoring takes it: KPIs, math models with their parameters, what an initiative says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.db.models import Model, QuerySet

from backlog.models import Initiative, LifecycleStatus, ScopeMode, ScoringFramework
from productops.contributions.consistency import ModelFacts
from productops.metrics.chains import Chain, parse_chain
from productops.models import SHARED_KEY, InitiativeMathModel, InitiativeParam, KpiLevel, MetricConfig
from productops.scores.scoring import ModelInput, ParamInput, Score, math_score, rice, wsjf

# The chains of 10,000 initiatives stay at hand while an action goes through its tabs.
read_chain = lru_cache(maxsize=16_384)(parse_chain)
# Up to this many initiatives are picked by the database; beyond, reading all of them is quicker.
PICKED = 500
# Which estimate counts, by scope_mode; any other scope_mode counts engineering_tokens.
TOKEN_FIELDS = {ScopeMode.MVP.value: "engineering_tokens_mvp", ScopeMode.FULL.value: "engineering_tokens_full"}
TOKENS = "engineering_tokens"
# framework -> what its columns begin with: rice_value_score, rice_effort_score, rice_overall_score.
FRAMEWORKS = {
    ScoringFramework.RICE.value: "rice",
    ScoringFramework.WSJF.value: "wsjf",
    ScoringFramework.MATH_MODEL.value: "math",
}
# Where an initiative stands when nothing more is to come of it.
OVER = frozenset({LifecycleStatus.DONE.value, LifecycleStatus.REJECTED.value, LifecycleStatus.ARCHIVED.value})
SCORE_PARTS = ("value", "effort", "overall")
RICE_INPUTS = ("reach", "impact", "confidence", "effort")
WSJF_INPUTS = ("business_value", "time_criticality", "risk_reduction", "job_size")


@dataclass(frozen=True, kw_only=True)
class Kpis:
    """The KPIs that count."""

    north_star: str  # kpi_key of the active north star; "" while there is none
    active: tuple[str, ...]  # kpi_keys, the north star first, then by key
    units: Mapping[str, str] = field(default_factory=dict)  # kpi_key -> unit as typed, "" for none


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """One stored math model."""

    pk: int
    initiative: int  # pk of its initiative
    input: ModelInput  # formula, target, approval, parameters by name
    chain_text: str  # metric_chain_text


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What an initiative says outside the scoring inputs."""

    key: str  # initiative_key
    tokens: float | None  # by its scope_mode; None while unknown
    tokens_field: str  # the column that these tokens come from
    chain: Chain  # of all its models
    is_live: bool  # whether it may still bring something: neither done, rejected nor archived


def load_kpis() -> Kpis:
    """The active KPIs."""
    rows = MetricConfig.objects.filter(is_active=True).order_by("kpi_key").values_list("kpi_key", "kpi_level", "unit")
    stars = [key for key, level, _unit in rows if level == KpiLevel.NORTH_STAR]
    others = [key for key, level, _unit in rows if level != KpiLevel.NORTH_STAR]
    return Kpis(
        north_star=stars[0] if stars else "",
        active=(*stars, *others),
        units={key: unit for key, _level, unit in rows},
    )


def load_models(initiatives: Collection[int] | None = None) -> dict[int, tuple[StoredModel, ...]]:
    """Math models by pk of their initiative, in the order in which they were made; None asks for those of all.

    Each has the parameters of the MATH_MODEL framework that its formula may use: the initiative's own, else the shared.
    """
    params = load_params(initiatives)
    shared = params.pop(None, {})
    merged = {initiative: {**shared, **own} for initiative, own in params.items()}
    fields = ("pk", "initiative_id", "model_name", "formula_text", "target_kpi_key", "approved_by_user")
    rows = picked(InitiativeMathModel.objects.order_by("pk"), initiatives).values_list(*fields, "metric_chain_text")
    found: dict[int, list[StoredModel]] = defaultdict(list)
    for pk, initiative, name, formula, target, approved, chain in rows:
        model = ModelInput(
            name=name,
            formula_text=formula,
            target_kpi_key=target,
            approved=approved,
            params=merged.get(initiative, shared),
        )
        found[initiative].append(StoredModel(pk=pk, initiative=initiative, input=model, chain_text=chain))
    return {initiative: tuple(models) for initiative, models in found.items()}


def load_params(initiatives: Collection[int] | None = None) -> dict[int | None, dict[str, ParamInput]]:
    """Parameters for formulas by pk of their initiative; None holds the shared ones, which are always there."""
    stored = InitiativeParam.objects.filter(framework=ScoringFramework.MATH_MODEL)
    fields = ("initiative_id", "param_name", "value", "approved", "min", "max", "unit", "initiative__initiative_key")
    rows = [*stored.filter(initiative=None).values_list(*fields)]
    rows += picked(stored.filter(initiative__isnull=False), initiatives).values_list(*fields)
    found: dict[int | None, dict[str, ParamInput]] = defaultdict(dict)
    for initiative, name, value, approved, low, high, unit, key in rows:
        found[initiative][name] = ParamInput(
            value=value, approved=approved, low=low, high=high, unit=unit, owner=key or SHARED_KEY
        )
    return dict(found)


def own_param_names(initiatives: Collection[int] | None = None) -> dict[int, set[str]]:
    """pk of the initiative -> param_names of its own parameters for formulas."""
    stored = InitiativeParam.objects.filter(framework=ScoringFramework.MATH_MODEL, initiative__isnull=False)
    found: dict[int, set[str]] = defaultdict(set)
    for initiative, name in picked(stored, initiatives).values_list("initiative_id", "param_name"):
        found[initiative].add(name)
    return found


def model_facts(models: Sequence[StoredModel]) -> list[ModelFacts]:
    """Models with their chains, as the consistency report looks at them, in order of name."""
    chains = [(model.input, read_chain(model.chain_text)) for model in models]
    found = [ModelFacts(input=given, chain=chain if isinstance(chain, Chain) else Chain()) for given, chain in chains]
    return sorted(found, key=lambda model: model.input.name)


def load_facts(initiatives: Collection[int] | None = None) -> dict[int, Facts]:
    """Facts by pk of the initiative."""
    fields = (
        "pk",
        "initiative_key",
        "scope_mode",
        TOKENS,
        *TOKEN_FIELDS.values(),
        "metric_chain_json",
        "lifecycle_status",
    )
    rows = picked(Initiative.objects.order_by("pk"), initiatives, by="pk").values(*fields)
    return {row["pk"]: _facts(row) for row in rows}


def _facts(row: Mapping[str, Any]) -> Facts:
    tokens_field = TOKEN_FIELDS.get(row["scope_mode"], TOKENS)
    chain = row["metric_chain_json"] or {}
    return Facts(
        key=row["initiative_key"],
        tokens=row[tokens_field],
        tokens_field=tokens_field,
        chain=Chain(nodes=tuple(chain.get("nodes", ())), edges=tuple(map(tuple, chain.get("edges", ())))),
        is_live=row["lifecycle_status"] not in OVER,
    )


def picked[M: Model](
    rows: QuerySet[M, M], initiatives: Collection[int] | None, *, by: str = "initiative_id"
) -> QuerySet[M, M]:
    """Those of these initiatives, where picking them is quicker than reading all; callers take what they asked for."""
    if initiatives is None or len(initiatives) > PICKED:
        return rows
    return rows.filter(**{f"{by}__in": list(initiatives)})


def all_scores(inputs: Mapping[str, Any], facts: Facts, models: Sequence[StoredModel], kpis: Kpis) -> dict[str, Score]:
    """The score of every framework. `inputs`: rice_reach, ..., wsjf_job_size -> number or None."""
    by_model = math_score([model.input for model in models], north_star=kpis.north_star, tokens=facts.tokens)
    return {
        ScoringFramework.RICE.value: rice(**{name: inputs[f"rice_{name}"] for name in RICE_INPUTS}),
        ScoringFramework.WSJF.value: wsjf(**{name: inputs[f"wsjf_{name}"] for name in WSJF_INPUTS}),
        ScoringFramework.MATH_MODEL.value: by_model,
    }


def score_fields(framework: str, score: Score) -> dict[str, float | None]:
    """The columns that hold a framework's score."""
    prefix = FRAMEWORKS[framework]
    return {f"{prefix}_{part}_score": getattr(score, part) for part in SCORE_PARTS}


def active_fields(framework: str, stored: Mapping[str, Any]) -> dict[str, float | None]:
    """The active scores: those that are stored for a framework; none without one."""
    prefix = FRAMEWORKS.get(framework)
    return {f"{part}_score": stored[f"{prefix}_{part}_score"] if prefix else None for part in SCORE_PARTS}
