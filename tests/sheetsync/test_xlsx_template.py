"""New workbooks from layouts, and additions to those that are there."""

from __future__ import annotations

import datetime

import openpyxl
import pytest

from sheetsync.layout import layout
from sheetsync.syncing.headers import Header, find_header
from sheetsync.tabs import Column, Kind, Owner
from sheetsync.workbooks.interface import TabWrites, WorkbookUnavailable
from sheetsync.workbooks.xlsx import XlsxWorkbook
from sheetsync.workbooks.xlsx_template import add_columns, render
from tests.sheetsync.toy_tab import IDEAS
from tests.sheetsync.xlsx_files import parts_of, plain_file, raw_file, rich_file, sheet_xml

DRAWN = layout(IDEAS)
COLUMNS = {column.name: number for number, column in enumerate(IDEAS.columns, 1)}


def looks_of(cell) -> tuple[str, ...]:
    return tuple(map(repr, (cell.font, cell.fill, cell.border, cell.alignment, cell.number_format)))


def header_of(path, tab="Ideas") -> Header:
    found = find_header(IDEAS, XlsxWorkbook(path).read([tab]).grids[tab].rows)
    assert isinstance(found, Header)
    return found


def test_a_new_workbook_is_made_with_its_folders_and_its_header_is_found(tmp_path):
    path = tmp_path / "new" / "folder" / "a.xlsx"
    said = render(path, [DRAWN, layout(IDEAS, title="More ideas")])
    assert said == ["Made a.xlsx with the tabs Ideas and More ideas."]
    assert XlsxWorkbook(path).read().titles == ("Ideas", "More ideas")
    assert header_of(path).row == DRAWN.header_row
    assert len(header_of(path).columns) == len(IDEAS.columns)
    assert [file.name for file in path.parent.iterdir()] == ["a.xlsx"]


def test_a_new_tab_has_no_sample_rows_and_hides_nothing(tmp_path):
    path = tmp_path / "a.xlsx"
    render(path, [DRAWN])
    assert len(XlsxWorkbook(path).read().grids["Ideas"].rows) == DRAWN.first_row
    sheet = openpyxl.load_workbook(path)["Ideas"]
    assert sheet.sheet_state == "visible"
    assert not any(look.hidden for look in (*sheet.column_dimensions.values(), *sheet.row_dimensions.values()))
    assert not sheet.protection.sheet
    assert not sheet.merged_cells.ranges


def test_headers_carry_notes_and_colours_and_stay_in_sight(tmp_path):
    path = tmp_path / "a.xlsx"
    render(path, [DRAWN])
    sheet = openpyxl.load_workbook(path)["Ideas"]
    for number, column in enumerate(DRAWN.columns, 1):
        header = sheet.cell(DRAWN.header_row + 1, number)
        assert header.comment.text == column.note
        assert header.fill.fgColor.rgb == f"00{column.paint.header_fill}"
    assert sheet.freeze_panes == f"C{DRAWN.first_row + 1}"


def test_dropdowns_and_formats_reach_down_the_whole_column(tmp_path):
    path = tmp_path / "a.xlsx"
    render(path, [DRAWN])
    sheet = openpyxl.load_workbook(path)["Ideas"]
    first = DRAWN.first_row + 1
    dropdowns = {
        str(rule.sqref): (rule.formula1, rule.showErrorMessage) for rule in sheet.data_validations.dataValidation
    }
    assert dropdowns == {
        f"C{first}:C10000": ('"new,ready,done"', True),
        f"D{first}:D10000": ('"UK,DE"', False),
        f"J{first}:J10000": ('"TRUE,FALSE"', True),
    }
    looks = sheet.column_dimensions
    assert (looks["K"].number_format, looks["I"].number_format, looks["O"].number_format) == ("yyyy-mm-dd", "0.0%", "@")
    assert looks["E"].alignment.wrap_text is True
    assert looks["A"].fill.fgColor.rgb == f"00{DRAWN.columns[0].paint.fill}"


def test_numbers_keep_a_distance_from_the_next_column(tmp_path):
    render(tmp_path / "a.xlsx", [DRAWN])
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["Ideas"]
    headers = [sheet.cell(DRAWN.header_row + 1, number) for number in range(1, len(DRAWN.columns) + 1)]
    indents = {column.align: cell.alignment.indent for column, cell in zip(DRAWN.columns, headers, strict=True)}
    assert indents == {"left": 0, "center": 0, "right": 1}


def test_rows_that_are_appended_to_a_template_begin_below_the_header_and_look_like_it(tmp_path):
    path = tmp_path / "a.xlsx"
    render(path, [DRAWN])
    row = {COLUMNS["idea_key"] - 1: "IDEA-1", COLUMNS["deadline"] - 1: datetime.date(2026, 3, 31)}
    XlsxWorkbook(path).write({"Ideas": TabWrites(appended=[row, row], after_row=DRAWN.header_row)})
    sheet = openpyxl.load_workbook(path)["Ideas"]
    for number in (DRAWN.first_row + 1, DRAWN.first_row + 2):
        key, deadline = sheet.cell(number, COLUMNS["idea_key"]), sheet.cell(number, COLUMNS["deadline"])
        assert (key.value, deadline.value) == ("IDEA-1", datetime.datetime(2026, 3, 31))
        assert (deadline.number_format, deadline.alignment.horizontal) == ("yyyy-mm-dd", "center")
        assert key.fill.fgColor.rgb == f"00{DRAWN.columns[0].paint.fill}"


def test_an_existing_workbook_gets_only_what_is_missing(tmp_path):
    path = rich_file(tmp_path / "a.xlsx")
    before = parts_of(path)
    said = render(path, [DRAWN, layout(IDEAS, title="Backlog")])
    assert said == ["Added Ideas to a.xlsx.", "Backlog was there already and stays as it is."]
    after = parts_of(path)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"[Content_Types].xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/workbook.xml"}
    assert XlsxWorkbook(path).read().titles == ("Backlog", "My Notes", "Ideas")
    assert header_of(path).row == DRAWN.header_row


def test_a_tab_that_was_added_looks_as_in_a_new_workbook_and_the_others_keep_their_looks(tmp_path):
    new, grown = tmp_path / "new.xlsx", rich_file(tmp_path / "grown.xlsx")
    old = openpyxl.load_workbook(grown)["Backlog"]
    render(new, [DRAWN])
    render(grown, [DRAWN])
    book = openpyxl.load_workbook(grown)
    expected, shown = openpyxl.load_workbook(new)["Ideas"], book["Ideas"]
    for row in expected.iter_rows(max_row=DRAWN.first_row):
        for cell in row:
            twin = shown[cell.coordinate]
            assert (twin.value, looks_of(twin)) == (cell.value, looks_of(cell))
            assert (twin.comment and twin.comment.text) == (cell.comment and cell.comment.text)
    for letter, look in expected.column_dimensions.items():
        twin = shown.column_dimensions[letter]
        assert (twin.width, looks_of(twin)) == (look.width, looks_of(look))
    for row in old.iter_rows():
        for cell in row:
            twin = book["Backlog"][cell.coordinate]
            assert (twin.value, looks_of(twin)) == (cell.value, looks_of(cell))
    assert book.active.title == "Backlog"


def test_nothing_is_written_when_nothing_is_missing(tmp_path):
    path = tmp_path / "a.xlsx"
    render(path, [DRAWN])
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert render(path, [layout(IDEAS, title="IDEAS")]) == ["IDEAS was there already and stays as it is."]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_tabs_added_one_after_the_other_get_names_of_their_own(tmp_path):
    path = tmp_path / "a.xlsx"
    for title in ("One", "Two & <co>", "Three"):
        render(path, [layout(IDEAS, title=title)])
    assert XlsxWorkbook(path).read().titles == ("One", "Two & <co>", "Three")
    book = openpyxl.load_workbook(path)
    assert [sheet.cell(DRAWN.header_row + 1, 1).comment.text for sheet in book] == [DRAWN.columns[0].note] * 3


def test_what_is_no_workbook_is_left_alone(tmp_path):
    with pytest.raises(WorkbookUnavailable, match=r"must end in \.xlsx"):
        render(tmp_path / "a.csv", [DRAWN])
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"my notes")
    with pytest.raises(WorkbookUnavailable, match=r"isn't an \.xlsx workbook"):
        render(path, [DRAWN])
    assert path.read_bytes() == b"my notes"


def new_columns() -> list[Column]:
    return [
        Column(name="run_status", owner=Owner.FEEDBACK, kind=Kind.LONG_TEXT, help="What became of it."),
        IDEAS.column("status"),
        IDEAS.column("deadline"),
    ]


def test_columns_are_added_at_the_right_end_with_the_looks_of_their_neighbours(tmp_path):
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Requests"
    sheet.append(["Our requests"])
    sheet.append(["Title", "Team"])
    sheet["B2"].font = openpyxl.styles.Font(bold=True)
    sheet.append(["Faster checkout", "Payments"])
    book.save(path)
    add_columns(path, "Requests", 1, new_columns())
    sheet = openpyxl.load_workbook(path)["Requests"]
    assert [cell.value for cell in sheet[2]] == ["Title", "Team", "run_status", "status", "deadline"]
    assert [cell.font.b for cell in sheet[2]] == [False, True, True, True, True]
    assert [cell.value for cell in sheet[3]][:2] == ["Faster checkout", "Payments"]
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    assert rules.keys() == {"C2", "D2", "D3:D10000", "E2"}
    assert rules["D3:D10000"].formula1 == '"new,ready,done"'
    assert rules["C2"].prompt == "What became of it.\nWhat became of the row."
    assert sheet.column_dimensions["C"].width == 46
    assert sheet.column_dimensions["E"].number_format == "yyyy-mm-dd"


def test_added_columns_leave_a_rich_tab_as_it_was(tmp_path):
    path = rich_file(tmp_path / "a.xlsx")
    before = XlsxWorkbook(path).read().grids["Backlog"]
    add_columns(path, "Backlog", 1, new_columns())
    after = XlsxWorkbook(path).read().grids["Backlog"]
    assert [row[: before.width] for row in after.rows] == before.rows
    assert after.rows[1][before.width :] == ["run_status", "status", "deadline"]
    sheet = openpyxl.load_workbook(path)["Backlog"]
    assert [str(rule.sqref) for rule in sheet.data_validations.dataValidation] == [
        "E3:E1000",
        "G2",
        "H2",
        "H3:H10000",
        "I2",
    ]
    assert (len(sheet.tables), sheet["A3"].comment.text, sheet.column_dimensions["B"].width) == (1, "a comment", 40)


def test_a_stray_note_beside_the_table_is_not_given_a_header(tmp_path):
    path = plain_file(tmp_path / "a.xlsx", {"T": [["Title"], ["one", None, "a stray note"]]})
    add_columns(path, "T", 0, [IDEAS.column("status"), IDEAS.column("deadline")])
    assert XlsxWorkbook(path).read().grids["T"].rows[0] == ["Title", None, None, "status", "deadline"]


def test_columns_for_a_tab_that_is_not_there_change_nothing(tmp_path):
    path = raw_file(tmp_path / "a.xlsx", {"T": sheet_xml("")})
    before = path.read_bytes()
    with pytest.raises(WorkbookUnavailable, match="no tab 'Gone'"):
        add_columns(path, "Gone", 0, new_columns())
    assert path.read_bytes() == before
