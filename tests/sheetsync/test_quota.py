"""How far one service account reaches: the operators' table, and what the doctor says of this installation."""

from __future__ import annotations

import pytest
from django.conf import settings as project

from sheetsync import checkups
from sheetsync.operating.doctor import Verdict
from sheetsync.operating.quota import Load
from tests.factories import WorkbookFactory
from tests.test_docs import rows_of


def test_the_operators_table_is_computed():
    rows = rows_of(project.BASE_DIR / "docs" / "operator.md", "spreadsheets")
    assert [row["spreadsheets"] for row in rows] == ["10", "100", "1,000"]
    for row in rows:
        count = int(row["spreadsheets"].replace(",", ""))
        load = Load(
            spreadsheets=count,
            synced=count,
            sync_every=int(row["`SYNC_EVERY_MINUTES`"]),
            polls=int(row["`SHEETS_POLLS_PER_MINUTE`"]),
            budget=int(row["`SHEETS_REQUESTS_PER_MINUTE`"]),
        )
        told = row["a Control tab's turn"], row["reads a minute at rest"], row["left for people"]
        assert told == (f"{load.control_every} min", str(load.reads), str(load.left))
        assert load.left * checkups.LEAST_LEFT >= load.budget


@pytest.mark.django_db
@pytest.mark.parametrize(("every", "verdict"), [(10, Verdict.OK), (1, Verdict.WARNING)])
def test_the_doctor_says_how_much_of_the_quota_the_timetable_takes(settings, every, verdict):
    settings.SHEETS_REQUESTS_PER_MINUTE, settings.SHEETS_POLLS_PER_MINUTE, settings.SYNC_EVERY_MINUTES = 60, 30, every
    for number in range(20):
        WorkbookFactory(role="backlog", location=f"{number:02}{'x' * 42}")
    WorkbookFactory(role="backlog", location="/plans/one.xlsx")
    (finding,) = checkups.quota()
    assert finding.verdict is verdict
    assert f"20 spreadsheets: {20 + 40 // every} of 60 reads a minute at rest" in finding.text


@pytest.mark.django_db
def test_without_spreadsheets_there_is_nothing_to_say_of_a_quota():
    WorkbookFactory(role="backlog", location="/plans/one.xlsx")
    assert list(checkups.quota()) == []
