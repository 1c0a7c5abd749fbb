"""`manage.py poll_control`: looks at the Control tabs once, as the schedule does."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sheetsync.context import Arguments
from sheetsync.control.polling import CAME_FROM, poll
from sheetsync.control.rows import status_text
from sheetsync.management.commands.action import WRONG_USAGE
from sheetsync.models import ActionRun, Workbook
from sheetsync.operating.terminal import ProgressBar
from sheetsync.runs.actions import WrongUsage, carry_out, find_workbook, request
from sheetsync.workbooks.interface import WorkbookUnavailable


class Command(BaseCommand):
    """Exit status: 0, 1 when a workbook couldn't be looked at, 2 for wrong usage."""

    help = "Looks at the ticks in Control tabs; without --workbook in every active workbook. The workers carry out what is ticked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workbook", default="", help="id, location or title of one workbook")
        parser.add_argument("--now", action="store_true", help="carry out what is ticked here and now, without workers")

    def handle(self, *args: Any, workbook: str, now: bool, **options: Any) -> None:
        try:
            books = [find_workbook(workbook)] if workbook else list(Workbook.objects.filter(is_active=True))
        except WrongUsage as refusal:
            raise CommandError(str(refusal), returncode=WRONG_USAGE) from refusal
        runs, unavailable = [], []
        for book in books:
            try:
                runs += poll(book, submit_run=_request if now else None)
            except WorkbookUnavailable as error:
                unavailable.append(f"{book}: {error}")
        for run in runs:
            self._tell(run, now=now)
        if not runs:
            self.stdout.write("nothing is ticked")
        if unavailable:
            raise CommandError("\n".join(unavailable))

    def _tell(self, run: ActionRun, *, now: bool) -> None:
        if now:
            with ProgressBar() as bar:
                carry_out(run, progress=bar.show)
            run.refresh_from_db()
        self.stdout.write(f"{run.workbook}: {run.action} {status_text(run) if now else f'queued as run {run.run_id}'}")


def _request(name: str, workbook: Workbook, arguments: Arguments) -> ActionRun:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "Control tab"
    return request(name, workbook=workbook, arguments=arguments, requested_by=user, came_from=CAME_FROM)
