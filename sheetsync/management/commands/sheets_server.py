"""`manage.py sheets_server`: a Sheets API on this machine, to try Google spreadsheets without an account."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sheetsync.sheets_server.http import SheetsServer
from sheetsync.sheets_server.keeping import KeptElsewhere, alone, load, save
from sheetsync.sheets_server.service import SheetsService

DEFAULT_PORT = 8085


class Command(BaseCommand):
    """Loopback only. Its page shows the tabs and lets people type into them."""

    help = "Serves the Sheets API on this machine, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=int, default=DEFAULT_PORT, help="0 takes any free one (default: %(default)s)"
        )
        parser.add_argument(
            "--file", default="", help="where the spreadsheets are kept; without it they go with the server"
        )
        parser.add_argument(
            "--quota", type=int, default=0, help="reads, and writes, a minute for each caller; 0 is no limit (default)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["file"]:
            self._serve(SheetsService(), options)
            return
        path = Path(options["file"]).expanduser().resolve()
        try:
            with alone(path):
                service = SheetsService(spreadsheets=load(path))
                service.on_change = lambda: save(path, service.spreadsheets.values())
                self._serve(service, options)
        except KeptElsewhere as elsewhere:
            raise CommandError(f"another server keeps its spreadsheets in {path}; stop that one first") from elsewhere

    def _serve(self, service: SheetsService, options: Mapping[str, Any]) -> None:
        service.quota.reads = service.quota.writes = options["quota"]
        try:
            server = SheetsServer(service, options["port"])
        except OSError as error:
            raise CommandError(
                f"port {options['port']} can't be used: {error.strerror}; name another with --port"
            ) from error
        self.stdout.write(f"Spreadsheets: {server.url}/ - Ctrl-C stops.")
        self.stdout.write(f"In .env: SHEETS_API_URL={server.url} and GOOGLE_CREDENTIALS=anonymous")
        self.stdout.flush()
        with suppress(KeyboardInterrupt), server:
            server.serve_forever()
