"""From a record to its row in a sheet: where it stands now, looked up in the workbook itself."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.html import format_html

from sheetsync.admin.extra_pages import render_page
from sheetsync.models import Workbook
from sheetsync.registry import registry
from sheetsync.syncing.headers import Header, find_header
from sheetsync.syncing.view import view_tab
from sheetsync.tabs import Tab
from sheetsync.workbooks.google import GoogleWorkbook
from sheetsync.workbooks.interface import OpenWorkbook, WorkbookUnavailable
from sheetsync.workbooks.kinds import open_workbook


def sheet_row(request: HttpRequest, workbook: int, tab: str, key: str) -> HttpResponse:
    """Leads into the Google spreadsheet, to the row; says where it stands in an .xlsx file."""
    book = get_object_or_404(Workbook, pk=workbook)
    try:
        opened = open_workbook(book)
        number = _row_number(opened, book, tab, key)
        address = _google_address(opened, tab, number) if number and isinstance(opened, GoogleWorkbook) else ""
    except WorkbookUnavailable as problem:
        return _page(request, book, tab, key, str(problem), status=503)
    if number is None:
        return _page(request, book, tab, key, "This row isn't there any more, or stands there twice.", status=404)
    return HttpResponseRedirect(address) if address else _page(request, book, tab, key, f"It stands in row {number}.")


def _row_number(opened: OpenWorkbook, book: Workbook, title: str, key: str) -> int | None:
    """The row as people count it; None when it isn't found."""
    declared = _declared(book, title)
    grid = opened.read([title]).grids.get(title)
    header = find_header(declared, grid.rows) if declared and grid else None
    if declared is None or grid is None or not isinstance(header, Header):
        return None
    row = view_tab(declared, title, header, grid).by_key.get(key)
    return row.number if row else None


def _declared(book: Workbook, title: str) -> Tab | None:
    of_role = registry.tabs(book.role)
    named = (tab for tab in of_role if tab.name.casefold() == title.casefold())
    return next(named, next((tab for tab in of_role if tab.any_name), None))


def _google_address(opened: GoogleWorkbook, title: str, row: int) -> str:
    sheet = next(info.sheet_id for info in opened.list_tabs() if info.title == title)
    return f"https://docs.google.com/spreadsheets/d/{opened.spreadsheet_id}/edit#gid={sheet}&range=A{row}"


def _page(request: HttpRequest, book: Workbook, tab: str, key: str, text: str, *, status: int = 200) -> HttpResponse:
    body = format_html("<p>{}</p><p>Workbook: <code>{}</code>, tab {}.</p>", text, book.location, tab)
    return render_page(request, f"{key.upper()} in {tab}", body, status=status)
