"""Files that people hand in: what each format becomes, and what is said of one that can't be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetsync.registry import registry
from sheetsync.tabs import Role
from sheetsync.transfer.exporting import harmless
from sheetsync.transfer.files import Format, UnreadableFile, _csv_rows, format_of, read_file
from tests.sheetsync.xlsx_files import plain_file

BACKLOG = registry.get(Role.BACKLOG, "Backlog").tab
ROWS = [["Initiative key", "Title", "Tokens"], ["INIT-000001", "Faster search", 40]]


def read(tmp_path: Path, name: str, data: bytes) -> list[list[object]]:
    place = tmp_path / name
    place.write_bytes(data)
    grid, header = read_file(place, format_of(name), BACKLOG)
    columns = [header.columns[each] for each in ("initiative_key", "title", "engineering_tokens")]
    return [[row[column] for column in columns] for row in grid.rows[header.row + 1 :]]


def refusal(tmp_path: Path, name: str, data: bytes) -> str:
    with pytest.raises(UnreadableFile) as refused:
        read(tmp_path, name, data)
    return str(refused.value)


CSV = "Initiative key,Title,Tokens\nINIT-000001,Faster sÿch,40\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_in_each_encoding_that_says_what_it_is(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, "a.csv", CSV.encode(encoding)) == [["INIT-000001", "Faster sÿch", "40"]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_with_each_separator(tmp_path: Path, separator: str) -> None:
    assert read(tmp_path, "a.csv", CSV.replace(",", separator).encode()) == [["INIT-000001", "Faster sÿch", "40"]]


def test_another_encoding_is_refused_with_what_to_do(tmp_path: Path) -> None:
    said = refusal(tmp_path, "a.csv", CSV.encode("latin-1"))
    assert said == (
        "The file isn't in UTF-8: byte 49 can't be read. Save it as UTF-8 (in Excel: CSV UTF-8), then try again."
    )


def test_json_is_a_list_of_objects(tmp_path: Path) -> None:
    records = [{"initiative_key": "INIT-000001", "title": "Faster search", "engineering_tokens": 40}]
    assert read(tmp_path, "a.json", json.dumps(records).encode()) == [["INIT-000001", "Faster search", 40]]
    assert "must hold a list of objects" in refusal(tmp_path, "a.json", b'{"initiative_key": 1}')
    assert "isn't valid JSON" in refusal(tmp_path, "a.json", b"[{")
    assert "NaN is no number" in refusal(tmp_path, "a.json", b'[{"initiative_key": NaN}]')


def test_structure_in_json_is_the_text_that_a_cell_would_hold(tmp_path: Path) -> None:
    records = [{"initiative_key": "INIT-000001", "title": ["A", "B"], "tokens": {"a": [1]}}]
    assert read(tmp_path, "a.json", json.dumps(records).encode()) == [["INIT-000001", "A | B", '{"a": [1]}']]


def test_xlsx_is_read_from_the_first_sheet_with_the_headers(tmp_path: Path) -> None:
    place = plain_file(tmp_path / "a.xlsx", {"Notes": [["hello"]], "Plan": ROWS})
    assert read(tmp_path, "a.xlsx", place.read_bytes()) == [["INIT-000001", "Faster search", 40]]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.xlsx", b"not a zip", "The file can't be read as .xlsx"),
        ("a.csv", b"\0\1\2", "NUL"),
        ("a.csv", b"Colour,Shape\nred,round\n", "no header row"),
        ("a.csv", b"", "no header row"),
        ("a.csv", b'Initiative key,Title\n"INIT', "isn't valid CSV"),
    ],
)
def test_what_cant_be_read_says_why(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    assert said in refusal(tmp_path, name, data)


@pytest.mark.parametrize("name", ["a.exe", "a", "a.xls", ".csv.zip"])
def test_other_endings_are_refused(name: str) -> None:
    with pytest.raises(UnreadableFile, match=r"hand in a \.csv, \.xlsx or \.json file"):
        format_of(name)


def test_more_rows_than_can_be_judged_at_once_are_refused(tmp_path: Path) -> None:
    assert "more than 100,000 rows" in refusal(tmp_path, "a.csv", b"initiative_key,title\n" + b"a,b\n" * 100_001)
    assert "500 columns" in refusal(tmp_path, "a.csv", b"a," * 600)


@given(st.text(alphabet=st.sampled_from("'=+-@\t ab"), min_size=1, max_size=6))
def test_a_text_comes_back_from_csv_as_it_went_and_is_no_formula(text: str) -> None:
    written = str(harmless(text))
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    quoted = '"' + written.replace('"', '""') + '"'
    assert _csv_rows(f"a,b\n{quoted},x\n")[1][0] == text


def test_formats_are_known_by_their_ending() -> None:
    assert [format_of(name) for name in ("a.CSV", "b.c.xlsx", "d.json")] == [Format.CSV, Format.XLSX, Format.JSON]
