"""Workbooks that are Google spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sheetsync.workbooks.google_client import OutcomeUnknown, RequestRefused, SheetsClient, open_client
from sheetsync.workbooks.google_reading import CELLS, TABS, SheetInfo, grid_of_cells, grid_of_values, read_tabs
from sheetsync.workbooks.google_requests import Parcel, Piece, needs_batch, pack, pieces_of, problem_of, quoted
from sheetsync.workbooks.interface import Grid, Snapshot, TabWrites, WorkbookUnavailable, WriteResult

# Google stops a request at 180 s; what it hasn't carried out by then never lands.
WRITE_WINDOW_S = 200.0
# Ranges named in one address; longer addresses are refused on the way.
_LONGEST_ADDRESS = 5_000
_UNFORMATTED = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "SERIAL_NUMBER"}


@dataclass(kw_only=True)
class _Tally:
    """What became of a write's parcels, tab by tab."""

    landed: set[str] = field(default_factory=set)  # a part of them has landed
    left: set[str] = field(default_factory=set)  # a part of them hasn't, or isn't known to have
    refused: dict[str, str] = field(default_factory=dict)
    may_land: bool = False  # an attempt is without an answer

    def result(self, titles: Iterable[str]) -> WriteResult:
        """A tab of which one part landed and another was refused counts as unknown: what it shows tells."""
        refused = {title: why for title, why in self.refused.items() if title not in self.landed}
        unknown = (self.left | self.refused.keys()) - refused.keys()
        return WriteResult(
            written=frozenset(titles) - refused.keys() - unknown,
            refused=refused,
            unknown=frozenset(unknown),
            may_land_for_s=WRITE_WINDOW_S if self.may_land else 0.0,
        )


class GoogleWorkbook:
    """A Google spreadsheet. It has no versions: people may edit between any two requests, and rows may move under a write.

    A read is one request for the tabs and one for the values; the tabs are asked for once. A read with formulas is one request for
    both. Cells are written as values, RAW; where rows are to be inserted or dates to be written, everything goes into one batch.
    """

    write_window_s = WRITE_WINDOW_S

    def __init__(self, spreadsheet_id: str, client: SheetsClient | None = None) -> None:
        """Without a client, one as the settings say. Nothing is asked for before `read`. Raises WorkbookUnavailable."""
        self.spreadsheet_id = spreadsheet_id
        self.client = client or open_client()
        self.reads = 0
        self.writes = 0
        self.title = ""  # known once something was read
        self._tabs: dict[str, SheetInfo] = {}
        self._knows_all_tabs = False
        self._grids: dict[str, Grid] = {}  # as read since the last write

    def version(self) -> str:
        """Google tells none. No request."""
        return ""

    def read(self, tabs: Sequence[str] | None = None, *, formulas: bool = False) -> Snapshot:
        """The named tabs, in any case (None: every tab that has cells). With formulas, and named tabs that are all there, a first read
        is one request, and `titles` then holds those tabs alone. Raises WorkbookUnavailable."""
        try:
            grids = self._read(tabs, formulas)
        except RequestRefused as refused:
            raise WorkbookUnavailable(self._unreadable(str(refused))) from refused
        finally:
            self._count()
        self._grids.update(grids)
        return Snapshot(grids=grids, titles=tuple(self._tabs), version="")

    def write(self, writes: Mapping[str, TabWrites], *, version: str = "") -> WriteResult:
        """All changes of all tabs, in one request unless they are too large for one. A tab that can't be written is refused alone.

        Raises WorkbookUnavailable, nothing written; ValueError for NaN and for a formula that would be overwritten."""
        try:
            unseen = [title for title, tab in writes.items() if tab.appended and title not in self._grids]
            if unseen:
                self.read(unseen, formulas=True)
            if not self._knows(writes):
                self._ask_for_tabs()
            tally = _Tally()
            parcels = self._parcels(writes, tally)
            self._grids.clear()
            self._send_all(parcels, tally)
        finally:
            self._count()
        return tally.result(writes)

    def list_tabs(self) -> tuple[SheetInfo, ...]:
        """The tabs as they are now. Raises WorkbookUnavailable."""
        try:
            self._ask_for_tabs()
        except RequestRefused as refused:
            raise WorkbookUnavailable(self._unreadable(str(refused))) from refused
        finally:
            self._count()
        return tuple(self._tabs.values())

    def send(self, requests: Sequence[Mapping[str, Any]]) -> None:
        """One batch that changes more than cells. Raises WorkbookUnavailable."""
        try:
            self.client.batch_update(self.spreadsheet_id, {"requests": list(requests)})
        except RequestRefused as refused:
            raise WorkbookUnavailable(f"{self._name} can't be changed: {self._refusal('', str(refused))}.") from refused
        except OutcomeUnknown as unknown:
            raise WorkbookUnavailable(
                f"It isn't known whether {self._name} was changed: {unknown}. Look at it, then try again in a few minutes."
            ) from unknown
        finally:
            self._count()
            self._tabs, self._knows_all_tabs = {}, False
            self._grids.clear()

    # ---- reading -------------------------------------------------------------------------------------------------------

    def _read(self, tabs: Sequence[str] | None, formulas: bool) -> dict[str, Grid]:
        if formulas and tabs is None:
            return self._read_cells(None)
        if not self._knows(tabs):
            if formulas and tabs:
                try:
                    return self._read_cells(tabs)
                except RequestRefused:
                    pass  # not all of them are there: ask which are
            self._ask_for_tabs()
        try:
            return self._read_known(tabs, formulas)
        except RequestRefused:
            self._ask_for_tabs()  # one was renamed or deleted meanwhile
            return self._read_known(tabs, formulas)

    def _knows(self, tabs: Iterable[str] | None) -> bool:
        """Whether the tabs need not be asked for."""
        if self._knows_all_tabs:
            return True
        known = {title.strip().casefold() for title in self._tabs}
        return tabs is not None and all(title.strip().casefold() in known for title in tabs)

    def _read_known(self, tabs: Sequence[str] | None, formulas: bool) -> dict[str, Grid]:
        titles = [info.title for info in self._wanted(tabs)]
        if not titles:
            return {}
        return self._read_cells(titles) if formulas else self._read_values(titles)

    def _wanted(self, tabs: Sequence[str] | None) -> Iterator[SheetInfo]:
        folded = None if tabs is None else {title.strip().casefold() for title in tabs}
        for info in self._tabs.values():
            if info.has_cells and (folded is None or info.title.strip().casefold() in folded):
                yield info

    def _ask_for_tabs(self) -> None:
        answer = self.client.spreadsheets_get(self.spreadsheet_id, {"fields": TABS})
        self._tabs = {info.title: info for info in read_tabs(answer)}
        self._knows_all_tabs = True
        self.title = answer["properties"]["title"]

    def _read_values(self, titles: Sequence[str]) -> dict[str, Grid]:
        ranges: list[Mapping[str, Any]] = []
        for some in _in_addresses(titles):
            answer = self.client.values_batch_get(
                self.spreadsheet_id, [quoted(title) for title in some], dict(_UNFORMATTED)
            )
            ranges += answer["valueRanges"]
        return {
            title: grid_of_values(found.get("values", ()), self._tabs[title])
            for title, found in zip(titles, ranges, strict=True)
        }

    def _read_cells(self, titles: Sequence[str] | None) -> dict[str, Grid]:
        """Values and formulas in one request; named tabs must be there. Raises RequestRefused when one isn't."""
        named = {} if titles is None else {"ranges": [quoted(title) for title in titles]}
        answer = self.client.spreadsheets_get(self.spreadsheet_id, {"fields": CELLS, **named})
        found = {info.title: info for info in read_tabs(answer)}
        self.title = answer["properties"]["title"]
        if titles is None:
            self._tabs, self._knows_all_tabs = found, True
        else:
            self._tabs.update(found)
        return {
            info.title: grid_of_cells(sheet.get("data", ()), info)
            for info, sheet in zip(found.values(), answer.get("sheets", ()), strict=True)
            if info.has_cells
        }

    # ---- writing -------------------------------------------------------------------------------------------------------

    def _parcels(self, writes: Mapping[str, TabWrites], tally: _Tally) -> list[Parcel]:
        structured = needs_batch(writes.values())
        pieces: list[Piece] = []
        for title, tab in writes.items():
            info, grid = self._tabs.get(title), self._grids.get(title, _UNSEEN)
            if info is None:
                tally.refused[title] = f"there is no tab {title!r}"
            elif problem := problem_of(tab, grid):
                tally.refused[title] = problem
            else:
                pieces += pieces_of(tab, info, grid, structured=structured)
        return pack(pieces, structured=structured)

    def _send_all(self, parcels: Sequence[Parcel], tally: _Tally) -> None:
        for number, parcel in enumerate(parcels):
            try:
                self._send(parcel, tally)
            except OutcomeUnknown:
                tally.may_land = True
            except WorkbookUnavailable:
                if not tally.landed:
                    raise
            else:
                continue
            # Later parcels count on the earlier ones.
            tally.left.update(title for later in parcels[number:] for title in later.titles)
            return

    def _send(self, parcel: Parcel, tally: _Tally) -> None:
        """Sends a parcel; when it is refused, each tab's part alone, so that one tab doesn't stop the others."""
        titles = [title for title in parcel.titles if title not in tally.refused]
        if not titles:
            return
        parcel = replace(parcel, pieces=[piece for piece in parcel.pieces if piece.title in titles])
        try:
            if parcel.structured:
                self.client.batch_update(self.spreadsheet_id, parcel.body)
            else:
                self.client.values_batch_update(self.spreadsheet_id, parcel.body)
        except RequestRefused as refused:
            if len(titles) == 1:
                tally.refused[titles[0]] = self._refusal(titles[0], str(refused))
                return
            for title in titles:
                self._send(parcel.only(title), tally)
        else:
            tally.landed.update(titles)

    def _count(self) -> None:
        self.reads, self.writes = self.client.reads, self.client.writes

    # ---- words ---------------------------------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return repr(self.title) if self.title else f"the Google spreadsheet {self.spreadsheet_id}"

    def _unreadable(self, said: str) -> str:
        if "not supported for this document" in said:
            return (
                f"{self._name} is an Office file that is merely kept in Google Drive; open it there and choose "
                "File > Save as Google Sheets, then connect that copy."
            )
        return f"{self._name} can't be read. Google says: {said}"

    def _refusal(self, title: str, said: str) -> str:
        """Why Google doesn't write to a tab, for people."""
        if "protected" in said:
            return (
                f"cells that must be written are protected; in Google Sheets, choose Data > Protect sheets and ranges, and let "
                f"{self.client.account} edit them"
            )
        if "limit of" in said and "cells" in said:
            return (
                "the spreadsheet has as many cells as Google allows, 10 million; delete empty rows and columns, or tabs that are "
                "no longer needed"
            )
        if "grid" in said and "No grid with id" not in said:
            return f"rows or columns of the tab {title!r} were deleted meanwhile; run the action again"
        if "No grid with id" in said or "Unable to parse range" in said:
            return f"the tab {title!r} was renamed or deleted meanwhile; run the action again"
        return f"Google says: {said}"


_UNSEEN = Grid(rows=[], width=0, formulas={})


def _in_addresses(titles: Sequence[str]) -> Iterator[list[str]]:
    """Titles in groups that fit into an address."""
    group: list[str] = []
    length = 0
    for title in titles:
        needed = 12 + 3 * len(title.encode())
        if group and length + needed > _LONGEST_ADDRESS:
            yield group
            group, length = [], 0
        group.append(title)
        length += needed
    yield group
