"""The stand-in behind a socket: the two calls of an OpenAI-compatible server that the client uses, on loopback alone."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from productops.llm.prompts import unfenced
from productops.llm.stand_in import NAME, SAYS_SO, stand_in_answer
from sheetsync.loopback import LOCAL_NAMES, LoopbackServer

MAX_BODY = 2_000_000  # bytes
_Reply = tuple[int, dict[str, Any]]


class LlmServer(LoopbackServer):
    """Serves the stand-in on this machine alone."""

    def __init__(self, port: int = 0) -> None:
        """Port 0: any free one. Raises OSError when the port is taken."""
        super().__init__(port, _Handler)
        self.requests = 0  # how many questions were answered

    @property
    def url(self) -> str:
        """What OPENAI_BASE_URL must say."""
        return f"{self.origin}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: LlmServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer goes out in one piece

    def do_GET(self) -> None:
        """What is served here."""
        self._send(200, {"object": "list", "data": [{"id": NAME, "object": "model", "owned_by": SAYS_SO}]})

    def do_POST(self) -> None:
        """One question."""
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_BODY:
            self.close_connection = True
            self._send(413, _error("the request is too long"))
            return
        body = self.rfile.read(length)
        calls = {"/v1/responses": response_to, "/v1/chat/completions": completion_of}
        call = calls.get(urlsplit(self.path).path)
        if call is None or self.headers.get("Host", "").rpartition(":")[0] not in LOCAL_NAMES:
            self._send(404, _error(f"only {' and '.join(calls)} are served, on this machine"))
            return
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        self.server.requests += 1
        self._send(*(call(asked) if isinstance(asked, dict) else (400, _error("the body isn't a JSON object"))))

    def _send(self, status: int, answer: Mapping[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: whoever runs it watches the actions."""


def _error(text: str) -> dict[str, Any]:
    return {"error": {"message": text, "type": "invalid_request_error", "param": None, "code": None}}


def _answer(shape: object, messages: object) -> str | None:
    """The answer's JSON, None when the request isn't one of this project's."""
    texts = (
        [entry.get("content") for entry in messages if isinstance(entry, dict)] if isinstance(messages, list) else []
    )
    data = next((found for text in texts if isinstance(text, str) and (found := unfenced(text)) is not None), None)
    if data is None:
        return None
    try:
        return stand_in_answer(str(shape), data).model_dump_json()
    except KeyError:
        return None


_FOREIGN = 400, _error("the stand-in only answers the questions of Portfolio Desk")


def response_to(asked: Mapping[str, Any]) -> _Reply:
    """As the responses API answers."""
    shape = ((asked.get("text") or {}).get("format") or {}).get("name")
    text = _answer(shape, asked.get("input"))
    if text is None:
        return _FOREIGN
    sent, received = _counts(asked, text)
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"id": "msg_stand_in", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage = {"input_tokens": sent, "output_tokens": received, "total_tokens": sent + received}
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    return 200, {
        "id": "resp_stand_in",
        "object": "response",
        "created_at": int(time.time()),
        "model": NAME,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": [message],
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "usage": {**usage, **details},
    }


def completion_of(asked: Mapping[str, Any]) -> _Reply:
    """As the chat completions API answers."""
    shape = ((asked.get("response_format") or {}).get("json_schema") or {}).get("name")
    text = _answer(shape, asked.get("messages"))
    if text is None:
        return _FOREIGN
    sent, received = _counts(asked, text)
    message = {"role": "assistant", "content": text, "refusal": None}
    return 200, {
        "id": "chatcmpl_stand_in",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": NAME,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received},
    }


def _counts(asked: Mapping[str, Any], text: str) -> tuple[int, int]:
    """About as many tokens as a model would count: four characters each."""
    return len(json.dumps(asked)) // 4, len(text) // 4
