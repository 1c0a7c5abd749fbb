"""Pages for approving: the queue of models and parameters with filters, and a panel on each one's page."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString, mark_safe

from backlog.models import Initiative
from productops.approvals.decisions import SUBJECTS, Subject, content_of, rejected_text, rejections, subject_of
from productops.approvals.reviews import MOST, decide, entered_by, is_own, last_approved, seal, waiting
from productops.contributions.standings import load_standings
from productops.models import SHARED_KEY, InitiativeContribution, Review
from sheetsync.access.audit import note
from sheetsync.access.people import AuditEntry
from sheetsync.access.scope import within_scope
from sheetsync.admin.base import signed_in
from sheetsync.admin.dashboard import ago
from sheetsync.admin.extra_pages import render_page
from sheetsync.admin.large_lists import remembered_values
from sheetsync.admin.record_panels import in_words
from sheetsync.admin.searching import LONGEST, search
from sheetsync.site import record_address

PER_PAGE = 50
STATES = {"waiting": "Waiting", "rejected": "Rejected", "approved": "Approved"}
ADOPTIONS_COUNTED = 100  # each is worked out anew for the dashboard
_LEAD = (
    "What is approved counts: only numbers behind which everything is approved can be adopted. "
    "A change of what was approved brings it back here. A rejection's comment is told in the sheet's row with the next sync."
)


# ---- the queue -------------------------------------------------------------------------------------------------------------------------


def approvals(request: HttpRequest) -> HttpResponse:
    """The queue; posting decides on what was ticked."""
    kinds = [subject for subject in SUBJECTS.values() if request.user.has_perm(subject.view_permission)]
    if not kinds:
        raise PermissionDenied
    if request.method == "POST":
        return _decide(request)
    asked = request.GET.get("kind", "")
    subject = next((each for each in kinds if each.name == asked), kinds[0])
    records = _filtered(request, subject)
    page = Paginator(records, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "kinds": [(each, each is subject, waiting(each, _seen_by(request, each)).count()) for each in kinds],
        "subject": subject,
        "states": STATES,
        "asked": request.GET,
        "departments": _departments(request),
        "page": page,
        "rows": _rows(request, subject, page),
        "may_decide": request.user.has_perm(subject.permission),
        "query": request.GET.urlencode(),
    }
    body = render_to_string("admin/productops/approvals.html", context, request)
    return render_page(request, "Approvals", mark_safe(body), subtitle=_LEAD)  # noqa: S308 - a template that escapes


def _seen_by(request: HttpRequest, subject: Subject) -> QuerySet[Any]:
    records: QuerySet[Any] = subject.model._default_manager.select_related("initiative")
    return within_scope(request, records)


def _filtered(request: HttpRequest, subject: Subject) -> QuerySet[Any]:
    records = _seen_by(request, subject).order_by("initiative_id", "pk")
    state = request.GET.get("state", "waiting")
    if state == "approved":
        records = records.filter(**{subject.tick: True})
    elif state == "rejected":
        records = records.filter(pk__in=[*rejections(subject)])
    else:
        records = waiting(subject, records)
    if department := request.GET.get("department", ""):
        records = records.filter(initiative__department=department)
    name = "model_name" if subject.name == "model" else "param_name"
    fields = ("initiative__initiative_key", "initiative__title", name)
    return search(records, fields, request.GET.get("q", "").replace("\0", "")[:LONGEST])


def _departments(request: HttpRequest) -> list[str]:
    seen = within_scope(request, Initiative.objects.exclude(department="")).order_by("department")
    names = seen.values_list("department", flat=True).distinct()
    return remembered_values(request, Initiative, "department of approvals", lambda: names)


def _rows(request: HttpRequest, subject: Subject, page: Page[Any]) -> list[dict[str, Any]]:
    """Everything that the page shows of its records, in a few queries."""
    records = list(page)
    pks = [record.pk for record in records]
    before, entered, rejected = last_approved(subject, pks), entered_by(subject, pks), rejections(subject, pks)
    user = signed_in(request)
    return [
        {
            "record": record,
            "value": f"{record.pk}:{seal(record, subject)}",
            "key": record.initiative.initiative_key if record.initiative else SHARED_KEY,
            "owner": record.initiative.title if record.initiative else "Shared by all",
            "name": getattr(record, "model_name", "") or getattr(record, "param_name", ""),
            "address": record_address(record),
            "difference": difference(subject, before.get(record.pk), content_of(record, subject)),
            "is_new": record.pk not in before,
            "entered": _entered(entered.get(record.pk)),
            "is_own": is_own(entered.get(record.pk), user),
            "rejection": rejected_text(rejected[record.pk]) if record.pk in rejected else "",
        }
        for record in records
    ]


def _entered(change: Any) -> str:
    if change is None:
        return "-"
    where = f", {change.workbook}" if change.workbook_id else ""
    return f"{change.run.requested_by or 'somebody'} {ago(change.run.created_at)}{where}"


def difference(subject: Subject, before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> SafeString:
    """What would be approved, against what was approved last."""
    parts = []
    for name in subject.covers:
        was = before[name] if before is not None else None
        changed = before is not None and was != now[name]
        shown = (
            _text_difference(str(was or ""), str(now[name]))
            if name == "formula_text" and changed
            else _value(was, now[name], changed=changed)
        )
        if changed or now[name] not in (None, ""):
            parts.append((name.replace("_", " "), shown))
    return format_html('<dl class="desk-values">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", parts))


def _value(was: Any, now: Any, *, changed: bool) -> SafeString:
    if changed:
        return format_html("<del>{}</del> → <ins>{}</ins>", in_words(was), in_words(now))
    return (
        format_html("<code>{}</code>", now)
        if isinstance(now, str) and "\n" in now
        else format_html("{}", in_words(now))
    )


def _text_difference(was: str, now: str) -> SafeString:
    """Line by line; each says in words whether it came or went."""
    lines = difflib.ndiff(was.splitlines(), now.splitlines())
    marks = {"- ": "del", "+ ": "ins", "  ": "span"}
    shown = ((marks[line[:2]], line[2:]) for line in lines if line[:2] in marks)
    return format_html(
        '<code class="desk-lines">{}</code>',
        format_html_join("", "<{0}>{1}</{0}>", ((mark_safe(mark), text) for mark, text in shown)),  # noqa: S308 - three constants
    )


# ---- deciding --------------------------------------------------------------------------------------------------------------------------


def _decide(request: HttpRequest) -> HttpResponse:
    """Carries out the decision on what was ticked, or on the one whose button was pressed."""
    subject = SUBJECTS.get(request.POST.get("kind", ""))
    if subject is None:
        raise Http404
    if not request.user.has_perm(subject.permission):
        raise PermissionDenied
    back = _back(request)
    one = request.POST.get("approve_one") or request.POST.get("reject_one")
    seen = _chosen([one] if one else request.POST.getlist("chosen"))
    approve = "approve" in request.POST or "approve_one" in request.POST
    comment = request.POST.get("comment", "").strip()[:1000]
    if not seen:
        messages.warning(request, "Tick what you decide on first.")
    elif not approve and not comment:
        messages.warning(request, "Say why in the comment: it is what the people in the sheet will read.")
    else:
        _tell(request, subject, seen, approve=approve, comment=comment)
    return HttpResponseRedirect(back)


def _chosen(values: list[str]) -> dict[int, str]:
    """pk -> the seal that was seen."""
    pairs = (value.partition(":") for value in values[:MOST])
    return {int(pk): mark for pk, _, mark in pairs if pk.isdecimal() and len(pk) < 18}


def _tell(request: HttpRequest, subject: Subject, seen: dict[int, str], *, approve: bool, comment: str) -> None:
    came = decide(subject, _seen_by(request, subject), seen, signed_in(request), approve=approve, comment=comment)
    event = AuditEntry.Event.APPROVED if approve else AuditEntry.Event.REJECTED
    if came.done:
        note(request, event, "\n".join(filter(None, (*came.done, comment))), run_id=came.run_id)
        messages.success(
            request, f"{event.label.capitalize()}: {len(came.done)}. The sheets show it with the next sync."
        )
    for text in came.refused[:20]:
        messages.error(request, text)


def _back(request: HttpRequest) -> str:
    asked = request.POST.get("back", "")
    return asked if url_has_allowed_host_and_scheme(asked, allowed_hosts=None) else reverse("admin:approvals")


# ---- the panel -------------------------------------------------------------------------------------------------------------------------


def approval_panel(request: HttpRequest, record: Any) -> SafeString | str:
    """Whether it is approved, by whom, what changed since, and the buttons for those who may decide."""
    subject = subject_of(type(record))
    before = last_approved(subject, [record.pk]).get(record.pk)
    rejected = rejections(subject, [record.pk]).get(record.pk)
    latest = Review.objects.filter(subject=subject.label, object_id=record.pk).first()
    is_approved = getattr(record, subject.tick)
    context = {
        "subject": subject,
        "is_approved": is_approved,
        "latest": latest,
        "rejection": rejected_text(rejected) if rejected else "",
        "was_approved": before is not None,
        "difference": difference(subject, before, content_of(record, subject)),
        "value": f"{record.pk}:{seal(record, subject)}",
        "is_own": is_own(entered_by(subject, [record.pk]).get(record.pk), signed_in(request)),
        "may_decide": request.user.has_perm(subject.permission),
        "back": request.path,
    }
    return mark_safe(render_to_string("admin/productops/approval.html", context, request))  # noqa: S308 - the template escapes


def models_to_approve(request: HttpRequest) -> int:
    """Math models that nobody has decided on."""
    return waiting(SUBJECTS["model"], _seen_by(request, SUBJECTS["model"])).count()


def params_to_approve(request: HttpRequest) -> int:
    """Parameters that nobody has decided on."""
    return waiting(SUBJECTS["param"], _seen_by(request, SUBJECTS["param"])).count()


def stale_adoptions(request: HttpRequest) -> int:
    """Adopted contributions whose inputs changed since, among the latest ones adopted."""
    seen = within_scope(request, InitiativeContribution.objects.filter(adopted_at__isnull=False))
    latest = list(seen.order_by("-adopted_at", "-pk").values_list("initiative_id", flat=True)[:ADOPTIONS_COUNTED])
    return sum(standing.is_stale for standing in load_standings(latest).values()) if latest else 0
