"""`manage.py backfill WHAT`: a pass over what is stored; it goes on where an earlier one stopped."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sheetsync.context import ActionContext
from sheetsync.management.commands.action import WRONG_USAGE
from sheetsync.models import ActionRun
from sheetsync.operating.backfilling import BACKFILLS, carry_out, rehearse_backfill
from sheetsync.operating.terminal import ProgressBar, print_report
from sheetsync.runs.actions import WrongUsage

INTERRUPTED = 130  # as shells say it of Ctrl-C


class Command(BaseCommand):
    """Exit status: 0 for success and partial, 1 for failed, 2 for wrong usage, 130 when interrupted."""

    help = "Brings stored records up to date, e.g. `manage.py backfill metric_chains`. Interrupted, it goes on where it stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = "; ".join(f"{name}: {found.help}" for name, found in sorted(BACKFILLS.items()))
        parser.add_argument("what", help=what.replace("%", "%%"))
        parser.add_argument("--dry-run", action="store_true", help="show what would be changed, change nothing")

    def handle(self, *args: Any, what: str, dry_run: bool, **options: Any) -> None:
        try:
            context = self._work(what, dry_run=dry_run)
        except WrongUsage as refusal:
            raise CommandError(str(refusal), returncode=WRONG_USAGE) from refusal
        except KeyboardInterrupt as interruption:
            text = "Interrupted; what was done stays, and the same command goes on from there."
            raise CommandError(text, returncode=INTERRUPTED) from interruption
        print_report(context)
        if context.report.status == ActionRun.Status.FAILED:
            sys.exit(1)

    def _work(self, what: str, *, dry_run: bool) -> ActionContext:
        if dry_run:
            return rehearse_backfill(what, requested_by=_user())
        with ProgressBar() as bar:
            return carry_out(what, requested_by=_user(), progress=bar.show)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"
