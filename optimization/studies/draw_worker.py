"""`python -m optimization.studies.draw_worker`: a process that solves draws for another one, over its standard input and output.

In come a line of JSON with the snapshot and what varies, then for each draw its contributions as raw 64-bit floats. Out
goes a byte and the chosen columns, one bit each, for each draw. It needs no Django and no database, and ends with its
input: when the process that asked is gone, so is this one.
"""

from __future__ import annotations

import json
import os
import sys
from typing import IO

import highspy
import numpy as np

from optimization.solving.facts import Snapshot
from optimization.solving.problem import Problem, build_problem
from optimization.studies.drawn_problems import Best, DrawnProblems, best_of

KNOWN, PORTFOLIO = 1, 2  # bits of an answer's first byte


def serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Answers until the input ends."""
    task = json.loads(asked.readline())
    problem = build_problem(Snapshot.from_json(task["snapshot"]))
    assert isinstance(problem, Problem), "the asking process built it already"
    draws = DrawnProblems(problem, task["varying"], task["kpis"])
    shape = len(task["varying"]), len(task["kpis"])
    while data := asked.read(8 * shape[0] * shape[1]):
        numbers = np.frombuffer(data, dtype="<f8").reshape(shape)
        answers.write(packed(best_of(draws.at(numbers), time_limit_s=task["time_limit_s"]), problem.rows.columns))
        answers.flush()


def packed(best: Best, columns: int) -> bytes:
    """An answer as bytes: always as many for one problem."""
    marks = np.zeros(columns, dtype=np.bool_) if best.columns is None else best.columns
    first = KNOWN * best.is_known + PORTFOLIO * (best.columns is not None)
    return bytes([first]) + np.packbits(marks).tobytes()


def unpacked(answer: bytes, columns: int) -> Best:
    """What `packed` packed."""
    marks = np.unpackbits(np.frombuffer(answer[1:], dtype=np.uint8), count=columns).astype(np.bool_)
    return Best(columns=marks if answer[0] & PORTFOLIO else None, is_known=bool(answer[0] & KNOWN))


def _greet_nobody() -> None:
    """HiGHS greets when a process first makes one: the process that asked has been greeted."""
    kept = os.dup(1), os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        for channel in (1, 2):
            os.dup2(nowhere.fileno(), channel)
        highspy.Highs()  # type: ignore[no-untyped-call]  # highspy's own
    for channel, before in zip((1, 2), kept, strict=True):
        os.dup2(before, channel)
        os.close(before)


if __name__ == "__main__":
    # What anything else prints must not mix with the answers.
    out = sys.stdout.buffer
    sys.stdout = sys.stderr
    _greet_nobody()
    serve(sys.stdin.buffer, out)
