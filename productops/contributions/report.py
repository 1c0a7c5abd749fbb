"""The consistency report of one stored initiative."""

from __future__ import annotations

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from backlog.models import Initiative
from productops.contributions.check import Standing
from productops.contributions.consistency import Finding, Subject, report
from productops.contributions.standings import load_standings
from productops.scores.evaluation import OVER, load_models, model_facts, own_param_names
from productops.scores.scoring import ModelInput

SEARCHED = 20  # metrics of its chain through which others are looked for
BESIDE = 200  # others with which it is compared: more sharing a metric are no news


def load_standing(initiative: Initiative) -> Standing:
    """What stands side by side for it, with the overlaps that it has among all initiatives."""
    return load_standings([initiative.pk], beside=_sharing(initiative))[initiative.pk]


def load_inputs(initiative: int) -> list[ModelInput]:
    """The models of an initiative (by pk), with the parameters that their formulas may use."""
    return [model.input for model in load_models([initiative]).get(initiative, ())]


def load_report(initiative: Initiative, standing: Standing) -> tuple[Finding, ...]:
    """Everything about it that doesn't go together."""
    models = load_models([initiative.pk]).get(initiative.pk, ())
    return report(
        Subject(
            models=model_facts(models),
            own_params=own_param_names([initiative.pk]).get(initiative.pk, ()),
            immediate_kpi=initiative.immediate_kpi_key,
            standing=standing,
        )
    )


def _sharing(initiative: Initiative) -> list[int]:
    """The live initiatives whose chains name a metric of its own that moves another one: only with them it can overlap."""
    chain = initiative.metric_chain_json or {}
    movers = list(dict.fromkeys(mover for mover, _moved in chain.get("edges", ())))[:SEARCHED]
    if not movers:
        return []
    named = Q()
    for metric in movers:
        # Capitals are told apart later: without regard to them it goes by the index of searches.
        named |= Q(chain_text__icontains=f'"{metric}"')
    rows = (
        Initiative.objects.exclude(lifecycle_status__in=OVER)
        .annotate(chain_text=Cast("metric_chain_json", TextField()))
        .filter(named)
    )
    return list(rows.exclude(pk=initiative.pk).order_by("pk").values_list("pk", flat=True)[:BESIDE])
