"""The throwaway PostgreSQL of the tests: it answers, and nothing of it stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tests.postgres import main, throwaway_server


@pytest.mark.slow
def test_a_throwaway_server_answers_and_leaves_nothing_behind() -> None:
    with throwaway_server() as url:
        folder = Path(url.partition("host=")[2])
        with psycopg.connect(url) as session:
            assert session.execute("show server_encoding").fetchone() == ("UTF8",)
            process = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_given_server_is_used_as_it_is_and_the_exit_status_is_the_commands() -> None:
    given = "postgres://someone@elsewhere/portfolio"
    script = f"import os, sys; sys.exit(7 if os.environ['DATABASE_URL'] == {given!r} else 1)"
    done = subprocess.run(
        [sys.executable, "-m", "tests.postgres", sys.executable, "-c", script],
        cwd=settings.BASE_DIR, env={**os.environ, "DATABASE_URL": given}, check=False,
    )  # fmt: skip
    assert done.returncode == 7


def test_without_a_command_the_usage_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Usage" in capsys.readouterr().err


@pytest.mark.django_db
def test_tests_run_on_the_database_asked_for() -> None:
    asked = os.environ["DATABASE_URL"].partition(":")[0]
    assert connection.vendor == {"sqlite": "sqlite", "postgres": "postgresql", "postgresql": "postgresql"}[asked]
    with connection.cursor() as cursor:
        cursor.execute("select 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db
def test_sqlite_under_test_is_a_file_in_wal_mode_as_in_real_life() -> None:
    if connection.vendor != "sqlite":
        assert connection.settings_dict["NAME"].startswith("test_")
        return
    with connection.cursor() as cursor:
        cursor.execute("pragma journal_mode")
        assert cursor.fetchone() == ("wal",)
