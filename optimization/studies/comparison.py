"""What changed between two runs, and which changed input moved which initiative: the old value is put back, and solved again.

Pure but for milp's solver.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from optimization.solving.effort import Effort, Patience
from optimization.solving.facts import Snapshot
from optimization.solving.milp import FEASIBLE, OPTIMAL, solve
from optimization.solving.problem import Refusal, build_problem
from optimization.studies.input_changes import Change, ChangeKind, find_changes

MOST_SOLVES = 30  # old values that are put back, one after the other and then kind by kind

Portfolio = frozenset[str] | None  # keys selected; None: there is none


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What putting one or several old values back does to the later run."""

    text: str  # what was put back
    kind: ChangeKind
    moved: tuple[str, ...] | None  # initiatives that stand again as in the earlier run; None when it wasn't solved
    note: str = ""  # why nothing can be said of it, or what else came of it

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        moved = None if self.moved is None else list(self.moved)
        return {"text": self.text, "kind": self.kind.value, "moved": moved, "note": self.note}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two runs side by side."""

    came: tuple[str, ...]  # keys that only the later one selects
    went: tuple[str, ...]  # keys that only the earlier one selects
    effects: tuple[Effect, ...]  # one per changed input, those that moved something first
    together: tuple[Effect, ...]  # several changes of one kind put back at once, where no single one explains a move
    unexplained: tuple[str, ...]  # initiatives that moved, and that nothing put back brought to where they were
    not_computed: int  # changed inputs that weren't put back: the number of solves or the time is bounded
    solves: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for `result_json["compared"]`."""
        return {
            "came": list(self.came),
            "went": list(self.went),
            "changes": [effect.to_json() for effect in self.effects],
            "together": [effect.to_json() for effect in self.together],
            "unexplained": list(self.unexplained),
            "not_computed": self.not_computed,
            "solves": self.solves,
        }


def compare(
    before: Snapshot,
    after: Snapshot,
    portfolios: tuple[Portfolio, Portfolio],
    effort: Effort,
    patience: Patience,
    *,
    most: int = MOST_SOLVES,
) -> Comparison:
    """Compares two runs by their inputs and the portfolios that they found, and tells which input moved which initiative.

    At most `most` solves, those first that are about initiatives that moved.
    """
    was, now = portfolios
    changes = find_changes(before, after)
    came = tuple(sorted((now or frozenset()) - (was or frozenset())))
    went = tuple(sorted((was or frozenset()) - (now or frozenset())))
    trial = _Trial(after, was, now, frozenset({*came, *went}), effort, patience, most)
    effects = {id(change): trial.put_back(change.text, change.kind, [change]) for change in trial.nearest(changes)}
    ordered = sorted((effects[id(change)] for change in changes), key=lambda effect: not effect.moved)
    together = tuple(trial.by_kind(changes))
    return Comparison(
        came=came,
        went=went,
        effects=tuple(ordered),
        together=together,
        unexplained=tuple(sorted(trial.open_moves)),
        not_computed=sum(effect.moved is None and not effect.note for effect in ordered),
        solves=trial.solves,
    )


class _Trial:
    """The later run, solved again with old values."""

    def __init__(
        self,
        after: Snapshot,
        was: Portfolio,
        now: Portfolio,
        moves: frozenset[str],
        effort: Effort,
        patience: Patience,
        most: int,
    ) -> None:
        self.after = after
        self.was = was
        self.now = now
        self.moves = moves
        self.open_moves = set(moves)  # not explained so far
        self.effort = effort
        self.patience = patience
        self.most = most
        self.solves = 0

    def nearest(self, changes: Iterable[Change]) -> list[Change]:
        """Those about initiatives that moved first, then those about all, then the rest."""

        def distance(change: Change) -> tuple[int, int]:
            if change.keys & self.moves:
                return 0, len(change.keys)
            return (1, 0) if not change.keys else (2, len(change.keys))

        return sorted(changes, key=distance)

    def by_kind(self, changes: tuple[Change, ...]) -> Iterable[Effect]:
        """While some move isn't explained by one change: all changes of a kind put back at once."""
        for kind in ChangeKind:
            group = [change for change in changes if change.kind is kind]
            if self.open_moves and 1 < len(group) < len(changes) + 1:
                effect = self.put_back(f"all {len(group)} changes of {kind.value} together", kind, group)
                if effect.moved:
                    yield effect

    def put_back(self, text: str, kind: ChangeKind, changes: Iterable[Change]) -> Effect:
        """The later run with these old values."""
        nothing_moved = not self.moves and self.now is not None and self.was is not None
        limit = min(self.effort.time_limit_s, self.patience.seconds_left)
        if nothing_moved or self.solves >= self.most or limit <= 0:
            return Effect(text=text, kind=kind, moved=() if nothing_moved else None)
        snapshot = self.after
        for change in changes:
            snapshot = change.put_back(snapshot)
        problem = build_problem(snapshot)
        if isinstance(problem, Refusal):
            return Effect(text=text, kind=kind, moved=None, note=f"can't be put back alone: {problem.text}")
        self.solves += 1
        self.patience.progress(self.solves, self.most)
        solution = solve(problem, time_limit_s=limit, gap=self.effort.gap)
        if solution.status not in (OPTIMAL, FEASIBLE):
            return Effect(text=text, kind=kind, moved=(), note="with the old value alone there is no portfolio")
        return self._effect(text, kind, frozenset(solution.selected))

    def _effect(self, text: str, kind: ChangeKind, found: frozenset[str]) -> Effect:
        if self.now is None:
            self.open_moves.clear()
            return Effect(text=text, kind=kind, moved=(), note="with the old value there is a portfolio again")
        was = self.was or frozenset()
        moved = tuple(sorted(key for key in self.moves if (key in found) == (key in was)))
        self.open_moves -= set(moved)
        return Effect(text=text, kind=kind, moved=moved)
