"""A server on loopback that answers the openai client's requests as it is told to: well, badly, late, or with lies."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-test-canary-0123456789"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer."""

    status: int = 200
    body: Any = None  # a JSON value, or bytes as they are
    headers: dict[str, str] = field(default_factory=dict)
    after_s: float = 0.0  # seconds to wait before answering


def said(text: str, *, status: str = "completed", kind: str = "output_text", **more: Any) -> Reply:
    """A response whose message is this text."""
    part = {"type": kind, "text": text, "annotations": []} if kind == "output_text" else {"type": kind, "refusal": text}
    message = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage = {
        "input_tokens": 1000,
        "output_tokens": 100,
        "total_tokens": 1100,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    body = {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "model": "loopback",
        "status": status,
        "output": [message],
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "usage": usage,
    }
    return Reply(body={**body, **more})


def answered(content: dict[str, Any]) -> Reply:
    """A response that holds this JSON."""
    return said(json.dumps(content))


def chatted(text: str | None, *, finish_reason: str = "stop", refusal: str | None = None) -> Reply:
    """A chat completion whose message is this text."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    return Reply(
        body={
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "loopback",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
        }
    )


def refused(status: int, message: str = "no", code: str | None = None, **headers: str) -> Reply:
    """An error of the server."""
    return Reply(status=status, body={"error": {"message": message, "type": "error", "code": code}}, headers=headers)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All messages of the conversation."""
        return "\n".join(str(turn["content"]) for turn in self.body.get("input") or self.body["messages"])


class LoopbackModel(ThreadingHTTPServer):
    """Gives its replies in order, the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: list[Reply] = []
        self.requests: list[Request] = []
        self.under_way = self.most_under_way = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackModel
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(
                Request(
                    path=self.path, headers={name.lower(): value for name, value in self.headers.items()}, body=body
                )
            )
            reply = self.server.next_reply()
            self.server.under_way += 1
            self.server.most_under_way = max(self.server.most_under_way, self.server.under_way)
        time.sleep(reply.after_s)
        with self.server.lock:
            self.server.under_way -= 1
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in reply.headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            return  # the client had enough

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def loopback_model() -> Iterator[LoopbackModel]:
    """Serves while the block runs."""
    server = LoopbackModel()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
