"""What ProductOps adds to the admin beside its forms: pages, and panels on initiatives."""

from __future__ import annotations

from productops.adoption_page import PAGE as ADOPTIONS
from productops.adoption_page import adoptions
from productops.metric_tree_page import PAGE as METRICS
from productops.metric_tree_page import metrics
from productops.ranking_page import PAGE as FRAMEWORKS
from productops.ranking_page import frameworks
from sheetsync.admin.extra_pages import ExtraPage, register_page

register_page(
    ExtraPage(
        path="adoptions",
        name=ADOPTIONS,
        title="Adoptions",
        section="KPIs",
        icon="order_approve",
        permission="productops.view_initiativecontribution",
        in_scope=True,
        view=adoptions,
    )
)
register_page(
    ExtraPage(
        path="frameworks",
        name=FRAMEWORKS,
        title="Frameworks side by side",
        section="Models",
        icon="compare_arrows",
        permission="productops.view_initiativescoring",
        in_scope=True,
        view=frameworks,
    )
)
register_page(
    ExtraPage(
        path="metrics",
        name=METRICS,
        title="Metric tree",
        section="KPIs",
        icon="account_tree",
        permission="productops.view_metricconfig",
        in_scope=True,
        view=metrics,
    )
)
