"""Metric chains: which metric moves which, up to a KPI. Pure.

A chain is written `page_load_time -> checkout_conversion -> gmv`; the arrow character, `>` and `=>` are arrows too, and
`;` or a new line begins another chain. Chains branch and join by naming the same metric again; going round in a circle
is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sheetsync.values.words import Unclear, as_shown, nearest, read_name

MAX_LENGTH = 10_000  # characters of a chain's text
MAX_METRICS = 500  # different metrics in a chain or a union of chains

_ARROW = re.compile(r"[-=]{0,8}>{1,2}|[→⇒⟶⟹➔➜➝➞]")  # the last ones are arrows that people paste
_BACKWARDS = re.compile(r"<[-=]*|[←⇐⟵]")
_CHAIN_END = re.compile(r"[;\r\n]")
_LOST_IN_A_NAME = re.compile(r"[,|=\[\]{}\"]")


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Metrics and which moves which; without any for an empty text."""

    nodes: tuple[str, ...] = ()  # metric names in snake_case, each once, in order of appearance
    edges: tuple[tuple[str, str], ...] = ()  # (mover, moved), each once, in order of appearance

    def as_json(self) -> dict[str, list[str] | list[list[str]]]:
        """{"nodes": [name], "edges": [[mover, moved]]}, as it is stored."""
        return {"nodes": list(self.nodes), "edges": [list(edge) for edge in self.edges]}


@dataclass(frozen=True, kw_only=True)
class ChainError:
    """Why a chain can't be taken, said to the person who wrote it."""

    text: str  # a sentence: what is wrong, and what would be accepted

    def __str__(self) -> str:
        return self.text


def parse_chain(text: str) -> Chain | ChainError:
    """Read the chains of one cell; any text gives a Chain, or the first error."""
    if len(text) > MAX_LENGTH:
        return ChainError(text=f"The metric chain has {len(text):,} characters: up to {MAX_LENGTH:,} are accepted.")
    rows: list[list[str]] = []
    for part in filter(str.strip, _CHAIN_END.split(text)):
        row = _metrics_of(part.strip())
        if isinstance(row, ChainError):
            return row
        rows.append(row)
    nodes = tuple(dict.fromkeys(metric for row in rows for metric in row))
    edges = tuple(dict.fromkeys(edge for row in rows for edge in pairwise(row)))
    return _checked(Chain(nodes=nodes, edges=edges), "The metric chain goes")


def union(chains: Iterable[Chain]) -> Chain | ChainError:
    """The chains of an initiative's models as one, in order of appearance; refused when together they go round in a
    circle."""
    taken = tuple(chains)
    nodes = tuple(dict.fromkeys(metric for chain in taken for metric in chain.nodes))
    edges = tuple(dict.fromkeys(edge for chain in taken for edge in chain.edges))
    return _checked(Chain(nodes=nodes, edges=edges), "Taken together, the metric chains of this initiative's models go")


def ends(chain: Chain) -> tuple[str, ...]:
    """The metrics that move no other one, in order of appearance."""
    movers = {mover for mover, _ in chain.edges}
    return tuple(metric for metric in chain.nodes if metric not in movers)


def check_ends(chain: Chain, active_kpis: Collection[str]) -> str | None:
    """A warning when an end of the chain is no active KPI (north star or strategic), None when all are; upper or lower
    case is the same."""
    known = {kpi.casefold() for kpi in active_kpis}
    loose = [metric for metric in ends(chain) if metric.casefold() not in known]
    if not loose:
        return None
    if not active_kpis:
        return f"The metric chain ends at {_listed(loose)}, and no KPI is active yet in Metrics_Config."
    hint = _hint(loose, active_kpis)
    return f"The metric chain ends at {_listed(loose)}, which is no active north star or strategic KPI{hint}."


def _metrics_of(text: str) -> list[str] | ChainError:
    """The metrics of one chain's text, in snake_case."""
    if found := _BACKWARDS.search(text):
        return ChainError(
            text=f"{found[0]} in {as_shown(text)} points backwards: write what moves first, as in a -> b."
        )
    metrics: list[str] = []
    for segment in map(str.strip, _ARROW.split(text)):
        if not segment:
            return ChainError(text=f"A metric is missing beside an arrow in {as_shown(text)}: write a -> b -> c.")
        metric = read_name(segment)
        if isinstance(metric, Unclear) or _LOST_IN_A_NAME.search(segment):
            return ChainError(text=_name_text(segment))
        if metrics and metrics[-1] == metric:
            return ChainError(
                text=f"{metric} -> {metric} in {as_shown(text)} goes from a metric to itself: name two different ones."
            )
        metrics.append(metric)
    return metrics


def _name_text(segment: str) -> str:
    text = f"{as_shown(segment)} is no metric's name: a name begins with a letter and holds letters, digits and _."
    return text + " Several chains are separated by ; or new lines." if "," in segment else text


def _checked(chain: Chain, subject: str) -> Chain | ChainError:
    if len(chain.nodes) > MAX_METRICS:
        return ChainError(
            text=f"There are {len(chain.nodes):,} metrics in the chain: up to {MAX_METRICS} are accepted."
        )
    circle = _circle(chain)
    if circle:
        return ChainError(text=f"{subject} round in a circle: {' -> '.join(circle)}. Take one of these arrows out.")
    return chain


def _circle(chain: Chain) -> list[str]:
    """A way along the arrows that comes back to where it began, its first metric again at the end; [] when there is
    none."""
    moved_by: dict[str, list[str]] = {metric: [] for metric in chain.nodes}
    for mover, moved in chain.edges:
        moved_by[mover].append(moved)
    finished: set[str] = set()
    for start in chain.nodes:
        if start not in finished and (circle := _circle_from(start, moved_by, finished)):
            return circle
    return []


def _circle_from(start: str, moved_by: dict[str, list[str]], finished: set[str]) -> list[str]:
    """Depth first, on a stack of our own: a chain may be longer than Python's. Adds to `finished` what leads into no
    circle."""
    path = [start]
    waiting = [iter(moved_by[start])]
    while path:
        following = next(waiting[-1], None)
        if following is None:
            finished.add(path.pop())
            waiting.pop()
        elif following in path:
            return [*path[path.index(following) :], following]
        elif following not in finished:
            path.append(following)
            waiting.append(iter(moved_by[following]))
    return []


def _hint(loose: Sequence[str], active_kpis: Collection[str]) -> str:
    near = dict.fromkeys(kpi for metric in loose if (kpi := nearest(metric, active_kpis)))
    return f"; the nearest is {_listed(list(near))}" if near else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
