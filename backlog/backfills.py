"""Backfills of initiatives."""

from __future__ import annotations

from django.db import transaction

from backlog.models import Initiative
from sheetsync.context import ActionContext
from sheetsync.models import KeyCounter, KeyReservation, Workbook
from sheetsync.operating.backfilling import Step, backfill
from sheetsync.registry import registry
from sheetsync.syncing.opentab import TabJob
from sheetsync.syncing.sync import WorkbookJob, sync_workbook
from sheetsync.tabs import Role


@backfill(
    "initiative_keys",
    help="Gives keys to the intake rows that lack one, and moves the counter past the highest key that exists.",
    count=lambda: Workbook.objects.filter(is_active=True, role=Role.INTAKE).count(),
    in_transaction=False,
)
def initiative_keys(context: ActionContext, cursor: str) -> Step | None:
    """One intake workbook: what the intake half of a sync does. The cursor is the workbook's id."""
    intake = registry.get(Role.INTAKE, "Intake")
    move_counter_past_existing_keys(intake.tab.key_prefix)
    workbooks = Workbook.objects.filter(is_active=True, role=Role.INTAKE).order_by("pk")
    workbook = workbooks.filter(pk__gt=int(cursor or 0)).first()
    if workbook is None:
        return None
    sync_workbook(context, WorkbookJob(workbook=workbook, tabs=[TabJob(registered=intake)]))
    return Step(cursor=str(workbook.pk), seen=1)


def move_counter_past_existing_keys(prefix: str) -> None:
    """Sees to it that the next key is higher than every one that was ever used or reserved; it never moves back."""
    taken = [
        *Initiative.objects.filter(initiative_key__startswith=prefix).values_list("initiative_key", flat=True),
        *KeyReservation.objects.filter(key__startswith=prefix).values_list("key", flat=True),
    ]
    numbers = [int(digits) for key in taken if (digits := key.removeprefix(prefix)).isdecimal()]
    beyond = max(numbers, default=0) + 1
    with transaction.atomic():
        KeyCounter.objects.get_or_create(prefix=prefix)
        KeyCounter.objects.filter(prefix=prefix, next_number__lt=beyond).update(next_number=beyond)
