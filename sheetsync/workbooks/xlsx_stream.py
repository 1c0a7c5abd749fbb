"""Hands out a sheet's XML in pieces of whole rows, so that a sheet of hundreds of megabytes never stands in memory as one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sheetsync.workbooks.xlsx_package import Package, without_prefix
from sheetsync.workbooks.xlsx_sheet_xml import is_usual, normalise

ROWS_BEGIN, ROWS_END = b"<sheetData>", b"</sheetData>"
_BEGIN = re.compile(rb"<sheetData\s*(/?)>")
_END = re.compile(rb"</sheetData\s*>")
_ROW_END = b"</row>"


class Unusual(Exception):
    """The sheet is written in a way that only a look at the whole of it sets right."""


def pieces(package: Package, part: str, *, whole: bool) -> Iterator[bytes]:
    """The sheet normalised, cut in pieces: what comes before the rows, which ends with `<sheetData>`; blocks of whole rows; the rest,
    which begins with `</sheetData>`. A sheet without a list of rows is one piece.

    `whole`: unpacks and normalises the sheet as one; without it, raises Unusual (perhaps after some pieces) where that is needed. Raises
    ValueError for what isn't a sheet and WorkbookUnavailable for what isn't what the zip claims, at the latest after the last piece.
    """
    at_once = package.limits.at_once
    if whole:
        xml = normalise(package.xml(part))
        package.release()
        yield from _cut(xml[start : start + at_once] for start in range(0, len(xml), at_once))
        return
    for number, piece in enumerate(_cut(package.chunks(part, at_once))):
        # A piece can't end inside a comment that isn't found here: the comment's own beginning lies in it.
        if b"<!" in piece or not is_usual(piece) or (number == 0 and not _is_plain(piece)):
            raise Unusual
        yield piece


def _is_plain(head: bytes) -> bool:
    """Whether the sheet is UTF-8 whose elements have no prefix."""
    return head[:2] not in (b"\xff\xfe", b"\xfe\xff") and b"\0" not in head[:4] and without_prefix(head) is head


def _cut(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cuts the sheet between its rows. Text and attributes hold no `<` of their own, so tags are found where they are."""
    rest, inside = b"", False
    tail: list[bytes] = []
    for chunk in chunks:
        if tail:
            tail.append(chunk)
            continue
        rest += chunk
        if not inside:
            begin = _BEGIN.search(rest)
            if begin is None:
                continue
            yield rest[: begin.start()] + ROWS_BEGIN
            rest, inside = rest[begin.end() :], True
            if begin[1]:
                tail = [ROWS_END, rest]
                continue
        end = _END.search(rest)
        if end is not None:
            yield rest[: end.start()]
            tail = [ROWS_END, rest[end.end() :]]
            continue
        cut = rest.rfind(_ROW_END) + len(_ROW_END)
        if cut >= len(_ROW_END):
            yield rest[:cut]
            rest = rest[cut:]
    if not inside:
        yield rest
    elif tail:
        yield b"".join(tail)
    else:
        raise ValueError("the list of rows has no end")
