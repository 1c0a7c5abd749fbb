"""The admin's page of adoptions: computed beside adopted contributions, and adopting those that are selected."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from backlog.models import Initiative
from productops.contributions.adopting import Adopted, adopt
from productops.contributions.check import Standing, adoption_remark, comparison
from productops.contributions.standings import load_standings
from productops.figures import assignments, same_numbers
from productops.models import InitiativeMathModel
from sheetsync.access.scope import within_scope
from sheetsync.admin.base import signed_in
from sheetsync.admin.extra_pages import render_page
from sheetsync.admin.links import run_address
from sheetsync.admin.searching import LONGEST, search
from sheetsync.admin.tables import table

PAGE = "productops_adoptions"
MAY_ADOPT = "productops.adopt_initiativecontribution"
LOOKED_AT = 100  # initiatives on one page: each is computed anew
REFUSALS = 5  # told one by one


def _differs(standing: Standing) -> bool:
    return bool(standing.computed.numbers) and not same_numbers(standing.entered, standing.computed.numbers)


@dataclass(frozen=True, kw_only=True)
class View:
    """What the page may be limited to. The database picks candidates; the rest is worked out for those of one page."""

    label: str  # what people call it
    candidates: Q  # which initiatives can be in it
    holds: Callable[[Standing], bool]  # which of them are


_FORMULAS = InitiativeMathModel.objects.filter(initiative=OuterRef("pk")).exclude(formula_text="")
_ADOPTED = Q(contribution__adopted_at__isnull=False, kpi_contribution_json__isnull=False)
_SOMETHING = Q(Exists(InitiativeMathModel.objects.filter(initiative=OuterRef("pk")))) | Q(
    kpi_contribution_json__isnull=False
)
VIEWS: Mapping[str, View] = {
    "differs": View(label="Differ from computed", candidates=Q(Exists(_FORMULAS)), holds=_differs),
    "ready": View(
        label="Can be adopted",
        candidates=Q(Exists(_FORMULAS.filter(approved_by_user=True))),
        holds=lambda standing: _differs(standing) and standing.computed.approved,
    ),
    "stale": View(label="Adopted, and stale", candidates=_ADOPTED, holds=lambda standing: standing.is_stale),
    "adopted": View(label="Adopted", candidates=_ADOPTED, holds=lambda standing: standing.is_adopted),
    "all": View(
        label="All with a model or a number",
        candidates=_SOMETHING,
        holds=lambda standing: bool(standing.models or standing.entered),
    ),
}


def adoptions(request: HttpRequest) -> HttpResponse:
    """Shows the rows of one view, and adopts those that were ticked."""
    view = request.GET.get("view", "differs")
    view = view if view in VIEWS else "differs"
    if request.method == "POST":
        return _adopt_selected(request, view)
    page = Paginator(_candidates(request, VIEWS[view]), LOOKED_AT).get_page(request.GET.get("page"))
    titles = dict(page.object_list)
    standings = load_standings(list(titles)) if titles else {}
    may_adopt = request.user.has_perm(MAY_ADOPT)
    rows = [
        _row(pk, standings[pk], title, may_adopt=may_adopt)
        for pk, title in titles.items()
        if VIEWS[view].holds(standings[pk])
    ]
    return render_page(
        request,
        "Adoptions",
        _body(request, view, page, rows),
        subtitle="What the models give, beside what holds. Only what is ticked here, or in the sheet, becomes a contribution.",
    )


def _candidates(request: HttpRequest, view: View) -> QuerySet[Initiative, tuple[int, str]]:
    """(pk, title) of those that can be in the view and whose key or title has every word that is looked for."""
    candidates = within_scope(request, Initiative.objects.filter(view.candidates))
    found = search(candidates, ("initiative_key", "title"), _words(request))
    return found.order_by("initiative_key").values_list("pk", "title")


def _words(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\0", "")[:LONGEST]


HEADERS = (
    "Adopt",
    "Initiative",
    "Holds",
    "Computed",
    "How they compare",
    "Adopted",
    "What keeps it from being adopted",
)


def _row(pk: int, standing: Standing, title: str, *, may_adopt: bool) -> Sequence[SafeString | str]:
    adoption = standing.adoption
    settled = standing.is_adopted and not standing.is_stale
    return (
        _tick(pk, standing) if may_adopt and standing.computed.approved and not settled else "",
        format_html(
            '<a href="{}">{}</a> {}', reverse("admin:backlog_initiative_change", args=(pk,)), standing.key, title
        ),
        assignments(standing.entered or {}),
        assignments(standing.computed.numbers),
        " ".join(filter(None, (comparison(standing), adoption_remark(standing)))),
        f"{adoption.on} by {adoption.by or 'nobody named'}" if adoption else "",
        " ".join(standing.computed.reasons) if standing.models else "It has no math model.",
    )


def _tick(pk: int, standing: Standing) -> SafeString:
    """The tick of a row, and the numbers that it shows: only they are adopted."""
    return format_html(
        '<input type="checkbox" name="adopt" value="{0}" aria-label="Adopt what is computed for {1}">'
        '<input type="hidden" name="shown-{0}" value="{2}">',
        pk, standing.key, json.dumps(dict(standing.computed.numbers), sort_keys=True),
    )  # fmt: skip


def _body(request: HttpRequest, view: str, page: Page[Any], rows: Sequence[Sequence[Any]]) -> SafeString:
    context = {
        "views": [(name, each.label) for name, each in VIEWS.items()],
        "view": view,
        "q": _words(request),
        "page": page,
        "said": _said(page, len(rows)),
        "table": table(HEADERS, rows, nothing="No initiative on this page is in this view."),
        "may_adopt": request.user.has_perm(MAY_ADOPT),
    }
    return mark_safe(render_to_string("admin/productops/adoptions.html", context, request))  # noqa: S308 - the template escapes


def _said(page: Page[Any], shown: int) -> str:
    """How much was looked at: what is computed is known for the initiatives of one page only."""
    looked, of_all = len(page.object_list), page.paginator.count
    whole = f" of {of_all:,}" if of_all > looked else ""
    more = " The others are worked out on the pages that follow." if page.has_next() else ""
    return f"{shown} in this view, of the {looked}{whole} initiatives that were looked at.{more}" if looked else ""


# ---- adopting ----------------------------------------------------------------------------------------------------------


def _adopt_selected(request: HttpRequest, view: str) -> HttpResponse:
    if not request.user.has_perm(MAY_ADOPT):
        raise PermissionDenied
    shown = dict(_ticked(request))
    if shown:
        _tell(request, adopt(signed_in(request), shown, request.POST.get("reason", "").strip()[:100]))
    else:
        messages.warning(request, "Nothing was ticked, so nothing was adopted.")
    return HttpResponseRedirect(f"{reverse(f'admin:{PAGE}')}?view={view}")


def _ticked(request: HttpRequest) -> Iterator[tuple[int, dict[str, float]]]:
    """(pk, numbers shown) of the rows that were ticked and that the person may see; what a form can't have sent is left out."""
    pks = [int(text) for text in request.POST.getlist("adopt") if text.isdecimal() and len(text) < 18]
    visible = set(within_scope(request, Initiative.objects.filter(pk__in=pks)).values_list("pk", flat=True))
    for pk in pks:
        try:
            numbers = json.loads(request.POST.get(f"shown-{pk}", ""))
        except json.JSONDecodeError:
            continue
        if pk in visible and isinstance(numbers, dict):
            yield pk, {str(kpi): float(number) for kpi, number in numbers.items() if isinstance(number, int | float)}


def _tell(request: HttpRequest, outcome: Adopted) -> None:
    if outcome.run is not None:
        what = f"{len(outcome.keys)} contribution{'' if len(outcome.keys) == 1 else 's'} adopted"
        text = format_html(
            '{}: {}. <a href="{}">The run</a> can be undone.', what, _listed(outcome.keys), run_address(outcome.run)
        )
        messages.success(request, text)
    for key, why in list(outcome.refused.items())[:REFUSALS]:
        messages.warning(request, f"{key}: {why}")
    more = len(outcome.refused) - REFUSALS
    if more > 0:
        messages.warning(request, f"and {more} more that couldn't be adopted")


def _listed(keys: Sequence[str]) -> str:
    more = len(keys) - REFUSALS
    return ", ".join(keys[:REFUSALS]) + (f" and {more} more" if more > 0 else "")
