"""However small the pieces are in which a sheet is looked at: it reads, and is written, as if it were looked at as one."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetsync.workbooks.interface import TabWrites
from sheetsync.workbooks.xlsx import XlsxWorkbook
from sheetsync.workbooks.xlsx_package import Limits, Package
from sheetsync.workbooks.xlsx_stream import ROWS_BEGIN, ROWS_END, Unusual, pieces
from tests.sheetsync.xlsx_files import parts_of, raw_file, raw_parts, rich_file, sheet_xml, zipped

SHEET = "xl/worksheets/sheet1.xml"
CELLS = (
    "><v>1</v></c>",
    "><v>-0.5</v></c>",
    "><f>A1*2</f><v>4</v></c>",
    '><f t="shared" ref="B1:B9" si="0">A1</f><v>1</v></c>',
    '><f t="shared" si="0"/><v>1</v></c>',
    "><f>C3</f></c>",
    "></c>",
    ' t="str"><v>a text</v></c>',
    ' t="inlineStr"><is><t>&lt;/row&gt;</t></is></c>',
    ' t="b"><v>1</v></c>',
    ' t="e"><v>#REF!</v></c>',
)
ODDITIES = ("", "<!-- a </row> in a comment -->", "<!-- <sheetData> -->")


@st.composite
def sheets(draw) -> str:
    """Rows with gaps, now and then one that is closed at once, a comment, or cells without references."""
    rows = []
    for number in sorted(draw(st.sets(st.integers(1, 30), max_size=12))):
        columns = sorted(draw(st.sets(st.sampled_from("ABCDEF"), max_size=6)))
        inside = "".join(f'<c r="{column}{number}"{draw(st.sampled_from(CELLS))}' for column in columns)
        rows.append(f'<row r="{number}">{inside}</row>' if inside else f'<row r="{number}"/>')
    rows.insert(draw(st.integers(0, len(rows))), draw(st.sampled_from(ODDITIES)))
    merged = draw(st.sampled_from(["", '<mergeCells count="1"><mergeCell ref="A1:B3"/></mergeCells>']))
    return sheet_xml("".join(rows), after=merged)


@given(xml=sheets(), at_once=st.integers(1, 400))
@settings(max_examples=150, deadline=None)
def test_a_sheet_reads_the_same_in_pieces_of_any_size(tmp_path_factory, xml, at_once):
    path = raw_file(tmp_path_factory.mktemp("x") / "a.xlsx", {"T": xml})
    assert XlsxWorkbook(path, limits=Limits(at_once=at_once)).read() == XlsxWorkbook(path).read()


@given(
    xml=sheets(),
    at_once=st.integers(1, 400),
    values=st.dictionaries(
        st.tuples(st.integers(0, 35), st.integers(6, 9)),
        st.sampled_from(["new", 2.5, True, None, datetime.date(2026, 3, 31)]),
        min_size=1,
        max_size=5,
    ),
)
@settings(max_examples=100, deadline=None)
def test_a_sheet_is_written_the_same_in_pieces_of_any_size(tmp_path_factory, xml, at_once, values):
    folder = tmp_path_factory.mktemp("x")
    written = TabWrites(cells=values, appended=[{6: "below"}])
    for name, limits in (("whole.xlsx", Limits()), ("pieces.xlsx", Limits(at_once=at_once))):
        XlsxWorkbook(raw_file(folder / name, {"T": xml}), limits=limits).write({"T": written})
    assert parts_of(folder / "pieces.xlsx") == parts_of(folder / "whole.xlsx")


@pytest.mark.parametrize("at_once", [1, 100, 5_000])
def test_several_tabs_with_everything_in_them_read_the_same(tmp_path, at_once):
    path = rich_file(tmp_path / "a.xlsx")
    assert XlsxWorkbook(path, limits=Limits(at_once=at_once)).read() == XlsxWorkbook(path).read()


def test_the_pieces_are_whole_rows_between_what_is_before_and_after():
    rows = "".join(f'<row r="{number}"><c r="A{number}"><v>1</v></c></row>' for number in range(1, 100))
    content = zipped(raw_parts({"T": sheet_xml(rows, after="<pageMargins/>")}))
    head, *blocks, tail = pieces(Package(content, "a.xlsx", Limits(at_once=200)), SHEET, whole=False)
    assert head.endswith(ROWS_BEGIN)
    assert tail.startswith(ROWS_END)
    assert tail.endswith(b"<pageMargins/></worksheet>")
    assert len(blocks) > 10
    assert all(block.startswith(b"<row ") and block.endswith(b"</row>") for block in blocks)
    assert b"".join(blocks).decode() == rows


@pytest.mark.parametrize(
    "xml",
    [
        sheet_xml("<!-- so -->"),
        sheet_xml('<row r="1"><c><v>1</v></c></row>'),
        sheet_xml("").replace("<", "<x:").replace("<x:/", "</x:").replace("xmlns=", "xmlns:x="),
    ],
    ids=["comment", "cell without a reference", "prefix"],
)
def test_a_sheet_that_is_written_unusually_must_be_looked_at_as_a_whole(xml):
    package = Package(zipped(raw_parts({"T": xml})), "a.xlsx", Limits())
    with pytest.raises(Unusual):
        list(pieces(package, SHEET, whole=False))
    assert b"".join(pieces(package, SHEET, whole=True)).startswith(b"<worksheet")


def test_a_list_of_rows_without_an_end_is_no_sheet():
    package = Package(zipped(raw_parts({"T": "<worksheet><sheetData><row r='1'/>"})), "a.xlsx", Limits())
    with pytest.raises(ValueError, match="no end"):
        list(pieces(package, SHEET, whole=True))


def test_rows_that_are_the_same_after_a_write_are_kept_once(tmp_path):
    rows = "".join(f'<row r="{number}"><c r="A{number}"><v>{number}</v></c></row>' for number in range(1, 9))
    book = XlsxWorkbook(raw_file(tmp_path / "a.xlsx", {"T": sheet_xml(rows)}))
    before = book.read().grids["T"].rows
    book.write({"T": TabWrites(cells={(2, 0): "new", (0, 0): True})})
    after = book.read().grids["T"].rows
    assert [number for number in range(8) if after[number] is not before[number]] == [0, 2]
    assert after[0] == [True]
    assert type(after[0][0]) is bool
    assert before[0] == [1.0]
