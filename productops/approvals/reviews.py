"""Approving models and parameters in the admin: what waits, what changed since it was approved, who may decide, what a decision does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.db.models import QuerySet

from productops.approvals.decisions import Subject, content_of, rejections, subject_of
from productops.models import Review
from sheetsync.admin.edits import plan_edits, save_edits
from sheetsync.admin.recording import APPROVE, REJECT, AdminRun
from sheetsync.models import RecordChange
from sheetsync.syncing.view import digest

MOST = 500  # records that one decision may be about
OWN_ENTRY = "you entered this yourself; somebody else approves it"


def seal(record: models.Model, subject: Subject) -> str:
    """Changes with what would be approved: who decides, decides on what they saw."""
    return digest(content_of(record, subject))


def waiting(subject: Subject, records: QuerySet[Any]) -> QuerySet[Any]:
    """Those of these that nobody has decided on as they are now."""
    asked = records.filter(subject.needed, **{subject.tick: False})
    return asked.exclude(pk__in=[*rejections(subject)])


def last_approved(subject: Subject, pks: Collection[int]) -> dict[int, dict[str, Any]]:
    """pk -> what was approved last; those that never were are missing."""
    history: Any = subject.model.history.model  # type: ignore[attr-defined]
    versions = history.objects.filter(id__in=pks, **{subject.tick: True}).order_by("history_date", "history_id")
    return {
        pk: dict(zip(subject.covers, held, strict=True)) for pk, *held in versions.values_list("id", *subject.covers)
    }


def entered_by(subject: Subject, pks: Collection[int]) -> dict[int, RecordChange]:
    """pk -> the last change of what would be approved."""
    changes = RecordChange.objects.filter(model=subject.label, object_id__in=pks).select_related("run").order_by("pk")
    return {change.object_id: change for change in changes if set(subject.covers) & set(change.fields)}


def is_own(change: RecordChange | None, user: AbstractBaseUser) -> bool:
    """Whether this person entered it in the admin. Who entered it in a sheet is a claim, and counts for nothing."""
    return change is not None and change.run.came_from == "admin" and (
        change.run.action.startswith("admin.") and change.run.requested_by == user.get_username()
    )  # fmt: skip


def why_not_ticked(record: models.Model, changes: Mapping[str, Any], user: AbstractBaseUser) -> dict[str, str]:
    """Field -> why this person may not tick the approval in the record's form, along with `changes`."""
    subject = subject_of(type(record))
    if not changes.get(subject.tick) or getattr(record, subject.tick):
        return {}
    if not user.has_perm(subject.permission):  # type: ignore[attr-defined]  # every user of the admin has rights
        return {subject.tick: f"{subject.tick}: approving needs the role Approver; leave it to one of them"}
    changes_it = bool(set(subject.covers) & set(changes))
    own = changes_it or is_own(entered_by(subject, [record.pk]).get(record.pk), user)
    return {subject.tick: f"{subject.tick}: {OWN_ENTRY}"} if own and not settings.APPROVE_OWN_ENTRIES else {}


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What came of a decision."""

    done: tuple[str, ...]  # labels of the records that were decided on
    refused: tuple[str, ...]  # sentences, one for each record that wasn't
    run_id: str  # of the run that stored it, "" where nothing was stored


def decide(
    subject: Subject,
    records: QuerySet[Any],
    seen: Mapping[int, str],
    user: AbstractBaseUser,
    *,
    approve: bool,
    comment: str,
) -> Decided:
    """Approves or rejects those of `records` whose pk is in `seen`, each if its seal is still the one that was seen."""
    run = AdminRun(APPROVE if approve else REJECT, user, comment)
    refused, done, edits = [], [], []
    with transaction.atomic():
        locked = records.filter(pk__in=seen).select_for_update(of=("self",)).order_by("pk")
        found = list(locked[:MOST])
        ready = set(records.filter(subject.needed, pk__in=seen).values_list("pk", flat=True))
        entered = entered_by(subject, [record.pk for record in found])
        for record, edit in zip(found, plan_edits(found, {subject.tick: approve}, run), strict=True):
            why = (
                ""
                if seal(record, subject) == seen[record.pk]
                else "it was changed since you opened the page; look at it again"
            )
            if approve and not why:
                is_ready = record.pk in ready
                why = _why_not_approved(subject, record, entered.get(record.pk), user, is_ready=is_ready)
            why = why or "; ".join(edit.refused.values())
            if why:
                refused.append(f"{record}: {why}")
            else:
                edits.append(edit)
                done.append(record)
        stored = save_edits(edits, run)
        run_id = stored.run_id if stored else ""
        _remember(subject, done, user, approve=approve, comment=comment, run_id=run_id)
    missing = len(seen) - len(found)
    if missing:
        refused.append(f"{missing} of them aren't there any more, or aren't yours to decide on")
    return Decided(done=tuple(map(str, done)), refused=tuple(refused), run_id=run_id)


def _why_not_approved(
    subject: Subject, record: models.Model, change: RecordChange | None, user: AbstractBaseUser, *, is_ready: bool
) -> str:
    """Why this person can't approve this record now; "" when they can."""
    if getattr(record, subject.tick):
        return "it is approved already"
    if not is_ready:
        return "there is nothing to approve yet"
    return OWN_ENTRY if is_own(change, user) and not settings.APPROVE_OWN_ENTRIES else ""


def _remember(
    subject: Subject, records: Sequence[Any], user: AbstractBaseUser, *, approve: bool, comment: str, run_id: str
) -> None:
    decision = Review.Decision.APPROVED if approve else Review.Decision.REJECTED
    Review.objects.bulk_create(
        Review(
            subject=subject.label,
            object_id=record.pk,
            label=str(record)[:300],
            decision=decision,
            comment=comment,
            content_json=content_of(record, subject),
            decided_by=user.get_username(),
            run_id=run_id,
        )
        for record in records
    )
