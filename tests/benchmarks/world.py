"""A department's sheet and its Backlog, as large as asked for: what the syncs are measured on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
from django.core.management import call_command

from backlog.models import Initiative
from backlog.sheets import BACKLOG
from sheetsync.bulk import update_rows
from sheetsync.connecting import connect

INTAKE_HEADER = (
    "Key", "Initiative Title", "Dept", "Team", "Requester", "E-mail", "Country", "Area", "Problem", "Hypothesis", "Segment", "Type",
)  # fmt: skip


def prepare(folder: Path, size: int) -> None:
    """An intake sheet of `size` rows without keys and an empty Backlog, both connected."""
    intake, backlog = folder / "intake.xlsx", folder / "backlog.xlsx"
    _write_intake(intake, size)
    connect("intake", str(intake), department="Sales")
    make_workbook("backlog", backlog)


def make_workbook(role: str, path: Path) -> None:
    """A workbook as `init_workbook` makes it, connected."""
    call_command("init_workbook", role, str(path), verbosity=0, stdout=_Silence())
    connect(role, str(path))


class _Silence:
    def write(self, _text: str) -> None:
        pass


def _write_intake(path: Path, size: int) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Wishes")
    sheet.append(INTAKE_HEADER)
    for number in range(size):
        sheet.append(
            [None, f"Idea {number}", "Sales", f"Team {number % 40}", "Ada Moss", "ada@example.com", ("UK", "DE", "FR")[number % 3],
             f"Area {number % 12}", f"Problem number {number} that somebody has", f"We believe {number}", "SMB", "Growth"]
        )  # fmt: skip
    book.save(path)


def plan_everything() -> None:
    """Stores values for most of the Backlog's 40 columns, so that the next sync shows them."""
    pks = Initiative.objects.order_by("pk").values_list("pk", flat=True)
    names = tuple(planned(0))
    update_rows(Initiative, names, [(pk, list(planned(number).values())) for number, pk in enumerate(pks)])


def planned(number: int) -> dict[str, Any]:
    """What PMs plan for one initiative, and what was scored."""
    return {
        "market": "EMEA", "category": f"Category {number % 7}", "program_key": f"program-{number % 9}", "effort_tshirt_size": "M",
        "strategic_priority_coefficient": 1.0 + number % 3, "effort_engineering_days": float(number % 90), "infra_cost_estimate": 100.0,
        "effort_other_teams_days": 3.0, "engineering_tokens": float(number % 50 + 1), "engineering_tokens_mvp": 4.0,
        "engineering_tokens_full": 60.0, "scope_mode": "custom", "risk_level": "low", "risk_description": "nothing that we know of",
        "time_sensitivity_score": 2.0, "is_optimization_candidate": True, "candidate_period_key": "2026-Q3", "llm_summary": "short",
        "active_scoring_framework": "RICE", "value_score": 8.0, "effort_score": 2.0, "overall_score": 4.0, "immediate_kpi_key": "gmv",
        "kpi_contribution_json": {"gmv": float(number)}, "metric_chain_json": {"nodes": ["a", "gmv"], "edges": [["a", "gmv"]]},
    }  # fmt: skip


def change_one_percent(market: str) -> None:
    """Every hundredth initiative changes in the database."""
    pks = list(Initiative.objects.order_by("pk").values_list("pk", flat=True))[::100]
    update_rows(Initiative, ["market"], [(pk, [market]) for pk in pks])


def column_of(name: str) -> int:
    """The place of a Backlog column in a new workbook, from 1."""
    return 1 + [column.name for column in BACKLOG.columns].index(name)
