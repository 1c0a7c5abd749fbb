"""Unfold's decorators, typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unfold.decorators import action, display
from unfold.enums import ActionVariant


def shown[Shows: Callable[..., Any]](
    description: str, *, label: Mapping[str, str] | None = None, ordering: str = ""
) -> Callable[[Shows], Shows]:
    """A column or field that a method shows. `label` is value -> colour (success, info, warning, danger), `ordering` a field."""
    decorate: Callable[[Shows], Shows] = display(description=description, label=label, ordering=ordering or None)
    return decorate


def button[Does: Callable[..., Any]](
    description: str, *, icon: str, permissions: Sequence[str], variant: ActionVariant = ActionVariant.DEFAULT
) -> Callable[[Does], Does]:
    """A button on an object's page. It is pressed with GET, so what it does must ask first (see `admin_confirm`)."""
    decorate: Callable[[Does], Does] = action(
        description=description, icon=icon, permissions=permissions, variant=variant
    )
    return decorate
