"""What actions cost on a Google spreadsheet of 10,000 rows: requests, and their size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import django
import orjson

from tests.benchmarks.report import Figure

ROWS = 10_000


def spreadsheets(folder: Path, size: int = ROWS) -> Iterator[Figure]:
    """Each request is counted by the server that answers it, and held against the API's discovery document."""
    scratch = {"DATABASE_URL": f"sqlite:///{folder / 'sheets.sqlite3'}", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-m", "tests.benchmarks.spreadsheets", str(size)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **scratch})
    for figure in json.loads(answer.stdout.splitlines()[-1]):
        yield Figure(**figure)


def main() -> None:
    """In a process and a database of its own: prints the figures as JSON."""
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from backlog.models import Initiative
    from sheetsync.bulk import update_rows
    from sheetsync.control.polling import poll
    from sheetsync.models import Workbook
    from tests.sheetsync.loopback import Loopback, running
    from tests.sheetsync.spreadsheets import act, make_initiatives, set_up

    size = int(sys.argv[1])
    figures: list[dict[str, object]] = []

    def measure(what: str, loopback: Loopback, do: Callable[[], object], reads: int, writes: int) -> None:
        loopback.calls.clear()
        do()
        kinds = loopback.kinds()
        figures.append({"what": f"{what}: reads", "taken": kinds.count("read"), "aim": reads, "unit": ""})
        figures.append({"what": f"{what}: writes", "taken": kinds.count("write"), "aim": writes, "unit": ""})
        largest = max((len(orjson.dumps(call.body)) for call, _answer in loopback.calls), default=0)
        if kinds.count("write"):
            figures.append({"what": f"{what}: largest request", "taken": largest / 1e6, "aim": 2.0, "unit": "MB"})

    call_command("migrate", verbosity=0)
    with running() as loopback:
        settings.SHEETS_API_URL, settings.GOOGLE_CREDENTIALS = loopback.server.url, "anonymous"
        settings.SHEETS_REQUESTS_PER_MINUTE = 0
        spreadsheet = set_up(loopback, "backlog")
        make_initiatives(size)
        sync = lambda: act("pm.backlog_sync", spreadsheet)  # noqa: E731 - called three times below
        measure(f"first fill of {size:,} rows", loopback, sync, reads=4, writes=8)  # twelve in all
        measure("nothing changed", loopback, sync, reads=2, writes=0)
        pks = list(Initiative.objects.order_by("pk").values_list("pk", flat=True))[::100]
        update_rows(Initiative, ["market"], [(pk, ["UKI"]) for pk in pks])
        measure("1 % of the rows changed", loopback, sync, reads=4, writes=2)
        measure("a poll of Control", loopback, lambda: poll(Workbook.objects.get()), reads=1, writes=0)
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
