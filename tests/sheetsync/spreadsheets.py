"""Spreadsheets on the loopback server as an installation uses them: set up, connected, acted on, and what that costs."""

from __future__ import annotations

import io
from typing import Any

import orjson
from django.core.management import call_command

from backlog.models import Initiative
from sheetsync.context import ActionContext, Arguments
from sheetsync.models import Workbook
from sheetsync.registry import registry
from sheetsync.runs.actions import carry_out, request
from sheetsync.service_tabs import service_tabs
from sheetsync.sheets_server.sheet import Spreadsheet
from sheetsync.syncing.headers import Header, find_header
from tests.sheetsync.loopback import Loopback, shown


def command(*arguments: str, **options: Any) -> str:
    said = io.StringIO()
    call_command(*arguments, stdout=said, **options)
    return said.getvalue()


def set_up(loopback: Loopback, role: str) -> Spreadsheet:
    """A spreadsheet with the tabs of a role, connected."""
    spreadsheet = loopback.service.add(role.capitalize())
    command("init_workbook", role, spreadsheet.spreadsheet_id)
    command("connect", role, spreadsheet.spreadsheet_id)
    loopback.calls.clear()
    return spreadsheet


def act(name: str, spreadsheet: Spreadsheet, **arguments: Any) -> ActionContext:
    workbook = Workbook.objects.get(location=spreadsheet.spreadsheet_id)
    context = carry_out(request(name, workbook=workbook, arguments=Arguments(**arguments), requested_by="ada"))
    assert context is not None
    return context


def cost(loopback: Loopback) -> tuple[int, int]:
    """(reads, writes) since the last look, each below Google's advice of 2 MB."""
    kinds = loopback.kinds()
    assert all(len(orjson.dumps(call.body)) < 2_000_000 for call, _answer in loopback.calls)
    loopback.calls.clear()
    return kinds.count("read"), kinds.count("write")


def header_of(spreadsheet: Spreadsheet, title: str, role: str, name: str = "") -> Header:
    tabs = {tab.name: tab for tab in (*registry.tabs(role), *service_tabs(role))}
    found = find_header(tabs[name or title], shown(spreadsheet, title))
    assert isinstance(found, Header)
    return found


def rows_of(spreadsheet: Spreadsheet, title: str, role: str, name: str = "") -> list[dict[str, Any]]:
    """What the rows below the header show; rows with nothing but unticked boxes left out."""
    header = header_of(spreadsheet, title, role, name)
    below = shown(spreadsheet, title)[header.row + 1 :]
    rows = [{column: row[at] for column, at in header.columns.items()} for row in below]
    return [row for row in rows if any(value not in (None, False) for value in row.values())]


def make_initiatives(count: int) -> None:
    Initiative.objects.bulk_create(
        [
            Initiative(
                initiative_key=f"INIT-{number:06d}",
                title=f"Idea {number}",
                department="Sales",
                requesting_team=f"Team {number % 40}",
                requester_name="Ada Moss",
                requester_email="ada@example.com",
                country="UK",
                product_area=f"Area {number % 12}",
                problem_statement=f"Problem number {number} that somebody has",
                hypothesis=f"We believe {number}",
                customer_segment="SMB",
                initiative_type="Growth",
            )
            for number in range(1, count + 1)
        ]
    )
