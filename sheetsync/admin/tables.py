"""Small tables on admin pages, in the admin's own look, and numbers in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

_WRITTEN_OUT, _TOO_LONG = 1e5, 1e15


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, nothing: str = "-") -> SafeString | str:
    """A table; `nothing` where it would have no rows. Cells are escaped unless they are safe already."""
    lines = [["-" if cell in (None, "") else cell for cell in row] for row in rows]
    if not lines:
        return nothing
    context = {"headers": list(headers), "rows": lines}
    return mark_safe(render_to_string("admin/sheetsync/table.html", context))  # noqa: S308 - the template escapes


def shown_number(value: float | str | None) -> str:
    """A number as people read it, with thousands apart and six digits that count; a text as it is; a dash for nothing.

    A large number is written out, to the unit.
    """
    if value is None or value == "":
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if _WRITTEN_OUT <= abs(value) < _TOO_LONG else f"{value:,.6g}"
