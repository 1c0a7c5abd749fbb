"""Reads what matters out of a sheet's XML without a parser: at 20 MB a sheet, a tree of elements would cost seconds.

Everything here works on XML that went through `normalise`: no prefixes, no comments, a reference on every row and cell.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import cache

_CELL_TAG = re.compile(rb"<c(?=[\s/>])([^>]*?)(/?)>")
_ROW_OR_CELL = re.compile(rb"<(row|c)(?=[\s/>])([^>]*?)(/?)>")
_UNUSUAL = re.compile(rb'<(?:c(?! r="[A-Z])|row(?! r="[0-9]))[\s/>]')
_ROW_NUMBER = re.compile(rb"<row\b[^>]*?\sr\s*=\s*[\"'](\d+)")
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_CDATA = re.compile(rb"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_ERROR_CELL = re.compile(rb"""<c(?=\s)([^>]*\st\s*=\s*["']e["'][^>]*)>(.*?)</c>""", re.DOTALL)
_CACHED = re.compile(rb"<v\b[^>]*>([^<]*)</v>")
_MERGED = re.compile(rb"<mergeCell\b([^>]*)>")
MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384


@cache
def _attribute_pattern(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"""(?:^|\s)%s\s*=\s*(?:"([^"]*)"|'([^']*)')""" % re.escape(name.encode()))


def attribute(tag: bytes, name: str) -> str | None:
    """An attribute of a tag, unescaped; None when the tag hasn't got it."""
    found = _attribute_pattern(name).search(tag)
    if found is None:
        return None
    value = (found[1] if found[1] is not None else found[2]).decode()
    return html.unescape(value) if "&" in value else value


def with_attribute(element: bytes, name: str, value: str | None) -> bytes:
    """The element with an attribute of its first tag set, or taken out (None)."""
    end = element.index(b">")
    head, tail = _attribute_pattern(name).sub(b"", element[:end], count=1), element[end:]
    closed = b"/" if head.endswith(b"/") else b""
    head = head.rstrip(b"/ ")
    if value is not None:
        head += f' {name}="{html.escape(value)}"'.encode()
    return head + closed + tail


def column_number(letters: str) -> int:
    """0 for A, 25 for Z, 26 for AA."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def column_letters(column: int) -> str:
    """A for 0, Z for 25, AA for 26."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell_name(row: int, column: int) -> str:
    """A1 for (0, 0)."""
    return f"{column_letters(column)}{row + 1}"


def place(reference: str) -> tuple[int, int]:
    """(0, 0) for A1 and $A$1. Raises ValueError for what isn't a cell."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(reference)
    row, column = int(found[2]) - 1, column_number(found[1])
    if not (0 <= row < MAX_ROWS and column < MAX_COLUMNS):
        raise ValueError(reference)
    return row, column


def block(reference: str) -> tuple[int, int, int, int]:
    """(first row, first column, last row, last column) of A1:B3 or of a single cell. Raises ValueError."""
    first, _, last = reference.partition(":")
    (top, left), (bottom, right) = place(first), place(last or first)
    return min(top, bottom), min(left, right), max(top, bottom), max(left, right)


def normalise(xml: bytes) -> bytes:
    """The same sheet without comments and CDATA, with a reference on every row and cell. Usual ones come back as is."""
    if b"<!" in xml:
        xml = _COMMENT.sub(b"", xml)
        xml = _CDATA.sub(lambda found: html.escape(found[1].decode()).encode(), xml)
    return xml if is_usual(xml) else _with_references(xml)


def is_usual(xml: bytes) -> bool:
    """Whether every row and cell has its reference first, as nearly every program writes it; only others are looked at tag by tag."""
    return _UNUSUAL.search(xml) is None


def _with_references(xml: bytes) -> bytes:
    row, column = -1, -1

    def refer(found: re.Match[bytes]) -> bytes:
        nonlocal row, column
        kind, attributes, closed = found.groups()
        given = attribute(attributes, "r")
        if kind == b"row":
            row, column = (int(given) - 1 if given else row + 1), -1
            name = str(row + 1)
        else:
            column = place(given)[1] if given else column + 1
            name = given.upper() if given else cell_name(row, column)
        rest = _attribute_pattern("r").sub(b"", attributes).strip()
        return b'<%s r="%s"%s%s>' % (kind, name.encode(), b" " + rest if rest else b"", closed)

    return _ROW_OR_CELL.sub(refer, xml)


def reach(rows: bytes) -> tuple[int, int] | None:
    """(rows, columns) from A1 to the last cell in some rows of a sheet, an upper bound; None when only `exact_reach` can tell.

    The reader sets aside memory for the whole rectangle, however few cells it holds: so this is asked first.
    """
    last_row = max(map(int, _ROW_NUMBER.findall(rows)), default=0)
    digits = len(str(last_row))
    columns = re.findall(rb'<c r="([A-Z]{1,3})[0-9]{1,%d}"' % digits, rows)
    if len(columns) != rows.count(b"<c "):
        return None
    return 10**digits - 1, max((column_number(letters.decode()) for letters in set(columns)), default=-1) + 1


def exact_reach(rows: bytes) -> tuple[int, int]:
    """(rows, columns) from A1 to the last cell that isn't empty."""
    bottom = right = 0
    for found in _CELL_TAG.finditer(rows):
        if found[2]:
            continue
        row, column = place(attribute(found[1], "r") or "")
        bottom, right = max(bottom, row + 1), max(right, column + 1)
    return bottom, right


def error_cells(xml: bytes) -> Iterator[tuple[int, int, str]]:
    """(row, column, text such as "#REF!") of every cell that holds an error."""
    if b'"e"' not in xml and b"'e'" not in xml:
        return
    for found in _ERROR_CELL.finditer(xml):
        value = _CACHED.search(found[2])
        row, column = place(attribute(found[1], "r") or "")
        yield row, column, html.unescape(value[1].decode()) if value and value[1] else "#ERROR!"


def merged_blocks(xml: bytes) -> list[tuple[int, int, int, int]]:
    """The merged ranges. Raises ValueError for what isn't a range."""
    if b"<mergeCell " not in xml:
        return []
    return [block(attribute(found[1], "ref") or "") for found in _MERGED.finditer(xml)]
