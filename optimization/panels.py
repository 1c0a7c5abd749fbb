"""What optimization adds to the admin beside its forms: pages and files of runs, panels, a card of the dashboard."""

from __future__ import annotations

from optimization.pages import plots as run_plots
from optimization.pages.panels import (
    RUN,
    at_a_glance,
    certainty,
    changes,
    initiatives,
    no_portfolio,
    pictures,
    publications,
    published_card,
    runs_of_initiative,
)
from optimization.pages.run_pages import compare_page, csv_file, print_view, publish_page, workbook_file
from optimization.runs.publishing import PERMISSION
from sheetsync.admin.extra_pages import ExtraPage, register_page
from sheetsync.admin.panels import Card, Panel, register_card, register_panel

SEE = "optimization.view_optimizationrun"

_OF_A_RUN = (
    ("glance", "At a glance", at_a_glance),
    ("no-portfolio", "Why there is no portfolio", no_portfolio),
    ("initiatives", "Initiatives", initiatives),
    ("teams", "Teams and countries", pictures(run_plots.by_department, run_plots.by_country)),
    ("capacity", "Capacity", pictures(run_plots.capacity)),
    ("targets", "Targets", pictures(run_plots.targets)),
    ("frontier", "More or less capacity", pictures(run_plots.frontier)),
    ("certainty", "How sure it is", certainty),
    ("certainty-plots", "Choices and outcomes over the draws", pictures(run_plots.frequency, run_plots.outcomes)),
    ("measure-next", "What to measure next", pictures(run_plots.measure_next)),
    ("prices", "What rules cost", pictures(run_plots.prices)),
    ("changes", "What changed since the run before", changes),
)
for order, (name, title, render) in enumerate(_OF_A_RUN, start=10):
    register_panel(Panel(name=name, title=title, model=RUN, order=order, render=render))

register_panel(
    Panel(
        name="runs",
        title="In which runs it was, and why",
        model="backlog.Initiative",
        order=60,
        render=runs_of_initiative,
        permission=SEE,
    )
)
register_panel(
    Panel(
        name="publications",
        title="Published portfolios",
        model="optimization.OptimizationScenario",
        order=10,
        render=publications,
        permission="optimization.view_publication",
    )
)
register_card(Card(name="published", title="Published portfolios", order=40, permission=SEE, render=published_card))

register_page(
    ExtraPage(
        path="compare-runs",
        name="compare_runs",
        title="Compare runs",
        section="Portfolio",
        icon="compare_arrows",
        permission=SEE,
        view=compare_page,
    )
)
for path, name, title, view, permission in (
    ("workbook", "run_workbook", "A run as an Excel file", workbook_file, SEE),
    ("csv", "run_csv", "A run's initiatives as CSV", csv_file, SEE),
    ("print", "run_print", "A run to print", print_view, SEE),
    ("publish", "publish_run", "Publish a portfolio", publish_page, PERMISSION),
):
    register_page(
        ExtraPage(
            path=f"optimizer-runs/<str:run_id>/{path}",
            name=name,
            title=title,
            section="",
            permission=permission,
            view=view,
        )
    )
