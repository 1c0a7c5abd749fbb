"""Files that are too large for an import: handed in for real, and answered in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sheetsync.admin.uploads import MEGABYTE
from tests.admin_pages import initiative

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/admin/backlog/initiative/import/"


def hand_in(page: Page, file: Path) -> None:
    page.goto(ADDRESS)
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Show what would change").click()


def test_a_file_of_a_hundred_megabytes_is_refused_in_words(page: Page, signed_in: Any, tmp_path: Path) -> None:
    signed_in("analyst", "ada")
    file = tmp_path / "everything.csv"
    with file.open("wb") as out:
        out.truncate(100 * MEGABYTE)  # holes: nothing is written to the disk
    hand_in(page, file)
    expect(page.get_by_text("At most 20 MB.")).to_be_visible()
    expect(
        page.get_by_text("The file has 100.0 MB; at most 20 MB are read. Hand it in in several parts.")
    ).to_be_visible()
    expect(page.locator("input[type=file]")).to_be_visible()  # the next one can be chosen at once


def test_a_file_just_within_the_limit_is_read(page: Page, signed_in: Any, tmp_path: Path, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = MEGABYTE
    initiative(1)
    signed_in("analyst", "ada")
    file = tmp_path / "estimates.csv"
    file.write_bytes(_exactly(MEGABYTE))
    hand_in(page, file)
    expect(page.get_by_role("button", name="Import it")).to_be_visible()
    file.write_bytes(_exactly(MEGABYTE + 1))
    hand_in(page, file)
    expect(page.get_by_text("The file has 1.1 MB; at most 1 MB are read.")).to_be_visible()


def _exactly(size: int) -> bytes:
    """A row with tokens, and notes of its own that fill the file."""
    head, notes = b"Key,Tokens,a,b,c,d,e,f\nINIT-000001,40", b",".ljust(180_000, b"x") * 6
    return (head + notes)[: size - 1] + b"\n"
