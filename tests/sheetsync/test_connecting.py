"""Connecting and completing workbooks: what is recognised, what is missing and is added, and that nothing else is touched."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command

from backlog.models import Initiative
from backlog.sheets import BACKLOG, INTAKE
from sheetsync.connecting import connect
from sheetsync.models import Workbook

pytestmark = pytest.mark.django_db


def told(*command: Any) -> str:
    out = io.StringIO()
    call_command(*map(str, command), stdout=out)
    return out.getvalue()


def list_of(place: Path, *rows: list[Any], title: str = "Liste", others: tuple[str, ...] = ()) -> Path:
    """A workbook that people made."""
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    for other in others:
        book.create_sheet(other)["A1"] = "Key"
    book.save(place)
    return place


def headers(place: Path, tab: str, row: int) -> list[Any]:
    return [cell.value for cell in openpyxl.load_workbook(place)[tab][row]]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    place = tmp_path / "plan.xlsx"
    told("init_workbook", "backlog", place)
    return place


def header_row(place: Path) -> int:
    sheet = openpyxl.load_workbook(place)["Backlog"]
    return 1 + [row[0].value for row in sheet.iter_rows()].index("initiative_key")


def test_completing_brings_back_tabs_and_columns_and_keeps_the_rest(plan: Path) -> None:
    book = openpyxl.load_workbook(plan)
    row = header_row(plan)
    place = headers(plan, "Backlog", row).index("market") + 1
    book["Backlog"].delete_cols(place)
    book["Backlog"].cell(row + 1, 1, "INIT-000001")
    del book["Run_Log"]
    book.create_sheet("Mine")["A1"] = "=1+1"
    book.save(plan)
    before = headers(plan, "Backlog", row)
    said = told("init_workbook", "backlog", plan)
    assert "Added Run_Log to plan.xlsx." in said
    assert "Backlog: added market." in said
    assert headers(plan, "Backlog", row) == [*before, "market"], "a column that comes back stands at the right end"
    book = openpyxl.load_workbook(plan)
    assert (book["Backlog"].cell(row + 1, 1).value, book["Mine"]["A1"].value) == ("INIT-000001", "=1+1")


def test_a_complete_workbook_is_left_as_it_is(plan: Path) -> None:
    before = plan.read_bytes()
    assert "Backlog was there already and stays as it is." in told("init_workbook", "backlog", plan)
    assert plan.read_bytes() == before


def test_completing_a_list_that_people_made_adds_no_second_intake_tab(tmp_path: Path) -> None:
    place = list_of(tmp_path / "a.xlsx", ["Our ideas"], ["Key", "Title", "Budget"], [None, "Faster search", 3])
    told("init_workbook", "intake", place)
    assert openpyxl.load_workbook(place).sheetnames == ["Liste", "Control", "Run_Log"]
    absent = [column.name for column in INTAKE.columns if column.name not in ("initiative_key", "title")]
    assert headers(place, "Liste", 2) == ["Key", "Title", "Budget", *absent]


def test_add_columns_adds_every_missing_column_also_where_a_required_one_is_missing(tmp_path: Path) -> None:
    place = list_of(tmp_path / "a.xlsx", ["Title", "Country"], ["Faster search", "UK"])
    assert "has no header for initiative_key" in told("connect", "intake", place)
    told("connect", "intake", place, "--add-columns")
    absent = [column.name for column in INTAKE.columns if column.name not in ("title", "country")]
    assert headers(place, "Liste", 1) == ["Title", "Country", *absent]
    told("action", "pm.backlog_sync")
    assert Initiative.objects.get().title == "Faster search"


@pytest.mark.parametrize(
    ("others", "options", "grows"), [((), (), True), (("L2",), (), False), (("L2",), ("--tab", "liste"), True)]
)
def test_one_known_header_is_a_header_row_only_where_the_tab_is_meant(
    tmp_path: Path, others: tuple[str, ...], options: tuple[str, ...], grows: bool
) -> None:
    place = list_of(tmp_path / "a.xlsx", ["Title", "Budget"], ["Faster search", 3], others=others)
    told("connect", "intake", place, "--add-columns", *options)
    assert ("initiative_key" in headers(place, "Liste", 1)) is grows
    assert all(headers(place, other, 1) == ["Key"] for other in others)


def test_a_tab_may_be_named_in_any_case(tmp_path: Path) -> None:
    place = list_of(tmp_path / "a.xlsx", ["Key", "Title"], [None, "Faster search"])
    assert connect("intake", str(place), tab="liste ").workbook.tab == "Liste"


def test_a_workbook_that_takes_another_role_is_told(plan: Path) -> None:
    told("connect", "intake", plan)
    assert "it was connected as intake before" in told("connect", "backlog", plan)
    assert "before" not in told("connect", "backlog", plan)
    assert Workbook.objects.get().role == BACKLOG.role
