"""The server's sockets: HTTP on loopback around a SheetsService."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from sheetsync.loopback import LOCAL_NAMES, LoopbackServer
from sheetsync.sheets_server.errors import invalid, no_permission, not_found
from sheetsync.sheets_server.page import home, tab_page
from sheetsync.sheets_server.service import Answer, Request, SheetsService

MAX_BODY = 10_000_000  # bytes
_PAGE = "/spreadsheets/d/"


class SheetsServer(LoopbackServer):
    """Serves one SheetsService on this machine alone."""

    def __init__(self, service: SheetsService, port: int = 0) -> None:
        """Port 0: any free one. Raises OSError when the port is taken."""
        super().__init__(port, _Handler)
        self.service = service
        service.origin = self.url

    @property
    def url(self) -> str:
        """Where it listens; what SHEETS_API_URL must say."""
        return self.origin


class _Handler(BaseHTTPRequestHandler):
    server: SheetsServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer goes out in one piece

    def do_GET(self) -> None:
        """Pages and reads."""
        if not self._is_local():
            return
        address = urlsplit(self.path)
        if address.path == "/":
            self._send_page(home(self.server.service.spreadsheets.values()))
        elif address.path.startswith(_PAGE):
            self._send_tab(address.path, parse_qs(address.query).get("tab", [""])[0])
        else:
            self._answer(None)

    def do_POST(self) -> None:
        """Writes, and service accounts that ask for a token."""
        body = self._body()
        if body is None or not self._is_local():
            return
        if urlsplit(self.path).path == "/token":
            form = parse_qs(body.decode(errors="replace"))
            status, granted = self.server.service.accounts.grant(form.get("assertion", [""])[0])
            self._send(status, orjson.dumps(granted))
            return
        self._answer(body)

    def do_PUT(self) -> None:
        """Writes."""
        self.do_POST()

    def _is_local(self) -> bool:
        """Other web sites must not reach in through a browser on this machine."""
        host = self.headers.get("Host", "")
        origin = urlsplit(self.headers.get("Origin", f"http://{host}")).netloc
        if host.rpartition(":")[0] in LOCAL_NAMES and origin == host:
            return True
        refusal = no_permission()
        self._send(refusal.code, orjson.dumps(refusal.body))
        return False

    def _body(self) -> bytes | None:
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_BODY:
            self.close_connection = True
            self._send(413, orjson.dumps(invalid("Request payload size exceeds the limit: 10485760 bytes.").body))
            return None
        return self.rfile.read(length)

    def _answer(self, body: bytes | None) -> None:
        address = urlsplit(self.path)
        try:
            content = orjson.loads(body) if body else None
        except ValueError:
            self._send(400, orjson.dumps(invalid("Invalid JSON payload received.").body))
            return
        service = self.server.service
        request = Request(
            method=self.command,
            path=address.path,
            query=parse_qs(address.query),
            body=_without_nulls(content),
            caller=service.accounts.caller(self.headers.get("Authorization", "")),
        )
        self._give(service.answer(request))

    def _give(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True  # and not a byte before that
            return
        self._send(answer.status, orjson.dumps(answer.body))

    def _send_page(self, text: str) -> None:
        self._send(200, text.encode(), kind="text/html; charset=utf-8")

    def _send_tab(self, path: str, tab: str) -> None:
        spreadsheet = self.server.service.spreadsheets.get(path.removeprefix(_PAGE).partition("/")[0])
        if spreadsheet is None:
            self._send(404, orjson.dumps(not_found().body))
        else:
            self._send_page(tab_page(spreadsheet, tab))

    def _send(self, status: int, body: bytes, *, kind: str = "application/json; charset=UTF-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests aren't logged."""


def _without_nulls(value: Any) -> Any:
    """A field that is null is a field that isn't set; in a row of values null has a meaning of its own, and stays."""
    if isinstance(value, dict):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_without_nulls(part) for part in value]
    return value
