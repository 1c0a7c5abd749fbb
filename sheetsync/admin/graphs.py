"""Graphs on admin pages: boxes in layers joined by arrows, drawn as SVG in the text's own colour, and a table behind."""

from __future__ import annotations

from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from sheetsync.admin.tables import table
from sheetsync.graphs import Graph, Node, layers

# Sizes in SVG units, which are pixels where the picture fits.
WIDTH, HEIGHT = 168, 48
GAP_ACROSS, GAP_DOWN = 56, 18
MARGIN = 6
HEAD = 8  # of an arrow
LETTERS = 22  # of a label that fit into a box


@dataclass(frozen=True, kw_only=True)
class Box:
    """A node with its place."""

    node: Node
    x: float  # left edge
    y: float  # upper edge
    label: str  # short enough for the box
    note: str

    @property
    def middle(self) -> float:
        """Half way down."""
        return self.y + HEIGHT / 2


def render_graph(graph: Graph) -> SafeString:
    """The graph as HTML: an SVG that follows light and dark, and its table behind a fold."""
    boxes = place(graph)
    context = {
        "graph": graph,
        "boxes": boxes.values(),
        "paths": _paths(graph, boxes),
        "width": max((box.x + WIDTH for box in boxes.values()), default=0) + MARGIN,
        "height": max((box.y + HEIGHT for box in boxes.values()), default=0) + MARGIN,
        "box_width": WIDTH,
        "box_height": HEIGHT,
        "inner_width": WIDTH - 6,
        "inner_height": HEIGHT - 6,
        "table": _table(graph),
    }
    return mark_safe(render_to_string("admin/sheetsync/graph.html", context))  # noqa: S308 - the template escapes


def place(graph: Graph) -> dict[str, Box]:
    """Node's key -> its box: layers from left to right, each in the middle of the height."""
    rows = layers(graph)
    tallest = max((len(row) for row in rows), default=0)
    boxes = {}
    for level, row in enumerate(rows):
        down = MARGIN + (tallest - len(row)) * (HEIGHT + GAP_DOWN) / 2
        for number, node in enumerate(row):
            boxes[node.key] = Box(
                node=node,
                x=MARGIN + level * (WIDTH + GAP_ACROSS),
                y=down + number * (HEIGHT + GAP_DOWN),
                label=_shortened(node.label),
                note=_shortened(node.note),
            )
    return boxes


def _paths(graph: Graph, boxes: dict[str, Box]) -> list[dict[str, str]]:
    """The arrows, as SVG path data: the line and its head."""
    paths = []
    for edge in graph.edges:
        if edge.start in boxes and edge.end in boxes:
            start, end = boxes[edge.start], boxes[edge.end]
            out, into = start.x + WIDTH, end.x - HEAD
            bend = max(GAP_ACROSS, abs(into - out)) / 2
            curve = f"C{out + bend:g},{start.middle:g} {into - bend:g},{end.middle:g} {into:g},{end.middle:g}"
            tip = f"M{end.x:g},{end.middle:g} l-{HEAD},-{HEAD / 2:g} v{HEAD} z"
            paths.append({"line": f"M{out:g},{start.middle:g} {curve}", "head": tip})
    return paths


def _table(graph: Graph) -> SafeString | str:
    """Each node and what follows it."""
    labels = {node.key: node.label for node in graph.nodes}
    rows = []
    for node in graph.nodes:
        after = [
            f"{labels.get(edge.end, edge.end)} ({edge.note})" if edge.note else labels.get(edge.end, edge.end)
            for edge in graph.edges
            if edge.start == node.key
        ]
        rows.append((node.label, node.note, node.kind, ", ".join(after)))
    return table(("Name", "Note", "Kind", "Leads to"), rows, nothing="Nothing to show yet.")


def _shortened(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
