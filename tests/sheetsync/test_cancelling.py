"""Cancelling: what waits never begins, what runs stops at the next safe point; nothing is half done."""

from __future__ import annotations

import pytest
from django_q.models import OrmQ

from sheetsync.context import ActionContext
from sheetsync.models import ActionRun, Workbook
from sheetsync.runs.actions import attempt, request
from sheetsync.runs.cancelling import cancel
from sheetsync.runs.leases import Status, break_off, claim, reap
from sheetsync.runs.tasks import submit, work_on
from tests.factories import WorkbookFactory
from tests.sheetsync.deliveries import NAME, acting
from tests.sheetsync.world import at_request, filled_world, initiative, key_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def workbook() -> Workbook:
    made: Workbook = WorkbookFactory(role="backlog", title="Plan")
    return made


def again(run: ActionRun) -> ActionRun:
    return ActionRun.objects.get(pk=run.pk)


def test_a_run_that_waits_is_failed_at_once_and_its_task_is_gone(workbook):
    did = []
    with acting(did.append):
        run = submit(NAME)
        assert cancel(run, "ada") == "The run is cancelled; it hadn't begun."
        assert work_on(run.run_id) == f"run {run.run_id} was taken already"
    assert not did
    assert not OrmQ.objects.exists()
    ended = again(run)
    assert (ended.status, ended.cancelled_by) == (Status.FAILED, "ada")
    assert ended.messages[-1]["text"] == "cancelled by ada before it began. Nothing was done."


def test_what_is_asked_for_after_a_cancelled_request_is_a_run_of_its_own(workbook):
    with acting(lambda context: None):
        first = submit(NAME)
        cancel(first, "ada")
        assert submit(NAME).pk != first.pk


def test_a_run_under_way_stops_at_the_next_safe_point(workbook):
    reached = []

    def work(context: ActionContext) -> None:
        context.progress("first", 1, 2)
        reached.append("first")
        cancel(context.run, "ada")
        context.progress("second", 2, 2)
        reached.append("second")

    with acting(work):
        run = submit(NAME)
        work_on(run.run_id)
    assert reached == ["first"]
    ended = again(run)
    assert (ended.status, ended.cancelled_by) == (Status.FAILED, "ada")
    assert [message["text"] for message in ended.messages] == [
        "cancelled by ada while it ran. What was done until then stays, and can be undone."
    ]


def test_what_was_done_before_stays_and_makes_it_partial(workbook):
    def work(context: ActionContext) -> None:
        context.report.tabs_done += 1
        cancel(context.run, "ada")
        context.progress("more", 0, 0)

    with acting(work):
        run = submit(NAME)
        work_on(run.run_id)
    assert again(run).status == Status.PARTIAL


def test_a_sync_that_is_cancelled_leaves_the_next_one_to_finish():
    world, _intake, backlog = filled_world(3)
    backlog.type({"initiative_key": key_of(1)}, market="EMEA")
    run = request("pm.backlog_sync", workbook=backlog.workbook)
    at_request(backlog.book, "read", 1, lambda: cancel(run, "ada"))
    attempt(run, open_book=world.open)
    assert (again(run).cancelled_by, initiative(1).market) == ("ada", "")
    world.sync()
    assert initiative(1).market == "EMEA"


def test_a_run_that_ended_cant_be_cancelled(workbook):
    run = ActionRun.objects.create(action=NAME, status=Status.SUCCESS)
    assert cancel(run, "ada") == ""
    assert again(run).cancelled_by == ""


def test_the_first_who_cancels_is_named(workbook):
    with acting(lambda context: None):
        run = submit(NAME)
        claim(run, [workbook.pk])
        cancel(run, "ada")
        cancel(run, "bo")
    assert again(run).cancelled_by == "ada"


def test_a_cancelled_run_whose_worker_died_isnt_taken_up_again(workbook):
    with acting(lambda context: None):
        run = submit(NAME)
        claim(run, [workbook.pk])
        cancel(run, "ada")
        break_off(again(run))
    assert again(run).status == Status.FAILED
    assert reap() == []
