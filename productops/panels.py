"""What ProductOps adds to the admin beside its forms: pages, and panels on initiatives."""

from __future__ import annotations

from django.urls import reverse

from productops.approvals.pages import approval_panel, approvals, models_to_approve, params_to_approve, stale_adoptions
from productops.contributions.adoption_page import PAGE as ADOPTIONS
from productops.contributions.adoption_page import adoptions
from productops.initiative_panels import consistency, contributions, model_steps, models, params, ranges, scores
from productops.metrics.tree_page import PAGE as METRICS
from productops.metrics.tree_page import metrics
from productops.scores.ranking_page import PAGE as FRAMEWORKS
from productops.scores.ranking_page import frameworks
from sheetsync.admin.dashboard import Waiting, register_waiting
from sheetsync.admin.extra_pages import ExtraPage, register_page
from sheetsync.admin.panels import Panel, register_panel
from sheetsync.admin.record_stories import register_record_panels

INITIATIVE = "backlog.Initiative"
# name, title, order, what it shows, whose right to view is needed
_PANELS = (
    ("consistency", "What doesn't go together", 10, consistency, "productops.view_initiativecontribution"),
    ("contributions", "Contributions", 20, contributions, "productops.view_initiativecontribution"),
    ("models", "Math models", 40, models, "productops.view_initiativemathmodel"),
    ("ranges", "How far it may lie apart", 45, ranges, "productops.view_initiativeparam"),
    ("params", "Parameters", 50, params, "productops.view_initiativeparam"),
    ("scores", "Scores", 60, scores, "productops.view_initiativescoring"),
)
for name, title, order, render, permission in _PANELS:
    register_panel(Panel(name=name, title=title, model=INITIATIVE, order=order, render=render, permission=permission))

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
register_page(
    ExtraPage(
        path="approvals",
        name="approvals",
        title="Approvals",
        section="Models",
        icon="verified",
        permission="productops.view_initiativemathmodel",
        in_scope=True,
        view=approvals,
    )
)
register_waiting(
    Waiting(
        name="models to approve",
        one="math model to approve",
        text="math models to approve",
        order=10,
        permission="productops.approve_initiativemathmodel",
        in_scope=True,
        count=models_to_approve,
        address=lambda: f"{reverse('admin:approvals')}?kind=model",
    )
)
register_waiting(
    Waiting(
        name="params to approve",
        one="parameter to approve",
        text="parameters to approve",
        order=20,
        permission="productops.approve_initiativeparam",
        in_scope=True,
        count=params_to_approve,
        address=lambda: f"{reverse('admin:approvals')}?kind=param",
    )
)
register_panel(
    Panel(name="steps", title="With its numbers", model="productops.InitiativeMathModel", order=5, render=model_steps)
)
register_waiting(
    Waiting(
        name="stale adoptions",
        one="adopted contribution whose inputs changed since",
        text="adopted contributions whose inputs changed since",
        order=25,
        permission="productops.adopt_initiativecontribution",
        in_scope=True,
        count=stale_adoptions,
        address=lambda: f"{reverse(f'admin:{ADOPTIONS}')}?view=stale",
    )
)
for _model in ("productops.InitiativeMathModel", "productops.InitiativeParam"):
    register_panel(Panel(name="approval", title="Approval", model=_model, order=10, render=approval_panel))
    register_record_panels(_model)
