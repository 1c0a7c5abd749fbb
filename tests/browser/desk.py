"""A small company on sheets for the stories in a browser: an intake and a Backlog workbook that people edit, and syncs between them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl

from backlog.models import Initiative
from sheetsync.models import ActionRun, Workbook
from sheetsync.registry import registry
from sheetsync.runs.actions import carry_out, request
from sheetsync.tabs import Role
from tests.sheetsync.xlsx_files import plain_file

IDEAS = ("Search by mood", "Tonight near me", "Waitlist for full restaurants", "Deposits at booking")


@dataclass
class Sheets:
    """Two files in a folder."""

    folder: Path

    def make(self) -> Sheets:
        """Four wishes, taken and shown in the Backlog."""
        wishes = [["Initiative key", "Title", "Department", "Country"]]
        wishes += [[None, idea, "Diner growth", "UK"] for idea in IDEAS]
        names = [column.name for column in registry.get(Role.BACKLOG, "Backlog").tab.columns]
        self._connect("Diner wishes", "intake", {"Wishes": wishes})
        self._connect("Backlog", "backlog", {"Backlog": [names]})
        self.sync()
        self.sync()
        return self

    def _connect(self, title: str, role: str, tabs: dict[str, list[list[Any]]]) -> None:
        place = plain_file(self.folder / f"{title}.xlsx", tabs)
        Workbook.objects.create(title=title, role=role, location=str(place))

    @property
    def backlog(self) -> Workbook:
        return Workbook.objects.get(role="backlog")

    def sync(self) -> ActionRun:
        """As the workers do it."""
        run = request("pm.backlog_sync", requested_by="olga", came_from="schedule")
        carry_out(run)
        run.refresh_from_db()
        return run

    def cell(self, number: int, column: str) -> Any:
        """What the Backlog shows of the n-th initiative."""
        sheet, row, place = self._place(number, column)
        return sheet.cell(row, place).value

    def type(self, number: int, **cells: Any) -> None:
        """A PM edits the Backlog."""
        for column, value in cells.items():
            sheet, row, place = self._place(number, column)
            sheet.cell(row, place).value = value
            sheet.parent.save(self.backlog.location)

    def _place(self, number: int, column: str) -> tuple[Any, int, int]:
        sheet = openpyxl.load_workbook(self.backlog.location)["Backlog"]
        header = [cell.value for cell in sheet[1]]
        keys = [sheet.cell(row, header.index("initiative_key") + 1).value for row in range(1, sheet.max_row + 1)]
        return sheet, keys.index(f"INIT-{number:06d}") + 1, header.index(column) + 1


def stored(number: int) -> Initiative:
    """As it is stored now."""
    return Initiative.objects.get(initiative_key=f"INIT-{number:06d}")
