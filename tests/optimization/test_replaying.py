"""A run solved again from what it stored."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from backlog.models import Initiative
from optimization.models import OptimizationRun
from tests.optimization.world import POPULATE, RUN_ALL, SAVE, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    """INIT-000001 and INIT-000002 for 60 tokens each, of 100."""
    world = World()
    world.initiative(1, tokens=60, gmv=300)
    world.initiative(2, tokens=60, gmv=200)
    world.scenario()
    world.act(SAVE)
    world.act(POPULATE)
    world.act(RUN_ALL)
    return world


def replayed(run_id: str) -> str:
    said = StringIO()
    call_command("replay_run", run_id, stdout=said)
    return said.getvalue()


def refused(run_id: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as raised:
        replayed(run_id)
    return raised.value.returncode, str(raised.value)


def test_the_same_result_comes_from_the_snapshot_alone(world: World) -> None:
    Initiative.objects.all().delete()
    run = world.run()
    assert replayed(run.run_id) == f"run {run.run_id} gives the same result: optimal, 1 selected\n"
    assert OptimizationRun.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"selected": ["INIT-000002"]},
            "selected now and not then: INIT-000001; selected then and not now: INIT-000002",
        ),
        ({"total_objective": 299.0}, "total_objective: 299.0 then, 300.0 now"),
    ],
)
def test_a_result_that_differs_is_told_and_the_command_fails(
    world: World, change: dict[str, object], said: str
) -> None:
    run = world.run()
    OptimizationRun.objects.update(result_json={**run.result_json, **change})
    code, text = refused(run.run_id)
    assert (code, said in text) == (1, True)


def test_what_ifs_and_infeasible_runs_are_replayed_too(world: World) -> None:
    world.retype("Candidates", 3, force="in")
    world.act(RUN_ALL)
    assert "same result: optimal" in replayed(world.run().run_id)
    world.act(RUN_ALL, capacity=10)
    assert "same result: infeasible" in replayed(world.run().run_id)


def test_a_run_that_nobody_knows_or_that_was_never_solved_is_wrong_usage(world: World) -> None:
    assert refused("20260101")[0] == 2
    world.act("pm.optimize_run_selected_candidates")
    code, text = refused(world.run().run_id)
    assert (code, "was refused before anything was solved: nothing is ticked" in text) == (2, True)
