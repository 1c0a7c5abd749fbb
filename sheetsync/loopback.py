"""What small servers that run on this machine alone have in common: an address on loopback, and a thread to serve from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

HOST = "127.0.0.1"
# What a request may call this machine: another name may be somebody else's page that asks through a browser here.
LOCAL_NAMES = frozenset({HOST, "localhost", "[::1]"})


class LoopbackServer(ThreadingHTTPServer):
    """Listens on this machine alone."""

    daemon_threads = True

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        """Port 0: any free one. Raises OSError when the port is taken."""
        super().__init__((HOST, port), handler)

    @property
    def origin(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Serves from a thread of its own while the block runs."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join()
