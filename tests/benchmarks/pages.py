"""Pages of the admin on PostgreSQL: the first byte with 50,000 initiatives and 1,000,000 rows of history, beside the same with 100; and
exports of 100,000 rows in bounded memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any
from urllib.parse import urlsplit

import django
import psycopg
from django.core.management import call_command
from django.test.utils import setup_test_environment

from tests.benchmarks.report import Figure

FEW, MANY = 100, 50_000
HISTORY = 1_000_000  # rows: half of them what runs changed, half earlier versions
EXPORTED = 100_000
TIMES = 12  # each page is opened so often
COMMAND = (sys.executable, "-m", "tests.benchmarks.pages")
SEARCHES = {"a key": "INIT-000050", "many": "i", "one of many": "INIT 000050", "none": "nothing+has+this"}
AIM = 2.0
MOST_MB = 100.0  # that an export may add to what the process holds


def pages(folder: Path) -> Iterator[Figure]:
    """Each page: what it takes with many, against what it takes with few; and exports of as many rows again."""
    from tests.postgres import throwaway_server

    with throwaway_server() as url:
        few, many = (_Desk(_database(url, f"with_{count}"), count) for count in (FEW, MANY))
        for what in few.pages:
            # In turns, so that what else the machine does falls on both.
            taken = [(few.open(what), many.open(what)) for _ in range(TIMES + 1)][1:]
            least = [min(seconds) for seconds in zip(*taken, strict=True)]
            yield Figure(what=f"{what}, {MANY:,} initiatives", taken=least[1], floor=least[0], aim=AIM, against="100:")
        few.close()
        many.close()
        exported = _exported(many.url)
    for what, (seconds, grown) in exported.items():
        yield Figure(what=f"export of {EXPORTED:,} rows as {what}", taken=seconds)
        yield Figure(what="  memory that it adds", taken=grown, aim=MOST_MB, unit="MB")


class _Desk:
    """A process that serves one company's pages."""

    def __init__(self, url: str, initiatives: int) -> None:
        self.url = url
        self._process = subprocess.Popen(
            [*COMMAND, "answer", str(initiatives)], stdin=PIPE, stdout=PIPE, text=True, env=_environment(url)
        )
        self.pages: list[str] = self._told()

    def open(self, what: str) -> float:
        """Opens a page; seconds to its first byte."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return float(self._told())

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()

    def _told(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def _database(url: str, name: str) -> str:
    """A new database on the server; its address."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _environment(url: str) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}


def _exported(url: str) -> dict[str, tuple[float, float]]:
    """In a process of its own, so that its memory is its own."""
    answer = subprocess.run([*COMMAND, "export"], check=True, stdout=PIPE, text=True, env=_environment(url))
    told: dict[str, tuple[float, float]] = json.loads(answer.stdout.splitlines()[-1])
    return told


def main() -> None:
    """Does the step that the command line names."""
    django.setup()
    setup_test_environment()
    if sys.argv[1] == "answer":
        answer(int(sys.argv[2]))
    else:
        fill(MANY, EXPORTED - MANY)
        tell(exports())


def answer(initiatives: int) -> None:
    """Makes the company, tells which pages there are, and opens those that it is asked for."""
    from tests.admin_pages import admin_client, north_star

    call_command("migrate", verbosity=0)
    north_star()
    fill(0, initiatives)
    remember(versions=HISTORY // 2 // MANY)
    client, known = admin_client(), addresses()
    tell([*known])
    for line in sys.stdin:
        began = time.perf_counter()
        assert client.get(known[line.strip()]).status_code == 200
        tell(time.perf_counter() - began)


def tell(what: Any) -> None:
    """A line of JSON."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def fill(start: int, count: int) -> None:
    """Initiatives with what intake said of them, a parameter each, and a tab's memory of them."""
    from backlog.models import Initiative, IntakeSubmission
    from productops.models import InitiativeMathModel, InitiativeParam, InitiativeScoring
    from sheetsync.models import RowState
    from tests.admin_pages import workbook

    book = workbook("intake")
    areas, markets = ("Search", "Payments", "Mobile app"), ("UKI", "DACH", "Iberia")
    made = Initiative.objects.bulk_create(
        [
            Initiative(
                initiative_key=f"INIT-{number:06d}",
                title=f"Idea {number} of a company that has many",
                department=f"Department {number % 9}",
                product_area=areas[number % 3],
                market=markets[number % 3],
                engineering_tokens=number % 50,
                overall_score=number % 997,
                is_optimization_candidate=number % 2 == 0,
                metric_chain_json=_chain(number),
                kpi_contribution_json={"gmv": 1.0} if number % 3 else None,
            )
            for number in range(start + 1, start + count + 1)
        ],
        batch_size=2_000,
    )
    said = [IntakeSubmission(initiative=each, workbook=book, tab="Wishes", title=each.title) for each in made]
    IntakeSubmission.objects.bulk_create(said, batch_size=5_000)
    InitiativeParam.objects.bulk_create(
        [InitiativeParam(initiative=each, param_name="uplift", value=0.1) for each in made], batch_size=5_000
    )
    InitiativeMathModel.objects.bulk_create(
        [
            InitiativeMathModel(
                initiative=each, model_name="uplift", target_kpi_key="gmv", formula_text="value = uplift * 10"
            )
            for each in made
        ],
        batch_size=5_000,
    )
    InitiativeScoring.objects.bulk_create(
        [
            InitiativeScoring(
                initiative=each, rice_overall_score=each.pk * 7 % 1009, wsjf_overall_score=each.pk * 11 % 997
            )
            for each in made
        ],
        batch_size=5_000,
    )
    states = [RowState(workbook=book, tab="Wishes", row_key=each.initiative_key.casefold()) for each in made]
    RowState.objects.bulk_create(states, batch_size=5_000)
    _analyze()


def _chain(number: int) -> dict[str, Any]:
    """One of 150 ways to the north star."""
    first, second = f"metric {number % 150}", f"metric {number % 20 + 150}"
    return {"nodes": [first, second, "gmv"], "edges": [[first, second], [second, "gmv"]]}


def remember(*, versions: int) -> None:
    """The rows of history: of every initiative so many changes, and as many earlier versions."""
    from django.db import connection

    from sheetsync.models import ActionRun

    runs = ActionRun.objects.bulk_create(
        [ActionRun(action="pm.backlog_sync", status="success", requested_by="olga") for _ in range(1_000)]
    )
    changed = """
        INSERT INTO sheetsync_recordchange (run_id, model, object_id, row_key, created, deleted, fields, tab)
        SELECT %s + (i.id + n * 37) %% 1000, 'backlog.Initiative', i.id, i.initiative_key, false, false,
               '{"market": ["UKI", "DACH"]}', 'Backlog'
        FROM backlog_initiative i CROSS JOIN generate_series(1, %s) n"""
    with connection.cursor() as cursor:
        cursor.execute(changed, [runs[0].pk, versions])
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'backlog_initiative'")
        names = ", ".join(f'"{name}"' for (name,) in cursor.fetchall())
        cursor.execute(
            f"INSERT INTO backlog_historicalinitiative ({names}, history_date, history_type) "
            f"SELECT {names}, now() - n * interval '1 day', '~' FROM backlog_initiative, generate_series(1, %s) n",
            [versions],
        )
    _analyze()


def _analyze() -> None:
    """As the server's own housekeeping does sooner or later."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def addresses() -> dict[str, str]:
    """Page -> its address."""
    from django.urls import reverse

    from backlog.models import Initiative
    from tests.admin_pages import change_url

    record = Initiative.objects.get(initiative_key="INIT-000050")
    history = reverse("admin:backlog_initiative_history", args=(record.pk,))
    lists = {
        "initiatives": "backlog_initiative",
        "intake": "backlog_intakesubmission",
        "parameters": "productops_initiativeparam",
        "runs": "sheetsync_actionrun",
        "changes": "sheetsync_recordchange",
        "rows of tabs": "sheetsync_rowstate",
    }
    return {
        "the dashboard": reverse("admin:index"),
        "an initiative's page": change_url(record),
        "an initiative's history": history,
        **{f"list of {what}": reverse(f"admin:{name}_changelist") for what, name in lists.items()},
        "a filtered list": reverse("admin:backlog_initiative_changelist") + "?market=DACH",
        **{f"search of every page, {what}": f"{reverse('admin:search')}?s={typed}" for what, typed in SEARCHES.items()},
        **{
            f"list of {of}, searched, {what}": f"{reverse(f'admin:{lists[of]}_changelist')}?q={typed}"
            for of in ("initiatives", "parameters", "changes")
            for what, typed in SEARCHES.items()
        },
        "approvals": reverse("admin:approvals"),
        "adoptions": reverse("admin:productops_adoptions"),
        "the metric tree, once worked out": reverse("admin:productops_metrics"),
        "frameworks side by side, once worked out": reverse("admin:productops_frameworks"),
    }


def exports() -> dict[str, tuple[float, float]]:
    """Format -> seconds, and megabytes that the process grew by."""
    from backlog.models import Initiative
    from sheetsync.records import ModelRecords
    from sheetsync.registry import registry
    from sheetsync.tabs import Role
    from sheetsync.transfer.exporting import export, tab_columns
    from sheetsync.transfer.files import Format

    entry = registry.get(Role.BACKLOG, "Backlog")
    assert entry.records is not None
    records = entry.records()
    assert isinstance(records, ModelRecords)
    columns = tab_columns(entry.tab, records.paths)
    told = {}
    for kind in (Format.CSV, Format.JSON, Format.XLSX):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        assert sum(len(piece) for piece in export(kind, columns, Initiative.objects.order_by("pk"))) > EXPORTED
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        told[kind.value] = (time.perf_counter() - began, grown)
    return told


if __name__ == "__main__":
    main()
