"""A browser on the running pages: `page`, `signed_in(role)`, `screenshot(name)`, `accessible()`.

A test fails when its pages log an error, raise one, or are answered with 500; with `SCREENSHOTS=1` (`make screenshots`) the pictures of
the docs are drawn anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect, sync_playwright

from tests.browser.chromium import QUIET, find

IMAGES = Path(settings.BASE_DIR) / "docs" / "images"
VIEWPORT = {"width": 1440, "height": 900}  # a laptop, wide enough for the sidebar
PATIENCE_MS = 10_000  # a busy machine is slow; what is wrong is wrong then as well
# What the law and most companies ask of a page.
_RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}

SignedIn = Callable[..., User]
Screenshot = Callable[..., None]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One chromium with a profile of its own for the whole folder. Playwright runs a loop in this thread that Django takes for its own."""
    given = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    path = find()
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            started = playwright.chromium.launch(executable_path=path, args=list(QUIET))
            expect.set_options(timeout=PATIENCE_MS)
            yield started
            started.close()
    finally:
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
        if given is not None:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = given


@pytest.fixture
def color_scheme() -> str:
    """light or dark; a test may parametrize it."""
    return "light"


@pytest.fixture
def context(browser: Browser, live_server: Any, color_scheme: Any) -> Iterator[BrowserContext]:
    """A person's browser: no cookies, an English locale, nothing that moves."""
    made = browser.new_context(
        base_url=live_server.url,
        viewport=VIEWPORT,  # type: ignore[arg-type]
        locale="en-GB",
        timezone_id="UTC",
        color_scheme=color_scheme,
        reduced_motion="reduce",
    )
    made.set_default_timeout(PATIENCE_MS)
    yield made
    made.close()


@pytest.fixture
def page_errors() -> list[str]:
    """What went wrong in the browser so far; a test that means it to may clear the list."""
    return []


@pytest.fixture
def page(context: BrowserContext, page_errors: list[str]) -> Iterator[Page]:
    """A tab of the browser; addresses are relative to the running server."""
    opened = context.new_page()
    opened.on("console", lambda message: page_errors.extend(_said(message)))
    opened.on("pageerror", lambda error: page_errors.append(f"{opened.url}: {error}"))
    opened.on("response", lambda response: page_errors.extend(_failed(response)))
    yield opened
    assert page_errors == []


def _said(message: ConsoleMessage) -> list[str]:
    return [f"{message.location.get('url', '')}: {message.text}"] if message.type == "error" else []


def _failed(response: Response) -> list[str]:
    return [f"{response.url}: {response.status}"] if response.status >= 500 else []


@pytest.fixture
def signed_in(context: BrowserContext, live_server: Any) -> SignedIn:
    """Signs a person in: `signed_in("analyst")` is a member of that group, `signed_in("superuser")` may do everything."""

    def sign_in(role: str, username: str = "") -> User:
        user = person(role, username)
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        context.clear_cookies()
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        return user

    return sign_in


def person(role: str, username: str = "", password: str | None = None) -> User:
    """Somebody of that role, made when there is nobody yet."""
    name = username or role
    found = User.objects.filter(username=name).first()
    if found is not None:
        return found
    if role == "superuser":
        return User.objects.create_superuser(name, password=password)
    made = User.objects.create_user(name, password=password, is_staff=True)
    made.groups.add(Group.objects.get(name__iexact=role))
    return made


@pytest.fixture
def screenshot(page: Page) -> Screenshot:
    """Draws `docs/images/<name>.png` when pictures are asked for; else sees to it that the picture is there."""

    def draw(name: str, *, of: str = "") -> None:
        path = IMAGES / f"{name}.png"
        if os.environ.get("SCREENSHOTS"):
            path.parent.mkdir(parents=True, exist_ok=True)
            target = page.locator(of).first if of else page
            target.screenshot(path=path, animations="disabled", caret="hide", scale="css")
        assert path.exists(), f"{path} isn't drawn yet: run make screenshots"

    return draw


@pytest.fixture
def accessible(page: Page) -> Callable[[], None]:
    """Fails the test for what keeps people from using the page: names, contrast, focus, tables without headers."""

    def check() -> None:
        found = Axe().run(page, options=_RULES).response["violations"]
        assert [_in_words(violation) for violation in found] == []

    return check


def _in_words(violation: Any) -> str:
    nodes = "; ".join(node["html"][:160] for node in violation["nodes"][:5])
    return f"{violation['id']} ({violation['help']}), {len(violation['nodes'])} times: {nodes}"
