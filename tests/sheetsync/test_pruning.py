"""History is taken away up to a day: old runs and versions go, the latest version of each record stays."""

from __future__ import annotations

import datetime
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from backlog.models import Initiative
from sheetsync.models import ActionRun, CellChange, Conflict, RecordChange
from sheetsync.operating.pruning import count_history, prune
from tests.admin_pages import admin_client, button_url, edit, fill, initiative

pytestmark = pytest.mark.django_db
OLD, NEW = datetime.datetime(2026, 1, 10, tzinfo=datetime.UTC), datetime.datetime(2026, 3, 10, tzinfo=datetime.UTC)
BETWEEN = datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)


def edited_on(ada: Client, record: Initiative, day: datetime.datetime, title: str) -> ActionRun:
    with time_machine.travel(day, tick=False):
        edit(ada, record, title=title)
    return ActionRun.objects.latest("pk")


@pytest.fixture
def ada() -> Client:
    return admin_client()


def test_old_runs_and_versions_go_and_newer_ones_stay(ada: Client) -> None:
    with time_machine.travel(OLD - datetime.timedelta(days=1), tick=False):
        record = initiative(title="First")
    edited_on(ada, record, OLD, "Second")
    kept = edited_on(ada, record, NEW, "Third")
    prune(BETWEEN)
    assert list(ActionRun.objects.all()) == [kept]
    assert [change.run for change in RecordChange.objects.all()] == [kept]
    # "Second" is what "Third" was changed from; its own version had a later one already, and is as old as its run.
    assert list(record.history.values_list("title", flat=True)) == ["Third"]
    record.refresh_from_db()
    assert record.title == "Third"


def test_the_latest_version_of_a_record_stays_however_old(ada: Client) -> None:
    with time_machine.travel(OLD, tick=False):
        record = initiative(title="Only")
    prune(BETWEEN)
    assert record.history.latest().title == "Only"


def test_what_hasnt_ended_stays() -> None:
    with time_machine.travel(OLD, tick=False):
        ActionRun.objects.create(action="pm.backlog_sync", status="queued")
    prune(BETWEEN)
    assert ActionRun.objects.count() == 1


def test_an_open_conflict_outlives_the_run_that_found_it() -> None:
    with time_machine.travel(OLD, tick=False):
        fill(1, 1)
    prune(BETWEEN)
    assert not CellChange.objects.exists()
    assert Conflict.objects.get().run is None


def test_a_dry_run_says_what_would_go_and_takes_nothing(ada: Client) -> None:
    with time_machine.travel(OLD, tick=False):
        record = initiative(title="First")
    edited_on(ada, record, OLD, "Second")
    said = StringIO()
    call_command("prune_history", "--before", "2026-02-01", "--dry-run", stdout=said)
    assert said.getvalue() == (
        "From before 2026-02-01 would go: 1 runs, 1 changes of stored records, 1 earlier versions of initiatives\n"
    )
    assert ActionRun.objects.count() == 1
    call_command("prune_history", "--before", "2026-02-01", stdout=said)
    assert [each.count for each in count_history(BETWEEN) if each.count] == []


def test_days_are_counted_from_today() -> None:
    with time_machine.travel(OLD, tick=False):
        ActionRun.objects.create(action="pm.backlog_sync", status="success")
    with time_machine.travel(OLD + datetime.timedelta(days=30), tick=False):
        call_command("prune_history", "--keep-days", "30", stdout=StringIO())
        assert ActionRun.objects.count() == 1
        call_command("prune_history", "--keep-days", "29", stdout=StringIO())
    assert not ActionRun.objects.exists()


@pytest.mark.parametrize("options", [("--keep-days", "0"), ("--before", "2999-01-01"), ("--before", "soon"), ()])
def test_a_day_that_cant_be_meant_is_refused(options: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("prune_history", *options)


def test_a_run_that_went_can_no_longer_be_undone(ada: Client) -> None:
    with time_machine.travel(OLD, tick=False):
        record = initiative(title="First")
    run = edited_on(ada, record, OLD, "Second")
    prune(BETWEEN)
    assert ada.get(button_url(run, "undo_this_run")).status_code == 404
