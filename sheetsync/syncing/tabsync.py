"""Syncs one tab of a workbook: settles what the sheet brings, shows what the database holds."""

from __future__ import annotations

from sheetsync.syncing import recording, settling, showing
from sheetsync.syncing.opentab import OpenTab
from sheetsync.syncing.writing import TabOutcome, TabPlan


class TabSync(OpenTab):
    """One tab in one round of an action: settle, show, and once the plan was sent, acknowledge."""

    def settle(self) -> None:
        """Takes what people changed since both sides last agreed."""
        settling.settle(self)

    def show(self) -> TabPlan:
        """Plans what the tab shall show, and stores each attempt before it is sent."""
        return showing.show(self)

    def acknowledge(self, outcome: TabOutcome, may_land_for_s: float) -> None:
        """Records what landed: bases move on, attempts are forgotten, cells are logged."""
        recording.acknowledge(self, outcome, may_land_for_s)

    def report(self) -> None:
        """Tells what the action's caller should know about this tab."""
        recording.report(self)
