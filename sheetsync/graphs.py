"""Graphs as plain data, and the layers that they are drawn in. `sheetsync.admin.graphs` draws them. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Node:
    """One box."""

    key: str
    label: str
    note: str = ""  # a second line in the box
    kind: str = (
        ""  # "goal" is drawn with a double border, "missing" with a dashed one; other words stand in the table alone
    )


@dataclass(frozen=True, kw_only=True)
class Edge:
    """An arrow from one box to another."""

    start: str  # key of a node
    end: str
    note: str = ""  # said in the table


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Boxes and arrows, with everything that people need who can't see them."""

    title: str
    summary: str  # one sentence that says what it shows: the text in place of the picture
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def layers(graph: Graph) -> tuple[tuple[Node, ...], ...]:
    """The nodes by how many steps lead to them at the most, each layer ordered so that arrows cross little.

    An arrow that closes a circle, or leads from or to an unknown node, doesn't count here.
    """
    forward = _without_circles(graph)
    depth = _depths(graph, forward)
    rows: dict[int, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        rows[depth[node.key]].append(node)
    before: dict[str, list[str]] = defaultdict(list)
    for start, end in forward:
        before[end].append(start)
    placed: dict[str, float] = {}
    ordered = []
    for level in sorted(rows):
        row = sorted(rows[level], key=lambda node: _middle(before[node.key], placed))
        placed.update({node.key: place - (len(row) - 1) / 2 for place, node in enumerate(row)})
        ordered.append(tuple(row))
    return tuple(ordered)


def _middle(keys: list[str], placed: dict[str, float]) -> float:
    found = [placed[key] for key in keys if key in placed]
    return sum(found) / len(found) if found else 0.0


def _without_circles(graph: Graph) -> list[tuple[str, str]]:
    """The arrows that lead on; found depth first, without recursion, so that a long chain is no trouble."""
    after: dict[str, list[str]] = {node.key: [] for node in graph.nodes}
    for edge in graph.edges:
        if edge.start in after and edge.end in after:
            after[edge.start].append(edge.end)
    kept: list[tuple[str, str]] = []
    open_now: set[str] = set()
    done: set[str] = set()
    for root in after:
        walk = [] if root in done else [(root, iter(after[root]))]
        open_now.update(key for key, _rest in walk)
        while walk:
            key, rest = walk[-1]
            following = next(rest, None)
            if following is None:
                walk.pop()
                open_now.discard(key)
                done.add(key)
                continue
            if following in open_now:
                continue
            kept.append((key, following))
            if following not in done:
                open_now.add(following)
                walk.append((following, iter(after[following])))
    return kept


def _depths(graph: Graph, forward: list[tuple[str, str]]) -> dict[str, int]:
    depth = {node.key: 0 for node in graph.nodes}
    after: dict[str, list[str]] = defaultdict(list)
    waiting: dict[str, int] = defaultdict(int)
    for start, end in forward:
        after[start].append(end)
        waiting[end] += 1
    ready = [key for key in depth if not waiting[key]]
    for key in ready:
        for end in after[key]:
            depth[end] = max(depth[end], depth[key] + 1)
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    return depth
