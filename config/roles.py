"""The four roles as groups, made with the database. What a later version adds to a role reaches its group once; the rest is people's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps as all_apps
from django.contrib.auth.models import Group, Permission
from django.db import models

from sheetsync.access.people import RoleRights

DOMAIN = ("backlog", "productops", "optimization")
VIEWER, ANALYST, APPROVER, OPERATOR = "Viewer", "Analyst", "Approver", "Operator"
# What only those who look after the system see.
_OPERATORS_ONLY = {"auditentry", "personscope", "rowstate", "keyreservation", "rolerights"}
# What is written once.
_NEVER_CHANGED = {"auditentry", "recordchange", "cellchange", "rolerights"}
# What approvers decide on; adopting a contribution is an approval of its own, and so is publishing a portfolio.
_APPROVALS = {
    "optimization.add_publication",
    "productops.approve_initiativemathmodel",
    "productops.approve_initiativeparam",
    "productops.adopt_initiativecontribution",
}
# What analysts may do beside changing domain records.
_ANALYSTS = {
    *("productops.delete_initiativemathmodel", "productops.delete_initiativeparam", "productops.add_modeltemplate"),
    *(
        "sheetsync.change_conflict",
        "sheetsync.add_actionrun",
        "sheetsync.change_actionrun",
        "sheetsync.change_workbook",
    ),
}


def viewer() -> Iterator[str]:
    """Looks at everything that is about the portfolio."""
    for model in _models(*DOMAIN, "sheetsync"):
        if model._meta.model_name not in _OPERATORS_ONLY:
            yield _right("view", model)


def analyst() -> Iterator[str]:
    """Changes values, settles conflicts, starts actions and takes them back."""
    yield from viewer()
    yield from (_right("change", model) for model in _models(*DOMAIN))
    yield from _ANALYSTS


def approver() -> Iterator[str]:
    """Approves models and parameters, adopts contributions and publishes portfolios, and changes no value."""
    yield from viewer()
    yield from _APPROVALS


def operator() -> Iterator[str]:
    """Looks after workbooks, runs, the timetable and people; decides on no value."""
    yield from viewer()
    for model in _models("sheetsync"):
        yield _right("view", model)
        if model._meta.model_name not in _NEVER_CHANGED:
            yield from (_right("add", model), _right("change", model))
    for app, name in (("auth", "user"), ("auth", "group"), ("django_q", "schedule")):
        yield from (f"{app}.{verb}_{name}" for verb in ("view", "add", "change"))
    yield from ("django_q.delete_schedule", "sheetsync.delete_personscope", "sheetsync.delete_workbook")


ROLES: dict[str, Callable[[], Iterator[str]]] = {
    VIEWER: viewer,
    ANALYST: analyst,
    APPROVER: approver,
    OPERATOR: operator,
}


def make_roles(*, using: str, apps: Any = all_apps, **_more: Any) -> None:
    """Makes the groups that don't exist, and gives to those that do what their role never had: once, whenever a database was migrated
    or emptied. What people took away or added themselves stays as they have set it."""
    if not _is_migrated(apps):
        return
    permissions = _permissions(using)
    groups = {group.name: group for group in Group.objects.using(using).filter(name__in=ROLES)}
    remembered = dict(RoleRights.objects.using(using).values_list("role", "rights"))
    for role, declared in ROLES.items():
        had = set(remembered.get(role, ()))
        new = permissions.keys() & set(declared()) - (had if role in groups else set())
        if new:
            group = groups.get(role) or Group.objects.using(using).create(name=role)
            group.permissions.add(*(permissions[right] for right in new))
            RoleRights.objects.using(using).update_or_create(role=role, defaults={"rights": sorted(had | new)})


def _is_migrated(state: Any) -> bool:
    """Whether the database has groups, and the memory of their rights, by now; it may be migrated one app at a time."""
    try:
        state.get_model("auth", "Group")
        state.get_model("sheetsync", "RoleRights")
    except LookupError:
        return False
    return True


def _permissions(using: str) -> dict[str, Permission]:
    """Those that there are, by `app.codename`."""
    held = Permission.objects.using(using).select_related("content_type")
    return {f"{each.content_type.app_label}.{each.codename}": each for each in held}


def _models(*labels: str) -> Iterator[type[models.Model]]:
    for label in labels:
        yield from all_apps.get_app_config(label).get_models()


def _right(verb: str, model: type[models.Model]) -> str:
    return f"{model._meta.app_label}.{verb}_{model._meta.model_name}"
