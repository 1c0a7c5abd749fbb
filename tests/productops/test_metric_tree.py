"""Metrics as one graph: what goes through each, orphans and circles."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from productops.metrics.chains import Chain, parse_chain
from productops.metrics.tree import Use, build_tree, trimmed

KPIS = {"gmv": "north_star", "retention": "strategic"}


def use(number, text, numbers):
    found = parse_chain(text)
    assert isinstance(found, Chain)
    return Use(chain=found, numbers=numbers.get(f"INIT-{number}", {}))


def tree(*texts, numbers=None, kpis=KPIS):
    return build_tree([use(number, text, numbers or {}) for number, text in enumerate(texts, start=1)], kpis)


def metric(found, name):
    return next(each for each in found.metrics if each.name == name)


def test_each_metric_counts_the_initiatives_whose_chains_it_stands_on():
    found = tree("search -> conversion -> gmv", "email -> conversion -> gmv")
    counts = {each.name: each.initiatives for each in found.metrics}
    assert counts == {"conversion": 2, "gmv": 2, "email": 1, "search": 1, "retention": 0}
    assert found.edges == {("search", "conversion"): 1, ("conversion", "gmv"): 2, ("email", "conversion"): 1}


def test_contributions_are_summed_through_each_metric_upstream_and_no_other():
    found = tree(
        "search -> conversion -> gmv; search -> clicks",
        "email -> conversion -> gmv",
        numbers={"INIT-1": {"gmv": 10.0, "retention": 3.0}, "INIT-2": {"gmv": 5.0}},
    )
    assert metric(found, "conversion").through == {"gmv": 15.0}
    assert metric(found, "search").through == {"gmv": 10.0}
    assert metric(found, "gmv").through == {"gmv": 15.0}
    assert metric(found, "clicks").through == {}
    assert metric(found, "retention").through == {"retention": 3.0}


def test_initiatives_with_the_same_chain_count_together_as_each_by_itself():
    apart = tree("search -> gmv", "search -> gmv", numbers={"INIT-1": {"gmv": 10.0}, "INIT-2": {"gmv": 5.0}})
    chain = Chain(nodes=("search", "gmv"), edges=(("search", "gmv"),))
    assert build_tree([Use(chain=chain, initiatives=2, numbers={"gmv": 15.0})], KPIS) == apart


def test_orphans_are_kpis_that_no_chain_reaches_and_metrics_that_reach_no_kpi():
    found = tree("search -> gmv", "search -> clicks -> taps")
    assert {each.name for each in found.metrics if each.is_orphan} == {"retention", "clicks", "taps"}


def test_a_circle_that_chains_close_only_together_is_found():
    found = tree("a -> b -> gmv", "b -> c -> gmv", "c -> a -> gmv")
    assert found.circles == [("a", "b", "c")]
    assert metric(found, "gmv").circle == ()


def test_kpis_and_circles_stay_when_the_picture_is_trimmed():
    found = trimmed(tree("a -> b -> gmv", "b -> a -> gmv", "x -> gmv", "x -> gmv", "y -> gmv"), 5)
    assert {each.name for each in found.metrics} == {"gmv", "retention", "a", "b", "x"}
    assert ("y", "gmv") not in found.edges


PAIRS = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde")).filter(lambda pair: pair[0] != pair[1]))


@given(PAIRS)
def test_two_metrics_share_a_circle_when_each_leads_to_the_other(pairs):
    found = tree(*(f"{mover} -> {moved}" for mover, moved in pairs), kpis={})
    reach = {name: {moved for mover, moved in pairs if mover == name} for name in "abcde"}
    for _step in "abcde":
        for name in reach:
            reach[name] |= {end for way in list(reach[name]) for end in reach[way]}
    for each in found.metrics:
        together = {other for other in reach[each.name] if each.name in reach[other]} | {each.name}
        assert set(each.circle) == (together if len(together) > 1 else set())
