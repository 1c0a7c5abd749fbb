"""System checks: every mistake in a declaration stops the project, with an id and a hint. Law 1 stands here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.module_loading import module_has_submodule

from sheetsync.registry import Registry, registry
from sheetsync.runs.actions import ACTIONS
from sheetsync.syncing.headers import alias_clashes
from sheetsync.tabs import TWO_WAY, Column, Kind, Owner, Tab

# Which stored fields a kind of cell fits.
_FITS: dict[Kind, tuple[type[models.Field[Any, Any]], ...]] = {
    Kind.NUMBER: (models.FloatField, models.DecimalField, models.IntegerField),
    Kind.SHARE: (models.FloatField, models.DecimalField),
    Kind.BOOLEAN: (models.BooleanField,),
    Kind.DATE: (models.DateField,),
    Kind.DATETIME: (models.DateTimeField,),
    Kind.KEY_LIST: (models.JSONField,),
    Kind.NUMBERS: (models.JSONField,),
    Kind.WEIGHTS: (models.JSONField,),
    Kind.JSON: (models.JSONField,),
}
_TEXTS: tuple[type[models.Field[Any, Any]], ...] = (models.CharField, models.TextField)


def check_declarations(
    app_configs: Sequence[AppConfig] | None = None, declared: Registry | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Checks every registered tab and policy."""
    declared = declared or registry
    found: list[checks.CheckMessage] = [
        _error("E001", f"The tab {name} is registered twice.", "Register each tab once.")
        for name in declared.registered_twice
    ]
    for tab in declared.tabs():
        found.extend(_check_tab(tab))
    found.extend(_check_entry_tabs(declared))
    found.extend(_check_policies(declared))
    found.extend(_check_forgotten_fields(declared))
    return found


def _error(number: str, text: str, hint: str, where: object = None) -> checks.Error:
    return checks.Error(text, hint=hint, obj=where, id=f"sheetsync.{number}")


def _check_tab(tab: Tab) -> Iterator[checks.CheckMessage]:
    label = f"{tab.role}/{tab.name}"
    for name, count in Counter(column.name for column in tab.columns).items():
        if count > 1:
            yield _error("E002", f"{label} declares the column {name} {count} times.", "Keep one of them.")
    for word, one, other in alias_clashes(tab):
        yield _error(
            "E003", f"In {label}, {word!r} means both {one} and {other}.", "Take the alias out of one of them."
        )
    for name in tab.identity:
        if name not in {column.name for column in tab.columns}:
            yield _error(
                "E004", f"{label} is identified by {name}, which is none of its columns.", "Name a column of the tab."
            )
    if tab.identity and not any(column.required for column in tab.columns):
        yield _error("E005", f"{label} has no required header.", "Mark what identifies its rows with required=True.")
    if tab.named(*TWO_WAY) and not tab.saved_by:
        yield _error(
            "E006", f"People enter values in {label}, but no action saves it.", "Name the actions in saved_by."
        )
    for name in tab.saved_by:
        if name not in ACTIONS:
            yield _error("E007", f"{label} is saved by {name}, which is no action.", "Name registered actions.")
    for column in tab.columns:
        yield from _check_column(tab, column, label)


def _check_column(tab: Tab, column: Column, label: str) -> Iterator[checks.CheckMessage]:
    if column.kind is Kind.CHOICE and not column.choices:
        yield _error("E008", f"{label}.{column.name} is a choice without choices.", "Give choices=(...).")
    if not column.path:
        return
    if not tab.model:
        yield _error(
            "E009",
            f"{label}.{column.name} names a stored field, but the tab has no model.",
            "Set model=, or stored=False.",
        )
        return
    try:
        stored = stored_field(tab.model, column.path)
    except (LookupError, FieldDoesNotExist):
        yield _error(
            "E009",
            f"{label}.{column.name} names the field {tab.model}.{column.path}, which doesn't exist.",
            "Mend the name, add the field to the model, or set stored=False.",
        )
        return
    if column.owner in TWO_WAY and not isinstance(stored, _FITS.get(column.kind, _TEXTS)):
        kind = type(stored).__name__
        yield _error(
            "E010", f"{label}.{column.name} holds a {column.kind}, its field is a {kind}.", "Make the two fit."
        )


def stored_field(model: str, path: str) -> models.Field[Any, Any]:
    """The field at the end of a lookup path. Raises LookupError or FieldDoesNotExist."""
    owner: Any = apps.get_model(model)
    *steps, last = path.split("__")
    for step in steps:
        owner = owner._meta.get_field(step).related_model
        if owner is None:
            raise FieldDoesNotExist(step)
    found = owner._meta.get_field(last)
    assert isinstance(found, models.Field)
    return found


def entry_tabs(declared: Registry) -> dict[str, dict[str, list[str]]]:
    """model -> field -> the tabs that enter it, as "role/tab"."""
    table: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for tab in declared.tabs():
        for column in tab.named(Owner.ENTRY, Owner.OVERRIDE):
            if not column.path:
                continue
            try:
                stored = stored_field(tab.model, column.path)
            except (LookupError, FieldDoesNotExist, ValueError):
                continue
            if column.owner is Owner.ENTRY:
                table[stored.model._meta.label][stored.name].append(f"{tab.role}/{tab.name}")
            else:
                table[stored.model._meta.label].setdefault(stored.name, [])
    return table


def _check_entry_tabs(declared: Registry) -> Iterator[checks.CheckMessage]:
    for model, fields in entry_tabs(declared).items():
        for name, tabs in fields.items():
            if len(tabs) > 1:
                yield _error(
                    "E011",
                    f"{model}.{name} is entered in {' and '.join(tabs)}.",
                    "A field has one entry tab: make the others mirror or override.",
                )


def _check_policies(declared: Registry) -> Iterator[checks.CheckMessage]:
    entered = entry_tabs(declared)
    for model, policies in declared.policy_table.items():
        try:
            known = _field_names(apps.get_model(model))
        except (LookupError, ValueError):
            yield _error("E012", f"Policies are declared for {model}, which doesn't exist.", "Mend the model's name.")
            continue
        for name, policy in policies.items():
            if name not in known:
                yield _error(
                    "E012", f"A policy is declared for {model}.{name}, which doesn't exist.", "Mend the field's name."
                )
            if name in entered.get(model, {}):
                yield _error(
                    "E013", f"{model}.{name} has a policy and a tab where people enter it.", "Drop one of them."
                )
            for action in policy.saved_by:
                if action not in ACTIONS:
                    yield _error(
                        "E007", f"{model}.{name} is saved by {action}, which is no action.", "Name registered actions."
                    )


def _check_forgotten_fields(declared: Registry) -> Iterator[checks.CheckMessage]:
    entered = entry_tabs(declared)
    for model in _domain_models():
        label = model._meta.label
        for name in sorted(
            _field_names(model) - set(entered.get(label, {})) - set(declared.policy_table.get(label, {}))
        ):
            yield _error(
                "E014",
                f"The field {label}.{name} has no policy.",
                f"Say in {model._meta.app_label}/sheets.py who may change it: add an entry column to a tab, or "
                f'registry.policies("{label}", {name}=FieldPolicy(saved_by=(...), why="...")).',
                model,
            )


def _domain_models() -> Iterable[type[models.Model]]:
    """Models of the apps that declare sheets; histories apart."""
    for config in apps.get_app_configs():
        if module_has_submodule(config.module, "sheets"):
            yield from (model for model in config.get_models() if not hasattr(model, "history_object"))


def _field_names(model: type[models.Model]) -> set[str]:
    return {stored.name for stored in model._meta.concrete_fields}
