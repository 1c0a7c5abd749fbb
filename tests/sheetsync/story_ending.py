"""What must hold when a story is over, and how the same edits end when nothing ever goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from backlog.models import Initiative, IntakeSubmission
from sheetsync.models import TabState, Workbook
from sheetsync.workbooks.memory import MemoryWorkbook
from tests.sheetsync.story import (
    BACKLOG_HEADER,
    COUNTRY,
    FOUGHT_OVER,
    HELPER,
    INTAKE_HEADER,
    KEY,
    REMARKS,
    TITLE,
    Story,
    sync_once,
)

# What depends on when and how often it was synced.
_OF_THE_MOMENT = {"initiative_key", "run_status", "updated_source", "updated_at", HELPER}

Rows = Mapping[str, Mapping[str, Any]]  # an idea's first title -> what its Backlog row shows


@dataclass
class Ending:
    """What a story came to."""

    faults: list[str]  # everything that went wrong, in words; empty when nothing did
    rows: Rows
    # (idea, column) whose value depends on an instant that nobody can see, or on who was first
    untold: set[tuple[str, str]]
    # edits of a cell between its last read and its write, or in a row that was deleted: nobody can see those
    in_the_instant: int
    # what people did that must outlast all, with ideas for keys
    edits: list[tuple[str, ...]]


def play_to_the_end(story: Story, steps: int) -> Ending:
    """Plays it, and takes everything back but what is told."""
    with transaction.atomic():
        story.play(steps)
        ideas = dict(IntakeSubmission.objects.values_list("initiative__initiative_key", "title"))
        ending = Ending(
            faults=list(_faults(story)),
            rows=_rows(story, ideas),
            untold={(ideas[key], name) for key, name in _untold(story)},
            in_the_instant=sum(edit.in_flight for edit in story.typed.values()),
            edits=[
                (what, ideas.get(about, about), *rest)
                for what, about, *rest in story.edits
                if what != "hand in" or about in ideas.values()  # some are withdrawn before anybody saw them
            ],
        )
        transaction.set_rollback(True)
    return ending


def differences_without_faults(ending: Ending) -> list[str]:
    """Where the story ended otherwise than the same edits do when each is synced at once and nothing goes wrong."""
    calm = _calm(ending.edits)
    if set(calm) != set(ending.rows):
        return [f"shown are {sorted(ending.rows)}, without faults {sorted(calm)}"]
    return [
        f"{idea}.{name} is {ending.rows[idea][name]!r}, without faults {value!r}"
        for idea, row in calm.items()
        for name, value in row.items()
        if (idea, name) not in ending.untold and ending.rows[idea][name] != value
    ]


def _untold(story: Story) -> Iterator[tuple[str, str]]:
    for at, typed in story.typed.items():
        stored = story.stored.get(at)
        # An analyst who was later may have met an edit that wasn't taken yet: then the PM's wins.
        if typed.in_flight or (stored and stored.when > typed.when):
            yield at


def _rows(story: Story, ideas: Mapping[str, str]) -> Rows:
    """By idea: keys differ from story to story, since those that were given in vain are gaps."""
    shown = _shown_by_key(story)
    return {ideas[key]: _lasting(row) for key, row in shown.items() if key in ideas}


def _lasting(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value or "" for name, value in row.items() if name not in _OF_THE_MOMENT}


def _calm(edits: list[tuple[str, ...]]) -> Rows:
    """The same edits, each synced at once."""
    with transaction.atomic():
        intake = MemoryWorkbook({"Wishes": [list(INTAKE_HEADER)]})
        backlog = MemoryWorkbook({"Backlog": [list(BACKLOG_HEADER)]})
        for role, title in (("intake", "Wishes"), ("backlog", "Backlog")):
            Workbook.objects.create(role=role, location=f"calm {role}", title=title)
        books = {"calm intake": intake, "calm backlog": backlog}
        for edit in edits:
            _make(edit, intake, backlog)
            sync_once(books.__getitem__)
        ideas = dict(IntakeSubmission.objects.values_list("initiative__initiative_key", "title"))
        rows = [dict(zip(BACKLOG_HEADER, row, strict=False)) for row in backlog.values("Backlog")[1:]]
        found = {ideas[row["initiative_key"]]: _lasting(row) for row in rows}
        transaction.set_rollback(True)
    return found


def _make(edit: tuple[str, ...], intake: MemoryWorkbook, backlog: MemoryWorkbook) -> None:
    what, idea, *rest = edit
    if what == "hand in":
        row = len(intake.values("Wishes"))
        intake.set_cell("Wishes", row, TITLE, idea)
        intake.set_cell("Wishes", row, COUNTRY, "UK")
        return
    name, value = rest
    key = IntakeSubmission.objects.get(title=idea).initiative.initiative_key
    if what == "store":
        initiative = Initiative.objects.get(initiative_key=key)
        setattr(initiative, name, value)
        initiative.save()
        return
    place = next(
        place
        for place, row in enumerate(backlog.values("Backlog"))
        if row[BACKLOG_HEADER.index("initiative_key")] == key
    )
    backlog.set_cell("Backlog", place, BACKLOG_HEADER.index(name), value)


# ---- what went wrong ---------------------------------------------------------------------------------------------------


def _faults(story: Story) -> Iterator[str]:
    yield from _intake_faults(story)
    yield from _backlog_faults(story)
    yield from _restless(story)


def _intake_faults(story: Story) -> Iterator[str]:
    # A key that landed late may stand alone, below where its row once was; whoever types beside it has it.
    rows = [row for row in story.intake.values("Wishes")[2:] if row[TITLE] is not None]
    told = _told_unclear()
    keys = [row[KEY] for row in rows]
    if len(set(keys) - {None}) != len(rows):
        yield f"an intake row without a key of its own: {keys}"
    said = dict(IntakeSubmission.objects.values_list("initiative__initiative_key", "title"))
    taken = set(said.values())
    if len(taken) != len(said) or Initiative.objects.count() != len(said):
        yield f"one row became two initiatives: {said}"
    wanted = {row[TITLE] for row in rows if row[KEY] not in told}
    if not wanted <= taken <= {*story.remarks.values(), *story.withdrawn}:
        yield f"taken were {sorted(taken)}, handed in {sorted(wanted)}, withdrawn {story.withdrawn}"
    for row in rows:
        if story.remarks.get(row[REMARKS]) != row[TITLE]:
            yield f"an intake row's own cells were mixed up: {row}"
        if row[KEY] not in told and said.get(row[KEY]) != row[TITLE]:
            yield f"the key {row[KEY]} is on the row of {row[TITLE]!r}, but was given to {said.get(row[KEY])!r}"


def _told_unclear() -> set[str]:
    """Keys on rows of which it can't be told whose they are, since rows moved in the very instant of a write, after which the process
    died; the rows say so and ask for a word."""
    states = TabState.objects.filter(workbook__role="intake")
    return {key for state in states for _row, key, why in state.problems if "may belong to another row" in why}


def _shown_rows(story: Story) -> list[dict[str, Any]]:
    """What the Backlog shows. An empty row that was inserted in the very instant of a write, after which the process died, may hold
    what was meant for the row that moved: nobody's, and said to be without a key."""
    rows = [dict(zip(BACKLOG_HEADER, row, strict=False)) for row in story.backlog.values("Backlog")[1:]]
    filled = [row for row in rows if any(value is not None for value in row.values())]
    return [
        row
        for row in filled
        if row["initiative_key"] or not str(row["run_status"]).startswith("FAILED: initiative_key is empty")
    ]


def _shown_by_key(story: Story) -> dict[str, dict[str, Any]]:
    return {str(row["initiative_key"]): row for row in _shown_rows(story)}


def _backlog_faults(story: Story) -> Iterator[str]:
    rows, shown = _shown_rows(story), _shown_by_key(story)
    initiatives = {initiative.initiative_key: initiative for initiative in Initiative.objects.all()}
    if sorted(shown) != sorted(initiatives) or len(shown) != len(rows):
        yield f"Backlog shows {len(rows)} rows of {sorted(shown)}, stored are {sorted(initiatives)}"
        return
    for key, initiative in initiatives.items():
        if (shown[key][HELPER] or "") != story.helpers.get(key, ""):
            yield f"{key}: the PM's own column says {shown[key][HELPER]!r}, she typed {story.helpers.get(key)!r}"
        for name in FOUGHT_OVER:
            yield from _cell_faults(story, key, name, shown[key].get(name) or "", getattr(initiative, name))


def _cell_faults(story: Story, key: str, name: str, shown: str, stored: str) -> Iterator[str]:
    if shown != stored:
        yield f"{key}.{name}: the sheet shows {shown!r}, stored is {stored!r}"
    typed, changed = story.typed.get((key, name)), story.stored.get((key, name))
    accepted = {edit.value for edit in (typed, changed) if edit}
    if typed and typed.in_flight:
        return  # typed into the very cell between its last read and the write: nobody can see that
    if typed and (not changed or typed.when > changed.when) and shown != typed.value:
        yield f"{key}.{name}: a PM's edit is lost: typed {typed.value!r}, the sheet shows {shown!r}"
    elif accepted and shown not in accepted:
        yield f"{key}.{name}: shows {shown!r}, which nobody gave it last: {accepted}"


def _restless(story: Story) -> Iterator[str]:
    writes = (story.intake.writes, story.backlog.writes)
    story.sync()
    if (story.intake.writes, story.backlog.writes) != writes:
        yield "a sync of unchanged sheets wrote something"
