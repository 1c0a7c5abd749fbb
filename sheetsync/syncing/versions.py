"""What is remembered of a workbook's versions, moved on over a write of the engine's own."""

from __future__ import annotations

from sheetsync.models import ControlState, TabState, Workbook


def move_versions_on(workbook: Workbook, planned_on: str, made: str) -> None:
    """Whatever was settled in the version that a write was made on is settled in the version that the write made, as long as the write
    went to none of those tabs. Does nothing where versions can't be told."""
    if not planned_on or not made:
        return
    for states in (TabState.objects, ControlState.objects):
        states.filter(workbook=workbook, version=planned_on).update(version=made)
