"""Builds .xlsx files for tests: from raw XML, so that every detail is under control, and rich ones with openpyxl."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import openpyxl
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Font, PatternFill
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.table import Table, TableStyleInfo

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# Style 1 is text, 2 is a date of its own format, 3 is bold.
STYLES = f"""<styleSheet xmlns="{MAIN}"><fonts count="2"><font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts>\
<fills count="1"><fill><patternFill patternType="none"/></fill></fills><borders count="1"><border/></borders>\
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>\
<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>\
<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>\
<xf numFmtId="14" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>\
<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0"><alignment wrapText="1"/></xf></cellXfs>\
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"""


def sheet_xml(rows: str, after: str = "", before: str = "") -> str:
    """A sheet's XML around its rows."""
    return f'<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'


def raw_parts(sheets: Mapping[str, str], *, workbook_settings: str = "", styles: str = STYLES) -> dict[str, str]:
    """The parts of a workbook whose sheets are given as XML, by title."""
    numbered = list(enumerate(sheets, 1))
    tabs = "".join(f'<sheet name="{title}" sheetId="{n}" r:id="rId{n}"/>' for n, title in numbered)
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n, _ in numbered
    )
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{CONTENT}.worksheet+xml"/>' for n, _ in numbered
    )
    package = "http://schemas.openxmlformats.org/package/2006"
    return {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{CONTENT}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{CONTENT}.styles+xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{workbook_settings}<sheets>{tabs}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{relations}'
        f'<Relationship Id="rId99" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": styles,
        **{f"xl/worksheets/sheet{n}.xml": sheets[title] for n, title in numbered},
    }


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """Parts as a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in parts.items():
            target.writestr(name, content)
    return out.getvalue()


def raw_file(path: Path, sheets: Mapping[str, str], **options: str) -> Path:
    """Writes a workbook whose sheets are given as XML."""
    path.write_bytes(zipped(raw_parts(sheets, **options)))
    return path


def parts_of(path: Path) -> dict[str, bytes]:
    """Every part of a file."""
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def plain_file(path: Path, tabs: Mapping[str, list[list[object]]]) -> Path:
    """A workbook as openpyxl writes it: formulas (strings with "=") have no results."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in tabs.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def rich_file(path: Path) -> Path:
    """A workbook with nearly all that a person may put into one, results of formulas included."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Backlog"
    sheet.append(["Instructions"])
    sheet.append(["initiative_key", "title", "tokens", "due", "done", "double"])
    for number in range(1, 8):
        due = datetime.date(2026, 1, number)
        sheet.append([f"INIT-{number:06d}", f"Title {number}", number * 1.5, due, number % 2 == 0, f"=C{number + 2}*2"])
        sheet.cell(number + 2, 4).number_format = "dd/mm/yyyy"
    sheet["A3"].comment = Comment("a comment", "someone")
    sheet["B3"].font = Font(bold=True, color="FF0000")
    choices = DataValidation(type="list", formula1='"TRUE,FALSE"', allow_blank=True)
    choices.add("E3:E1000")
    sheet.add_data_validation(choices)
    yellow = PatternFill("solid", bgColor="FFFF00")
    sheet.conditional_formatting.add("C3:C100", CellIsRule(operator="greaterThan", formula=["5"], fill=yellow))
    sheet.freeze_panes = "B3"
    sheet.merge_cells("A1:C1")
    sheet.column_dimensions["B"].width = 40
    sheet.row_dimensions[4].hidden = True
    table = Table(displayName="Initiatives", ref="A2:F9")
    table.tableStyleInfo = TableStyleInfo(name="TableStyleMedium9", showRowStripes=True)
    sheet.add_table(table)
    other = book.create_sheet("My Notes")
    for number in range(1, 6):
        other.append([number, f"=A{number}", f"=Backlog!A{number + 2}", f"=SUM(A{number}:B{number})"])
    chart = BarChart()
    chart.add_data(Reference(other, min_col=1, min_row=1, max_row=5))
    other.add_chart(chart, "H2")
    book.defined_names["tokens"] = DefinedName("tokens", attr_text="Backlog!$C$3:$C$9")
    book.save(path)
    _keep_results(path, {"xl/worksheets/sheet1.xml": b"7", "xl/worksheets/sheet2.xml": b"8"})
    return path


def _keep_results(path: Path, results: Mapping[str, bytes]) -> None:
    parts = parts_of(path)
    for name, result in results.items():
        parts[name] = re.sub(rb"</f><v\s*/>|</f><v></v>", b"</f><v>" + result + b"</v>", parts[name])
    path.write_bytes(zipped(parts))
