"""A small company with an optimization workbook in memory: what people type, what actions do, what the sheets show then."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from backlog.models import Initiative
from optimization.models import OptimizationConstraintSet, OptimizationRun
from productops.models import MetricConfig
from sheetsync.context import ActionContext, Arguments
from sheetsync.models import ActionRun, Workbook
from sheetsync.registry import registry
from sheetsync.runs.actions import ACTIONS
from sheetsync.tabs import Role
from sheetsync.workbooks.memory import MemoryWorkbook

RUN_ALL = "pm.optimize_run_all_candidates"
RUN_TICKED = "pm.optimize_run_selected_candidates"
SAVE = "pm.optimize_save_constraints"
POPULATE = "pm.populate_candidates"
PERIOD = "2026-Q3"


class World:
    """KPIs gmv (north star) and nps; a workbook with all nine tabs; no initiative yet."""

    def __init__(self, *, versions: bool = True) -> None:
        for key, level in (("gmv", "north_star"), ("nps", "strategic")):
            MetricConfig.objects.create(kpi_key=key, kpi_level=level)
        self.tabs = {tab.name: [column.name for column in tab.columns] for tab in registry.tabs(Role.OPTIMIZATION)}
        self.book = MemoryWorkbook({name: [list(names)] for name, names in self.tabs.items()}, versions=versions)
        self.workbook = Workbook.objects.create(role=Role.OPTIMIZATION, location="plan", title="Plan")
        self.books = {"plan": self.book}

    # ---- what people do ------------------------------------------------------------------------------------------------------------------

    def initiative(self, number: int, *, tokens: float | None = 10, gmv: float | None = None, **fields: Any) -> str:
        """A candidate for 2026-Q3, unless the fields say else; returns its key."""
        key = f"INIT-{number:06d}"
        contributions = {"gmv": gmv} if gmv is not None else None
        given = {
            "title": f"Idea {number}",
            "engineering_tokens": tokens,
            "is_optimization_candidate": True,
            "candidate_period_key": PERIOD,
            "kpi_contribution_json": contributions,
            **fields,
        }
        Initiative.objects.create(initiative_key=key, **given)
        return key

    def type(self, tab: str, **cells: Any) -> int:
        """A person fills the next free row; returns its number as people count."""
        index = len(self.book.values(tab))
        for name, value in cells.items():
            self.book.set_cell(tab, index, self.tabs[tab].index(name), value)
        return index + 1

    def retype(self, tab: str, row: int, **cells: Any) -> None:
        """A person changes cells of a row, counted from 1."""
        for name, value in cells.items():
            self.book.set_cell(tab, row - 1, self.tabs[tab].index(name), value)

    def scenario(self, name: str = "Q3 base", **cells: Any) -> int:
        """A row of Scenario_Config: 100 tokens in 2026-Q3 for the north star, unless the cells say else."""
        given = {"period_key": PERIOD, "capacity_total_tokens": 100, "objective_mode": "north_star", **cells}
        return self.type("Scenario_Config", scenario_name=name, **given)

    def rule(self, kind: str, **cells: Any) -> int:
        """A row of Constraints for the set Base."""
        given = {"scenario_name": "Q3 base", "constraint_set_name": "Base", **cells}
        return self.type("Constraints", constraint_type=kind, **given)

    def target(self, kpi: str, value: Any, kind: str = "goal", **cells: Any) -> int:
        """A row of Targets for the set Base."""
        given = {"scenario_name": "Q3 base", "constraint_set_name": "Base", **cells}
        return self.type("Targets", kpi_key=kpi, target_value=value, floor_or_goal=kind, **given)

    def act(self, name: str, *, again: ActionRun | None = None, **arguments: Any) -> ActionContext:
        """Carries out an action on every optimization workbook; `again` is a call that broke off."""
        run = again or ActionRun.objects.create(action=name, status=ActionRun.Status.RUNNING, requested_by="Ana")
        context = ActionContext(
            run=run,
            arguments=Arguments(**arguments),
            now=timezone.now().replace(microsecond=0),
            open_book=lambda workbook: self.books[workbook.location],
        )
        ACTIONS[name].work(context)
        context.storage.flush()
        ActionRun.objects.filter(pk=run.pk).update(status=context.report.status)
        return context

    # ---- what there is then --------------------------------------------------------------------------------------------------------------

    def rows(self, tab: str) -> list[dict[str, Any]]:
        """The rows below the header, column -> value."""
        return [dict(zip(self.tabs[tab], row, strict=False)) for row in self.book.values(tab)[1:]]

    def status(self, tab: str, row: int) -> str:
        """run_status of a row, counted from 1."""
        return self.rows(tab)[row - 2]["run_status"] or ""

    def set(self, name: str = "Base") -> OptimizationConstraintSet:
        """The stored set of that name."""
        return OptimizationConstraintSet.objects.get(constraint_set_name=name)

    def run(self) -> OptimizationRun:
        """The latest run."""
        return OptimizationRun.objects.order_by("-pk")[0]


def texts(context: ActionContext, status: str = "") -> str:
    """What an action said, one line a message."""
    return "\n".join(message.text for message in context.report.messages if status in ("", message.status))
