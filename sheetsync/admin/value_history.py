"""How the numbers of a record moved: a plot for each of those that changed most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from sheetsync.admin.plots import render_plot
from sheetsync.admin.record_panels import CHANGES_READ, changes_of, shown_field
from sheetsync.admin.tables import shown_number
from sheetsync.models import RecordChange
from sheetsync.plots import Plot, PlotKind, Point, Series

PLOTS_SHOWN = 3
LEAST_VALUES = 2  # fewer are no history
MOST_POINTS = 40  # the newest ones

Moves = list[tuple[str, float, str]]  # (moment, value from then on, who asked), in the order of time


def moved_numbers(request: HttpRequest, record: models.Model) -> SafeString | str:
    """The numbers that changed most, as plots over time."""
    moves = _moves(changes_of(record)[:CHANGES_READ])
    often = sorted(moves, key=lambda field: (-len(moves[field]), field))
    plots = [_plot(field, moves[field][-MOST_POINTS:]) for field in often if len(moves[field]) >= LEAST_VALUES]
    return format_html_join("", "{}", ((render_plot(plot),) for plot in plots[:PLOTS_SHOWN]))


def _moves(changes: Iterable[RecordChange]) -> dict[str, Moves]:
    found: dict[str, Moves] = defaultdict(list)
    for change in reversed(list(changes)):
        for field, (_old, new) in change.fields.items():
            if isinstance(new, int | float) and not isinstance(new, bool) and not field.endswith("_id"):
                moment = f"{change.run.created_at:%-d %b %Y %H:%M:%S}"
                found[shown_field(field)].append((moment, float(new), change.run.requested_by))
    return found


def _plot(field: str, moves: Moves) -> Plot:
    first, last = moves[0], moves[-1]
    return Plot(
        kind=PlotKind.STEP,
        title=field.capitalize(),
        summary=f"From {shown_number(first[1])} on {first[0]} to {shown_number(last[1])} on {last[0]}, {len(moves)} values.",
        x_label="When",
        y_label=field.capitalize(),
        series=(Series(name=field, points=tuple(Point(x=moment, y=value, label=who) for moment, value, who in moves)),),
    )
