"""What people may choose for an action's arguments; apps register what they know of."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sheetsync.models import ActionRun
from sheetsync.registry import registry
from sheetsync.runs.actions import Action

Choices = Iterable[tuple[str, str]]  # (value, in words)
Offer = Callable[[], Choices]
LATEST_RUNS = 50

_offers: dict[tuple[str, str], Offer] = {}  # by (argument, action; "" for every action)


def offer_choices(argument: str, offer: Offer, *, action: str = "") -> None:
    """Registers what may be chosen for an argument, of one action or of every one that has no choices of its own."""
    _offers[argument, action] = offer


def choices_of(argument: str, action: Action) -> list[tuple[str, str]] | None:
    """What may be chosen; None where people type."""
    if argument == "tab":
        return _tabs(action)
    offer = _offers.get((argument, action.name)) or _offers.get((argument, ""))
    return list(offer()) if offer else None


def _tabs(action: Action) -> list[tuple[str, str]]:
    names = (tab.name for role in action.roles for tab in registry.tabs(role) if tab.saved_by and not tab.any_name)
    return [(name, name) for name in dict.fromkeys(names)]


def _undoable_runs() -> Choices:
    ended = ActionRun.objects.filter(undone_by=None).exclude(status__in=("queued", "running"))
    for run in ended.only("run_id", "action", "requested_by", "created_at")[:LATEST_RUNS]:
        yield run.run_id, f"{run.created_at:%-d %b %Y %H:%M} {run.action} by {run.requested_by or 'nobody named'}"


offer_choices("runs", _undoable_runs, action="pm.undo_run")
