"""Files that people hand in: CSV, .xlsx and JSON become a grid of cells, as a sheet's tab is. What can't be read is told in a sentence."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from sheetsync.syncing.headers import Header, HeaderProblem, find_header
from sheetsync.syncing.view import padded
from sheetsync.tabs import Tab
from sheetsync.workbooks.interface import Grid, Raw, WorkbookUnavailable
from sheetsync.workbooks.kinds import open_location

MOST_ROWS = 100_000
MOST_COLUMNS = 500
LONGEST_CELL = 200_000  # characters; what a field takes at most is said by its own rule
# What a spreadsheet program takes for the beginning of a formula, or skips before one.
_RISKY = ("=", "+", "-", "@", "\t", "\r")
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class Format(StrEnum):
    """What a file is, by its ending."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


class UnreadableFile(Exception):
    """The file can't be read. The text is a sentence for people: what is wrong, and what to do."""


def format_of(name: str) -> Format:
    """By the ending. Raises UnreadableFile."""
    ending = name.rpartition(".")[2].casefold()
    if ending not in list(Format):
        raise UnreadableFile(f"{name!r} is no file that can be imported; hand in a .csv, .xlsx or .json file.")
    return Format(ending)


def read_file(path: Path, kind: Format, tab: Tab) -> tuple[Grid, Header]:
    """The file's cells, and where the tab's columns are in them. Raises UnreadableFile."""
    if kind is Format.XLSX:
        return _sheet_of(path, tab)
    text = _text_of(path.read_bytes())
    grid = _grid(_csv_rows(text) if kind is Format.CSV else _json_rows(text))
    header = find_header(tab, grid.rows)
    if isinstance(header, HeaderProblem):
        raise UnreadableFile(header.text)
    return grid, header


def _sheet_of(path: Path, tab: Tab) -> tuple[Grid, Header]:
    """The first sheet with the tab's header row."""
    try:
        snapshot = open_location(str(path)).read(None)
    except WorkbookUnavailable as unavailable:
        raise UnreadableFile(f"The file can't be read as .xlsx: {unavailable}".replace(str(path), "it")) from None
    problems = []
    for title in snapshot.titles:
        grid = snapshot.grids[title]
        header = find_header(tab, grid.rows)
        if isinstance(header, Header):
            _require_size(len(grid.rows), grid.width)
            return grid, header
        problems.append(header.text)
    raise UnreadableFile(problems[0] if problems else "The file has no sheet.")


def _text_of(data: bytes) -> str:
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f"The file isn't in UTF-8: byte {error.start + 1:,} can't be read. Save it as UTF-8 (in Excel: CSV UTF-8), then try again."
        ) from None
    if "\0" in text:
        raise UnreadableFile("The file holds NUL characters, so it is no text; hand in a .csv, .xlsx or .json file.")
    return text


def _csv_rows(text: str) -> list[list[Raw]]:
    csv.field_size_limit(LONGEST_CELL)
    first = text.partition("\n")[0]
    separator = max((",", ";", "\t"), key=first.count)
    rows: list[list[Raw]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            rows.append([_without_apostrophe(cell) if cell else None for cell in row])
            _require_size(len(rows), len(row))
    except csv.Error as error:
        raise UnreadableFile(f"The file isn't valid CSV: {error} (line {reader.line_num:,}).") from None
    return rows


def _without_apostrophe(cell: str) -> str:
    """What an export put before a text that a spreadsheet program would take for a formula."""
    return cell[1:] if cell.startswith("'") and is_risky(cell) else cell


def is_risky(text: str) -> bool:
    """Whether a spreadsheet program would take a CSV file's text for a formula, or it holds one behind apostrophes."""
    return text.lstrip("'").startswith(_RISKY)


def _json_rows(text: str) -> list[list[Raw]]:
    try:
        records = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"The file isn't valid JSON: {str(error)[:200]}.") from None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UnreadableFile('The file must hold a list of objects, as [{"initiative_key": "INIT-000001", ...}].')
    names = list(dict.fromkeys(name for record in records for name in record))
    _require_size(len(records), len(names))
    return [list(names), *([_cell(record.get(name)) for name in names] for record in records)]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _cell(value: Any) -> Raw:
    """Structure is taken as the text that a cell would hold."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " | ".join(value) or None
    if isinstance(value, Mapping | list):
        return json.dumps(value)
    return value if value != "" else None


def _grid(rows: Iterable[list[Raw]]) -> Grid:
    found = list(rows)
    width = max(map(len, found), default=0)
    return Grid(rows=padded(found, width), width=width, formulas={})


def _require_size(rows: int, columns: int) -> None:
    if rows > MOST_ROWS + 1 or columns > MOST_COLUMNS:
        raise UnreadableFile(
            f"The file holds more than {MOST_ROWS:,} rows or {MOST_COLUMNS} columns; hand it in in several parts."
        )
