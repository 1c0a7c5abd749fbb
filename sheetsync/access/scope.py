"""Who may see which departments. A person with a `PersonScope` sees the records of these departments and nothing else.

A model says in `department_path` how its records belong to a department: a lookup path, "" for records that everybody may see; and in
`shared_without` which relation's absence makes a record everybody's. Records of models that say nothing are shown to nobody whose view
is limited.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from sheetsync.access.people import PersonScope

_KEPT = "_departments_seen"  # on the user, for the time of a request


def departments_of(request: HttpRequest) -> tuple[str, ...] | None:
    """The departments that the person is limited to; None without a limit."""
    user: Any = request.user
    if not user.is_authenticated or user.is_superuser:
        return None
    if not hasattr(user, _KEPT):
        named = PersonScope.objects.filter(user=user).values_list("departments", flat=True).first()
        setattr(user, _KEPT, tuple(named) if named else None)
    found: tuple[str, ...] | None = getattr(user, _KEPT)
    return found


def is_limited(request: HttpRequest) -> bool:
    """Whether the person sees some departments only."""
    return departments_of(request) is not None


def shows_model(request: HttpRequest, model: type[models.Model]) -> bool:
    """Whether the person may see records of this model at all."""
    return not is_limited(request) or _path(model) is not None


def within_scope[Shown: models.Model](request: HttpRequest, queryset: QuerySet[Shown]) -> QuerySet[Shown]:
    """The records of these that the person may see."""
    departments = departments_of(request)
    path = _path(queryset.model)
    if departments is None or path == "":
        return queryset
    if path is None:
        return queryset.none()
    return queryset.filter(_condition(queryset.model, path, departments))


def in_scope(request: HttpRequest, record: models.Model) -> bool:
    """Whether the person may see this record."""
    departments = departments_of(request)
    path = _path(type(record))
    if departments is None or path == "":
        return True
    if path is None:
        return False
    owner: Any = record
    *steps, last = path.split("__")
    for step in steps:
        try:
            owner = getattr(owner, step)
        except ObjectDoesNotExist:
            return False
        if owner is None:
            return getattr(record, "shared_without", "") == step
    return str(getattr(owner, last)).casefold() in {name.casefold() for name in departments}


def _path(model: type[models.Model]) -> str | None:
    return getattr(model, "department_path", None)


def _condition(model: type[models.Model], path: str, departments: tuple[str, ...]) -> Q:
    condition = Q()
    for name in departments:
        condition |= Q(**{f"{path}__iexact": name})
    shared = getattr(model, "shared_without", "")
    return condition | Q(**{f"{shared}__isnull": True}) if shared else condition
