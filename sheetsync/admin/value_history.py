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
BEFORE = "before"  # the moment of a value that is older than the changes that are kept

Moves = list[tuple[str, float, str]]  # (moment, value from then on, who asked), in the order of time


def moved_numbers(request: HttpRequest, record: models.Model) -> SafeString | str:
    """The numbers that changed most, as plots over time; the record's own before those of what hangs on it."""
    moves = _moves(changes_of(record)[:CHANGES_READ], record._meta.label)
    moved = sorted((hangs, -len(steps), field) for (hangs, field), steps in moves.items() if len(steps) >= LEAST_VALUES)
    plots = (_plot(field, moves[hangs, field][-MOST_POINTS:]) for hangs, _often, field in moved[:PLOTS_SHOWN])
    return format_html_join("", "{}", ((render_plot(plot),) for plot in plots))


def _moves(changes: Iterable[RecordChange], model: str) -> dict[tuple[bool, str], Moves]:
    """(whether it is of a record that hangs on this one, what the field is called) -> its values."""
    found: dict[tuple[bool, str], Moves] = defaultdict(list)
    for change in reversed(list(changes)):
        for field, (old, new) in change.fields.items():
            if not _is_number(new) or field.endswith("_id"):
                continue
            steps = found[change.model != model, shown_field(field)]
            if not steps and _is_number(old):
                steps.append((BEFORE, float(old), ""))
            steps.append((f"{change.run.created_at:%-d %b %Y %H:%M:%S}", float(new), change.run.requested_by))
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plot(field: str, moves: Moves) -> Plot:
    first, last = moves[0], moves[-1]
    return Plot(
        kind=PlotKind.STEP,
        title=field.capitalize(),
        summary=f"From {shown_number(first[1])} to {shown_number(last[1])}, {len(moves)} values; the last one since {last[0]}.",
        x_label="When",
        y_label=field.capitalize(),
        series=(Series(name=field, points=tuple(Point(x=moment, y=value, label=who) for moment, value, who in moves)),),
    )
