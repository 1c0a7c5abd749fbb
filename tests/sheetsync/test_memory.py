"""The in-memory workbook: it answers as the real kinds do, lets people edit, and goes wrong where a test says so."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetsync.workbooks.interface import TabWrites, WorkbookChanged, WorkbookUnavailable
from sheetsync.workbooks.memory import Fault, Formula, MemoryWorkbook
from sheetsync.workbooks.xlsx import XlsxWorkbook
from tests.sheetsync.xlsx_files import raw_file, sheet_xml


def backlog(**options) -> MemoryWorkbook:
    return MemoryWorkbook({"Backlog": [["key", "title"], ["K1", "one"], ["K2", "two"]], "Notes": []}, **options)


def test_a_read_gives_padded_rows_titles_and_a_version():
    book = MemoryWorkbook({"T": [["a"], [None, 2, ""]], "U": [["x"]]})
    snapshot = book.read(["T", "Gone"])
    assert snapshot.grids["T"].rows == [["a", None, None], [None, 2, None]]
    assert (snapshot.grids.keys(), snapshot.titles, book.reads) == ({"T"}, ("T", "U"), 1)
    assert snapshot.version == book.read().version != ""


def test_copies_are_settled_and_other_formulas_show_their_result():
    rows = [["k", Formula("=A1"), Formula("=B1"), Formula("=LEN(A1)", 1), Formula("=LEN(A1)")]]
    grid = MemoryWorkbook({"T": rows, "U": [[Formula("=T!B1")]]}).read(formulas=True)
    assert grid.grids["T"].rows == [["k", "k", "k", 1, None]]
    assert grid.grids["U"].rows == [["k"]]
    assert grid.grids["T"].stale == {(0, 4)}
    assert grid.grids["T"].formulas[0, 3] == "=LEN(A1)"


def test_a_write_lands_and_makes_a_new_version():
    book = backlog()
    before = book.read()
    day = datetime.date(2026, 3, 31)
    result = book.write(
        {"Backlog": TabWrites(cells={(1, 1): "=new", (2, 1): None}, appended=[{0: "K3", 2: day}]), "Gone": TabWrites()},
        version=before.version,
    )
    assert (result.written, set(result.refused)) == ({"Backlog"}, {"Gone"})
    assert book.values("Backlog") == [
        ["key", "title", None],
        ["K1", "=new", None],
        ["K2", None, None],
        ["K3", None, 46112.0],
    ]
    assert before.grids["Backlog"].rows[1] == ["K1", "one"]
    assert book.read().version != before.version


def test_an_older_version_is_refused_and_kinds_without_versions_take_any():
    for versions in (True, False):
        book = backlog(versions=versions)
        version = book.read().version
        book.set_cell("Backlog", 1, 1, "edited")
        writes = {"Backlog": TabWrites(cells={(2, 1): "ours"})}
        if versions:
            with pytest.raises(WorkbookChanged):
                book.write(writes, version=version)
        else:
            assert version == ""
            assert book.write(writes, version=version).written == {"Backlog"}
            assert book.values("Backlog")[1:] == [["K1", "edited"], ["K2", "ours"]]


def test_a_formula_is_never_overwritten_but_in_the_instant_that_nothing_guards():
    book = backlog()
    book.set_cell("Backlog", 1, 1, Formula("=A2"))
    with pytest.raises(ValueError, match="never overwritten"):
        book.write({"Backlog": TabWrites(cells={(1, 1): "x"})})
    book = backlog(versions=False)
    book.set_cell("Backlog", 1, 1, Formula("=A2"))
    book.write({"Backlog": TabWrites(cells={(1, 1): "x"})})
    assert book.overwritten_formulas == [("Backlog", 1, 1)]


def test_a_protected_tab_refuses_and_the_others_go_through():
    book = backlog()
    book.protected.add("Backlog")
    result = book.write({"Backlog": TabWrites(cells={(1, 1): "x"}), "Notes": TabWrites(cells={(0, 0): "x"})})
    assert (result.written, set(result.refused)) == ({"Notes"}, {"Backlog"})
    assert book.values("Backlog")[1] == ["K1", "one"]


def test_a_failing_write_changes_nothing_and_the_next_one_goes_through():
    book = backlog()
    book.faults = [Fault.FAILS]
    writes = {"Backlog": TabWrites(cells={(1, 1): "x"})}
    with pytest.raises(WorkbookUnavailable):
        book.write(writes)
    assert book.values("Backlog")[1] == ["K1", "one"]
    assert book.write(writes).written == {"Backlog"}


def test_a_lost_answer_leaves_the_outcome_unknown_though_it_landed():
    book = backlog(write_window_s=180)
    book.faults = [Fault.ANSWER_LOST]
    result = book.write({"Backlog": TabWrites(cells={(1, 1): "x"})})
    assert (result.written, result.unknown, result.may_land_for_s) == (frozenset(), {"Backlog"}, 180)
    assert book.values("Backlog")[1] == ["K1", "x"]


def test_a_late_write_lands_where_it_was_aimed_at_whatever_stands_there():
    book = backlog(versions=False, write_window_s=180)
    book.faults = [Fault.LANDS_LATE]
    result = book.write({"Backlog": TabWrites(cells={(1, 1): "late"}, appended=[{0: "K3"}])})
    assert result.unknown == {"Backlog"}
    assert book.values("Backlog")[1] == ["K1", "one"]
    book.insert_row("Backlog", 1, ["K0", "zero"])
    book.land_late()
    assert book.values("Backlog")[1:] == [["K0", "late"], ["K1", "one"], ["K3", None], ["K2", "two"]]
    book.land_late()
    assert len(book.values("Backlog")) == 5


def test_a_late_write_can_be_lost_for_good():
    book = backlog()
    book.faults = [Fault.LANDS_LATE]
    book.write({"Backlog": TabWrites(cells={(1, 1): "late"})})
    book.lose_late()
    book.land_late()
    assert book.values("Backlog")[1] == ["K1", "one"]


def test_the_hooks_edit_before_and_crash_after_a_request():
    book = backlog()
    book.before_request = lambda kind: book.set_cell("Backlog", 1, 1, f"before {kind}")
    assert book.read().grids["Backlog"].rows[1] == ["K1", "before read"]

    def crash(kind: str) -> None:
        if kind == "write":
            raise KeyboardInterrupt

    book.before_request, book.after_request = None, crash
    with pytest.raises(KeyboardInterrupt):
        book.write({"Backlog": TabWrites(cells={(1, 1): "landed"})})
    assert book.values("Backlog")[1] == ["K1", "landed"]


def test_inserted_and_deleted_rows_take_references_along():
    book = backlog()
    book.add_tab(
        "Copy",
        [[Formula("=Backlog!A2")], [Formula("=Backlog!$B$3")], [Formula("=A1")], [Formula("=SUM(Backlog!A2:A3)")]],
    )
    book.insert_row("Backlog", 1, ["K0", "zero"])
    assert [book.cell("Copy", row, 0) for row in range(4)] == [
        Formula("=Backlog!A3"),
        Formula("=Backlog!$B$4"),
        Formula("=A1"),
        Formula("=SUM(Backlog!A3:A4)"),
    ]
    assert book.values("Copy")[:3] == [["K1"], ["two"], ["K1"]]
    book.delete_row("Backlog", 2)
    assert [book.values("Copy")[0], book.values("Backlog")] == [
        [None],
        [["key", "title"], ["K0", "zero"], ["K2", "two"]],
    ]
    assert book.cell("Copy", 0, 0) == Formula("=Backlog!#REF!")


def test_sorting_moves_rows_and_shifts_their_formulas_as_copies_would():
    rows = [["h", "copy"], ["b", Formula("=A2")], [None, "blank"], ["a", Formula("=A4")], [3, "number"]]
    book = MemoryWorkbook({"T": rows})
    book.sort_rows("T", 0, below=0)
    assert book.values("T") == [["h", "copy"], [3, "number"], ["a", "a"], ["b", "b"], [None, "blank"]]
    book.sort_rows("T", 0, below=0, descending=True)
    assert [row[0] for row in book.values("T")] == ["h", "b", "a", 3, None]


def test_columns_are_moved_deleted_and_renamed():
    book = backlog()
    book.move_column("Backlog", 0, 2)
    book.rename_header("Backlog", "title", "Name")
    assert book.values("Backlog")[:2] == [["Name", None, "key"], ["one", None, "K1"]]
    book.delete_column("Backlog", 0)
    assert book.values("Backlog")[1] == [None, "K1"]
    with pytest.raises(KeyError):
        book.rename_header("Backlog", "title", "Name")


def test_merged_cells_keep_their_first_content_and_move_with_rows():
    book = backlog()
    book.merge_cells("Backlog", 1, 0, 1, 1)
    book.insert_row("Backlog", 1)
    grid = book.read().grids["Backlog"]
    assert (grid.rows[2], grid.merged) == (["K1", None], {(2, 1)})
    book.delete_row("Backlog", 2)
    assert book.read().grids["Backlog"].merged == frozenset()


def test_a_copy_of_a_snapshot_shows_the_same_and_is_a_workbook_of_its_own():
    book = backlog()
    book.add_tab("Copy", [[Formula("=Backlog!B2"), Formula("=LEN(A1)")]])
    snapshot = book.read(None, formulas=True)
    copy = MemoryWorkbook.copy_of(snapshot)
    again = copy.read(None, formulas=True)
    for title, grid in snapshot.grids.items():
        assert (again.grids[title].rows, again.grids[title].formulas) == (grid.rows, grid.formulas)
        assert again.grids[title].stale == grid.stale
    copy.set_cell("Backlog", 1, 1, "changed")
    assert book.values("Backlog")[1] == ["K1", "one"]
    assert copy.values("Copy")[0][0] == "changed"


VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "=A1", " y "])


@given(
    cells=st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), VALUES, max_size=6),
    appended=st.lists(st.dictionaries(st.integers(0, 4), VALUES, min_size=1, max_size=3), max_size=3),
    after_row=st.integers(0, 4),
)
@settings(max_examples=60, deadline=None)
def test_the_twin_shows_what_a_file_shows_after_the_same_writes(tmp_path_factory, cells, appended, after_row):
    path = raw_file(
        tmp_path_factory.mktemp("x") / "a.xlsx", {"T": sheet_xml('<row r="2"><c r="B2"><v>1</v></c></row>')}
    )
    file, twin = XlsxWorkbook(path), MemoryWorkbook({"T": [[], [None, 1]]})
    writes = {"T": TabWrites(cells=cells, appended=appended, after_row=after_row)}
    assert file.write(writes).written == twin.write(writes).written == {"T"}

    def shown(rows):
        filled = {
            (row, column): cell for row, line in enumerate(rows) for column, cell in enumerate(line) if cell is not None
        }
        return {at: (type(cell) is bool, cell) for at, cell in filled.items()}

    assert shown(file.read().grids["T"].rows) == shown(twin.values("T"))
