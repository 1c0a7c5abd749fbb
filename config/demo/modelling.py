"""The demo's chapters about models: drafts that don't go together, an assumption that changes later, a language model's suggestion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings

from config.demo import steps
from config.demo.advice import ADVICE
from config.demo.shelf import BOOKS, shown_cells
from config.demo.steps import Filling
from productops.llm.server import LlmServer
from productops.llm.stand_in import NAME
from productops.models import InitiativeMathModel
from sheetsync.registry import registry
from sheetsync.tabs import Role

if TYPE_CHECKING:
    from config.demo.story import Story

SUGGEST, SUMMARISE = "pm.suggest_math_model_llm", "pm.generate_llm_summary"


def work_on_models(story: Story) -> None:
    """A workshop's drafts, one for each thing that the report on models tells of; a suggestion that a PM accepts and brings the numbers
    for; an adopted number that goes stale."""
    productops, keys = story.workbook(Role.PRODUCTOPS), story.progress.keys
    for filling in (steps.drafts(keys), steps.second_draft(keys), steps.wishes(keys)):
        story.type_once(filling)
    _ask_for_advice(story)
    accepted = _accepted(story, keys)
    if accepted.rows:
        story.type_once(accepted)
    story.act("pm.save_selected", productops, tab="MathModels")
    story.act("pm.seed_math_params", productops, keys=story.own_keys())
    for filling in (steps.draft_params(keys), steps.advised_params(keys), steps.later_value(keys)):
        story.type_once(filling)
    story.act("pm.score_selected", productops, keys=story.own_keys())
    story.act("pm.backlog_sync", story.workbook(Role.BACKLOG), keys=story.own_keys())


# ---- the language model ------------------------------------------------------------------------------------------------


def _ask_for_advice(story: Story) -> None:
    """Asks about a few initiatives, until something was suggested."""
    asked = tuple(sorted(story.progress.keys[ref] for ref in ADVICE if ref in story.progress.keys))
    suggested = InitiativeMathModel.objects.filter(initiative__initiative_key__in=asked, suggested_by_llm=True)
    if asked and not suggested.exists():
        with somebody_answers(story):
            story.act(SUGGEST, story.workbook(Role.PRODUCTOPS), may_fail=True, keys=asked)
            story.act(SUMMARISE, story.workbook(Role.BACKLOG), may_fail=True, keys=asked)


@contextmanager
def somebody_answers(story: Story) -> Iterator[None]:
    """The settings' language model where the demo may spend; else the stand-in, on a port of its own."""
    if story.may_spend and settings.OPENAI_API_KEY:
        story.say(f"Suggestions: {settings.OPENAI_MODEL} is asked, as you said it may be")
        yield
        return
    why = "OPENAI_API_KEY isn't set" if not settings.OPENAI_API_KEY else "the demo spends nothing unless told to"
    story.say(f"Suggestions: no language model is asked ({why}); the stand-in of manage.py llm_server answers by rules")
    with LlmServer().running() as server, _settings(OPENAI_API_KEY="stand-in", OPENAI_BASE_URL=server.url):
        yield


@contextmanager
def _settings(**wanted: str) -> Iterator[None]:
    """Other settings for a while, in this process alone."""
    wanted = {**wanted, "OPENAI_MODEL": NAME}
    before = {name: getattr(settings, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(settings, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


def _accepted(story: Story, keys: steps.Keys) -> Filling:
    """What a PM copies from the suggestion columns into her own, with a first step of her own before the chain."""
    tab = registry.get(Role.PRODUCTOPS, "MathModels").tab
    rows = []
    for ref, advice in ADVICE.items():
        key = keys.get(ref, "")
        shown = shown_cells(story.shelf, BOOKS[Role.PRODUCTOPS], tab, key) if advice.is_accepted else {}
        formula, chain = shown.get("llm_suggested_formula_text"), shown.get("llm_suggested_metric_chain_text")
        if formula and chain:
            own = f"{advice.first_step} -> {chain}"
            rows.append(
                {
                    "initiative_key": key,
                    "formula_text": formula,
                    "metric_chain_text": own,
                    "assumptions_text": "Letters go to diners who agreed to get them.",
                    "approved_by_user": True,
                }
            )
    return Filling(role=Role.PRODUCTOPS, tab="MathModels", name="accepted", rows=tuple(rows))
