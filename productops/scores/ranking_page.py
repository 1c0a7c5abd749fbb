"""The admin's page of frameworks side by side: how alike they rank, and where they don't, with what drives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from backlog.models import Initiative
from productops.models import InitiativeScoring
from productops.remembered import remembered
from productops.scores.evaluation import FRAMEWORKS, RICE_INPUTS, WSJF_INPUTS
from productops.scores.ranking import Agreement, Disagreement, Scores, agreements, disagreements
from sheetsync.access.scope import within_scope
from sheetsync.admin.extra_pages import render_page
from sheetsync.admin.plots import render_plot
from sheetsync.admin.tables import shown_number, table
from sheetsync.plots import Plot, PlotKind, Point, Series

PAGE = "productops_frameworks"
DRAWN = 10  # initiatives in the picture
LISTED = 50  # in the table
LONGEST_SEARCH = 200  # characters
# framework -> the columns that its score is made of; the math score by what its formula gives.
INPUTS: Mapping[str, Sequence[str]] = {
    "RICE": tuple(f"rice_{name}" for name in RICE_INPUTS),
    "WSJF": tuple(f"wsjf_{name}" for name in WSJF_INPUTS),
    "MATH_MODEL": ("math_value_score", "math_effort_score"),
}
COSTS = ("rice_effort", "wsjf_job_size", "math_effort_score")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the page shows."""

    agreements: Sequence[Agreement]
    furthest: Sequence[Disagreement]  # that match the search, at most LISTED
    matching: int  # all that match
    counts: Mapping[str, int]  # framework -> initiatives that it scores
    named: Mapping[str, tuple[int, str]]  # initiative_key of what is listed -> (pk, title)


def frameworks(request: HttpRequest) -> HttpResponse:
    """Correlations, a picture of those that the frameworks place furthest apart, and a table of them."""
    words = request.GET.get("q", "")[:LONGEST_SEARCH]
    asked = words.casefold().split()
    found = remembered(
        request, ["frameworks", *asked], (InitiativeScoring, Initiative), lambda: _work_out(request, asked)
    )
    more = found.matching - len(found.furthest)
    body = "".join(
        (
            _agreement_table(found.agreements),
            render_plot(bump_chart(found)) if found.furthest else "",
            _search(words),
            table(
                ("Initiative", *FRAMEWORKS, "Furthest apart", "Why"),
                [_row(each, found) for each in found.furthest],
                nothing="No initiative has scores in two frameworks.",
            ),
            f"<p>{more:,} more are closer together.</p>" if more else "",
        )
    )
    return render_page(
        request,
        "Frameworks side by side",
        mark_safe(body),  # noqa: S308 - every part is escaped
        subtitle="Ranks by overall score, as last computed by pm.score_selected; pm.switch_framework changes which one counts.",
    )


def _work_out(request: HttpRequest, words: Sequence[str]) -> tuple[Found, int]:
    """(what the page shows, how many initiatives it comes from)."""
    pks, titles, scored = _load(request)
    named = (f"{key} {title}".casefold() for key, title in zip(scored.keys, titles, strict=True))
    matching = np.fromiter((all(word in name for word in words) for name in named), bool, len(pks))
    furthest = disagreements(scored, COSTS, among=matching, most=LISTED)
    found = Found(
        agreements=agreements(scored),
        furthest=furthest,
        matching=int((scored.in_two & matching).sum()),
        counts=scored.counts,
        named={each.key: (pks[each.place], titles[each.place]) for each in furthest},
    )
    return found, len(pks)


def _load(request: HttpRequest) -> tuple[Sequence[int], Sequence[str], Scores]:
    """(pks of the initiatives that the person may see, their titles, what is scored), in one query."""
    overall = [f"{prefix}_overall_score" for prefix in FRAMEWORKS.values()]
    columns = list(dict.fromkeys(column for inputs in INPUTS.values() for column in inputs))
    about = ("initiative_id", "initiative__initiative_key", "initiative__title")
    rows = [*within_scope(request, InitiativeScoring.objects.all()).values_list(*about, *overall, *columns)]
    numbers = np.array([row[len(about) :] for row in rows], float).reshape(len(rows), len(overall) + len(columns))
    column = dict(zip((*overall, *columns), numbers.T, strict=True))
    scored = Scores(
        keys=[row[1] for row in rows],
        scores={name: column[each] for name, each in zip(FRAMEWORKS, overall, strict=True)},
        inputs={name: {each: column[each] for each in inputs} for name, inputs in INPUTS.items()},
    )
    return [row[0] for row in rows], [row[2] for row in rows], scored


def bump_chart(found: Found) -> Plot:
    """A line per initiative from framework to framework, the higher the better it stands there."""
    drawn = found.furthest[:DRAWN]
    return Plot(
        kind=PlotKind.LINE,
        title="Placed furthest apart",
        summary=f"Where the {len(drawn)} initiatives stand that the frameworks place furthest apart; 100 is the first place.",
        x_label="Framework",
        y_label="Better than (% of the others)",
        series=tuple(
            Series(name=f"{each.key} {found.named[each.key][1]}"[:50], points=tuple(_points(each, found.counts)))
            for each in drawn
        ),
    )


def _points(found: Disagreement, counts: Mapping[str, int]) -> list[Point]:
    return [
        Point(x=name, y=round(_share_behind(rank, counts[name]) * 100, 1), label=f"rank {rank:g} of {counts[name]}")
        for name, rank in found.ranks.items()
    ]


def _share_behind(rank: float, count: int) -> float:
    return 1 - (rank - 1) / (count - 1) if count > 1 else 1.0


def _row(one: Disagreement, found: Found) -> list[SafeString | str]:
    pk, title = found.named[one.key]
    address = reverse("admin:backlog_initiative_change", args=(pk,))
    return [
        format_html('<a href="{}">{}</a> {}', address, one.key, title),
        *(
            f"{one.ranks[name]:g} of {found.counts[name]} ({shown_number(one.scores[name])})"
            if name in one.ranks
            else ""
            for name in FRAMEWORKS
        ),
        f"{one.distance:.0%} between {one.best} and {one.worst}".replace("%", " %"),
        one.why,
    ]


def _agreement_table(found: Sequence[Agreement]) -> SafeString | str:
    rows = [
        (f"{each.one} and {each.other}", each.count, "" if each.rho is None else f"{each.rho:.2f}", _in_words(each.rho))
        for each in found
    ]
    return table(("Frameworks", "Initiatives that both score", "Rank correlation (Spearman)", "In words"), rows)


def _in_words(rho: float | None) -> str:
    """What a correlation says; None where it can't be worked out."""
    if rho is None:
        return "Too few initiatives have both scores to tell."
    if rho < -0.3:
        return "They tend to the opposite order."
    if rho < 0.3:
        return "They have little in common: which one counts decides a lot."
    if rho < 0.6:
        return "They agree in part."
    return "They broadly agree." if rho < 0.8 else "They give nearly the same order."


def _search(typed: str) -> SafeString:
    return format_html(
        '<form method="get" class="flex gap-2 items-center" role="search"><label class="flex gap-2 items-center">Key or title '
        '<input type="search" name="q" value="{}" class="bg-white border border-base-200 px-3 py-2 rounded-default '
        'dark:bg-base-900 dark:border-base-700"></label></form>',
        typed,
    )
