"""The list of cell formats of an .xlsx file, and additions at its end; formats that are there never change or move."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from sheetsync.workbooks.xlsx_sheet_xml import attribute, with_attribute

_XF = re.compile(rb"<xf(?=[\s/>])[^>]*?(?:/>|>.*?</xf\s*>)", re.DOTALL)
_TAG = re.compile(rb"<(/?)[A-Za-z][^>]*?(/?)>")
_NUMBER_FORMAT = re.compile(rb"<numFmt(?=\s)[^>]*>")
# Formats in which a serial number doesn't read as a date: General, and text.
_NO_DATE = frozenset({"0", "49"})
# Numbers below belong to the formats that are built in.
_FIRST_OWN_FORMAT = 164
DATE_FORMAT = "yyyy-mm-dd"
DATE_TIME_FORMAT = "yyyy-mm-dd hh:mm:ss"


class Styles:
    """The styles part while it is edited."""

    def __init__(self, xml: bytes) -> None:
        """`xml` is the styles part without prefixes."""
        self._xml = xml
        self._formats = [found[0] for found in _XF.finditer(section(xml, b"cellXfs"))]
        self._made: dict[tuple[int, str], int] = {}

    @property
    def changed(self) -> bool:
        """Whether anything was added."""
        return bool(self._made)

    @property
    def xml(self) -> bytes:
        """The part with everything that was added."""
        return self._xml

    def with_date(self, style: int, number_format: str) -> int:
        """The style that looks like this one and shows a date; the same one where it has a number format of its own."""
        if style >= len(self._formats):
            style = 0
        if not self._formats or (attribute(self._formats[style], "numFmtId") or "0") not in _NO_DATE:
            return style
        if (style, number_format) not in self._made:
            made = with_attribute(self._formats[style], "numFmtId", str(self._format_id(number_format)))
            made = with_attribute(made, "applyNumberFormat", "1")
            self._formats.append(made)
            self._xml = append_to(self._xml, b"cellXfs", [made])
            self._made[style, number_format] = len(self._formats) - 1
        return self._made[style, number_format]

    def _format_id(self, code: str) -> int:
        known = [found[0] for found in _NUMBER_FORMAT.finditer(section(self._xml, b"numFmts"))]
        for tag in known:
            if attribute(tag, "formatCode") == code:
                return int(attribute(tag, "numFmtId") or 0)
        number = max([_FIRST_OWN_FORMAT - 1, *(int(attribute(tag, "numFmtId") or 0) for tag in known)]) + 1
        self._xml = append_to(self._xml, b"numFmts", [number_format_tag(number, code)])
        return number


def number_format_tag(number: int, code: str) -> bytes:
    """The declaration of a number format."""
    return f'<numFmt numFmtId="{number}" formatCode="{html.escape(code)}"/>'.encode()


def section(xml: bytes, name: bytes) -> bytes:
    """What stands between the tags of a list such as `fonts`; empty when there is none."""
    found = re.search(rb"<" + name + rb"(?=[\s>])[^>]*?>(.*?)</" + name + rb"\s*>", xml, re.DOTALL)
    return found[1] if found else b""


def elements_of(xml: bytes, name: bytes) -> list[bytes]:
    """The elements of a list such as `fonts`, in order. Raises ValueError when their XML isn't well-formed."""
    inside = section(xml, name)
    found: list[bytes] = []
    depth = start = 0
    for tag in _TAG.finditer(inside):
        if not depth and not tag[1]:
            start = tag.start()
        depth += -1 if tag[1] else (0 if tag[2] else 1)
        if depth < 0:
            raise ValueError(f"{name.decode()} isn't well-formed")
        if not depth:
            found.append(inside[start : tag.end()])
    return found


def append_to(xml: bytes, name: bytes, elements: Sequence[bytes], *, counted: bool = True) -> bytes:
    """The XML with elements at the end of a list; a missing list of number formats is made. Raises ValueError."""
    if not elements:
        return xml
    opening = re.search(rb"<" + name + rb"(?=[\s/>])[^>]*?(/?)>", xml)
    if opening is None:
        if name != b"numFmts":
            raise ValueError(f"the styles have no {name.decode()}")
        root = re.search(rb"<styleSheet\b[^>]*>", xml)
        if root is None:
            raise ValueError("there are no styles")
        made = b'<numFmts count="%d">' % len(elements) + b"".join(elements) + b"</numFmts>"
        return xml[: root.end()] + made + xml[root.end() :]
    end = opening.end() if opening[1] else xml.index(b"</" + name, opening.end())
    inside = b"" if opening[1] else xml[opening.end() : end]
    count = int(attribute(opening[0], "count") or 0) + len(elements)
    tag = opening[0].replace(b"/>", b">")
    if counted:
        tag = with_attribute(tag, "count", str(count))
    tail = xml[end:] if not opening[1] else b"</" + name + b">" + xml[end:]
    return xml[: opening.start()] + tag + inside + b"".join(elements) + tail
