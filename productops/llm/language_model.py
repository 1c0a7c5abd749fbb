"""What a language model is to the rest: a question goes in, an answer of a given shape or a failure comes out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import BaseModel


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What asking took, as the server counted it."""

    sent: int = 0  # tokens of the prompts
    received: int = 0  # tokens of the answers
    requests: int = 0  # requests that were answered, also by an error

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            sent=self.sent + other.sent,
            received=self.received + other.received,
            requests=self.requests + other.requests,
        )

    @property
    def total(self) -> int:
        """Both directions."""
        return self.sent + self.received


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One message of a conversation."""

    by: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, kw_only=True)
class Question[Shape: BaseModel]:
    """What is asked: there are no tools, and the answer has a shape."""

    instructions: str  # how to answer; the project's own words, never anybody's data
    turns: tuple[Turn, ...]  # the data, and what was said about earlier answers
    shape: type[Shape]  # what the answer must be


class FailureKind(StrEnum):
    """Why there is no answer, and with it what to do."""

    UNREADABLE = "unreadable"  # something came that isn't of the shape: say so and ask again
    CUT_OFF = "cut_off"  # the answer was longer than allowed: say so and ask again
    DECLINED = "declined"  # the model won't answer this question: go on with the next
    UNAVAILABLE = "unavailable"  # busy, broken or silent for as long as patience lasts: go on with the next
    REFUSED = "refused"  # the server takes no question of ours: key, model or address are wrong; ask nothing more


@dataclass(frozen=True, kw_only=True)
class Answer[Shape: BaseModel]:
    """What the model said."""

    content: Shape
    tokens: Tokens


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why it said nothing that can be used."""

    kind: FailureKind
    text: str  # for people: what happened, and what to do
    tokens: Tokens = Tokens()


class LanguageModel(Protocol):
    """Anything that answers. May be asked from several threads at once."""

    name: str  # which model
    address: str  # where it is served; "" for the library's own default

    def answer[Shape: BaseModel](self, question: Question[Shape], *, until: float) -> Answer[Shape] | Failure:
        """Answers, or says why not, before `until` (in seconds of time.monotonic)."""
        ...

    def close(self) -> None:
        """Breaks off what is still under way; nothing is asked after this."""
        ...
