"""Adopting computed contributions outside the sheets: the same rules, as one recorded run that can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from backlog.models import Initiative
from productops.contributions.check import Standing, why_not_adopted
from productops.contributions.standings import adoption_fields, load_standings
from productops.models import InitiativeContribution
from sheetsync.admin.recording import AdminRun
from sheetsync.models import ActionRun
from sheetsync.storage import Origin, RecordUpdate

ADOPT = "admin.adopt"


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """What came of asking for adoptions."""

    keys: tuple[str, ...] = ()  # initiative_keys of those whose computed numbers hold from now on
    refused: Mapping[str, str] = field(default_factory=dict)  # initiative_key -> why nothing was adopted
    run: ActionRun | None = None  # None when nothing was adopted


def adopt(user: AbstractBaseUser, shown: Mapping[int, Mapping[str, float]], reason: str = "") -> Adopted:
    """Makes the computed numbers of initiatives their contributions. `shown`: pk -> {kpi_key: number that the person saw}.

    Each is adopted if the number that was shown is still what is computed, and everything behind it is approved; the
    others are refused and told. Whoever calls it has checked that the person may.
    """
    with transaction.atomic():
        list(Initiative.objects.select_for_update().filter(pk__in=list(shown)).order_by("pk").values_list("pk"))
        standings = {pk: standing for pk, standing in load_standings(list(shown)).items() if pk in shown}
        refused = {pk: why_not_adopted(standing.computed, shown[pk]) for pk, standing in standings.items()}
        taken = {pk: standing for pk, standing in standings.items() if not refused[pk]}
        texts = {standings[pk].key: why for pk, why in refused.items() if why}
        run = _carry_out(AdminRun(ADOPT, user, reason), taken, texts) if taken else None
    return Adopted(keys=tuple(standing.key for standing in taken.values()), refused=texts, run=run)


def _carry_out(admin_run: AdminRun, taken: Mapping[int, Standing], refused: Mapping[str, str]) -> ActionRun:
    with admin_run.recorded() as storage:
        numbers, adoptions = [], []
        for pk, standing in taken.items():
            origin = Origin(label=standing.key)
            fields = {"kpi_contribution_json": dict(standing.computed.numbers)}
            numbers.append(RecordUpdate(pk=pk, fields=fields, origin=origin))
            kept = adoption_fields(standing, admin_run.run, admin_run.context.now)
            adoptions.append(RecordUpdate(pk=pk, fields=kept, origin=origin))
        storage.update(Initiative, numbers)
        storage.update_related(InitiativeContribution, "initiative", adoptions)
        for key, why in refused.items():
            admin_run.context.report.tell("WARNING", f"not adopted: {why}", key=key)
    return admin_run.run
