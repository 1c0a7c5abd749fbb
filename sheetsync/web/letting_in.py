"""Who is let in: a request over the web must be signed by a workbook, fresh, and the first of its kind."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from sheetsync.models import RequestNonce, Workbook
from sheetsync.runs.actions import WrongUsage, find_workbook
from sheetsync.web.secrets import accepted_secrets
from sheetsync.web.signing import NONCE_KEPT_S, SignedRequest, form_flaw, is_in_time, is_signed

# One answer for a workbook that doesn't exist and for a wrong signature: neither tells anything about the other.
_NOT_SIGNED = "the request isn't signed by a workbook that is known here; check X-Workbook and the secret"
_NOBODYS_SECRET = "compared with for workbooks that have none, so that answers take as long"  # noqa: S105 - nobody's, as it says
RATE_WINDOW_S = 60


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """Why a request isn't answered."""

    status: int  # HTTP status
    text: str  # a sentence for whoever set the caller up


def let_in(request: HttpRequest, body: bytes) -> Workbook | Rejection:
    """The workbook that signed the request, whose nonce is used up by that; else why not."""
    signed = SignedRequest(
        method=request.method or "",
        path=request.path,
        timestamp=request.headers.get("X-Timestamp", ""),
        nonce=request.headers.get("X-Nonce", ""),
        body=body,
        signature=request.headers.get("X-Signature", ""),
    )
    if flaw := form_flaw(signed):
        return Rejection(status=401, text=flaw)
    workbook = _named(request.headers.get("X-Workbook", ""))
    secrets = accepted_secrets(workbook) if workbook is not None else []
    if not is_signed(signed, secrets or [_NOBODYS_SECRET]) or workbook is None or not secrets:
        return Rejection(status=401, text=_NOT_SIGNED)
    if not is_in_time(signed, timezone.now().timestamp()):
        return Rejection(status=401, text="X-Timestamp is more than 5 minutes off; set the clock and sign again")
    if not workbook.is_active:
        return Rejection(status=403, text="this workbook isn't active; ask whoever looks after the system")
    return _first_and_not_too_often(workbook, signed.nonce)


def _named(header: str) -> Workbook | None:
    """The workbook of that id, location or title."""
    try:
        return find_workbook(_as_text(header)) if header.strip() else None
    except WrongUsage:
        return None


def _as_text(header: str) -> str:
    """Headers come as Latin-1; whoever writes a title there means UTF-8."""
    try:
        return header.encode("latin-1").decode().strip()
    except UnicodeError:
        return header.strip()


def _first_and_not_too_often(workbook: Workbook, nonce: str) -> Workbook | Rejection:
    now = timezone.now()
    prune_nonces(workbook=workbook)
    since = now - datetime.timedelta(seconds=RATE_WINDOW_S)
    if RequestNonce.objects.filter(workbook=workbook, seen_at__gt=since).count() >= settings.API_REQUESTS_PER_MINUTE:
        text = f"more than {settings.API_REQUESTS_PER_MINUTE} requests in a minute; wait a minute and try again"
        return Rejection(status=429, text=text)
    try:
        with transaction.atomic():
            RequestNonce.objects.create(workbook=workbook, nonce=nonce, seen_at=now)
    except IntegrityError:
        return Rejection(status=401, text="X-Nonce was used before; sign each request with another one")
    return workbook


def prune_nonces(*, workbook: Workbook | None = None) -> int:
    """Forgets the nonces that no request in time could carry any more, of one workbook or of all; returns how many."""
    before = timezone.now() - datetime.timedelta(seconds=NONCE_KEPT_S)
    old = RequestNonce.objects.filter(seen_at__lt=before)
    gone, _by_model = (old.filter(workbook=workbook) if workbook else old).delete()
    return gone
