"""The API without its sockets: a request goes in, an answer comes out."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from sheetsync.sheets_server.accounts import Accounts
from sheetsync.sheets_server.batch import batch_update
from sheetsync.sheets_server.calculating import Calculation
from sheetsync.sheets_server.describing import cut, describe, parse_mask
from sheetsync.sheets_server.errors import ApiError, invalid, no_permission, not_found, too_many, unavailable
from sheetsync.sheets_server.faults import Fault, Quota
from sheetsync.sheets_server.sheet import Spreadsheet
from sheetsync.sheets_server.values import append_values, clear_values, get_values, update_values

_ROUTE = re.compile(r"/v4/spreadsheets(?:/(?P<id>[^/:]+))?(?P<rest>.*)", re.DOTALL)
_BROKEN = (Fault.ANSWER_LOST, Fault.LANDS_LATE)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call of the API."""

    method: str  # GET, POST, PUT
    path: str  # still quoted, without the query
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    body: Any = None  # parsed JSON
    caller: str  # whose token it bears

    @property
    def kind(self) -> str:
        """read or write."""
        return "read" if self.method == "GET" else "write"

    def asked(self, name: str, default: str = "") -> str:
        """A parameter of the query."""
        return self.query.get(name, [default])[0]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What comes back."""

    status: int  # HTTP; 0: the connection breaks without an answer
    body: Any = None


Watcher = Callable[[Request, Answer], None]


@dataclass(kw_only=True)
class SheetsService:
    """All spreadsheets, and everything that can happen to a request for them."""

    spreadsheets: dict[str, Spreadsheet] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    origin: str = "http://localhost"  # where the pages of spreadsheets are
    latency_s: float = 0.0  # before each answer
    before_request: Callable[[Request], None] | None = None  # may edit the spreadsheets, as a person would just then
    watcher: Watcher | None = None  # sees each request with its answer
    faults: dict[str, list[Fault | None]] = field(
        default_factory=lambda: {"read": [], "write": []}
    )  # of the next requests
    quota: Quota = field(init=False)
    accounts: Accounts = field(init=False)
    on_change: Callable[[], None] | None = None  # after whatever may have changed a spreadsheet
    _late: list[Request] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.quota = Quota(clock=self.clock)
        self.accounts = Accounts(clock=self.clock)

    def add(self, title: str, titles: Iterable[str] = ("Sheet1",), **options: Any) -> Spreadsheet:
        """A new spreadsheet, as a person makes one."""
        with self._lock:
            made = Spreadsheet.new(title, titles, **options)
            self.spreadsheets[made.spreadsheet_id] = made
            return made

    def answer(self, request: Request) -> Answer:
        """Never raises for what a caller did."""
        if self.before_request is not None:
            self.before_request(request)
        with self._lock:
            answer = self._answer(request)
            if request.kind == "write" and self.on_change is not None:
                self.on_change()
        if self.latency_s:
            time.sleep(self.latency_s)
        if self.watcher is not None:
            self.watcher(request, answer)
        return answer

    def land_late(self) -> None:
        """Every write that is still on its way takes effect."""
        with self._lock:
            late, self._late = self._late, []
            for request in late:
                self._carried_out(request)

    def lose_late(self) -> None:
        """Every write that is still on its way is lost for good."""
        self._late = []

    def _answer(self, request: Request) -> Answer:
        waiting = self.faults[request.kind]
        fault = waiting.pop(0) if waiting else None
        if fault is Fault.TOO_MANY:
            return _refused(too_many(request.kind.capitalize()))
        if fault is Fault.FAILS:
            return _refused(unavailable())
        if fault is Fault.LANDS_LATE:
            self._late.append(request)
            return Answer(status=0)
        answer = self._carried_out(request)
        if fault is Fault.FAILS_AFTER:
            return _refused(unavailable())
        return Answer(status=0) if fault in _BROKEN else answer

    def _carried_out(self, request: Request) -> Answer:
        try:
            if not request.caller:
                raise ApiError(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
            self.quota.count(request.caller, request.kind)
            body = self._route(request)
        except ApiError as error:
            return _refused(error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return _refused(invalid(f"Invalid JSON payload received. {type(error).__name__}: {error}"))
        return Answer(status=200, body=cut(body, parse_mask(request.asked("fields"))))

    def _route(self, request: Request) -> Any:
        found = _ROUTE.fullmatch(request.path)
        if found is None:
            raise not_found()
        rest = found["rest"]
        if found["id"] is None:
            if request.method != "POST" or rest:
                raise not_found()
            return self._create(request)
        spreadsheet = self._open(found["id"], request)
        if not rest and request.method == "GET":
            return self._get(spreadsheet, request)
        if rest == ":batchUpdate" and request.method == "POST":
            return self._batch_update(spreadsheet, request)
        if rest.startswith("/values"):
            with spreadsheet.all_or_nothing():
                return _values(spreadsheet, rest.removeprefix("/values"), request)
        raise not_found()

    def _open(self, spreadsheet_id: str, request: Request) -> Spreadsheet:
        spreadsheet = self.spreadsheets.get(spreadsheet_id)
        if spreadsheet is None:
            raise not_found()
        if request.caller in spreadsheet.strangers:
            raise no_permission()
        if request.kind == "write" and request.caller in spreadsheet.readers:
            raise no_permission()
        return spreadsheet

    def _create(self, request: Request) -> Any:
        wanted = request.body or {}
        titles = [sheet["properties"]["title"] for sheet in wanted.get("sheets", ())] or ["Sheet1"]
        made = self.add(wanted.get("properties", {}).get("title", "Untitled spreadsheet"), titles)
        return describe(made, origin=self.origin)

    def _get(self, spreadsheet: Spreadsheet, request: Request) -> Any:
        return describe(
            spreadsheet,
            ranges=request.query.get("ranges", ()),
            mask=parse_mask(request.asked("fields")),
            with_cells=request.asked("includeGridData", "false") == "true",
            origin=self.origin,
        )

    def _batch_update(self, spreadsheet: Spreadsheet, request: Request) -> Any:
        replies = batch_update(spreadsheet, request.body["requests"], request.caller)
        answer: dict[str, Any] = {"spreadsheetId": spreadsheet.spreadsheet_id, "replies": replies}
        if request.body.get("includeSpreadsheetInResponse"):
            answer["updatedSpreadsheet"] = describe(
                spreadsheet,
                ranges=request.body.get("responseRanges", ()),
                with_cells=request.body.get("responseIncludeGridData", False),
                origin=self.origin,
            )
        return answer


def _refused(error: ApiError) -> Answer:
    return Answer(status=error.code, body=error.body)


def _values(spreadsheet: Spreadsheet, rest: str, request: Request) -> Any:
    """Everything below /values."""
    if rest == ":batchGet" and request.method == "GET":
        calculation = Calculation(spreadsheet)
        ranges = [_get_one(spreadsheet, calculation, text, request) for text in request.query.get("ranges", ())]
        return {"spreadsheetId": spreadsheet.spreadsheet_id, "valueRanges": ranges}
    if rest == ":batchUpdate" and request.method == "POST":
        return _batch_update_values(spreadsheet, request)
    if rest == ":batchClear" and request.method == "POST":
        cleared = [clear_values(spreadsheet, text, caller=request.caller) for text in request.body["ranges"]]
        return {
            "spreadsheetId": spreadsheet.spreadsheet_id,
            "clearedRanges": [one["clearedRange"] for one in cleared],
        }
    text, _, verb = unquote(rest.removeprefix("/")).rpartition(":")
    if request.method == "POST" and verb == "clear":
        return clear_values(spreadsheet, text, caller=request.caller)
    if request.method == "POST" and verb == "append":
        return append_values(
            spreadsheet,
            text,
            request.body,
            option=request.asked("valueInputOption"),
            insert=request.asked("insertDataOption", "OVERWRITE"),
            caller=request.caller,
        )
    text = unquote(rest.removeprefix("/"))
    if request.method == "GET":
        return _get_one(spreadsheet, Calculation(spreadsheet), text, request)
    if request.method == "PUT":
        option = request.asked("valueInputOption")
        return update_values(spreadsheet, request.body, option=option, caller=request.caller, text=text)
    raise not_found()


def _get_one(spreadsheet: Spreadsheet, calculation: Calculation, text: str, request: Request) -> Any:
    return get_values(
        spreadsheet,
        calculation,
        text,
        render=request.asked("valueRenderOption", "FORMATTED_VALUE"),
        dates=request.asked("dateTimeRenderOption", "SERIAL_NUMBER"),
        dimension=request.asked("majorDimension", "ROWS"),
    )


def _batch_update_values(spreadsheet: Spreadsheet, request: Request) -> Any:
    option = request.body["valueInputOption"]
    responses = []
    for number, value_range in enumerate(request.body["data"]):
        try:
            responses.append(update_values(spreadsheet, value_range, option=option, caller=request.caller))
        except ApiError as error:
            raise invalid(f"Invalid data[{number}]: {error.message}") from error
    totals = {
        f"totalUpdated{name}": sum(one.get(f"updated{name}", 0) for one in responses)
        for name in ("Rows", "Columns", "Cells")
    }
    sheets = len({one["updatedRange"].rpartition("!")[0] for one in responses})
    return {
        "spreadsheetId": spreadsheet.spreadsheet_id,
        "responses": responses,
        **totals,
        "totalUpdatedSheets": sheets,
    }
