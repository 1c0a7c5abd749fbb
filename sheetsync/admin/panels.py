"""Panels on the pages of records, and cards on the dashboard. Apps register theirs in a module `panels.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString

from sheetsync.access.scope import is_limited


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A section that stands below the form on every page of one model."""

    name: str  # unique for the model; the section's anchor is panel-<name>
    title: str
    model: str  # "app_label.Model"
    order: int  # low ones come first
    render: Callable[[HttpRequest, Any], SafeString | str]  # (request, record) -> HTML or plain text; "" isn't shown
    permission: str = ""  # "app_label.codename" that a person needs to see it; "" for whoever sees the page


@dataclass(frozen=True, kw_only=True)
class Card:
    """A part of the dashboard."""

    name: str  # unique; the card's anchor is card-<name>
    title: str
    order: int  # low ones come first
    permission: str = ""  # "app_label.codename" that a person needs to see it; "" for everybody who is signed in
    in_scope: bool = False  # it keeps to `within_scope`, so that a person who is limited to departments may see it
    render: Callable[[HttpRequest], SafeString | str]  # "" isn't shown


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A panel or card as a template shows it."""

    anchor: str
    title: str
    content: SafeString | str


_panels: dict[tuple[str, str], Panel] = {}
_cards: dict[str, Card] = {}


def register_panel(panel: Panel) -> None:
    """Shows the panel from now on. Raises ValueError when the model has one of that name."""
    at = (panel.model.lower(), panel.name)
    if at in _panels:
        raise ValueError(f"{panel.model} has a panel {panel.name!r} already")
    _panels[at] = panel


def register_card(card: Card) -> None:
    """Shows the card from now on. Raises ValueError when there is one of that name."""
    if card.name in _cards:
        raise ValueError(f"there is a card {card.name!r} already")
    _cards[card.name] = card


def panels_of(request: HttpRequest, record: Model) -> list[Rendered]:
    """The record's panels that this person may see, in order."""
    of_model = (panel for (model, _name), panel in _panels.items() if model == record._meta.label_lower)
    shown = []
    for panel in sorted(of_model, key=lambda each: (each.order, each.name)):
        content = panel.render(request, record) if may_see(request, panel.permission) else ""
        if content:
            shown.append(Rendered(anchor=f"panel-{panel.name}", title=panel.title, content=content))
    return shown


def cards(request: HttpRequest) -> list[Rendered]:
    """The dashboard's cards that this person may see, in order."""
    shown = []
    for card in sorted(_cards.values(), key=lambda each: (each.order, each.name)):
        content = card.render(request) if may_see(request, card.permission, in_scope=card.in_scope) else ""
        if content:
            shown.append(Rendered(anchor=f"card-{card.name}", title=card.title, content=content))
    return shown


def may_see(request: HttpRequest, permission: str, *, in_scope: bool = True) -> bool:
    """Whether the person has the permission ("" asks for none), and isn't limited to departments where what is shown isn't."""
    return (not permission or request.user.has_perm(permission)) and (in_scope or not is_limited(request))


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the admin's first page shows (UNFOLD's DASHBOARD_CALLBACK)."""
    return {**context, "title": "Dashboard", "cards": cards(request)}
