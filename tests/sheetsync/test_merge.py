"""The merge, alone: every rule of one cell, and every order of edits, crashes, lost answers and late writes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetsync.syncing.merge import NO_BASE, Attempt, RowMemory, Turn, find_strays, merge_row, settle

values = st.one_of(
    st.none(), st.booleans(), st.floats(allow_nan=False), st.text(max_size=3), st.lists(st.text(max_size=2), max_size=2)
)


@given(values)
def test_what_agrees_on_all_sides_stays_as_it_is(value: object) -> None:
    settled = settle(sheet=value, base=value, db=value, blank="")
    assert (settled.turn, settled.base) == (Turn.NOBODY, value)


@pytest.mark.parametrize(
    ("sheet", "base", "db", "turn"),
    [
        ("new", "old", "old", Turn.SHEET),
        ("old", "old", "new", Turn.DB),
        ("hers", "old", "his", Turn.BOTH),
        ("new", "old", "new", Turn.NOBODY),
        ("", "old", "old", Turn.SHEET),  # an emptied cell is an edit
        ("", NO_BASE, "stored", Turn.DB),  # a new column, or a new row: nobody emptied anything
        ("typed", NO_BASE, "", Turn.SHEET),
        ("typed", NO_BASE, "stored", Turn.BOTH),
    ],
)
def test_the_side_that_changed_has_its_way(sheet: str, base: object, db: str, turn: Turn) -> None:
    assert settle(sheet=sheet, base=base, db=db, blank="").turn is turn


def test_our_own_write_seen_again_is_no_edit() -> None:
    settled = settle(sheet="sent", base="old", db="newer", blank="", attempts=[Attempt("sent", 0.0)])
    assert (settled.turn, settled.base) == (Turn.DB, "sent")


def test_a_row_is_planned_cell_by_cell_and_conflicts_name_all_three_values() -> None:
    memory = RowMemory(base={"a": 1, "b": 1, "c": 1})
    plan = merge_row(
        sheet={"a": 2, "b": 2, "c": 1}, db={"a": 1, "b": 3, "c": 4}, blanks=dict.fromkeys("abc"), memory=memory
    )
    assert plan.takes == {"a": 2, "b": 2}
    assert plan.conflicts == {"b": (1, 2, 3)}
    assert plan.base == {"a": 2, "b": 2, "c": 1}


def test_attempts_are_forgotten_only_when_a_read_came_after_they_could_land() -> None:
    memory = RowMemory(attempts={"a": [Attempt("x", 10.0), Attempt("y", 20.0)]})
    memory.forget_settled_attempts(read_began=15.0)
    assert memory.attempts == {"a": [Attempt("y", 20.0)]}


def test_one_answer_forgets_one_of_two_equal_attempts() -> None:
    memory = RowMemory(attempts={"a": [Attempt("x", 10.0), Attempt("x", 20.0)]})
    memory.landed("a", "x")
    assert memory.attempts == {"a": [Attempt("x", 20.0)]}
    assert memory.base == {"a": "x"}


def test_memory_survives_storage() -> None:
    memory = RowMemory(base={"a": 1}, attempts={"a": [Attempt("x", 10.0, 4)]})
    assert RowMemory.from_json(memory.base, memory.pending_json()) == memory


def test_a_value_that_landed_in_another_row_is_a_stray_there() -> None:
    memories = {"k1": RowMemory(base={"a": "old"}, attempts={"a": [Attempt("sent", 0.0, 5)]})}
    shown = {"k1": (6, {"a": "old"}), "k2": (5, {"a": "sent"})}
    assert find_strays(shown, memories) == {"k2": {"a": "sent"}}


@pytest.mark.parametrize(
    "shown",
    [
        {"k1": (5, {"a": "sent"}), "k2": (6, {"a": "sent"})},  # it landed where it belongs; the other one was typed
        {"k1": (5, {"a": "old"}), "k2": (6, {"a": "sent"})},  # nothing moved: a person typed the same elsewhere
        {"k1": (6, {"a": "old"}), "k2": (5, {"a": "typed"})},
    ],
)
def test_what_a_person_typed_is_no_stray(shown: dict[str, tuple[int, dict[str, str]]]) -> None:
    memories = {"k1": RowMemory(base={"a": "old"}, attempts={"a": [Attempt("sent", 0.0, 5)]})}
    assert find_strays(shown, memories) == {}


def test_a_write_that_was_repeated_may_still_land_late_in_the_row_that_took_its_place() -> None:
    memory = RowMemory(base={"a": "old"}, attempts={"a": [Attempt("sent", 90.0, 5), Attempt("sent", 95.0, 4)]})
    memory.landed("a", "sent", row=4)
    assert memory.attempts == {"a": [Attempt("sent", 90.0, 5)]}
    shown = {"k1": (4, {"a": "sent"}), "k2": (5, {"a": "sent"})}
    assert find_strays(shown, {"k1": memory}) == {"k2": {"a": "sent"}}


def test_a_write_that_is_seen_in_its_own_row_hit_no_other() -> None:
    memory = RowMemory(base={"a": "old"}, attempts={"a": [Attempt("sent", 90.0, 5)]})
    memory.seen("a", "sent", row=4)
    memory.base["a"] = "sent"
    assert memory.attempts == {"a": [Attempt("sent", 90.0)]}
    assert find_strays({"k1": (4, {"a": "sent"}), "k2": (5, {"a": "sent"})}, {"k1": memory}) == {}


def test_an_answer_dates_the_attempt_that_it_is_about_and_no_earlier_one() -> None:
    memory = RowMemory(attempts={"a": [Attempt("x", 90.0, 5), Attempt("y", 95.0, 5), Attempt("y", 99.0, 5)]})
    memory.date("a", "y", 5, 0.0)
    assert memory.attempts == {"a": [Attempt("x", 90.0, 5), Attempt("y", 95.0, 5), Attempt("y", 0.0, 5)]}


# ---- every order of events for one cell ------------------------------------------------------------------------------------------------
# A person types in the sheet, an analyst changes the DB, the engine syncs with the real `settle` and `RowMemory`. It may crash between any
# two steps, an answer may be lost, a write may land late. Values are numbers that count up, so every edit is told from every other.

LATE = 1e9  # an attempt that may still land; the check's clock stands at 0 until no write is under way


@dataclass(frozen=True)
class World:
    sheet: int = 0
    db: int = 0
    base: int = 0
    attempts: tuple[int, ...] = ()
    step: str = "idle"
    read: int = 0
    calm: bool = False  # nothing could land any more when the read was made
    wanted: int = 0
    next_value: int = 1
    person_edits: int = 2
    analyst_edits: int = 2
    crashes: int = 1
    late_writes: int = 1
    late: tuple[int, ...] = ()
    typed: int | None = None  # the person's latest edit that the DB hasn't taken
    changed: int | None = None  # the analyst's latest edit that the sheet hasn't taken

    def memory(self) -> RowMemory:
        attempts = [Attempt(value, LATE) for value in self.attempts]
        return RowMemory(base={"c": self.base}, attempts={"c": attempts} if attempts else {})

    def remember(self, memory: RowMemory) -> World:
        return replace(
            self, base=memory.base["c"], attempts=tuple(attempt.value for attempt in memory.attempts.get("c", ()))
        )


def engine_steps(world: World, *, quiet: bool = False) -> Iterator[World]:
    idle = {"step": "idle", "read": 0, "calm": False, "wanted": 0}
    if world.step == "idle":
        yield replace(world, step="merge", read=world.sheet, calm=not world.late)
    elif world.step == "merge":
        yield merged(world)
    elif world.step == "reread":
        yield replace(world, **idle) if world.sheet != world.read else replace(world, step="write")  # type: ignore[arg-type]
    elif world.step == "write":
        typed = (
            None if world.typed == world.sheet else world.typed
        )  # typed between the last read and the write: nobody can see that
        landed = replace(world, sheet=world.wanted, typed=typed)
        yield replace(landed, step="answered")
        if not quiet:
            yield replace(landed, **idle)  # type: ignore[arg-type]  # landed, the answer is lost
            if world.late_writes:
                yield replace(world, late=(*world.late, world.wanted), late_writes=world.late_writes - 1, **idle)  # type: ignore[arg-type]
    elif world.step == "answered":
        memory = world.memory()
        memory.landed("c", world.wanted)
        changed = None if world.changed == world.wanted else world.changed
        yield replace(world.remember(memory), changed=changed, **idle)  # type: ignore[arg-type]


def merged(world: World) -> World:
    memory = world.memory()
    plan = merge_row(sheet={"c": world.read}, db={"c": world.db}, blanks={"c": None}, memory=memory)
    memory.base = plan.base
    if world.calm:
        memory.forget_settled_attempts(read_began=LATE)
    after = world.remember(memory)
    if "c" in plan.takes:
        after = replace(after, db=plan.takes["c"])
    if after.db == world.read:
        typed = None if world.typed == world.read else world.typed
        return replace(after, step="idle", read=0, calm=False, wanted=0, typed=typed, changed=None)
    return replace(after, step="reread", wanted=after.db, attempts=tuple(sorted((*after.attempts, after.db))))


def steps(world: World) -> Iterator[World]:
    if world.person_edits:
        value = world.next_value
        yield replace(world, sheet=value, typed=value, next_value=value + 1, person_edits=world.person_edits - 1)
    if world.analyst_edits:
        value = world.next_value
        yield replace(world, db=value, changed=value, next_value=value + 1, analyst_edits=world.analyst_edits - 1)
    if world.crashes and world.step != "idle":
        yield replace(world, crashes=world.crashes - 1, step="idle", read=0, calm=False, wanted=0)
    for place, value in enumerate(world.late):
        typed = None if world.typed == world.sheet else world.typed
        yield replace(world, sheet=value, typed=typed, late=world.late[:place] + world.late[place + 1 :])
    yield from engine_steps(world)


def settled(world: World) -> World:
    for _ in range(24):
        world = next(engine_steps(world, quiet=True))
    while world.step != "idle":
        world = next(engine_steps(world, quiet=True))
    return world


def test_no_order_of_edits_crashes_and_late_writes_loses_an_edit() -> None:
    start = World()
    seen, queue = {start}, deque([start])
    ends = 0
    while queue:
        world = queue.popleft()
        if world.step == "idle" and not world.late:
            ends += 1
            end = settled(world)
            assert end.sheet == end.db, f"never converges: {world}"
            if world.typed is not None and world.typed == world.sheet:
                assert end.sheet == world.typed, f"a person's edit is lost: {world}"
            if world.changed is not None and world.typed is None and world.db == world.changed:
                assert end.db == world.changed, f"an analyst's edit is undone though nobody typed: {world}"
        for after in steps(world):
            if after not in seen:
                seen.add(after)
                queue.append(after)
    assert ends > 1000
