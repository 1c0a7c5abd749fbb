"""`manage.py doctor`: looks at everything that an operator could get wrong."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter
from dataclasses import asdict
from typing import Any

import orjson
from django.core.management.base import BaseCommand

from sheetsync.logs import hide_secrets
from sheetsync.operating.doctor import Finding, Verdict, examine


class Command(BaseCommand):
    """Exit status: 1 when something is broken, else 0."""

    help = "Looks at the database, workers, timetable, settings, workbooks and disk, and says what to do about each."
    requires_system_checks = ()  # it has more to say than that settings are wrong

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        findings: list[Finding] = []
        for finding in examine():
            findings.append(finding)
            if not options["json"]:
                self.stdout.write(finding.line())
        count = Counter(finding.verdict for finding in findings)
        if options["json"]:
            told = {"findings": [asdict(finding) for finding in findings]}
            self.stdout.write(hide_secrets(orjson.dumps(told).decode()))
        else:
            self.stdout.write(_summary(count))
        if count[Verdict.BROKEN]:
            sys.exit(1)


def _summary(count: Counter[Verdict]) -> str:
    if not count[Verdict.BROKEN] and not count[Verdict.WARNING]:
        return "All is well."
    return f"{count[Verdict.BROKEN]} broken, {count[Verdict.WARNING]} to look at, {count[Verdict.OK]} well."
