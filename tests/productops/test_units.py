"""Units in people's words: what is understood, how it is said again, what was probably meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from productops.units.quantities import PLAIN, Unit, nearest_unit, product, read_unit, simplified, understood


def unit(text: str) -> Unit:
    read = read_unit(text)
    assert read is not None, text
    return read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("GBP", "GBP"),
        ("£", "GBP"),
        ("eur", "EUR"),
        ("pounds", "GBP"),
        ("GBP per month", "GBP/month"),
        ("GBP a month", "GBP/month"),
        ("GBP/user/month", "GBP/user/month"),
        ("GBP per user per month", "GBP/user/month"),
        ("GBP/(user*month)", "GBP/user/month"),
        ("GBP p.a.", "GBP/year"),
        ("USD yearly", "USD/year"),
        ("k£", "thousand·GBP"),
        ("£m", "million·GBP"),
        ("kGBP", "thousand·GBP"),
        ("%", "%"),
        ("percentage points", "%"),
        ("% of visits", "%"),
        ("fraction", "a plain number"),
        ("share of users", "a plain number"),
        ("NPS", "a plain number"),
        ("users", "users"),
        ("User", "users"),
        ("people", "people"),
        ("diners/month", "diners/month"),
        ("monthly active users", "users"),
        ("support tickets", "tickets"),
        ("number of orders", "orders"),
        ("deliveries", "deliveries"),
        ("person-days", "people·days"),
        ("working days", "days"),
        ("hrs", "hours"),
        ("min/ticket", "minutes/ticket"),
        ("1/month", "1/month"),
        ("per month", "1/month"),
        ("ms", "milliseconds"),
        ("kWh", "kilowatt hour"),
        ("MB per request", "megabyte/request"),
    ],
)
def test_what_people_write_is_understood_and_said_again(text: str, said: str) -> None:
    assert str(unit(text)) == said


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("frction", "fraction"),
        ("GPB", "GBP"),
        ("usrs", "users"),
        ("minuts", "minutes"),
        ("GBPP per month", "GBP/month"),
        ("GBP/mnth", "GBP/month"),
        ("ordrs", "orders"),
        ("hourz", "hours"),
        ("doubloons", None),
        ("stars out of five", None),
        ("GBP per", None),
        ("GBP//day", None),
        ("__import__('os')", None),
        ("9**9**9", None),
        ("k", None),
        ("x" * 61, None),
    ],
)
def test_what_is_not_understood_has_the_nearest_where_there_is_one(text: str, nearest: str | None) -> None:
    assert not understood(text)
    assert nearest_unit(text) == nearest


def test_no_unit_says_nothing_and_is_fine() -> None:
    assert understood(" ")
    assert read_unit(" ") is None


@given(st.text(max_size=80))
def test_any_text_is_either_understood_or_not(text: str) -> None:
    assert understood(text) in (True, False)
    assert nearest_unit(text) is None or understood(str(nearest_unit(text)))


def test_what_cancels_is_gone() -> None:
    assert unit("GBP/user").by(unit("users")) == unit("GBP")
    assert unit("GBP").by(unit("GBP"), -1.0) == PLAIN


def test_currencies_are_kinds_of_their_own_and_all_that_is_counted_is_one() -> None:
    assert unit("GBP").dimensions != unit("EUR").dimensions
    assert unit("users").dimensions == unit("orders").dimensions != PLAIN.dimensions


@pytest.mark.parametrize(
    ("one", "other", "times"),
    [
        ("year", "month", 12),
        ("year", "quarter", 4),
        ("hour", "minutes", 60),
        ("kGBP", "GBP", 1000),
        ("%", "bps", 100),
    ],
)
def test_sizes_of_one_kind_compare(one: str, other: str, times: float) -> None:
    assert unit(one).ratio(unit(other)) == pytest.approx(times)
    assert unit(one).magnitude > unit(other).magnitude


@pytest.mark.parametrize(
    ("powers", "said"),
    [
        ([("GBP", 1.0), ("visit", 1.0), ("order", -1.0)], "GBP"),
        ([("GBP", 1.0), ("user", -1.0)], "GBP/user"),
        ([("booking", 1.0), ("count", 1.0)], "bookings"),
        ([("booking", -1.0), ("cover", 1.0), ("user", 1.0)], "covers"),
        ([("booking", -1.0), ("cover", 1.0), ("user", 1.0), ("month", -1.0)], "covers/month"),
        ([("count", 1.0)], "a plain number"),
        ([("user", 1.0), ("order", -1.0)], "users/order"),
    ],
)
def test_a_unit_is_simplified_to_what_people_say(powers: list[tuple[str, float]], said: str) -> None:
    assert str(simplified(product(powers))) == said


def test_powers_are_said() -> None:
    assert str(product([("user", 2.0)])) == "users²"
    assert str(product([("GBP", 0.5)])) == "GBP^0.5"
