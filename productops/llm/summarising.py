"""Questions for summaries of initiatives."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from backlog.models import Initiative, LifecycleStatus
from productops.llm.asking import Ask, NotAsked
from productops.llm.conversation import Outcome
from productops.llm.facts import about_summary
from productops.llm.language_model import Question, Turn
from productops.llm.prompts import SUMMARISE, fenced, instructions_for
from productops.llm.shapes import Summary
from productops.llm.suggestion_checks import check_summary
from productops.llm.wording import MAX_SUMMARY, as_plain_text
from productops.scores.evaluation import PICKED, load_kpis
from sheetsync.syncing.view import identity_text

# Nobody plans these any more; they are summarised when they are named.
SETTLED = (LifecycleStatus.DONE, LifecycleStatus.REJECTED, LifecycleStatus.ARCHIVED)

Summaries = Mapping[str, Outcome[Summary] | NotAsked]  # by identity text of the row


def questions(keys: Collection[str]) -> list[Ask[Summary]]:
    """A question for each initiative of these keys; none asks for all that are still to be planned or under way."""
    stored = Initiative.objects.order_by("initiative_key")
    if not keys:
        stored = stored.exclude(lifecycle_status__in=SETTLED)
    elif len(keys) <= PICKED:
        stored = stored.filter(initiative_key__in=list(keys))
    kpis, instructions = load_kpis(), instructions_for(SUMMARISE, max_summary=MAX_SUMMARY)
    return [
        Ask(
            key=identity_text([initiative.initiative_key]),
            about=initiative.initiative_key,
            question=Question(
                instructions=instructions,
                turns=(Turn(by="user", text=fenced(about_summary(initiative, kpis))),),
                shape=Summary,
            ),
            check=check_summary,
        )
        for initiative in stored
        if not keys or initiative.initiative_key in keys
    ]


def text_of(outcome: Outcome[Summary]) -> str:
    """The summary as it may be stored; "" when it may not."""
    if outcome.content is None or outcome.problems:
        return ""
    return as_plain_text(outcome.content.summary)


def why_none(outcome: Outcome[Summary]) -> str:
    """Why there is no summary, a sentence."""
    if outcome.failure is not None:
        return f"no summary. {outcome.failure.text}"
    return f"no summary: what the language model wrote can't be shown. {' '.join(outcome.problems)}"
