"""Stored numbers on admin pages: `1,956,066` and `12` where Django would show 1956065.8 and 12.0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from sheetsync.admin.tables import shown_number


def number_column(model: type[models.Model], column: Any) -> Any:
    """The column of a list as it is shown: what shows a number in place of its field's name, everything else as it is."""
    field = _number_field(model, column)
    if field is None:
        return column

    def shown(record: models.Model) -> str:
        return shown_number(getattr(record, field.name))

    shown.__name__ = field.name
    shown.short_description = field.verbose_name  # type: ignore[attr-defined]
    shown.admin_order_field = field.name  # type: ignore[attr-defined]
    return shown


def readable_numbers(model: type[models.Model]) -> dict[str, Callable[[str], str]]:
    """Field -> what rewrites its text on a page that only shows it."""
    return {field.name: _rewritten for field in model._meta.concrete_fields if isinstance(field, models.FloatField)}


def _number_field(model: type[models.Model], column: Any) -> models.FloatField[Any, Any] | None:
    try:
        field = model._meta.get_field(column) if isinstance(column, str) else None
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, models.FloatField) else None


def _rewritten(text: str) -> str:
    try:
        return shown_number(float(text))
    except ValueError:
        return text
