"""`manage.py workbook_secret WORKBOOK`: makes the secret with which a workbook signs its requests, and prints it once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sheetsync.management.commands.action import WRONG_USAGE
from sheetsync.runs.actions import WrongUsage, find_workbook
from sheetsync.web.secrets import has_secret, make_secret


class Command(BaseCommand):
    """Exit status: 0, 1 when the workbook has a secret already, 2 for wrong usage."""

    help = "Makes a workbook's secret for its menu, and prints it once, alone on the last line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workbook", help="id, location or title of the workbook")
        parser.add_argument(
            "--rotate", action="store_true", help="make another one; the old one is refused from now on"
        )

    def handle(self, *args: Any, workbook: str, rotate: bool, **options: Any) -> None:
        try:
            found = find_workbook(workbook)
        except WrongUsage as refusal:
            raise CommandError(str(refusal), returncode=WRONG_USAGE) from refusal
        if has_secret(found) and not rotate:
            raise CommandError(
                f"workbook {found.pk} ({found}) has a secret; it was shown once and can't be shown again. "
                "--rotate makes another one, which must then be put into the sheet's menu as well."
            )
        secret = make_secret(found)
        self.stdout.write(
            f"The secret of workbook {found.pk} ({found}); keep it, it isn't shown again. X-Workbook: {found.pk}"
        )
        self.stdout.write(secret)
