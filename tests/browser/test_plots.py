"""Every picture of the admin, by day and by night: it is drawn, says in words what it shows, and has its numbers in a table."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from backlog.models import Initiative
from optimization.models import OptimizationRun
from productops.models import InitiativeScoring
from sheetsync.graphs import Graph
from sheetsync.models import ActionRun, RecordChange
from sheetsync.plots import Plot
from tests.admin_pages import change_url
from tests.optimization.test_measuring import MEASURE, ranged
from tests.optimization.world import RUN_ALL, SAVE, World

pytestmark = pytest.mark.django_db(transaction=True)

APPS = ("sheetsync", "backlog", "productops", "optimization")
CHAIN = {"nodes": ["uplift", "orders", "gmv"], "edges": [["uplift", "orders"], ["orders", "gmv"]]}
Maker = tuple[str, str]  # file and function that makes a plot or graph


def declared() -> set[Maker]:
    """Every function of the project that makes a picture."""
    found = set()
    for app in APPS:
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py"):
            for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(function, ast.FunctionDef) and any(map(_makes_a_picture, ast.walk(function))):
                    found.add((str(path.relative_to(settings.BASE_DIR)), function.name))
    return found


def _makes_a_picture(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Plot", "Graph")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> set[Maker]:
    """Which of these functions were asked for a picture so far."""
    makers: set[Maker] = set()
    for kind in (Plot, Graph):
        monkeypatch.setattr(kind, "__init__", _noting(kind.__init__, makers))
    return makers


def _noting(made: Any, makers: set[Maker]) -> Any:
    def noted(self: Any, **parts: Any) -> None:
        caller = sys._getframe(1).f_code
        makers.add((str(Path(caller.co_filename).relative_to(settings.BASE_DIR)), caller.co_name))
        made(self, **parts)

    return noted


@pytest.fixture
def addresses() -> list[str]:
    """Pages of a company that has something to draw on each of them."""
    world = World()
    world.initiative(1, gmv=50, country="UK", department="Sales")
    ranged(world, 2, 0.4, 0.0, 1.0)
    world.initiative(3, gmv=30, country="DE", department="Sales")
    world.scenario(
        capacity_total_tokens=10
    )  # for one of the two that the cap leaves: which one is better, the range leaves open
    world.rule("capacity_cap", dimension="country", dimension_key="UK", max_tokens=0)
    world.target("gmv", 100)
    for action in (SAVE, RUN_ALL, MEASURE, "pm.optimize_frontier"):
        world.act(action)
    ActionRun.objects.update(workbook=world.workbook, status="success")
    owner = Initiative.objects.get(initiative_key="INIT-000002")
    _history(owner)
    for place, key in enumerate(Initiative.objects.values_list("pk", flat=True), start=1):
        InitiativeScoring.objects.create(
            initiative_id=key, rice_overall_score=place, wsjf_overall_score=1 / place, rice_reach=place
        )
    run = OptimizationRun.objects.get()
    extra = [reverse(f"admin:{name}") for name in ("index", "productops_frameworks", "productops_metrics")]
    paper = reverse("admin:run_print", args=(run.run_id,))
    return [*extra, change_url(owner), change_url(world.workbook), change_url(run), paper]


def _history(owner: Initiative) -> None:
    """Tokens that moved twice, and a metric chain."""
    owner.metric_chain_json = CHAIN
    for tokens in (10.0, 12.0, 9.0):
        owner.engineering_tokens = tokens
        owner.save()
        RecordChange.objects.create(
            run=ActionRun.objects.earliest("pk"),
            model="backlog.Initiative",
            object_id=owner.pk,
            fields={"engineering_tokens": [None, tokens]},
        )


def test_every_picture_is_drawn_told_in_words_and_has_its_table(
    page: Page, signed_in: Any, addresses: list[str], drawn: set[Maker]
) -> None:
    signed_in("superuser")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(addresses[0])
        expect(page.locator("html.dark")).to_have_count(int(scheme == "dark"))
        for address in addresses:
            page.goto(address)
            figures = page.locator("figure.desk-figure")
            expect(figures.first).to_be_visible()
            for figure in figures.all():
                _is_complete(figure)
    assert len(drawn) > 10
    assert declared() - drawn == set()


def _is_complete(figure: Locator) -> None:
    image = figure.get_by_role("img")
    title = figure.locator("figcaption").inner_text()
    image.scroll_into_view_if_needed()
    if image.evaluate("image => image.tagName") == "CANVAS":
        expect(image).to_have_attribute("data-drawn", "yes")
        assert image.evaluate(_PAINTED), f"{title} is an empty picture"
    box = image.bounding_box()
    assert box is not None, title
    assert box["width"] > 100, title
    assert box["height"] > 40, title
    words = image.get_attribute("aria-label") or ""
    assert words.startswith(f"{title}. "), title
    assert len(words) > len(title) + 10, title
    figure.get_by_text("The same as a table").click()
    expect(figure.get_by_role("table")).to_be_visible()
    assert figure.get_by_role("row").count() > 1, title


# Whether anything but the ground was painted.
_PAINTED = """canvas => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.some(part => part !== pixels[0]);
}"""
