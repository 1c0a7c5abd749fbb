"""Adds new tabs to an .xlsx file without touching those that are there: their parts are taken over from another file.

Only files that openpyxl has just made are taken from: texts stand in the cells, and a tab has comments at most beside it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

from sheetsync.workbooks.interface import WorkbookUnavailable
from sheetsync.workbooks.xlsx_package import Package, relations_of
from sheetsync.workbooks.xlsx_sheet_xml import attribute, with_attribute
from sheetsync.workbooks.xlsx_styles import append_to, elements_of, number_format_tag

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
_COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
_VML_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_STYLED = re.compile(rb"<(?:c|row|col)(?=\s)[^>]*>")
_RELATION = re.compile(rb"<Relationship(?=\s)[^>]*>")
_FIRST_OWN_FORMAT = 164


def graft(target: Package, source: Package, titles: Sequence[str]) -> bytes:
    """The target with these tabs of the source added at its end. Raises WorkbookUnavailable when it is built unusually."""
    try:
        return target.rebuilt(_Graft(target, source).add(titles))
    except ValueError as error:
        raise WorkbookUnavailable(
            f"No tab could be added to {target.name}, because it is built in an unusual way; it was left as it is. "
            "Save it once as .xlsx in a spreadsheet program and try again."
        ) from error


class _Graft:
    """Parts of the target that change while tabs are added."""

    def __init__(self, target: Package, source: Package) -> None:
        self._target = target
        self._source = source
        self._changed: dict[str, bytes] = {}
        self._styles_part = target.related("styles")
        if not self._styles_part:
            raise ValueError("no styles")
        self._changed[self._styles_part], self._styles = merged_styles(
            target.xml(self._styles_part), source.xml(source.related("styles"))
        )

    def add(self, titles: Sequence[str]) -> Mapping[str, bytes]:
        """Part -> content of all that changes or is new."""
        parts = {sheet.title: sheet.part for sheet in self._source.sheets}
        for title in titles:
            self._add_tab(title, parts[title])
        return self._changed

    def _add_tab(self, title: str, source_part: str) -> None:
        part = self._free_name("xl/worksheets/sheet{}.xml")
        self._changed[part] = _STYLED.sub(self._restyled, _not_selected(self._source.xml(source_part)))
        self._declare(part, _SHEET_TYPE)
        self._take_over_related(source_part, part)
        workbook = self._target.workbook_part
        relation = self._relate(relations_of(workbook), f"{_OFFICE}/worksheet", f"/{part}")
        xml = self._now(workbook)
        numbers = [int(attribute(tag, "sheetId") or 0) for tag in re.findall(rb"<sheet(?=\s)[^>]*>", xml)]
        tag = f'<sheet xmlns:r="{_OFFICE}" name="{html.escape(title)}" sheetId="{max(numbers, default=0) + 1}" r:id="{relation}"/>'
        end = xml.index(b"</sheets")
        self._changed[workbook] = xml[:end] + tag.encode() + xml[end:]

    def _take_over_related(self, source_part: str, part: str) -> None:
        """The notes of a tab, and the drawing that holds their boxes."""
        relations = relations_of(source_part)
        if not self._source.has(relations):
            return
        xml = self._source.xml(relations)
        for tag in _RELATION.findall(xml):
            taken = (attribute(tag, "Target") or "").lstrip("/")
            is_drawing = taken.endswith(".vml")
            name = self._free_name("xl/drawings/notes{}.vml" if is_drawing else "xl/notes{}.xml")
            self._changed[name] = self._source.read(taken)
            self._declare(name, _VML_TYPE if is_drawing else _COMMENTS_TYPE)
            xml = xml.replace(tag, with_attribute(tag, "Target", f"/{name}"))
        self._changed[relations_of(part)] = xml

    def _restyled(self, found: re.Match[bytes]) -> bytes:
        tag = found[0]
        name = "style" if tag.startswith(b"<col") else "s"
        style = attribute(tag, name)
        return tag if style is None else with_attribute(tag, name, str(self._styles[int(style)]))

    def _relate(self, relations: str, kind: str, target: str) -> str:
        xml = self._now(relations)
        known = {attribute(tag, "Id") for tag in _RELATION.findall(xml)}
        relation = next(f"rIdNew{number}" for number in range(1, len(known) + 2) if f"rIdNew{number}" not in known)
        end = xml.index(b"</Relationships")
        tag = f'<Relationship Id="{relation}" Type="{kind}" Target="{target}"/>'
        self._changed[relations] = xml[:end] + tag.encode() + xml[end:]
        return relation

    def _declare(self, part: str, content_type: str) -> None:
        xml = self._now("[Content_Types].xml")
        end = xml.index(b"</Types")
        tag = f'<Override PartName="/{part}" ContentType="{content_type}"/>'
        self._changed["[Content_Types].xml"] = xml[:end] + tag.encode() + xml[end:]

    def _now(self, part: str) -> bytes:
        return self._changed[part] if part in self._changed else self._target.xml(part)

    def _free_name(self, pattern: str) -> str:
        taken = {name.lower() for name in (*self._target.names(), *self._changed)}
        number = 1
        while pattern.format(number).lower() in taken:
            number += 1
        return pattern.format(number)


def _not_selected(xml: bytes) -> bytes:
    """The tab's XML without the mark that it is the one in front: a workbook has one such tab already."""
    return re.sub(rb'\s+tabSelected="[^"]*"', b"", xml, count=1)


def merged_styles(target: bytes, source: bytes) -> tuple[bytes, list[int]]:
    """The target's styles with the source's at their end, and where each cell format of the source stands there. Raises ValueError."""
    merged = target
    offsets: dict[bytes, int] = {}
    for name in (b"fonts", b"fills", b"borders"):
        elements = elements_of(source, name)
        offsets[name] = len(elements_of(target, name))
        merged = append_to(merged, name, elements)
    merged, formats = _merged_number_formats(merged, source)
    made = []
    for xf in elements_of(source, b"cellXfs"):
        for name, key in ((b"fonts", "fontId"), (b"fills", "fillId"), (b"borders", "borderId")):
            xf = with_attribute(xf, key, str(int(attribute(xf, key) or 0) + offsets[name]))
        number = attribute(xf, "numFmtId") or "0"
        xf = with_attribute(xf, "numFmtId", formats.get(number, number))
        made.append(with_attribute(xf, "xfId", "0"))
    first = len(elements_of(target, b"cellXfs"))
    return append_to(merged, b"cellXfs", made), list(range(first, first + len(made)))


def _merged_number_formats(target: bytes, source: bytes) -> tuple[bytes, dict[str, str]]:
    """The target with the source's own number formats, and the new number of each."""
    taken = [int(attribute(tag, "numFmtId") or 0) for tag in elements_of(target, b"numFmts")]
    number = max([_FIRST_OWN_FORMAT - 1, *taken])
    made, formats = [], {}
    for tag in elements_of(source, b"numFmts"):
        number += 1
        made.append(number_format_tag(number, attribute(tag, "formatCode") or "General"))
        formats[attribute(tag, "numFmtId") or ""] = str(number)
    return append_to(target, b"numFmts", made), formats
