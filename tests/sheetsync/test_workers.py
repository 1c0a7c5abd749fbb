"""Real workers on real databases: killed in the middle of their work, sharing one queue. Nothing is lost, nothing is doubled."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from tests.sheetsync.installation import Installation, installed

pytestmark = pytest.mark.slow

WISHES = 400
CANDIDATES = 120
FILES = 10


def intake_file(place: Path, wishes: int) -> Path:
    """A department's file, before anybody synced it."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Wishes"
    for row in [["Key", "Title", "Run status"], *([None, f"{place.stem} {number}"] for number in range(wishes))]:
        sheet.append(row)
    book.save(place)
    return place


def shown(place: Path, tab: str, *names: str) -> list[tuple[object, ...]]:
    """These columns of the rows below the header, empty rows left out."""
    sheet = openpyxl.load_workbook(place)[tab]
    head, columns = header_of(sheet, set(names))
    rows = [tuple(row[columns[name] - 1] for name in names) for row in sheet.iter_rows(head + 1, values_only=True)]
    return [row for row in rows if any(cell is not None for cell in row)]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_worker_killed_in_the_middle_of_a_sync_is_followed_by_another_that_finishes_it(kind, tmp_path):
    with installed(kind, tmp_path) as here:
        place = intake_file(tmp_path / "wishes.xlsx", WISHES)
        here.manage("connect", "intake", str(place))
        run_id = here.queue("pm.backlog_sync")
        here.start_workers()
        here.wait_for_status(run_id, "running")
        here.wait(lambda: here.ask("SELECT 1 FROM sheetsync_keyreservation LIMIT 1"), "keys are given", every_s=0.01)
        here.kill_worker(run_id)
        here.wait_for_status(run_id, "success")
        assert here.run(run_id, "attempts") == 2
        stored = dict(here.ask("SELECT title, initiative_key FROM backlog_initiative"))
        assert here.ask("SELECT COUNT(*) FROM backlog_initiative") == [(WISHES,)]
    rows = shown(place, "Wishes", "title", "key")
    assert dict(rows) == stored
    assert len(rows) == WISHES


def a_hard_choice(here: Installation, place: Path) -> None:
    """Candidates with caps in many directions: the solver needs all the time that it is given."""
    here.manage("init_workbook", "optimization", str(place))
    here.manage("connect", "optimization", str(place))
    book = openpyxl.load_workbook(place)
    type_below(
        book["Scenario_Config"],
        scenario_name="Base",
        period_key="2026-Q3",
        capacity_total_tokens=20_000,
        objective_mode="north_star",
    )
    for dimension in ("country", "market", "department", "category", "product_area"):
        for number in range(4):
            type_below(
                book["Constraints"], scenario_name="Base", constraint_set_name="Rules", constraint_type="capacity_cap",
                dimension=dimension, dimension_key=f"{dimension} {number}", max_tokens=6_000 + 311 * number,
            )  # fmt: skip
    book.save(place)
    here.manage("shell", "--no-imports", "-c", _CANDIDATES)
    here.manage("action", "pm.optimize_save_constraints")


_CANDIDATES = f"""
import random
from backlog.models import Initiative
from productops.models import MetricConfig
die = random.Random(7)
MetricConfig.objects.create(kpi_key="gmv", kpi_level="north_star", is_active=True)
for number in range(1, {CANDIDATES} + 1):
    tokens = die.randrange(200, 900)
    places = {{name: f"{{name}} {{die.randrange(4)}}" for name in ("country", "market", "department", "category", "product_area")}}
    Initiative.objects.create(
        initiative_key=f"INIT-{{number:06d}}", title=f"Idea {{number}}", engineering_tokens=tokens, is_optimization_candidate=True,
        candidate_period_key="2026-Q3", kpi_contribution_json={{"gmv": tokens * 10 + die.randrange(100)}}, **places,
    )
"""


def type_below(sheet: Worksheet, **cells: object) -> None:
    """Types a new row below all others."""
    head, columns = header_of(sheet, set(cells))
    row = head + 1
    while any(sheet.cell(row, column).value is not None for column in columns.values()):
        row += 1
    for name, value in cells.items():
        sheet.cell(row, columns[name]).value = value


def header_of(sheet: Worksheet, names: set[str]) -> tuple[int, dict[str, int]]:
    """(row, name -> column) of the first row that holds these headers, canonical or in words."""
    for row in sheet.iter_rows(max_row=10):
        columns = {str(cell.value).lower().replace(" ", "_"): cell.column for cell in row if cell.value is not None}
        if names <= columns.keys():
            return row[0].row, columns
    raise AssertionError(f"no header row holds {names}")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_workers_killed_in_the_middle_of_a_solve_are_followed_by_others_that_finish_it(kind, tmp_path):
    with installed(kind, tmp_path, SOLVER_TIME_LIMIT_S="4", SOLVER_GAP="0", SOLVER_EXPLAIN_S="1") as here:
        place = tmp_path / "plan.xlsx"
        a_hard_choice(here, place)
        run_id = here.queue("pm.optimize_run_all_candidates", "--scenario", "Base", "--constraint-set", "Rules")
        cluster = here.start_workers()
        here.wait(lambda: here.ask("SELECT 1 FROM optimization_optimizationrun WHERE status = 'running'"), "it solves")
        time.sleep(0.3)
        assert here.ask("SELECT status FROM optimization_optimizationrun") == [("running",)]
        here.kill_group(cluster)
        here.start_workers()
        here.wait_for_status(run_id, "success")
        assert here.run(run_id, "attempts") == 2
        ((optimizer_run, status),) = here.ask("SELECT run_id, status FROM optimization_optimizationrun")
        assert status in ("optimal", "feasible")
        assert here.ask("SELECT COUNT(*) FROM optimization_portfolio") == [(1,)]
        assert here.ask("SELECT COUNT(*) FROM optimization_portfolioitem") == [(CANDIDATES,)]
    assert shown(place, "Runs", "run_id") == [(optimizer_run,)]
    results = shown(place, "Results", "run_id", "initiative_key")
    assert len(results) == len(set(results)) == CANDIDATES


def test_groups_of_workers_on_one_postgresql_share_the_queue(tmp_path):
    with installed("postgresql", tmp_path) as here:
        places = [intake_file(tmp_path / f"wishes{number}.xlsx", 20) for number in range(FILES)]
        connect = "from sheetsync.connecting import connect; [connect('intake', place) for place in {}]"
        here.manage("shell", "--no-imports", "-c", connect.format([str(place) for place in places]))
        groups = [here.start_workers() for _ in range(2)]
        here.wait(lambda: here.ask("SELECT COUNT(*) FROM sheetsync_workerbeat") == [(2,)], "both groups beat")
        here.manage("shell", "--no-imports", "-c", _ASK_FOR_EACH)
        ended = "SELECT 1 FROM sheetsync_actionrun HAVING COUNT(*) = %s AND COUNT(finished_at) = COUNT(*)"
        here.wait(lambda: here.ask(ended, FILES), "every run has ended")
        runs = here.ask("SELECT status, attempts, worker FROM sheetsync_actionrun")
        assert {run[:2] for run in runs} == {("success", 1)}
        counted = here.ask("SELECT COUNT(*), COUNT(DISTINCT initiative_key) FROM backlog_initiative")
        assert counted == [(20 * FILES, 20 * FILES)]
        beats = {name for (name,) in here.ask("SELECT name FROM sheetsync_workerbeat")}
        assert {group_of(worker) for _status, _attempts, worker in runs} == {group.pid for group in groups}
        assert len(beats) == len(groups)
    for place in places:
        assert len(set(shown(place, "Wishes", "key"))) == 20


_ASK_FOR_EACH = """
from sheetsync.models import Workbook
from sheetsync.runs.tasks import submit
for workbook in Workbook.objects.all():
    submit("pm.backlog_sync", workbook=workbook)
"""


def group_of(worker: str) -> int:
    """The session that a worker (host/process id) belongs to: the one that its group was started in."""
    found = subprocess.run(
        ["ps", "-o", "sid=", "-p", worker.rpartition("/")[2]], capture_output=True, text=True, check=True
    )
    return int(found.stdout)
