"""Commands that run as one: they end together, whatever the reason."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from config.processes import run_together

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def noting_its_id(path: Path, *, then: str = "time.sleep(60)") -> list[str]:
    return [
        sys.executable,
        "-c",
        f"import os, pathlib, time; pathlib.Path({str(path)!r}).write_text(str(os.getpid())); {then}",
    ]


def wait_for(path: Path) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if path.exists() and path.read_text():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError(f"{path} was never written")


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def signal_this_process_once(path: Path, number: int) -> None:
    def act() -> None:
        wait_for(path)
        os.kill(os.getpid(), number)

    threading.Thread(target=act, daemon=True).start()


def test_when_one_ends_the_others_are_stopped_and_the_answer_names_it(tmp_path: Path) -> None:
    ended = run_together(
        {"web": noting_its_id(tmp_path / "web"), "worker": [sys.executable, "-c", "raise SystemExit(3)"]}, grace_s=10
    )
    assert ended.startswith("The worker ended by itself (exit status 3)")
    assert not (tmp_path / "web").exists() or not is_running(wait_for(tmp_path / "web"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_stop_ends_all_and_is_no_failure(tmp_path: Path, number: signal.Signals) -> None:
    signal_this_process_once(tmp_path / "web", number)
    before = signal.getsignal(number)
    assert run_together({"web": noting_its_id(tmp_path / "web"), "worker": SLEEP}, grace_s=10) == ""
    assert not is_running(wait_for(tmp_path / "web"))
    assert signal.getsignal(number) is before


def test_what_does_not_stop_in_time_is_killed_with_its_descendants(tmp_path: Path) -> None:
    child = noting_its_id(tmp_path / "child")
    parent = f"import signal, subprocess, sys; signal.signal(15, signal.SIG_IGN); subprocess.run({child!r})"
    signal_this_process_once(tmp_path / "child", signal.SIGTERM)
    assert run_together({"deaf": [sys.executable, "-c", parent]}, grace_s=0.3) == ""
    orphan, deadline = wait_for(tmp_path / "child"), time.monotonic() + 5
    while is_running(orphan) and not _is_a_zombie(orphan) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(orphan) or _is_a_zombie(orphan)


def test_a_command_that_cannot_start_stops_the_others(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_together({"web": noting_its_id(tmp_path / "web"), "worker": [str(tmp_path / "missing")]}, grace_s=10)
    assert not (tmp_path / "web").exists() or not is_running(wait_for(tmp_path / "web"))


def _is_a_zombie(process_id: int) -> bool:
    """Killed, and not yet collected by whoever adopted it."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False)
    return state.stdout.strip().startswith("Z")
