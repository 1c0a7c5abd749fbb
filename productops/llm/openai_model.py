"""The language model behind OPENAI_BASE_URL, asked with the openai client: structured answers, time-outs, patience with a limit."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import openai
from openai import DefaultHttpxClient, OpenAI
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseInputParam
from pydantic import BaseModel, ValidationError

from productops.llm.language_model import Answer, Failure, FailureKind, Question, Tokens
from sheetsync.logs import hide_secrets
from sheetsync.values.words import UNSTORABLE

# Back-off: each wait is drawn from half to the whole of a bound that doubles up to this.
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 20.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_AGAIN_LATER = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
# Statuses by which a compatible server says that it doesn't know the responses API.
_NO_SUCH_API = frozenset({404, 405, 501})
_SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_UNREADABLE = (ValidationError, openai.APIResponseValidationError, ValueError, TypeError, AttributeError, LookupError)

_Ask = Callable[[Question[Any], float], "Answer[Any] | Failure"]


class OpenAiModel:
    """One model of one server. The responses API is asked first; a server that doesn't know it is asked by chat completions."""

    def __init__(
        self,
        *,
        key: str,
        name: str,
        address: str = "",
        timeout_s: float = 60.0,
        patience_s: float = 120.0,
        max_answer_tokens: int = 4_000,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """`address`: base URL with its /v1, "" for OpenAI's own. `patience_s`: how long a question is repeated."""
        self.name = name
        self.address = address.rstrip("/")
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._max_tokens = max_answer_tokens
        self._closed = threading.Event()
        self._sleep = sleep or self._pause
        self._knows_responses = True
        is_here = urlsplit(address).hostname in _LOOPBACK
        self._client = OpenAI(
            api_key=key,
            base_url=self.address or None,
            max_retries=0,  # the client's own retries know no deadline
            http_client=DefaultHttpxClient(trust_env=not is_here, follow_redirects=False),
        )

    def answer[Shape: BaseModel](self, question: Question[Shape], *, until: float) -> Answer[Shape] | Failure:
        """Asks, and asks again while the server is busy and patience lasts."""
        until = min(until, time.monotonic() + self._patience_s)
        tokens, bound = Tokens(), FIRST_WAIT_S
        while True:
            found, wait_s = self._attempt(question, until)
            tokens += found.tokens
            if wait_s is None:
                return _with(found, tokens)
            wait_s = max(wait_s, random.uniform(bound / 2, bound))  # noqa: S311  # jitter
            bound = min(bound * 2, LONGEST_WAIT_S)
            if self._closed.is_set() or time.monotonic() + wait_s >= until:
                return _with(found, tokens)
            self._sleep(wait_s)

    def close(self) -> None:
        """Ends waiting, and breaks the connections off."""
        self._closed.set()
        self._client.close()

    def _pause(self, seconds: float) -> None:
        self._closed.wait(seconds)

    def _attempt[Shape: BaseModel](
        self, question: Question[Shape], until: float
    ) -> tuple[Answer[Shape] | Failure, float | None]:
        """(what came, None), or (what was the matter, least seconds to wait) where asking again may help."""
        timeout = min(self._timeout_s, until - time.monotonic())
        if timeout <= 0 or self._closed.is_set():
            return Failure(kind=FailureKind.UNAVAILABLE, text="The time for asking is over."), None
        try:
            return self._ask(question, timeout), None
        except openai.APITimeoutError:
            return _unavailable(f"The language model didn't answer within {timeout:.0f} seconds."), 0.0
        except openai.APIConnectionError:
            return _unavailable("The language model's server can't be reached (OPENAI_BASE_URL)."), 0.0
        except openai.APIStatusError as error:
            return _status_failure(error), _wait_s(error)
        except openai.LengthFinishReasonError as error:
            return _cut_off(_tokens(error.completion.usage)), None
        except openai.ContentFilterFinishReasonError:
            return _declined("its server's filter stopped the answer", Tokens(requests=1)), None
        except _UNREADABLE as error:
            return _unreadable(error, question), None

    def _ask[Shape: BaseModel](self, question: Question[Shape], timeout: float) -> Answer[Shape] | Failure:
        if self._knows_responses:
            try:
                return self._ask_responses(question, timeout)
            except openai.APIStatusError as error:
                if error.status_code not in _NO_SUCH_API or error.code == "model_not_found":
                    raise
                self._knows_responses = False
        return self._ask_chat(question, timeout)

    def _ask_responses[Shape: BaseModel](self, question: Question[Shape], timeout: float) -> Answer[Shape] | Failure:
        turns: ResponseInputParam = [{"role": turn.by, "content": turn.text} for turn in question.turns]
        said = self._client.responses.parse(
            model=self.name,
            instructions=question.instructions,
            input=turns,
            text_format=question.shape,
            max_output_tokens=self._max_tokens,
            store=False,
            timeout=timeout,
        )
        tokens = _tokens(said.usage)
        if said.status == "incomplete" and said.incomplete_details is not None:
            if said.incomplete_details.reason == "content_filter":
                return _declined("its server's filter stopped the answer", tokens)
            return _cut_off(tokens)
        if isinstance(said.output_parsed, question.shape):
            return Answer(content=said.output_parsed, tokens=tokens)
        for item in said.output:
            for part in item.content if item.type == "message" else ():
                if part.type == "refusal":
                    return _declined(part.refusal, tokens)
        return Failure(kind=FailureKind.UNREADABLE, text="it held no answer of the required JSON shape.", tokens=tokens)

    def _ask_chat[Shape: BaseModel](self, question: Question[Shape], timeout: float) -> Answer[Shape] | Failure:
        turns: list[ChatCompletionMessageParam] = [{"role": "system", "content": question.instructions}]
        for turn in question.turns:
            turns.append(
                {"role": "user", "content": turn.text}
                if turn.by == "user"
                else {"role": "assistant", "content": turn.text}
            )
        said = self._client.chat.completions.parse(
            model=self.name,
            messages=turns,
            response_format=question.shape,
            max_completion_tokens=self._max_tokens,
            timeout=timeout,
        )
        tokens, message = _tokens(said.usage), said.choices[0].message
        if message.parsed is not None:
            return Answer(content=message.parsed, tokens=tokens)
        if message.refusal:
            return _declined(message.refusal, tokens)
        return Failure(kind=FailureKind.UNREADABLE, text="it held no answer of the required JSON shape.", tokens=tokens)


def _with[Shape: BaseModel](found: Answer[Shape] | Failure, tokens: Tokens) -> Answer[Shape] | Failure:
    if isinstance(found, Failure):
        return Failure(kind=found.kind, text=found.text, tokens=tokens)
    return Answer(content=found.content, tokens=tokens)


def _tokens(usage: Any) -> Tokens:
    """What the server says it took; one that says nothing, or nonsense, is taken to have used none."""
    names = (
        ("input_tokens", "output_tokens") if hasattr(usage, "input_tokens") else ("prompt_tokens", "completion_tokens")
    )
    sent, received = (getattr(usage, name, 0) for name in names)
    return Tokens(sent=_count(sent), received=_count(received), requests=1)


def _count(number: object) -> int:
    return min(number, 10_000_000) if isinstance(number, int) and number > 0 else 0


# ---- what a failure means ------------------------------------------------------------------------------------------------


def _unavailable(text: str) -> Failure:
    return Failure(kind=FailureKind.UNAVAILABLE, text=text, tokens=Tokens(requests=1))


def _cut_off(tokens: Tokens) -> Failure:
    text = "the answer was longer than allowed (LLM_MAX_ANSWER_TOKENS) and was cut off."
    return Failure(kind=FailureKind.CUT_OFF, text=text, tokens=tokens)


def _declined(why: str, tokens: Tokens) -> Failure:
    return Failure(kind=FailureKind.DECLINED, text=f"The language model declined: {_quoted(why)}.", tokens=tokens)


def _unreadable(error: Exception, question: Question[Any]) -> Failure:
    """What such an answer took isn't told: the prompt is counted, at four characters a token."""
    prompt = len(question.instructions) + sum(len(turn.text) for turn in question.turns)
    what = "it wasn't JSON of the required shape."
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        what = f"it wasn't JSON of the required shape ({place + ': ' if place else ''}{first['msg']})."
    return Failure(kind=FailureKind.UNREADABLE, text=what, tokens=Tokens(sent=prompt // 4, requests=1))


def _status_failure(error: openai.APIStatusError) -> Failure:
    code = error.status_code
    if code in (401, 403):
        text = f"The language model's server doesn't accept OPENAI_API_KEY ({code}); put a valid key there."
    elif error.code in _SPENT:
        text = f"The language model's account is used up ({error.code}); its owner has to look after that."
    elif code == 429:
        return _unavailable("The language model's server asks for fewer requests; try again later.")
    elif code in _AGAIN_LATER:
        return _unavailable(f"The language model's server is out of order ({code}); try again later.")
    elif 300 <= code < 400:
        text = f"The language model's server sends us elsewhere ({code}); name the right address in OPENAI_BASE_URL."
    elif code in (404, 405):
        text = f"The language model's server knows no such model or address ({code}): look at OPENAI_MODEL and OPENAI_BASE_URL."
    else:  # of this question: the next one may be taken
        text = f"The language model's server refuses the question ({code}): {_quoted(_message(error))}"
        return Failure(kind=FailureKind.DECLINED, text=text, tokens=Tokens(requests=1))
    return Failure(kind=FailureKind.REFUSED, text=text, tokens=Tokens(requests=1))


def _message(error: openai.APIStatusError) -> object:
    """What the server says, without the client's own words around it."""
    return error.body["message"] if isinstance(error.body, dict) and "message" in error.body else error.message


def _wait_s(error: openai.APIStatusError) -> float | None:
    """Least seconds to wait before asking again; None when that can't help."""
    if error.status_code not in _AGAIN_LATER or error.code in _SPENT:
        return None
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "0")))
    except ValueError:
        return 0.0  # a date: the back-off has to do


def _quoted(text: object) -> str:
    """A server's own words, short, on one line and without secrets."""
    said = hide_secrets(" ".join(UNSTORABLE.sub(" ", str(text)).split()))
    return said if len(said) <= 200 else said[:199] + "…"
