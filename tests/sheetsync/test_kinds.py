"""The same scenarios on every kind of workbook: in memory, in an .xlsx file, and in a Google spreadsheet over the wire."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from backlog.models import Initiative
from sheetsync.models import Conflict
from sheetsync.workbooks.memory import Formula
from sheetsync.workbooks.xlsx import XlsxWorkbook
from tests.sheetsync.loopback import LoopbackBook, running
from tests.sheetsync.world import SYNC, Sheet, World, edit_in_the_database, filled_world, initiative, key_of

pytestmark = pytest.mark.django_db

Desk = tuple[World, Sheet, Sheet]


class FileBook:
    """A file, with the handles that the in-memory twin has: people edit it in a spreadsheet program."""

    def __init__(self, tabs: dict[str, Sequence[Sequence[Any]]], *, folder: Path) -> None:
        self.path = folder / f"{len(list(folder.iterdir()))}.xlsx"
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in tabs.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(list(row))
        book.save(self.path)

    def values(self, title: str) -> list[list[Any]]:
        """What a tab shows."""
        return XlsxWorkbook(str(self.path)).read([title]).grids[title].rows

    def cell(self, title: str, row: int, column: int) -> Any:
        """What a cell holds."""
        return openpyxl.load_workbook(self.path)[title].cell(row + 1, column + 1).value

    def set_cell(self, title: str, row: int, column: int, value: Any) -> None:
        """Types into a cell."""
        book = openpyxl.load_workbook(self.path)
        cell = book[title].cell(row + 1, column + 1)
        cell.value = value.text if isinstance(value, Formula) else value
        if isinstance(value, str):
            cell.data_type = "s"
        book.save(self.path)

    def delete_row(self, title: str, row: int) -> None:
        """Deletes a row."""
        book = openpyxl.load_workbook(self.path)
        book[title].delete_rows(row + 1)
        book.save(self.path)

    def sort_rows(self, title: str, column: int, *, below: int, descending: bool = False) -> None:
        """Sorts the rows below a row."""
        book = openpyxl.load_workbook(self.path)
        sheet = book[title]
        rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=below + 2)]
        rows.sort(key=lambda row: str(row[column]), reverse=descending)
        for number, row in enumerate(rows, below + 2):
            for place, value in enumerate(row, 1):
                sheet.cell(number, place).value = value
        book.save(self.path)


class _Calm(random.Random):
    """Nothing goes wrong on the wire."""

    def random(self) -> float:
        return 1.0


@pytest.fixture(params=["memory", "file", "Google"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "memory":
        yield filled_world()
    elif request.param == "file":
        world = World({"folder": tmp_path}, make_book=FileBook, open_book=lambda book: XlsxWorkbook(str(book.path)))
        yield filled_world(world=world)
    else:
        with running() as loopback:

            def make(tabs: dict[str, Any]) -> LoopbackBook:
                return LoopbackBook(loopback, tabs, write_window_s=200.0, dice=_Calm())

            yield filled_world(world=World(make_book=make, open_book=LoopbackBook.opened))


def titles(backlog: Sheet) -> dict[Any, Any]:
    return {row["initiative_key"]: row["title"] for row in backlog.rows}


def test_what_departments_hand_in_gets_a_key_and_is_shown_and_a_sync_of_nothing_writes_nothing(desk: Desk) -> None:
    world, intake, backlog = desk
    assert [row["initiative_key"] for row in intake.rows] == [key_of(1), key_of(2), key_of(3)]
    assert titles(backlog) == {key_of(number): f"idea {number}" for number in (1, 2, 3)}
    assert world.sync().report.counts["cells_written"] == 0


def test_an_override_holds_until_it_is_emptied_and_what_gave_way_is_kept(desk: Desk) -> None:
    world, intake, backlog = desk
    backlog.type({"initiative_key": key_of(1)}, title="ours")
    world.sync()
    intake.type({"initiative_key": key_of(1)}, title="theirs")
    world.sync()
    assert (initiative(1).title, titles(backlog)[key_of(1)]) == ("ours", "ours")
    assert Conflict.objects.get().lost_value == "theirs"
    backlog.type({"initiative_key": key_of(1)}, title=None)
    world.sync()
    assert (initiative(1).title, titles(backlog)[key_of(1)]) == ("theirs", "theirs")


def test_rows_that_people_sort_between_two_syncs_keep_what_belongs_to_them(desk: Desk) -> None:
    world, intake, backlog = desk
    edit_in_the_database(2, market="EMEA")
    backlog.sort("title", descending=True)
    intake.sort("title", descending=True)
    backlog.type({"initiative_key": key_of(3)}, category="Growth")
    world.sync()
    shown = {row["initiative_key"]: (row["title"], row["market"], row["category"]) for row in backlog.rows}
    assert shown == {
        key_of(3): ("idea 3", None, "Growth"),
        key_of(2): ("idea 2", "EMEA", None),
        key_of(1): ("idea 1", None, None),
    }
    assert {row["initiative_key"]: row["title"] for row in intake.rows} == titles(backlog)


def test_twins_are_left_alone_until_one_of_them_goes(desk: Desk) -> None:
    world, _intake, backlog = desk
    place = backlog.add(initiative_key=key_of(1), title="a copy", market="UKI")
    world.sync()
    said = [row["run_status"] for row in backlog.rows if row["initiative_key"] == key_of(1)]
    assert all("has the same initiative_key" in text for text in said)
    assert (initiative(1).title, initiative(1).market) == ("idea 1", "")
    backlog.book.delete_row(backlog.title, place)
    world.sync()
    assert backlog.status(initiative_key=key_of(1)).startswith("OK")


def test_a_refused_cell_is_named_and_everything_else_goes_through(desk: Desk) -> None:
    world, _intake, backlog = desk
    backlog.type({"initiative_key": key_of(1)}, engineering_tokens="a few", market="UKI")
    backlog.type({"initiative_key": key_of(2)}, engineering_tokens="1,200")
    context = world.sync()
    assert context.report.status == "partial"
    assert '"a few" is not a number' in backlog.status(initiative_key=key_of(1))
    assert (initiative(1).market, initiative(1).engineering_tokens) == ("UKI", None)
    assert initiative(2).engineering_tokens == 1200


@pytest.mark.parametrize("text", ["=1+1", "+44 20", "-5 %", "@team"])
def test_text_that_looks_like_a_formula_is_text_in_the_sheet(desk: Desk, text: str) -> None:
    world, _intake, backlog = desk
    edit_in_the_database(1, risk_description=text)
    world.sync()
    assert backlog.row(initiative_key=key_of(1))["risk_description"] == text
    assert world.sync().report.counts["cells_written"] == 0
    assert initiative(1).risk_description == text


def test_a_formula_is_never_written_over(desk: Desk) -> None:
    world, _intake, backlog = desk
    place = backlog.place(initiative_key=key_of(1))
    backlog.type(place, risk_description=Formula("=B2", "idea 1"))
    world.sync()
    edit_in_the_database(1, risk_description="stored")
    world.sync()
    held = world.open(backlog.workbook).read([backlog.title], formulas=True)
    formulas = held.grids[backlog.title].formulas
    assert (place, backlog.columns["risk_description"]) in formulas


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(desk: Desk) -> None:
    world, _intake, backlog = desk
    edit_in_the_database(1, market="EMEA")
    before = backlog.rows
    plan = world.rehearse(SYNC).report.plan
    assert [(line["key"], line["to"]) for line in plan if line["column"] == "market"] == [(key_of(1), "EMEA")]
    assert backlog.rows == before


def test_an_undo_takes_back_what_nobody_changed_since(desk: Desk) -> None:
    world, _intake, backlog = desk
    for number in (1, 2):
        backlog.type({"initiative_key": key_of(number)}, market="EMEA")
    run = world.sync()
    backlog.type({"initiative_key": key_of(2)}, market="UKI")
    world.undo(run)
    shown = {row["initiative_key"]: row["market"] for row in backlog.rows}
    assert (shown[key_of(1)], shown[key_of(2)]) == (None, "UKI")
    assert initiative(1).market == ""


def test_rows_that_vanish_delete_nothing_and_come_back(desk: Desk) -> None:
    world, _intake, backlog = desk
    backlog.book.delete_row(backlog.title, backlog.place(initiative_key=key_of(2)))
    world.sync()
    assert Initiative.objects.count() == 3
    assert set(titles(backlog)) == {key_of(1), key_of(2), key_of(3)}
