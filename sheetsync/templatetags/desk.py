"""Filters of the admin's templates."""

from __future__ import annotations

from django import template
from django.utils.text import capfirst

register = template.Library()


@register.filter(is_safe=True)
def as_heading(text: object) -> str:
    """Words with a capital letter in front; names of the sheets and of actions (`net_revenue`, `pm.score_selected`) as they are."""
    said = text if isinstance(text, str) else str(text)
    first = said.partition(" ")[0]
    return said if "_" in first or "." in first or "/" in first else capfirst(said)


@register.filter
def blank(value: object, words: str) -> object:
    """The value; `words` for nothing."""
    return words if value in (None, "", "None", "{}", "[]") else value
