"""`manage.py prune_history`: takes history away that nobody needs any more."""

from __future__ import annotations

import datetime
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from sheetsync.operating.pruning import count_history, prune
from sheetsync.operating.terminal import ProgressBar


class Command(BaseCommand):
    """Runs that are taken away can't be undone, so it says what goes, and goes nowhere near the present unasked."""

    help = "Takes away runs, what they changed, and earlier versions of records from before a day; the latest version of each stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        when = parser.add_mutually_exclusive_group(required=True)
        when.add_argument("--before", help="the first day that is kept, as 2026-01-31")
        when.add_argument("--keep-days", type=int, help="so many days are kept")
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        before = _moment(options["before"], options["keep_days"])
        counts = count_history(before)
        if not options["dry_run"]:
            with ProgressBar() as bar:
                prune(before, bar.show)
        verb = "would go" if options["dry_run"] else "went"
        told = ", ".join(f"{each.count:,} {each.what}" for each in counts if each.count) or "nothing"
        self.stdout.write(f"From before {before:%Y-%m-%d} {verb}: {told}")


def _moment(day: str | None, keep_days: int | None) -> datetime.datetime:
    """Midnight UTC at the beginning of the first day that is kept. Raises CommandError."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    if day is None:
        assert keep_days is not None
        if keep_days < 1:
            raise CommandError("--keep-days: keep 1 day at least")
        return today - datetime.timedelta(days=keep_days)
    try:
        found = datetime.datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise CommandError(f"--before: {day!r} isn't a day; write it as 2026-01-31") from error
    if found > today:
        raise CommandError(f"--before: {day} is yet to come; name a day up to today")
    return found
