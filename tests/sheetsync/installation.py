"""A whole installation in processes of its own: commands, groups of workers, and a database that can be looked into from outside."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from tests.postgres import throwaway_server

WITHIN_S = 150.0
MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]


class Installation:
    """One installation; its lease is short, so that what dies is taken up soon."""

    def __init__(self, folder: Path, url: str, **environment: str) -> None:
        self.folder = folder
        self.url = url
        # The settings of the tests would forget what is set here.
        own = {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url, "RUN_LEASE_S": "2"}
        self.environment = {**os.environ, **own, **environment}
        self.clusters: list[subprocess.Popen[bytes]] = []
        self.manage("migrate", "--verbosity", "0")

    def manage(self, *words: str) -> str:
        """Runs a command to its end; what it printed."""
        done = subprocess.run([*MANAGE, *words], env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def queue(self, *words: str) -> str:
        """Asks the workers for an action; the run's id."""
        run_id: str = json.loads(self.manage("action", *words, "--queue", "--json"))["run_id"]
        return run_id

    def start_workers(self) -> subprocess.Popen[bytes]:
        """A group of workers, in a session of its own."""
        log = (self.folder / f"workers {len(self.clusters)}.log").open("wb")
        with log:
            cluster = subprocess.Popen(
                [*MANAGE, "qcluster"], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.clusters.append(cluster)
        return cluster

    def kill_group(self, cluster: subprocess.Popen[bytes]) -> None:
        """kill -9 of a whole group: the machine stops."""
        os.killpg(cluster.pid, signal.SIGKILL)
        cluster.wait()

    def kill_worker(self, run_id: str) -> None:
        """kill -9 of the one process that carries a run out."""
        worker = str(self.run(run_id, "worker"))
        os.kill(int(worker.rpartition("/")[2]), signal.SIGKILL)

    def stop(self) -> None:
        """Ends every group."""
        for cluster in self.clusters:
            if cluster.poll() is None:
                self.kill_group(cluster)

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Looks into the database; `%s` stands for a value."""
        if self.url.startswith("sqlite"):
            with sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=30) as connection:
                return connection.execute(query.replace("%s", "?"), values).fetchall()
        with psycopg.connect(self.url) as session:
            return session.execute(query, values).fetchall()

    def run(self, run_id: str, column: str = "status") -> Any:
        """What a run's row says."""
        return self.ask(f"SELECT {column} FROM sheetsync_actionrun WHERE run_id = %s", run_id)[0][0]

    def wait(self, until: Callable[[], Any], what: str, *, every_s: float = 0.05) -> None:
        """Waits for something to come true."""
        deadline = time.monotonic() + WITHIN_S
        while not until():
            if time.monotonic() > deadline:
                logs = "\n".join(log.read_text()[-4000:] for log in sorted(self.folder.glob("workers*.log")))
                raise AssertionError(f"never happened: {what}\n{logs}")
            time.sleep(every_s)

    def wait_for_status(self, run_id: str, *statuses: str) -> None:
        """Waits until a run has one of these."""
        self.wait(lambda: self.run(run_id) in statuses, f"run {run_id} is {statuses}; it is {self.run(run_id)}")


@contextmanager
def installed(kind: str, folder: Path, **environment: str) -> Iterator[Installation]:
    """An installation on "sqlite" or "postgresql", all gone at the end."""
    if kind == "sqlite":
        yield from _with_workers(Installation(folder, f"sqlite:///{folder / 'db.sqlite3'}", **environment))
        return
    with throwaway_server() as url:
        yield from _with_workers(Installation(folder, url, **environment))


def _with_workers(installation: Installation) -> Iterator[Installation]:
    try:
        yield installation
    finally:
        installation.stop()
