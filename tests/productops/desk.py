"""Workbooks in memory and actions on them: what a product manager types, asks for and sees."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sheetsync.context import ActionContext, Arguments, Report
from sheetsync.models import Workbook
from sheetsync.registry import registry
from sheetsync.runs.actions import ACTIONS
from sheetsync.tabs import Role
from sheetsync.workbooks.memory import MemoryWorkbook
from tests.factories import ActionRunFactory, MetricConfigFactory, WorkbookFactory

NOW = datetime.datetime(2026, 3, 31, 9, 30, tzinfo=datetime.UTC)
PRODUCTOPS_TABS = ("Metrics_Config", "Scoring_Inputs", "MathModels", "Params", "KPI_Contributions")


def headers(role: Role, name: str, *, without: Iterable[str] = ()) -> list[str]:
    """The canonical headers of a declared tab."""
    return [column.name for column in registry.get(role, name).tab.columns if column.name not in without]


@dataclass
class Desk:
    """One ProductOps workbook, and perhaps a Backlog."""

    book: MemoryWorkbook = field(init=False)
    workbook: Workbook = field(init=False)
    backlog: MemoryWorkbook = field(init=False)
    last: Report = field(init=False)
    without: tuple[str, ...] = ()  # headers that somebody deleted

    def __post_init__(self) -> None:
        tabs = {name: [headers(Role.PRODUCTOPS, name, without=self.without)] for name in PRODUCTOPS_TABS}
        self.book = MemoryWorkbook(tabs)
        self.backlog = MemoryWorkbook({"Backlog": [headers(Role.BACKLOG, "Backlog")]})
        self.workbook = WorkbookFactory(location="productops")

    def connect_backlog(self) -> Workbook:
        """A Backlog workbook beside it."""
        return WorkbookFactory(location="backlog", role=Role.BACKLOG.value)

    def act(self, action: str, *, workbook: Workbook | None = None, **arguments: Any) -> Report:
        """Asks for an action on every workbook of its role, or the one named."""
        run = ActionRunFactory(action=action, workbook=workbook)
        books = {"productops": self.book, "backlog": self.backlog}
        context = ActionContext(
            run=run, arguments=Arguments(**arguments), now=NOW, open_book=lambda found: books[found.location]
        )
        ACTIONS[action].work(context)
        context.storage.flush()
        run.status = context.report.status
        run.save()
        self.last = context.report
        return context.report

    def save(self, tab: str = "", **arguments: Any) -> Report:
        """pm.save_selected on this workbook."""
        return self.act("pm.save_selected", workbook=self.workbook, tab=tab, **arguments)

    def score(self, **arguments: Any) -> Report:
        """pm.score_selected on this workbook."""
        return self.act("pm.score_selected", workbook=self.workbook, **arguments)

    def add(self, tab: str, **cells: Any) -> int:
        """Types a new row below the others; returns where it stands."""
        shown = self.book.values(tab)
        place = len(shown)
        for name, value in cells.items():
            self.book.set_cell(tab, place, shown[0].index(name), value)
        return place

    def type(self, tab: str, place: int, **cells: Any) -> None:
        """Types over cells of a row."""
        header = self.book.values(tab)[0]
        for name, value in cells.items():
            self.book.set_cell(tab, place, header.index(name), value)

    def rows(self, tab: str, *, backlog: bool = False) -> list[dict[str, Any]]:
        """What the rows below the header show."""
        header, *rows = (self.backlog if backlog else self.book).values(tab)
        return [dict(zip(map(str, header), row, strict=True)) for row in rows]

    def row(self, tab: str, place: int = 1) -> dict[str, Any]:
        """What one row shows; the first below the header is 1."""
        return self.rows(tab)[place - 1]

    def status(self, tab: str, place: int = 1) -> str:
        """A row's run_status."""
        return str(self.row(tab, place)["run_status"])


def north_star(key: str = "gmv", **fields: Any) -> None:
    """An active north star is configured."""
    MetricConfigFactory(kpi_key=key, kpi_level="north_star", **fields)
