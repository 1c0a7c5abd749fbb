"""The admin's page of metrics: Metrics_Config and all chains as one graph."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping

from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString, mark_safe

from backlog.models import Initiative
from productops.figures import amount
from productops.metrics.chains import Chain
from productops.metrics.tree import Metric, MetricTree, Use, build_tree, trimmed
from productops.models import KpiLevel, MetricConfig
from productops.remembered import remembered
from sheetsync.access.scope import within_scope
from sheetsync.admin.extra_pages import render_page
from sheetsync.admin.graphs import render_graph
from sheetsync.admin.tables import table
from sheetsync.graphs import Edge, Graph, Node

PAGE = "productops_metrics"
DRAWN = 60  # metrics in the picture; the table has all
LEVELS = {KpiLevel.NORTH_STAR.value: "north star", KpiLevel.STRATEGIC.value: "strategic KPI"}


def metrics(request: HttpRequest) -> HttpResponse:
    """The graph, and a table of every metric with what goes through it."""
    tree = remembered(request, ["metrics"], (Initiative, MetricConfig), lambda: _load(request))
    units = dict(MetricConfig.objects.filter(is_active=True).values_list("kpi_key", "unit"))
    rows = [_row(metric, units) for metric in tree.metrics]
    headers = ("Metric", "What it is", "Initiatives", "Contributions through it", "To mend")
    body = "".join((render_graph(graph_of(trimmed(tree, DRAWN), len(tree.metrics))), table(headers, rows)))
    return render_page(
        request,
        "Metric tree",
        mark_safe(body),  # noqa: S308 - every part is escaped
        subtitle="Every metric chain and every active KPI, taken together; contributions are those in kpi_contribution_json.",
    )


def _load(request: HttpRequest) -> tuple[MetricTree, int]:
    """(the tree, how many initiatives it was made of) of those that the person may see, in two queries."""
    levels = dict(MetricConfig.objects.filter(is_active=True).values_list("kpi_key", "kpi_level"))
    initiatives = within_scope(request, Initiative.objects.order_by("initiative_key"))
    # As text: the same chain of many initiatives is read once.
    texts = initiatives.annotate(chain_text=Cast("metric_chain_json", TextField()))
    counts: dict[str, int] = defaultdict(int)
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for text, given in texts.values_list("chain_text", "kpi_contribution_json"):
        counts[text or ""] += 1
        for kpi, number in (given or {}).items():
            if number and kpi in levels:
                sums[text or ""][kpi] += number
    uses = (Use(chain=_chain(text), initiatives=count, numbers=sums[text]) for text, count in counts.items())
    return build_tree(uses, levels), sum(counts.values())


def _chain(text: str) -> Chain:
    stored = (json.loads(text) if text else None) or {}
    return Chain(nodes=tuple(stored.get("nodes", ())), edges=tuple(map(tuple, stored.get("edges", ()))))


def graph_of(tree: MetricTree, of_all: int) -> Graph:
    """What is drawn: KPIs with a double frame, orphans dashed, the number of initiatives in each box."""
    more = of_all - len(tree.metrics)
    trimming = f" The {more} least used are in the table alone." if more > 0 else ""
    circles = "; ".join(" and ".join(circle) for circle in tree.circles)
    return Graph(
        title="Which metric moves which",
        summary=f"{len(tree.metrics)} metrics and {len(tree.edges)} arrows between them."
        f"{trimming}{f' Circles: {circles}.' if circles else ''}",
        nodes=tuple(
            Node(key=metric.name, label=metric.name, note=_initiatives(metric.initiatives), kind=_kind(metric))
            for metric in tree.metrics
        ),
        edges=tuple(
            Edge(start=mover, end=moved, note=_initiatives(count))
            for (mover, moved), count in sorted(tree.edges.items())
        ),
    )


def _kind(metric: Metric) -> str:
    if metric.is_orphan:
        return "missing"
    if metric.circle:
        return "in a circle"
    return "goal" if metric.level else ""


def _initiatives(count: int) -> str:
    return f"{count:,} initiative{'' if count == 1 else 's'}"


def _row(metric: Metric, units: Mapping[str, str]) -> list[SafeString | str | int]:
    through = "; ".join(
        f"{kpi} {amount(number)} {units.get(kpi, '')}".strip() for kpi, number in sorted(metric.through.items())
    )
    return [metric.name, LEVELS.get(metric.level, "metric"), metric.initiatives or "0", through, _to_mend(metric)]


def _to_mend(metric: Metric) -> str:
    if metric.circle:
        return f"Goes round in a circle: {', '.join(metric.circle)}. Take one of the arrows out of a chain."
    if metric.is_orphan and metric.level:
        return "No chain reaches it: let the chains of what contributes to it end there."
    return "Leads to no active KPI: let a chain go on from it." if metric.is_orphan else ""
