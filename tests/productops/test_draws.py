"""Draws of a range: which distribution, which numbers exactly, and what leaves them as they are."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from productops.spreads.draws import Numbers, Range, Shape, drawn, range_of, uniforms

CHANCES = (np.arange(2_000) + 0.5) / 2_000


def draws_of(low: float, value: float, high: float, shape: Shape = Shape.PERT, chances: Numbers = CHANCES) -> Numbers:
    return drawn(Range(low=low, value=value, high=high), shape, chances)


def of_uplift(**changes: object) -> Numbers:
    given: dict[str, object] = {"seed": 7, "owner": "INIT-000001", "name": "uplift", "count": 5, **changes}
    return uniforms(**given)  # type: ignore[arg-type]


# Random numbers


def test_the_same_seed_owner_and_name_give_the_same_numbers_on_any_machine() -> None:
    golden = [0.29590749031995783, 0.5326951711850134, 0.5075495637232275, 0.04110168863425562, 0.8492295848372011]
    assert of_uplift() == pytest.approx(golden, rel=1e-15)


@pytest.mark.parametrize("change", [{"seed": 8}, {"owner": "INIT-000002"}, {"name": "uplifts"}], ids=str)
def test_another_seed_owner_or_name_gives_other_numbers(change: dict[str, object]) -> None:
    assert not np.isin(of_uplift(**change), of_uplift()).any()


def test_the_first_draws_are_the_same_however_many_are_made() -> None:
    assert of_uplift(count=100)[:5].tolist() == of_uplift().tolist()


def test_draws_can_be_made_block_by_block() -> None:
    blocks = [of_uplift(count=40, first=first) for first in (0, 40, 80)]
    assert np.concatenate(blocks).tolist() == of_uplift(count=120).tolist()


def test_random_numbers_lie_between_0_and_1_and_spread_evenly() -> None:
    numbers = of_uplift(count=100_000)
    assert 0.0 < numbers.min() < numbers.max() < 1.0
    counts, _edges = np.histogram(numbers, bins=10, range=(0, 1))
    assert counts == pytest.approx(np.full(10, 10_000), rel=0.05)


# Distributions


def _beta_chances(places: Numbers, successes: int) -> Numbers:
    """The chance that a beta distribution whose shapes are whole, and add up to 6, lies below each place."""
    return np.sum([comb(5, k) * places**k * (1 - places) ** (5 - k) for k in range(successes, 6)], axis=0)


@pytest.mark.parametrize(("value", "successes"), [(0.0, 1), (0.25, 2), (0.5, 3), (0.75, 4), (1.0, 5)])
def test_pert_is_the_beta_distribution_that_its_value_names(value: float, successes: int) -> None:
    # Where the distribution function is a polynomial, the draws must give their chances back.
    assert _beta_chances(draws_of(0.0, value, 1.0), successes) == pytest.approx(CHANCES, abs=1e-5)


@pytest.mark.parametrize("value", [10.0, 12.5, 17.3, 20.0])
def test_pert_has_the_mean_and_the_deviation_that_planners_know(value: float) -> None:
    draws = draws_of(10.0, value, 20.0)
    mean = (10.0 + 4 * value + 20.0) / 6
    assert draws.mean() == pytest.approx(mean, rel=1e-4)
    assert draws.var() == pytest.approx((mean - 10.0) * (20.0 - mean) / 7, rel=2e-3)


def test_a_triangle_falls_in_straight_lines() -> None:
    draws = draws_of(0.0, 1.0, 4.0, Shape.TRIANGULAR)
    below = np.where(draws < 1.0, draws**2 / 4.0, 1.0 - (4.0 - draws) ** 2 / 12.0)
    assert below == pytest.approx(CHANCES, abs=1e-12)


def test_a_uniform_range_ignores_the_value() -> None:
    assert draws_of(-2.0, 1.9, 2.0, Shape.UNIFORM) == pytest.approx(-2.0 + 4.0 * CHANCES)


@given(
    st.lists(st.floats(-1e18, 1e18), min_size=3, max_size=3, unique=True),
    st.sampled_from(Shape),
)
def test_draws_stay_in_their_range_and_rise_with_their_chances(numbers: list[float], shape: Shape) -> None:
    low, value, high = sorted(numbers)
    draws = draws_of(low, value, high, shape)
    assert low <= draws.min() <= draws.max() <= high
    assert (np.diff(draws) >= 0).all()


# What is a range


def test_three_numbers_in_order_are_a_range() -> None:
    assert range_of(low=1.0, value=2.0, high=4.0) == Range(low=1.0, value=2.0, high=4.0)


@pytest.mark.parametrize(
    ("low", "value", "high", "said"),
    [
        (1.0, None, 3.0, "has no value"),
        (None, 2.0, None, "has no range"),
        (None, 2.0, 3.0, "has no min"),
        (1.0, 2.0, None, "has no max"),
        (1.0, 4.0, 3.0, "outside its min and max"),
        (3.0, 2.0, 1.0, "outside its min and max"),
        (2.0, 2.0, 2.0, "min that equals its max"),
        (-1e19, 2.0, 3.0, "beyond 1e18"),
        (1.0, 2.0, float("inf"), "beyond 1e18"),
    ],
)
def test_what_is_no_range_is_constant_and_says_why(
    low: float | None, value: float | None, high: float | None, said: str
) -> None:
    reason = range_of(low=low, value=value, high=high)
    assert isinstance(reason, str)
    assert said in reason
