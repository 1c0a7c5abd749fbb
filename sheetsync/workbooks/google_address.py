"""Which locations are Google spreadsheets, and which spreadsheet each is."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from sheetsync.workbooks.interface import WorkbookUnavailable

_ID = re.compile(r"[A-Za-z0-9_-]{20,}")
_IN_PATH = re.compile(r"/(?:spreadsheets|file)/(?:u/\d+/)?d/([A-Za-z0-9_-]+)(?:/|$)")
HOW = "copy the address from the browser while the spreadsheet is open"


def spreadsheet_id(location: str) -> str:
    """The id of a Google spreadsheet's address or id; "" for a location that is a file's path.

    Raises WorkbookUnavailable for a web address that isn't a spreadsheet's.
    """
    text = location.strip()
    if "://" not in text:
        return text if _ID.fullmatch(text) and not Path(text).exists() else ""
    address = urlsplit(text)
    if "/d/e/" in address.path:
        raise WorkbookUnavailable(f"{text} is a published copy, which nobody can write to; {HOW}.")
    found = _IN_PATH.search(address.path)
    named = found[1] if found else parse_qs(address.query).get("id", [""])[0]
    if not _ID.fullmatch(named):
        raise WorkbookUnavailable(
            f"{text} isn't the address of a Google spreadsheet; {HOW}, or name the path of an .xlsx file."
        )
    return named
