"""The pages of an optimizer run in a browser: by day and by night, readable for everybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from optimization.models import OptimizationRun
from tests.optimization.world import RUN_ALL, SAVE, World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run() -> OptimizationRun:
    """The second run of a scenario, with its frontier."""
    world = World()
    for number, gmv in ((1, 9), (2, 8), (3, 7)):
        world.initiative(number, gmv=gmv, country="UK", department="Sales")
    world.scenario(capacity_total_tokens=20)
    world.rule("capacity_cap", dimension="country", dimension_key="UK", max_tokens=20)
    world.target("gmv", 20)
    world.act(SAVE)
    world.act(RUN_ALL)
    world.act(RUN_ALL)
    world.act("pm.optimize_frontier")
    return world.run()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_the_pages_of_a_run_are_accessible(
    page: Page, signed_in: Any, accessible: Callable[[], None], run: OptimizationRun
) -> None:
    signed_in("superuser")
    page.goto(reverse("admin:optimization_optimizationrun_change", args=(run.pk,)))
    expect(page.get_by_role("img", name="What more or less capacity would bring")).to_be_visible()
    accessible()
    for name, args in (("compare_runs", ()), ("publish_run", (run.run_id,)), ("run_print", (run.run_id,))):
        page.goto(reverse(f"admin:{name}", args=args))
        accessible()
