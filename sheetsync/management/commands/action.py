"""`manage.py action NAME`: carries out an action now, shows what it would do, or queues it."""

from __future__ import annotations

import getpass
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sheetsync.context import ActionContext, Arguments
from sheetsync.models import ActionRun
from sheetsync.operating.terminal import ProgressBar, print_report
from sheetsync.runs.actions import (
    WAIT_S,
    WrongUsage,
    as_json,
    carry_out,
    find_action,
    find_workbook,
    rehearse_run,
    request,
)
from sheetsync.runs.tasks import submit

WRONG_USAGE = 2


class Command(BaseCommand):
    """Exit status: 0 for success and partial, 1 for failed, 2 for wrong usage."""

    help = "Carries out an action, e.g. `manage.py action pm.backlog_sync`; without --workbook on every active workbook of its role."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the action, e.g. pm.backlog_sync")
        parser.add_argument("--workbook", default="", help="id, location or title of one workbook")
        parser.add_argument("--tab", default="", help="only this tab")
        parser.add_argument("--keys", default="", help="only these rows, e.g. INIT-000001,INIT-000002")
        parser.add_argument("--scenario", default="")
        parser.add_argument("--constraint-set", default="")
        parser.add_argument("--framework", default="", help="RICE, WSJF or MATH_MODEL")
        parser.add_argument("--template", default="", help="the template that new math models start from")
        parser.add_argument("--run", action="append", default=[], help="id of a run; twice to compare two")
        parser.add_argument("--capacity", type=float, default=None, help="tokens, instead of the scenario's")
        parser.add_argument("--weights", default="", help="JSON, instead of the scenario's")
        parser.add_argument(
            "--explain", type=int, default=None, help="explain at most so many left out, and as many chosen"
        )
        parser.add_argument("--confirm", action="store_true", help="your word where the brake stopped the action")
        parser.add_argument("--dry-run", action="store_true", help="show what would be done, change nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--queue", action="store_true", help="hand it to the workers")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            find_action(options["name"])
            workbook = find_workbook(options["workbook"]) if options["workbook"] else None
            arguments = _arguments(options)
            if options["dry_run"]:
                context = rehearse_run(options["name"], workbook=workbook, arguments=arguments, requested_by=_user())
                self._print(context, options)
                return
            ask = submit if options["queue"] else request
            run = ask(options["name"], workbook=workbook, arguments=arguments, requested_by=_user())
        except WrongUsage as refusal:
            raise CommandError(str(refusal), returncode=WRONG_USAGE) from refusal
        if options["queue"]:
            self._say_queued(run, as_object=options["json"])
            return
        with ProgressBar(hidden=options["json"]) as bar:
            context_or_none = carry_out(run, progress=bar.show, on_wait=self._say_waiting)
        if context_or_none is None:
            raise CommandError(f"run {run.run_id} was taken over by another process; it stands in the admin under Runs")
        self._print(context_or_none, options)

    def _say_waiting(self, whom: str) -> None:
        self.stderr.write(f"{whom}; waiting for up to {WAIT_S:.0f} seconds")

    def _say_queued(self, run: ActionRun, *, as_object: bool) -> None:
        if as_object:
            self.stdout.write(
                json.dumps(
                    {"run_id": run.run_id, "action": run.action, "status": run.status, "counts": {}, "messages": []}
                )
            )
        else:
            self.stdout.write(f"queued as run {run.run_id}")

    def _print(self, context: ActionContext, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(as_json(context), default=str))
        else:
            print_report(context)
        if context.report.status == ActionRun.Status.FAILED:
            sys.exit(WRONG_USAGE if context.report.misused else 1)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"


def _arguments(options: dict[str, Any]) -> Arguments:
    try:
        weights = json.loads(options["weights"]) if options["weights"] else None
    except json.JSONDecodeError as error:
        raise WrongUsage(f"--weights isn't JSON ({error}); write for example '{{\"revenue\": 1}}'") from error
    keys = tuple(key.strip() for key in options["keys"].split(",") if key.strip())
    return Arguments(
        tab=options["tab"],
        keys=keys,
        scenario=options["scenario"],
        constraint_set=options["constraint_set"],
        framework=options["framework"],
        template=options["template"],
        runs=tuple(options["run"]),
        capacity=options["capacity"],
        weights=weights,
        explain=options["explain"],
        confirm=options["confirm"],
    )
