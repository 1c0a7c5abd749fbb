"""A story: people and analysts edit at any moment, the engine syncs and is hit by crashes, lost answers and late writes.

Every typed value is unique, so that in the end each can be told from every other. `story_ending` says what must hold then; `make
stories` plays many.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import time_machine
from django.utils import timezone

from backlog.models import Initiative
from backlog.sheets import BACKLOG
from sheetsync.context import ActionContext, Arguments
from sheetsync.models import ActionRun, Workbook
from sheetsync.runs.actions import ACTIONS
from sheetsync.workbooks.memory import Fault, MemoryWorkbook

INTAKE_HEADER = ["Remarks", "Idea", "Country", "Team", "Key"]
REMARKS, TITLE, COUNTRY, TEAM, KEY = range(5)
HELPER = "our own column"  # a column of the PMs' own, which the engine doesn't know
BACKLOG_HEADER = [HELPER, *(column.name for column in BACKLOG.columns)]
# Two-way columns that people and analysts fight over, and one that departments feed.
FOUGHT_OVER = ("market", "category", "title", "risk_description")
# How many rows the departments delete, and PMs, at most: the rest is there to be fought over.
MOST_DELETED = 2

WINDOW_S = 1000.0  # for how long a write that wasn't answered could still land


class Crash(BaseException):
    """The process dies."""


@dataclass
class Edit:
    """The latest value that one side gave a cell."""

    value: str
    when: int
    in_flight: bool = False  # typed right before a write was sent, into a kind that can't tell versions


@dataclass
class Story:
    """One world and what happened in it."""

    seed: int
    versions: bool  # True: as files; False: as Google, where rows may move under a write
    calm: bool = False  # no crashes, no faults, nobody edits while the engine works
    make_book: Callable[..., Any] = (
        MemoryWorkbook  # (tabs, versions=, write_window_s=) -> a workbook that people can type into
    )
    open_book: Callable[[Any], Any] = lambda book: book  # as each action opens it
    dice: random.Random = field(init=False)
    clock: time_machine.Coordinates = field(init=False)
    intake: Any = field(init=False)
    backlog: Any = field(init=False)
    typed: dict[tuple[str, str], Edit] = field(default_factory=dict)  # (initiative key, column) -> a PM's latest edit
    stored: dict[tuple[str, str], Edit] = field(default_factory=dict)  # the same for analysts
    helpers: dict[str, str] = field(default_factory=dict)  # initiative key -> what the PM's own column says
    remarks: dict[str, str] = field(default_factory=dict)  # remark (the person's own mark of a row) -> title
    withdrawn: list[str] = field(default_factory=list)  # titles of intake rows that were deleted
    deleted: list[str] = field(default_factory=list)  # keys of Backlog rows that were deleted
    edits: list[tuple[str, ...]] = field(default_factory=list)  # what people did that must outlast all, in order
    log: list[str] = field(default_factory=list)
    _fresh: Iterator[int] = field(default_factory=lambda: count(1))
    _clock: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        kind: dict[str, Any] = {"versions": self.versions, "write_window_s": 0.0 if self.versions else WINDOW_S}
        self.intake = self.make_book({"Wishes": [["What sales wishes for"], list(INTAKE_HEADER)]}, **kind)
        self.backlog = self.make_book({"Backlog": [list(BACKLOG_HEADER)]}, **kind)
        self.intake.before_request = lambda kind: self._meanwhile("intake", kind)
        self.backlog.before_request = lambda kind: self._meanwhile("backlog", kind)

    # ---- what happens ------------------------------------------------------------------------------------------------------------------

    def play(self, steps: int) -> None:
        """Edits and syncs at random; in the end nothing happens any more but syncs."""
        Workbook.objects.create(role="intake", location=f"intake {self.seed}", title="Wishes")
        Workbook.objects.create(role="backlog", location=f"backlog {self.seed}", title="Backlog")
        with time_machine.travel(1_700_000_000, tick=True) as self.clock:
            for _ in range(steps):
                for _ in range(self.dice.randint(0, 3)):
                    self.somebody_edits()
                self.sync()
                self._let_time_pass()
            self.calm = True
            for _ in range(4):
                self._let_late_writes_land()
                self.sync()

    def _let_time_pass(self) -> None:
        if self.dice.random() < 0.5:
            self._let_late_writes_land()
        else:
            self.clock.shift(5)

    def _let_late_writes_land(self) -> None:
        """What is still on its way lands or is lost, before its time is over."""
        before = {self._key_at(row): row for row in self.backlog.values("Backlog")[1:]}
        for book in (self.intake, self.backlog):
            book.faults.clear()
            self.dice.choice([book.land_late, book.lose_late])()
        shown = {self._key_at(row): row for row in self.backlog.values("Backlog")[1:]}
        for (key, name), edit in self.typed.items():
            if (
                key in before
                and key in shown
                and self._value(before[key], name) == edit.value != self._value(shown[key], name)
            ):
                edit.in_flight = True  # the late write hit what was typed after it was sent: nobody can see that either
        self.clock.shift(WINDOW_S + 1)

    def sync(self) -> None:
        """One pm.backlog_sync; it may die at any request."""
        books = {f"intake {self.seed}": self.intake, f"backlog {self.seed}": self.backlog}
        if not self.calm and self.dice.random() < 0.4:
            faults = [Fault.FAILS, Fault.ANSWER_LOST, *([] if self.versions else [Fault.LANDS_LATE])]
            self.dice.choice([self.intake, self.backlog]).faults.append(self.dice.choice(faults))
        try:
            sync_once(lambda location: self.open_book(books[location]))
        except Crash:
            self.log.append("crash")

    def _meanwhile(self, book: str, kind: str) -> None:
        """Between two requests of the engine."""
        if self.calm:
            return
        if self.dice.random() < 0.25:
            self.somebody_edits(before=kind if book == "backlog" else "")
        if self.dice.random() < 0.06:
            raise Crash

    def somebody_edits(self, *, before: str = "") -> None:
        """One edit by a PM, a department or an analyst."""
        choices = [
            self.department_adds,
            self.pm_types,
            self.pm_types,
            self.analyst_edits,
            self.pm_sorts,
            self.department_sorts,
            self.pm_inserts,
            self.pm_deletes,
            self.department_deletes,
        ]
        edit = self.dice.choice(choices)
        self.log.append(f"{edit.__name__} {before}")
        if edit == self.pm_types:
            self.pm_types(before=before)
        else:
            edit()

    def department_adds(self) -> None:
        """A new row, anywhere."""
        if len(self.remarks) >= 8:
            return
        number = next(self._fresh)
        rows = self.intake.values("Wishes")
        self.intake.insert_row(
            "Wishes", self.dice.randint(2, len(rows)), [f"remark {number}", f"idea {number}", "UK", None, None]
        )
        self.remarks[f"remark {number}"] = f"idea {number}"
        self.edits.append(("hand in", f"idea {number}"))

    def department_deletes(self) -> None:
        """A row, keyed or not: what became of it so far stays."""
        rows = self.intake.values("Wishes")
        if len(self.withdrawn) == MOST_DELETED or len(rows) < 5:
            return
        place = self.dice.randrange(2, len(rows))
        title = self.remarks.pop(rows[place][REMARKS])
        self.withdrawn.append(title)
        self.intake.delete_row("Wishes", place)

    def pm_inserts(self) -> None:
        """An empty row somewhere: all below it move."""
        self.backlog.insert_row("Backlog", self.dice.randint(1, len(self.backlog.values("Backlog"))))

    def pm_deletes(self) -> None:
        """A Backlog row. It comes back; what was typed into it may be gone, unless it was taken."""
        rows = self.backlog.values("Backlog")
        if len(self.deleted) == MOST_DELETED or len(rows) < 4:
            return
        place = self.dice.randrange(1, len(rows))
        key = self._key_at(rows[place])
        self.backlog.delete_row("Backlog", place)
        if key is None:
            return
        self.deleted.append(key)
        self.helpers.pop(key, None)
        for (typed, _name), edit in self.typed.items():
            edit.in_flight |= typed == key

    def department_sorts(self) -> None:
        """All rows of the intake sheet in another order."""
        self._sort(self.intake, "Wishes", [REMARKS, TITLE], below=1)

    def pm_sorts(self) -> None:
        """All rows of the Backlog in another order."""
        self._sort(self.backlog, "Backlog", [1, BACKLOG_HEADER.index("market"), BACKLOG_HEADER.index("title")], below=0)

    def _sort(self, book: Any, title: str, columns: list[int], *, below: int) -> None:
        book.sort_rows(title, self.dice.choice(columns), below=below, descending=self.dice.random() < 0.5)

    def pm_types(self, *, before: str = "") -> None:
        """A PM types into a two-way cell, or into her own column."""
        rows = self.backlog.values("Backlog")
        if len(rows) < 2:
            return
        place = self.dice.randrange(1, len(rows))
        key = self._key_at(rows[place])
        if key is None:
            return
        value = f"typed {next(self._fresh)}"
        if self.dice.random() < 0.2:
            self.backlog.set_cell("Backlog", place, 0, value)
            self.helpers[key] = value
            return
        name = self.dice.choice(FOUGHT_OVER)
        self.backlog.set_cell("Backlog", place, BACKLOG_HEADER.index(name), value)
        self.edits.append(("type", key, name, value))
        self.typed[key, name] = Edit(value, next(self._clock), in_flight=before == "write" and not self.versions)

    def analyst_edits(self) -> None:
        """An analyst changes a stored value, as the admin does."""
        initiatives = list(Initiative.objects.order_by("pk"))
        if not initiatives:
            return
        initiative = self.dice.choice(initiatives)
        name = self.dice.choice(FOUGHT_OVER)
        value = f"stored {next(self._fresh)}"
        setattr(initiative, name, value)
        initiative.save()
        self.edits.append(("store", initiative.initiative_key, name, value))
        self.stored[initiative.initiative_key, name] = Edit(value, next(self._clock))

    @staticmethod
    def _value(row: list[Any], name: str) -> Any:
        place = BACKLOG_HEADER.index(name)
        return row[place] if place < len(row) else None

    def _key_at(self, row: list[Any]) -> str | None:
        place = BACKLOG_HEADER.index("initiative_key")
        return row[place] if len(row) > place else None


def sync_once(open_at: Callable[[str], Any]) -> None:
    """One pm.backlog_sync on every workbook; `open_at` opens one by its location."""
    context = ActionContext(
        run=ActionRun.objects.create(action="pm.backlog_sync", status=ActionRun.Status.RUNNING),
        arguments=Arguments(confirm=True),
        now=timezone.now().replace(microsecond=0),
        open_book=lambda workbook: open_at(workbook.location),
    )
    ACTIONS["pm.backlog_sync"].work(context)
    context.storage.flush()
