"""A plan on its way into a workbook: what still holds is written, what moved is followed, what people typed is left."""

from __future__ import annotations

from typing import Any

import pytest

from sheetsync.syncing.headers import Header, find_header
from sheetsync.syncing.view import SheetRow, TabView, view_tab
from sheetsync.syncing.writing import Outcome, PlannedCell, PlannedRow, TabPlan, relocate, same_cell, write_plan
from sheetsync.tabs import Column, Kind, Owner, Role, Tab, feedback_columns
from sheetsync.workbooks.interface import WorkbookChanged, WorkbookUnavailable
from sheetsync.workbooks.memory import Cell, Fault, Formula, MemoryWorkbook
from tests.sheetsync.world import at_request

TOY = Tab(
    name="Toy",
    role=Role.BACKLOG,
    help="A toy.",
    identity=("key",),
    columns=(
        Column(name="key", owner=Owner.MIRROR, kind=Kind.KEY, help="The key.", required=True),
        Column(name="title", owner=Owner.ENTRY, help="A title."),
        Column(name="score", owner=Owner.MIRROR, kind=Kind.NUMBER, help="A score."),
        *feedback_columns(),
    ),
)
ROWS: list[list[Cell]] = [["key", "title", "score", "run_status"], ["K1", "one"], ["K2", "two"], ["K3", "three"]]
BOTH = pytest.mark.parametrize("versions", [True, False], ids=["like a file", "like a Google sheet"])


def workbook(*rows: list[Cell], versions: bool = True) -> MemoryWorkbook:
    return MemoryWorkbook({"Toy": [*ROWS, *rows]}, versions=versions)


def look(book: MemoryWorkbook) -> TabView:
    grid = book.read(["Toy"], formulas=True).grids["Toy"]
    header = find_header(TOY, grid.rows)
    assert isinstance(header, Header)
    return view_tab(TOY, "Toy", header, grid)


def cell(row: SheetRow, column: str, value: Any, **options: Any) -> PlannedCell:
    return PlannedCell(
        row=row, key=row.key, column=column, value=value, expect=row.raw[column], **{"owned": False, **options}
    )


def plan_of(view: TabView, column: str = "title", **values: Any) -> TabPlan:
    """New values by key, e.g. k1="new"."""
    return TabPlan(view=view, cells=[cell(view.by_key[key], column, value) for key, value in values.items()])


def send(book: MemoryWorkbook, plan: TabPlan) -> Outcome:
    return write_plan(book, {"Toy": plan})


def shown(book: MemoryWorkbook) -> dict[Any, Any]:
    """key -> title."""
    return {row[0]: row[1] for row in book.values("Toy")[1:]}


@BOTH
def test_a_plan_lands_in_one_write_and_is_known_to_have_landed(versions):
    book = workbook(versions=versions)
    plan = plan_of(look(book), k1="new", k3=None)
    outcome = send(book, plan)
    assert shown(book) == {"K1": "new", "K2": "two", "K3": None}
    assert (book.reads, book.writes) == (3, 1)
    done = outcome.tabs["Toy"]
    assert (done.landed, done.left, done.complete, done.as_planned) == (plan.cells, [], True, True)


@BOTH
def test_rows_that_moved_since_the_read_are_followed(versions):
    book = workbook(versions=versions)
    plan = plan_of(look(book), k1="new one", k3="new three")
    book.sort_rows("Toy", 0, below=0, descending=True)
    book.insert_row("Toy", 1)
    outcome = send(book, plan)
    assert {key: title for key, title in shown(book).items() if key} == {
        "K3": "new three",
        "K2": "two",
        "K1": "new one",
    }
    assert outcome.tabs["Toy"].complete
    assert not outcome.tabs["Toy"].as_planned, "the rest of the tab has to be looked at again"


@BOTH
def test_a_column_that_moved_is_followed_and_one_that_went_is_left(versions):
    book = workbook(versions=versions)
    view = look(book)
    plan = TabPlan(view=view, cells=[cell(view.by_key["k1"], "title", "new"), cell(view.by_key["k1"], "score", 5)])
    book.move_column("Toy", 1, 3)
    book.delete_column("Toy", 1)
    outcome = send(book, plan)
    assert book.values("Toy")[1] == ["K1", None, "new"]
    assert [left.column for left in outcome.tabs["Toy"].left] == ["score"]


@BOTH
def test_what_a_person_typed_meanwhile_is_left_and_an_owned_cell_is_written_all_the_same(versions):
    book = workbook(versions=versions)
    view = look(book)
    plan = TabPlan(
        view=view,
        cells=[cell(view.by_key["k1"], "title", "ours"), cell(view.by_key["k1"], "run_status", "OK", owned=True)],
    )
    book.set_cell("Toy", 1, 1, "hers")
    book.set_cell("Toy", 1, 3, "mine!")
    outcome = send(book, plan)
    assert book.values("Toy")[1] == ["K1", "hers", None, "OK"]
    assert [left.column for left in outcome.tabs["Toy"].left] == ["title"]


@BOTH
def test_a_formula_typed_meanwhile_is_left_even_in_an_owned_cell(versions):
    book = workbook(versions=versions)
    view = look(book)
    plan = TabPlan(view=view, cells=[cell(view.by_key["k1"], "score", 5, owned=True)])
    book.set_cell("Toy", 1, 2, Formula("=1+1", 2.0))
    assert send(book, plan).tabs["Toy"].landed == []
    assert book.cell("Toy", 1, 2) == Formula("=1+1", 2.0)
    assert book.writes == 0


@BOTH
def test_a_row_that_went_or_got_a_twin_is_left(versions):
    book = workbook(versions=versions)
    plan = plan_of(look(book), k1="new", k2="new", k3="new")
    book.delete_row("Toy", 1)
    book.insert_row("Toy", 1, ["K2", "a twin"])
    outcome = send(book, plan)
    assert [(row[0], row[1]) for row in book.values("Toy")[1:]] == [("K2", "a twin"), ("K2", "two"), ("K3", "new")]
    assert [left.key for left in outcome.tabs["Toy"].left] == ["k1", "k2"]


def test_a_tab_that_went_or_lost_its_header_is_refused_and_the_others_go_through():
    book = workbook()
    book.add_tab("Other", ROWS)
    view = look(book)
    other = view_tab(TOY, "Other", view.header, view.grid)
    plans = {"Toy": plan_of(view, k1="new"), "Other": plan_of(other, k1="new")}
    book.rename_header("Toy", "key", "clef")
    outcome = write_plan(book, plans)
    assert "no header for key" in outcome.tabs["Toy"].refused
    assert outcome.tabs["Other"].complete
    assert book.values("Other")[1][:2] == ["K1", "new"]
    book.delete_tab("Toy")
    assert write_plan(book, {"Toy": plans["Toy"]}).tabs["Toy"].refused == "the tab 'Toy' is gone"


def test_a_protected_tab_says_so_and_the_others_go_through():
    book = workbook()
    book.add_tab("Other", ROWS)
    view = look(book)
    plans = {
        "Toy": plan_of(view, k1="new"),
        "Other": plan_of(view_tab(TOY, "Other", view.header, view.grid), k1="new"),
    }
    book.protected.add("Toy")
    outcome = write_plan(book, plans)
    assert outcome.tabs["Toy"].refused == "the tab 'Toy' is protected"
    assert outcome.tabs["Toy"].landed == []
    assert outcome.tabs["Other"].complete


# ---- appended rows ---------------------------------------------------------------------------------------------------------------------


def row_of(key: str, **cells: Any) -> PlannedRow:
    return PlannedRow(key=key.lower(), cells={"key": key, **cells}, encoded={})


@BOTH
def test_rows_are_appended_once_also_when_somebody_was_faster(versions):
    book = workbook(versions=versions)
    plan = TabPlan(view=look(book), appended=[row_of("K4", title="four"), row_of("K5", title="five")])
    book.insert_row("Toy", 4, ["K4", "typed by hand"])
    outcome = send(book, plan)
    assert shown(book) == {"K1": "one", "K2": "two", "K3": "three", "K4": "typed by hand", "K5": "five"}
    assert [row.key for row in outcome.tabs["Toy"].appended] == ["k5"]
    send(book, TabPlan(view=look(book), appended=plan.appended))
    assert book.writes == 1
    assert len(book.values("Toy")) == 6


def test_a_row_that_a_person_put_there_in_the_very_instant_is_pushed_down_and_not_overwritten():
    book = workbook(versions=False)
    plan = TabPlan(view=look(book), appended=[row_of("K4", title="four")])
    at_request(book, "write", 1, lambda: book.insert_row("Toy", 4, ["K9", "hers"]))
    send(book, plan)
    assert shown(book) == {"K1": "one", "K2": "two", "K3": "three", "K4": "four", "K9": "hers"}


# ---- answers that don't come -------------------------------------------------------------------------------------------------------------


def test_a_file_that_changed_under_the_plan_is_read_again():
    book = workbook()
    plan = plan_of(look(book), k1="new", k2="new")
    at_request(book, "write", 1, lambda: book.set_cell("Toy", 2, 1, "hers"))
    outcome = send(book, plan)
    assert shown(book) == {"K1": "new", "K2": "hers", "K3": "three"}
    assert [left.key for left in outcome.tabs["Toy"].left] == ["k2"]


def test_a_file_that_never_comes_to_rest_is_given_up():
    book = workbook()
    plan = plan_of(look(book), k1="new")
    book.before_request = lambda kind: book.set_cell("Toy", 3, 1, f"{book.reads}") if kind == "write" else None
    with pytest.raises(WorkbookChanged):
        send(book, plan)
    assert shown(book)["K1"] == "one"


def test_a_lost_answer_is_settled_by_reading_back():
    book = workbook(versions=False)
    book.faults = [Fault.ANSWER_LOST]
    outcome = send(book, plan_of(look(book), k1="new"))
    assert outcome.tabs["Toy"].complete


def test_a_write_that_lands_late_is_not_taken_for_landed():
    book = workbook(versions=False)
    book.write_window_s = 30.0
    book.faults = [Fault.LANDS_LATE]
    outcome = send(book, plan_of(look(book), k1="new"))
    assert (outcome.tabs["Toy"].landed, outcome.may_land_for_s) == ([], 30.0)


def test_a_write_that_fails_is_raised():
    book = workbook()
    book.faults = [Fault.FAILS]
    with pytest.raises(WorkbookUnavailable):
        send(book, plan_of(look(book), k1="new"))


def test_a_sort_in_the_very_instant_of_the_write_is_seen():
    book = workbook(versions=False)
    plan = plan_of(look(book), k1="new")
    at_request(book, "write", 1, lambda: book.sort_rows("Toy", 0, below=0, descending=True))
    outcome = send(book, plan)
    assert outcome.tabs["Toy"].landed == []
    assert shown(book)["K3"] == "new", "our value hit another row: the merge puts that right on the next round"


def test_a_key_that_hits_a_row_which_was_inserted_in_the_very_instant_is_taken_out_again():
    book = workbook([None, "four"], versions=False)
    view = look(book)
    keyless = view.rows[3]
    plan = TabPlan(
        view=view, cells=[PlannedCell(row=keyless, key="k4", column="key", value="K4", expect=None, owned=False)]
    )
    at_request(book, "write", 1, lambda: book.insert_row("Toy", 4))
    outcome = send(book, plan)
    assert [row[:2] for row in book.values("Toy")[4:]] == [[None, None], [None, "four"]]
    assert outcome.tabs["Toy"].landed == []


@BOTH
def test_a_key_that_a_plan_takes_out_is_known_to_have_gone(versions):
    book = workbook(versions=versions)
    view = look(book)
    plan = TabPlan(view=view, cells=[cell(view.by_key["k3"], name, None) for name in ("key", "title")])
    assert send(book, plan).tabs["Toy"].landed == plan.cells
    assert book.values("Toy")[3] == [None] * 4


# ---- rows found again --------------------------------------------------------------------------------------------------------------------


def test_rows_without_a_key_are_found_by_what_they_show_unless_that_is_unclear():
    book = workbook([None, "four"], [None, "alike"], [None, "alike"])
    before = look(book)
    book.insert_row("Toy", 4, [None, "alike"])
    book.set_cell("Toy", 5, 3, "FAILED: feedback doesn't count")
    now = look(book)
    moved = {row.raw["title"]: found.number for row, found in relocate(before, now).items()}
    assert moved == {"one": 2, "two": 3, "three": 4, "four": 6}


def test_rows_alike_keep_their_order_while_their_number_holds():
    book = workbook([None, "alike"], [None, "alike"])
    before = look(book)
    book.insert_row("Toy", 1, ["K0", "zero"])
    moved = [found.number for row, found in relocate(before, look(book)).items() if not row.key]
    assert moved == [6, 7]


@pytest.mark.parametrize(
    ("raw", "written", "same"),
    [(None, "", True), ("", None, True), ("a", "a", True), ("a", "b", False), (5.0, 5, True), (None, False, False)],
)
def test_a_cell_shows_what_was_written(raw, written, same):
    assert same_cell(raw, written) is same
