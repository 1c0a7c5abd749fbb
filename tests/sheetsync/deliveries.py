"""A day in the life of the workers' queue, by the throw of a die: tasks delivered twice, late, while others are under way; workers that
are killed or fall asleep; a clock that runs ahead. Whatever happens, each run has one effect."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction

from sheetsync.context import ActionContext, Arguments
from sheetsync.models import ActionRun, KeyCounter, Workbook, WorkbookLease
from sheetsync.runs.actions import ACTIONS, Work, action, needed_workbooks
from sheetsync.runs.housekeeping import keep_house
from sheetsync.runs.leases import Status, WorkbooksBusy, claim, fence
from sheetsync.runs.tasks import submit, work_on
from tests.factories import WorkbookFactory

NAME = "test.work"
RECENT = 6  # runs that most deliveries are about
_WORDS = ("stopped", "waits", "taken", "success", "failed", "queued", "running")  # of what a worker says
DEEPEST = 3  # deliveries under way at once in one process


@contextmanager
def acting(work: Work, name: str = NAME, roles: tuple[str, ...] = ("backlog",)) -> Iterator[str]:
    """An action that does `work`, for as long as the block runs."""
    action(name, roles=roles, label="Work", help="Works.")(work)
    try:
        yield name
    finally:
        del ACTIONS[name]


@dataclass
class Day:
    """The die, and what it led to."""

    seed: int
    advance: object  # moves the clock by so many seconds: a time-machine Traveller's shift
    workbooks: list[Workbook] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)  # what happened, and how often
    deliveries: int = 0
    depth: int = 0

    def __post_init__(self) -> None:
        self.die = random.Random(self.seed)
        self.workbooks = [WorkbookFactory(role="backlog") for _ in range(3)]

    def go(self, deliveries: int) -> None:
        """So many deliveries, then whatever is needed until every run has ended."""
        with acting(self.work):
            while self.deliveries < deliveries:
                self.step()
            while ActionRun.objects.filter(status__in=(Status.QUEUED, Status.RUNNING)).exists():
                self.advance(settings.RUN_LEASE_S + 1)
                keep_house()
                for run_id in list(ActionRun.objects.filter(status=Status.QUEUED).values_list("run_id", flat=True)):
                    with suppress(SystemExit):
                        work_on(run_id)

    def step(self) -> None:
        """One thing happens."""
        thrown = self.die.random()
        if not self.runs or thrown < 0.12:
            self.ask()
        elif thrown < 0.65:
            self.deliver()
        elif thrown < 0.72:
            self.deliver_and_die()
        elif thrown < 0.94:
            self.advance(self.die.choice([0.5, 5, settings.RUN_LEASE_S / 2, settings.RUN_LEASE_S + 1]))
        else:
            keep_house()

    def ask(self) -> None:
        """Somebody asks for something, maybe for what somebody asked for already."""
        workbook = self.die.choice([*self.workbooks, None])
        run = submit(NAME, workbook=workbook, arguments=Arguments(scenario=str(self.die.randrange(4))))
        self.told["joined" if run.run_id in self.runs else "asked"] += 1
        self.runs.append(run.run_id)

    def deliver(self) -> None:
        """A worker gets a task, maybe an old one, maybe one that is under way."""
        self.deliveries += 1
        run_id = self.die.choice(self.runs[-RECENT:] if self.die.random() < 0.8 else self.runs)
        try:
            said = work_on(run_id)
        except SystemExit:
            said = "stopped"
        self.told[next(word for word in _WORDS if word in said)] += 1

    def deliver_and_die(self) -> None:
        """A worker gets a task and is killed: before its effect, or right after it."""
        self.deliveries += 1
        run = ActionRun.objects.get(run_id=self.die.choice(self.runs[-RECENT:]))
        try:
            if run.status != Status.QUEUED or not claim(run, needed_workbooks(run)):
                return
        except WorkbooksBusy:
            return
        self.told["killed"] += 1
        if self.die.random() < 0.5 and not effects(run):
            with transaction.atomic():
                have_effect(run)
                fence(run)

    def oversleep(self, run: ActionRun) -> None:
        """The process stands still until its lease is over, and another takes the run up."""
        self.told["overslept"] += 1
        self.advance(settings.RUN_LEASE_S + 1)
        keep_house()
        with suppress(SystemExit):
            work_on(run.run_id)

    def work(self, context: ActionContext) -> None:
        """What the action does: looks whether its work is done, takes its time, and does it."""
        run = context.run
        is_done = effects(run) > 0
        self.depth += 1
        try:
            for _ in range(self.die.randrange(4) if self.depth < DEEPEST else 0):
                self.step()
            if self.depth < DEEPEST and self.die.random() < 0.1:
                self.oversleep(run)
        finally:
            self.depth -= 1
        if self.die.random() < 0.05:
            raise SystemExit  # the worker's patience ended, or somebody stopped it
        with transaction.atomic():
            if not is_done:
                have_effect(run)
            context.storage.flush()
            held = WorkbookLease.objects.filter(run=run, attempt=run.attempts).values_list("workbook_id", flat=True)
            assert set(needed_workbooks(run)) == set(held), "what saves holds its workbooks"
        context.report.tabs_done += 1


def effects(run: ActionRun) -> int:
    """How often the run had its effect."""
    found = KeyCounter.objects.filter(prefix=f"run {run.pk}").first()
    return found.next_number if found else 0


def have_effect(run: ActionRun) -> None:
    """One more."""
    counter, _made = KeyCounter.objects.get_or_create(prefix=f"run {run.pk}", defaults={"next_number": 0})
    counter.next_number += 1
    counter.save()
