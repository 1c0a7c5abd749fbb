"""Cards of the dashboard that are about workbooks, runs and what waits for somebody."""

from __future__ import annotations

import datetime
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from sheetsync.admin.links import link, run_address
from sheetsync.admin.panels import may_see
from sheetsync.admin.plots import render_plot
from sheetsync.admin.tables import table
from sheetsync.models import ActionRun, Conflict, RequestBudget, TabState, Workbook
from sheetsync.plots import Plot, PlotKind, Point, Series
from sheetsync.runs.actions import ACTIONS
from sheetsync.runs.health import workers

RUNS_SHOWN = 8
DAYS_SHOWN = 14
WORKBOOKS_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Something that waits for a person: a line of the dashboard's first card."""

    name: str  # unique
    one: str  # what waits, of one: "math model to approve"
    text: str  # of several: "math models to approve"
    order: int  # low ones come first
    count: Callable[[HttpRequest], int]  # how many wait, within what the person may see
    address: Callable[[], str]  # the page where they are dealt with
    permission: str = ""  # "app_label.codename" that a person needs
    in_scope: bool = False  # it counts `within_scope`


_waiting: dict[str, Waiting] = {}


def register_waiting(waiting: Waiting) -> None:
    """Counts it on the dashboard from now on. Raises ValueError when there is one of that name."""
    if waiting.name in _waiting:
        raise ValueError(f"{waiting.name!r} is counted already")
    _waiting[waiting.name] = waiting


def what_waits(request: HttpRequest) -> SafeString | str:
    """Everything that waits for a person like this one."""
    lines = [
        (waiting.count(request), waiting)
        for waiting in sorted(_waiting.values(), key=lambda each: (each.order, each.name))
        if may_see(request, waiting.permission, in_scope=waiting.in_scope)
    ]
    shown = [
        (f"{number:,}", link(waiting.address(), waiting.one if number == 1 else waiting.text))
        for number, waiting in lines
        if number
    ]
    if not shown:
        return "Nothing waits for you." if lines else ""
    items = format_html_join("", '<li><span class="desk-count">{}</span> {}</li>', shown)
    return format_html('<ul class="desk-list">{}</ul>', items)


def open_conflicts(request: HttpRequest) -> int:
    """Values that gave way and may be restored."""
    return Conflict.objects.filter(status=Conflict.Status.OPEN).count()


def refused_rows(request: HttpRequest) -> int:
    """Rows that were FAILED at the last read."""
    listed = TabState.objects.filter(workbook__is_active=True).values_list("problems", flat=True)
    return sum(_refused(problems) for problems in listed)


def stopped_tabs(request: HttpRequest) -> int:
    """Tabs that are read no further until somebody looks."""
    return TabState.objects.filter(workbook__is_active=True).exclude(message="").count()


def list_address(model: str, query: str = "") -> str:
    """The list of a model's records ("app_label_model"), filtered."""
    return f"{reverse(f'admin:{model}_changelist')}{query}"


def _refused(problems: Iterable[list[str]]) -> int:
    return sum(1 for _row, _key, verdict in problems if verdict.startswith("FAILED"))


# ---- workbooks -------------------------------------------------------------------------------------------------------------------------


def workbook_health(request: HttpRequest) -> SafeString | str:
    """Each workbook: when it was last read, how many rows were refused, and what stopped it."""
    states: dict[int, list[TabState]] = defaultdict(list)
    for state in TabState.objects.filter(workbook__is_active=True):
        states[state.workbook_id].append(state)
    books = list(Workbook.objects.filter(is_active=True)[: WORKBOOKS_SHOWN + 1])
    rows = [_health(book, states[book.pk]) for book in books[:WORKBOOKS_SHOWN]]
    shown = table(("Workbook", "Last read", "Refused rows", "State"), rows, nothing="No workbook is connected yet.")
    more = (
        ""
        if len(books) <= WORKBOOKS_SHOWN
        else format_html("<p>{}</p>", link(list_address("sheetsync_workbook"), "All"))
    )
    return format_html("{}{}{}", shown, more, _budgets())


def _health(book: Workbook, states: list[TabState]) -> tuple[object, ...]:
    read = max((state.read_at for state in states if state.read_at), default=None)
    refused = sum(_refused(state.problems) for state in states)
    stopped = format_html_join("; ", "{}", ((_stopped(state),) for state in states if state.message))
    name = link(reverse("admin:sheetsync_workbook_change", args=(book.pk,)), book)
    problems = list_address("sheetsync_tabstate", f"?workbook__id__exact={book.pk}")
    return (
        name,
        _in_one_piece(ago(read)),
        link(problems, refused) if refused else "0",
        stopped or ("well" if read else "not read yet"),
    )


def _stopped(state: TabState) -> SafeString:
    """What stopped a tab, as the way to where rows that are gone are confirmed."""
    return link(reverse("admin:sheetsync_tabstate_change", args=(state.pk,)), f"{state.tab}: {state.message}")


def _budgets() -> SafeString | str:
    """What is left of Google's quota, for each account that asked lately."""
    allowed = settings.SHEETS_REQUESTS_PER_MINUTE
    since = time.time() - 60
    lines = [
        (budget.kind, sum(1 for moment in budget.taken if moment >= since), allowed, budget.account)
        for budget in RequestBudget.objects.order_by("account", "kind")
    ]
    return format_html_join("", "<p>Google {}s in the last minute: {} of {} ({}).</p>", lines) if allowed else ""


# ---- runs ------------------------------------------------------------------------------------------------------------------------------


def last_runs(request: HttpRequest) -> SafeString | str:
    """The latest calls of actions, and whether anybody is there to carry them out."""
    runs = ActionRun.objects.select_related("workbook")[:RUNS_SHOWN]
    rows = [
        (
            link(run_address(run), _label(run)),
            run.status,
            run.workbook or "-",
            run.requested_by,
            _in_one_piece(ago(run.created_at)),
        )
        for run in runs
    ]
    shown = table(("Action", "Status", "Workbook", "Asked by", "When"), rows, nothing="Nothing has run yet.")
    if workers().are_well:
        return format_html("{}<p>Workers are well.</p>", shown)
    return format_html("{}<p>No worker shows a sign of life: what is queued waits until one is started.</p>", shown)


def _label(run: ActionRun) -> str:
    if run.action in ACTIONS:
        return ACTIONS[run.action].label
    by_hand, _, what = run.action.partition(".")
    return f"{what.capitalize()} in the admin" if by_hand == "admin" else run.action


def runs_by_day(request: HttpRequest) -> SafeString | str:
    """How the runs of the last two weeks ended."""
    today = timezone.now().date()
    days = [today - datetime.timedelta(days=back) for back in reversed(range(DAYS_SHOWN))]
    counted = (
        ActionRun.objects.filter(created_at__date__gte=days[0])
        .order_by()
        .annotate(day=TruncDate("created_at"))
        .values_list("day", "status")
        .annotate(number=Count("pk"))
    )
    numbers = {(day, status): number for day, status, number in counted}
    if not numbers:
        return ""
    return render_plot(_by_day(days, numbers))


def _by_day(days: list[datetime.date], numbers: dict[tuple[datetime.date, str], int]) -> Plot:
    statuses = [status for status in ActionRun.Status.values if any(key[1] == status for key in numbers)]
    failed = sum(number for (_day, status), number in numbers.items() if status == ActionRun.Status.FAILED)
    total = sum(numbers.values())
    return Plot(
        kind=PlotKind.STACKED_BAR,
        title="Runs by day",
        summary=f"{total:,} runs in {DAYS_SHOWN} days, {failed:,} of them failed.",
        x_label="Day",
        y_label="Runs",
        series=tuple(
            Series(
                name=status,
                points=tuple(Point(x=f"{day:%-d %b}", y=float(numbers.get((day, status), 0))) for day in days),
            )
            for status in statuses
        ),
    )


def _in_one_piece(words: str) -> SafeString:
    return format_html('<span class="desk-key">{}</span>', words)


def ago(moment: datetime.datetime | None) -> str:
    """How long ago, in words; the day for what is older."""
    if moment is None:
        return "never"
    minutes = int((timezone.now() - moment).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 24 * 60:
        return f"{minutes // 60} h ago"
    return f"{moment:%-d %b %Y}"
