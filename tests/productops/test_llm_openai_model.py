"""The openai client against a server on loopback: what each kind of answer becomes, and what is sent."""

from __future__ import annotations

import json
import logging
import time

import pytest
from django.test import override_settings

from productops.llm.language_model import Answer, Failure, FailureKind, Question, Turn
from productops.llm.openai_model import OpenAiModel
from productops.llm.shapes import Summary
from tests.productops.llm_loopback import KEY, Reply, answered, chatted, loopback_model, refused, said

# The client's own words about answers that hold other kinds of values than they should.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
QUESTION = Question(instructions="Be brief.", turns=(Turn(by="user", text="<data>{}</data>"),), shape=Summary)
GOOD = answered({"summary": "Search gets faster."})


@pytest.fixture
def server():
    with loopback_model() as running:
        yield running


@pytest.fixture
def waits():
    return []


@pytest.fixture
def model(server, waits):
    found = OpenAiModel(key=KEY, name="some-model", address=server.url, timeout_s=5, patience_s=60, sleep=waits.append)
    yield found
    found.close()


def ask(model, *, within_s=30.0):
    return model.answer(QUESTION, until=time.monotonic() + within_s)


def failure(model, **options):
    found = ask(model, **options)
    assert isinstance(found, Failure), found
    return found


def test_a_good_answer_has_the_shape_and_what_it_took(model, server):
    server.replies = [GOOD]
    found = ask(model)
    assert isinstance(found, Answer)
    assert found.content == Summary(summary="Search gets faster.")
    assert (found.tokens.sent, found.tokens.received, found.tokens.requests) == (1000, 100, 1)


def test_what_is_sent_has_a_schema_a_limit_and_no_tools_and_is_not_kept(model, server):
    server.replies = [GOOD]
    ask(model)
    (request,) = server.requests
    sent = request.body
    assert (request.path, sent["model"], sent["max_output_tokens"], sent["store"]) == (
        "/v1/responses",
        "some-model",
        4000,
        False,
    )
    assert "tools" not in sent
    assert (sent["text"]["format"]["name"], sent["text"]["format"]["strict"]) == ("Summary", True)
    assert (sent["instructions"], sent["input"]) == ("Be brief.", [{"role": "user", "content": "<data>{}</data>"}])
    assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "reply",
    [
        said("Sure! Here is a summary."),
        said('{"summary": '),
        answered({"text": "a field of another name"}),
        answered({"summary": ["not", "text"]}),
        said("[1, 2]"),
        said(""),
        Reply(body=b"<html>hello</html>"),
        Reply(body=b"not json at all"),
        Reply(body=[]),
        Reply(body={"object": "response"}),
        Reply(body={"output": [{"type": "message", "content": None}], "usage": {"input_tokens": "many"}}),
        said("x", output=[]),
        said("x", output=[{"type": "function_call", "name": "delete", "arguments": "{}", "call_id": "1"}]),
    ],
)
def test_what_is_not_of_the_shape_is_unreadable(model, server, reply):
    server.replies = [reply]
    assert failure(model).kind is FailureKind.UNREADABLE
    assert len(server.requests) == 1


def test_fields_that_nobody_asked_for_are_left_out(model, server):
    server.replies = [answered({"summary": "Fine.", "run": "rm -rf"})]
    assert ask(model).content.model_dump() == {"summary": "Fine."}


def test_an_answer_that_was_cut_off_says_so(model, server):
    # What is cut off may be readable up to there, or not at all.
    for text in ('{"summary": "Search ge', '{"summary": "Search"}'):
        server.replies = [said(text, status="incomplete", incomplete_details={"reason": "max_output_tokens"})]
        assert failure(model).kind in (FailureKind.CUT_OFF, FailureKind.UNREADABLE)


def test_a_refusal_and_a_filter_are_told_in_short(model, server):
    server.replies = [said("I can't help with that. " * 40, kind="refusal")]
    found = failure(model)
    assert found.kind is FailureKind.DECLINED
    assert found.text.startswith("The language model declined: I can't help with that.")
    assert len(found.text) < 300
    server.replies = [said("x", status="incomplete", incomplete_details={"reason": "content_filter"}, output=[])]
    assert failure(model).kind is FailureKind.DECLINED


def test_a_server_that_is_busy_or_broken_is_asked_again(model, server, waits):
    server.replies = [refused(429), refused(503), refused(500), GOOD]
    assert isinstance(ask(model), Answer)
    assert len(server.requests) == 4
    assert [0.5 <= waits[0] <= 1, 1 <= waits[1] <= 2, 2 <= waits[2] <= 4] == [True] * 3


def test_it_waits_at_least_as_long_as_the_server_asks_for(model, server, waits):
    server.replies = [refused(429, retry_after="7"), GOOD]
    assert isinstance(ask(model), Answer)
    assert waits == [7.0]


def test_a_wait_that_would_outlast_patience_is_not_begun(model, server, waits):
    server.replies = [refused(429, retry_after="3600")]
    found = failure(model)
    assert (found.kind, waits, len(server.requests)) == (FailureKind.UNAVAILABLE, [], 1)
    assert "asks for fewer requests" in found.text


def test_a_busy_server_is_given_up_at_the_deadline(server):
    server.replies = [refused(503)]
    model = OpenAiModel(key=KEY, name="m", address=server.url, patience_s=2.0)
    began = time.monotonic()
    assert failure(model).kind is FailureKind.UNAVAILABLE
    assert time.monotonic() - began < 8
    assert len(server.requests) >= 2


def test_a_slow_server_is_left_at_the_time_out(server):
    server.replies = [Reply(body=GOOD.body, after_s=8)]
    model = OpenAiModel(key=KEY, name="m", address=server.url, timeout_s=0.3, patience_s=0.5)
    began = time.monotonic()
    found = failure(model)
    assert (found.kind, time.monotonic() - began < 5) == (FailureKind.UNAVAILABLE, True)
    assert "didn't answer within" in found.text


def test_nothing_is_asked_once_the_time_is_over(model, server):
    server.replies = [GOOD]
    assert failure(model, within_s=-1).kind is FailureKind.UNAVAILABLE
    assert server.requests == []


def test_a_server_that_cannot_be_reached_is_named_by_its_setting():
    model = OpenAiModel(key=KEY, name="m", address="http://127.0.0.1:9/v1", patience_s=0.1)
    found = failure(model)
    assert (found.kind, "OPENAI_BASE_URL" in found.text) == (FailureKind.UNAVAILABLE, True)


@pytest.mark.parametrize(
    ("reply", "names"),
    [
        (refused(401, f"Incorrect API key provided: {KEY}"), "OPENAI_API_KEY"),
        (refused(403), "OPENAI_API_KEY"),
        (refused(404, code="model_not_found"), "OPENAI_MODEL"),
        (refused(429, code="insufficient_quota"), "account is used up"),
        (Reply(status=307, body={}, headers={"Location": "http://127.0.0.1:9/"}), "OPENAI_BASE_URL"),
    ],
)
def test_a_server_that_takes_no_question_of_ours_is_asked_once(model, server, reply, names):
    server.replies = [reply]
    found = failure(model)
    assert (found.kind, names in found.text, len(server.requests)) == (FailureKind.REFUSED, True, 1)
    assert KEY not in found.text


def test_a_question_that_is_refused_says_why_without_secrets(model, server):
    server.replies = [refused(400, f"too long for {KEY}")]
    with override_settings(OPENAI_API_KEY=KEY):
        found = failure(model)
    assert found.kind is FailureKind.DECLINED
    assert "refuses the question (400): too long for [hidden]" in found.text


def test_usage_that_makes_no_sense_counts_as_none(model, server):
    body = {**GOOD.body, "usage": {"input_tokens": -5, "output_tokens": "lots"}}
    server.replies = [Reply(body=body)]
    assert (ask(model).tokens.sent, ask(model).tokens.received) == (0, 0)


# ---- servers without the responses API -----------------------------------------------------------------------------------


def test_a_server_without_the_responses_api_is_asked_by_chat_completions(model, server):
    server.replies = [refused(404, "no such path"), chatted('{"summary": "Fine."}')]
    assert ask(model).content.summary == "Fine."
    server.replies = [chatted('{"summary": "Again."}')]
    assert ask(model).content.summary == "Again."
    assert [request.path for request in server.requests] == [
        "/v1/responses",
        "/v1/chat/completions",
        "/v1/chat/completions",
    ]
    sent = server.requests[1].body
    assert (sent["max_completion_tokens"], sent["response_format"]["json_schema"]["strict"]) == (4000, True)
    assert [turn["role"] for turn in sent["messages"]] == ["system", "user"]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (chatted("no json"), FailureKind.UNREADABLE),
        (chatted(None), FailureKind.UNREADABLE),
        (chatted(None, refusal="I won't."), FailureKind.DECLINED),
        (chatted('{"summary": "S', finish_reason="length"), FailureKind.CUT_OFF),
        (chatted("", finish_reason="content_filter"), FailureKind.DECLINED),
        (Reply(body={"choices": []}), FailureKind.UNREADABLE),
        (refused(404), FailureKind.REFUSED),
    ],
)
def test_chat_completions_fail_alike(model, server, reply, kind):
    server.replies = [refused(405), reply]
    assert failure(model).kind is kind


def test_the_key_is_in_no_log_line(model, server, caplog):
    caplog.set_level(logging.DEBUG)
    server.replies = [refused(401, f"bad key {KEY}")]
    ask(model)
    server.replies = [said("no json")]
    ask(model)
    assert KEY not in json.dumps([record.getMessage() for record in caplog.records])
