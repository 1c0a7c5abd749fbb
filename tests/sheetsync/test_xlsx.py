"""Workbooks in .xlsx files: what is read, what is refused, what a write changes and what it leaves."""

from __future__ import annotations

import datetime
import stat
import threading
import time
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetsync.workbooks import xlsx_files
from sheetsync.workbooks.interface import TabWrites, WorkbookChanged, WorkbookUnavailable
from sheetsync.workbooks.xlsx import XlsxWorkbook
from sheetsync.workbooks.xlsx_edits import Edits
from sheetsync.workbooks.xlsx_openpyxl import edit_with_openpyxl
from sheetsync.workbooks.xlsx_package import Limits
from sheetsync.workbooks.xlsx_patch import patch_cells
from sheetsync.workbooks.xlsx_reading import Reading
from tests.sheetsync.xlsx_files import (
    MAIN,
    parts_of,
    plain_file,
    raw_file,
    raw_parts,
    rich_file,
    sheet_xml,
    zipped,
)

EDITORS = pytest.mark.parametrize("editor", [patch_cells, edit_with_openpyxl], ids=["patch", "openpyxl"])


def rows_of(path: Path, tab: str) -> list[list[object]]:
    return XlsxWorkbook(path).read([tab]).grids[tab].rows


def write(path: Path, tab: str, cells=None, *, appended=(), after_row=0, **options):
    book = XlsxWorkbook(path, wait_s=0, **options)
    version = book.read([tab]).version
    return book.write({tab: TabWrites(cells=cells or {}, appended=appended, after_row=after_row)}, version=version)


# Reading.


def test_numbers_texts_ticks_and_blanks_are_read_as_they_are(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a", None, 1.5], [True, "", "007"], [None, False, "x "]]})
    assert rows_of(path, "T") == [["a", None, 1.5], [True, None, "007"], [None, False, "x "]]


def test_rows_are_padded_to_one_width_and_begin_at_the_first_cell(tmp_path):
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml('<row r="3"><c r="C3"><v>1</v></c></row>')})
    grid = XlsxWorkbook(path).read().grids["T"]
    assert (grid.width, grid.rows) == (3, [[None] * 3, [None] * 3, [None, None, 1.0]])


def test_dates_are_serial_numbers_to_the_last_digit(tmp_path):
    cells = '<c r="A1" s="2"><v>46023</v></c><c r="B1" s="2"><v>46023.123456789</v></c><c r="C1" s="2"><v>-5</v></c>'
    path = raw_file(
        tmp_path / "a.xlsx", {"T": sheet_xml(f'<row r="1">{cells}<c r="D1" t="d"><v>2026-01-01</v></c></row>')}
    )
    assert rows_of(path, "T") == [[46023.0, 46023.123456789, -5.0, 46023.0]]


def test_dates_of_a_workbook_that_counts_from_1904_are_shifted_and_numbers_are_not(tmp_path):
    rows = '<row r="1"><c r="A1" s="2"><v>44561</v></c><c r="B1"><v>44561</v></c></row>'
    settings_1904 = '<workbookPr date1904="1"/>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)}, workbook_settings=settings_1904)
    assert rows_of(path, "T") == [[46023.0, 44561.0]]


def test_a_date_written_where_dates_count_from_1904_reads_as_the_same_day(tmp_path):
    settings_1904 = '<workbookPr date1904="1"/>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml("")}, workbook_settings=settings_1904)
    write(path, "T", {(0, 0): datetime.date(2026, 1, 1)})
    assert rows_of(path, "T") == [[46023.0]]
    assert openpyxl.load_workbook(path)["T"]["A1"].value == datetime.datetime(2026, 1, 1)


def test_error_values_are_read_as_their_texts(tmp_path):
    rows = '<row r="1"><c r="A1" t="e"><v>#REF!</v></c><c r="B1" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    assert rows_of(path, "T") == [["#REF!", "#DIV/0!"]]


def test_all_tabs_come_in_one_read_and_missing_ones_are_left_out(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"One": [[1]], "Two": [[2]]})
    book = XlsxWorkbook(path)
    assert book.read().grids.keys() == {"One", "Two"}
    snapshot = book.read(["Two", "Three"])
    assert (snapshot.grids.keys(), snapshot.titles, book.reads) == ({"Two"}, ("One", "Two"), 2)


def test_cells_inside_a_merged_range_are_named_but_for_the_first(tmp_path):
    path = rich_file(tmp_path / "a.xlsx")
    assert set(XlsxWorkbook(path).read(["Backlog"]).grids["Backlog"].merged) == {(0, 1), (0, 2)}


def test_an_unchanged_file_is_parsed_once_and_a_changed_one_again(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["old"]]})
    book = XlsxWorkbook(path)
    first, second = book.read(), book.read()
    assert first.version == second.version
    assert first.grids["T"] is second.grids["T"]
    plain_file(path, {"T": [["new"]]})
    third = book.read()
    assert third.version != first.version
    assert third.grids["T"].rows == [["new"]]


def test_a_sheet_with_prefixes_comments_and_cells_without_references_reads_the_same(tmp_path):
    sheet = (
        f'<x:worksheet xmlns:x="{MAIN}"><!-- <c r="Z9"><f>1</f></c> --><x:sheetData><x:row>'
        '<x:c><x:v>1</x:v></x:c><x:c s="2" r="C1"><x:v>3</x:v></x:c><x:c><x:f>A1</x:f></x:c></x:row>'
        '<x:row><x:c t="str"><x:v><![CDATA[<f>]]></x:v></x:c></x:row></x:sheetData></x:worksheet>'
    )
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet})
    grid = XlsxWorkbook(path).read().grids["T"]
    assert grid.rows == [[1.0, None, 3.0, 1.0], ["<f>", None, None, None]]
    assert grid.formulas == {(0, 3): "=A1"}


# Formulas.


def test_copies_without_results_are_settled_through_chains_and_across_tabs(tmp_path):
    tabs = {
        "Backlog": [["INIT-1", "=A1", "=B1"]],
        "My Tab": [["=Backlog!A1", "=Backlog!$C$1", "='My Tab'!A1", "=backlog!a1", "=' My Tab'!A1"]],
    }
    path = plain_file(tmp_path / "a.xlsx", tabs)
    grids = XlsxWorkbook(path).read().grids
    assert grids["Backlog"].rows == [["INIT-1"] * 3]
    assert grids["My Tab"].rows == [["INIT-1"] * 4 + ["#REF!"]]
    assert not grids["My Tab"].stale


def test_a_copy_shows_what_its_cell_holds_now_whatever_result_the_file_keeps(tmp_path):
    rows = '<row r="1"><c r="A1"><v>2</v></c><c r="B1"><f>A1</f><v>1</v></c></row>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    assert rows_of(path, "T") == [[2.0, 2.0]]
    write(path, "T", {(0, 0): "new"})
    assert rows_of(path, "T") == [["new", "new"]]


def test_a_copy_of_a_blank_cell_is_blank_unless_a_program_has_shown_its_zero(tmp_path):
    rows = '<row r="1"><c r="B1"><f>A1</f><v>0</v></c><c r="C1"><f>A1</f><v>5</v></c><c r="D1"><f>A1</f></c></row>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    assert rows_of(path, "T") == [[None, 0.0, None]]


def test_a_formula_without_a_result_is_stale_and_so_are_its_copies_and_circles(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["=SUM(1,2)", "=A1", "=D1", "=C1", "x", '="a"&"b"']]})
    grid = XlsxWorkbook(path).read().grids["T"]
    assert set(grid.stale) == {(0, 0), (0, 1), (0, 2), (0, 3), (0, 5)}
    assert grid.rows == [[None, None, None, None, "x", None]]


def test_a_formula_that_shows_an_empty_text_has_a_result(tmp_path):
    rows = '<row r="1"><c r="A1" t="str"><f>""</f><v></v></c><c r="B1"><v>1</v></c></row>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    assert not XlsxWorkbook(path).read().grids["T"].stale


def test_a_long_chain_of_copies_is_settled(tmp_path):
    rows = [["end"], *([f"=A{number}"] for number in range(1, 5000))]
    path = plain_file(tmp_path / "a.xlsx", {"T": rows})
    assert rows_of(path, "T") == [["end"]] * 5000


def test_shared_and_array_formulas_are_known_cell_by_cell(tmp_path):
    rows = (
        '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><f t="shared" ref="B1:B3" si="0">$A1+A$1+Other!A1+"A1"</f><v>2</v></c>'
        '<c r="C1"><f t="array" ref="C1:D2">SORT(A1:A3)</f><v>1</v></c><c r="D1"><v>2</v></c></row>'
        '<row r="2"><c r="A2"><v>1</v></c><c r="B2"><f t="shared" si="0"/><v>2</v></c><c r="C2"><v>1</v></c></row>'
        '<row r="3"><c r="B3"><f t="shared" si="0"/><v>2</v></c></row>'
    ).replace('"A1"</f>', "&quot;A1&quot;</f>")
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows), "Other": sheet_xml("")})
    formulas = XlsxWorkbook(path).read(formulas=True).grids["T"].formulas
    assert formulas[2, 1] == '=$A3+A$1+Other!A3+"A1"'
    assert {at for at in formulas if at[1] in (2, 3)} == {(0, 2), (0, 3), (1, 2), (1, 3)}


def test_copies_that_were_filled_down_as_a_shared_formula_are_settled(tmp_path):
    rows = (
        '<row r="1"><c r="A1"><v>10</v></c><c r="B1"><f t="shared" ref="B1:B2" si="3">A1</f><v>0</v></c></row>'
        '<row r="2"><c r="A2"><v>20</v></c><c r="B2"><f t="shared" si="3"/><v>0</v></c></row>'
    )
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    assert rows_of(path, "T") == [[10.0, 10.0], [20.0, 20.0]]


# What is refused before anything is parsed.


def reads_or_refuses(path: Path) -> bool:
    """Any other exception would go through."""
    try:
        return XlsxWorkbook(path).read().titles is not None
    except WorkbookUnavailable as error:
        return str(error).endswith(".")


def refusal(path: Path, **options) -> str:
    with pytest.raises(WorkbookUnavailable) as caught:
        XlsxWorkbook(path, wait_s=0, **options).read()
    return str(caught.value)


def test_what_is_no_workbook_is_refused_with_what_to_do(tmp_path):
    assert "no file" in refusal(tmp_path / "none.xlsx")
    assert "folder" in refusal(tmp_path)
    for name, content, said in [
        ("a.xlsx", b"hello", "isn't an .xlsx"),
        ("b.xlsx", b"", "is empty"),
        ("c.xls", b"x", "save it as .xlsx"),
        ("d.ods", b"x", "save it as .xlsx"),
        ("e.csv", b"x", "save it as .xlsx"),
        ("f.xlsx", zipped({"a.txt": "x"}), "not a workbook"),
        ("g.xlsx", b"PK\x03\x04" + b"x" * 100, "damaged"),
        ("h.xlsx", bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"), "password"),
        ("i.xlsx", bytes.fromhex("d0cf11e0a1b11ae1") + b"Workbook", "old .xls"),
    ]:
        path = tmp_path / name
        path.write_bytes(content)
        assert said in refusal(path), name


def test_a_truncated_file_is_refused(tmp_path):
    path = rich_file(tmp_path / "a.xlsx")
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged" in refusal(path)


def test_a_file_beyond_the_size_limit_is_refused(tmp_path):
    path = rich_file(tmp_path / "a.xlsx")
    assert "exceeds" in refusal(path, max_bytes=1000)


def test_a_small_file_that_unpacks_to_very_much_is_refused(tmp_path):
    parts = raw_parts({"T": sheet_xml("")})
    parts["xl/media/zeros.bin"] = b"\0" * 20_000_000
    path = tmp_path / "a.xlsx"
    path.write_bytes(zipped(parts))
    assert "unpack to" in refusal(path)
    assert "unpack to" in refusal(path, limits=Limits(max_ratio=10_000, max_unpacked_bytes=1_000_000))


def test_too_many_parts_are_refused(tmp_path):
    path = rich_file(tmp_path / "a.xlsx")
    assert "parts" in refusal(path, limits=Limits(max_entries=5))


def test_a_part_that_lies_about_its_size_is_refused(tmp_path):
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml('<row r="1"><c r="A1"><v>1</v></c></row>' * 50)})
    content = bytearray(path.read_bytes())
    # The size of the sheet as the directory at the end of the zip claims it.
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(b"xl/worksheets/sheet1.xml"))
    content[entry + 24 : entry + 28] = (40).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    assert "damaged" in refusal(path)


@pytest.mark.parametrize(
    "cell",
    ['<c r="XFD1048576"><v>1</v></c>', '<c s="1" r="XFD1048576"><v>1</v></c>', "<c r='XFD1048576'><v>1</v></c>"],
)
def test_a_small_file_that_claims_billions_of_cells_is_refused(tmp_path, cell):
    rows = f'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576">{cell}</row>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    assert path.stat().st_size < 4000
    assert "17,179,869,184 cells" in refusal(path)


def test_a_cell_far_from_where_its_row_says_it_is_counts_as_well(tmp_path):
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml('<row r="1"><c r="XFD1048576"><v>1</v></c></row>')})
    assert "cells" in refusal(path)


def test_formats_alone_far_below_the_table_claim_nothing(tmp_path):
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576" s="1"/></row>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    assert rows_of(path, "T") == [[1.0]]


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_declared_entities_are_refused(tmp_path, part):
    parts = raw_parts({"T": sheet_xml("")})
    parts[part] = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>' + parts[part]
    path = tmp_path / "a.xlsx"
    path.write_bytes(zipped(parts))
    assert "entities" in refusal(path)


@given(cut=st.integers(0, 4000), flips=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path_factory, cut, flips):
    path = raw_file(
        tmp_path_factory.mktemp("x") / "a.xlsx", {"T": sheet_xml('<row r="1"><c r="A1"><f>B1</f></c></row>')}
    )
    content = bytearray(path.read_bytes())
    for at, value in flips:
        content[at % len(content)] = value
    path.write_bytes(bytes(content[: len(content) - cut % 40]))
    assert reads_or_refuses(path)


@given(rows=st.text(alphabet="<>/=\"'rcfvst 01AZ!:$&;", max_size=80))
@settings(max_examples=200, deadline=None)
def test_a_malformed_sheet_is_read_or_refused_and_nothing_else(tmp_path_factory, rows):
    inside = f'<row r="1"><c r="A1"><f>{rows}</f></c>{rows}</row>'
    path = raw_file(tmp_path_factory.mktemp("x") / "a.xlsx", {"T": sheet_xml(inside)})
    assert reads_or_refuses(path)


# Writing.


@EDITORS
def test_values_of_every_kind_are_read_back_as_written(tmp_path, editor):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a", "b"], [1, 2]]})
    cells = {
        (0, 0): "new",
        (1, 0): None,
        (1, 1): "",
        (2, 3): 0.125,
        (3, 0): True,
        (3, 1): -7,
        (4, 2): datetime.date(2026, 3, 31),
        (5, 0): " two\nlines\t<&> \"'ü€😀 ",
    }
    result = write(path, "T", cells, editors=[editor])
    assert result.written == {"T"}
    rows = rows_of(path, "T")
    assert rows[0][:2] == ["new", "b"]
    assert rows[1][:2] == [None, None]
    assert [rows[2][3], rows[3][0], rows[3][1], rows[4][2]] == [0.125, True, -7.0, 46112.0]
    assert rows[5][0] == cells[5, 0]


@pytest.mark.parametrize("number", [0.1 + 0.2, 1e-320, 1.7976931348623157e308, 12345678901234567, -0.0, 1e15, 1e16])
def test_a_number_is_written_to_its_last_digit(tmp_path, number):
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml("")})
    write(path, "T", {(0, 0): number})
    assert rows_of(path, "T") == [[float(number)]]


@EDITORS
@pytest.mark.parametrize("text", ["a\r\nb", "_x000D_", "_X0041_ _x00e9_", "__x0041__", "\r"])
def test_a_text_that_looks_escaped_comes_back_as_it_was(tmp_path, editor, text):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})
    write(path, "T", {(0, 0): text}, editors=[editor])
    assert rows_of(path, "T") == [[text]]


@EDITORS
@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@SUM(A1)", "=cmd|' /C calc'!A0", "007", "1,5", "TRUE", "#REF!"])
def test_a_text_stays_a_text_and_never_becomes_a_formula(tmp_path, editor, text):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})
    write(path, "T", {(0, 0): text}, appended=[{1: text}], editors=[editor])
    grid = XlsxWorkbook(path).read(formulas=True).grids["T"]
    assert grid.rows == [[text, None], [None, text]]
    assert not grid.formulas
    cell = openpyxl.load_workbook(path)["T"]["A1"]
    assert (cell.data_type, cell.value) == ("s", text)


@given(
    texts=st.lists(
        st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters=[*map(chr, range(9)), "\x0b", "\x0c"])),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_text_comes_back_or_its_tab_is_refused(tmp_path_factory, texts):
    path = raw_file(tmp_path_factory.mktemp("x") / "a.xlsx", {"T": sheet_xml("")})
    result = write(path, "T", {(row, 0): text for row, text in enumerate(texts)})
    if result.refused:
        assert "control character" in result.refused["T"]
        return
    shown = [row[0] for row in rows_of(path, "T")]
    assert shown + [None] * (len(texts) - len(shown)) == [text or None for text in texts]


def test_new_cells_stand_in_the_order_of_their_columns(tmp_path):
    rows = '<row r="2" spans="2:4"><c r="B2"><v>1</v></c><c r="D2"><v>2</v></c></row><row r="9"><c r="A9"><v>3</v></c></row>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    write(path, "T", {(1, 0): 5, (1, 2): 6, (1, 27): 7, (0, 1): 8, (4, 0): 9, (10, 0): 10})
    xml = parts_of(path)["xl/worksheets/sheet1.xml"].decode()
    references = [piece.split('"')[0] for piece in xml.split('<c r="')[1:]]
    assert references == ["B1", "A2", "B2", "C2", "D2", "AB2", "A5", "A9", "A11"]
    assert 'spans="2:4"' not in xml


def test_a_write_to_an_empty_sheet_lands(tmp_path):
    path = raw_file(
        tmp_path / "a.xlsx", {"T": f'<worksheet xmlns="{MAIN}"><dimension ref="A1"/><sheetData/></worksheet>'}
    )
    write(path, "T", {(2, 1): "x"})
    assert rows_of(path, "T") == [[None, None], [None, None], [None, "x"]]
    assert b'<dimension ref="A1:B3"/>' in parts_of(path)["xl/worksheets/sheet1.xml"]


def test_nothing_else_in_a_rich_file_changes(tmp_path):
    path = rich_file(tmp_path / "a.xlsx")
    before = parts_of(path)
    write(path, "Backlog", {(3, 1): "changed", (4, 2): 42, (5, 4): None}, appended=[{0: "INIT-000008"}], after_row=1)
    after = parts_of(path)
    assert list(after) == list(before)
    assert {name for name in before if before[name] != after[name]} == {"xl/worksheets/sheet1.xml"}
    old, new = (parts["xl/worksheets/sheet1.xml"].decode() for parts in (before, after))
    untouched = '<row r="8">'
    assert old[: old.index("<dimension")] == new[: new.index("<dimension")]
    assert (
        old[old.index("<sheetViews") : old.index('<row r="4"')]
        == new[new.index("<sheetViews") : new.index('<row r="4"')]
    )
    assert old[old.index(untouched) : old.index("</sheetData>")] in new
    assert old[old.index("</sheetData>") :] == new[new.index("</sheetData>") :]
    assert new.count("<f>") == old.count("<f>") == new.count("</f><v>7</v>")
    assert '<row r="4" hidden="1">' in new


def test_spreadsheet_programs_are_told_to_calculate_when_there_are_formulas(tmp_path):
    settings_of_excel = "<bookViews/>"
    formula = sheet_xml('<row r="1"><c r="A1"><f>B1*2</f><v>1</v></c></row>')
    path = raw_file(tmp_path / "a.xlsx", {"T": formula}, workbook_settings=settings_of_excel)
    write(path, "T", {(0, 1): 5})
    assert b'</sheets><calcPr fullCalcOnLoad="1"/></workbook>' in parts_of(path)["xl/workbook.xml"]
    plain = raw_file(tmp_path / "b.xlsx", {"T": sheet_xml("")})
    write(plain, "T", {(0, 1): 5})
    assert b"calcPr" not in parts_of(plain)["xl/workbook.xml"]


@EDITORS
def test_formats_stay_and_a_date_gets_one_only_where_there_is_none(tmp_path, editor):
    rows = '<row r="1"><c r="A1" s="3"><v>1</v></c><c r="B1" s="2"><v>1</v></c><c r="C1" s="1"/></row>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    day = datetime.date(2026, 3, 31)
    write(path, "T", {(0, 0): day, (0, 1): day, (0, 2): day, (0, 3): day, (0, 4): 1}, editors=[editor])
    sheet = openpyxl.load_workbook(path)["T"]
    assert [cell.number_format for cell in sheet[1]] == [
        "yyyy-mm-dd",
        "mm-dd-yy",
        "yyyy-mm-dd",
        "yyyy-mm-dd",
        "General",
    ]
    assert sheet["A1"].font.b is True
    assert sheet["A1"].alignment.wrap_text is True
    assert all(cell.value == datetime.datetime(2026, 3, 31) for cell in sheet[1][:4])


@EDITORS
def test_appended_rows_go_below_the_last_content_and_look_like_it(tmp_path, editor):
    rows = (
        '<row r="1"><c r="A1" t="str"><v>key</v></c></row>'
        '<row r="2"><c r="A2" s="3" t="str"><v>K1</v></c><c r="B2" s="2"><v>1</v></c><c r="C2" s="1"/></row>'
        '<row r="3"><c r="A3" s="1"/><c r="D3" t="b"><v>0</v></c></row><row r="4"><c r="D4" t="b"><v>0</v></c></row>'
    )
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    write(path, "T", appended=[{0: "K2", 3: True}, {0: "K3"}, {0: "K4"}], editors=[editor])
    assert [row[0] for row in rows_of(path, "T")] == ["key", "K1", "K2", "K3", "K4"]
    assert [row[3] for row in rows_of(path, "T")] == [None, None, True, False, None]
    sheet = openpyxl.load_workbook(path)["T"]
    assert [sheet[name].number_format for name in ("A3", "B3", "C3", "B5")] == ["@", "mm-dd-yy", "@", "mm-dd-yy"]
    assert [sheet[name].font.b for name in ("A3", "A4", "A5")] == [False, True, True]


def test_appended_rows_stay_below_the_row_they_are_told_to(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["legend"]]})
    write(path, "T", appended=[{0: "first"}], after_row=4)
    assert rows_of(path, "T") == [["legend"], [None], [None], [None], [None], ["first"]]


def test_appended_rows_leave_formulas_alone_that_show_nothing_yet(tmp_path):
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="5"><c r="A5" t="str"><f>""</f><v></v></c></row>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    write(path, "T", appended=[{1: "beside"}])
    write(path, "T", appended=[{0: "below"}])
    assert [row for row in rows_of(path, "T") if any(row)] == [[1.0, None], [None, "beside"], ["below", None]]


def test_new_cells_take_the_format_of_their_row_or_column(tmp_path):
    before = '<cols><col min="2" max="3" style="2"/></cols>'
    rows = '<row r="2" s="3" customFormat="1"><c r="A2"/></row>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows, before=before)})
    write(path, "T", {(0, 1): 5, (1, 1): 6, (2, 3): 7})
    sheet = openpyxl.load_workbook(path)["T"]
    assert [sheet[name]._style.xfId is not None and sheet[name].style_id for name in ("B1", "B2", "D3")] == [2, 3, 0]


def test_a_write_on_an_older_version_changes_nothing(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})
    book = XlsxWorkbook(path)
    version = book.read().version
    plain_file(path, {"T": [["edited"]]})
    before = path.read_bytes()
    with pytest.raises(WorkbookChanged):
        book.write({"T": TabWrites(cells={(0, 0): "ours"})}, version=version)
    assert path.read_bytes() == before


def test_an_edit_in_the_middle_of_a_write_is_not_lost(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})

    def edit_meanwhile(reading: Reading, edits: Edits) -> bytes:
        content = patch_cells(reading, edits)
        plain_file(path, {"T": [["a person's"]]})
        return content

    with pytest.raises(WorkbookChanged):
        write(path, "T", {(0, 0): "ours"}, editors=[edit_meanwhile])
    assert rows_of(path, "T") == [["a person's"]]


def test_a_missing_tab_and_an_impossible_value_refuse_their_tab_alone(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"Good": [["a"]], "Long": [["a"]], "Control": [["a"]]})
    result = XlsxWorkbook(path).write(
        {
            "Good": TabWrites(cells={(0, 0): "b"}),
            "Long": TabWrites(cells={(0, 0): "x", (2, 1): "😀" * 16_384}),
            "Control": TabWrites(appended=[{0: "bell \x07"}]),
            "Gone": TabWrites(cells={(0, 0): "b"}),
        }
    )
    assert result.written == {"Good"}
    assert result.refused == {
        "Long": "B3: the text has 32,768 characters, and a cell holds 32,767 at most",
        "Control": "A2: the text holds the control character U+0007, which no cell can hold",
        "Gone": "there is no tab 'Gone' in a.xlsx",
    }
    assert [rows_of(path, tab) for tab in ("Good", "Long", "Control")] == [[["b"]], [["a"]], [["a"]]]


def test_the_longest_text_that_a_cell_holds_is_written_whole(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})
    write(path, "T", {(0, 0): "x" * 32_767})
    assert rows_of(path, "T") == [["x" * 32_767]]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_no_cell_can_hold_is_a_mistake_of_the_caller(tmp_path, number):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="A1"):
        write(path, "T", {(0, 0): number})
    assert path.read_bytes() == before


@pytest.mark.parametrize("at", [(0, 0), (1, 2)])
def test_a_formula_is_never_overwritten(tmp_path, at):
    rows = '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="C1"><f t="array" ref="C1:C2">A1:A2</f><v>1</v></c></row>'
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="never overwritten"):
        write(path, "T", {at: "x"})
    assert path.read_bytes() == before


def test_the_next_editor_takes_over_when_the_first_one_gets_it_wrong(tmp_path):
    def forgets(reading: Reading, edits: Edits) -> bytes:
        return reading.package.rebuilt({})

    def does_too_much(reading: Reading, edits: Edits) -> bytes:
        return zipped(raw_parts({"T": sheet_xml('<row r="1"><c r="A1"><v>2</v></c><c r="B1"><v>9</v></c></row>')}))

    path = plain_file(tmp_path / "a.xlsx", {"T": [[1, 1]]})
    write(path, "T", {(0, 0): 2}, editors=[forgets, does_too_much, edit_with_openpyxl])
    assert rows_of(path, "T") == [[2.0, 1.0]]
    before = path.read_bytes()
    with pytest.raises(WorkbookUnavailable, match="left as it is"):
        write(path, "T", {(0, 0): 3}, editors=[forgets, does_too_much])
    assert path.read_bytes() == before


def test_openpyxl_keeps_a_rich_file_but_for_results(tmp_path):
    path = rich_file(tmp_path / "a.xlsx")
    write(
        path, "Backlog", {(3, 1): "changed"}, appended=[{0: "INIT-000008"}], after_row=1, editors=[edit_with_openpyxl]
    )
    book = openpyxl.load_workbook(path)
    sheet = book["Backlog"]
    assert [sheet["B4"].value, sheet["A10"].value, sheet["F3"].value] == ["changed", "INIT-000008", "=C3*2"]
    assert sheet["A3"].comment.text == "a comment"
    assert (sheet.freeze_panes, [str(block) for block in sheet.merged_cells.ranges]) == ("B3", ["A1:C1"])
    assert len(sheet.data_validations.dataValidation) == len(sheet.conditional_formatting) == len(sheet.tables) == 1
    assert len(book["My Notes"]._charts) == 1
    assert "tokens" in book.defined_names


def test_openpyxl_leaves_a_file_alone_whose_parts_it_would_drop(tmp_path):
    parts = raw_parts({"T": sheet_xml("")}) | {"customXml/item1.xml": "<a/>"}
    path = tmp_path / "a.xlsx"
    path.write_bytes(zipped(parts))
    with pytest.raises(WorkbookUnavailable, match="without harming"):
        write(path, "T", {(0, 0): 1}, editors=[edit_with_openpyxl])
    write(path, "T", {(0, 0): 1})
    assert parts_of(path)["customXml/item1.xml"] == b"<a/>"


# The file on the disk.


def test_permissions_and_links_stay_and_nothing_is_left_beside(tmp_path):
    path = plain_file(tmp_path / "real.xlsx", {"T": [["a"]]})
    path.chmod(0o640)
    link = tmp_path / "link.xlsx"
    link.symlink_to(path)
    write(link, "T", {(0, 0): "b"})
    assert link.is_symlink()
    assert rows_of(path, "T") == [["b"]]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link.xlsx", "real.xlsx"]


@pytest.mark.parametrize("name", ["~$a.xlsx", ".~lock.a.xlsx#"])
def test_a_file_that_is_open_elsewhere_is_read_but_not_written(tmp_path, name):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})
    (tmp_path / name).write_bytes(b"\x03Ana" if name.startswith("~") else b",Ana,pc,31.03.2026 09:30,file:///x;")
    assert rows_of(path, "T") == [["a"]]
    with pytest.raises(WorkbookUnavailable, match=r"a\.xlsx is open in (Excel|LibreOffice) \(Ana\)"):
        write(path, "T", {(0, 0): "b"})
    assert rows_of(path, "T") == [["a"]]


def test_a_file_that_is_marked_read_only_is_not_replaced(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})
    path.chmod(0o444)
    with pytest.raises(WorkbookUnavailable, match="read-only"):
        write(path, "T", {(0, 0): "b"})
    assert rows_of(path, "T") == [["a"]]


def test_a_write_waits_until_the_file_is_closed(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})
    owner = tmp_path / "~$a.xlsx"
    owner.write_bytes(b"")
    closing = threading.Timer(0.2, owner.unlink)
    closing.start()
    began = time.monotonic()
    XlsxWorkbook(path, wait_s=10).write({"T": TabWrites(cells={(0, 0): "b"})})
    closing.join()
    assert time.monotonic() - began < 5
    assert rows_of(path, "T") == [["b"]]


def test_only_one_writer_at_a_time(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})
    with xlsx_files.only_writer(path, 0), pytest.raises(WorkbookUnavailable, match="Another action"):
        write(path, "T", {(0, 0): "b"})
    write(path, "T", {(0, 0): "b"})
    assert rows_of(path, "T") == [["b"]]


def test_writers_at_the_same_moment_lose_no_cell(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})

    def add(number: int) -> None:
        XlsxWorkbook(path, wait_s=30).write({"T": TabWrites(cells={(number, 0): number})})

    threads = [threading.Thread(target=add, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row[0] for row in rows_of(path, "T")] == ["a", *map(float, range(1, 9))]


def test_a_crash_before_the_replacement_leaves_the_old_file_and_its_rest_is_swept_up(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})
    before = path.read_bytes()
    left_over = tmp_path / ".a.xlsx.abc.part"
    left_over.write_bytes(b"half a fi")
    assert rows_of(path, "T") == [["a"]]

    def crash(_copy: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        xlsx_files.replace_content(path, b"new", crash)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.xlsx"]


def test_a_read_after_a_write_needs_no_parsing(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["a"]]})
    book = XlsxWorkbook(path)
    version = book.read().version
    book.write({"T": TabWrites(cells={(0, 0): "b"})}, version=version)
    changed = book.read()
    assert changed.grids["T"].rows == [["b"]]
    assert changed.version == XlsxWorkbook(path).read().version != version
    assert (book.reads, book.writes) == (2, 1)


def test_what_the_zip_says_of_its_parts_stays(tmp_path):
    path = rich_file(tmp_path / "a.xlsx")
    with zipfile.ZipFile(path) as before:
        told = [(info.filename, info.date_time, info.external_attr) for info in before.infolist()]
    write(path, "Backlog", {(3, 1): "changed"})
    with zipfile.ZipFile(path) as after:
        assert [(info.filename, info.date_time, info.external_attr) for info in after.infolist()] == told
