"""Keeps the lease of a run alive while it is worked on, and stores how far it is; in a thread, so that a long solve or write doesn't
look like a death."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from types import TracebackType

from django.conf import settings
from django.db import DatabaseError, connection

from sheetsync.models import ActionRun
from sheetsync.runs.health import beat_if_worker
from sheetsync.runs.leases import renew

logger = logging.getLogger(__name__)

# How often progress is stored at most.
PROGRESS_EVERY_S = 1.0
# A lease is moved on this often while it lasts.
BEATS_PER_LEASE = 6


class Heartbeat:
    """Beats from `with` to its end. Inside somebody's transaction nobody else sees the run, and there is nothing to keep alive."""

    def __init__(self, run: ActionRun) -> None:
        self._run = run
        self._text = self._stored = ""
        self._last = time.monotonic()
        self._ended = threading.Event()
        beat = contextvars.copy_context().run
        self._thread = threading.Thread(target=beat, args=(self._beat_on,), name=f"lease of {run.run_id}", daemon=True)

    def note(self, what: str, done: int, total: int) -> None:
        """How far the run is: shown within a second or two."""
        self._text = (f"{what}: {done:,} of {total:,}" if total else what)[:200]

    def __enter__(self) -> Heartbeat:
        if not connection.in_atomic_block:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=settings.RUN_LEASE_S)

    def _beat_on(self) -> None:
        interval = settings.RUN_LEASE_S / BEATS_PER_LEASE
        try:
            while not self._ended.wait(min(PROGRESS_EVERY_S, interval)):
                if self._text == self._stored and time.monotonic() - self._last < interval:
                    continue
                if not self._beat():
                    return
        finally:
            connection.close()  # this thread's own

    def _beat(self) -> bool:
        """False when the run was taken over: the next transaction of whoever works on it finds out, too."""
        text, self._last = self._text, time.monotonic()
        try:
            is_ours = renew(self._run, progress=text)
            beat_if_worker()
        except DatabaseError:
            logger.warning("the lease of run %s couldn't be moved on; trying again", self._run.run_id, exc_info=True)
            connection.close()
            return True
        self._stored = text
        if not is_ours:
            logger.warning("run %s was taken over by another process", self._run.run_id)
        return is_ours
