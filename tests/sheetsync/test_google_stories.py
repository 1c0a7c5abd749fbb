"""The stories of the engine on Google spreadsheets: the same edits, crashes, lost answers and late writes, over the wire."""

from __future__ import annotations

import os

import pytest

from tests.sheetsync.loopback import running
from tests.sheetsync.story_ending import differences_without_faults, play_to_the_end
from tests.sheetsync.story_on_spreadsheets import story_on_spreadsheets

# `make stories` plays many more.
STORIES = int(os.environ.get("STORIES", "12"))


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(STORIES))
def test_whatever_happens_between_two_requests_no_edit_is_lost_and_nothing_is_doubled(seed: int) -> None:
    with running() as loopback:
        story = story_on_spreadsheets(loopback, seed)
        ending = play_to_the_end(story, steps=8)
        assert ending.faults + differences_without_faults(ending) == [], "\n".join(story.log)
