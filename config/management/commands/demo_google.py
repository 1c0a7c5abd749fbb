"""`manage.py demo_google`: the demo on spreadsheets, with a Sheets server that is started for it and stopped after it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from sheetsync.management.commands.sheets_server import DEFAULT_PORT

MANAGE = str(settings.BASE_DIR / "manage.py")


class Command(BaseCommand):
    """Its folder holds a database, the spreadsheets and the settings that belong to them; nothing else is touched."""

    help = "Tells the demo on Google spreadsheets, served by this machine: no account is needed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dir",
            default=str(settings.BASE_DIR / "var" / "demo-google"),
            help="folder of the database and the spreadsheets (default: %(default)s)",
        )
        parser.add_argument(
            "--port", type=int, default=DEFAULT_PORT, help="of the server; 0 takes any free one (default: %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(options["dir"]).expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / "spreadsheets.json"
        server = _manage("sheets_server", "--port", str(options["port"]), "--file", str(kept), stdout=subprocess.PIPE)
        try:
            url = _url_of(server)
            self.stdout.write(f"A Sheets server stands in for Google at {url}")
            chosen = write_settings(folder, url)
            # The child prints itself; what was written here comes first.
            self.stdout.flush()
            words = ("demo", "--spreadsheets", "--dir", str(folder), "--verbosity", str(options["verbosity"]))
            told = _manage(*words, chosen=chosen)
            if told.wait():
                raise CommandError("the demo on spreadsheets stopped; what it printed above says why")
        finally:
            server.terminate()
            server.wait()
        self._say_how_to_look(folder, kept, url)

    def _say_how_to_look(self, folder: Path, kept: Path, url: str) -> None:
        port = url.rpartition(":")[2]
        kept_name, settings_name = (_from_here(path) for path in (kept, folder / "settings.env"))
        self.stdout.write("The server is stopped, its spreadsheets are kept. To look at their tabs and type into them:")
        self.stdout.write(f"  .venv/bin/python manage.py sheets_server --port {port} --file {kept_name}")
        self.stdout.write(f"  then open {url}/")
        self.stdout.write(
            "The admin and the workers on them, in another terminal: tick `run` in a Control tab, and watch."
        )
        self.stdout.write(f"  ENV_FILE={settings_name} make serve")


def write_settings(folder: Path, url: str) -> dict[str, str]:
    """The settings under which everything here uses the folder's database and the server; also kept in a file there."""
    chosen = {
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "SHEETS_API_URL": url,
        "GOOGLE_CREDENTIALS": "anonymous",
    }
    lines = "".join(f"{name}={value}\n" for name, value in chosen.items())
    (folder / "settings.env").write_text(lines, encoding="utf-8")
    return chosen


def _manage(
    *arguments: str, chosen: Mapping[str, str] | None = None, stdout: int | None = None
) -> subprocess.Popen[str]:
    command = [sys.executable, MANAGE, *arguments]
    return subprocess.Popen(command, stdout=stdout, text=True, env={**os.environ, **(chosen or {})})  # noqa: S603 - our own commands


def _url_of(server: subprocess.Popen[str]) -> str:
    """Waits until it serves. Raises CommandError when it doesn't start."""
    assert server.stdout is not None
    first = server.stdout.readline()
    if not first.startswith("Spreadsheets: "):
        raise CommandError("the Sheets server didn't start; what it printed above says why")
    return first.split()[1].rstrip("/")


def _from_here(path: Path) -> Path:
    """As a person types it in the project's folder."""
    return path.relative_to(settings.BASE_DIR) if path.is_relative_to(settings.BASE_DIR) else path
