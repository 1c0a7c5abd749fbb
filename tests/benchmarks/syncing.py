"""Syncs of large .xlsx workbooks beside what the libraries alone need."""

from __future__ import annotations

import hashlib
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
from django.core.management import call_command

from backlog.models import Initiative
from backlog.sheets import BACKLOG
from sheetsync.connecting import connect
from sheetsync.context import Arguments
from sheetsync.models import Workbook
from sheetsync.runs import carry_out, request
from tests.benchmarks import floors
from tests.benchmarks.report import Figure

INTAKE_HEADER = (
    "Key", "Initiative Title", "Dept", "Team", "Requester", "E-mail", "Country", "Area", "Problem", "Hypothesis", "Segment", "Type",
)  # fmt: skip


def syncing(folder: Path, size: int = 10_000) -> Iterator[Figure]:
    """First intake, first fill, unchanged, 1 % changed: `size` rows each."""
    intake, backlog = folder / "intake.xlsx", folder / "backlog.xlsx"
    write_intake(intake, size)
    connect("intake", str(intake), department="Sales")
    call_command("init_workbook", "backlog", str(backlog), verbosity=0, stdout=_Silence())
    connect("backlog", str(backlog))
    yield first_intake(intake, size)
    first_fill = timed("backlog")
    fill_backlog(backlog)
    timed("backlog")
    yield Figure(
        what=f"first fill of a Backlog of {size:,} rows",
        taken=first_fill,
        floor=floors.seconds(lambda: floors.read_file(backlog)),
    )
    yield unchanged(backlog, size)
    yield one_percent(backlog, folder / "copy.xlsx", size)


class _Silence:
    def write(self, _text: str) -> None:
        pass


def write_intake(path: Path, size: int) -> None:
    """A department's sheet without keys."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Wishes")
    sheet.append(INTAKE_HEADER)
    for number in range(size):
        sheet.append(
            [None, f"Idea {number}", "Sales", f"Team {number % 40}", "Ada Moss", "ada@example.com", ("UK", "DE", "FR")[number % 3],
             f"Area {number % 12}", f"Problem number {number} that somebody has", f"We believe {number}", "SMB", "Growth"]
        )  # fmt: skip
    book.save(path)


def timed(role: str) -> float:
    """Seconds of one pm.backlog_sync on the workbook of a role."""
    workbook = Workbook.objects.get(role=role)
    run = request("pm.backlog_sync", workbook=workbook, arguments=Arguments())
    began = time.perf_counter()
    context = carry_out(run)
    assert context is not None
    assert context.report.status == "success", context.report.messages[:3]
    return time.perf_counter() - began


def first_intake(path: Path, size: int) -> Figure:
    """Everything read, taken, keyed; against reading, a bare upsert and writing the keys."""
    copy = path.with_name("keys.xlsx")
    keys = [(number + 2, 1, f"INIT-{number + 1:06d}") for number in range(size)]
    grid = floors.read_file(path)[0][1:]
    floor = (
        floors.seconds(lambda: floors.read_file(path))
        + floors.seconds(
            lambda: floors.upsert("floor_of_intake", INTAKE_HEADER, [[str(n), *row[1:]] for n, row in enumerate(grid)])
        )
        + floors.seconds(lambda: floors.save_cells(path, copy, "Wishes", keys))
    )
    return Figure(what=f"first intake of {size:,} rows", taken=timed("intake"), floor=floor, promised=3.0)


def fill_backlog(path: Path) -> None:
    """Stores values in most of the 40 columns, so that the next sync shows them."""
    for number, initiative in enumerate(Initiative.objects.all().iterator()):
        Initiative.objects.filter(pk=initiative.pk).update(**planned(number))


def planned(number: int) -> dict[str, Any]:
    """What PMs plan for one initiative."""
    return {
        "market": "EMEA", "category": f"Category {number % 7}", "program_key": f"program-{number % 9}", "effort_tshirt_size": "M",
        "strategic_priority_coefficient": 1.0 + number % 3, "effort_engineering_days": float(number % 90), "infra_cost_estimate": 100.0,
        "effort_other_teams_days": 3.0, "engineering_tokens": float(number % 50 + 1), "engineering_tokens_mvp": 4.0,
        "engineering_tokens_full": 60.0, "scope_mode": "custom", "risk_level": "low", "risk_description": "nothing that we know of",
        "time_sensitivity_score": 2.0, "is_optimization_candidate": True, "candidate_period_key": "2026-Q3", "llm_summary": "short",
        "active_scoring_framework": "RICE", "value_score": 8.0, "effort_score": 2.0, "overall_score": 4.0, "immediate_kpi_key": "gmv",
        "kpi_contribution_json": {"gmv": float(number)}, "metric_chain_json": {"nodes": ["a", "gmv"], "edges": [["a", "gmv"]]},
    }  # fmt: skip


def unchanged(path: Path, size: int) -> Figure:
    """A sync that finds nothing to do, against reading the file and the table; not a byte of the file changes."""
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    floor = floors.seconds(lambda: floors.read_file(path)) + floors.seconds(
        lambda: floors.select_all("backlog_initiative")
    )
    taken = floors.seconds(lambda: timed("backlog"))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before, "an unchanged sync wrote something"
    return Figure(what=f"unchanged sync of {size:,} rows", taken=taken, floor=floor, promised=1.5)


def one_percent(path: Path, copy: Path, size: int) -> Figure:
    """Every hundredth row changed in the database, against reading, selecting, saving the same cells and reading the copy."""
    column = 1 + [entry.name for entry in BACKLOG.columns].index("market")
    header = next(number for number, row in enumerate(floors.read_file(path)[0], start=1) if "initiative_key" in row)
    cells = [(header + 1 + number, column, "APAC") for number in range(0, size, 100)]
    floor = (
        floors.seconds(lambda: floors.read_file(path))
        + floors.seconds(lambda: floors.select_all("backlog_initiative"))
        + floors.seconds(lambda: floors.save_cells(path, copy, "Backlog", cells))
        + floors.seconds(lambda: floors.read_file(copy))
    )
    keys = list(Initiative.objects.values_list("pk", flat=True))[::100]
    taken = []
    for market in ("APAC", "LATAM", "MENA"):
        Initiative.objects.filter(pk__in=keys).update(market=market)
        taken.append(timed("backlog"))
    return Figure(what=f"sync of {size:,} rows, 1 % changed", taken=sorted(taken)[1], floor=floor, promised=2.0)


def peak_memory_mb() -> float:
    """The most that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
