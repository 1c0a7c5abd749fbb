"""Which kind a workbook's location is, and how to open it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sheetsync.layout import layout
from sheetsync.models import Workbook
from sheetsync.tabs import Column, Tab
from sheetsync.workbooks import xlsx_template
from sheetsync.workbooks.interface import OpenWorkbook, WorkbookUnavailable
from sheetsync.workbooks.memory import MemoryWorkbook
from sheetsync.workbooks.xlsx import XlsxWorkbook
from sheetsync.workbooks.xlsx_template import render


def open_workbook(workbook: Workbook) -> OpenWorkbook:
    """Opens a connected workbook for one action. Raises WorkbookUnavailable."""
    return open_location(workbook.location)


def open_location(location: str) -> OpenWorkbook:
    """Opens a workbook by its location. Raises WorkbookUnavailable."""
    _require_file(location)
    return XlsxWorkbook(location)


def _require_file(location: str) -> None:
    if "://" in location:
        raise WorkbookUnavailable(
            f"{location} is a web address; this installation reads .xlsx files. Name the path of an .xlsx file."
        )


def rehearse(open_real: Callable[[Workbook], OpenWorkbook]) -> Callable[[Workbook], OpenWorkbook]:
    """Opens workbooks for a dry run: each is read once, and everything is written to a copy in memory."""
    copies: dict[int, OpenWorkbook] = {}

    def open_copy(workbook: Workbook) -> OpenWorkbook:
        if workbook.pk not in copies:
            copies[workbook.pk] = MemoryWorkbook.copy_of(open_real(workbook).read(None, formulas=True))
        return copies[workbook.pk]

    return open_copy


def is_there(location: str) -> bool:
    """Whether there is something at a location already."""
    _require_file(location)
    return Path(location).exists()


def make_tabs(location: str, tabs: Sequence[Tab]) -> list[str]:
    """Makes the workbook with these tabs, or adds the missing ones; returns what was done, in words. Raises WorkbookUnavailable."""
    _require_file(location)
    return render(location, [layout(tab) for tab in tabs])


def add_columns(location: str, title: str, header_row: int, columns: Sequence[Column]) -> None:
    """Adds columns at the right end of a tab. Raises WorkbookUnavailable."""
    _require_file(location)
    xlsx_template.add_columns(location, title, header_row, columns)
