"""`manage.py serve`: the web pages and the worker, together, until Ctrl-C."""

from __future__ import annotations

import os
import sys
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.processes import run_together

# A worker that is asked to stop first finishes its task; one that takes longer is taken up again by the next start.
GRACE_S = 30.0


class Command(BaseCommand):
    help = "Serve the web pages and run the worker, together, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--bind", default="127.0.0.1:8000", help="address and port of the web pages (default: %(default)s)"
        )
        parser.add_argument(
            "--web-workers", type=int, default=2, help="web processes, four threads each (default: %(default)s)"
        )

    def handle(self, *args: Any, bind: str, web_workers: int, **options: Any) -> None:
        call_command("collectstatic", interactive=False, verbosity=0)
        call_command("setup_schedules", stdout=StringIO())
        # Whoever serves wants to see what workers do; a command that a person types stays quiet.
        os.environ.setdefault("LOG_LEVEL", "INFO")
        self.stdout.write(f"The admin is at http://{bind}/admin/ - Ctrl-C stops web and worker.")
        ended = run_together({"web server": _web(bind, web_workers), "worker": _manage("qcluster")}, grace_s=GRACE_S)
        if ended:
            raise CommandError(ended)
        self.stdout.write("Stopped.")


def _web(bind: str, workers: int) -> list[str]:
    # No control socket: it would be a file in the user's home, shared by every gunicorn there.
    flags = [
        "--bind",
        bind,
        "--workers",
        str(workers),
        "--threads",
        "4",
        "--no-control-socket",
        "--log-level",
        "warning",
    ]
    return [sys.executable, "-m", "gunicorn", "--chdir", str(settings.BASE_DIR), *flags, "config.wsgi:application"]


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
