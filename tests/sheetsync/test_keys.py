"""Keys: taken once, reserved before they are written, judged when they are seen."""

from __future__ import annotations

import threading

import pytest
from django.db import connections, transaction

from sheetsync.models import KeyReservation, Workbook
from sheetsync.syncing.keys import KeyDesk, KeyFate, Lost, take_numbers
from sheetsync.syncing.view import SheetRow

pytestmark = pytest.mark.django_db
NOW = 1_700_000_000.0


def desk(now: float = NOW) -> KeyDesk:
    workbook, _made = Workbook.objects.get_or_create(location="wishes", defaults={"role": "intake"})
    return KeyDesk(workbook=workbook, tab="Wishes", prefix="INIT-", now=now)


def rows(count: int) -> list[SheetRow]:
    return [SheetRow(index, {}, "") for index in range(1, count + 1)]


def test_numbers_go_on_and_never_come_again():
    assert [*take_numbers("INIT-", 3), *take_numbers("INIT-", 2), *take_numbers("PROG-", 1)] == [1, 2, 3, 4, 5, 1]


@pytest.mark.django_db(transaction=True)
def test_two_processes_never_take_the_same_number():
    taken: list[int] = []

    def take() -> None:
        try:
            for _ in range(5):
                taken.extend(take_numbers("INIT-", 3))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 61))


def test_each_row_gets_a_key_of_its_own_which_is_stored_with_the_rows_text():
    first, second = rows(2)
    keys = desk().reserve({first: "text one", second: "text two"}, until=NOW + 30)
    assert keys == {first: "INIT-000001", second: "INIT-000002"}
    stored = KeyReservation.objects.order_by("key").values_list("key", "row_text", "may_land_until", "taken_at")
    assert list(stored) == [
        ("INIT-000001", "text one", NOW + 30, None),
        ("INIT-000002", "text two", NOW + 30, None),
    ]


def test_a_rolled_back_reservation_leaves_nothing():
    (row,) = rows(1)
    with transaction.atomic():
        desk().reserve({row: "text"}, until=0.0)
        transaction.set_rollback(True)
    assert not KeyReservation.objects.exists()


def test_one_must_wait_while_a_write_could_still_land():
    (row,) = rows(1)
    desk().reserve({row: "text"}, until=NOW + 30)
    assert desk(NOW).must_wait
    assert not desk(NOW + 31).must_wait
    desk().date(["INIT-000001"], until=0.0)
    assert not desk(NOW).must_wait
    desk().date(["INIT-000001"], until=NOW + 60)
    KeyReservation.objects.update(taken_at="2026-01-01T00:00:00Z")
    assert not desk(NOW).must_wait, "a key that was taken has landed"


@pytest.mark.parametrize(
    ("key", "text", "lost", "fate", "owner"),
    [
        ("INIT-000001", "meant for", [], KeyFate.NEW, ""),
        ("init-000001", "meant for", [], KeyFate.NEW, ""),
        ("INIT-000001", "retyped", [], KeyFate.NEW, ""),  # nothing is lost that it could belong to
        ("INIT-000001", "meant for", [Lost(key="INIT-7", text="other")], KeyFate.NEW, ""),
        ("INIT-000001", "known's", [Lost(key="INIT-7", text="known's")], KeyFate.STRAY, "INIT-7"),
        ("INIT-000001", "retyped", [Lost(key="INIT-7", text="other")], KeyFate.UNCLEAR, ""),
        (
            "INIT-000001",
            "known's",
            [Lost(key="INIT-7", text="known's"), Lost(key="INIT-8", text="known's")],
            KeyFate.UNCLEAR,
            "",
        ),
        ("INIT-000001", "meant for", [Lost(key="INIT-7", text="meant for")], KeyFate.NEW, ""),
        ("INIT-000099", "typed", [], KeyFate.FOREIGN, ""),
    ],
)
def test_what_a_key_on_a_row_means(key, text, lost, fate, owner):
    (row,) = rows(1)
    desk().reserve({row: "meant for"}, until=0.0)
    assert desk().judge(key, text, lost, known=False) == (fate, owner)
    assert desk().judge(key, text, lost, known=True) == (KeyFate.KNOWN, "")


def test_a_key_of_another_tab_is_foreign():
    (row,) = rows(1)
    desk().reserve({row: "text"}, until=0.0)
    other = KeyDesk(workbook=Workbook.objects.get(), tab="Elsewhere", prefix="INIT-", now=NOW)
    assert other.judge("INIT-000001", "text", [], known=False) == (KeyFate.FOREIGN, "")
