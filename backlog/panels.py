"""Panels of an initiative's page that the backlog knows of."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.safestring import SafeString

from backlog.models import Initiative
from sheetsync.admin.graphs import render_graph
from sheetsync.admin.panels import Panel, register_panel
from sheetsync.admin.record_stories import register_record_panels
from sheetsync.admin.tables import shown_number
from sheetsync.graphs import Edge, Graph, Node


def metric_chain(request: HttpRequest, initiative: Initiative) -> SafeString | str:
    """How the initiative moves a KPI, drawn."""
    chain = initiative.metric_chain_json or {}
    names = list(chain.get("nodes", ()))
    if not names:
        return ""
    contributes = initiative.kpi_contribution_json or {}
    leads_on = {start for start, _end in chain.get("edges", ())}
    ends = [name for name in names if name not in leads_on]
    graph = Graph(
        title="Metric chain",
        summary=f"From {', '.join(names[:1])} to {' and '.join(ends)}.",
        nodes=tuple(
            Node(
                key=name,
                label=name,
                note=f"adopted: {shown_number(contributes[name])}" if name in contributes else "",
                kind="goal" if name in ends else "",
            )
            for name in names
        ),
        edges=tuple(Edge(start=start, end=end) for start, end in chain.get("edges", ())),
    )
    return render_graph(graph)


register_panel(
    Panel(name="metric-chain", title="How it moves a KPI", model="backlog.Initiative", order=30, render=metric_chain)
)
register_record_panels("backlog.Initiative")
