"""Asking until the answer fits: suggest, check, say what is wrong, at most two revisions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from productops.llm.language_model import Answer, Failure, FailureKind, LanguageModel, Question, Tokens, Turn
from sheetsync.values.words import UNSTORABLE

REVISIONS = 2
_WORTH_ANOTHER_TRY = frozenset({FailureKind.UNREADABLE, FailureKind.CUT_OFF})


@dataclass(frozen=True, kw_only=True)
class Outcome[Shape: BaseModel]:
    """What came of one conversation."""

    content: Shape | None  # the last answer that could be read; None when there was none
    problems: tuple[str, ...] = ()  # what still doesn't fit in it, a sentence each
    failure: Failure | None = None  # why it ended early
    tokens: Tokens = field(default_factory=Tokens)
    revisions: int = 0  # how often it was asked to mend something


def converse[Shape: BaseModel](
    model: LanguageModel,
    question: Question[Shape],
    check: Callable[[Shape], Sequence[str]],
    *,
    until: float,
) -> Outcome[Shape]:
    """Asks, and asks again for what `check` finds wrong. What the model says is only ever compared, never carried out."""
    outcome: Outcome[Shape] = Outcome(content=None)
    for revision in range(REVISIONS + 1):
        answer = model.answer(question, until=until)
        outcome = _after(outcome, answer, check, revision)
        if isinstance(answer, Failure) and answer.kind not in _WORTH_ANOTHER_TRY:
            break
        if not isinstance(answer, Failure) and not outcome.problems:
            break
        question = _asked_again(question, answer, outcome.problems)
    return outcome


def _after[Shape: BaseModel](
    before: Outcome[Shape], answer: Answer[Shape] | Failure, check: Callable[[Shape], Sequence[str]], revision: int
) -> Outcome[Shape]:
    """An answer that can be read replaces an earlier one, and a failure never does."""
    tokens = before.tokens + answer.tokens
    if isinstance(answer, Failure):
        return replace(before, failure=answer, tokens=tokens, revisions=revision)
    content = type(answer.content).model_validate(_storable(answer.content.model_dump()))
    return Outcome(content=content, problems=tuple(check(content)), tokens=tokens, revisions=revision)


def _storable(value: Any) -> Any:
    """Without the characters that neither a cell nor a table can hold."""
    if isinstance(value, str):
        return UNSTORABLE.sub(" ", value)
    if isinstance(value, dict):
        return {name: _storable(entry) for name, entry in value.items()}
    return [_storable(entry) for entry in value] if isinstance(value, list) else value


def _asked_again[Shape: BaseModel](
    question: Question[Shape], answer: Answer[Shape] | Failure, problems: Sequence[str]
) -> Question[Shape]:
    if isinstance(answer, Failure):
        said = [f"Your answer couldn't be used: {answer.text} Answer again, shorter, in the required JSON."]
        return replace(question, turns=(*question.turns, Turn(by="user", text=said[0])))
    listed = "\n".join(f"- {problem}" for problem in problems)
    wish = f"These things don't fit:\n{listed}\nMend them, keep the rest, and give the whole answer again."
    own = Turn(by="assistant", text=answer.content.model_dump_json())
    return replace(question, turns=(*question.turns, own, Turn(by="user", text=wish)))
