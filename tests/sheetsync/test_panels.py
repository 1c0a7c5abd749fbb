"""Panels, cards and pages that apps register: shown in order, to those who may see them, inside the admin's frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import clear_url_caches, path
from django.utils.safestring import mark_safe

from config import urls
from sheetsync.admin import extra_pages, panels
from sheetsync.admin.extra_pages import ExtraPage, register_page, render_page
from sheetsync.admin.panels import Card, Panel, register_card, register_panel
from tests.admin_pages import admin_client, change_url, client_with, initiative, workbook

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_else_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "_panels", {})
    monkeypatch.setattr(panels, "_cards", {})
    monkeypatch.setattr(extra_pages, "_pages", {})


@pytest.fixture
def ada() -> Client:
    return admin_client()


def page(client: Client, url: str) -> str:
    return client.get(url).content.decode()


def panel(name: str, order: int = 1, **more: Any) -> Panel:
    given = {"title": name.title(), "model": "backlog.Initiative", "render": lambda request, record: f"{name} {record}"}
    return Panel(name=name, order=order, **{**given, **more})


# ---- panels ----------------------------------------------------------------------------------------------------------------------------


def test_panels_stand_on_the_page_of_their_model_in_order(ada: Client) -> None:
    register_panel(panel("second", order=2))
    register_panel(panel("first", order=1))
    register_panel(panel("elsewhere", model="sheetsync.Workbook"))
    html = page(ada, change_url(initiative()))
    assert html.index('id="panel-first"') < html.index('id="panel-second"')
    assert "panel-elsewhere" not in html
    assert "panel-elsewhere" in page(ada, change_url(workbook()))


def test_a_panel_with_nothing_to_say_is_left_out(ada: Client) -> None:
    register_panel(panel("empty", render=lambda request, record: ""))
    assert "panel-empty" not in page(ada, change_url(initiative()))


def test_a_panel_is_shown_to_those_with_its_permission() -> None:
    register_panel(panel("runs", permission="optimization.view_optimizationrun"))
    owner = initiative()
    assert "panel-runs" not in page(client_with("view_initiative"), change_url(owner))
    User.objects.all().delete()
    assert "panel-runs" in page(client_with("view_initiative", "view_optimizationrun"), change_url(owner))


def test_what_a_panel_gives_as_text_is_no_markup(ada: Client) -> None:
    register_panel(panel("text", render=lambda request, record: "<b>bold</b>"))
    register_panel(panel("html", render=lambda request, record: mark_safe("<i>slanted</i>")))
    html = page(ada, change_url(initiative()))
    assert "&lt;b&gt;bold" in html
    assert "<i>slanted</i>" in html


def test_a_model_has_one_panel_of_a_name() -> None:
    register_panel(panel("runs"))
    register_panel(panel("runs", model="sheetsync.Workbook"))
    with pytest.raises(ValueError, match="has a panel 'runs' already"):
        register_panel(panel("runs"))


# ---- cards -----------------------------------------------------------------------------------------------------------------------------


def test_the_dashboard_shows_the_cards_that_the_person_may_see_in_order() -> None:
    register_card(Card(name="b", title="Second", order=2, render=lambda request: "two"))
    register_card(Card(name="a", title="First", order=1, render=lambda request: "one"))
    register_card(Card(name="c", title="Secret", order=3, permission="auth.view_user", render=lambda request: "three"))
    html = page(client_with(), "/admin/")
    assert html.index("First") < html.index("Second")
    assert "Secret" not in html


def test_somebody_without_a_card_is_told_whom_to_ask() -> None:
    assert "Ask an operator" in page(client_with(), "/admin/")


# ---- pages -----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is registered in the test is served; addresses are made once, before."""
    register_page(page_of("approvals", section="Models"))
    register_page(page_of("secret", section="Elsewhere", permission="auth.view_user"))
    register_page(page_of("compare", path="compare/<str:first>"))
    monkeypatch.setattr(urls, "urlpatterns", [path("admin/", urls.admin.site.urls), *urls.urlpatterns[1:]])
    clear_url_caches()
    yield
    monkeypatch.undo()
    clear_url_caches()


def page_of(name: str, **more: Any) -> ExtraPage:
    def view(request: HttpRequest, **captured: str) -> HttpResponse:
        return render_page(request, name.title(), mark_safe(f"<p>body {captured}</p>"), subtitle="What it is for.")

    return ExtraPage(**{"path": name, "name": name, "title": name.title(), "section": "", "view": view, **more})


@pytest.mark.usefixtures("served")
def test_a_page_stands_in_the_admins_frame_and_its_sidebar(ada: Client) -> None:
    html = page(ada, "/admin/approvals/")
    assert "<p>body {}</p>" in html
    assert "What it is for." in html
    assert 'href="/admin/secret/"' in html
    assert 'id="nav-sidebar' in html


@pytest.mark.usefixtures("served")
def test_a_page_is_behind_the_login() -> None:
    response = Client().get("/admin/approvals/")
    assert (response.status_code, response["Location"]) == (302, "/admin/login/?next=/admin/approvals/")


@pytest.mark.usefixtures("served")
def test_a_page_is_refused_without_its_permission_and_the_sidebar_leaves_its_section_out() -> None:
    bo = client_with()
    assert bo.get("/admin/secret/").status_code == 403
    html = page(bo, "/admin/approvals/")
    assert "/admin/secret/" not in html
    assert "Elsewhere" not in html


@pytest.mark.usefixtures("served")
def test_a_page_is_given_what_its_path_captures_and_isnt_listed(ada: Client) -> None:
    assert "body {'first': 'x'}" in page(ada, "/admin/compare/x/")
    assert 'href="/admin/compare' not in page(ada, "/admin/approvals/")


def test_the_sidebar_keeps_what_is_declared_and_adds_pages_to_their_sections() -> None:
    register_page(page_of("approvals", section="Models"))
    declared = [{"title": "Models", "items": [{"title": "Math models"}]}]
    request = RequestFactory().get("/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extra_pages, "reverse", lambda name: f"/{name}/")
        (section,) = extra_pages.navigation(request, declared)
    assert [item["title"] for item in section["items"]] == ["Math models", "Approvals"]
    assert declared == [{"title": "Models", "items": [{"title": "Math models"}]}]


def test_there_is_one_page_of_a_name() -> None:
    register_page(page_of("approvals"))
    with pytest.raises(ValueError, match="there is a page 'approvals' already"):
        register_page(page_of("approvals"))
