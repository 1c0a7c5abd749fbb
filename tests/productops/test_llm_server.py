"""The stand-in: it says what it is, fits what it is asked for, and speaks as the real servers do."""

from __future__ import annotations

import http.client
import json
import time

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from productops.formulas.language import Formula, parse_formula
from productops.llm.language_model import Answer, Question, Turn
from productops.llm.openai_model import OpenAiModel
from productops.llm.prompts import fenced
from productops.llm.server import LlmServer
from productops.llm.shapes import SuggestedModel, Summary
from productops.llm.stand_in import SAYS_SO, stand_in_answer
from productops.llm.suggestion_checks import Known, check_model, check_summary
from productops.metrics.chains import Chain, parse_chain


@pytest.fixture(scope="module")
def server():
    with LlmServer().running() as running:
        yield running


def data(unit="GBP", **more):
    kpis = [{"kpi_key": "net_revenue", "unit": unit}, {"kpi_key": "other", "unit": "count"}]
    return {"kpis": kpis, "model": {"target_kpi_key": "net_revenue"}, **more}


def ask(server, shape=SuggestedModel, said=None):
    model = OpenAiModel(key="any", name="stand-in", address=server.url)
    question = Question(instructions="x", turns=(Turn(by="user", text=fenced(said or data())),), shape=shape)
    found = model.answer(question, until=time.monotonic() + 10)
    model.close()
    return found


@pytest.mark.parametrize(
    "unit", ["GBP", "GBP/year", "EUR per month", "fraction", "%", "count", "users/month", "", "blorps"]
)
def test_its_suggestion_fits_whatever_the_kpis_unit_is(unit):
    content = stand_in_answer("SuggestedModel", data(unit))
    known = Known(active_kpis=("net_revenue", "other"), target_kpi="net_revenue", parameters={})
    assert check_model(content, known) == ()
    assert isinstance(parse_formula(content.formula_text), Formula)
    assert isinstance(parse_chain(content.metric_chain_text), Chain)


def test_parameters_that_exist_are_not_announced_as_new():
    content = stand_in_answer("SuggestedModel", data(parameters=[{"name": "conversion_uplift"}]))
    assert "conversion_uplift" not in [parameter.name for parameter in content.new_parameters]


@pytest.mark.parametrize("shape", [SuggestedModel, Summary])
def test_every_answer_says_that_no_model_gave_it(server, shape):
    found = ask(server, shape)
    assert isinstance(found, Answer)
    assert SAYS_SO in found.content.model_dump_json()
    assert found.tokens.sent > 0


def test_a_summary_holds_what_was_said_and_no_link(server):
    about = {"title": "Faster search", "problem_statement": "See https://a.example. It is slow.", "moves": "GMV"}
    found = ask(server, Summary, {"initiative": about})
    assert check_summary(found.content) == ()
    assert found.content.summary.startswith("Faster search.")
    assert "It should move gmv." in found.content.summary


def post(server, path, body, host=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    connection.request("POST", path, body, {"Host": host} if host else {})
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def test_it_speaks_chat_completions_as_well(server):
    message = {"role": "user", "content": fenced(data())}
    wanted = {"type": "json_schema", "json_schema": {"name": "SuggestedModel"}}
    status, answer = post(
        server, "/v1/chat/completions", json.dumps({"messages": [message], "response_format": wanted})
    )
    assert status == 200
    assert "formula_text" in answer["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    "body", ["", "[]", "not json", "{}", '{"input": "hello"}', '{"input": [1], "text": {"format": {"name": "X"}}}']
)
def test_foreign_questions_are_refused(server, body):
    assert post(server, "/v1/responses", body)[0] == 400


def test_other_paths_and_other_hosts_are_not_served(server):
    assert post(server, "/v1/files", "{}")[0] == 404
    assert post(server, "/v1/responses", "{}", host="evil.example:80")[0] == 404


def test_a_taken_port_is_named(server):
    with pytest.raises(CommandError, match="can't be used"):
        call_command("llm_server", port=server.server_address[1])
