"""A picture of how the syncs of a workbook went."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.safestring import SafeString

from sheetsync.admin.plots import render_plot
from sheetsync.models import ActionRun, Workbook
from sheetsync.plots import Plot, PlotKind, Point, Series

RUNS_SHOWN = 30
_ENDED = (ActionRun.Status.SUCCESS, ActionRun.Status.PARTIAL, ActionRun.Status.FAILED)


def sync_health(request: HttpRequest, workbook: Workbook) -> SafeString | str:
    """The latest runs on one workbook: how many rows changed, and how many were refused."""
    runs = list(workbook.runs.filter(status__in=_ENDED).order_by("-created_at")[:RUNS_SHOWN])[::-1]
    if not runs:
        return ""
    return render_plot(health_plot(runs))


def health_plot(runs: list[ActionRun]) -> Plot:
    """Rows changed and refused, run by run, in order of time."""
    refused = [sum(message.get("status") == "FAILED" for message in run.messages) for run in runs]
    troubled = sum(count > 0 for count in refused)
    names = [f"{run.created_at:%d %b %H:%M:%S}" for run in runs]
    return Plot(
        kind=PlotKind.BAR,
        title="Sync health",
        summary=_summary(len(runs), troubled, refused[-1]),
        x_label="Run",
        y_label="Rows",
        series=(
            Series(
                name="changed",
                points=tuple(
                    Point(x=name, y=float(run.counts.get("rows_changed", 0)))
                    for name, run in zip(names, runs, strict=True)
                ),
            ),
            Series(
                name="refused",
                points=tuple(Point(x=name, y=float(count)) for name, count in zip(names, refused, strict=True)),
            ),
        ),
    )


def _summary(runs: int, troubled: int, last: int) -> str:
    if runs == 1:
        return f"One run on this workbook; rows that it refused: {last}."
    return f"Of the last {runs} runs on this workbook, {troubled} refused something; the last one refused {last}."
