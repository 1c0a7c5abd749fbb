"""Which action saves a workbook."""

from __future__ import annotations

from collections import Counter

from sheetsync.registry import registry
from sheetsync.runs.actions import ACTIONS


def saving_action(role: str) -> str:
    """The action that saves most tabs of a workbook of that role, "" when none does."""
    counted = Counter(name for tab in registry.tabs(role) for name in tab.saved_by if name in ACTIONS)
    return counted.most_common(1)[0][0] if counted else ""
