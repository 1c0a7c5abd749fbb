"""`manage.py setup_schedules`: makes the timetable what the settings say."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from sheetsync.runs.schedules import set_up, timetable


class Command(BaseCommand):
    """Safe to repeat; `serve`, `migrate` and every worker do it themselves."""

    help = "Makes the timetable of the workers what the settings say, and puts rows out of use that would stop it."

    def handle(self, *args: Any, **options: Any) -> None:
        for text in set_up():
            self.stdout.write(text)
        for entry in timetable():
            every = "every minute" if entry.minutes == 1 else f"every {entry.minutes} minutes"
            self.stdout.write(f"{entry.name}: {every}")
