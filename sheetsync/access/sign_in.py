"""Signing in: after too many wrong passwords there is a pause, for the name and for the place they came from."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from unfold.forms import AuthenticationForm

from sheetsync.access.audit import address_of
from sheetsync.access.people import AuditEntry


class SignInForm(AuthenticationForm):  # type: ignore[misc]
    """Django's form, which looks at the audit log first."""

    def clean(self) -> Any:
        """Raises ValidationError while there is a pause; the password isn't even looked at then."""
        if is_paused(self.request, str(self.cleaned_data.get("username") or "")):
            raise forms.ValidationError(
                f"Too many wrong attempts. Wait {settings.SIGN_IN_PAUSE_MINUTES} minutes, or ask an operator for a new password.",
                code="paused",
            )
        return super().clean()


def is_paused(request: HttpRequest, username: str) -> bool:
    """Whether so many sign-ins failed lately that the next isn't tried."""
    since = timezone.now() - datetime.timedelta(minutes=settings.SIGN_IN_PAUSE_MINUTES)
    failed = AuditEntry.objects.filter(event=AuditEntry.Event.REFUSED, at__gte=since)
    allowed = settings.SIGN_IN_ATTEMPTS
    address = address_of(request)
    # A name from one place; and many names from one place, at ten times as many attempts: an office shares an address.
    if failed.filter(username=username[:200], address=address).count() >= allowed:
        return True
    return bool(failed.filter(address=address).count() >= 10 * allowed)
