"""Metric chains: reading them, joining them, where they end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from productops.metrics.chains import MAX_LENGTH, MAX_METRICS, Chain, ChainError, check_ends, ends, parse_chain, union


def chain(text: str) -> Chain:
    read = parse_chain(text)
    assert isinstance(read, Chain), read
    return read


def refused(text: str) -> str:
    read = parse_chain(text)
    assert isinstance(read, ChainError), read
    return str(read)


@pytest.mark.parametrize("arrow", ["->", " -> ", ">", "=>", "-->", "==>", "→", "⇒", " ⟶ "])
def test_every_arrow_reads_the_same(arrow: str):
    read = chain(arrow.join(["page_load_time", "checkout_conversion", "gmv"]))
    assert read.nodes == ("page_load_time", "checkout_conversion", "gmv")
    assert read.edges == (("page_load_time", "checkout_conversion"), ("checkout_conversion", "gmv"))


def test_names_are_normalised_to_snake_case():
    assert chain(" Page Load-Time (ms) -> GMV ").nodes == ("page_load_time_ms", "gmv")


@pytest.mark.parametrize("between", [";", "\n", "\r\n", " ; \n\n;"])
def test_several_chains_stand_in_one_cell(between: str):
    read = chain(f"a -> b -> c{between}d -> b{between}e")
    assert read.nodes == ("a", "b", "c", "d", "e")
    assert read.edges == (("a", "b"), ("b", "c"), ("d", "b"))


def test_what_comes_twice_is_kept_once():
    assert chain("a -> b; A -> B; a -> b -> c").edges == (("a", "b"), ("b", "c"))


def test_a_single_metric_is_a_chain_without_edges():
    assert chain("GMV") == Chain(nodes=("gmv",))


@pytest.mark.parametrize("text", ["", "  ", "\n;\n"])
def test_an_empty_text_is_an_empty_chain(text: str):
    assert chain(text) == Chain()


def test_the_stored_form_is_lists_of_names():
    assert json.dumps(chain("a -> b; c").as_json()) == '{"nodes": ["a", "b", "c"], "edges": [["a", "b"]]}'


@pytest.mark.parametrize("text", ["a ->", "-> a", "a -> -> b", "a > > b", "->"])
def test_a_missing_metric_is_refused(text: str):
    assert "A metric is missing" in refused(text)


def test_a_metric_cannot_move_itself():
    assert "gmv -> gmv" in refused("a -> GMV -> gmv")


@pytest.mark.parametrize(
    ("text", "circle"),
    [
        ("a -> b -> a", "a -> b -> a"),
        ("x -> a -> b -> c -> a", "a -> b -> c -> a"),
        ("a -> b; b -> c\nc -> b", "b -> c -> b"),
        ("a -> b -> d; a -> c -> d; d -> a", "a -> b -> d -> a"),
    ],
)
def test_a_circle_is_refused_and_named(text: str, circle: str):
    assert circle in refused(text)


def test_a_diamond_is_no_circle():
    assert chain("a -> b -> d; a -> c -> d").edges == (("a", "b"), ("b", "d"), ("a", "c"), ("c", "d"))


@pytest.mark.parametrize("text", ["a <- b", "a ← b", "a <-> b"])
def test_an_arrow_that_points_backwards_is_refused(text: str):
    assert "backwards" in refused(text)


@pytest.mark.parametrize("text", ["30d retention -> gmv", "a -> %%", "a, b -> c", "a = b"])
def test_what_is_no_name_is_refused(text: str):
    assert "no metric's name" in refused(text)


def test_a_comma_is_answered_with_what_separates_chains():
    assert "separated by ;" in refused("a -> b, c -> d")


def test_bounds_hold():
    assert f"{MAX_LENGTH:,}" in refused("a" * (MAX_LENGTH + 1))
    assert str(MAX_METRICS) in refused(";".join(f"m{i}" for i in range(MAX_METRICS + 1)))
    assert len(chain("->".join(f"m{i}" for i in range(MAX_METRICS))).edges) == MAX_METRICS - 1


def test_a_union_keeps_the_order_of_appearance_and_each_once():
    joined = union([chain("b -> c"), chain("a -> c; b -> c"), Chain()])
    assert joined == Chain(nodes=("b", "c", "a"), edges=(("b", "c"), ("a", "c")))


def test_a_circle_across_models_is_refused_and_named():
    joined = union([chain("a -> b"), chain("b -> c"), chain("c -> a")])
    assert isinstance(joined, ChainError)
    assert "models" in joined.text
    assert "a -> b -> c -> a" in joined.text


def test_ends_are_the_metrics_that_move_no_other():
    assert ends(chain("a -> b -> c; a -> d; e")) == ("c", "d", "e")
    assert ends(Chain()) == ()


def test_a_chain_that_ends_at_active_kpis_has_no_warning():
    assert check_ends(chain("a -> gmv; a -> retention"), {"GMV", "retention", "nps"}) is None
    assert check_ends(Chain(), {"gmv"}) is None


def test_a_loose_end_is_named_with_the_nearest_kpi():
    warning = check_ends(chain("a -> retention30d; a -> gmv; b -> zzz"), ["gmv", "retention_30d"])
    assert warning is not None
    assert "retention30d and zzz" in warning
    assert "the nearest is retention_30d" in warning


def test_without_any_active_kpi_the_warning_says_so():
    assert "no KPI is active" in (check_ends(chain("a -> gmv"), []) or "")


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="abB _-=<>→;\n,.3%\x00é", max_size=40))
def test_any_text_gives_an_acyclic_chain_or_an_error(text: str):
    read = parse_chain(text)
    if isinstance(read, ChainError):
        assert read.text
        return
    assert len(set(read.nodes)) == len(read.nodes)
    assert {metric for edge in read.edges for metric in edge} <= set(read.nodes)
    left, edges = set(read.nodes), set(read.edges)
    while left:  # taking away what nothing moves must come to an end
        free = {metric for metric in left if not any(moved == metric for _, moved in edges)}
        assert free
        left -= free
        edges = {edge for edge in edges if edge[0] in left}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True), max_size=4))
def test_what_is_stored_reads_back_as_the_same_chain(rows: list[list[str]]):
    read = parse_chain("\n".join(" -> ".join(row) for row in rows))
    if isinstance(read, Chain):
        again = parse_chain("; ".join([*read.nodes, *(f"{mover} => {moved}" for mover, moved in read.edges)]))
        assert again == read
