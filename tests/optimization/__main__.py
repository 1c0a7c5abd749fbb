"""`python -m tests.optimization [WORLDS] [CLAIMS]`: the optimizer against every subset of many random small worlds.

WORLDS are solved in every mode, ties included; of CLAIMS worlds with a portfolio every `why_not` and `why_in` is held against
the best of the changed inputs; of as many without one every named set is shown to be minimal, and every way to mend it to
mend it.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator

from optimization.solving import narrowing
from optimization.solving.milp import solve
from optimization.solving.narrowing import FEW
from optimization.solving.problem import Problem, build_problem
from optimization.why import pushing
from tests.optimization.claims import false_clash, false_why_ins, false_why_nots, is_plain
from tests.optimization.enumeration import random_clash, random_snapshot
from tests.optimization.test_milp import compare


def ends(snapshot, status: str) -> bool:  # type: ignore[no-untyped-def]
    problem = build_problem(snapshot)
    return isinstance(problem, Problem) and is_plain(snapshot) and solve(problem).status == status


def proof(what: str, seeds: Iterator[int], wrong: Callable[[int], Iterator[str]]) -> bool:
    """Tells what doesn't hold over these seeds; whether all does."""
    begun, count, failed = time.perf_counter(), 0, False
    for seed in seeds:
        count += 1
        # Every second world has columns fixed before its searches, as large problems have.
        narrowing.FEW = pushing.FEW = (FEW, 2)[count % 2]
        for text in wrong(seed):
            failed = True
            sys.stdout.write(f"  {text}\n")
    state = "NOT all hold" if failed else "all hold"
    sys.stdout.write(f"{count} {what}: {state} ({time.perf_counter() - begun:.0f} s)\n")
    sys.stdout.flush()
    return not failed


def main() -> int:
    worlds, claims = (*map(int, sys.argv[1:]), *(10_000, 200)[len(sys.argv) - 1 :])
    feasible = (seed for seed in itertools.count() if ends(random_snapshot(seed), "optimal"))
    again = (seed for seed in itertools.count() if ends(random_snapshot(seed), "optimal"))
    infeasible = (seed for seed in itertools.count() if ends(random_clash(seed), "infeasible"))
    held = [
        proof(
            "portfolios equal to the best of all subsets",
            iter(range(worlds)),
            lambda seed: filter(None, [compare(seed)]),
        ),
        proof("worlds with every why_not", itertools.islice(feasible, claims), false_why_nots),
        proof("worlds with every why_in", itertools.islice(again, claims), false_why_ins),
        proof("infeasible worlds with minimal rows", itertools.islice(infeasible, claims), false_clash),
    ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
