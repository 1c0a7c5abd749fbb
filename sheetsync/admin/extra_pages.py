"""Pages of the admin that belong to no single model. Apps register theirs in a module `panels.py`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from sheetsync.admin.panels import may_see


@dataclass(frozen=True, kw_only=True)
class ExtraPage:
    """A page below /admin/, inside the admin's frame and behind its login."""

    path: str  # "approvals", or "compare/<str:first>/<str:second>", which isn't listed in the sidebar
    name: str  # the page's address is reverse(f"admin:{name}")
    title: str
    section: str  # of the sidebar, by its title; a new one stands at the end; "" isn't listed
    icon: str = ""  # a name of Material Symbols
    permission: str = ""  # "app_label.codename" that a person needs; "" for everybody who is signed in
    in_scope: bool = False  # it keeps to `within_scope`, so that a person who is limited to departments may open it
    view: Callable[..., HttpResponse]  # (request, what the path captures)

    @property
    def is_listed(self) -> bool:
        """Whether the sidebar can lead there."""
        return bool(self.section) and "<" not in self.path


_pages: dict[str, ExtraPage] = {}


def register_page(page: ExtraPage) -> None:
    """Serves the page. Raises ValueError when there is one of that name."""
    if page.name in _pages:
        raise ValueError(f"there is a page {page.name!r} already")
    _pages[page.name] = page


def extra_pages() -> list[ExtraPage]:
    """All pages, in the order of registration."""
    return list(_pages.values())


def urls() -> list[URLPattern]:
    """Their addresses, for the admin site."""
    return [path(f"{page.path}/", admin.site.admin_view(_guarded(page)), name=page.name) for page in extra_pages()]


def _guarded(page: ExtraPage) -> Callable[..., HttpResponse]:
    @functools.wraps(page.view)
    def guarded(request: HttpRequest, **captured: Any) -> HttpResponse:
        if not may_see(request, page.permission, in_scope=page.in_scope):
            raise PermissionDenied
        return page.view(request, **captured)

    return guarded


def render_page(
    request: HttpRequest, title: str, body: SafeString, *, subtitle: str = "", status: int = 200
) -> TemplateResponse:
    """A page with the admin's frame around `body`. `subtitle` is a sentence that says what the page is for."""
    context = {**admin.site.each_context(request), "title": title, "lead": subtitle, "body": body}
    return TemplateResponse(request, "admin/sheetsync/page.html", context, status=status)


def navigation(request: HttpRequest, declared: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The sidebar: what is declared, and each listed page at the end of its section."""
    sections = [{**section, "items": list(section["items"])} for section in declared]
    by_title = {section["title"]: section for section in sections}
    for page in extra_pages():
        if not page.is_listed:
            continue
        if page.section not in by_title:
            by_title[page.section] = {"title": page.section, "items": []}
            sections.append(by_title[page.section])
        by_title[page.section]["items"].append(_item(page))
    return sections


def _item(page: ExtraPage) -> dict[str, Any]:
    return {
        "title": page.title,
        "icon": page.icon,
        "link": reverse(f"admin:{page.name}"),
        "permission": lambda request: may_see(request, page.permission, in_scope=page.in_scope),
    }
