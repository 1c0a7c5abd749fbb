"""What pages work out over all initiatives: with many of them kept for a while, until a stored record changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest

from sheetsync.access.scope import departments_of
from sheetsync.syncing.view import digest

KEPT_FOR_S = 600
MANY = 2_000  # records from which working out anew takes longer than a page may


def remembered[Found](
    request: HttpRequest,
    asked: Sequence[str],
    models: Sequence[Any],
    work_out: Callable[[], tuple[Found, int]],
) -> Found:
    """What `work_out` gives, with the number of records that it read: once for the same person's departments, the same
    `asked`, and the same last change of `models`, which keep history."""
    latest = [model.history.order_by("-history_id").values_list("history_id", flat=True).first() for model in models]
    name = str(connection.settings_dict["NAME"])
    key = f"worked-out-{digest([name, list(asked), departments_of(request), latest])}"
    kept: tuple[Found] | None = cache.get(key)
    if kept is not None:
        return kept[0]
    found, records = work_out()
    if records >= MANY:
        cache.set(key, (found,), KEPT_FOR_S)
    return found
