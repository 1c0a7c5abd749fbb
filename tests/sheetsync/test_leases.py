"""One process at a time on a run, one run at a time on a workbook; what breaks off is taken up again, and never doubled."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone
from django_q.models import OrmQ

from sheetsync.context import ActionContext, Arguments
from sheetsync.models import ActionRun, Workbook
from sheetsync.runs.actions import attempt, carry_out, needed_workbooks, request
from sheetsync.runs.housekeeping import BEGUN_WITHIN, keep_house
from sheetsync.runs.leases import (
    Status,
    TakenOver,
    WorkbooksBusy,
    break_off,
    claim,
    end,
    fence,
    first_in_line,
    reap,
    renew,
)
from sheetsync.runs.queueing import PICKED_UP_FOR_S, enqueue, find_lost
from sheetsync.runs.tasks import submit, work_on
from tests.factories import WorkbookFactory
from tests.sheetsync.deliveries import NAME, Day, acting, effects
from tests.sheetsync.world import filled_world

LATER = datetime.timedelta(seconds=settings.RUN_LEASE_S + 1)


def succeed(context: ActionContext) -> None:
    context.report.tabs_done += 1


@pytest.fixture
def named() -> Iterator[str]:
    """An action on Backlog workbooks that does nothing and succeeds."""
    with acting(succeed) as name:
        yield name


@pytest.fixture
def workbook(db: None) -> Workbook:
    made: Workbook = WorkbookFactory(role="backlog", title="Plan")
    return made


def queued(name: str = NAME, **options: Any) -> ActionRun:
    """Asked of the workers."""
    return submit(name, **options)


def again(run: ActionRun) -> ActionRun:
    """As stored now."""
    return ActionRun.objects.get(pk=run.pk)


# ---- a run ----------------------------------------------------------------------------------------------------------------


def test_a_run_is_claimed_from_the_state_that_was_seen(named, workbook):
    run = queued()
    other = again(run)
    assert claim(run, [workbook.pk])
    assert (run.status, run.attempts) == (Status.RUNNING, 1)
    assert not claim(other, [workbook.pk])
    assert again(run).attempts == 1


def test_an_attempt_is_counted_before_any_work(named, workbook):
    counted = []
    with acting(lambda context: counted.append(again(context.run).attempts), "test.count"):
        work_on(queued("test.count").run_id)
    assert counted == [1]


def test_what_was_taken_over_can_be_neither_renewed_saved_nor_ended(named, workbook):
    run = queued()
    claim(run, [workbook.pk])
    ActionRun.objects.filter(pk=run.pk).update(attempts=2)
    assert not renew(run)
    with pytest.raises(TakenOver):
        fence(run)
    with pytest.raises(TakenOver):
        end(run, status=Status.SUCCESS)


def test_a_process_that_slept_through_its_lease_saves_nothing_more(workbook):
    with time_machine.travel(timezone.now(), tick=False) as clock:

        def oversleep(context: ActionContext) -> None:
            if context.run.attempts > 1:
                return succeed(context)
            clock.shift(LATER)
            said.append(keep_house())
            said.append(work_on(context.run.run_id))
            with transaction.atomic():
                Workbook.objects.filter(pk=workbook.pk).update(title="too late")
                context.storage.flush()
            return None

        said: list[str] = []
        with acting(oversleep):
            run = queued()
            assert work_on(run.run_id) == f"run {run.run_id} was taken already"
        assert said == [f"run {run.run_id} had broken off", f"run {run.run_id}: success"]
    assert Workbook.objects.get().title == "Plan"
    assert (again(run).status, again(run).attempts) == (Status.SUCCESS, 2)


def test_a_run_whose_lease_ran_out_is_queued_again_with_a_task(named, workbook):
    run = queued()
    claim(run, [workbook.pk])
    OrmQ.objects.all().delete()
    assert reap() == []
    with time_machine.travel(timezone.now() + LATER):
        assert reap() == [run]
        assert reap() == []
    assert (again(run).status, again(run).lease_until) == (Status.QUEUED, None)
    assert OrmQ.objects.get().pk == again(run).task_row


def test_a_lease_that_was_moved_on_meanwhile_is_not_broken_off(named, workbook):
    run = queued()
    claim(run, [workbook.pk])
    seen = again(run)
    assert renew(run)
    assert not break_off(seen)
    assert again(run).status == Status.RUNNING


def test_a_run_is_given_up_after_a_few_attempts_in_words_that_a_person_understands(named, workbook):
    run = queued()
    for _ in range(settings.RUN_ATTEMPTS):
        assert claim(again(run), [workbook.pk])
        assert break_off(again(run))
    assert again(run).status == Status.FAILED
    assert again(run).messages[-1]["text"].startswith("given up: this was begun 3 times")
    assert run.run_id in again(run).messages[-1]["text"]
    assert work_on(run.run_id) == f"run {run.run_id} was taken already"


def test_a_command_that_was_killed_is_failed_and_not_begun_again_by_others(named, workbook):
    run = request(named)
    claim(run, [workbook.pk])
    with time_machine.travel(timezone.now() + LATER):
        keep_house()
    assert again(run).status == Status.FAILED
    assert "ended before it was done" in again(run).messages[0]["text"]
    assert not OrmQ.objects.exists()


def test_a_command_that_ended_before_it_began_does_not_stay_queued_for_ever(named, workbook):
    run = request(named)
    keep_house()
    assert again(run).status == Status.QUEUED
    with time_machine.travel(timezone.now() + BEGUN_WITHIN + LATER):
        keep_house()
    assert again(run).status == Status.FAILED
    assert "ended before it began" in again(run).messages[0]["text"]


def test_a_worker_that_is_told_to_stop_leaves_the_run_to_the_next_at_once(workbook):
    def stop(context: ActionContext) -> None:
        raise SystemExit

    with acting(stop):
        run = queued()
        with pytest.raises(SystemExit):
            work_on(run.run_id)
    assert (again(run).status, again(run).attempts) == (Status.QUEUED, 1)


def test_a_person_who_interrupts_a_command_ends_its_run(workbook):
    def interrupt(context: ActionContext) -> None:
        raise KeyboardInterrupt

    with acting(interrupt):
        run = request(NAME)
        with pytest.raises(KeyboardInterrupt):
            carry_out(run)
    assert again(run).status == Status.FAILED


def test_runs_without_a_lease_are_nobody_elses_business(db):
    run = ActionRun.objects.create(action="backfill.history", status=Status.RUNNING)
    with time_machine.travel(timezone.now() + LATER):
        keep_house()
    assert again(run).status == Status.RUNNING


# ---- tasks that got lost ---------------------------------------------------------------------------------------------------


def test_a_run_whose_task_is_gone_is_queued_anew(named, workbook):
    run = queued()
    OrmQ.objects.all().delete()
    assert find_lost() == [run]
    assert keep_house() == f"run {run.run_id} is queued anew"
    assert OrmQ.objects.get().task["args"] == (run.run_id,)
    assert find_lost() == []


def test_a_task_that_was_picked_up_long_ago_and_not_begun_is_handed_out_again_once(named, workbook):
    run = queued()
    picked_up = timezone.now() + datetime.timedelta(seconds=settings.TASK_RETRY_S)
    OrmQ.objects.update(lock=picked_up)
    assert find_lost() == []
    with time_machine.travel(timezone.now() + datetime.timedelta(seconds=PICKED_UP_FOR_S + 1)):
        assert find_lost() == [run]
        keep_house()
        assert find_lost() == []
    assert OrmQ.objects.count() == 1


def test_tasks_that_wait_for_a_worker_or_a_workbook_are_not_lost(named, workbook):
    enqueue(queued(), delay_s=30)
    enqueue(queued(arguments=Arguments(scenario="other")))
    assert find_lost() == []


# ---- the same twice in the queue -------------------------------------------------------------------------------------------


def test_the_same_asked_twice_while_it_waits_becomes_one(named, workbook):
    first = queued(workbook=workbook, arguments=Arguments(keys=("A", "B")))
    assert queued(workbook=workbook, arguments=Arguments(keys=("A", "B"))) == first
    assert OrmQ.objects.count() == ActionRun.objects.count() == 1


@pytest.mark.parametrize(
    "other", [{"workbook": None}, {"arguments": Arguments(keys=("A",), confirm=True)}, {"name": "test.other"}]
)
def test_what_differs_in_anything_is_a_run_of_its_own(named, workbook, other):
    with acting(succeed, "test.other"):
        first = queued(workbook=workbook, arguments=Arguments(keys=("A",)))
        asked = {"name": NAME, "workbook": workbook, "arguments": Arguments(keys=("A",)), **other}
        assert queued(**asked) != first


def test_what_is_asked_for_once_it_began_is_a_run_of_its_own(workbook):
    asked: list[ActionRun] = []
    with acting(lambda context: asked.append(queued())):
        first = queued()
        work_on(first.run_id)
    assert asked != [first]


def test_a_command_that_is_carried_out_at_once_never_joins(named, workbook):
    waiting = queued(workbook=workbook)
    run = request(named, workbook=workbook)
    assert run != waiting
    assert carry_out(run) is not None
    assert again(waiting).status == Status.QUEUED


# ---- a workbook ------------------------------------------------------------------------------------------------------------


def test_a_second_run_on_a_workbook_in_use_is_told_whom_it_waits_for(named, workbook):
    first = queued(workbook=workbook, requested_by="ada")
    claim(first, [workbook.pk])
    second = queued(workbook=workbook, arguments=Arguments(scenario="other"))
    with pytest.raises(
        WorkbooksBusy, match=rf"Plan is in use by test\.work since .* \(run {first.run_id}, asked for by ada\)"
    ):
        attempt(second)
    assert (again(second).status, again(second).attempts) == (Status.QUEUED, 0)


def test_the_workbooks_of_a_run_are_free_once_it_ends(named, workbook):
    first, second = queued(), queued(arguments=Arguments(scenario="other"))
    claim(first, needed_workbooks(first))
    end(first, status=Status.SUCCESS)
    assert attempt(second) is not None


def test_the_workbooks_of_a_dead_worker_are_free_once_its_lease_ran_out(named, workbook):
    first, second = queued(), queued(arguments=Arguments(scenario="other"))
    claim(first, needed_workbooks(first))
    with time_machine.travel(timezone.now() + LATER):
        assert attempt(second) is not None
    assert again(first).status == Status.QUEUED


def test_without_a_workbook_a_run_needs_every_active_one_of_its_roles(named, workbook):
    second = WorkbookFactory(role="backlog")
    WorkbookFactory(role="intake")
    WorkbookFactory(role="backlog", is_active=False)
    assert needed_workbooks(request(named)) == [workbook.pk, second.pk]
    assert needed_workbooks(request(named, workbook=second)) == [second.pk]


def test_runs_on_different_workbooks_do_not_wait_for_each_other(named, workbook):
    other = WorkbookFactory(role="backlog")
    claim(queued(workbook=workbook), [workbook.pk])
    run = queued(workbook=other)
    assert work_on(run.run_id) == f"run {run.run_id}: success"


def test_what_is_refused_for_one_workbook_holds_none_of_the_others(named, workbook):
    other = WorkbookFactory(role="backlog")
    claim(queued(workbook=other), [other.pk])
    with pytest.raises(WorkbooksBusy):
        attempt(queued())
    assert attempt(queued(workbook=workbook)) is not None


def test_a_worker_puts_a_waiting_run_off_and_its_turn_comes_when_the_workbook_is_free(workbook):
    said: list[str] = []

    def work(context: ActionContext) -> None:
        if context.run.workbook is not None:
            said.append(work_on(waiting.run_id))
            assert "Plan is in use" in again(waiting).progress
            assert OrmQ.objects.get(pk=again(waiting).task_row).lock > timezone.now()
        succeed(context)

    with acting(work):
        waiting = queued()
        work_on(queued(workbook=workbook).run_id)
        assert said[0].startswith(f"run {waiting.run_id} waits: Plan is in use")
        assert OrmQ.objects.get(pk=again(waiting).task_row).lock <= timezone.now()
        assert work_on(waiting.run_id) == f"run {waiting.run_id}: success"
    assert again(waiting).progress == ""


def test_who_waits_longest_for_a_workbook_gets_it_first(named, workbook):
    first = queued(workbook=workbook)
    claim(first, [workbook.pk])
    everything = queued()
    work_on(everything.run_id)
    end(first, status=Status.SUCCESS)
    late = queued(workbook=workbook, arguments=Arguments(scenario="late"))
    assert work_on(late.run_id) == f"run {late.run_id} waits: run {everything.run_id} is first in line for its workbook"
    assert first_in_line(again(everything), needed_workbooks) is None
    assert work_on(everything.run_id) == f"run {everything.run_id}: success"
    assert work_on(late.run_id) == f"run {late.run_id}: success"


def test_a_command_waits_says_for_whom_and_gives_up_without_doing_anything(named, workbook):
    claim(queued(workbook=workbook), [workbook.pk])
    told: list[str] = []
    done = carry_out(request(named, arguments=Arguments(scenario="mine")), wait_s=0.5, on_wait=told.append)
    assert done is not None
    assert (done.run.status, done.run.attempts) == (Status.FAILED, 0)
    assert len(told) == 1
    assert done.run.messages[0]["text"] == f"{told[0]}. Nothing was done; try again when it has ended."


@pytest.mark.django_db(transaction=True)
def test_a_command_goes_on_as_soon_as_the_workbook_is_free(named):
    WorkbookFactory(role="backlog")
    first, run = queued(), request(named)
    claim(first, needed_workbooks(first))

    def finish() -> None:
        end(first, status=Status.SUCCESS)
        connections.close_all()

    threading.Timer(0.4, finish).start()
    done = carry_out(run, wait_s=20)
    assert done is not None
    assert done.run.status == Status.SUCCESS


# ---- beating -----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_long_work_keeps_its_lease_and_tells_how_far_it_is(settings):
    settings.RUN_LEASE_S = 0.6
    WorkbookFactory(role="backlog")
    seen: list[ActionRun] = []

    def work(context: ActionContext) -> None:
        context.progress("rows", 412, 1000)
        time.sleep(1.5)
        assert reap() == []
        seen.append(again(context.run))
        succeed(context)

    with acting(work):
        run = queued()
        assert work_on(run.run_id) == f"run {run.run_id}: success"
    assert seen[0].progress == "rows: 412 of 1,000"
    assert (again(run).progress, again(run).lease_until, again(run).attempts) == ("", None, 1)


@pytest.mark.django_db(transaction=True)
def test_workers_in_threads_never_work_on_one_workbook_at_once():
    WorkbookFactory(role="backlog")
    under_way, overlaps = threading.Semaphore(1), []

    def work(context: ActionContext) -> None:
        if not under_way.acquire(blocking=False):
            overlaps.append(context.run.run_id)
            return
        time.sleep(0.01)
        under_way.release()
        succeed(context)

    def deliver(run_ids: list[str]) -> None:
        try:
            while ActionRun.objects.filter(run_id__in=run_ids, status=Status.QUEUED).exists():
                for run_id in run_ids:
                    work_on(run_id)
        finally:
            connections.close_all()

    with acting(work):
        run_ids = [queued(arguments=Arguments(scenario=str(number))).run_id for number in range(6)]
        workers = [threading.Thread(target=deliver, args=(run_ids[turn:] + run_ids[:turn],)) for turn in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert overlaps == []
    assert set(ActionRun.objects.values_list("status", "attempts")) == {(Status.SUCCESS, 1)}


# ---- the whole, by the throw of a die ------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(3))
def test_deliveries_doubled_late_and_overlapping_have_one_effect_each(seed):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        day = Day(seed, lambda seconds: clock.shift(seconds))
        day.go(200)
    runs = ActionRun.objects.all()
    assert {"joined", "killed", "waits", "taken", "success"} <= set(day.told)
    assert {run.status for run in runs} <= {Status.SUCCESS, Status.FAILED}
    assert [run.run_id for run in runs if run.status == Status.SUCCESS and effects(run) != 1] == []
    assert [run.run_id for run in runs if effects(run) > 1] == []
    assert all(run.attempts == settings.RUN_ATTEMPTS for run in runs if run.status == Status.FAILED)


def test_an_action_says_what_it_is_doing_to_which_workbook(db):
    world, _intake, _backlog = filled_world(2)
    world.intake("Support").add(title="one more")
    told: list[str] = []
    run = request("pm.backlog_sync")
    carry_out(run, open_book=world.open, progress=lambda what, done, total: told.append(what))
    assert [text for text in told if "Support" in text] == [
        "intake Support",
        "reading Support",
        "comparing 2 rows of Support",
        "writing 3 cells to Support",
        "comparing 2 rows of Support",
    ]
