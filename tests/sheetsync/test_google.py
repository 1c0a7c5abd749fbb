"""Google spreadsheets as workbooks, over the Sheets server on loopback: reading, writing, and everything that goes wrong with either."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetsync.sheets_server.batch import batch_update
from sheetsync.sheets_server.cells import Cell
from sheetsync.sheets_server.faults import Fault
from sheetsync.sheets_server.places import Axis, Block
from sheetsync.sheets_server.sheet import Protection
from sheetsync.workbooks.google_reading import SPILLED
from sheetsync.workbooks.google_requests import MAX_BYTES
from sheetsync.workbooks.interface import TabWrites, WorkbookUnavailable
from tests.sheetsync.loopback import Loopback, fill, running, shown

ROWS = [["key", "title"], ["K1", "one"], ["K2", "two"]]


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with running() as server:
        yield server


# ---- reading -----------------------------------------------------------------------------------------------------------


def test_a_first_read_asks_for_the_tabs_and_for_the_values_and_later_ones_for_the_values_alone(loopback):
    book = loopback.open(loopback.spreadsheet({"T": ROWS, "U": []}))
    snapshot = book.read()
    assert (snapshot.grids["T"].rows, snapshot.titles, snapshot.version) == (ROWS, ("T", "U"), "")
    assert (book.reads, book.writes, book.title) == (2, 0, "Planning")
    book.read(["T"])
    assert book.reads == 3


def test_a_read_with_formulas_is_one_request_whatever_is_known(loopback):
    spreadsheet = loopback.spreadsheet({"T": [["key"], ["K1"], ["=A2"]], "U": [["=T!A1"]]})
    book = loopback.open(spreadsheet)
    grid = book.read(["T"], formulas=True).grids["T"]
    assert (grid.rows, dict(grid.formulas), book.reads) == ([["key"], ["K1"], ["K1"]], {(2, 0): "=A2"}, 1)
    assert book.read(None, formulas=True).grids["U"].rows == [["key"]]
    assert book.reads == 2


def test_tabs_are_found_in_any_case_and_those_that_are_not_there_are_left_out(loopback):
    spreadsheet = loopback.spreadsheet({"It's here": ROWS})
    for formulas in (False, True):
        snapshot = loopback.open(spreadsheet).read([" it's HERE", "Gone"], formulas=formulas)
        assert (list(snapshot.grids), snapshot.titles) == (["It's here"], ("It's here",))


def test_a_tab_that_is_renamed_between_two_reads_is_missing_and_the_others_are_read(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS, "U": ROWS})
    book = loopback.open(spreadsheet)
    book.read()
    spreadsheet.sheet("T").title = "Renamed"
    snapshot = book.read(["T", "U"])
    assert (list(snapshot.grids), snapshot.titles) == (["U"], ("Renamed", "U"))


def test_a_tab_that_only_shows_a_chart_is_named_and_never_read(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS, "Chart": []})
    spreadsheet.sheet("Chart").properties["sheetType"] = "OBJECT"
    for formulas in (False, True):
        snapshot = loopback.open(spreadsheet).read(None, formulas=formulas)
        assert (list(snapshot.grids), snapshot.titles) == (["T"], ("T", "Chart"))


def test_hidden_tabs_and_filtered_rows_are_read_like_others(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS})
    place = {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}}
    requests = [
        {"updateSheetProperties": {"properties": {"sheetId": 0, "hidden": True}, "fields": "hidden"}},
        {"updateDimensionProperties": {**place, "properties": {"hiddenByUser": True}, "fields": "hiddenByUser"}},
    ]
    batch_update(spreadsheet, requests, "a person")
    assert loopback.open(spreadsheet).read().grids["T"].rows == ROWS


@pytest.mark.parametrize("locale", ["en_GB", "en_US", "de_DE"])
def test_values_are_the_same_in_every_locale(loopback, locale):
    spreadsheet = loopback.spreadsheet({"T": []}, locale=locale)
    typed = [[1234.5, 46112, "1,200", "03/04/2026", True, 0.05, "007", "nan"]]
    fill(spreadsheet.sheet("T"), 0, typed[0])
    spreadsheet.sheet("T").put(0, {1: Cell(value=46112).with_number_type("DATE", "dd.mm.yyyy")})
    spreadsheet.sheet("T").put(0, {5: Cell(value=0.05).with_number_type("PERCENT", "0%")})
    book = loopback.open(spreadsheet)
    assert book.read().grids["T"].rows == typed == book.read(formulas=True).grids["T"].rows


def test_errors_merges_tick_boxes_and_spilled_cells_are_told(loopback):
    rows = [["a", "=NA()", "=Gone!A1", "=IMPORTRANGE(1)"], ["b"], ["=ARRAYFORMULA(A1:A2)"], []]
    spreadsheet = loopback.spreadsheet({"T": rows})
    sheet = spreadsheet.sheet("T")
    sheet.merge(Block(top=0, left=4, bottom=2, right=6))
    sheet.validations.append((Block(top=4, left=1, bottom=6, right=2), {"condition": {"type": "BOOLEAN"}}))
    grids = [loopback.open(spreadsheet).read(formulas=formulas).grids["T"] for formulas in (False, True)]
    for grid in grids:
        assert grid.rows[0] == ["a", "#N/A", "#REF!", "Loading..."]
        assert [row[0] for row in grid.rows[1:4]] == ["b", "a", "b"]
        assert [row[1] for row in grid.rows[4:]] == [False, False]
        assert grid.merged == {(0, 5), (1, 4), (1, 5)}
    assert grids[1].formulas[2, 0] == "=ARRAYFORMULA(A1:A2)"
    assert {at for at, text in grids[1].formulas.items() if text == SPILLED} == {(3, 0)}


def test_many_tabs_are_read_although_one_address_can_not_name_them_all(loopback):
    tabs = {f"{'Wishes of a department ' * 3}{number}": [[number]] for number in range(60)}
    book = loopback.open(loopback.spreadsheet(tabs))
    assert [grid.rows for grid in book.read().grids.values()] == [[[float(number)]] for number in range(60)]
    assert all(len(request.path) + len(str(request.query)) < 8_000 for request, _answer in loopback.calls)


CELLS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9)
TEXTS = st.text(alphabet=st.sampled_from("=+-@'a1 #\n€😀"), max_size=4)


@given(
    cells=st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 5)), CELLS | TEXTS, max_size=12),
    day=st.none() | st.dates(),
)
def test_every_pattern_of_cells_comes_back_as_it_was_written_read_either_way(server, cells, day):
    spreadsheet = server.spreadsheet({"T": [["old"] * 6] * 6})
    wanted = dict(cells) if day is None else {**cells, (0, 0): day}
    book = server.open(spreadsheet)
    assert book.write({"T": TabWrites(cells=wanted)}).written == {"T"}
    expected = {(row, column): "old" for row in range(6) for column in range(6)} | wanted
    if day is not None:
        expected[0, 0] = (day - datetime.date(1899, 12, 30)).days
    for grid in (book.read().grids["T"], book.read(formulas=True).grids["T"]):
        found = {(row, column): value for row, line in enumerate(grid.rows) for column, value in enumerate(line)}
        assert {at: found.get(at) for at in expected} == {
            at: None if value == "" else value for at, value in expected.items()
        }
        assert all(type(found.get(at)) is bool for at, value in expected.items() if isinstance(value, bool))
        assert grid.formulas == {}


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with running() as shared:
        yield shared


# ---- writing -----------------------------------------------------------------------------------------------------------


def test_cells_are_written_raw_in_one_request_and_others_are_left_alone(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS, "U": [["x", "y"]]})
    book = loopback.open(spreadsheet)
    result = book.write({"T": TabWrites(cells={(1, 1): "=1+1", (2, 1): None}), "U": TabWrites(cells={(0, 0): 5})})
    assert (result.written, result.refused, result.unknown, book.writes) == ({"T", "U"}, {}, frozenset(), 1)
    assert shown(spreadsheet, "T") == [["key", "title"], ["K1", "=1+1"], ["K2", None]]
    assert shown(spreadsheet, "U") == [[5, "y"]]
    request, _answer = loopback.calls[-1]
    assert request.path.endswith("/values:batchUpdate")
    assert request.body["valueInputOption"] == "RAW"


def test_a_date_is_a_serial_number_that_looks_like_a_date(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS})
    day = datetime.date(2026, 3, 31)
    writes = TabWrites(cells={(1, 1): day, (1, 0): "K9"}, appended=[{0: "K3", 1: day}], after_row=0)
    book = loopback.open(spreadsheet)
    book.read(formulas=True)
    assert book.write({"T": writes}).written == {"T"}
    sheet = spreadsheet.sheet("T")
    assert [shown(spreadsheet, "T")[row] for row in (1, 3)] == [["K9", 46112], ["K3", 46112]]
    assert [sheet.dressed(*at).number_type for at in ((1, 1), (3, 1), (1, 0), (2, 1))] == ["DATE", "DATE", "", ""]
    assert book.writes == 1


def test_a_row_that_a_person_puts_there_meanwhile_is_pushed_down_and_kept(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS})
    book = loopback.open(spreadsheet)
    book.read(["T"], formulas=True)
    fill(spreadsheet.sheet("T"), 3, ["mine", "typed just now"])
    book.write({"T": TabWrites(appended=[{0: "K3"}, {0: "K4", 1: "=four"}], after_row=0)})
    assert shown(spreadsheet, "T")[3:] == [["K3", None], ["K4", "=four"], ["mine", "typed just now"]]
    request, _answer = loopback.calls[-1]
    assert [next(iter(one)) for one in request.body["requests"]] == ["insertDimension", "updateCells"]


def test_rows_are_added_below_the_last_one_and_unticked_boxes_are_no_content(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS})
    spreadsheet.sheet("T").validations.append((Block(top=1, left=2, right=3), {"condition": {"type": "BOOLEAN"}}))
    book = loopback.open(spreadsheet)
    book.write({"T": TabWrites(appended=[{0: "K3", 2: True}], after_row=0)})
    assert shown(spreadsheet, "T")[3][:3] == ["K3", None, True]


@pytest.mark.parametrize("spare", [0, 1, 500])
def test_rows_are_added_to_a_grid_that_is_full_and_look_like_rows_not_like_the_header(loopback, spare):
    spreadsheet = loopback.spreadsheet({"T": [["key"]]})
    sheet = spreadsheet.sheet("T")
    sheet.row_count = 1 + spare
    book = loopback.open(spreadsheet)
    for key in ("K1", "K2"):
        book.read(["T"], formulas=True)
        assert book.write({"T": TabWrites(appended=[{0: key}], after_row=0)}).written == {"T"}
    assert shown(spreadsheet, "T") == [["key"], ["K1"], ["K2"]]
    inserted = [
        request.body["requests"][0]["insertDimension"] for request, _a in loopback.calls if request.kind == "write"
    ]
    assert [one.get("inheritFromBefore") for one in inserted] == [spare == 0, True]


def test_a_formula_is_never_overwritten_knowingly(loopback):
    book = loopback.open(loopback.spreadsheet({"T": [["=B1", 1], ["=ARRAYFORMULA(B1:B2)"]]}))
    book.read(["T"], formulas=True)
    for at in ((0, 0), (1, 0)):
        with pytest.raises(ValueError, match="never overwritten"):
            book.write({"T": TabWrites(cells={at: "x"})})
    assert book.writes == 0


def test_a_number_that_is_none_is_refused_before_anything_is_sent(loopback):
    book = loopback.open(loopback.spreadsheet({"T": ROWS}))
    with pytest.raises(ValueError, match="nan"):
        book.write({"T": TabWrites(cells={(0, 0): float("nan")})})
    assert book.writes == 0


def test_a_large_write_goes_out_in_pieces_below_the_limit_and_arrives_whole(loopback):
    spreadsheet = loopback.spreadsheet({"T": [["key", "text"]]})
    rows = [{0: f"K{number}", 1: "x" * 600} for number in range(8_000)]
    book = loopback.open(spreadsheet)
    assert book.write({"T": TabWrites(appended=rows, after_row=0)}).written == {"T"}
    assert [row[0] for row in shown(spreadsheet, "T")[1:]] == [row[0] for row in rows]
    sizes = [len(orjson.dumps(request.body)) for request, _answer in loopback.calls if request.kind == "write"]
    assert 3 <= len(sizes) <= 6
    assert max(sizes) < 2_000_000
    cells = {(number + 1, 1): "y" * 600 for number in range(8_000)}
    assert book.write({"T": TabWrites(cells=cells)}).written == {"T"}
    assert {row[1] for row in shown(spreadsheet, "T")[1:]} == {"y" * 600}


def test_neighbouring_cells_travel_together(loopback):
    book = loopback.open(loopback.spreadsheet({"T": [["a", "b", "c"]] * 50}))
    book.write({"T": TabWrites(cells={(row, column): row for row in range(50) for column in (0, 1)})})
    assert [one["range"] for one in loopback.calls[-1][0].body["data"]] == ["'T'!A1:B50"]
    assert MAX_BYTES < 2_000_000


# ---- what can't be written ---------------------------------------------------------------------------------------------


def test_a_protected_tab_is_refused_with_what_to_do_and_the_others_go_through(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS, "U": ROWS})
    locked = Protection(protection_id=1, block=Block(top=1), warning_only=False, editors=("owner@example.com",))
    spreadsheet.sheet("T").protections.append(locked)
    for appended in ((), ({0: "K3"},)):
        writes = TabWrites(cells={(1, 1): "x"}, appended=appended, after_row=0)
        result = loopback.open(spreadsheet).write({"T": writes, "U": writes})
        assert (result.written, set(result.refused), result.unknown) == ({"U"}, {"T"}, frozenset())
        assert "let anonymous edit them" in result.refused["T"]
    assert shown(spreadsheet, "T") == ROWS
    assert shown(spreadsheet, "U")[1:] == [["K1", "x"], ["K2", "two"], ["K3", None]]


def test_a_protection_that_merely_warns_stops_nothing(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS})
    spreadsheet.sheet("T").protections.append(Protection(protection_id=1, block=Block()))
    assert loopback.open(spreadsheet).write({"T": TabWrites(cells={(1, 1): "x"})}).written == {"T"}


def test_a_tab_that_is_deleted_or_cut_short_meanwhile_is_refused_and_the_others_go_through(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS, "U": ROWS, "V": ROWS})
    book = loopback.open(spreadsheet)
    book.read()
    spreadsheet.sheets.remove(spreadsheet.sheet("U"))
    spreadsheet.delete(spreadsheet.sheet("V"), Axis.ROWS, 1, 1000)
    result = book.write({title: TabWrites(cells={(2, 1): "x"}) for title in ("T", "U", "V", "W")})
    assert result.written == {"T"}
    assert "renamed or deleted" in result.refused["U"]
    assert "were deleted meanwhile" in result.refused["V"]
    assert result.refused["W"] == "there is no tab 'W'"


def test_a_spreadsheet_that_is_full_and_a_text_that_is_too_long_are_refused_in_words(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS})
    spreadsheet.cell_limit = 1000 * 26
    result = loopback.open(spreadsheet).write({"T": TabWrites(appended=[{0: "K3"}], after_row=0)})
    assert "10 million" in result.refused["T"]
    result = loopback.open(spreadsheet).write({"T": TabWrites(cells={(0, 0): "x" * 50_001})})
    assert "50,001 characters" in result.refused["T"]
    assert shown(spreadsheet, "T") == ROWS


# ---- what goes wrong on the way ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "landed"),
    [(Fault.FAILS, False), (Fault.FAILS_AFTER, True), (Fault.ANSWER_LOST, True), (Fault.LANDS_LATE, False)],
)
def test_a_write_without_a_good_answer_is_never_repeated_and_its_outcome_is_unknown(loopback, fault, landed):
    spreadsheet = loopback.spreadsheet({"T": ROWS})
    book = loopback.open(spreadsheet)
    book.read(formulas=True)
    loopback.service.faults["write"] = [fault]
    result = book.write({"T": TabWrites(appended=[{0: "K3"}], after_row=0)})
    assert (result.written, result.unknown, book.writes) == (frozenset(), {"T"}, 1)
    assert result.may_land_for_s >= 180
    assert (shown(spreadsheet, "T")[3:] == [["K3", None]]) is landed
    loopback.service.land_late()
    assert shown(spreadsheet, "T")[3:] == ([] if fault is Fault.FAILS else [["K3", None]])


def test_a_write_that_takes_too_long_is_unknown_and_may_have_landed(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS})
    book = loopback.open(spreadsheet, timeout_s=(1.0, 0.2))
    book.read()
    loopback.service.latency_s = 0.5
    result = book.write({"T": TabWrites(cells={(1, 1): "x"})})
    assert result.unknown == {"T"}
    assert shown(spreadsheet, "T")[1] == ["K1", "x"]


def test_pieces_after_one_without_an_answer_are_not_sent(loopback):
    spreadsheet = loopback.spreadsheet({"T": [["key"]], "U": ROWS})
    book = loopback.open(spreadsheet)
    book.read(formulas=True)
    loopback.service.faults["write"] = [None, Fault.FAILS]
    rows = [{0: "x" * 40_000} for _ in range(100)]
    result = book.write({"T": TabWrites(appended=rows, after_row=0), "U": TabWrites(cells={(1, 1): "x"})})
    assert (result.written, result.refused, result.unknown) == (frozenset(), {}, {"T", "U"})
    assert 0 < len(shown(spreadsheet, "T")) < 101
    assert shown(spreadsheet, "U") == ROWS


def test_reads_are_repeated_and_so_are_writes_that_google_didn_t_want(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS})
    book = loopback.open(spreadsheet)
    loopback.service.faults["read"] = [Fault.FAILS, Fault.TOO_MANY, Fault.ANSWER_LOST]
    assert book.read().grids["T"].rows == ROWS
    assert book.reads == 5
    loopback.service.faults["write"] = [Fault.TOO_MANY, Fault.TOO_MANY]
    assert book.write({"T": TabWrites(cells={(1, 1): "x"})}).written == {"T"}
    assert (book.writes, shown(spreadsheet, "T")[1]) == (3, ["K1", "x"])


def test_patience_ends_with_a_sentence_and_waits_are_bounded(loopback):
    waits: list[float] = []
    book = loopback.open(loopback.spreadsheet({"T": ROWS}), sleep=waits.append)
    loopback.service.faults["read"] = [Fault.TOO_MANY] * 200
    with pytest.raises(WorkbookUnavailable, match=r"Google asks for fewer requests a minute, and .* attempts"):
        book.read()
    assert 3 < len(waits) < 100
    assert max(waits) <= 32
    assert sum(waits) <= 120


def test_a_server_that_is_down_leaves_the_workbook_untouched_and_says_so(loopback):
    book = loopback.open(loopback.spreadsheet({"T": ROWS}), patience_s=0.0)
    book.read()
    book.client._base_url = "http://127.0.0.1:9"
    for action in (lambda: book.read(), lambda: book.write({"T": TabWrites(cells={(1, 1): "x"})})):
        with pytest.raises(WorkbookUnavailable, match=r"Google can't be reached.*nothing was changed"):
            action()


def test_an_unknown_spreadsheet_and_one_without_access_say_what_to_do(loopback):
    spreadsheet = loopback.spreadsheet({"T": ROWS})
    spreadsheet.readers.add("anonymous")
    book = loopback.open(spreadsheet)
    book.read()
    with pytest.raises(WorkbookUnavailable, match=r"anonymous may read .* but not change it"):
        book.write({"T": TabWrites(cells={(1, 1): "x"})})
    spreadsheet.strangers.add("anonymous")
    with pytest.raises(
        WorkbookUnavailable, match=f"open the Google spreadsheet {spreadsheet.spreadsheet_id}; share it with"
    ):
        loopback.open(spreadsheet).read()
    gone = loopback.open(spreadsheet)
    gone.spreadsheet_id = "1" * 44
    with pytest.raises(WorkbookUnavailable, match=f"no Google spreadsheet with the id {'1' * 44}; copy the address"):
        gone.read()
