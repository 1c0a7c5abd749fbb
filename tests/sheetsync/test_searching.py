"""What words mean in a search, alike on both databases; and that large tables aren't read for it."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.db import DatabaseError, connection

from backlog.models import Initiative
from productops.models import InitiativeParam
from sheetsync import checkups
from sheetsync.admin import searching, word_indexes
from sheetsync.admin.searching import LONGEST, MOST_WORDS, search, words_of
from sheetsync.admin.word_indexes import index_name, make_word_indexes, searched_columns
from sheetsync.operating.doctor import Verdict
from tests.admin_pages import initiative, param

pytestmark = pytest.mark.django_db
FIELDS = ("initiative_key", "title", "requester_name")
OF_PARAMS = ("initiative__initiative_key", "initiative__title", "param_name", "source")
ON_POSTGRESQL = pytest.mark.skipif(connection.vendor != "postgresql", reason="indexes of PostgreSQL")


@pytest.fixture(autouse=True)
def a_few() -> None:
    for number, title in enumerate(
        ("Faster checkout", "AI for search", "Gift cards (50% off)", "Mail in the UK"), start=1
    ):
        owner = initiative(number, title=title, requester_name="Olga")
        param(owner, param_name="uplift", source="Web statistics")
    param(None, param_name="basket", source="Finance")


def found(typed: str, fields: Any = FIELDS) -> str:
    keys = search(Initiative.objects.order_by("pk"), fields, typed).values_list("initiative_key", flat=True)
    return " ".join(str(int(key[-6:])) for key in keys)


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("checkout", "1"),
        ("CHECKout", "1"),
        ("heckou", "1"),  # inside a word
        ("checkout faster", "1"),  # in any order
        ("olga search", "2"),  # in different fields
        ("checkout search", ""),  # every word
        ("init-000003", "3"),
        ("000003", "3"),
        ("ai", "2"),  # short words begin a word: not Mail
        ("uk", "4"),
        ("u", "4"),
        ("00", "1 2 3 4"),  # after a hyphen
        ("50%", "3"),  # no wildcard
        ("_", ""),
        ('"faster check"', "1"),
        ('"check faster"', ""),
        ('"', ""),
        ("olga", "1 2 3 4"),
        ("nothing", ""),
        ("", "1 2 3 4"),
    ],
)
def test_what_words_find(typed: str, numbers: str) -> None:
    assert found(typed) == numbers


@pytest.mark.parametrize("typed", ["über", "ÜBER", "Über", "größe", "Üb", "GRÖSSE", "gr"])
def test_capitals_beyond_a_to_z_are_alike_on_every_database(typed: str) -> None:
    initiative(5, title="Über Größe")
    initiative(6, title="über GRÖSSE")
    assert found(typed) == ("6" if typed == "GRÖSSE" else "5 6")


@pytest.mark.parametrize("few", [0, 1, 100])
@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("checkout", ["uplift"]),
        ("checkout uplift", ["uplift"]),  # one word of the initiative, one of its own
        ("statistics", ["uplift"] * 4),
        ("a", ["uplift"]),
        ("finance", ["basket"]),
        ("init", ["uplift"] * 4),
        ("finance init", []),
    ],
)
def test_words_of_the_initiative_find_what_hangs_on_it_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch, few: int, typed: str, names: list[str]
) -> None:
    monkeypatch.setattr(searching, "FEW", few)
    records = search(InitiativeParam.objects.order_by("pk"), OF_PARAMS, typed)
    assert [record.param_name for record in records] == names


def test_a_search_that_nobody_means_finds_nothing() -> None:
    assert found("x" * (LONGEST + 1)) == found("ini\0t") == ""
    assert found("init " * (LONGEST // 5)) == "1 2 3 4"
    assert len(words_of(" ".join(map(str, range(50))))) == MOST_WORDS


# ---- indexes ---------------------------------------------------------------------------------------------------------------------------


def made() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE starts_with(indexname, 'words_of_')")
        return dict(cursor.fetchall())


def test_what_pages_search_in_is_known_by_table() -> None:
    columns = searched_columns()
    assert columns["backlog_initiative"] == [
        "initiative_key",
        "metric_chain_json",
        "program_key",
        "requester_email",
        "requester_name",
        "title",
    ]
    assert "initiative__title" not in columns["productops_initiativeparam"]
    names = [index_name(table, held) for table, held in columns.items()]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 63


@ON_POSTGRESQL
def test_the_indexes_are_made_with_the_database_and_follow_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(made()) == {index_name(table, columns) for table, columns in searched_columns().items()}
    fewer = {"backlog_initiative": ["title"]}
    monkeypatch.setattr(word_indexes, "searched_columns", lambda: fewer)
    make_word_indexes(using="default")
    assert set(made()) == {index_name("backlog_initiative", ["title"])}


@ON_POSTGRESQL
@pytest.mark.parametrize("typed", ["checkout", "ai"])
def test_a_search_goes_by_its_index(typed: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = search(Initiative.objects.order_by(), FIELDS, typed).explain()
    assert "words_of_backlog_initiative" in plan
    assert "Seq Scan" not in plan


@ON_POSTGRESQL
def test_without_the_extension_nothing_is_made_and_searches_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm CASCADE")
    monkeypatch.setattr(word_indexes, "EXTENSION", "no_such_extension")
    make_word_indexes(using="default")
    assert made() == {}
    assert found("checkout") == "1"
    assert [finding.verdict for finding in checkups.searches()] == [Verdict.WARNING]


def test_other_databases_are_left_alone() -> None:
    with (
        mock.patch.object(connection, "vendor", "sqlite"),
        mock.patch.object(connection, "cursor", side_effect=DatabaseError),
    ):
        make_word_indexes(using="default")
