"""What is remembered of a tab's rows between syncs: marks for all, bases and attempts for those asked for."""

from __future__ import annotations

import pytest

from sheetsync.models import RowState, Workbook
from sheetsync.syncing.merge import Attempt
from sheetsync.syncing.rowstates import TabMemory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workbook() -> Workbook:
    return Workbook.objects.create(role="backlog", location="b")


def fresh(workbook: Workbook, tab: str = "Backlog") -> TabMemory:
    memory = TabMemory(workbook, tab)
    memory.load_marks()
    return memory


def remember(memory: TabMemory, key: str, **base: object) -> None:
    memory.load_rows([key])
    memory.rows[key].base = dict(base)
    memory.mark(key)
    memory.save()


def test_what_was_saved_is_loaded_again(workbook):
    memory = fresh(workbook)
    memory.load_rows(["k1"])
    memory.rows["k1"].base = {"title": "one", "tokens": 5.0, "days": None, "keys": ["A"]}
    memory.rows["k1"].attempts = {"title": [Attempt("two", 30.0, 4), Attempt("two", 40.0, 5)]}
    mark = memory.mark("k1")
    mark.verdict, mark.notice, mark.sheet_digest, mark.db_digest = "OK", "look", "s", "d"
    memory.save()
    again = fresh(workbook)
    again.load_rows(["k1"])
    assert again.rows["k1"] == memory.rows["k1"]
    loaded = again.marks["k1"]
    assert (loaded.verdict, loaded.notice, loaded.sheet_digest, loaded.db_digest) == ("OK", "look", "s", "d")
    assert loaded.has_pending
    assert loaded.is_present


def test_a_row_is_one_state_however_often_it_is_saved(workbook):
    for title in ("one", "two", "three"):
        remember(fresh(workbook), "k1", title=title)
    assert RowState.objects.get().base == {"title": "three"}


def test_tabs_and_workbooks_are_kept_apart(workbook):
    other = Workbook.objects.create(role="backlog", location="c")
    remember(fresh(workbook), "k1", title="one")
    remember(fresh(workbook, "Elsewhere"), "k1", title="two")
    remember(fresh(other), "k1", title="three")
    for memory, title in [(fresh(workbook), "one"), (fresh(workbook, "Elsewhere"), "two"), (fresh(other), "three")]:
        memory.load_rows(["k1"])
        assert memory.rows["k1"].base == {"title": title}


def test_only_what_was_touched_is_written(workbook, django_assert_num_queries):
    remember(fresh(workbook), "k1", title="one")
    memory = fresh(workbook)
    memory.load_rows(["k1"])
    memory.rows["k1"].base = {"title": "changed, but not marked"}
    with django_assert_num_queries(0):
        memory.save()
    assert RowState.objects.get().base == {"title": "one"}


@pytest.mark.parametrize("wanted", [1, 40, 1200])
def test_rows_are_loaded_in_few_queries_and_unknown_ones_are_empty(workbook, wanted, django_assert_max_num_queries):
    memory = fresh(workbook)
    keys = [f"k{number}" for number in range(1200)]
    memory.load_rows(keys)
    for key in keys:
        memory.rows[key].base = {"title": key}
        memory.mark(key)
    memory.save()
    again = fresh(workbook)
    with django_assert_max_num_queries(3):
        again.load_rows([*keys[:wanted], "new"])
    assert all(again.rows[key].base == {"title": key} for key in keys[:wanted])
    assert again.rows["new"].base == {}


def test_rows_that_went_are_noted_and_keep_what_is_known_of_them(workbook):
    memory = fresh(workbook)
    for key in ("k1", "k2", "k3"):
        remember(memory, key, title=key)
    memory.vanished({"k2"})
    stored = RowState.objects.order_by("row_key").values_list("row_key", "is_present", "base")
    assert list(stored) == [
        ("k1", False, {"title": "k1"}),
        ("k2", True, {"title": "k2"}),
        ("k3", False, {"title": "k3"}),
    ]
    assert [fresh(workbook).marks[key].is_present for key in ("k1", "k2", "k3")] == [False, True, False]
