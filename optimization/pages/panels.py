"""What the page of a run shows below its fields, and what pages of initiatives, scenarios and the dashboard say of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from backlog.models import Initiative
from optimization.models import OptimizationRun, OptimizationScenario, PortfolioItem, Publication
from optimization.pages.plots import Picture
from optimization.runs.publishing import PERMISSION, all_current, current
from optimization.runs.report import Line, RunReport, number
from optimization.runs.stored_reports import report_of, run_before, since
from optimization.solving.objective import Refusal
from optimization.studies.past_runs import SOLVED
from optimization.why.clash import UNPROVED, raise_capacity
from sheetsync.admin.links import link, record_link
from sheetsync.admin.plots import render_plot
from sheetsync.admin.tables import table

RUN = "optimization.OptimizationRun"
MISSES_SHOWN = 50
CHANGES_SHOWN = 40
RUNS_SHOWN = 15


def report_for(run: OptimizationRun) -> RunReport:
    """The run's report, made once for all panels of a page."""
    known: RunReport | None = run.__dict__.get("_report")
    if known is None:
        known = run.__dict__["_report"] = report_of(run)
    return known


def joined(parts: Iterable[SafeString | str]) -> SafeString:
    """Parts one after the other."""
    return format_html_join("\n", "{}", ((part,) for part in parts if part))


def paragraph(text: SafeString | str) -> SafeString | str:
    """A paragraph; "" for nothing."""
    return format_html("<p>{}</p>", text) if text else ""


# ---- the page of a run -------------------------------------------------------------------------------------------------------------------


def at_a_glance(request: HttpRequest, run: OptimizationRun) -> SafeString:
    """Figures, whether it is published, and where to take it from here."""
    report = report_for(run)
    rows = [(what, text) for what, text in report.figures]
    return joined([_published(run), paragraph(_ways_on(request, run)), table(("Figure", "Value"), rows)])


def no_portfolio(request: HttpRequest, run: OptimizationRun) -> SafeString | str:
    """Which rows can't hold together, and what would mend it, the cheapest first; "" for a run with a portfolio."""
    clash = report_for(run).clash
    if not clash:
        return ""
    ways = [way["text"] for way in clash["relaxation"]]
    if clash["capacity_needed"] is not None:
        ways.append(raise_capacity(number(clash["capacity_needed"])))
    return joined(
        [
            *(paragraph(finding["text"]) for finding in clash["findings"]),
            table(
                ("Any one of these mends it",),
                [(way,) for way in ways],
                nothing="No single change mends it.",
            ),
            "" if clash["proved"] else paragraph(UNPROVED),
        ]
    )


def _published(run: OptimizationRun) -> SafeString | str:
    now = current(run.scenario_name)
    if now is None:
        return ""
    if now.run_id != run.pk:
        text = format_html("Published of {} is {}.", run.scenario_name, record_link(RUN, now.run_id, now.run.run_id))
        return paragraph(text)
    comment = f": {now.comment}" if now.comment else ""
    return format_html("<p><strong>Published</strong> by {} on {}{}</p>", now.published_by, _day(now), comment)


def _day(publication: Publication) -> str:
    return f"{publication.published_at:%-d %b %Y}"


def _ways_on(request: HttpRequest, run: OptimizationRun) -> SafeString:
    ways = [
        ("run_workbook", "Excel file", (run.run_id,)),
        ("run_csv", "CSV of initiatives", (run.run_id,)),
        ("run_print", "Print view", (run.run_id,)),
    ]
    links = [link(reverse(f"admin:{name}", args=args), text) for name, text, args in ways]
    before = run_before(run)
    if before is not None:
        links.append(link(compare_address(before, run), "Compare with the run before"))
    if run.status in SOLVED and request.user.has_perm(PERMISSION):
        links.append(link(reverse("admin:publish_run", args=(run.run_id,)), "Publish"))
    return format_html_join(" · ", "{}", ((one,) for one in links))


def compare_address(before: OptimizationRun, after: OptimizationRun) -> str:
    """The page that compares two runs."""
    return f"{reverse('admin:compare_runs')}?before={before.run_id}&after={after.run_id}"


def initiatives(request: HttpRequest, run: OptimizationRun) -> SafeString | str:
    """What is in, then the nearest misses, then what couldn't be chosen."""
    report = report_for(run)
    if not report.lines:
        return ""
    hidden = len(report.missed) - MISSES_SHOWN
    parts = [
        format_html("<h3 class='desk-panel-title'>In ({})</h3>", len(report.chosen)),
        _lines(report.chosen, nothing="Nothing was chosen."),
        format_html("<h3 class='desk-panel-title'>Left out, nearest misses first ({})</h3>", len(report.missed)),
        _lines(report.missed[:MISSES_SHOWN], nothing="Nothing was left out.", with_why_not=True),
        paragraph(f"and {hidden} more; the Excel file and the CSV have them all") if hidden > 0 else "",
    ]
    if report.ineligible:
        rows = [(line.key, line.title, line.reason) for line in report.ineligible]
        folded = "<details class='desk-details'><summary>Not eligible ({})</summary>{}</details>"
        parts.append(format_html(folded, len(rows), table(("Key", "Title", "Why"), rows)))
    return joined(parts)


def _lines(lines: Sequence[Line], *, nothing: str, with_why_not: bool = False) -> SafeString | str:
    drawn = any(line.frequency is not None for line in lines)
    pks = dict(
        Initiative.objects.filter(initiative_key__in=[line.key for line in lines]).values_list("initiative_key", "pk")
    )
    headers = ["Rank", "Key", "Title", "Tokens", "Contribution", "Why"]
    headers += ["What would get it in"] if with_why_not else []
    headers += ["Chosen in"] if drawn else []
    rows = []
    for line in lines:
        row: list[Any] = [line.rank, record_link("backlog.Initiative", pks.get(line.key), line.key), line.title]
        row += [number(line.tokens), number(line.contribution), line.reason]
        row += [line.why_not] if with_why_not else []
        row += ["" if line.frequency is None else f"{line.frequency:.0%} of draws"] if drawn else []
        rows.append(row)
    return table(headers, rows, nothing=nothing)


def pictures(*made: Picture) -> Callable[[HttpRequest, OptimizationRun], SafeString | str]:
    """A panel of these pictures; not shown where there is nothing to draw."""

    def render(request: HttpRequest, run: OptimizationRun) -> SafeString | str:
        plots = [plot for picture in made if (plot := picture(report_for(run))) is not None]
        return joined(map(render_plot, plots)) if plots else ""

    return render


def certainty(request: HttpRequest, run: OptimizationRun) -> SafeString | str:
    """What the draws say in words, and the robust choice beside the portfolio."""
    report = report_for(run)
    told = report.result.get("uncertainty")
    if not told:
        return ""
    unit = told["measured_in"] or report.unit
    rows = [(name, *_spread_cells(one)) for name, one in _choices(report)]
    headers = (
        "Choice",
        f"Mean ({unit})",
        "One draw in ten below",
        "Spread below the mean",
        "Expected regret",
        "Floors missed",
    )
    return joined([table(headers, rows), paragraph(_robust_moves(report)), paragraph(_drawn(told))])


def _choices(report: RunReport) -> Iterable[tuple[str, Any]]:
    yield "This portfolio", report.result["uncertainty"]["chosen"]
    if robust := report.result.get("robust", {}).get("spread"):
        yield "Robust choice", robust
    yield "Choosing anew in each draw", report.result["uncertainty"]["best"]


def _spread_cells(one: Any) -> tuple[str, ...]:
    figures = tuple(number(one[name]) for name in ("mean", "p10", "semideviation", "regret"))
    return (*figures, f"in {one['breaks_rules']:,} draws" if one["breaks_rules"] else "never")


def _robust_moves(report: RunReport) -> str:
    robust = report.result.get("robust")
    return str(robust["text"]) if robust else ""


def _drawn(told: Any) -> str:
    left_out = f" {told['infeasible']:,} draws without any portfolio are left out." if told["infeasible"] else ""
    return (
        f"{told['solved']:,} of {told['draws']:,} draws, seed {told['seed']}. The contributions of {told['varying']} candidates "
        f"vary, those of {len(told['still'])} don't.{left_out}"
    )


def changes(request: HttpRequest, run: OptimizationRun) -> SafeString | str:
    """What changed since the run before."""
    before = run_before(run)
    found = since(before, run) if before else None
    if before is None or found is None or isinstance(found, Refusal):
        return ""
    compared = run.result_json.get("compared", {}).get(before.run_id)
    rows = compared_rows(compared) if compared else [(str(change.kind), change.text, "") for change in found.changes]
    shown = rows[:CHANGES_SHOWN]
    said = f"Since {before.run_id}: " + moves_in_words(found.came, found.went)
    more = f"and {len(rows) - len(shown)} more" if len(rows) > len(shown) else ""
    nothing = "No input changed that could matter."
    return joined([paragraph(said), table(("What", "Change", "It moved"), shown, nothing=nothing), paragraph(more)])


def moves_in_words(came: Sequence[str], went: Sequence[str]) -> str:
    """Who came and who went."""
    moves = [f"{name}: {', '.join(keys)}" for name, keys in (("came in", came), ("went out", went)) if keys]
    return "; ".join(moves) or "the same initiatives are chosen"


def compared_rows(compared: Any) -> list[tuple[str, str, str]]:
    """(kind, change, what it moved) of a comparison that was carried out."""
    return [
        (effect["kind"], effect["text"], _moved(effect)) for effect in (*compared["changes"], *compared["together"])
    ]


def _moved(effect: Any) -> str:
    if effect["note"]:
        return str(effect["note"])
    if effect["moved"] is None:
        return "not computed"
    return ", ".join(effect["moved"]) or "nothing, alone"


# ---- other pages -------------------------------------------------------------------------------------------------------------------------


def runs_of_initiative(request: HttpRequest, initiative: Initiative) -> SafeString | str:
    """The runs that an initiative was in, and why it was chosen or not."""
    items = PortfolioItem.objects.filter(initiative_key=initiative.initiative_key).select_related("portfolio__run")
    latest = items.defer("portfolio__run__inputs_snapshot_json").order_by("-portfolio__run__created_at", "-pk")
    rows = []
    for item in latest[:RUNS_SHOWN]:
        run = item.portfolio.run
        why = run.result_json.get("why_not", {}).get(item.initiative_key, {}).get("text", "")
        rows.append(
            (
                record_link(RUN, run.pk, run.run_id),
                run.scenario_name,
                "in" if item.selected else "out",
                item.rank,
                ". ".join(filter(None, (item.reason, why))),
                "" if item.selection_frequency is None else f"{item.selection_frequency:.0%} of draws",
            )
        )
    return table(("Run", "Scenario", "In or out", "Rank", "Why", "Chosen in"), rows, nothing="")


def publications(request: HttpRequest, scenario: OptimizationScenario) -> SafeString | str:
    """What was published of a scenario, the latest first."""
    found = Publication.objects.filter(scenario_name=scenario.scenario_name).select_related("run")
    rows = [
        (
            record_link(RUN, one.run_id, one.run.run_id),
            one.published_by,
            _day(one),
            one.comment,
            "holds" if not at else "",
        )
        for at, one in enumerate(found[:RUNS_SHOWN])
    ]
    return table(("Run", "Published by", "On", "Comment", "Now"), rows, nothing="")


def published_card(request: HttpRequest) -> SafeString | str:
    """What is published of every scenario."""
    rows = []
    for one in all_current():
        chosen = getattr(one.run, "portfolio", None)
        figures = f"{chosen.selected_count} initiatives, {number(chosen.capacity_used)} tokens" if chosen else ""
        rows.append(
            (one.scenario_name, record_link(RUN, one.run_id, figures or one.run.run_id), _day(one), one.comment)
        )
    return table(("Scenario", "Portfolio", "Published", "Comment"), rows, nothing="")
