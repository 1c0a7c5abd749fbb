"""`manage.py connect ROLE LOCATION`: registers a workbook and says which columns it recognised."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sheetsync.connecting import Connection, TabFinding, connect
from sheetsync.tabs import Role
from sheetsync.workbooks.interface import WorkbookUnavailable


class Command(BaseCommand):
    """Safe to repeat: a workbook is registered once, by its location."""

    help = "Registers a workbook, e.g. `manage.py connect intake wishes.xlsx --tab Wishes --department Sales`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", choices=[role.value for role in Role])
        parser.add_argument("location", help="path of an .xlsx file, or a Google spreadsheet's address or id")
        parser.add_argument(
            "--tab", default="", help="intake: the one tab to read; without it, every tab with a known header row"
        )
        parser.add_argument("--department", default="", help="intake: the department of rows that name none")
        parser.add_argument("--add-columns", action="store_true", help="add missing columns at the right end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["role"] != Role.INTAKE and (options["tab"] or options["department"]):
            raise CommandError("--tab and --department are for intake workbooks", returncode=2)
        try:
            connection = connect(
                options["role"],
                options["location"],
                tab=options["tab"],
                department=options["department"],
                add=options["add_columns"],
            )
        except WorkbookUnavailable as unavailable:
            raise CommandError(str(unavailable)) from unavailable
        self._print(connection)

    def _print(self, connection: Connection) -> None:
        workbook = connection.workbook
        self.stdout.write(f"connected {workbook.location} as workbook {workbook.pk} ({workbook.role})")
        if connection.former_role:
            self.stdout.write(f"  it was connected as {connection.former_role} before, and isn't any more")
        for line in connection.added:
            self.stdout.write(f"  {line}")
        for finding in connection.findings:
            self._print_tab(finding)

    def _print_tab(self, finding: TabFinding) -> None:
        if finding.problem:
            self.stdout.write(f"  {finding.title}: not usable: {finding.problem}")
            return
        self.stdout.write(f"  {finding.title}: recognised {', '.join(finding.recognised)}")
        for letter, header, near in finding.unknown:
            hint = f" (nearest column: {near})" if near else ""
            self.stdout.write(f"    column {letter} {header!r} isn't known and is left alone{hint}")
        if finding.doubled:
            self.stdout.write(
                f"    two headers mean {', '.join(finding.doubled)}; neither is used until one is renamed"
            )
        if finding.absent:
            self.stdout.write(f"    without a column: {', '.join(finding.absent)}")
