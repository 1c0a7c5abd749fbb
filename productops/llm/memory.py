"""A language model in memory: it gives the answers it was given, then those of the stand-in's rules. Ships for tests and dry runs."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from productops.llm.language_model import Answer, Failure, Question, Tokens
from productops.llm.prompts import unfenced
from productops.llm.stand_in import stand_in_answer


@dataclass
class MemoryModel:
    """Answers without asking anybody; remembers what it was asked."""

    script: Iterable[BaseModel | Failure] = ()  # answers to the first questions, in order
    name: str = "in memory"
    address: str = "memory:"
    asked: list[Question[Any]] = field(default_factory=list)
    closed: bool = False

    def __post_init__(self) -> None:
        self._answers = iter(self.script)
        self._turn = threading.Lock()

    def answer[Shape: BaseModel](self, question: Question[Shape], *, until: float) -> Answer[Shape] | Failure:
        """The next of the script, else what the rules say."""
        with self._turn:
            self.asked.append(question)
            found = next(self._answers, None)
        if isinstance(found, Failure):
            return found
        if found is None:
            found = stand_in_answer(question.shape.__name__, unfenced(question.turns[0].text) or {})
        content = question.shape.model_validate(found.model_dump())
        return Answer(content=content, tokens=Tokens(sent=100, received=50, requests=1))

    def close(self) -> None:
        """Nothing is under way."""
        self.closed = True
