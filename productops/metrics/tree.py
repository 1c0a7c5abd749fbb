"""Metrics as one graph: all chains taken together, what goes through each metric, orphans and circles. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from productops.metrics.chains import Chain
from productops.metrics.overlaps import upstream


@dataclass(frozen=True, kw_only=True)
class Use:
    """Initiatives that have the same chain."""

    chain: Chain
    initiatives: int = 1
    numbers: Mapping[str, float] = field(default_factory=dict)  # kpi_key -> sum of their contributions, in KPI units


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric of the graph."""

    name: str
    level: str  # "north_star" or "strategic" for an active KPI, else ""
    unit: str = ""  # of the KPI
    initiatives: int = 0  # whose chains it stands on
    through: Mapping[str, float] = field(
        default_factory=dict
    )  # kpi_key -> sum of contributions that pass it, in KPI units
    is_orphan: bool = False  # an active KPI that no chain reaches, or a metric from which no active KPI is reached
    circle: tuple[str, ...] = ()  # the metrics that go round in a circle with it, itself included; () for none


@dataclass(frozen=True, kw_only=True)
class MetricTree:
    """All metrics, and which moves which."""

    metrics: tuple[Metric, ...]  # the most used first, then by name
    edges: Mapping[tuple[str, str], int]  # (mover, moved) -> number of initiatives whose chains say so

    @property
    def circles(self) -> list[tuple[str, ...]]:
        """Each circle once."""
        return list(dict.fromkeys(metric.circle for metric in self.metrics if metric.circle))


def build_tree(uses: Iterable[Use], kpis: Mapping[str, str]) -> MetricTree:
    """The graph of all chains. `kpis`: active kpi_key -> level."""
    edges: dict[tuple[str, str], int] = defaultdict(int)
    users: dict[str, int] = defaultdict(int)
    through: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for use in uses:
        for edge in use.chain.edges:
            edges[edge] += use.initiatives
        for name in use.chain.nodes:
            users[name] += use.initiatives
        for kpi, number in use.numbers.items():
            for name in (*upstream(use.chain, kpi), kpi):
                through[name][kpi] += number
    names = {*users, *kpis, *(name for edge in edges for name in edge)}
    leading = _leading_to(edges, kpis)
    circles = _circles(names, edges)
    found = [
        Metric(
            name=name,
            level=kpis.get(name, ""),
            initiatives=users.get(name, 0),
            through=dict(through.get(name, {})),
            is_orphan=not users.get(name) if name in kpis else name not in leading,
            circle=circles.get(name, ()),
        )
        for name in names
    ]
    return MetricTree(metrics=tuple(sorted(found, key=lambda each: (-each.initiatives, each.name))), edges=dict(edges))


def trimmed(tree: MetricTree, most: int) -> MetricTree:
    """The KPIs, what goes round in circles, and the most used of the other metrics: as many as one can look at."""
    kept = [metric for metric in tree.metrics if metric.level or metric.circle]
    others = [metric for metric in tree.metrics if not (metric.level or metric.circle)]
    kept += others[: max(0, most - len(kept))]
    names = {metric.name for metric in kept}
    edges = {edge: count for edge, count in tree.edges.items() if set(edge) <= names}
    return MetricTree(metrics=tuple(kept), edges=edges)


def _leading_to(edges: Iterable[tuple[str, str]], kpis: Collection[str]) -> set[str]:
    """The metrics from which an active KPI is reached, the KPIs included."""
    movers: dict[str, list[str]] = defaultdict(list)
    for mover, moved in edges:
        movers[moved].append(mover)
    found = set(kpis)
    waiting = list(kpis)
    while waiting:
        for mover in movers[waiting.pop()]:
            if mover not in found:
                found.add(mover)
                waiting.append(mover)
    return found


def _circles(names: Collection[str], edges: Collection[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """metric -> the metrics that it goes round in a circle with, by name: the strongly connected parts of the graph.

    Each chain is free of circles; together they may close one.
    """
    after, before = defaultdict(list), defaultdict(list)
    for mover, moved in edges:
        after[mover].append(moved)
        before[moved].append(mover)
    found: dict[str, tuple[str, ...]] = {}
    assigned: set[str] = set()
    for root in reversed(_finished(sorted(names), after)):
        part = _reached(root, before, assigned)
        assigned |= part
        if len(part) > 1:
            found.update(dict.fromkeys(part, tuple(sorted(part))))
    return found


def _finished(names: Sequence[str], after: Mapping[str, Sequence[str]]) -> list[str]:
    """The metrics in the order in which a walk depth first leaves them."""
    order: list[str] = []
    seen: set[str] = set()
    for root in names:
        walk = [] if root in seen else [(root, iter(after.get(root, ())))]
        seen.add(root)
        while walk:
            rest = walk[-1][1]
            following = next((each for each in rest if each not in seen), None)
            if following is None:
                order.append(walk.pop()[0])
            else:
                seen.add(following)
                walk.append((following, iter(after.get(following, ()))))
    return order


def _reached(root: str, before: Mapping[str, Sequence[str]], assigned: Collection[str]) -> set[str]:
    if root in assigned:
        return set()
    found, waiting = {root}, [root]
    while waiting:
        for name in before.get(waiting.pop(), ()):
            if name not in found and name not in assigned:
                found.add(name)
                waiting.append(name)
    return found
