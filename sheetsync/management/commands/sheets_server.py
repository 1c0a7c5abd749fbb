"""`manage.py sheets_server`: a Sheets API on this machine, to try Google spreadsheets without an account."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sheetsync.sheets_server.http import SheetsServer
from sheetsync.sheets_server.keeping import load, save
from sheetsync.sheets_server.service import SheetsService


class Command(BaseCommand):
    """Loopback only. Its page shows the tabs and lets people type into them."""

    help = "Serves the Sheets API on this machine, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8085, help="0 takes any free one (default: %(default)s)")
        parser.add_argument(
            "--file", default="", help="where the spreadsheets are kept; without it they go with the server"
        )
        parser.add_argument(
            "--quota", type=int, default=0, help="reads, and writes, a minute for each caller; 0 is no limit (default)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"]).expanduser().resolve() if options["file"] else None
        service = SheetsService(spreadsheets=load(path) if path else {})
        service.quota.reads = service.quota.writes = options["quota"]
        if path:
            service.on_change = lambda: save(path, service.spreadsheets.values())
        try:
            server = SheetsServer(service, options["port"])
        except OSError as error:
            raise CommandError(
                f"port {options['port']} can't be used: {error.strerror}; name another with --port"
            ) from error
        self.stdout.write(f"Spreadsheets: {server.url}/ - Ctrl-C stops.")
        self.stdout.write(f"In .env: SHEETS_API_URL={server.url} and GOOGLE_CREDENTIALS=anonymous")
        with suppress(KeyboardInterrupt), server:
            server.serve_forever()
