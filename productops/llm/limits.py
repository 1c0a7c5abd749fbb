"""What asking may take at most, as the settings say."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from productops.llm.language_model import LanguageModel
from sheetsync.runs.actions import NotPossible


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of one run, and of a day."""

    rows: int  # questions that one run asks; 0 is no limit
    tokens_a_day: int  # sent and received together, over 24 hours; 0 is no limit
    run_s: float  # seconds that one run asks for
    at_once: int  # questions under way at the same time


def limits() -> Limits:
    """Of this installation."""
    return Limits(
        rows=settings.LLM_MAX_ROWS,
        tokens_a_day=settings.LLM_TOKENS_PER_DAY,
        run_s=settings.LLM_RUN_LIMIT_S,
        at_once=max(1, settings.LLM_AT_ONCE),
    )


def open_language_model() -> LanguageModel:
    """The one that the settings name. Raises NotPossible that says which setting is missing."""
    missing = [name for name in ("OPENAI_API_KEY", "OPENAI_MODEL") if not getattr(settings, name)]
    if missing:
        raise NotPossible(
            f"no language model is set up: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} empty. "
            "Your operator sets it; everything else works without"
        )
    model: LanguageModel = import_string(settings.LANGUAGE_MODEL)(
        key=settings.OPENAI_API_KEY,
        name=settings.OPENAI_MODEL,
        address=settings.OPENAI_BASE_URL,
        timeout_s=settings.LLM_TIMEOUT_S,
        patience_s=settings.LLM_PATIENCE_S,
        max_answer_tokens=settings.LLM_MAX_ANSWER_TOKENS,
    )
    return model
