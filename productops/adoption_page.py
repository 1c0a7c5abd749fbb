"""The admin's page of adoptions: computed beside adopted contributions, and adopting those that are selected."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from backlog.models import Initiative
from productops.adopting import Adopted, adopt
from productops.contribution_check import Standing, adoption_remark, comparison
from productops.figures import assignments, same_numbers
from productops.standings import load_standings
from sheetsync.admin.base import signed_in
from sheetsync.admin.extra_pages import render_page
from sheetsync.admin.links import run_address
from sheetsync.admin.tables import table
from sheetsync.scope import within_scope

PAGE = "productops_adoptions"
MAY_ADOPT = "productops.adopt_initiativecontribution"
ROWS = 100  # on one page
REFUSALS = 5  # told one by one


def _differs(standing: Standing) -> bool:
    return bool(standing.computed.numbers) and not same_numbers(standing.entered, standing.computed.numbers)


# What the page may be limited to: name in the address -> (what people call it, which rows).
VIEWS: Mapping[str, tuple[str, Callable[[Standing], bool]]] = {
    "differs": ("Differ from computed", _differs),
    "ready": ("Can be adopted", lambda standing: _differs(standing) and standing.computed.approved),
    "stale": ("Adopted, and stale", lambda standing: standing.is_stale),
    "adopted": ("Adopted", lambda standing: standing.is_adopted),
    "all": ("All with a model or a number", lambda standing: bool(standing.models or standing.entered)),
}


def adoptions(request: HttpRequest) -> HttpResponse:
    """Shows the rows of one view, and adopts those that were ticked."""
    view = request.GET.get("view", "differs")
    view = view if view in VIEWS else "differs"
    if request.method == "POST":
        return _adopt_selected(request, view)
    titles = dict(within_scope(request, Initiative.objects.all()).values_list("pk", "title"))
    standings = {pk: standing for pk, standing in load_standings().items() if pk in titles}
    found = [(pk, standing) for pk, standing in standings.items() if _is_asked(request, standing, titles[pk], view)]
    page = Paginator(sorted(found, key=lambda each: each[1].key), ROWS).get_page(request.GET.get("page"))
    may_adopt = request.user.has_perm(MAY_ADOPT)
    rows = [_row(pk, standing, titles[pk], may_adopt=may_adopt) for pk, standing in page.object_list]
    return render_page(
        request,
        "Adopt computed contributions",
        _body(request, view, page, rows, standings.values()),
        subtitle="What the models give, beside what holds. Only what is ticked here, or in the sheet, becomes a contribution.",
    )


def _is_asked(request: HttpRequest, standing: Standing, title: str, view: str) -> bool:
    words = request.GET.get("q", "").casefold().split()
    text = f"{standing.key} {title}".casefold()
    return VIEWS[view][1](standing) and all(word in text for word in words)


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


def _body(
    request: HttpRequest, view: str, page: Page[Any], rows: Sequence[Sequence[Any]], standings: Collection[Standing]
) -> SafeString:
    context = {
        "views": [
            (name, label, sum(1 for standing in standings if chosen(standing)))
            for name, (label, chosen) in VIEWS.items()
        ],
        "view": view,
        "q": request.GET.get("q", ""),
        "page": page,
        "table": table(HEADERS, rows, nothing="No initiative is in this view."),
        "may_adopt": request.user.has_perm(MAY_ADOPT),
    }
    return mark_safe(render_to_string("admin/productops/adoptions.html", context, request))  # noqa: S308 - the template escapes


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
