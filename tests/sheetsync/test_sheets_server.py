"""The Sheets server as people's own programs use it: gspread, unchanged but for the address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gspread
import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from gspread.exceptions import APIError
from gspread.http_client import HTTPClient

from sheetsync.sheets_server.keeping import load, save
from tests.sheetsync.loopback import Loopback, running


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with running() as server:
        yield server


def opened(loopback: Loopback, rows: list[list[Any]], **options: Any) -> gspread.Worksheet:
    """A tab with these rows, as gspread opens it."""

    class Client(HTTPClient):
        def request(self, method: str, endpoint: str, **more: Any) -> Any:
            return super().request(
                method, endpoint.replace("https://sheets.googleapis.com", loopback.server.url), **more
            )

    client = gspread.Client(auth=AnonymousCredentials(), http_client=Client)
    return client.open_by_key(loopback.spreadsheet({"T": rows}, **options).spreadsheet_id).sheet1


def values(sheet: gspread.Worksheet) -> list[list[Any]]:
    return sheet.get_values(value_render_option="UNFORMATTED_VALUE")


def test_values_begin_at_a_single_cell_and_stay_within_a_larger_range(loopback):
    sheet = opened(loopback, [["a"], [None, None]])
    sheet.update([["x", "y"], [1, 2]], "A1")
    assert values(sheet) == [["x", "y"], [1, 2]]
    with pytest.raises(APIError, match=r"tried writing to row \[2\]"):
        sheet.update([["x", "y"], [1, 2]], "A1:B1")
    with pytest.raises(APIError, match=r"tried writing to column \[B\]"):
        sheet.update([["x", "y"]], "A1:A9")


def test_what_a_person_types_becomes_a_number_a_date_a_tick_or_a_formula_and_raw_text_stays_text(loopback):
    sheet = opened(loopback, [[None] * 5])
    typed = ["5%", "2026-03-31", "TRUE", "=A1", "+44"]
    sheet.update([typed], "A1", value_input_option="USER_ENTERED")
    assert values(sheet) == [[0.05, 46112, True, 0.05, 44]]
    sheet.update([typed], "A1", value_input_option="RAW")
    assert values(sheet) == [typed]


def test_columns_and_rows_are_moved_with_their_tick_boxes_and_references_follow_rows(loopback):
    sheet = opened(loopback, [["a", "b", "c"], [1, True, "=A4"], [2, False, None], [3, True, None]])
    block = {"sheetId": sheet.id, "startColumnIndex": 1, "endColumnIndex": 2, "startRowIndex": 1, "endRowIndex": 4}
    ticks = {"setDataValidation": {"range": block, "rule": {"condition": {"type": "BOOLEAN"}}}}
    column = {"sheetId": sheet.id, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}
    row = {"sheetId": sheet.id, "dimension": "ROWS", "startIndex": 3, "endIndex": 4}
    moves = [
        {"moveDimension": {"source": row, "destinationIndex": 1}},
        {"moveDimension": {"source": column, "destinationIndex": 0}},
    ]
    sheet.spreadsheet.batch_update({"requests": [ticks, *moves]})
    assert sheet.get_values(value_render_option="FORMULA") == [
        ["b", "a", "c"],
        [True, 3, ""],
        [True, 1, "=A2"],
        [False, 2, ""],
    ]


def test_rows_are_copied_with_their_formulas_shifted_and_cut_with_their_formulas_as_they_are(loopback):
    sheet = opened(loopback, [[1, "=A1"], [2, None], [None, None], [None, None]])
    sheet.copy_range("A1:B1", "A2")
    assert sheet.get_values(value_render_option="FORMULA")[1] == [1, "=A2"]
    sheet.cut_range("A2:B2", "A4")
    assert sheet.get_values(value_render_option="FORMULA") == [[1, "=A1"], ["", ""], ["", ""], [1, "=A2"]]


def test_a_tab_is_duplicated_and_the_copy_stands_alone(loopback):
    sheet = opened(loopback, [["a"]])
    copy = sheet.duplicate(new_sheet_name="Copy")
    copy.update([["b"]], "A1")
    assert (values(sheet), values(copy)) == ([["a"]], [["b"]])


def test_a_batch_is_carried_out_as_a_whole_or_not_at_all(loopback):
    sheet = opened(loopback, [["a"], ["b"]])
    delete = {"sheetId": sheet.id, "dimension": "ROWS", "startIndex": 0, "endIndex": 1}
    wrong = {"sheetId": 404, "dimension": "ROWS", "startIndex": 0, "endIndex": 1}
    requests_ = [{"deleteDimension": {"range": delete}}, {"deleteDimension": {"range": wrong}}]
    with pytest.raises(APIError, match=r"Invalid requests\[1\]\.deleteDimension: No grid with id: 404"):
        sheet.spreadsheet.batch_update({"requests": requests_})
    assert values(sheet) == [["a"], ["b"]]


def test_a_full_spreadsheet_takes_no_more_cells(loopback):
    sheet = opened(loopback, [["a"]])
    with pytest.raises(APIError, match="above the limit of 10000000 cells"):
        sheet.add_rows(400_000)


def test_what_was_kept_in_a_file_is_the_same_when_it_is_loaded(loopback, tmp_path):
    sheet = opened(loopback, [["a", True], [1.5, "=A1"]], locale="de_DE")
    sheet.merge_cells("A1:B1")
    sheet.add_protected_range("A2", description="ours")
    kept = loopback.service.spreadsheets
    save(tmp_path / "kept.json", kept.values())
    found = load(tmp_path / "kept.json")
    assert [one.sheets for one in found.values()] == [one.sheets for one in kept.values()]
    assert [one.locale for one in found.values()] == ["de_DE"]


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_other_web_sites_can_not_reach_in_through_a_browser(loopback, headers):
    sheet = opened(loopback, [["a"]])
    address = f"{loopback.server.url}/v4/spreadsheets/{sheet.spreadsheet_id}"
    assert requests.get(address, headers=headers, timeout=5).status_code == 403


def test_its_page_shows_a_tab_with_tick_boxes_and_escapes_what_people_typed(loopback):
    sheet = opened(loopback, [["<script>alert(1)</script>", "run"], ["pm.backlog_sync", None]])
    block = {"sheetId": sheet.id, "startColumnIndex": 1, "endColumnIndex": 2, "startRowIndex": 1, "endRowIndex": 2}
    rule = {"condition": {"type": "BOOLEAN"}}
    sheet.spreadsheet.batch_update({"requests": [{"setDataValidation": {"range": block, "rule": rule}}]})
    page = requests.get(f"{loopback.server.url}/spreadsheets/d/{sheet.spreadsheet_id}/edit", timeout=5).text
    assert '<input type="checkbox" data-cell="B2" aria-label="B2">' in page
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
