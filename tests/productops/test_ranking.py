"""Frameworks side by side: ranks, agreement, disagreements and what drives them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from productops.scores.ranking import Scored, agreements, disagreements, ranks_of, spearman

FRAMEWORKS = ("RICE", "WSJF")
SCORES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-5, 5).map(float), min_size=3)


def test_the_greatest_number_is_first_and_equals_share_the_mean_of_their_places():
    assert ranks_of({"a": 5.0, "b": 7.0, "c": 5.0, "d": 1.0}) == {"b": 1.0, "a": 2.5, "c": 2.5, "d": 4.0}


@pytest.mark.parametrize(
    ("other", "rho"),
    [
        ({"a": 10.0, "b": 20.0, "c": 30.0, "d": 40.0}, 1.0),
        ({"a": 40.0, "b": 30.0, "c": 20.0, "d": 10.0}, -1.0),
        ({"a": 2.0, "b": 1.0, "c": 4.0, "d": 3.0}, 0.6),  # 1 - 6 * 4 / (4 * 15)
        ({"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0}, None),
        ({"a": 1.0, "b": 2.0}, None),
    ],
)
def test_rank_correlation_is_spearmans(other, rho):
    found = spearman({"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0, "e": 9.0}, other)
    assert found == (None if rho is None else pytest.approx(rho))


@given(SCORES, SCORES)
def test_the_correlation_is_the_same_both_ways_and_lies_between_minus_one_and_one(one, other):
    found = spearman(one, other)
    assert found == spearman(other, one)
    assert found is None or -1.0000001 <= found <= 1.0000001


@given(SCORES)
def test_ranks_add_up_to_those_of_a_list_without_ties(numbers):
    assert sum(ranks_of(numbers).values()) == len(numbers) * (len(numbers) + 1) / 2


def scored(key, rice=None, wsjf=None, **inputs):
    scores = {name: value for name, value in (("RICE", rice), ("WSJF", wsjf)) if value is not None}
    own = {name: {part: number for part, number in inputs.items() if part.startswith(name.lower())} for name in scores}
    return Scored(key=key, scores=scores, inputs=own)


LIST = [
    scored("a", 90.0, 1.0, rice_reach=900.0, rice_effort=5.0, wsjf_business_value=1.0, wsjf_job_size=3.0),
    scored("b", 50.0, 5.0, rice_reach=500.0, rice_effort=4.0, wsjf_business_value=5.0, wsjf_job_size=4.0),
    scored("c", 30.0, 6.0, rice_reach=300.0, rice_effort=3.0, wsjf_business_value=6.0, wsjf_job_size=2.0),
    scored("d", 10.0, 9.0, rice_reach=100.0, rice_effort=6.0, wsjf_business_value=9.0, wsjf_job_size=1.0),
    scored("e", 1.0),
]
COSTS = ("rice_effort", "wsjf_job_size")


def test_each_pair_of_frameworks_is_compared_over_what_both_score():
    (found,) = agreements(LIST, FRAMEWORKS)
    assert (found.one, found.other, found.count, found.rho) == ("RICE", "WSJF", 4, pytest.approx(-1.0))


def test_what_the_frameworks_place_furthest_apart_comes_first_with_what_drives_it():
    first, *_others = found = disagreements(LIST, FRAMEWORKS, COSTS)
    assert [each.scored.key for each in found] == ["a", "d", "b", "c"]
    assert (first.ranks, first.best, first.worst) == ({"RICE": 1.0, "WSJF": 4.0}, "RICE", "WSJF")
    assert first.distance == 1.0
    assert first.why == (
        "RICE places it high by rice_reach (900, better than 100 % of the others); "
        "WSJF places it low by wsjf_business_value (1, worse than 100 % of the others)"
    )


def test_a_few_are_told_as_they_stand_among_all():
    every = disagreements(LIST, FRAMEWORKS, COSTS)
    assert disagreements(LIST, FRAMEWORKS, COSTS, most=2) == every[:2]
    assert disagreements(LIST, FRAMEWORKS, COSTS, among={"b", "e"}) == [
        each for each in every if each.scored.key == "b"
    ]


def test_of_a_cost_less_is_better():
    cheap = disagreements(
        [scored("a", 9.0, 1.0, rice_effort=1.0), scored("b", 5.0, 5.0, rice_effort=9.0), scored("c", 1.0, 9.0)],
        FRAMEWORKS,
        COSTS,
    )
    assert "RICE places it high by rice_effort (1, better than 100 % of the others)" in cheap[0].why


def test_one_framework_alone_disagrees_with_none():
    assert disagreements([scored("a", 9.0), scored("b", 5.0)], FRAMEWORKS, COSTS) == []
