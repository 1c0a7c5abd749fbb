"""Double counting across initiatives: who claims the same KPI through the same metric."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from productops.metrics.chains import Chain, parse_chain
from productops.metrics.overlaps import Claim, find_overlaps, upstream

KPIS = ("gmv", "covers")


def chain(text):
    found = parse_chain(text)
    assert isinstance(found, Chain)
    return found


def claim(number, text, *kpis):
    return Claim(key=f"INIT-{number}", kpis=kpis or ("gmv",), chain=chain(text))


def told(*claims):
    return {key: [overlap.told(key) for overlap in found] for key, found in find_overlaps(claims, KPIS).items()}


def test_two_that_claim_a_kpi_through_one_metric_are_both_told():
    said = "claim gmv through conversion: look that no gain is counted twice."
    assert told(claim(1, "search -> conversion -> gmv"), claim(2, "email -> conversion -> gmv")) == {
        "INIT-1": [f"INIT-1 and INIT-2 {said}"],
        "INIT-2": [f"INIT-2 and INIT-1 {said}"],
    }


def test_another_kpi_or_another_way_is_no_overlap():
    first = claim(1, "search -> conversion -> gmv")
    assert told(first, claim(2, "email -> visits -> gmv")) == {}
    assert told(first, claim(2, "search -> conversion -> orders", "orders")) == {}
    assert told(first, claim(2, "search -> conversion; email -> gmv")) == {}


def test_the_first_metric_that_is_shared_is_told_and_not_each_one_behind_it():
    both = told(claim(1, "search -> conversion -> orders -> gmv"), claim(2, "conversion -> orders -> gmv"))
    assert len(both["INIT-1"]) == len(both["INIT-2"]) == 1
    assert "through conversion:" in both["INIT-1"][0]


def test_what_meets_in_a_kpi_alone_is_no_overlap():
    assert told(claim(1, "search -> covers -> gmv"), claim(2, "email -> covers -> gmv")) == {}


def test_kpis_that_are_claimed_together_are_told_together():
    both = "no_shows -> covers -> gmv"
    found = told(claim(1, both, "covers", "gmv"), claim(2, both, "gmv", "covers"))
    assert found["INIT-1"] == [
        "INIT-1 and INIT-2 claim covers and gmv through no_shows: look that no gain is counted twice."
    ]


def test_many_claimants_are_summed_up():
    found = find_overlaps([claim(number, "conversion -> gmv") for number in range(1, 8)], KPIS)
    (overlap,) = found["INIT-2"]
    assert (overlap.keys, overlap.more) == (("INIT-1", "INIT-3"), True)
    assert overlap.told("INIT-2").startswith("INIT-2, INIT-1, INIT-3 and others claim gmv")


def test_one_more_claimant_at_the_end_changes_nothing_for_the_others():
    claims = [claim(number, "conversion -> gmv") for number in range(1, 8)]
    before = find_overlaps(claims, KPIS)
    after = find_overlaps([*claims, claim(9, "conversion -> gmv")], KPIS)
    assert {key: after[key] for key in before} == before


METRICS = ("a", "b", "c", "d", "gmv")
FORWARD = list(itertools.combinations(METRICS, 2))


@given(st.lists(st.sampled_from(FORWARD), min_size=1, max_size=8))
def test_upstream_is_what_leads_to_the_kpi(pairs):
    given_chain = chain("; ".join(f"{mover} -> {moved}" for mover, moved in pairs))
    found = set(upstream(given_chain, "gmv"))
    reached = {"gmv"}
    for _step in METRICS:
        reached |= {mover for mover, moved in pairs if moved in reached}
    assert found == reached - {"gmv"}


@given(st.lists(st.lists(st.sampled_from(FORWARD), min_size=1, max_size=5), min_size=2, max_size=5))
def test_whoever_is_named_shares_the_metric(chains):
    claims = [
        claim(number, "; ".join(f"{mover} -> {moved}" for mover, moved in pairs)) for number, pairs in enumerate(chains)
    ]
    ways = {one.key: upstream(one.chain, "gmv") for one in claims}
    found = find_overlaps(claims, KPIS)
    for key, overlaps in found.items():
        for overlap in overlaps:
            assert all(overlap.metric in ways[named] for named in (key, *overlap.keys))
    for one, other in itertools.combinations(ways, 2):
        if set(ways[one]) & set(ways[other]):
            assert one in found
            assert other in found
