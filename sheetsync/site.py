"""The admin site: django-unfold's look, the pages that apps register, a sidebar in users' words, a search by key and title."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.admin import ModelAdmin
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, reverse
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

FOUND_PER_MODEL = 8
FOUND_IN_ALL = 40


class DeskSite(UnfoldAdminSite):  # type: ignore[misc]
    """Serves registered pages beside those of the models, and lists them in the sidebar."""

    login_template = "admin/login_page.html"

    def extra_urls(self) -> list[URLPattern | URLResolver]:
        """Addresses of registered pages; the site calls this while it makes its own."""
        from sheetsync.admin import extra_pages

        return [*extra_pages.urls()]

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The declared sidebar with registered pages; a section in which a person may see nothing is left out."""
        sections: list[dict[str, Any]] = super().get_sidebar_list(request)
        return [section for section in sections if any(item["has_permission"] for item in section["items"])]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Signing in; with a way to the company's identity provider where there is one."""
        context = {
            **(extra_context or {}),
            "sign_on_name": settings.OIDC_PROVIDER_NAME if settings.OIDC_ISSUER else "",
            "was_refused": "refused" in request.GET,
        }
        response: HttpResponse = super().login(request, context)
        return response

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The search of every page: records whose key, title or name has the words, of the models that say `in_search`."""
        from sheetsync.admin.searching import LONGEST

        began = time.monotonic()
        words = request.GET.get("s", "").strip()
        if not words:
            return HttpResponse()
        found = [] if len(words) > LONGEST or "\0" in words else list(self._found(request, words))
        page = Paginator(found[:FOUND_IN_ALL], FOUND_IN_ALL)
        context = {
            "search_term": words[:LONGEST],
            "page_obj": page,
            "results": page.page(1),
            "page_counter": 0,
            "execution_time": time.monotonic() - began,
            "command_show_history": False,
        }
        return TemplateResponse(
            request, "unfold/helpers/command_results.html", context, headers={"HX-Trigger": "search"}
        )

    def _found(self, request: HttpRequest, words: str) -> Iterator[SearchResult]:
        for model, page in self._registry.items():
            if not getattr(page, "in_search", False) or not page.has_view_permission(request):
                continue
            matching, _doubles = page.get_search_results(request, page.get_queryset(request), words)
            related = page.get_list_select_related(request)
            for record in (matching.select_related(*related) if isinstance(related, tuple) else matching)[
                :FOUND_PER_MODEL
            ]:
                yield SearchResult(
                    title=str(record),
                    description=str(model._meta.verbose_name).capitalize(),
                    link=record_address(record),
                    icon="data_object",
                )


def record_address(record: models.Model) -> str:
    """The page of a record."""
    return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=(record.pk,))


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """UNFOLD's SIDEBAR navigation: `settings.SIDEBAR`, and the pages that apps register."""
    from sheetsync.admin import extra_pages

    declared = [
        {"title": title, "items": [_item(*entry) for entry in entries]} for title, entries in settings.SIDEBAR.items()
    ]
    return extra_pages.navigation(request, [{"title": "", "items": [_home()]}, *declared])


def _home() -> dict[str, Any]:
    return {"title": "Dashboard", "icon": "dashboard", "link": reverse("admin:index")}


def _item(title: str, icon: str, label: str) -> dict[str, Any]:
    model = apps.get_model(label)
    return {
        "title": title,
        "icon": icon,
        "link": reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"),
        "permission": lambda request: _page_of(model).has_view_permission(request),
    }


def _page_of(model: type[models.Model]) -> ModelAdmin[Any]:
    from django.contrib import admin

    return admin.site.get_model_admin(model)
