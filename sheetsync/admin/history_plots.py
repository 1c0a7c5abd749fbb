"""Pictures of what was: how the syncs of a workbook went, and how a value moved over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from sheetsync.admin.plots import render_plot
from sheetsync.models import ActionRun, Workbook
from sheetsync.plots import Plot, PlotKind, Point, Series

RUNS_SHOWN = 30
VERSIONS_SHOWN = 200
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
        summary=f"Of the last {len(runs)} runs on this workbook, {troubled} refused something; the last one refused {refused[-1]}.",
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


def values_over_time(fields: Mapping[str, str]) -> Callable[[HttpRequest, Any], SafeString | str]:
    """What renders a plot for each of these numbers of a record (field -> what to call it) that ever changed."""

    def render(request: HttpRequest, record: Any) -> SafeString | str:
        kept = record.history.order_by("-history_date", "-history_id").values_list("history_date", *fields)
        versions = list(kept[:VERSIONS_SHOWN])[::-1]
        plots = (
            value_plot(title, [(version[0], version[place]) for version in versions])
            for place, title in enumerate(fields.values(), start=1)
        )
        return format_html_join("", "{}", ((render_plot(plot),) for plot in plots if plot is not None))

    return render


def value_plot(title: str, versions: list[tuple[Any, float | None]]) -> Plot | None:
    """Each change of one number as a step; None while it never changed."""
    steps: list[tuple[Any, float]] = []
    for moment, value in versions:
        if value is not None and (not steps or steps[-1][1] != value):
            steps.append((moment, value))
    if len(steps) < 2:
        return None
    return Plot(
        kind=PlotKind.STEP,
        title=title,
        summary=f"{title} changed {len(steps) - 1} times: from {steps[0][1]:,.6g} to {steps[-1][1]:,.6g}.",
        x_label="Since",
        y_label=title,
        series=(
            Series(
                name=title, points=tuple(Point(x=f"{moment:%Y-%m-%d %H:%M:%S}", y=value) for moment, value in steps)
            ),
        ),
    )
