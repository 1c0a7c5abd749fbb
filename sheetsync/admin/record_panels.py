"""Panels that every stored record can have: where its values came from, where it stands in the sheets, conflicts, history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from sheetsync.access.scope import is_limited
from sheetsync.admin.edits import edited_here
from sheetsync.admin.links import link, run_address
from sheetsync.admin.plans import short
from sheetsync.admin.tables import shown_number, table
from sheetsync.models import ActionRun, Conflict, RecordChange, RowState, TabState

CHANGES_READ = 400  # the newest of a record, in which the last change of each field is looked for
CHANGES_SHOWN = 25
ROWS_SHOWN = 30
LONGEST = 120  # characters of a value
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")


def where_from(request: HttpRequest, record: models.Model) -> SafeString | str:
    """Which values hold since which change: who asked, which action, from which workbook, tab and row."""
    seen: set[tuple[str, str]] = set()
    rows = []
    for change in changes_of(record)[:CHANGES_READ]:
        values = {
            field: new
            for field, (_old, new) in change.fields.items()
            if (change.model, field) not in seen and _tells(change, field)
        }
        seen.update((change.model, field) for field in change.fields)
        if values:
            lines = [(shown_field(field), in_words(new)) for field, new in values.items()]
            rows.append((_listed(lines), *_told(change, request)))
    return table(("Values", "Set by", "Asked by", "When", "From"), rows, nothing="")


def history(request: HttpRequest, record: models.Model) -> SafeString | str:
    """The newest changes, old beside new; each value can be taken back alone."""
    may_change = admin.site.get_model_admin(type(record)).has_change_permission(request, record)
    rows = [
        (_told_of(change, record, may_change=may_change), *_told(change, request))
        for change in changes_of(record)[:CHANGES_SHOWN]
    ]
    return table(("What changed", "Set by", "Asked by", "When", "From"), rows, nothing="")


def _told_of(change: RecordChange, record: models.Model, *, may_change: bool) -> SafeString:
    """A change in a cell of the history."""
    if change.created:
        lines = [
            (shown_field(field), in_words(new)) for field, (_, new) in change.fields.items() if _tells(change, field)
        ]
        made = f"{apps.get_model(change.model)._meta.verbose_name} made, with {len(lines)} values"
        return format_html('<details class="desk-details"><summary>{}</summary>{}</details>', made, _listed(lines))
    own = may_change and change.model == record._meta.label
    return _listed(
        (
            shown_field(field),
            _diff(old, new, _way_back(change, field) if own and edited_here(type(record), field) else ""),
        )
        for field, (old, new) in change.fields.items()
    )


def in_words(value: Any) -> str:
    """A stored value as people write it, shortened: `1,200`, `gmv: 5; nps: 2`, `INIT-000001, INIT-000002`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return shown_number(value)
    if isinstance(value, dict):
        return short("; ".join(f"{name}: {in_words(part)}" for name, part in value.items()), LONGEST)
    if isinstance(value, list):
        pairs = all(isinstance(part, list) and len(part) == 2 for part in value)  # what leads to what, as in a chain
        parts = (" → ".join(map(in_words, part)) if pairs else in_words(part) for part in value)
        return short(", ".join(parts), LONGEST)
    return short(_moment(value), LONGEST)


def _moment(value: Any) -> Any:
    """A stored moment as every page writes moments; anything else as it is."""
    moment = parse_datetime(value) if isinstance(value, str) and _MOMENT.match(value) else None
    return f"{moment:%-d %b %Y %H:%M}" if moment else value


def _way_back(change: RecordChange, field: str) -> SafeString:
    address = reverse("admin:take_back_value", args=(change.pk, field))
    return format_html('<a href="{}" aria-label="Take {} back">Take back</a>', address, shown_field(field))


def _listed(lines: Iterable[tuple[str, SafeString | str]]) -> SafeString:
    return format_html('<dl class="desk-values">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", lines))


def _tells(change: RecordChange, field: str) -> bool:
    """Whether a field of a change says something: neither a blank of a new record nor which record it hangs on."""
    blank = change.fields[field][1] in (None, "", False, [], {})
    return not field.endswith("_id") and not (change.created and blank)


def conflicts(request: HttpRequest, record: models.Model) -> SafeString | str:
    """Values of this record that were changed on both sides."""
    found = Conflict.objects.filter(model=type(record)._meta.label, object_id=record.pk).select_related("workbook")
    rows = [
        (
            link(reverse("admin:sheetsync_conflict_change", args=(conflict.pk,)), conflict.column),
            in_words(conflict.base_value),
            in_words(conflict.kept_value),
            in_words(conflict.lost_value),
            conflict.status,
            f"{conflict.workbook} / {conflict.tab}",
        )
        for conflict in found[:ROWS_SHOWN]
    ]
    return table(("Field", "Last agreed on", "Stands", "Gave way", "Status", "Where"), rows, nothing="")


def in_sheets(request: HttpRequest, record: models.Model) -> SafeString | str:
    """Each row that shows this record, with what it was told last, and a way there."""
    if is_limited(request):
        return ""
    key = str(getattr(record, "initiative_key", "")).casefold()
    if not key:
        return ""
    # By workbook and tab as well, so that the one index of row states is used.
    tabs = TabState.objects.filter(workbook__is_active=True).values_list("workbook_id", "tab")
    books, titles = {book for book, _tab in tabs}, {tab for _book, tab in tabs}
    states = RowState.objects.filter(workbook_id__in=books, tab__in=titles, row_key=key, is_present=True)
    rows = [
        (
            state.workbook,
            state.tab,
            state.verdict or "OK",
            link(reverse("admin:sheet_row", args=(state.workbook_id, state.tab, key)), "Go to the row"),
        )
        for state in states.select_related("workbook").order_by("workbook", "tab")[:ROWS_SHOWN]
    ]
    return table(("Workbook", "Tab", "Said last", "There"), rows, nothing="")


def changes_of(record: models.Model) -> QuerySet[RecordChange]:
    """Changes of the record and of what hangs on it one to one, the newest first."""
    mine = Q()
    for each in (record, *_hanging_on(record)):
        mine |= Q(model=type(each)._meta.label, object_id=each.pk)
    return RecordChange.objects.filter(mine).select_related("run", "workbook").order_by("-pk")


def _hanging_on(record: models.Model) -> Iterator[models.Model]:
    for relation in record._meta.related_objects:
        if isinstance(relation, models.OneToOneRel):
            try:
                yield getattr(record, relation.get_accessor_name() or relation.name)
            except ObjectDoesNotExist:
                continue


def shown_field(field: str) -> str:
    """A field's name for people."""
    return field.removesuffix("_id").removesuffix("_json").replace("_", " ")


def _told(change: RecordChange, request: HttpRequest) -> tuple[Any, ...]:
    run = change.run
    where = (
        f"{change.workbook} / {change.tab}, row {change.row}"
        if change.workbook
        else "the admin"
        if _by_hand(run)
        else "-"
    )
    reason = run.payload.get("reason") if isinstance(run.payload, dict) else ""
    action = run.action if is_limited(request) else link(run_address(run), run.action)
    said = format_html("{} ({})", action, reason) if reason else action
    return said, run.requested_by, f"{run.created_at:%-d %b %Y %H:%M}", where


def _by_hand(run: ActionRun) -> bool:
    return run.came_from == "admin" and run.action.startswith("admin.")


def _diff(old: Any, new: Any, back: SafeString | str) -> SafeString:
    was, now = in_words(old), in_words(new)
    return format_html('<del>{}</del> <span aria-label="became">→</span> <ins>{}</ins> {}', was, now, back)
