"""What a language model said earlier: the same question costs nothing, and a day's tokens are counted."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone
from pydantic import BaseModel, ValidationError

from productops.llm.conversation import Outcome
from productops.llm.language_model import LanguageModel, Question
from productops.models import LanguageModelAnswer

DAY = datetime.timedelta(hours=24)
_BATCH = 500


def question_hash(model: LanguageModel, question: Question[Any]) -> str:
    """The same for the same question to the same model, on every machine."""
    asked = [
        model.name,
        model.address,
        question.instructions,
        [[turn.by, turn.text] for turn in question.turns],
        question.shape.model_json_schema(),
    ]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def remembered[Shape: BaseModel](hashes: Collection[str], shape: type[Shape]) -> dict[str, Outcome[Shape]]:
    """hash -> what was answered, of those that could be read."""
    found: dict[str, Outcome[Shape]] = {}
    wanted = list(hashes)
    for start in range(0, len(wanted), _BATCH):
        rows = LanguageModelAnswer.objects.filter(question_hash__in=wanted[start : start + _BATCH])
        for row in rows.filter(content_json__isnull=False).order_by("pk"):
            try:
                content = shape.model_validate(row.content_json)
            except ValidationError:
                continue  # of an earlier version of the shape
            found[row.question_hash] = Outcome(
                content=content, problems=tuple(row.problems_json), revisions=row.revisions
            )
    return found


def remember(task: str, about: str, asked: str, model: LanguageModel, outcome: Outcome[Any], run_id: str) -> None:
    """Keeps what came of a question, and what it took. `asked`: its hash."""
    now = timezone.now()
    LanguageModelAnswer.objects.create(
        question_hash=asked,
        task=task[:60],
        about=about[:300],
        model_name=model.name[:200],
        content_json=_content(outcome),
        problems_json=list(outcome.problems),
        failure=outcome.failure.text if outcome.failure else "",
        revisions=outcome.revisions,
        requests=outcome.tokens.requests,
        tokens_sent=outcome.tokens.sent,
        tokens_received=outcome.tokens.received,
        run_id=run_id,
        asked_at=now,
        used_at=now,
    )


def _content(outcome: Outcome[Any]) -> dict[str, Any] | None:
    """The answer as it is kept. A conversation that broke off is worth asking again."""
    if outcome.content is None or outcome.failure is not None:
        return None
    kept: dict[str, Any] = outcome.content.model_dump()
    return kept


def mark_used(hashes: Iterable[str]) -> None:
    """They answered once more: they are kept for longer."""
    LanguageModelAnswer.objects.filter(question_hash__in=list(hashes)).update(used_at=timezone.now())


def tokens_of_the_day() -> int:
    """What was sent and received within the last 24 hours."""
    since = LanguageModelAnswer.objects.filter(asked_at__gte=timezone.now() - DAY)
    sums: Mapping[str, int | None] = since.aggregate(sent=Sum("tokens_sent"), received=Sum("tokens_received"))
    return (sums["sent"] or 0) + (sums["received"] or 0)


def prune() -> int:
    """Forgets answers that nobody asked for since LLM_KEEP_DAYS; how many."""
    before = timezone.now() - datetime.timedelta(days=settings.LLM_KEEP_DAYS)
    gone, _by_model = LanguageModelAnswer.objects.filter(used_at__lt=before, asked_at__lt=timezone.now() - DAY).delete()
    return gone
