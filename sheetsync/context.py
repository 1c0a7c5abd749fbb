"""What an action works with: its run, its arguments, where its results go."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from sheetsync.logs import known_secrets
from sheetsync.models import ActionRun, Workbook
from sheetsync.redaction import hide_values
from sheetsync.storage import Storage
from sheetsync.workbooks.interface import OpenWorkbook, Snapshot


@dataclass(frozen=True, kw_only=True)
class Message:
    """One line for people about a row, a tab or the whole action."""

    workbook: str = ""
    tab: str = ""
    row: int | None = None  # counted from 1
    key: str = ""
    status: str  # OK, WARNING, SKIPPED or FAILED
    text: str

    def as_json(self) -> dict[str, Any]:
        """{"workbook", "tab", "row", "key", "status", "text"}."""
        return {
            "workbook": self.workbook,
            "tab": self.tab,
            "row": self.row,
            "key": self.key,
            "status": self.status,
            "text": self.text,
        }


@dataclass
class Tally:
    """What an action did with one workbook."""

    rows_read: int = 0
    cells_written: int = 0
    changed: set[tuple[str, str]] = field(
        default_factory=set
    )  # (tab, row key) of every row that changed on either side

    def as_json(self) -> dict[str, int]:
        """{"rows_read", "rows_changed", "cells_written"}."""
        return {
            "rows_read": self.rows_read,
            "rows_changed": len(self.changed),
            "cells_written": self.cells_written,
        }


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A workbook that an action wrote to, as it was last read."""

    book: OpenWorkbook
    shown: Snapshot


@dataclass
class Report:
    """What came of an action so far."""

    messages: list[Message] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    tabs_done: int = 0
    tabs_stopped: int = 0
    misused: bool = False  # the call itself was wrong: an argument is missing, or names what doesn't exist
    rows_whole: int = 0  # rows that were refused as a whole
    rows_seen: int = 0
    failed_rows: int = 0
    changed: set[tuple[str, str, str]] = field(
        default_factory=set
    )  # (workbook, tab, row key) of every row that changed on either side
    plan: list[dict[str, Any]] = field(default_factory=list)  # cell by cell, for a dry run
    kept: list[Message] = field(default_factory=list)  # those of the messages that say what an undo leaves as it is
    tallies: defaultdict[int, Tally] = field(default_factory=lambda: defaultdict(Tally))  # by the workbook's id
    keys_wanted: set[str] = field(
        default_factory=set
    )  # rows that tabs were restricted to, by the first part of their identity
    keys_seen: set[str] = field(default_factory=set)  # those of them, and others, that some tab showed

    def count(self, name: str, number: int = 1) -> None:
        """Adds to a count."""
        self.counts[name] = self.counts.get(name, 0) + number

    def tell(self, status: str, text: str, **where: Any) -> None:
        """Adds a message. What it quotes of an error may hold a secret of this installation; people never see it."""
        self.messages.append(Message(status=status, text=hide_values(text, known_secrets()), **where))

    def keep(self, message: Message) -> None:
        """Tells, once, what an undo leaves as it is."""
        if message not in self.kept:
            self.kept.append(message)
            self.messages.append(message)

    def revise(self, workbook: Workbook, again: Report) -> None:
        """Takes over what a second look at a workbook brought: what it says replaces what the first one said."""
        self.messages = [message for message in self.messages if message.workbook != str(workbook)] + again.messages
        for name in ("reads", "writes", "cells_written"):
            self.count(name, again.counts.get(name, 0))
        self.tabs_stopped += again.tabs_stopped
        self.changed |= again.changed
        self.plan += again.plan
        self.tallies[workbook.pk].cells_written += again.tallies[workbook.pk].cells_written
        self.tallies[workbook.pk].changed |= again.tallies[workbook.pk].changed

    @property
    def status(self) -> str:
        """`success` when no row is FAILED, `partial` when some are, `failed` when nothing could be done."""
        stopped = self.tabs_stopped or any(message.status == "FAILED" for message in self.messages)
        if not stopped and not self.failed_rows:
            return ActionRun.Status.SUCCESS
        nothing_found = bool(self.keys_wanted) and not self.rows_seen and not self.changed
        all_refused = self.rows_seen > 0 and self.rows_whole == self.rows_seen
        nothing_done = not self.tabs_done or nothing_found or all_refused
        return ActionRun.Status.FAILED if nothing_done else ActionRun.Status.PARTIAL


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What was asked for; the same from every way in."""

    tab: str = ""  # only this tab
    keys: tuple[str, ...] = ()  # only these rows, by the first column of their identity
    scenario: str = ""
    constraint_set: str = ""
    framework: str = ""
    template: str = ""  # what a new math model starts from
    runs: tuple[str, ...] = ()  # run ids
    capacity: float | None = None  # tokens
    weights: Any = None
    explain: int | None = (
        None  # at most so many are explained, on either side of a choice; None: as many as the settings say
    )
    confirm: bool = False  # a person's word where the brake stopped an action

    def as_json(self) -> dict[str, Any]:
        """Only what was given."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in given.items()
            if value not in ("", (), None, False)
        }

    @classmethod
    def from_json(cls, payload: dict[str, Any]) -> Arguments:
        """The inverse of `as_json`."""
        given: dict[str, Any] = {**payload}
        for name in ("keys", "runs"):
            given[name] = tuple(given.get(name, ()))
        return cls(**given)


class _TakeBack(Exception):
    """Ends a dry run's transaction."""


@dataclass
class ActionContext:
    """One action under way."""

    run: ActionRun
    arguments: Arguments
    now: datetime.datetime
    open_book: Callable[[Workbook], OpenWorkbook]
    dry_run: bool = False
    report: Report = field(default_factory=Report)
    visits: dict[int, Visit] = field(default_factory=dict)  # by the workbook's id: those that were written to
    # (what, done, total); 0 of 0 where only what is done can be said
    progress: Callable[[str, int, int], None] = lambda what, done, total: None
    storage: Storage = field(init=False)

    def __post_init__(self) -> None:
        self.storage = Storage(self.run)

    @property
    def action(self) -> str:
        """The action's name, as `updated_source` shows it."""
        return self.run.action

    @property
    def stamp(self) -> str:
        """The time for `updated_at`: UTC ISO 8601."""
        return f"{self.now:%Y-%m-%dT%H:%M:%SZ}"

    def workbooks(self, *roles: str) -> Sequence[Workbook]:
        """The workbooks that the action is for: the one that was named, else every active one of these roles."""
        if self.run.workbook is not None:
            return [self.run.workbook] if self.run.workbook.role in roles else []
        return list(Workbook.objects.filter(is_active=True, role__in=roles))

    @contextmanager
    def second_look(self, workbook: Workbook) -> Iterator[None]:
        """While a workbook is synced once more: its rows count once, and are told as the second look found them."""
        first, self.report = self.report, Report()
        try:
            yield
        finally:
            first.revise(workbook, self.report)
            self.report = first

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """A dry run happens inside a transaction that is taken back; a real run goes straight through."""
        if not self.dry_run:
            yield
            return
        try:
            with transaction.atomic():
                yield
                raise _TakeBack
        except _TakeBack:
            return
