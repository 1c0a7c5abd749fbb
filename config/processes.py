"""Run several commands as one: start them together, stop them together, leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_EVERY_S = 0.1

Processes = Mapping[str, subprocess.Popen[bytes]]


def run_together(commands: Mapping[str, Sequence[str]], *, grace_s: float) -> str:
    """Run the commands (name -> argv) until a person or the system asks to stop, or until one of them ends.

    Then all are asked to end (SIGTERM), and what still runs after `grace_s` seconds, or at a second request, is killed
    with all its descendants. Returns "" when asked to stop, else a sentence that names the command that ended. For the
    main thread only (signals); raises OSError when a command can't be started, with the others stopped.
    """
    processes: dict[str, subprocess.Popen[bytes]] = {}
    with _stop_requests() as requests:
        try:
            for name, argv in commands.items():
                # A session of its own: Ctrl-C reaches this process alone, which then stops the others in good order.
                processes[name] = subprocess.Popen(argv, start_new_session=True)  # noqa: S603 - the caller's own commands
            while not requests and not (ended := _ended(processes)):
                time.sleep(_LOOK_EVERY_S)
            return "" if requests else ended
        finally:
            _stop(processes, requests, grace_s)


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """The numbers of the stop signals that came so far, growing while the block runs."""
    requests: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        requests.append(number)

    before = {number: signal.signal(number, note) for number in _STOP_SIGNALS}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(processes: Processes) -> str:
    """A sentence about the first command that ended, "" while all run."""
    for name, process in processes.items():
        if process.poll() is not None:
            return f"The {name} ended by itself (exit status {process.returncode}); what it printed above says why."
    return ""


def _stop(processes: Processes, requests: Sequence[int], grace_s: float) -> None:
    """End every process and its descendants; returns when none is left."""
    for process in processes.values():
        if process.poll() is None:
            # The leader alone: it lets its own workers finish what they hold.
            process.terminate()
    asked, deadline = len(requests), time.monotonic() + grace_s
    while any(process.poll() is None for process in processes.values()):
        if time.monotonic() > deadline or len(requests) > asked:
            break
        time.sleep(_LOOK_EVERY_S)
    for process in processes.values():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
