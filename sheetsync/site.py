"""The admin site: the look of django-unfold, with the pages that apps register."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver
from unfold.sites import UnfoldAdminSite


class DeskSite(UnfoldAdminSite):  # type: ignore[misc]
    """Serves registered pages beside those of the models, and lists them in the sidebar."""

    def extra_urls(self) -> list[URLPattern | URLResolver]:
        """Addresses of registered pages; the site calls this while it makes its own."""
        from sheetsync.admin import extra_pages

        return [*extra_pages.urls()]

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The declared sidebar with registered pages; a section in which a person may see nothing is left out."""
        sections: list[dict[str, Any]] = super().get_sidebar_list(request)
        return [section for section in sections if any(item["has_permission"] for item in section["items"])]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """UNFOLD's SIDEBAR navigation: `settings.SIDEBAR`, and the pages that apps register."""
    from sheetsync.admin import extra_pages

    return extra_pages.navigation(request, settings.SIDEBAR)
