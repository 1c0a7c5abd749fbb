"""Connects workbooks, and completes them: which tabs and columns are recognised, which are missing and are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sheetsync.models import Workbook
from sheetsync.registry import registry
from sheetsync.service_tabs import SERVICE_TITLES, service_tabs
from sheetsync.syncing.headers import HeaderProblem, column_letter, find_header, nearest_column
from sheetsync.tabs import Column, Tab
from sheetsync.workbooks.google_address import spreadsheet_id
from sheetsync.workbooks.interface import Snapshot, WorkbookUnavailable
from sheetsync.workbooks.kinds import add_columns, is_there, make_tabs, open_location, title_of


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
    lone_row: int | None = None  # without a header row: the one that holds a single known header, from 0


@dataclass(kw_only=True)
class Connection:
    """A workbook that was connected, and what was found in it."""

    workbook: Workbook
    former_role: str = ""  # the role it was registered with before, where that was another
    findings: list[TabFinding] = field(default_factory=list)
    added: list[str] = field(default_factory=list)  # what was added to the workbook, in words


def canonical_location(location: str) -> str:
    """Google spreadsheets are registered by their id, files by their absolute path, so that a command from another folder finds
    them. A web address that is no spreadsheet's stays as it is: it can't be opened."""
    try:
        google = spreadsheet_id(location)
    except WorkbookUnavailable:
        return location.strip()
    return google or str(Path(location).expanduser().resolve())


def connect(role: str, location: str, *, tab: str = "", department: str = "", add: bool = False) -> Connection:
    """Registers the workbook (or updates its registration). Raises WorkbookUnavailable when it can't be read."""
    place = canonical_location(location)
    book = open_location(place)
    snapshot = book.read(None)
    workbook, made = Workbook.objects.get_or_create(location=place, defaults={"role": role})
    former = "" if workbook.role == role else workbook.role
    workbook.role, workbook.is_active = role, True
    workbook.tab = _own_title(snapshot, tab) or ("" if made else workbook.tab)
    workbook.department = department or ("" if made else workbook.department)
    workbook.title = workbook.title or title_of(book, place)[:200]
    workbook.save()
    connection = Connection(workbook=workbook, former_role=former, findings=find_tabs(workbook, snapshot))
    if add:
        named = bool(workbook.tab) or len(snapshot.titles) == 1
        connection.added = _add_columns(place, connection.findings, also_lone=named)
        connection.findings = find_tabs(workbook, open_location(place).read(None))
    return connection


def complete(role: str, location: str, *, locked: bool = False) -> list[str]:
    """Makes the workbook with the tabs of its role; in one that is there, adds the tabs and columns that are missing.

    Nothing else is touched. `locked`: in new tabs of a Google spreadsheet nobody can type where the backend writes. Returns what was
    done, in sentences. Raises WorkbookUnavailable.
    """
    place = canonical_location(location)
    tabs = [*registry.tabs(role), *service_tabs(role)]
    if not is_there(place):
        return make_tabs(place, tabs, locked=locked)
    snapshot = open_location(place).read(None)
    there = {tab.name: _there(tab, snapshot) for tab in tabs}
    missing = [tab for tab in tabs if not there[tab.name]]
    said = make_tabs(place, missing, locked=locked) if missing else []
    for finding in (finding for findings in there.values() for finding in findings):
        said += _add_columns(place, [finding]) or [f"{finding.title} was there already and stays as it is."]
    return said


def _there(tab: Tab, snapshot: Snapshot) -> list[TabFinding]:
    """The sheets that are the declared tab."""
    title = _own_title(snapshot, tab.name)
    titles = [title] if title in snapshot.titles else []
    if tab.any_name:
        others = [other for other in snapshot.titles if other.casefold() not in SERVICE_TITLES]
        titles = [other for other in others if not _finding(tab, other, snapshot).problem] or titles
    return [_finding(tab, title, snapshot) for title in titles]


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
            titles = [_own_title(snapshot, tab.name)]
        findings.extend(_finding(tab, title, snapshot) for title in titles)
    return findings


def _own_title(snapshot: Snapshot, title: str) -> str:
    """A tab's title as the workbook spells it; as it was given, where there is no such tab."""
    return next((own for own in snapshot.titles if own.casefold() == title.strip().casefold()), title)


def _finding(tab: Tab, title: str, snapshot: Snapshot) -> TabFinding:
    grid = snapshot.grids.get(title)
    if grid is None:
        return TabFinding(title=title, tab=tab, problem=f"there is no tab {title!r}")
    header = find_header(tab, grid.rows)
    if isinstance(header, HeaderProblem):
        return TabFinding(
            title=title,
            tab=tab,
            problem=header.text,
            absent=header.absent,
            header_row=header.best_row,
            lone_row=header.lone_row,
        )
    return TabFinding(
        title=title,
        tab=tab,
        recognised=tuple(sorted(header.columns, key=lambda name: header.columns[name])),
        unknown=tuple((column_letter(index), text, nearest_column(tab, text) or "") for index, text in header.unknown),
        absent=header.absent,
        doubled=tuple(header.doubled),
        header_row=header.row,
    )


def _add_columns(place: str, findings: Sequence[TabFinding], *, also_lone: bool = False) -> list[str]:
    """Adds the columns that are missing at the right end of each tab that has a header row; returns what was done, in words.

    `also_lone`: a row with one known header counts as a header row, too.
    """
    said = []
    for finding in findings:
        row = finding.lone_row if also_lone and finding.header_row is None else finding.header_row
        if row is None or not finding.absent:
            continue
        columns: list[Column] = [finding.tab.column(name) for name in finding.absent]
        add_columns(place, finding.title, row, columns)
        said.append(f"{finding.title}: added {', '.join(finding.absent)}.")
    return said
