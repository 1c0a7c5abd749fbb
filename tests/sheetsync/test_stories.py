"""People edit at any moment between two steps of the engine, which may crash at any of them: nothing is lost, nothing doubled."""

from __future__ import annotations

import pytest

from tests.sheetsync.story import Story
from tests.sheetsync.story_ending import differences_without_faults, play_to_the_end

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("versions", [True, False], ids=["like a file", "like a Google sheet"])
def test_whatever_happens_meanwhile_no_edit_is_lost_and_nothing_is_doubled(seed: int, versions: bool) -> None:
    story = Story(seed=seed, versions=versions)
    ending = play_to_the_end(story, steps=8)
    assert ending.faults + differences_without_faults(ending) == [], "\n".join(story.log)
