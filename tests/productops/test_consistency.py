"""Whether formulas, parameters, chains and contributions of an initiative go together."""

from __future__ import annotations

import pytest

from productops.contributions.adoption import Adoption
from productops.contributions.check import Standing
from productops.contributions.consistency import (
    Kind,
    ModelFacts,
    Subject,
    end_warning,
    model_findings,
    off_chain_warning,
    report,
)
from productops.metrics.chains import Chain, parse_chain
from productops.metrics.overlaps import Overlap
from productops.scores.scoring import ModelInput, ParamInput, contributions

ACTIVE = ("gmv", "retention_30d")
PARAMS = {name: ParamInput(value=2.0, approved=True) for name in ("visits", "conversion_uplift", "basket")}
FORMULA = "value = visits * conversion_uplift * basket"
CHAIN = "checkout_conversion -> gmv"


def model(name="main", formula=FORMULA, chain=CHAIN, target="gmv", params=PARAMS, approved=True):
    found = parse_chain(chain)
    assert isinstance(found, Chain)
    given = ModelInput(name=name, formula_text=formula, target_kpi_key=target, approved=approved, params=params)
    return ModelFacts(input=given, chain=found)


def subject(*models, own=(), immediate="", **standing):
    chain = models[0].chain if models else Chain()
    inputs = [each.input for each in models]
    known = {"key": "INIT-1", "entered": None, "active": ACTIVE, "chain": chain, **standing}
    found = Standing(models=inputs, computed=contributions(inputs, ACTIVE), **known)
    return Subject(models=models, own_params=own, immediate_kpi=immediate, standing=found)


def kinds(*models, **fields):
    return [finding.kind for finding in report(subject(*models, **fields))]


def texts(*models, **fields):
    return [finding.text for finding in report(subject(*models, **fields))]


def test_what_goes_together_says_nothing():
    assert texts(model(), own=("visits", "basket"), immediate="checkout_conversion") == []


def test_an_initiative_without_models_has_nothing_to_report():
    assert texts() == []


def test_a_chain_that_ends_elsewhere_than_the_model_contributes_is_told_with_both():
    (text,) = texts(model(chain="checkout_conversion -> retention_30d"))
    assert text == (
        "main: metric_chain_text ends at retention_30d, and the model contributes to gmv; "
        "let a chain end with -> gmv, or contribute to what it ends at."
    )


@pytest.mark.parametrize(
    "chain", ["", "conversion -> gmv", "conversion -> retention_30d; conversion -> gmv", "conversion -> gmv; a -> b"]
)
def test_a_chain_may_be_missing_or_have_other_ends_too(chain):
    assert end_warning(model(chain=chain).input, model(chain=chain).chain, ACTIVE) == ""


def test_a_kpi_on_the_way_to_another_that_the_model_gives_is_no_contradiction():
    both = model(formula="gmv = visits\nretention_30d = 0.1", chain="visits -> gmv -> retention_30d", target="")
    assert kinds(both) == []


def test_a_kpi_on_the_way_to_one_that_the_model_does_not_give_is_told():
    assert kinds(model(chain="checkout_conversion -> gmv -> retention_30d")) == [Kind.WRONG_END]


def test_a_chain_that_ends_at_no_kpi_is_told_once():
    assert kinds(model(formula="effort = visits", target="", chain="visits -> clicks")).count(Kind.WRONG_END) == 1
    assert kinds(model(chain="checkout_conversion -> clicks")).count(Kind.WRONG_END) == 1


def test_a_chain_that_mentions_none_of_the_inputs_is_told_with_both():
    (text,) = texts(model(chain="page_load_time -> bounce -> gmv"))
    assert text == (
        "main: the chain (page_load_time -> bounce) mentions none of the formula's inputs (visits, conversion_uplift, basket); "
        "name the metric that each of them moves, or look whether chain and formula belong together."
    )


@pytest.mark.parametrize(
    "chain", ["visit -> gmv", "conversion_rate -> gmv", "a -> average_basket -> gmv", "conversion_uplift -> gmv", "gmv"]
)
def test_a_word_in_common_is_a_mention(chain):
    assert kinds(model(chain=chain)) == []


def test_a_step_of_the_formula_counts_as_a_mention():
    stepped = model(formula="orders = visits * basket\nvalue = orders", chain="orders -> gmv")
    assert kinds(stepped) == []


def test_words_that_only_say_how_something_is_counted_are_no_mention():
    assert kinds(model(formula="value = monthly_visits", chain="monthly_rate -> gmv", params={
        "monthly_visits": ParamInput(value=1.0, approved=True)
    })) == [Kind.UNMENTIONED]  # fmt: skip


def test_parameters_that_no_formula_uses_are_listed():
    (text,) = texts(model(), own=("visits", "zeal", "age"))
    assert text == "No formula uses age, zeal of Params: use the name in formula_text, or delete the row."


def test_a_parameter_spelled_differently_is_used():
    assert kinds(model(formula="value = Visits", chain="visits -> gmv"), own=("visits",)) == [Kind.NOTE]


def test_while_a_formula_is_missing_no_parameter_is_called_unused():
    assert Kind.UNUSED not in kinds(model(), model("second", formula="", chain=""), own=("zeal",))


def test_names_without_a_row_are_told_with_the_row_that_may_be_meant():
    (finding,) = report(subject(model(formula="value = visit * basket", chain="visits -> gmv")))
    assert finding.kind is Kind.NOT_COMPUTED
    assert finding.text == "The model main needs a row in Params for visit (is visits meant?)."


def test_an_immediate_kpi_off_the_chain_is_told_with_the_nearest():
    assert off_chain_warning("checkout_conversions", model().chain) == (
        'immediate_kpi_key: "checkout_conversions" isn\'t on the metric chain; the nearest on it is checkout_conversion'
    )
    assert kinds(model(), immediate="checkout_conversions") == [Kind.OFF_CHAIN]


def test_two_models_that_claim_one_kpi_are_told_with_both_numbers():
    (text,) = texts(model(), model("other", formula="value = conversion_uplift"))
    assert text == (
        "gmv is claimed by the models main (8) and other (2), which add up to 10: "
        "if both mean the same gain, keep it in one of them."
    )


def test_a_stale_adoption_comes_before_what_differs_and_what_is_counted_twice():
    overlap = Overlap(kpis=("gmv",), metric="checkout_conversion", keys=("INIT-2",), more=False)
    found = kinds(
        model(), entered={"gmv": 5.0}, adoption=Adoption(numbers={"gmv": 5.0}, on="2026-03-31"), overlaps=(overlap,)
    )
    assert found == [Kind.STALE, Kind.DIFFERS, Kind.COUNTED_TWICE]


def test_a_number_typed_after_an_adoption_is_told_with_what_was_adopted():
    told = texts(model(), entered={"gmv": 9.0}, adoption=Adoption(numbers={"gmv": 5.0}, on="2026-03-31"))
    assert told == [
        "Differs from computed: gmv is 9 beside 8 (+12.5 %). "
        "Adopted on 2026-03-31 was gmv = 5; another number was entered since."
    ]


def test_what_is_not_approved_comes_last():
    assert kinds(model(approved=False), own=("zeal",)) == [Kind.UNUSED, Kind.UNAPPROVED]


def test_each_finding_is_told_once_whoever_asks():
    models = [model(chain="checkout_conversion -> retention_30d"), model("b", chain="page -> gmv")]
    found = list(model_findings(models, ("zeal",), ACTIVE))
    assert len(found) == len(set(found)) == 3
