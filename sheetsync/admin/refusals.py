"""What a person reads where a page isn't theirs to see, or isn't there: in the admin's frame, with a way on."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.views import defaults

from sheetsync.admin.extra_pages import render_page
from sheetsync.admin.links import link


def not_yours(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403. Who asks which role they need is told which ones they have."""
    if not _is_inside(request):
        return defaults.permission_denied(request, exception)
    roles = ", ".join(request.user.groups.order_by("name").values_list("name", flat=True)) or "none"
    words = "Your roles: {}. An operator gives roles; records may also be kept to other departments than yours."
    return _page(request, "This isn't yours to see", format_html(words, roles), status=403)


def not_there(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    if not _is_inside(request):
        return defaults.page_not_found(request, exception)
    words = "The address is mistyped, or what stood here was deleted. Ctrl+K finds records by key, title or name."
    return _page(request, "There is no such page", words, status=404)


def _page(request: HttpRequest, title: str, words: str, *, status: int) -> HttpResponse:
    way_on = link(reverse("admin:index"), "To the dashboard")
    response = render_page(request, title, format_html("<p>{}</p><p>{}</p>", words, way_on), status=status)
    return response.render()


def _is_inside(request: HttpRequest) -> bool:
    """Whether the frame can be shown: to somebody who is signed in."""
    return hasattr(request, "user") and admin.site.has_permission(request)
