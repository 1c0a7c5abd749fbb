"""The secret with which a workbook signs its requests: one per workbook, printed once, stored nowhere.

It is made of a random salt, which is stored, and SECRET_KEY, which isn't: a copy of the database alone lets nobody in.
Another salt is another secret; the old one is worthless from then on.
"""

from __future__ import annotations

import base64
import secrets

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from sheetsync.models import Workbook, WorkbookSecret


def make_secret(workbook: Workbook) -> str:
    """Gives the workbook a new secret, in the place of any earlier one, and returns it: it can't be had again."""
    salt = secrets.token_urlsafe(24)
    WorkbookSecret.objects.update_or_create(workbook=workbook, defaults={"salt": salt, "made_at": timezone.now()})
    return _derived(workbook.pk, salt, settings.SECRET_KEY)


def has_secret(workbook: Workbook) -> bool:
    """Whether one was made."""
    return WorkbookSecret.objects.filter(workbook=workbook).exists()


def accepted_secrets(workbook: Workbook) -> list[str]:
    """The workbook's secret, under SECRET_KEY and under those that it replaced; none when none was made."""
    stored = WorkbookSecret.objects.filter(workbook=workbook).first()
    if stored is None:
        return []
    return [_derived(workbook.pk, stored.salt, key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _derived(workbook_id: int, salt: str, key: str) -> str:
    made = salted_hmac("sheetsync.workbook_secret", f"{workbook_id}:{salt}", secret=key, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")
