"""A Google workbook over the Sheets server on loopback, with the handles that the in-memory twin has: people type, things go wrong.

Every request and answer is held against the API's discovery document.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from google.auth.credentials import AnonymousCredentials

from sheetsync.sheets_server.batch import batch_update
from sheetsync.sheets_server.calculating import Calculation
from sheetsync.sheets_server.cells import Cell
from sheetsync.sheets_server.faults import Fault
from sheetsync.sheets_server.http import SheetsServer
from sheetsync.sheets_server.places import Axis
from sheetsync.sheets_server.service import Answer, Request, SheetsService
from sheetsync.sheets_server.sheet import Sheet, Spreadsheet
from sheetsync.workbooks import memory
from sheetsync.workbooks.google import GoogleWorkbook
from sheetsync.workbooks.google_client import SheetsClient
from sheetsync.workbooks.interface import Raw, Snapshot, TabWrites, WriteResult
from tests.sheetsync.sheets_validation import flaws_of_call

# What may go wrong over the wire, for what goes wrong with the twin.
_FAULTS = {
    memory.Fault.FAILS: (Fault.FAILS,),
    memory.Fault.ANSWER_LOST: (Fault.ANSWER_LOST, Fault.FAILS_AFTER),
    memory.Fault.LANDS_LATE: (Fault.LANDS_LATE,),
}
_FLAWED = 0.1  # the share of requests that go wrong once and may be repeated


class Loopback:
    """A running server and everything that was asked of it."""

    def __init__(self, server: SheetsServer) -> None:
        self.server = server
        self.service = server.service
        self.service.watcher = self._watch
        self.calls: list[tuple[Request, Answer]] = []
        self.flaws: list[str] = []  # what the discovery document doesn't allow

    def _watch(self, request: Request, answer: Answer) -> None:
        self.calls.append((request, answer))
        self.flaws += flaws_of_call(request, answer)

    def client(self, **options: Any) -> SheetsClient:
        """A client without an account that loses no time."""
        options = {"sleep": lambda seconds: None, "timeout_s": (2.0, 2.0), **options}
        return SheetsClient(AnonymousCredentials(), base_url=self.server.url, **options)

    def open(self, spreadsheet: Spreadsheet, **options: Any) -> GoogleWorkbook:
        """As an action opens it."""
        return GoogleWorkbook(spreadsheet.spreadsheet_id, self.client(**options))

    def spreadsheet(self, tabs: dict[str, Sequence[Sequence[Any]]], **options: Any) -> Spreadsheet:
        """A spreadsheet with these tabs: title -> rows; texts that begin with = are formulas."""
        made = self.service.add("Planning", list(tabs), **options)
        for title, rows in tabs.items():
            for row, values in enumerate(rows):
                fill(made.sheet(title), row, values)
        return made

    def kinds(self) -> list[str]:
        """read or write, for each request so far."""
        return [request.kind for request, _answer in self.calls]


@contextmanager
def running(**options: Any) -> Iterator[Loopback]:
    """A server of its own on a free port; in the end nothing that went over the wire may be wrong."""
    server = SheetsServer(SheetsService(**options))
    with server.running():
        loopback = Loopback(server)
        yield loopback
        assert not loopback.flaws, loopback.flaws


def fill(sheet: Sheet, row: int, values: Sequence[Any], *, left: int = 0) -> None:
    """Types a row; None leaves a cell as it is."""
    cells = {column: _cell(value) for column, value in enumerate(values, left) if value is not None}
    sheet.row_count = max(sheet.row_count, row + 1)
    sheet.column_count = max(sheet.column_count, left + len(values))
    sheet.put(row, cells)


def _cell(value: Any) -> Cell:
    if isinstance(value, memory.Formula):
        return Cell(formula=value.text)
    return Cell(formula=value) if isinstance(value, str) and value.startswith("=") else Cell(value=value)


def shown(spreadsheet: Spreadsheet, title: str) -> list[list[Raw]]:
    """What a tab shows, every row as wide as the widest."""
    rows = Calculation(spreadsheet).shown(spreadsheet.sheet(title)).rows
    while rows and not any(value is not None for value in rows[-1].values()):
        rows.pop()
    width = max((column + 1 for row in rows for column, value in row.items() if value is not None), default=0)
    return [[row.get(column) for column in range(width)] for row in rows]


class LoopbackBook:
    """One spreadsheet: what an action asks of it, and what people do to it."""

    write_window_s: float

    def __init__(
        self,
        loopback: Loopback,
        tabs: dict[str, Sequence[Sequence[Any]]],
        *,
        write_window_s: float,
        dice: random.Random,
    ) -> None:
        """`dice` says which of the faults that nobody asked for happen."""
        self.loopback = loopback
        self.spreadsheet = loopback.spreadsheet(tabs)
        self.write_window_s = write_window_s
        self.before_request: Callable[[str], None] | None = None
        self.faults: list[memory.Fault | None] = []
        self.dice = dice
        self.reads = 0
        self.writes = 0
        self._google = self._opened()

    def _opened(self) -> GoogleWorkbook:
        google = GoogleWorkbook(self.spreadsheet.spreadsheet_id, _HookedClient(self))
        google.write_window_s = self.write_window_s
        return google

    # What the engine asks for.

    def opened(self) -> LoopbackBook:
        """As an action opens it: nothing is known of it yet."""
        self._google = self._opened()
        return self

    def version(self) -> str:
        """None."""
        return self._google.version()

    def read(self, tabs: Sequence[str] | None = None, *, formulas: bool = False) -> Snapshot:
        """Through the server."""
        return self._google.read(tabs, formulas=formulas)

    def write(self, writes: dict[str, TabWrites], *, version: str = "") -> WriteResult:
        """Through the server; what goes wrong with it was said in `faults`."""
        result = self._google.write(writes, version=version)
        return WriteResult(
            written=result.written,
            refused=result.refused,
            unknown=result.unknown,
            may_land_for_s=self.write_window_s if result.may_land_for_s else 0.0,
        )

    def begin(self, kind: str) -> None:
        """Before each request goes out, in the thread of whoever asks."""
        if self.before_request is not None:
            self.before_request(kind)
        faults = self.loopback.service.faults
        if kind == "write":
            self.writes += 1
            fault = self.faults.pop(0) if self.faults else None
            faults["write"] = [Fault.TOO_MANY] if self.dice.random() < _FLAWED else []
            faults["write"] += [self.dice.choice(_FAULTS[fault])] if fault else []
        else:
            self.reads += 1
            flawed = self.dice.random() < _FLAWED
            faults["read"] = [self.dice.choice([Fault.FAILS, Fault.TOO_MANY, Fault.ANSWER_LOST])] if flawed else []

    def land_late(self) -> None:
        """Every write that is still on its way takes effect."""
        self.loopback.service.land_late()

    def lose_late(self) -> None:
        """Every write that is still on its way is lost."""
        self.loopback.service.lose_late()

    # What people do.

    def values(self, title: str) -> list[list[Raw]]:
        """What a tab shows."""
        return shown(self.spreadsheet, title)

    def set_cell(self, title: str, row: int, column: int, value: Any) -> None:
        """Types into a cell."""
        self.spreadsheet.sheet(title).put(row, {column: _cell(value)})

    def insert_row(self, title: str, row: int, cells: Sequence[Any] = ()) -> None:
        """Inserts a row and types into it."""
        sheet = self.spreadsheet.sheet(title)
        self.spreadsheet.insert(sheet, Axis.ROWS, row, 1, from_before=row > 0)
        fill(sheet, row, cells)

    def delete_row(self, title: str, row: int) -> None:
        """Deletes a row."""
        self.spreadsheet.delete(self.spreadsheet.sheet(title), Axis.ROWS, row, row + 1)

    def sort_rows(self, title: str, column: int, *, below: int, descending: bool = False) -> None:
        """Sorts the rows below a row."""
        sheet = self.spreadsheet.sheet(title)
        place = {"sheetId": sheet.sheet_id, "startRowIndex": below + 1}
        specs = [{"dimensionIndex": column, "sortOrder": "DESCENDING" if descending else "ASCENDING"}]
        batch_update(self.spreadsheet, [{"sortRange": {"range": place, "sortSpecs": specs}}], "a person")


class _HookedClient(SheetsClient):
    """Tells the book of each request before it goes out."""

    def __init__(self, book: LoopbackBook) -> None:
        super().__init__(
            AnonymousCredentials(),
            base_url=book.loopback.server.url,
            timeout_s=(5.0, 10.0),
            sleep=lambda seconds: None,
        )
        self._book = book

    def request(self, method: str, *args: Any, **options: Any) -> Any:
        self._book.begin("read" if method.lower() == "get" else "write")
        return super().request(method, *args, **options)
