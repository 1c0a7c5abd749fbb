"""A page that asks before something is done that can't simply be pressed away, and one that says why it can't be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse


@dataclass(frozen=True, kw_only=True)
class Other:
    """A second thing that may be answered; its button posts its name."""

    name: str
    label: str


def confirmed(request: HttpRequest) -> bool:
    """Whether the person has confirmed."""
    return request.method == "POST" and request.POST.get("confirm") == "yes"


def ask(
    page: Any,
    request: HttpRequest,
    *,
    title: str,
    text: str,
    button: str,
    back: str,
    details: Any = "",
    other: Other | None = None,
) -> HttpResponse:
    """The page with the question; its button posts `confirm=yes` to the same address.

    `other` is a second button beside it. `text` says what will happen, `details` (safe HTML) to what, `back` is where "no" leads.
    """
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": title,
        "text": text,
        "details": details,
        "button": button,
        "other": other,
        "back": back,
    }
    return TemplateResponse(request, "admin/sheetsync/confirm.html", context)


def say(page: Any, request: HttpRequest, *, title: str, text: str, back: str, details: Any = "") -> HttpResponse:
    """The page without a question: why what was asked for can't be done, and the way back."""
    return ask(page, request, title=title, text=text, button="", back=back, details=details)
