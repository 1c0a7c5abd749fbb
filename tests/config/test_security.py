"""What browsers are told about these pages, and whose address is believed."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as project
from django.test import Client, RequestFactory

from sheetsync.access.audit import address_of

pytestmark = pytest.mark.django_db


def test_pages_may_load_nothing_from_elsewhere() -> None:
    policy = Client().get("/admin/login/")["Content-Security-Policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'self'"
    assert parts["script-src"] == "'self' 'unsafe-eval'"
    assert parts["object-src"] == "'none'"
    assert "http" not in policy


def test_a_session_ends_after_half_a_day_and_its_cookie_is_out_of_scripts_reach() -> None:
    assert project.SESSION_COOKIE_AGE == 12 * 3600
    assert project.SESSION_COOKIE_HTTPONLY
    assert project.SESSION_COOKIE_SAMESITE == "Lax"


@pytest.mark.parametrize(
    ("proxies", "passed_on", "believed"),
    [
        (0, "6.6.6.6", "10.0.0.1"),
        (1, "6.6.6.6, 10.0.0.9", "10.0.0.9"),
        (2, "6.6.6.6, 10.0.0.9, 10.0.0.2", "10.0.0.9"),
        (2, "10.0.0.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
    ],
)
def test_an_address_is_believed_as_far_as_our_own_proxies_say_it(
    settings: Any, proxies: int, passed_on: str, believed: str
) -> None:
    settings.PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=passed_on)
    assert address_of(request) == believed
