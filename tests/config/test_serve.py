"""`manage.py serve` as a person uses it: pages answer, Ctrl-C ends everything."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings


@pytest.mark.slow
def test_serve_answers_and_a_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}"}
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env=environment, check=True)
    port = _free_port()
    served = subprocess.Popen([*manage, "serve", "--bind", f"127.0.0.1:{port}", "--web-workers", "1"], env=environment)
    try:
        assert b"csrfmiddlewaretoken" in _get(f"http://127.0.0.1:{port}/admin/login/")
        assert _get(f"http://127.0.0.1:{port}/static/admin/js/core.js")
        children = _children(served.pid)
        assert len(children) == 2
        served.send_signal(signal.SIGINT)
        assert served.wait(timeout=60) == 0
        assert [child for child in children if _is_running(child)] == []
    finally:
        if served.poll() is None:
            served.terminate()
            served.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _get(url: str) -> bytes:
    """The page, once the server is up."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                page: bytes = answer.read()
                return page
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _children(process_id: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process_id)], capture_output=True, text=True, check=True)
    return [int(line) for line in listed.stdout.split()]


def _is_running(process_id: int) -> bool:
    try:
        os.killpg(process_id, 0)
    except ProcessLookupError:
        return False
    return True
