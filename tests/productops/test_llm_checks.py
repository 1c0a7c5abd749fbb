"""What is found wrong with suggestions, how their words are shown, which examples are near: all of it pure."""

from __future__ import annotations

import pytest

from productops.llm.conversation import Outcome, converse
from productops.llm.examples import Approved, similar, words_of
from productops.llm.language_model import Failure, FailureKind, Question, Turn
from productops.llm.memory import MemoryModel
from productops.llm.prompts import fenced, unfenced
from productops.llm.shapes import SuggestedModel, SuggestedParameter, Summary
from productops.llm.suggestion_checks import Known, check_model, check_summary
from productops.llm.wording import as_plain_text, has_link, notes_on
from productops.scores.scoring import ParamInput

KNOWN = Known(
    active_kpis=("gmv", "retention"),
    target_kpi="gmv",
    parameters={
        "visits": ParamInput(value=1e6, unit="visits/year"),
        "basket": ParamInput(value=40.0, unit="GBP/visit"),
    },
    kpi_units={"gmv": "GBP/year", "retention": "fraction"},
)


def suggested(formula="value = visits * basket", chain="visits -> gmv", **new):
    parameters = [SuggestedParameter(name=name, unit=unit, meaning="x") for name, unit in new.items()]
    return SuggestedModel(
        formula_text=formula, metric_chain_text=chain, new_parameters=parameters, assumptions=[], unsure_of=[]
    )


@pytest.mark.parametrize(
    "fits",
    [
        suggested(),
        suggested("visits * basket"),
        suggested("gmv = visits * basket"),
        suggested("orders = visits * 0.1\nvalue = orders * basket"),
        suggested("value = visits * Basket"),  # spelled differently, the same parameter
        suggested("value = visits * uplift", uplift="GBP/visit"),
        suggested("value = visits * basket\nretention = 0.02\neffort = 3", "visits -> gmv; visits -> retention"),
    ],
)
def test_what_fits_has_no_problems(fits):
    assert check_model(fits, KNOWN) == ()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (suggested(""), "formula_text is empty"),
        (suggested("value = visits *"), "formula_text, line 1"),
        (suggested("value = visits" + " + visits" * 400), "2,000 at most"),
        (suggested("value = vists * basket"), "neither a parameter of the data nor in new_parameters; did you mean visits"),
        (suggested(uplift="fraction"), 'new_parameters lists "uplift", which formula_text doesn\'t read'),
        (suggested("value = visits * uplift", uplift=" "), 'gives no unit for "uplift"'),
        (suggested("profit = visits * basket\nvalue = visits"), "assigns profit, which no later line uses and which is no active KPI"),
        (suggested("retention = visits / 1e9", "visits -> retention"), "gives no number for gmv: assign value, or gmv itself"),
        (suggested("value = basket / (visits - 1000000)"), "with today's parameters formula_text fails, line 1"),
        (suggested(chain=""), "metric_chain_text must hold a chain"),
        (suggested(chain="visits -> visits"), "goes from a metric to itself"),
        (suggested(chain="gmv"), "names one metric alone"),
        (suggested(chain="visits -> profit"), "ends at profit, which is no active north star or strategic KPI"),
        (suggested(chain="visits -> retention"), "metric_chain_text ends at retention, and the model contributes to gmv"),
        (suggested(chain="happiness -> gmv"), "mentions none of the formula's inputs (visits, basket)"),
        (suggested("value = visits"), "value is in visits/year, and gmv in GBP/year"),
        (suggested("value = visits * basket + visits"), "which aren't alike"),
        (suggested("value = monthly * visits / visits", "visits -> gmv", monthly="GBP/month"), "month against year, a factor of 12"),
        (suggested("value = visits * worth", worth="blorps"), 'the unit of worth, "blorps", isn\'t understood'),
        (suggested(chain="a -> b -> a"), "round in a circle"),
    ],
)  # fmt: skip
def test_each_mistake_is_named(wrong, says):
    problems = check_model(wrong, KNOWN)
    assert [problem for problem in problems if says in problem] != []


def test_without_a_target_any_active_kpi_will_do():
    known = Known(active_kpis=("gmv",), parameters={"visits": ParamInput(value=None)})
    assert check_model(suggested("gmv = visits"), known) == ()
    assert "assign one of gmv" in check_model(suggested("value = visits"), known)[0]


def test_summaries_are_short_plain_and_without_links():
    assert check_summary(Summary(summary="Search gets faster.")) == ()
    assert check_summary(Summary(summary=" \n ")) == ("summary is empty.",)
    assert "600 at most" in check_summary(Summary(summary="word " * 200))[0]
    assert "link" in check_summary(Summary(summary="See www.example.com"))[0]


# ---- words ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/x",
        "HTTP://A",
        "see www.a.example",
        "[here](/admin)",
        "mail ada@a.example",
        "javascript:alert(1)",
        "go to evil.com/x",
        "ftp://x",
    ],
)
def test_links_and_addresses_are_found_and_taken_out(text):
    assert has_link(text)
    shown = as_plain_text(text)
    assert not has_link(shown)


@pytest.mark.parametrize("text", ["GBP/month", "1.5 seconds. Then more", "a -> b", "v1.2", "ends here.Next"])
def test_ordinary_words_are_no_links(text):
    assert not has_link(text)


def test_text_becomes_one_line_that_a_cell_can_hold():
    assert as_plain_text(" a\r\n\tb\x00c\ud800 ") == "a b c"


def test_long_lists_and_lines_are_shortened():
    content = SuggestedModel(
        formula_text="", metric_chain_text="", new_parameters=[], assumptions=["x" * 1000] * 20, unsure_of=[]
    )
    notes = notes_on(Outcome(content=content, problems=("p",), revisions=0), said_by="m")
    assert len(notes) < 2500
    assert "And 12 more." in notes
    assert "Still doesn't fit, at once: p." in notes


# ---- examples ------------------------------------------------------------------------------------------------------------


def approved(key, title, **fields):
    blank = {"product_area": "", "target_kpi_key": "", "formula_text": "value = 1", "metric_chain_text": ""}
    return Approved(initiative_key=key, model_name="m", title=title, words=words_of(title), **{**blank, **fields})


def test_examples_are_the_nearest_by_words_target_and_area_and_never_its_own():
    others = [
        approved("A", "Faster search pages"),
        approved("B", "Tax forms"),
        approved("C", "Tax forms", target_kpi_key="gmv"),
        approved("D", "Tax forms", product_area="Search"),
        approved("SELF", "Faster search"),
    ]
    found = similar(others, initiative_key="SELF", words=words_of("Faster search"), target="gmv", area="search")
    assert [one.initiative_key for one in found] == ["A", "C", "D"]


# ---- data ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["</data>", "<data>", "<\u2028&>", "\\u003c/data\\u003e", "```</data>```"])
def test_no_text_ends_its_fence(text):
    message = fenced({"title": text})
    assert (message.count("<data>"), message.count("</data>")) == (1, 1)
    assert unfenced(message) == {"title": text}


def test_long_texts_are_cut_and_empty_ones_left_out():
    found = unfenced(fenced({"title": "x" * 5000, "hypothesis": "", "list": []}))
    assert found == {"title": "x" * 2000 + " (cut)"}


@pytest.mark.parametrize("message", ["", "<data>", "<data>\n[1]\n</data>", "<data>{</data>"])
def test_what_holds_no_data_gives_none(message):
    assert unfenced(message) is None


# ---- conversations -------------------------------------------------------------------------------------------------------


def talk(*script):
    model = MemoryModel(script=script)
    question = Question(instructions="i", turns=(Turn(by="user", text="<data>{}</data>"),), shape=Summary)
    outcome = converse(model, question, lambda answer: () if answer.summary == "good" else ("too bad",), until=1e9)
    return outcome, model


def unreadable():
    return Failure(kind=FailureKind.UNREADABLE, text="no JSON.")


def test_a_good_answer_ends_the_conversation():
    outcome, model = talk(Summary(summary="good"))
    assert (outcome.content, outcome.problems, outcome.revisions, len(model.asked)) == (
        Summary(summary="good"),
        (),
        0,
        1,
    )


def test_at_most_two_revisions_are_asked_for():
    outcome, model = talk(*[Summary(summary="bad")] * 5)
    assert (outcome.problems, outcome.revisions, len(model.asked)) == (("too bad",), 2, 3)
    assert outcome.tokens.requests == 3


def test_an_unreadable_answer_is_a_revision_too():
    outcome, model = talk(unreadable(), Summary(summary="good"))
    assert (outcome.content, outcome.failure, outcome.revisions) == (Summary(summary="good"), None, 1)
    assert "no JSON" in model.asked[1].turns[-1].text


def test_a_failure_never_replaces_an_answer_that_could_be_read():
    outcome, _model = talk(Summary(summary="bad"), Failure(kind=FailureKind.UNAVAILABLE, text="Away."))
    assert (outcome.content, outcome.problems, outcome.failure.text) == (Summary(summary="bad"), ("too bad",), "Away.")


@pytest.mark.parametrize("kind", [FailureKind.DECLINED, FailureKind.UNAVAILABLE, FailureKind.REFUSED])
def test_other_failures_end_it_at_once(kind):
    outcome, model = talk(Failure(kind=kind, text="No."), Summary(summary="good"))
    assert (outcome.content, outcome.failure.kind, len(model.asked)) == (None, kind, 1)
