"""Makes new .xlsx workbooks from layouts, and adds what is missing to those that are there."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import openpyxl
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from sheetsync.layout import INK, LAST_ROW, ColumnLayout, LegendPiece, TabLayout, column_layout
from sheetsync.tabs import Column
from sheetsync.workbooks.interface import TabWrites, WorkbookUnavailable
from sheetsync.workbooks.xlsx import XlsxWorkbook
from sheetsync.workbooks.xlsx_edits import EditError, Edits, free_column
from sheetsync.workbooks.xlsx_files import not_writable, only_writer, read_content, replace_content, wait_until_closed
from sheetsync.workbooks.xlsx_graft import graft
from sheetsync.workbooks.xlsx_package import Limits, Package
from sheetsync.workbooks.xlsx_patch import patch_cells
from sheetsync.workbooks.xlsx_reading import Reading
from sheetsync.workbooks.xlsx_sheet_xml import attribute, cell_name, column_letters, with_attribute
from sheetsync.workbooks.xlsx_styles import DATE_FORMAT, Styles, append_to

FONT = "Calibri"
_LINE = Side(style="thin", color="D5DAE0")
_UNDER_HEADER = Side(style="medium", color="52606D")
_PAPER = PatternFill("solid", fgColor="FFFFFF")
_HEADER_HEIGHT = 24.0  # points
_NOTE_WIDTH, _NOTE_LINE = 340, 18  # pixels
_NOTE_CHARACTERS = 52  # in a line of a note
# What an input message and its title hold at most.
_LONGEST_PROMPT, _LONGEST_PROMPT_TITLE = 255, 32
_WAIT_S = 10.0
# What comes after the dropdowns in a sheet's XML, whose order is fixed.
_AFTER_DROPDOWNS = re.compile(
    rb"<(?:hyperlinks|printOptions|pageMargins|pageSetup|headerFooter|rowBreaks|colBreaks|customProperties|cellWatches"
    rb"|ignoredErrors|smartTags|drawing|legacyDrawing|legacyDrawingHF|picture|oleObjects|controls|webPublishItems|tableParts"
    rb"|extLst)(?=[\s/>])|</worksheet"
)


def render(path: str | Path, layouts: Sequence[TabLayout]) -> list[str]:
    """Makes the workbook with these tabs, folders included, or adds those that are missing; returns what was done, in sentences.

    Tabs that are there stay as they are. Raises WorkbookUnavailable, nothing done.
    """
    target = Path(path).expanduser().resolve()
    if target.suffix.lower() not in (".xlsx", ".xlsm"):
        raise WorkbookUnavailable(f"{target.name} must end in .xlsx; name it {target.stem}.xlsx.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with only_writer(target, _WAIT_S):
            if target.exists():
                return _add_missing(target, layouts)
            replace_content(target, _new_book(layouts), lambda copy: None)
    except OSError as error:
        raise not_writable(target, error) from error
    return [f"Made {target.name} with the tabs {_listed(layout.title for layout in layouts)}."]


def _add_missing(path: Path, layouts: Sequence[TabLayout]) -> list[str]:
    wait_until_closed(path, _WAIT_S)
    limits = Limits()
    content = read_content(path, limits.max_bytes)
    package = Package(content, path.name, limits)
    known = {sheet.title.casefold() for sheet in package.sheets}
    missing = [layout for layout in layouts if layout.title.casefold() not in known]
    said = [f"{layout.title} was there already and stays as it is." for layout in layouts if layout not in missing]
    if not missing:
        return said
    titles = [layout.title for layout in missing]
    grown = graft(package, Package(_new_book(missing), path.name, limits), titles)
    expected = tuple(sheet.title for sheet in package.sheets) + tuple(titles)

    def check(copy: bytes) -> None:
        reading = Reading(copy, path.name, limits)
        reading.grids(titles)
        if reading.titles != expected or read_content(path, limits.max_bytes) != content:
            raise WorkbookUnavailable(f"{path.name} was saved by someone else meanwhile; try again.")

    replace_content(path, grown, check)
    return [f"Added {_listed(titles)} to {path.name}.", *said]


def _listed(titles: Iterable[str]) -> str:
    names = list(titles)
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _new_book(layouts: Sequence[TabLayout]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for layout in layouts:
        _draw_tab(book.create_sheet(layout.title), layout)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _draw_tab(sheet: Worksheet, layout: TabLayout) -> None:
    sheet.sheet_view.showGridLines = False
    sheet.sheet_view.zoomScale = 100
    for number, column in enumerate(layout.columns, 1):
        _draw_column(sheet, number, column, layout)
    _draw_legend(sheet, layout)
    sheet.freeze_panes = sheet.cell(layout.first_row + 1, layout.frozen_columns + 1)
    sheet.sheet_properties.tabColor = layout.columns[0].paint.header_fill if layout.columns else None
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = f"{layout.header_row + 1}:{layout.header_row + 1}"


def _draw_legend(sheet: Worksheet, layout: TabLayout) -> None:
    for row, pieces in enumerate(layout.legend, 1):
        # Below the header a column's colour reaches down the whole column; above it the paper stays white.
        for column in range(1, len(layout.columns) + 1):
            sheet.cell(row, column).fill = _PAPER
        cell = sheet.cell(row, 1)
        cell.value = _rich(pieces)
        cell.font = Font(name=FONT, size=15 if pieces[0].bold else 10, bold=pieces[0].bold, color=INK)
        cell.alignment = Alignment(vertical="center")
        sheet.row_dimensions[row].height = 26.0 if pieces[0].bold else 17.0


def _rich(pieces: Sequence[LegendPiece]) -> CellRichText | str:
    if not any(piece.swatch for piece in pieces):
        return pieces[0].text
    text = InlineFont(rFont=FONT, sz=10, color=INK)
    blocks = []
    for piece in pieces:
        outlined = piece.swatch == "FFFFFF"
        square = InlineFont(rFont=FONT, sz=12, color="52606D" if outlined else piece.swatch)
        blocks += [TextBlock(square, "□ " if outlined else "■ "), TextBlock(text, f"{piece.text}      ")]
    return CellRichText(*blocks)


def _draw_column(sheet: Worksheet, number: int, column: ColumnLayout, layout: TabLayout) -> None:
    letter = get_column_letter(number)
    below = sheet.column_dimensions[letter]
    below.width = column.width
    below.number_format = column.number_format
    below.font = Font(name=FONT, size=11, color=INK)
    below.alignment = Alignment(
        vertical="top", wrap_text=column.wrapped or None, horizontal=column.align, indent=_indent(column)
    )
    below.border = Border(bottom=_LINE, right=_LINE)
    if column.paint.fill:
        below.fill = PatternFill("solid", fgColor=column.paint.fill)
    header = sheet.cell(layout.header_row + 1, number, column.header)
    header.font = Font(name=FONT, size=11, bold=True, color=column.paint.header_ink)
    header.fill = PatternFill("solid", fgColor=column.paint.header_fill)
    header.alignment = Alignment(vertical="center", horizontal=column.align, indent=_indent(column))
    header.border = Border(bottom=_UNDER_HEADER, right=_LINE)
    header.comment = _note(column.note)
    sheet.row_dimensions[layout.header_row + 1].height = _HEADER_HEIGHT
    if column.dropdown:
        sheet.add_data_validation(_dropdown(column, f"{letter}{layout.first_row + 1}:{letter}{LAST_ROW}"))


def _indent(column: ColumnLayout) -> int:
    """A gap behind numbers, or they touch the text of the next column."""
    return int(column.align == "right")


def _note(text: str) -> Comment:
    lines = sum(1 + len(line) // _NOTE_CHARACTERS for line in text.splitlines())
    return Comment(text, "Portfolio Desk", width=_NOTE_WIDTH, height=_NOTE_LINE * (lines + 1))


def _dropdown(column: ColumnLayout, cells: str) -> DataValidation:
    validation = DataValidation(
        type="list",
        formula1=f'"{",".join(column.dropdown)}"',
        allow_blank=True,
        showErrorMessage=column.strict,
        errorTitle=column.header[:_LONGEST_PROMPT_TITLE],
        error=_refusal(column),
    )
    validation.add(cells)
    return validation


def _refusal(column: ColumnLayout) -> str:
    return f"Choose one of {', '.join(column.dropdown)}, or leave the cell empty."[:_LONGEST_PROMPT]


def add_columns(path: str | Path, title: str, header_row: int, columns: Sequence[Column]) -> None:
    """Adds columns at the right end of a tab: headers that look like their neighbours, input messages, dropdowns, widths.

    `header_row` counts from 0. Raises WorkbookUnavailable, nothing done.
    """
    layouts = [column_layout(column, coloured=False) for column in columns]
    reader = XlsxWorkbook(path, wait_s=_WAIT_S)
    snapshot = reader.read([title])
    if title not in snapshot.grids:
        raise WorkbookUnavailable(f"There is no tab {title!r} in {reader.path.name}.")
    if not layouts:
        return
    first = free_column(snapshot.grids[title], header_row, len(layouts))

    def edit(reading: Reading, edits: Edits) -> bytes:
        return _with_looks(reading, edits, title, header_row, first, layouts)

    cells = {(header_row, first + offset): column.header for offset, column in enumerate(layouts)}
    XlsxWorkbook(path, wait_s=_WAIT_S, editors=[edit]).write({title: TabWrites(cells=cells)}, version=snapshot.version)


def _with_looks(
    reading: Reading, edits: Edits, title: str, header_row: int, first: int, columns: Sequence[ColumnLayout]
) -> bytes:
    """An editor that also gives the new columns their looks. Raises EditError."""
    limits = reading.package.limits
    changed = Reading(patch_cells(reading, edits), reading.package.name, limits)
    part, package = changed.parts[title], changed.package
    xml = changed.sheet_xml(title)
    styles_part = package.related("styles")
    try:
        styles = Styles(package.xml(styles_part)) if styles_part else None
        neighbour = _style_at(xml, cell_name(header_row, first - 1)) if first else None
        for offset, column in enumerate(columns):
            place = first + offset
            xml = _styled(xml, cell_name(header_row, place), neighbour)
            style = styles.with_date(0, DATE_FORMAT) if styles and column.number_format == DATE_FORMAT else 0
            xml = _with_width(xml, place, column.width, style)
            xml = _with_validations(xml, header_row, place, column)
    except ValueError as error:
        raise EditError(str(error)) from error
    return package.rebuilt({part: xml} | ({styles_part: styles.xml} if styles and styles.changed else {}))


def _style_at(xml: bytes, name: str) -> str | None:
    found = re.search(rb'<c r="%s"[^>]*>' % name.encode(), xml)
    return attribute(found[0], "s") if found else None


def _styled(xml: bytes, name: str, style: str | None) -> bytes:
    found = re.search(rb'<c r="%s"[^>]*>' % name.encode(), xml)
    if found is None:
        raise ValueError(f"{name} isn't there")
    return xml[: found.start()] + with_attribute(found[0], "s", style) + xml[found.end() :]


def _with_width(xml: bytes, column: int, width: int, style: int) -> bytes:
    """A width for a column, where the sheet doesn't say one already."""
    tags = re.findall(rb"<col(?=\s)[^>]*>", xml[: xml.find(b"<sheetData")])
    if any(int(attribute(tag, "max") or 0) > column for tag in tags):
        return xml
    look = f' style="{style}"' if style else ""
    tag = f'<col min="{column + 1}" max="{column + 1}" width="{width}" customWidth="1"{look}/>'.encode()
    if tags:
        return append_to(xml, b"cols", [tag], counted=False)
    at = xml.index(b"<sheetData")
    return xml[:at] + b"<cols>" + tag + b"</cols>" + xml[at:]


def _with_validations(xml: bytes, header_row: int, place: int, column: ColumnLayout) -> bytes:
    """The column's dropdown, and its note as the message that shows when the header is selected."""
    letters = column_letters(place)
    note = column.note if len(column.note) <= _LONGEST_PROMPT else column.note[: _LONGEST_PROMPT - 1] + "…"
    made = [
        f'<dataValidation allowBlank="1" showInputMessage="1" promptTitle="{_quoted(column.header[:_LONGEST_PROMPT_TITLE])}" '
        f'prompt="{_quoted(note)}" sqref="{cell_name(header_row, place)}"/>'
    ]
    if column.dropdown:
        strict = f' showErrorMessage="1" error="{_quoted(_refusal(column))}"' if column.strict else ""
        made.append(
            f'<dataValidation type="list" allowBlank="1"{strict} sqref="{letters}{header_row + 2}:{letters}{LAST_ROW}">'
            f"<formula1>{html.escape(chr(34) + ','.join(column.dropdown) + chr(34), quote=False)}</formula1></dataValidation>"
        )
    elements = [element.encode() for element in made]
    if re.search(rb"<dataValidations(?=[\s>])", xml):
        return append_to(xml, b"dataValidations", elements)
    end = _AFTER_DROPDOWNS.search(xml, xml.rindex(b"</sheetData") if b"</sheetData" in xml else 0)
    if end is None:
        raise ValueError("the sheet's XML has no end")
    block = b'<dataValidations count="%d">' % len(elements) + b"".join(elements) + b"</dataValidations>"
    return xml[: end.start()] + block + xml[end.start() :]


def _quoted(text: str) -> str:
    """As an attribute's value; a line break there must be written as a reference, or it is read as a space."""
    return html.escape(text).replace("\n", "&#10;")
