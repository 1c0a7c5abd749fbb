"""`manage.py demo`: from nothing to a finished planning loop on sample workbooks; safe to repeat."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from config.demo.folder import Folder
from config.demo.shelf import Shelf, TabNotFound
from config.demo.spreadsheets import Spreadsheets
from config.demo.story import DemoStopped, Story
from config.demo.summary import print_summary
from sheetsync.workbooks.interface import WorkbookUnavailable

USER = "demo"
WIDTH = 118  # characters, where the output isn't a terminal
BITS = 9  # bytes of a password: twelve characters


class Command(BaseCommand):
    """Uses the configured database. People's edits to the sample workbooks stay."""

    help = "Makes sample workbooks of an invented company and takes them from intake to a portfolio in each objective mode."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dir",
            default=str(settings.BASE_DIR / "var" / "demo"),
            help="folder of the workbooks (default: %(default)s)",
        )
        parser.add_argument(
            "--spreadsheets",
            action="store_true",
            help="make them as spreadsheets on the server that SHEETS_API_URL names; --dir keeps what the demo remembers",
        )

        parser.add_argument(
            "--ask-language-model",
            action="store_true",
            help="ask the language model of the settings about two initiatives, which may cost money; else a stand-in answers by rules",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        talks = options["verbosity"] > 1
        story = Story(
            shelf=_shelf(Path(options["dir"]).expanduser().resolve(), on_server=options["spreadsheets"]),
            say=self.stdout.write,
            whisper=self.stdout.write if talks else _keep_silent,
            may_spend=options["ask_language_model"],
        )
        try:
            story.tell()
        except (DemoStopped, TabNotFound, WorkbookUnavailable) as stopped:
            raise CommandError(f"The demo stopped: {stopped}") from stopped
        self._print_summary(story)
        self._introduce_admin(" under the same settings" if options["spreadsheets"] else "")

    def _print_summary(self, story: Story) -> None:
        is_terminal = self.stdout.isatty()
        console = Console(width=None if is_terminal else WIDTH, force_terminal=is_terminal, highlight=False)
        with console.capture() as captured:
            print_summary(console, story)
        self.stdout.write(captured.get())

    def _introduce_admin(self, how: str) -> None:
        self.stdout.write(f"The admin: `make serve`{how}, then http://127.0.0.1:8000/admin/")
        password = make_user()
        if password:
            self.stdout.write(
                f"  user {USER}, password {password} (shown this once; `manage.py changepassword {USER}` sets another)"
            )
        else:
            self.stdout.write(
                f"  user {USER}, with the password shown when it was made (`manage.py changepassword {USER}` sets another)"
            )


def _shelf(path: Path, *, on_server: bool) -> Shelf:
    if not on_server:
        return Folder(path)
    if not settings.SHEETS_API_URL:
        raise CommandError(
            "--spreadsheets is for a Sheets server of your own: set SHEETS_API_URL, or run `manage.py demo_google`, "
            "which starts one"
        )
    return Spreadsheets(path, settings.SHEETS_API_URL.rstrip("/").removesuffix("/v4"))


def _keep_silent(text: str) -> None:
    """What commands print isn't shown."""


def make_user() -> str:
    """Makes the user of the demo and returns its password; "" when there is one already, whose password stays."""
    users = get_user_model().objects
    if users.filter(username=USER).exists():
        return ""
    password = secrets.token_urlsafe(BITS)
    users.create_superuser(username=USER, email="", password=password)
    return password
