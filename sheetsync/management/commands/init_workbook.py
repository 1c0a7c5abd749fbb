"""`manage.py init_workbook ROLE LOCATION`: makes the tabs of a workbook, or adds those that are missing."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sheetsync.connecting import canonical_location, complete
from sheetsync.control.polling import add_action_rows
from sheetsync.tabs import Role
from sheetsync.workbooks.interface import WorkbookUnavailable


class Command(BaseCommand):
    """On an existing workbook it adds what is missing, says so, and touches nothing else."""

    help = "Makes the tabs of a workbook, e.g. `manage.py init_workbook backlog backlog.xlsx`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", choices=[role.value for role in Role])
        parser.add_argument("location", help="path of an .xlsx file, or a Google spreadsheet's address or id")
        parser.add_argument(
            "--locked",
            action="store_true",
            help="Google: nobody can type where the backend writes, nor sort; without it, people are warned",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            place = canonical_location(options["location"])
            lines = complete(options["role"], place, locked=options["locked"])
            lines += add_action_rows(place, options["role"])
        except WorkbookUnavailable as unavailable:
            raise CommandError(str(unavailable)) from unavailable
        for line in lines:
            self.stdout.write(line)
