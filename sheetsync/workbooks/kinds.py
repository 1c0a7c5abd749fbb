"""Which kind a workbook's location is, and how to open it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sheetsync.layout import layout
from sheetsync.models import Workbook
from sheetsync.tabs import Column, Tab
from sheetsync.workbooks import google_template, xlsx_template
from sheetsync.workbooks.google import GoogleWorkbook
from sheetsync.workbooks.google_address import spreadsheet_id
from sheetsync.workbooks.interface import OpenWorkbook, WorkbookUnavailable
from sheetsync.workbooks.memory import MemoryWorkbook
from sheetsync.workbooks.xlsx import XlsxWorkbook


def open_workbook(workbook: Workbook) -> OpenWorkbook:
    """Opens a connected workbook for one action. Raises WorkbookUnavailable."""
    return open_location(workbook.location)


def open_location(location: str) -> OpenWorkbook:
    """Opens a workbook by its location. Raises WorkbookUnavailable."""
    google = spreadsheet_id(location)
    return GoogleWorkbook(google) if google else XlsxWorkbook(location)


def is_spreadsheet(location: str) -> bool:
    """Whether a registered workbook is a Google spreadsheet, whose requests are counted. What is no location at all isn't."""
    try:
        return bool(spreadsheet_id(location))
    except WorkbookUnavailable:
        return False


def title_of(book: OpenWorkbook, location: str) -> str:
    """What a workbook that was read is called: a spreadsheet by its title, a file by its name."""
    return book.title if isinstance(book, GoogleWorkbook) else Path(location).stem


def rehearse(open_real: Callable[[Workbook], OpenWorkbook]) -> Callable[[Workbook], OpenWorkbook]:
    """Opens workbooks for a dry run: each is read once, and everything is written to a copy in memory."""
    copies: dict[int, OpenWorkbook] = {}

    def open_copy(workbook: Workbook) -> OpenWorkbook:
        if workbook.pk not in copies:
            copies[workbook.pk] = MemoryWorkbook.copy_of(open_real(workbook).read(None, formulas=True))
        return copies[workbook.pk]

    return open_copy


def is_there(location: str) -> bool:
    """Whether there is something at a location already. A Google spreadsheet is made by a person, and shared. Raises
    WorkbookUnavailable for what is no location."""
    return bool(spreadsheet_id(location)) or Path(location).exists()


def make_tabs(location: str, tabs: Sequence[Tab], *, locked: bool = False) -> list[str]:
    """Makes the workbook with these tabs, or adds the missing ones; returns what was done, in words. `locked`: nobody can type where
    the backend writes (Google). Raises WorkbookUnavailable."""
    layouts = [layout(tab) for tab in tabs]
    if google := spreadsheet_id(location):
        return google_template.add_tabs(GoogleWorkbook(google), layouts, locked=locked)
    if locked:
        raise WorkbookUnavailable(
            "Locked columns are for Google spreadsheets: in an .xlsx file they would keep people from sorting."
        )
    return xlsx_template.render(location, layouts)


def add_columns(location: str, title: str, header_row: int, columns: Sequence[Column]) -> None:
    """Adds columns at the right end of a tab. Raises WorkbookUnavailable."""
    if google := spreadsheet_id(location):
        google_template.add_columns(GoogleWorkbook(google), title, header_row, columns)
    else:
        xlsx_template.add_columns(location, title, header_row, columns)
