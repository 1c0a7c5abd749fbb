"""Frameworks side by side: ranks, agreement, disagreements and what drives them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from productops.scores.ranking import Scores, agreements, disagreements, ranks_of, spearman

NONE = float("nan")
PAIRS = st.lists(st.tuples(*2 * [st.one_of(st.just(NONE), st.integers(-5, 5).map(float))]), min_size=3)


def column(*numbers):
    return np.array(numbers, float)


def test_the_greatest_number_is_first_and_equals_share_the_mean_of_their_places():
    assert ranks_of(column(5.0, 7.0, None, 5.0, 1.0)).tolist() == pytest.approx([2.5, 1.0, NONE, 2.5, 4.0], nan_ok=True)


@pytest.mark.parametrize(
    ("other", "rho"),
    [
        ((10.0, 20.0, 30.0, 40.0), 1.0),
        ((40.0, 30.0, 20.0, 10.0), -1.0),
        ((2.0, 1.0, 4.0, 3.0), 0.6),  # 1 - 6 * 4 / (4 * 15)
        ((1.0, 1.0, 1.0, 1.0), None),
        ((1.0, 2.0, None, None), None),
    ],
)
def test_rank_correlation_is_spearmans(other, rho):
    found = spearman(column(1.0, 2.0, 3.0, 4.0, 9.0), column(*other, None))
    assert found == (None if rho is None else pytest.approx(rho))


@given(PAIRS)
def test_the_correlation_is_the_same_both_ways_and_lies_between_minus_one_and_one(pairs):
    one, other = column(*pairs).T
    found = spearman(one, other)
    assert found == spearman(other, one)
    assert found is None or -1.0000001 <= found <= 1.0000001


@given(st.lists(st.integers(-5, 5).map(float)))
def test_ranks_add_up_to_those_of_a_list_without_ties(numbers):
    assert sum(ranks_of(column(*numbers))) == len(numbers) * (len(numbers) + 1) / 2


def scored(keys, rice, wsjf, **inputs):
    own = {
        name: {part: column(*numbers) for part, numbers in inputs.items() if part.startswith(name.lower())}
        for name in ("RICE", "WSJF")
    }
    return Scores(keys=list(keys), scores={"RICE": column(*rice), "WSJF": column(*wsjf)}, inputs=own)


LIST = scored(
    "dcbae",
    rice=(10.0, 30.0, 50.0, 90.0, 1.0),
    wsjf=(9.0, 6.0, 5.0, 1.0, None),
    rice_reach=(100.0, 300.0, 500.0, 900.0, None),
    rice_effort=(6.0, 3.0, 4.0, 5.0, None),
    wsjf_business_value=(9.0, 6.0, 5.0, 1.0, None),
    wsjf_job_size=(1.0, 2.0, 4.0, 3.0, None),
)
COSTS = ("rice_effort", "wsjf_job_size")


def test_each_pair_of_frameworks_is_compared_over_what_both_score():
    (found,) = agreements(LIST)
    assert (found.one, found.other, found.count, found.rho) == ("RICE", "WSJF", 4, pytest.approx(-1.0))


def test_what_the_frameworks_place_furthest_apart_comes_first_with_what_drives_it():
    first, *_others = found = disagreements(LIST, COSTS)
    assert [each.key for each in found] == ["a", "d", "b", "c"]
    assert (first.ranks, first.best, first.worst) == ({"RICE": 1.0, "WSJF": 4.0}, "RICE", "WSJF")
    assert first.distance == 1.0
    assert first.why == (
        "RICE places it high by rice_reach (900, better than 100 % of the others); "
        "WSJF places it low by wsjf_business_value (1, worse than 100 % of the others)"
    )


def test_a_few_are_told_as_they_stand_among_all():
    every = disagreements(LIST, COSTS)
    assert disagreements(LIST, COSTS, most=2) == every[:2]
    asked = np.array([key in "be" for key in LIST.keys])
    assert disagreements(LIST, COSTS, among=asked) == [each for each in every if each.key == "b"]


def test_of_a_cost_less_is_better():
    cheap = disagreements(
        scored("abc", rice=(9.0, 5.0, 1.0), wsjf=(1.0, 5.0, 9.0), rice_effort=(1.0, 9.0, None)),
        COSTS,
    )
    assert "RICE places it high by rice_effort (1, better than 100 % of the others)" in cheap[0].why


def test_one_framework_alone_disagrees_with_none():
    assert disagreements(scored("ab", rice=(9.0, 5.0), wsjf=(None, None)), COSTS) == []


def test_no_initiative_at_all_is_ranked_nowhere():
    nothing = scored("", rice=(), wsjf=())
    assert (disagreements(nothing, COSTS), agreements(nothing)[0].rho, nothing.counts) == (
        [],
        None,
        {"RICE": 0, "WSJF": 0},
    )
