"""What was decided in the admin reaches the sheet with a word about who decided it, and the word goes with the next edit."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from sheetsync.admin.edits import plan_edit
from sheetsync.admin.recording import EDIT, AdminRun
from tests.sheetsync.world import World, filled_world, initiative, key_of

pytestmark = pytest.mark.django_db


def decide(number: int, reason: str = "", **fields: Any) -> None:
    """Ada changes fields of an initiative in the admin."""
    ada = User.objects.get_or_create(username="ada")[0]
    edit = plan_edit(initiative(number), fields, AdminRun(EDIT, ada, reason))
    assert edit.refused == {}
    edit.save()


@pytest.fixture
def world() -> tuple[World, Any]:
    made, _intake, backlog = filled_world()
    made.sync()
    return made, backlog


def test_the_row_says_who_decided_and_why(world: tuple[World, Any]) -> None:
    made, backlog = world
    decide(1, "agreed with the board", market="UK")
    made.sync()
    assert backlog.cell("market", initiative_key=key_of(1)) == "UK"
    said = backlog.status(initiative_key=key_of(1))
    assert said.startswith("OK: market was changed in the admin by ada: agreed with the board")
    assert "admin" not in backlog.status(initiative_key=key_of(2))


def test_several_fields_of_one_edit_are_one_sentence(world: tuple[World, Any]) -> None:
    made, backlog = world
    decide(1, market="UK", category="Growth")
    made.sync()
    assert "market and category were changed in the admin by ada" in backlog.status(initiative_key=key_of(1))


def test_what_was_said_costs_no_further_write(world: tuple[World, Any]) -> None:
    made, backlog = world
    decide(1, market="UK")
    made.sync()
    before = made.contents()
    context = made.sync()
    assert made.contents() == before
    assert context.run.counts["cells_written"] == 0
    assert "changed in the admin" in backlog.status(initiative_key=key_of(1))


def test_the_word_goes_once_a_person_edits_the_row(world: tuple[World, Any]) -> None:
    made, backlog = world
    decide(1, market="UK")
    made.sync()
    backlog.type({"initiative_key": key_of(1)}, market="DE")
    made.sync()
    assert "admin" not in backlog.status(initiative_key=key_of(1))
    assert initiative(1).market == "DE"


def test_a_value_that_came_from_elsewhere_since_isnt_laid_to_the_admin(world: tuple[World, Any]) -> None:
    made, backlog = world
    decide(1, market="UK")
    decide(1, market="")
    made.sync()
    assert "admin" not in backlog.status(initiative_key=key_of(1))
