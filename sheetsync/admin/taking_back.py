"""One field of a record back to what it was before a change; an edit like any other, with a reason."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404

from sheetsync.admin.base import note_override, signed_in
from sheetsync.admin.confirm import ask, confirmed
from sheetsync.admin.edits import decoded, edited_here, plan_edit
from sheetsync.admin.plans import short
from sheetsync.admin.recording import EDIT, AdminRun
from sheetsync.models import RecordChange
from sheetsync.site import record_address
from sheetsync.storage import plain


def take_back_value(request: HttpRequest, change: int, field: str) -> HttpResponse:
    """Asks, then sets the field to what it held before that change."""
    past = get_object_or_404(RecordChange.objects.select_related("run"), pk=change)
    if field not in past.fields:
        raise Http404
    model = apps.get_model(past.model)
    page = admin.site.get_model_admin(model)
    record = get_object_or_404(page.get_queryset(request), pk=past.object_id)
    if not page.has_change_permission(request, record) or not edited_here(model, field):
        raise PermissionDenied
    back = f"{record_address(record)}#panel-history"
    old, now = past.fields[field][0], plain(getattr(record, field))
    if now == old:
        messages.info(request, f"{field} holds {short(old)} already.")
        return HttpResponseRedirect(back)
    if not confirmed(request):
        return ask(
            page,
            request,
            title=f"Take {field} back to {short(old)}?",
            text=f"{field} of {past.row_key} holds {short(now)} now. {_who_and_when(past)}; the next sync shows it in the sheets.",
            button="Take it back",
            back=back,
        )
    refused, notices = _set(request, model, record.pk, field, old, now, past)
    for text in notices:
        messages.warning(request, text)
    if refused:
        messages.error(request, refused)
    else:
        messages.success(request, f"{field} holds {short(old)} again; the next sync shows it in the sheets.")
    return HttpResponseRedirect(back)


def _who_and_when(past: RecordChange) -> str:
    who = past.run.requested_by or "somebody"
    return f"It goes back to what it was before {who} changed it on {past.run.created_at:%-d %b %Y at %H:%M}"


def _set(
    request: HttpRequest, model: type[models.Model], pk: int, field: str, old: Any, seen: Any, past: RecordChange
) -> tuple[str, list[str]]:
    """Why it wasn't set ("" when it was), and what else came of it."""
    with transaction.atomic():
        record = model._default_manager.select_for_update().get(pk=pk)
        if plain(getattr(record, field)) != seen:
            return f"{field} was changed in this moment; nothing was taken back. Look again.", []
        try:
            value = decoded(record, field, old)
        except ValidationError as error:
            return f"{field}: {short(old)} isn't accepted any more. {' '.join(error.messages)}", []
        reason = f"taken back to before {past.run.run_id}"
        edit = plan_edit(record, {field: value}, AdminRun(EDIT, signed_in(request), reason))
        if edit.refused:
            return "; ".join(edit.refused.values()), []
        run = edit.save()
        if run is not None:
            note_override(request, edit, run)
    return "", edit.notices
