"""The admin's page of frameworks side by side: how alike they rank, and where they don't, with what drives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from backlog.models import Initiative
from productops.models import InitiativeScoring
from productops.remembered import remembered
from productops.scores.evaluation import FRAMEWORKS, RICE_INPUTS, WSJF_INPUTS
from productops.scores.ranking import Agreement, Disagreement, Scored, agreements, disagreements, scores_of
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
    pks: Mapping[str, int]  # initiative_key of what is listed -> pk


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
            render_plot(bump_chart(found.furthest[:DRAWN], found.counts)) if found.furthest else "",
            _search(words),
            table(
                ("Initiative", *FRAMEWORKS, "Furthest apart", "Why"),
                [_row(each, found.pks[each.scored.key], found.counts) for each in found.furthest],
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
    pks, scored = _load(request)
    names = tuple(FRAMEWORKS)
    matching = {
        each.key
        for each in scored
        if len(each.scores) > 1 and all(word in f"{each.key} {each.title}".casefold() for word in words)
    }
    furthest = disagreements(scored, names, COSTS, among=matching, most=LISTED)
    found = Found(
        agreements=agreements(scored, names),
        furthest=furthest,
        matching=len(matching),
        counts={name: len(numbers) for name, numbers in scores_of(scored, names).items()},
        pks={each.scored.key: pks[each.scored.key] for each in furthest},
    )
    return found, len(scored)


def _load(request: HttpRequest) -> tuple[dict[str, int], list[Scored]]:
    """(initiative_key -> pk, what is scored) of the initiatives that the person may see, in one query."""
    overall = [f"{prefix}_overall_score" for prefix in FRAMEWORKS.values()]
    columns = list(dict.fromkeys(column for inputs in INPUTS.values() for column in inputs))
    about = ("initiative_id", "initiative__initiative_key", "initiative__title")
    rows = within_scope(request, InitiativeScoring.objects.order_by("initiative__initiative_key"))
    pks, scored = {}, []
    for pk, key, title, *numbers in rows.values_list(*about, *overall, *columns):
        scores = dict(zip(FRAMEWORKS, numbers, strict=False))
        given = dict(zip(columns, numbers[len(overall) :], strict=True))
        pks[key] = pk
        scored.append(
            Scored(
                key=key,
                title=title,
                scores={name: score for name, score in scores.items() if score is not None},
                inputs={
                    name: {column: given[column] for column in inputs if given[column] is not None}
                    for name, inputs in INPUTS.items()
                },
            )
        )
    return pks, scored


def bump_chart(found: Sequence[Disagreement], counts: Mapping[str, int]) -> Plot:
    """A line per initiative from framework to framework, the higher the better it stands there."""
    return Plot(
        kind=PlotKind.LINE,
        title="Placed furthest apart",
        summary=f"Where the {len(found)} initiatives stand that the frameworks place furthest apart; 100 is the first place.",
        x_label="Framework",
        y_label="Better than (% of the others)",
        series=tuple(
            Series(name=f"{each.scored.key} {each.scored.title}"[:50], points=tuple(_points(each, counts)))
            for each in found
        ),
    )


def _points(found: Disagreement, counts: Mapping[str, int]) -> list[Point]:
    return [
        Point(x=name, y=round(_share_behind(rank, counts[name]) * 100, 1), label=f"rank {rank:g} of {counts[name]}")
        for name, rank in found.ranks.items()
    ]


def _share_behind(rank: float, count: int) -> float:
    return 1 - (rank - 1) / (count - 1) if count > 1 else 1.0


def _row(found: Disagreement, pk: int, counts: Mapping[str, int]) -> list[SafeString | str]:
    address = reverse("admin:backlog_initiative_change", args=(pk,))
    return [
        format_html('<a href="{}">{}</a> {}', address, found.scored.key, found.scored.title),
        *(
            f"{found.ranks[name]:g} of {counts[name]} ({shown_number(found.scored.scores[name])})"
            if name in found.ranks
            else ""
            for name in FRAMEWORKS
        ),
        f"{found.distance:.0%} between {found.best} and {found.worst}".replace("%", " %"),
        found.why,
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
