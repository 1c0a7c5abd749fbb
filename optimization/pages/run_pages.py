"""Pages and files of one run: Excel, CSV, a page to print, publishing; and the page that compares two runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from optimization.models import OptimizationRun
from optimization.pages.panels import RUN, compared_rows, joined, moves_in_words, paragraph
from optimization.pages.plots import SECTIONS
from optimization.pages.workbook import LINE_COLUMNS, line_cells, run_workbook
from optimization.runs.publishing import LONGEST_COMMENT, current, publish, why_not_published
from optimization.runs.report import RunReport, number
from optimization.runs.running import ENDED
from optimization.runs.stored_reports import report_of, run_before, since
from optimization.solving.objective import Refusal
from optimization.studies.past_runs import find_run
from sheetsync.admin.base import signed_in
from sheetsync.admin.extra_pages import render_page
from sheetsync.admin.links import link, record_link
from sheetsync.admin.plots import render_plot
from sheetsync.admin.tables import table
from sheetsync.models import Workbook
from sheetsync.transfer.exporting import harmless

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MISSES_PRINTED = 10
RUNS_OFFERED = 100


def find(run_id: str) -> OptimizationRun:
    """The run of that id; raises Http404."""
    run = OptimizationRun.objects.filter(run_id=run_id).first()
    if run is None:
        raise Http404(f"there is no run {run_id!r}")
    return run


# ---- files -------------------------------------------------------------------------------------------------------------------------------


def workbook_file(request: HttpRequest, run_id: str) -> HttpResponse:
    """The run as an .xlsx file."""
    return _download(run_workbook(report_of(find(run_id))), XLSX, f"{run_id}.xlsx")


def csv_file(request: HttpRequest, run_id: str) -> HttpResponse:
    """The run's initiatives as CSV."""
    return _download(
        initiatives_csv(report_of(find(run_id))).encode("utf-8-sig"), "text/csv; charset=utf-8", f"{run_id}.csv"
    )


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def initiatives_csv(report: RunReport) -> str:
    """A header and a line per initiative; texts that a spreadsheet program would take for formulas begin with an apostrophe."""
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow(LINE_COLUMNS)
    for line in report.lines:
        lines.writerow([harmless(cell) for cell in line_cells(line)])
    return written.getvalue()


def print_view(request: HttpRequest, run_id: str) -> HttpResponse:
    """The run on paper: what leadership reads."""
    run = find(run_id)
    report = report_of(run)
    published = current(run.scenario_name)
    sections = [
        (heading, [render_plot(plot) for picture in pictures if (plot := picture(report)) is not None])
        for _name, heading, pictures in SECTIONS
    ]
    context = {
        "title": f"{report.scenario}: {report.period}",
        "subtitle": f"Run {report.run_id}, {report.created_at}. Rules: {report.set_name or 'none'}. Maximised: {report.mode}.",
        "published": f"Published by {published.published_by}. {published.comment}"
        if published and published.run_id == run.pk
        else "",
        "report": report,
        "chosen": [(line, number(line.tokens), number(line.contribution)) for line in report.chosen],
        "misses": [(line, number(line.tokens), number(line.contribution)) for line in report.missed[:MISSES_PRINTED]],
        "sections": [(heading, plots) for heading, plots in sections if plots],
    }
    return render(request, "admin/optimization/print.html", context)


# ---- publishing --------------------------------------------------------------------------------------------------------------------------


class PublishForm(forms.Form):
    """Why this portfolio."""

    comment = forms.CharField(
        required=False,
        max_length=LONGEST_COMMENT,
        label="Comment",
        help_text="What was decided, and why. Everybody who sees the run sees it.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )


def publish_page(request: HttpRequest, run_id: str) -> HttpResponse:
    """Asks for a comment, and publishes the run."""
    run = find(run_id)
    back = reverse("admin:optimization_optimizationrun_change", args=(run.pk,))
    form = PublishForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = publish(run, signed_in(request), form.cleaned_data["comment"])
        if isinstance(done, Refusal):
            messages.error(request, done.text)
        else:
            messages.success(request, f"Run {run.run_id} is published as the portfolio of {run.scenario_name}.")
        return HttpResponseRedirect(back)
    refused = why_not_published(run, comment="\0")
    if refused:
        messages.error(request, refused)
        return HttpResponseRedirect(back)
    title = f"Publish a portfolio of {run.scenario_name}"
    return render_page(request, title, _form(request, form, "Publish", back), subtitle=_what_holds_now(run))


def _what_holds_now(run: OptimizationRun) -> str:
    now = current(run.scenario_name)
    if now is None:
        return f"Run {run.run_id} will be the first portfolio of {run.scenario_name} that is published."
    return f"Run {run.run_id} will take the place of {now.run.run_id}, published by {now.published_by}; that one stays in the list."


def _form(request: HttpRequest, form: forms.Form, button: str, back: str = "") -> SafeString:
    context = {"form": form, "button": button, "back": back, "method": "post" if back else "get"}
    return mark_safe(render_to_string("admin/optimization/form.html", context, request))  # noqa: S308 - the template escapes


# ---- comparing ---------------------------------------------------------------------------------------------------------------------------


class CompareForm(forms.Form):
    """Two runs."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        offered = list(_offered())
        for name, label in (("before", "The earlier run"), ("after", "The later run")):
            self.fields[name] = forms.ChoiceField(choices=offered, label=label, widget=UnfoldAdminSelectWidget)


def _offered() -> Iterator[tuple[str, str]]:
    runs = OptimizationRun.objects.filter(status__in=ENDED).order_by("-created_at", "-pk")
    for run_id, scenario, status, created in runs.values_list("run_id", "scenario_name", "status", "created_at")[
        :RUNS_OFFERED
    ]:
        yield run_id, f"{scenario}: {status}, {created:%-d %b %Y %H:%M}, {run_id}"


def compare_page(request: HttpRequest) -> HttpResponse:
    """What changed between two runs: inputs, portfolios, figures; and, once it was computed, which change moved which initiative."""
    asked = [request.GET.get(name, "").strip() for name in ("before", "after")]
    pair = _latest_pair() if not any(asked) else _named_pair(asked)
    form = CompareForm(
        initial={"before": pair[0].run_id, "after": pair[1].run_id} if not isinstance(pair, Refusal) else None
    )
    body = paragraph(pair.text) if isinstance(pair, Refusal) else _compared(*pair)
    title = "Compare two runs"
    lead = "Which inputs changed, who came and who went, and which change moved which initiative."
    return render_page(request, title, joined([_form(request, form, "Compare"), body]), subtitle=lead)


def _latest_pair() -> tuple[OptimizationRun, OptimizationRun] | Refusal:
    for run in OptimizationRun.objects.filter(status__in=ENDED).order_by("-created_at", "-pk")[:RUNS_OFFERED]:
        before = run_before(run)
        if before is not None:
            return before, run
    return Refusal(text="No scenario was run twice yet: run one again, and what changed stands here.")


def _named_pair(asked: Sequence[str]) -> tuple[OptimizationRun, OptimizationRun] | Refusal:
    found = [find_run(run_id, Workbook.objects.all()) for run_id in asked]
    for run in found:
        if isinstance(run, Refusal):
            return run
    before, after = found
    assert isinstance(before, OptimizationRun)
    assert isinstance(after, OptimizationRun)
    return before, after


def _compared(before: OptimizationRun, after: OptimizationRun) -> SafeString:
    found = since(before, after)
    if isinstance(found, Refusal):
        return joined([paragraph(found.text)])
    reports = report_of(before), report_of(after)
    compared = after.result_json.get("compared", {}).get(before.run_id)
    rows = compared_rows(compared) if compared else [(str(change.kind), change.text, "-") for change in found.changes]
    return joined(
        [
            table(("Figure", "The earlier run", "The later run"), _side_by_side(before, after, *reports)),
            paragraph(f"Between them: {moves_in_words(found.came, found.went)}."),
            _movers(found.came, found.went, *reports),
            table(("What", "Change", "It moved"), rows, nothing="No input changed that could matter."),
            paragraph(_how_to_trace(before, after, compared)),
        ]
    )


def _side_by_side(
    before: OptimizationRun, after: OptimizationRun, was: RunReport, now: RunReport
) -> Iterator[Sequence[Any]]:
    yield "Run", record_link(RUN, before.pk, before.run_id), record_link(RUN, after.pk, after.run_id)
    yield "Scenario", was.scenario, now.scenario
    others = dict(now.figures)
    for what, text in was.figures:
        yield what, text, others.get(what, "")


def _movers(came: Sequence[str], went: Sequence[str], was: RunReport, now: RunReport) -> SafeString | str:
    rows = []
    for way, keys, report in (("came in", came, now), ("went out", went, was)):
        lines = {line.key: line for line in report.lines}
        rows += [
            (way, key, lines[key].title, number(lines[key].tokens), number(lines[key].contribution))
            for key in keys
            if key in lines
        ]
    return table(("Way", "Key", "Title", "Tokens", "Contribution"), rows, nothing="")


def _how_to_trace(before: OptimizationRun, after: OptimizationRun, compared: Any) -> SafeString | str:
    if compared:
        left = compared["not_computed"]
        return f"{left} changes weren't put back: the number of solves is bounded." if left else ""
    start = reverse("admin:sheetsync_actionrun_start_action", args=("pm.compare_runs",))
    address = f"{start}?runs={before.run_id}&runs={after.run_id}"
    return format_html(
        "Which change moved which initiative isn't computed yet: {}.",
        link(address, "put the old values back and solve again"),
    )
