"""What commands print for people: a progress bar on a terminal, messages, counts."""

from __future__ import annotations

import sys
from itertools import groupby
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sheetsync.context import ActionContext

# More messages than this scroll away; the run in the admin has them all.
MOST_MESSAGES = 40
MOST_CELLS = 200
LONGEST_SHOWN = 120  # characters of a value in a plan


class ProgressBar:
    """Shows progress while long work runs; silent when it isn't a terminal."""

    def __init__(self, *, hidden: bool = False) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=hidden or not sys.stderr.isatty())
        self._task = self._bar.add_task("starting", total=None)

    def show(self, what: str, done: int, total: int) -> None:
        """Moves the bar; 0 of 0 changes its words alone."""
        if total:
            self._bar.update(self._task, completed=done, total=total)
        self._bar.update(self._task, description=what)

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


def print_report(context: ActionContext) -> None:
    """What came of an action, for a person."""
    console = Console(soft_wrap=True, highlight=False)
    report = context.report
    if context.dry_run:
        _print_plan(console, context)
    for message in report.messages[:MOST_MESSAGES]:
        where = " / ".join(
            part
            for part in (message.workbook, message.tab, f"row {message.row}" if message.row else "", message.key)
            if part
        )
        console.print(
            f"{message.status:8} {where}: {message.text}" if where else f"{message.status:8} {message.text}",
            markup=False,
        )
    if len(report.messages) > MOST_MESSAGES:
        console.print(
            f"... and {len(report.messages) - MOST_MESSAGES} more messages; the run in the admin has them all"
        )
    counts = ", ".join(
        f"{number} {name.replace('_', ' ')}"
        for name, number in sorted(report.counts.items())
        if number and name != "rows_changed"
    )
    verb = "would be" if context.dry_run else "is"
    console.print(
        f"{context.action} {verb} {report.status}: {len(report.changed)} rows changed, {counts or 'nothing read'}",
        markup=False,
    )
    if not context.dry_run:
        console.print(f"run {context.run.run_id}", markup=False)


def _print_plan(console: Console, context: ActionContext) -> None:
    """Row by row what would be written, and what would be stored."""
    plan = context.report.plan
    for (workbook, tab, key, is_new), cells in groupby(plan[:MOST_CELLS], key=_row_of):
        console.print(" / ".join(filter(None, (workbook, tab, key))) + (" (new)" if is_new else ""), markup=False)
        for cell in cells:
            console.print(f"    {cell['column']}: {_shown(cell['from'])} -> {_shown(cell['to'])}", markup=False)
    if len(plan) > MOST_CELLS:
        console.print(f"... and {len(plan) - MOST_CELLS} more cells; --json has them all")


def _row_of(cell: dict[str, Any]) -> tuple[str, str, str, bool]:
    return cell["workbook"], cell["tab"], str(cell["key"]), bool(cell.get("appended"))


def _shown(value: object) -> str:
    """A value on one line, shortened."""
    if value is None or value == "":
        return "(empty)"
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
