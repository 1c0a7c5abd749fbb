"""Plots and graphs: what a picture shows stands in its table as well, and layers follow the arrows."""

from __future__ import annotations

import itertools
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from hypothesis import given
from hypothesis import strategies as st

from sheetsync.admin.graphs import HEIGHT, WIDTH, place, render_graph
from sheetsync.admin.plots import render_plot
from sheetsync.graphs import Edge, Graph, Node, layers
from sheetsync.plots import Marker, Plot, PlotKind, Point, Series, columns


def plot(*series: Series, kind: PlotKind = PlotKind.BAR, **more: Any) -> Plot:
    return Plot(kind=kind, title="Tokens", summary="UK takes most.", series=series, **more)


def one(*points: Point, name: str = "used") -> Series:
    return Series(name=name, points=points)


def cells(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr.*?</tr>", html, re.DOTALL)
    return [
        [unescape(cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)] for row in rows
    ]


def graph(*arrows: str, nodes: str = "") -> Graph:
    """Arrows as "ab"; `nodes` names the nodes in order, those of the arrows when empty."""
    keys = nodes or "".join(dict.fromkeys("".join(arrows)))
    return Graph(
        title="Chain",
        summary="From a.",
        nodes=tuple(Node(key=key, label=key.upper()) for key in keys),
        edges=tuple(Edge(start=arrow[0], end=arrow[1]) for arrow in arrows),
    )


def layer_keys(drawn: Graph) -> list[str]:
    return ["".join(node.key for node in row) for row in layers(drawn)]


# ---- plots -----------------------------------------------------------------------------------------------------------------------------


def test_a_plot_carries_its_numbers_for_the_script_and_its_words_for_everybody() -> None:
    html = render_plot(plot(one(Point(x="UK", y=1200.0)), markers=(Marker(value=2000.0, label="capacity"),)))
    data = json.loads(unescape(re.search(r'data-plot="([^"]*)"', html).group(1)))  # type: ignore[union-attr]
    assert data["series"] == [{"name": "used", "dashed": False, "points": [["UK", 1200.0, None, None, ""]]}]
    assert data["markers"] == [{"value": 2000.0, "label": "capacity"}]
    assert 'aria-label="Tokens. UK takes most."' in html


def test_the_table_holds_every_point_and_every_marker() -> None:
    drawn = plot(
        one(Point(x="UK", y=1200.0), Point(x="DE", y=None)),
        x_label="Market",
        y_label="Tokens",
        markers=(Marker(value=2000.0, label="capacity"),),
    )
    assert cells(render_plot(drawn)) == [["Market", "Tokens"], ["UK", "1,200"], ["DE", "-"], ["capacity: 2,000", "-"]]


def test_the_table_of_a_range_names_its_numbers_after_the_axis_they_lie_on() -> None:
    drawn = plot(
        one(Point(x="Sales", low=10.0, high=50.0, y=30.0)), kind=PlotKind.RANGE, x_label="Tokens", y_label="Department"
    )
    assert cells(render_plot(drawn)) == [["Department", "Tokens", "From", "To"], ["Sales", "30", "10", "50"]]


def test_a_table_has_only_the_columns_that_tell_something() -> None:
    assert columns(plot(one(Point(x=1.0, y=2.0)))) == ("x", "y")
    assert columns(plot(one(Point(x=1.0, y=2.0, label="best")), one(name="other"))) == ("series", "x", "y", "label")


def test_what_people_typed_is_no_markup_in_a_plot() -> None:
    html = render_plot(plot(one(Point(x="<script>alert(1)</script>", y=1.0, label='"quoted"'))))
    assert "<script" not in html
    assert re.search(r'data-plot="[^"]*&lt;script', html)


def test_a_plot_without_points_says_so() -> None:
    assert "Nothing to show yet." in render_plot(plot())


# ---- graphs ----------------------------------------------------------------------------------------------------------------------------


def test_a_node_stands_behind_everything_that_leads_to_it() -> None:
    assert layer_keys(graph("ab", "bc", "ac")) == ["a", "b", "c"]


def test_a_layer_is_ordered_after_what_leads_to_it() -> None:
    assert layer_keys(graph("ad", "bc", nodes="abcd")) == ["ab", "dc"]


def test_an_arrow_that_closes_a_circle_moves_nothing() -> None:
    assert layer_keys(graph("ab", "bc", "ca")) == ["a", "b", "c"]


def test_an_arrow_to_an_unknown_node_is_left_out_of_the_picture() -> None:
    drawn = graph("ab", nodes="a")
    assert layer_keys(drawn) == ["a"]
    assert "desk-arrow" not in render_graph(drawn)


def test_a_chain_of_ten_thousand_steps_is_laid_out() -> None:
    keys = [str(number) for number in range(10_000)]
    long = Graph(
        title="",
        summary="",
        nodes=tuple(Node(key=key, label=key) for key in keys),
        edges=tuple(Edge(start=a, end=b) for a, b in itertools.pairwise(keys)),
    )
    assert len(layers(long)) == 10_000


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=20))
def test_every_node_has_one_box_and_no_two_boxes_overlap(arrows: list[tuple[str, str]]) -> None:
    boxes = list(place(graph(*(a + b for a, b in arrows), nodes="abcdef")).values())
    assert sorted(box.node.key for box in boxes) == list("abcdef")
    for number, box in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert abs(box.x - other.x) >= WIDTH or abs(box.y - other.y) >= HEIGHT


def test_a_graph_is_a_picture_with_words_and_a_table() -> None:
    drawn = Graph(
        title="Chain",
        summary="Faster pages bring orders.",
        nodes=(Node(key="a", label="page_load_time"), Node(key="b", label="orders", note="per day", kind="goal")),
        edges=(Edge(start="a", end="b", note="estimated"),),
    )
    html = render_graph(drawn)
    assert 'aria-label="Chain. Faster pages bring orders."' in html
    assert html.count('class="desk-arrow"') == 1
    assert cells(html)[1:] == [["page_load_time", "-", "-", "orders (estimated)"], ["orders", "per day", "goal", "-"]]


def test_a_label_too_long_for_its_box_is_cut_and_told_in_full() -> None:
    html = render_graph(Graph(title="", summary="", nodes=(Node(key="a", label="x" * 40),), edges=()))
    assert f"{'x' * 21}…" in html
    assert f"<title>{'x' * 40}</title>" in html


@pytest.mark.parametrize("kind", list(PlotKind))
def test_the_script_knows_every_kind_of_plot(kind: PlotKind) -> None:
    script = Path(finders.find("sheetsync/plots.js") or "").read_text()
    assert f'"{kind}"' in script or f"{kind}:" in script
