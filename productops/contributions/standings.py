"""What stands side by side for stored initiatives: contributions entered, computed and adopted, and what changed since."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from django.db.models import Q

from backlog.models import Initiative, ScoringFramework
from productops.contributions.adoption import Adoption, Basis, Entry, ModelBasis, basis_of
from productops.contributions.check import Standing
from productops.metrics.overlaps import Claim, find_overlaps
from productops.models import InitiativeContribution, InitiativeMathModel, InitiativeParam
from productops.scores.evaluation import PICKED, Facts, Kpis, StoredModel, load_facts, load_kpis, load_models, picked
from productops.scores.scoring import contributions
from productops.scores.unit_check import unit_warnings
from sheetsync.models import ActionRun

About = tuple[str, str]  # ("param" or "model", its name)
Version = tuple[datetime.datetime, Any]  # (moment, what it held from then on)


def load_standings(initiatives: Collection[int] | None = None, *, beside: Collection[int] = ()) -> dict[int, Standing]:
    """Standings by pk of the initiative; None asks for those of all. Overlaps are looked for among those asked for, and with
    those `beside` them, whose standings aren't worked out."""
    read = None if initiatives is None else [*initiatives, *beside]
    kpis, facts, entered = load_kpis(), load_facts(read), _entered(read)
    # Of those beside, models matter only where nothing is entered.
    computed = None if initiatives is None else [*initiatives, *(pk for pk in beside if not entered.get(pk))]
    models, kept = load_models(computed), load_kept(initiatives)
    found = {
        pk: _standing(said, entered.get(pk), models.get(pk, ()), kept.get(pk, Kept()), kpis)
        for pk, said in facts.items()
        if pk not in beside
    }
    others = {pk: said for pk, said in facts.items() if pk in beside}
    _find_overlaps(found, facts, _claims_of(others, entered, models, kpis.active))
    return _with_days(found, kept)


def _entered(initiatives: Collection[int] | None) -> dict[int, Any]:
    return dict(picked(Initiative.objects.all(), initiatives, by="pk").values_list("pk", "kpi_contribution_json"))


def _standing(said: Facts, entered: Any, models: Collection[StoredModel], kept: Kept, kpis: Kpis) -> Standing:
    inputs = [model.input for model in models]
    return Standing(
        key=said.key,
        entered=entered if isinstance(entered, dict) else None,
        computed=contributions(inputs, kpis.active),
        models=inputs,
        adoption=kept.adoption,
        entry=kept.entry,
        active=kpis.active,
        chain=said.chain,
        unit_remarks=unit_warnings(inputs, kpis.units),
    )


def _claims_of(
    facts: Mapping[int, Facts],
    entered: Mapping[int, Any],
    models: Mapping[int, Collection[StoredModel]],
    active: Collection[str],
) -> list[Claim]:
    """What initiatives claim whose standings aren't worked out."""
    found = []
    for pk, said in facts.items():
        if said.is_live and said.chain.edges:
            numbers = entered.get(pk) or contributions([model.input for model in models.get(pk, ())], active).numbers
            found.append(Claim(key=said.key, kpis=_counting(numbers, active), chain=said.chain))
    return found


def _find_overlaps(found: dict[int, Standing], facts: Mapping[int, Facts], others: Sequence[Claim]) -> None:
    claims = [
        Claim(key=standing.key, kpis=_claimed(standing), chain=standing.chain)
        for pk, standing in found.items()
        if facts[pk].is_live and standing.chain.edges
    ]
    claims += others
    active = next((standing.active for standing in found.values()), ())
    overlaps = find_overlaps(claims, active)
    for pk, standing in found.items():
        if standing.key in overlaps:
            found[pk] = replace(standing, overlaps=overlaps[standing.key])


def _claimed(standing: Standing) -> list[str]:
    """The active KPIs to which it contributes something: as entered, and as computed while nothing is."""
    return _counting(standing.entered or standing.computed.numbers, standing.active)


def _counting(numbers: Mapping[str, float], active: Collection[str]) -> list[str]:
    return [kpi for kpi, number in numbers.items() if number and kpi in active]


# ---- adoptions and entries ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is kept of how an initiative's numbers came about."""

    adoption: Adoption | None = None
    entry: Entry | None = None
    earliest: datetime.datetime | None = None  # the first moment of both


def load_kept(initiatives: Collection[int] | None = None) -> dict[int, Kept]:
    """pk of the initiative -> what is kept, where anything is; None asks for that of all."""
    rows = picked(InitiativeContribution.objects.exclude(adopted_at=None, entered_at=None), initiatives)
    adopted = ("adopted_json", "adopted_at", "adopted_by", "adopted_run", "adopted_inputs_json")
    found = {}
    for pk, *adoption, entered_at, inputs in rows.values_list(
        "initiative_id", *adopted, "entered_at", "entered_inputs_json"
    ):
        moments = [moment for moment in (adoption[1], entered_at) if moment is not None]
        found[pk] = Kept(
            adoption=_adoption(*adoption) if adoption[1] else None,
            entry=Entry(on=f"{entered_at:%Y-%m-%d}", basis=_basis(inputs)) if entered_at else None,
            earliest=min(moments),
        )
    return found


def _adoption(numbers: Any, moment: datetime.datetime, by: str, run: str, inputs: Any) -> Adoption:
    return Adoption(numbers=numbers or {}, on=f"{moment:%Y-%m-%d}", by=by, run=run, basis=_basis(inputs))


def _basis(stored: Any) -> Basis | None:
    return Basis.from_json(stored) if stored else None


def entry_fields(standing: Standing, entered: Any, now: datetime.datetime) -> dict[str, Any]:
    """What is kept when a person types numbers, or empties the cell."""
    basis = basis_of(standing.models, standing.computed) if entered and standing.computed.numbers else None
    return {"entered_at": now if entered else None, "entered_inputs_json": basis.as_json() if basis else None}


def adoption_fields(standing: Standing, run: ActionRun, now: datetime.datetime) -> dict[str, Any]:
    """What is kept of an adoption that `run` carries out now: numbers, what they rest on, who, when."""
    return {
        "adopted_json": dict(standing.computed.numbers),
        "adopted_at": now,
        "adopted_by": run.requested_by,
        "adopted_run": run.run_id,
        "adopted_inputs_json": basis_of(standing.models, standing.computed).as_json(),
    }


def _with_days(found: dict[int, Standing], kept: Mapping[int, Kept]) -> dict[int, Standing]:
    """With the days since when changed inputs are what they are; two queries, and none where nothing changed."""
    moments = {
        pk: kept[pk].earliest
        for pk, standing in found.items()
        if (standing.is_stale or standing.differs) and standing.since.changes
    }
    if moments:
        versions = _versions_since(moments, min(moment for moment in moments.values() if moment is not None))
        for pk in moments:
            found[pk] = replace(found[pk], days=_days(pk, found[pk], versions))
    return found


def _days(pk: int, standing: Standing, versions: Mapping[tuple[int | None, About], list[Version]]) -> dict[About, str]:
    """The day since when each changed input isn't what it was when the number was adopted or typed, where the history tells."""
    basis = standing.basis
    assert basis is not None, "nothing changed that wasn't kept"
    days = {}
    for change in standing.since.changes:
        kind, name = change.about
        then = basis.params.get(name) if kind == "param" else _content(basis.models.get(name))
        # An initiative's own parameter goes before a shared one of the same name.
        known = versions.get((pk, change.about)) or versions.get((None, change.about), [])
        since = _since(known, then)
        if since is not None:
            days[change.about] = f"{since:%Y-%m-%d}"
    return days


def _since(known: Sequence[Version], then: Any) -> datetime.datetime | None:
    """When it last became something else than `then`; None where the history doesn't tell."""
    changed = list(takewhile(lambda version: version[1] != then, reversed(known)))
    return changed[-1][0] if changed else None


def _content(model: ModelBasis | None) -> tuple[str, str] | None:
    return (model.formula_text, model.target_kpi_key) if model else None


def _versions_since(
    owners: Collection[int], earliest: datetime.datetime
) -> Mapping[tuple[int | None, About], list[Version]]:
    """What parameters and models of these initiatives held, and since when, in order of time."""
    found: dict[tuple[int | None, About], list[Version]] = defaultdict(list)
    params = _history(InitiativeParam, earliest).filter(framework=ScoringFramework.MATH_MODEL)
    models = _history(InitiativeMathModel, earliest)
    if len(owners) <= PICKED:
        params = params.filter(Q(initiative_id__in=list(owners)) | Q(initiative_id=None))
        models = models.filter(initiative_id__in=list(owners))
    for owner, name, value, moment in params.values_list("initiative_id", "param_name", "value", "history_date"):
        found[owner, ("param", name)].append((moment, value))
    fields = ("initiative_id", "model_name", "formula_text", "target_kpi_key", "history_date")
    for owner, name, formula, target, moment in models.values_list(*fields):
        found[owner, ("model", name)].append((moment, (formula, target)))
    return found


def _history(model: Any, earliest: datetime.datetime) -> Any:
    rows = model.history.filter(history_date__gte=earliest).exclude(history_type="-")
    return rows.order_by("history_date", "history_id")
