"""The audit log: what people did that leaves no run, and what of it an auditor asks for first."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from sheetsync.access.people import AuditEntry


def note(request: HttpRequest | None, event: AuditEntry.Event, text: str = "", *, run_id: str = "") -> None:
    """Remembers what the person who asks did."""
    user: Any = getattr(request, "user", None)
    known = user if user is not None and user.is_authenticated else None
    _keep(request, event, known, known.get_username() if known else "", text, run_id)


def address_of(request: HttpRequest | None) -> str:
    """Where a request came from: what the outermost of our own proxies says, else whom the web server sees."""
    if request is None:
        return ""
    seen = str(request.META.get("REMOTE_ADDR", ""))
    passed_on = [part.strip() for part in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",") if part.strip()]
    proxies = settings.PROXIES
    return (passed_on[-proxies] if 0 < proxies <= len(passed_on) else seen)[:64]


def _keep(
    request: HttpRequest | None, event: AuditEntry.Event, user: Any, username: str, text: str, run_id: str = ""
) -> None:
    AuditEntry.objects.create(
        event=event, user=user, username=username[:200], address=address_of(request), text=text, run_id=run_id
    )


def listen() -> None:
    """Hears of sign-ins; called once, when the app is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="sheetsync.access.audit.signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="sheetsync.access.audit.signed_out")
    user_login_failed.connect(_refused, dispatch_uid="sheetsync.access.audit.refused")


def _signed_in(request: HttpRequest | None = None, user: Any = None, **_more: Any) -> None:
    _keep(request, AuditEntry.Event.SIGNED_IN, user, user.get_username(), "")


def _signed_out(request: HttpRequest | None = None, user: Any = None, **_more: Any) -> None:
    if user is not None:
        _keep(request, AuditEntry.Event.SIGNED_OUT, user, user.get_username(), "")


def _refused(credentials: Any = None, request: HttpRequest | None = None, **_more: Any) -> None:
    if "nonce" in (credentials or {}):
        return  # an identity provider's answer, which is told where it is taken
    _keep(
        request, AuditEntry.Event.REFUSED, None, str((credentials or {}).get("username", "")), "wrong name or password"
    )
