"""What approvers decide on, and which of their rejections hold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Q

from productops.models import InitiativeMathModel, InitiativeParam, Review

# What a person approves by ticking approved_by_user of a model, approved of a parameter.
MODEL_COVERS = ("formula_text", "target_kpi_key")
PARAM_COVERS = ("value", "min", "max", "unit")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A kind of record that people approve."""

    name: str  # in addresses
    title: str  # for people, several of them
    model: type[models.Model]
    tick: str  # the field that holds the approval
    covers: tuple[str, ...]  # what is approved
    needed: Q  # what must be there before there is anything to approve

    @property
    def label(self) -> str:
        """ "app_label.Model"."""
        return self.model._meta.label

    @property
    def permission(self) -> str:
        """The right to decide."""
        return f"{self.model._meta.app_label}.approve_{self.model._meta.model_name}"

    @property
    def view_permission(self) -> str:
        """The right to look."""
        return f"{self.model._meta.app_label}.view_{self.model._meta.model_name}"


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject(
            name="model",
            title="Math models",
            model=InitiativeMathModel,
            tick="approved_by_user",
            covers=MODEL_COVERS,
            needed=~Q(formula_text=""),
        ),
        Subject(
            name="param",
            title="Parameters",
            model=InitiativeParam,
            tick="approved",
            covers=PARAM_COVERS,
            needed=Q(value__isnull=False),
        ),
    )
}


def subject_of(model: type[models.Model]) -> Subject:
    """The subject of a model that people approve."""
    return next(subject for subject in SUBJECTS.values() if subject.model is model)


def content_of(record: models.Model, subject: Subject) -> dict[str, Any]:
    """What would be approved."""
    return {name: getattr(record, name) for name in subject.covers}


def rejections(subject: Subject, pks: Collection[int] | None = None) -> dict[int, Review]:
    """pk -> the rejection that still holds: nothing it was about was changed since, and nobody approved it."""
    reviews = Review.objects.filter(subject=subject.label)
    if pks is not None:
        reviews = reviews.filter(object_id__in=pks)
    # Approvals grow without end, and rejections are few: only what was ever rejected is looked at.
    ever = set(reviews.filter(decision=Review.Decision.REJECTED).values_list("object_id", flat=True))
    latest = {review.object_id: review for review in reviews.filter(object_id__in=ever).order_by("pk")} if ever else {}
    rejected = [pk for pk, review in latest.items() if review.decision == Review.Decision.REJECTED]
    if not rejected:
        return {}
    unapproved = subject.model._default_manager.filter(pk__in=rejected, **{subject.tick: False})
    return {
        record.pk: latest[record.pk]
        for record in unapproved
        if content_of(record, subject) == latest[record.pk].content_json
    }


def rejected_text(review: Review) -> str:
    """What a rejected row is told."""
    why = f": {review.comment.rstrip('.')}" if review.comment else ""
    return f"{review.decided_by} didn't approve it on {review.decided_at:%Y-%m-%d}{why}"


def with_rejection(note: str, review: Review | None) -> str:
    """A row's note with the rejection that holds for it."""
    if review is None:
        return note
    said = note.removeprefix("WARNING: ") if note.startswith("WARNING: ") else ""
    return "WARNING: " + "; ".join(filter(None, (rejected_text(review), said)))
