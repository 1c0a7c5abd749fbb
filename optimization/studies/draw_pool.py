"""Solving many draws at once: processes of their own, as many as there are cores, each with one draw after the other."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, Queue
from typing import IO

import numpy as np

from optimization.solving.effort import Patience
from optimization.solving.facts import Snapshot
from optimization.solving.rows import Floats
from optimization.studies.draw_worker import unpacked
from optimization.studies.drawn_problems import Best, DrawnProblems, best_of

FEW_DRAWS = 40  # for so few, starting processes takes longer than it saves
LOOK_EVERY_S = 0.2  # how often it is looked how far they are
_ROOT = Path(__file__).resolve().parents[2]


class WorkerFailed(Exception):
    """A process that solved draws ended before its time. What it wrote stands in the log."""


def solve_draws(
    draws: DrawnProblems, numbers: Floats, *, time_limit_s: float, patience: Patience, processes: int
) -> dict[int, Best]:
    """What is best in each draw, by its number; draws that the patience didn't suffice for are missing.

    `numbers` are contributions, [draw, varying, kpi]. The answers don't depend on how many processes there are.
    """
    if processes < 2 or len(numbers) < FEW_DRAWS:
        return dict(_one_by_one(draws, numbers, time_limit_s, patience))
    return _Pool(draws, numbers, time_limit_s, patience).run(processes)


def _one_by_one(
    draws: DrawnProblems, numbers: Floats, time_limit_s: float, patience: Patience
) -> Iterator[tuple[int, Best]]:
    for number in range(len(numbers)):
        seconds = patience.seconds_left
        if seconds <= 0:
            return
        patience.progress(number, len(numbers))
        yield number, best_of(draws.at(numbers[number]), time_limit_s=min(time_limit_s, seconds))


class _Pool:
    """Processes that take one draw after the other from a common queue. Threads only pass bytes on: no database, no solver."""

    def __init__(self, draws: DrawnProblems, numbers: Floats, time_limit_s: float, patience: Patience) -> None:
        self.columns = draws.problem.rows.columns
        self.numbers = numbers
        self.patience = patience
        self.task = task_line(draws.problem.snapshot, draws.varying.tolist(), list(draws.place), time_limit_s)
        self.waiting: Queue[int] = Queue()
        self.answers: dict[int, Best] = {}
        self.broken: list[str] = []
        self.stopped = False
        for number in range(len(numbers)):
            self.waiting.put(number)

    def run(self, processes: int) -> dict[int, Best]:
        """Raises WorkerFailed when a process breaks."""
        with ExitStack() as stack:
            workers = [stack.enter_context(_process()) for _ in range(processes)]
            threads = [threading.Thread(target=self._feed, args=(worker,), daemon=True) for worker in workers]
            for thread in threads:
                thread.start()
            self._wait(threads)
            self.stopped = True
            for worker, thread in zip(workers, threads, strict=True):
                worker.kill()
                thread.join()
        if self.broken:
            raise WorkerFailed(self.broken[0])
        return self.answers

    def _wait(self, threads: Sequence[threading.Thread]) -> None:
        """Until every draw is solved, the time is over, or a process broke."""
        for thread in threads:
            while thread.is_alive() and not self.broken and self.patience.seconds_left > 0:
                self.patience.progress(len(self.answers), len(self.numbers))
                thread.join(LOOK_EVERY_S)

    def _feed(self, worker: subprocess.Popen[bytes]) -> None:
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            worker.stdin.write(self.task)
            while True:
                try:
                    number = self.waiting.get_nowait()
                except Empty:
                    break
                worker.stdin.write(np.ascontiguousarray(self.numbers[number], dtype="<f8").tobytes())
                worker.stdin.flush()
                self.answers[number] = self._answer(worker.stdout)
            worker.stdin.close()
        except (OSError, WorkerFailed) as error:
            if not self.stopped:
                self.broken.append(str(error) or type(error).__name__)

    def _answer(self, answers: IO[bytes]) -> Best:
        length = 1 + (self.columns + 7) // 8
        answer = answers.read(length)
        if len(answer) < length:
            raise WorkerFailed("a process that solved draws ended before its time")
        return unpacked(answer, self.columns)


def task_line(snapshot: Snapshot, varying: Sequence[int], kpis: Sequence[str], time_limit_s: float) -> bytes:
    """What a process is told first, as one line."""
    task = {"snapshot": snapshot.to_json(), "varying": varying, "kpis": kpis, "time_limit_s": time_limit_s}
    return json.dumps(task).encode() + b"\n"


def _process() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "optimization.studies.draw_worker"]
    return subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=-1)  # noqa: S603
