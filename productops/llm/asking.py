"""Asks many questions within limits: several at a time, each on its own, and no transaction is open while anybody waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import transaction
from pydantic import BaseModel

from productops.llm.answers import mark_used, prune, question_hash, remember, remembered, tokens_of_the_day
from productops.llm.conversation import Outcome, converse
from productops.llm.language_model import FailureKind, LanguageModel, Question
from productops.llm.limits import Limits, limits, open_language_model
from productops.llm.memory import MemoryModel
from sheetsync.context import ActionContext
from sheetsync.runs.actions import NotPossible

_LOOK_EVERY_S = 1.0
# A server that sends a little every now and then is broken off so long after the time is over.
_GRACE_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Ask[Shape: BaseModel]:
    """One question about one row."""

    key: str  # identity text of the row
    about: str  # as people name it
    question: Question[Shape]
    check: Callable[[Shape], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class NotAsked:
    """Why a row wasn't asked about."""

    why: str  # a sentence, and what to do
    is_failure: bool = False  # whether the server takes no questions; else the row only waits for another run


@dataclass(kw_only=True)
class Asker[Shape: BaseModel]:
    """Asks on behalf of one run."""

    context: ActionContext
    task: str
    shape: type[Shape]
    model: LanguageModel
    limits: Limits
    until: float  # in seconds of time.monotonic
    asked: int = 0  # questions that weren't answered from memory
    stopped: str = ""  # why nothing more is asked
    _spent: int = field(init=False)  # tokens of the last 24 hours

    def __post_init__(self) -> None:
        self._spent = tokens_of_the_day()

    def ask(self, asks: Sequence[Ask[Shape]]) -> dict[str, Outcome[Shape] | NotAsked]:
        """Row key -> what came of it."""
        hashes = {ask.key: question_hash(self.model, ask.question) for ask in asks}
        known = remembered(set(hashes.values()), self.shape)
        found: dict[str, Outcome[Shape] | NotAsked] = {
            key: known[asked] for key, asked in hashes.items() if asked in known
        }
        self.context.report.count("rows_answered_from_memory", len(found))
        if found and not self.context.dry_run:
            mark_used(known)
        waiting = [ask for ask in asks if ask.key not in found]
        if self.context.dry_run:
            self._rehearse(waiting, len(found))
            return {}
        found.update(self._go_through(waiting, hashes))
        return found

    def _rehearse(self, waiting: Sequence[Ask[Shape]], remembered_rows: int) -> None:
        now = min(len(waiting), self.limits.rows or len(waiting))
        self.context.report.count("rows_to_ask", now)
        rest = f", and {len(waiting) - now} more wait for another run (LLM_MAX_ROWS)" if now < len(waiting) else ""
        self.context.report.tell(
            "OK",
            f"{_rows(now)} would be asked of {self.model.name}, {_rows(remembered_rows)} would be answered from memory{rest}; "
            "nothing was asked",
        )

    def _go_through(
        self, waiting: Sequence[Ask[Shape]], hashes: Mapping[str, str]
    ) -> dict[str, Outcome[Shape] | NotAsked]:
        found: dict[str, Outcome[Shape] | NotAsked] = {}
        running: dict[Future[Outcome[Shape]], Ask[Shape]] = {}
        queue = iter(waiting)
        self._tell(0, len(waiting))
        with self._threads() as pool:
            for ask in self._fill(queue, running, pool):
                found[ask.key] = NotAsked(why=self._why_not(), is_failure=bool(self.stopped))
            while running:
                done, _still = wait(running, timeout=_LOOK_EVERY_S, return_when=FIRST_COMPLETED)
                if time.monotonic() > self.until + _GRACE_S:
                    self.model.close()
                for future in done:
                    ask = running.pop(future)
                    found[ask.key] = outcome = future.result()
                    self._take(ask, outcome, hashes[ask.key])
                self._tell(len(found), len(waiting))
                for ask in self._fill(queue, running, pool):
                    found[ask.key] = NotAsked(why=self._why_not(), is_failure=bool(self.stopped))
        return found

    def _tell(self, done: int, total: int) -> None:
        """Says how far the run is, every second; ends it when somebody cancelled it."""
        self.context.progress(f"asking {self.model.name}", done, total)

    @contextmanager
    def _threads(self) -> Iterator[ThreadPoolExecutor]:
        """Whatever ends it early doesn't wait for what is still under way."""
        pool = ThreadPoolExecutor(max_workers=self.limits.at_once, thread_name_prefix="language model")
        try:
            yield pool
        except BaseException:
            self.model.close()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()

    def _fill(
        self, queue: Iterator[Ask[Shape]], running: dict[Future[Outcome[Shape]], Ask[Shape]], pool: ThreadPoolExecutor
    ) -> Iterator[Ask[Shape]]:
        """Begins as many questions as may be under way; gives those that can't be asked any more."""
        while len(running) < self.limits.at_once:
            ask = next(queue, None)
            if ask is None:
                return
            if self._why_not():
                yield ask
                continue
            self.asked += 1
            running[pool.submit(converse, self.model, ask.question, ask.check, until=self.until)] = ask

    def _why_not(self) -> str:
        """Why nothing more is asked in this run; "" while it may."""
        if self.stopped:
            return self.stopped
        if time.monotonic() >= self.until:
            return (
                "not asked: the time of one run is over (LLM_RUN_LIMIT_S); ask again, what was answered costs nothing"
            )
        if self.limits.rows and self.asked >= self.limits.rows:
            return f"not asked: one run asks about {self.limits.rows} rows (LLM_MAX_ROWS); ask again for the next ones"
        if self.limits.tokens_a_day and self._spent >= self.limits.tokens_a_day:
            return f"not asked: the {self.limits.tokens_a_day:,} tokens of a day are used up (LLM_TOKENS_PER_DAY); ask again tomorrow"
        return ""

    def _take(self, ask: Ask[Shape], outcome: Outcome[Shape], asked: str) -> None:
        """Keeps what came, at once: what was paid for isn't paid for twice, whatever happens to the run."""
        self._spent += outcome.tokens.total
        for name, number in (
            ("requests_to_language_model", outcome.tokens.requests),
            ("tokens_sent", outcome.tokens.sent),
            ("tokens_received", outcome.tokens.received),
        ):
            self.context.report.count(name, number)
        if outcome.failure is not None and outcome.failure.kind is FailureKind.REFUSED:
            self.stopped = outcome.failure.text
        with transaction.atomic():
            remember(self.task, ask.about, asked, self.model, outcome, self.context.run.run_id)
            if self.context.storage.fence is not None:
                self.context.storage.fence()


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"


@contextmanager
def asker[Shape: BaseModel](context: ActionContext, task: str, shape: type[Shape]) -> Iterator[Asker[Shape]]:
    """One for this run. Raises NotPossible when no language model is set up; a dry run then only says so."""
    bounds = limits()
    model = _open(context)
    if not context.dry_run:
        prune()
    try:
        yield Asker(
            context=context,
            task=task,
            shape=shape,
            model=model,
            limits=bounds,
            until=time.monotonic() + bounds.run_s,
        )
    finally:
        model.close()


def _open(context: ActionContext) -> LanguageModel:
    try:
        return open_language_model()
    except NotPossible as missing:
        if not context.dry_run:
            raise
        context.report.tell("WARNING", str(missing))
        return MemoryModel(name="a language model")
