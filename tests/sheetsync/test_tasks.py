"""Queued runs: a task delivered twice has one effect, and a real cluster carries out what was queued."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import openpyxl
import pytest
from django.conf import settings
from django.db import connections, transaction
from django_q.models import OrmQ

from backlog.models import Initiative
from sheetsync.models import ActionRun, RecordChange, Workbook
from sheetsync.runs.actions import request
from sheetsync.runs.tasks import enqueue, work_on


def intake_file(place: Path, titles: int) -> Path:
    """A department's file, before anybody synced it."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Wishes"
    for row in [["Key", "Title"], *([None, f"idea {number}"] for number in range(titles))]:
        sheet.append(row)
    book.save(place)
    return place


@pytest.fixture
def queued(tmp_path: Path) -> ActionRun:
    """A queued sync of three intake rows."""
    Workbook.objects.create(role="intake", location=str(intake_file(tmp_path / "wishes.xlsx", 3)), title="Wishes")
    return request("pm.backlog_sync", requested_by="ada")


@pytest.mark.django_db
def test_a_task_delivered_again_and_again_has_one_effect(queued):
    assert work_on(queued.run_id) == f"run {queued.run_id}: success"
    changes = RecordChange.objects.count()
    for _ in range(4):
        assert work_on(queued.run_id) == f"run {queued.run_id} was taken already"
    assert Initiative.objects.count() == 3
    assert RecordChange.objects.count() == changes
    assert ActionRun.objects.get().attempts == 1


@pytest.mark.django_db(transaction=True)
def test_deliveries_that_overlap_have_one_effect(queued):
    said: list[str] = []

    def deliver() -> None:
        try:
            said.append(work_on(queued.run_id))
        finally:
            connections.close_all()

    workers = [threading.Thread(target=deliver) for _ in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(said) == sorted([f"run {queued.run_id}: success", *[f"run {queued.run_id} was taken already"] * 4])
    assert Initiative.objects.count() == 3


@pytest.mark.django_db
def test_a_task_whose_run_is_gone_does_nothing():
    assert work_on("no-such-run") == "run no-such-run is gone"


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_the_task_along():
    def queue_and_fail() -> None:
        with transaction.atomic():
            enqueue(request("pm.backlog_sync"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        queue_and_fail()
    assert OrmQ.objects.count() == ActionRun.objects.count() == 0
    enqueue(request("pm.backlog_sync"))
    assert OrmQ.objects.count() == ActionRun.objects.count() == 1


@pytest.mark.django_db
def test_a_task_carries_the_runs_id_and_nothing_else(queued):
    enqueue(queued)
    task = OrmQ.objects.get().task
    assert (task["func"], task["args"], task["kwargs"]) == ("sheetsync.runs.tasks.work_on", (queued.run_id,), {})


@pytest.mark.slow
def test_a_real_cluster_carries_out_a_queued_run(tmp_path):
    database = tmp_path / "db.sqlite3"
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{database}"}
    place = intake_file(tmp_path / "wishes.xlsx", 2)

    def manage(*words: str) -> str:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    manage("migrate", "--verbosity", "0")
    manage("connect", "intake", str(place))
    run_id = json.loads(manage("action", "pm.backlog_sync", "--queue", "--json"))["run_id"]
    assert _status(database, run_id) == "queued"
    cluster = subprocess.Popen(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while _status(database, run_id) in ("queued", "running") and time.monotonic() < deadline:
            time.sleep(0.2)
        assert _status(database, run_id) == "success"
    finally:
        cluster.terminate()
        cluster.wait(timeout=60)
    sheet = openpyxl.load_workbook(place)["Wishes"]
    assert [row[:2] for row in sheet.iter_rows(min_row=2, values_only=True)] == [
        ("INIT-000001", "idea 0"),
        ("INIT-000002", "idea 1"),
    ]


def _status(database: Path, run_id: str) -> str:
    with sqlite3.connect(database, timeout=30) as connection:
        (status,) = connection.execute("SELECT status FROM sheetsync_actionrun WHERE run_id = ?", [run_id]).fetchone()
    return str(status)


def test_a_cluster_hands_a_task_out_again_only_after_it_must_have_ended():
    cluster = settings.Q_CLUSTER
    assert cluster["retry"] > cluster["timeout"] > settings.SOLVER_TIME_LIMIT_S
    assert cluster["catch_up"] is False
