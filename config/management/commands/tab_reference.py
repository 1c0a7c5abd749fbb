"""`manage.py tab_reference`: writes docs/tabs.md from the declarations, or says that it differs."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.core.management.base import BaseCommand, CommandError
from django.db import models
from django.utils.module_loading import module_has_submodule

from sheetsync.reference import ReferenceAction, StoredField, render_reference
from sheetsync.registry import FieldPolicy, registry
from sheetsync.runs.actions import ACTIONS
from sheetsync.service_tabs import service_tabs
from sheetsync.tabs import Column, Owner, Role, Tab

PAGE = settings.BASE_DIR / "docs" / "tabs.md"
_UNDECLARED = FieldPolicy(saved_by=(), why="")


class Command(BaseCommand):
    """Exit status with --check: 0 when the page is what the code declares, else 1."""

    help = "Writes docs/tabs.md from the declarations in the code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail when the page differs")
        parser.add_argument("--page", type=Path, default=PAGE, help="another file than docs/tabs.md")

    def handle(self, *args: Any, check: bool, page: Path, **options: Any) -> None:
        text = reference_text()
        written = page.read_text(encoding="utf-8") if page.exists() else ""
        if text == written:
            self.stdout.write(f"{page.name} is what the code declares.")
        elif check:
            raise CommandError(f"{page.name} isn't what the code declares; run `python manage.py tab_reference`.")
        else:
            page.write_text(text, encoding="utf-8")
            self.stdout.write(f"{page.name} is written.")


def reference_text() -> str:
    """The page as the code declares it now."""
    actions = [
        ReferenceAction(name=one.name, roles=tuple(map(str, one.roles)), help=one.help, arguments=one.arguments)
        for _name, one in sorted(ACTIONS.items())
    ]
    return render_reference(registry.tabs(), list(stored_fields()), actions, service_tabs(Role.BACKLOG))


def stored_fields() -> Iterator[StoredField]:
    """Every stored field of the apps that declare tabs, histories apart, model by model."""
    shown = _shown_fields()
    for config in apps.get_app_configs():
        if not module_has_submodule(config.module, "sheets"):
            continue
        for model in config.get_models():
            if not hasattr(model, "history_object"):
                yield from _fields_of(model, shown)


def _fields_of(model: type[models.Model], shown: dict[tuple[str, str], dict[str, str]]) -> Iterator[StoredField]:
    label = model._meta.label
    policies = registry.policy_table.get(label, {})
    for stored in model._meta.concrete_fields:
        policy = policies.get(stored.name, _UNDECLARED)
        yield StoredField(
            model=label,
            name=stored.name,
            shown=shown.get((label, stored.name), {}),
            written_by=policy.saved_by,
            why=policy.why,
        )


def _shown_fields() -> dict[tuple[str, str], dict[str, str]]:
    """(model, field) -> {tab: owner of its column there}."""
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for tab in registry.tabs():
        for column in tab.columns:
            stored = _stored_field(tab, column)
            if stored is not None:
                found[stored.model._meta.label, stored.name][tab.name] = column.owner.value
    return found


def _stored_field(tab: Tab, column: Column) -> models.Field[Any, Any] | None:
    """The field that a column shows; None for columns that show none."""
    path = column.path or (column.field or column.name if column.owner is Owner.COPIED else "")
    if not path or not tab.model:
        return None
    model: Any = apps.get_model(tab.model)
    *steps, last = path.split("__")
    try:
        for step in steps:
            model = model._meta.get_field(step).related_model
        stored = model._meta.get_field(last)
    except FieldDoesNotExist:
        return None
    return stored if isinstance(stored, models.Field) else None
