"""The pages in a browser: people sign in, find their way, and see the same by day and by night."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import person

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_person_signs_in_and_lands_on_the_first_page(page: Page) -> None:
    person("superuser", "ada", password="a long enough word")
    page.goto("/admin/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("a long enough word")
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile(r"/admin/$"))
    expect(page.get_by_role("link", name="Backlog").first).to_be_visible()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_the_first_page_is_accessible(page: Page, signed_in: Any, accessible: Any) -> None:
    signed_in("superuser")
    page.goto("/admin/")
    accessible()
