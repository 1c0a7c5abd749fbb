"""Connects workbooks: registers them and tells which columns are recognised."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sheetsync.headers import HeaderProblem, column_letter, find_header, nearest_column
from sheetsync.models import Workbook
from sheetsync.registry import registry
from sheetsync.service_tabs import SERVICE_TITLES
from sheetsync.tabs import Column, Tab
from sheetsync.workbooks.interface import Snapshot
from sheetsync.workbooks.kinds import add_columns, open_location


@dataclass(kw_only=True)
class TabFinding:
    """What a declared tab looks like in a workbook."""

    title: str  # the sheet's name
    tab: Tab
    recognised: tuple[str, ...] = ()  # canonical names that were found
    unknown: tuple[tuple[str, str, str], ...] = ()  # (column letter, header, nearest column or "")
    absent: tuple[str, ...] = ()  # declared columns without a header
    doubled: tuple[str, ...] = ()  # columns that two headers mean
    problem: str = ""  # why the tab can't be used
    header_row: int | None = None  # from 0


@dataclass(kw_only=True)
class Connection:
    """A workbook that was connected, and what was found in it."""

    workbook: Workbook
    findings: list[TabFinding] = field(default_factory=list)
    added: list[str] = field(default_factory=list)  # what was added to the workbook, in words


def canonical_location(location: str) -> str:
    """Files are registered by their absolute path, so that a command from another folder finds them."""
    if "://" in location:
        return location.strip()
    return str(Path(location).expanduser().resolve())


def connect(role: str, location: str, *, tab: str = "", department: str = "", add: bool = False) -> Connection:
    """Registers the workbook (or updates its registration). Raises WorkbookUnavailable when it can't be read."""
    place = canonical_location(location)
    book = open_location(place)
    snapshot = book.read(None)
    workbook, made = Workbook.objects.get_or_create(location=place, defaults={"role": role})
    workbook.role, workbook.is_active = role, True
    workbook.tab = tab or ("" if made else workbook.tab)
    workbook.department = department or ("" if made else workbook.department)
    workbook.title = workbook.title or Path(place).stem
    workbook.save()
    connection = Connection(workbook=workbook, findings=find_tabs(workbook, snapshot))
    if add:
        _add_missing(connection, place)
    return connection


def find_tabs(workbook: Workbook, snapshot: Snapshot) -> list[TabFinding]:
    """Every declared tab of the workbook's role, as far as it is there."""
    findings: list[TabFinding] = []
    for tab in registry.tabs(workbook.role):
        if tab.any_name:
            titles = (
                [workbook.tab]
                if workbook.tab
                else [title for title in snapshot.titles if title.casefold() not in SERVICE_TITLES]
            )
        else:
            titles = [next((title for title in snapshot.titles if title.casefold() == tab.name.casefold()), tab.name)]
        findings.extend(_finding(tab, title, snapshot) for title in titles)
    return findings


def _finding(tab: Tab, title: str, snapshot: Snapshot) -> TabFinding:
    grid = snapshot.grids.get(title)
    if grid is None:
        return TabFinding(title=title, tab=tab, problem=f"there is no tab {title!r}")
    header = find_header(tab, grid.rows)
    if isinstance(header, HeaderProblem):
        return TabFinding(title=title, tab=tab, problem=header.text, absent=header.missing, header_row=header.best_row)
    return TabFinding(
        title=title,
        tab=tab,
        recognised=tuple(sorted(header.columns, key=lambda name: header.columns[name])),
        unknown=tuple((column_letter(index), text, nearest_column(tab, text) or "") for index, text in header.unknown),
        absent=header.absent,
        doubled=tuple(header.doubled),
        header_row=header.row,
    )


def _add_missing(connection: Connection, place: str) -> None:
    """Adds the columns that are missing at the right end of each tab that has a header row."""
    for finding in connection.findings:
        if finding.header_row is None or not finding.absent:
            continue
        columns: list[Column] = [finding.tab.column(name) for name in finding.absent]
        add_columns(place, finding.title, finding.header_row, columns)
        connection.added.append(f"{finding.title}: added {', '.join(finding.absent)}")
    if connection.added:
        connection.findings = find_tabs(connection.workbook, open_location(place).read(None))
