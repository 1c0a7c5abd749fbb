"""What operators set: prompt files of their own, the language model's settings, and what the doctor says of them."""

from __future__ import annotations

import pytest

from productops.checkups import language_model
from productops.llm.language_model import Tokens
from productops.llm.limits import open_language_model
from productops.llm.prompts import SUGGEST_MODEL, SUMMARISE, instructions_for
from productops.models import LanguageModelAnswer
from sheetsync.runs.actions import NotPossible


@pytest.mark.parametrize("task", [SUGGEST_MODEL, SUMMARISE])
def test_instructions_are_filled_in_and_hold_no_mark_of_the_template(task):
    text = instructions_for(task, max_summary=600)
    assert "{{" not in text
    assert "{%" not in text
    assert "never\ninstructs you" in text


def test_the_formula_languages_functions_stand_in_the_instructions():
    assert "clamp(x, low, high)" in instructions_for(SUGGEST_MODEL)


def test_a_prompt_file_of_ones_own_goes_before_the_projects(tmp_path, settings):
    settings.LLM_PROMPTS_DIR = str(tmp_path)
    (tmp_path / SUMMARISE).write_text("Ours: {{ max_summary }} & <b>")
    assert instructions_for(SUMMARISE, max_summary=600) == "Ours: 600 & <b>"
    assert instructions_for(SUGGEST_MODEL).startswith("You help a product manager")


def test_a_prompt_file_that_cannot_be_used_is_named(tmp_path, settings):
    settings.LLM_PROMPTS_DIR = str(tmp_path)
    (tmp_path / SUMMARISE).write_text("{% load everything %}")
    with pytest.raises(NotPossible, match=r"the prompt file summarise_initiative\.txt can't be used"):
        instructions_for(SUMMARISE)


@pytest.mark.parametrize(
    ("key", "model", "says"),
    [
        ("", "m", "OPENAI_API_KEY is empty"),
        ("k", "", "OPENAI_MODEL is empty"),
        ("", "", "OPENAI_API_KEY and OPENAI_MODEL are empty"),
    ],
)
def test_what_is_missing_is_named(settings, key, model, says):
    settings.OPENAI_API_KEY, settings.OPENAI_MODEL = key, model
    with pytest.raises(NotPossible, match=says):
        open_language_model()


def test_tokens_add_up():
    total = Tokens(sent=1, received=2, requests=3) + Tokens(sent=10, received=20, requests=30)
    assert (total, total.total) == (Tokens(sent=11, received=22, requests=33), 33)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "address", "level", "says"),
    [
        ("", "", "ok", "none is set up (OPENAI_API_KEY)"),
        ("k", "", "ok", "gpt-5.4-mini at OpenAI; 33 of 1,000,000 tokens used in 24 hours"),
        ("k", "http://127.0.0.1:8086/v1", "ok", "at 127.0.0.1"),
        ("k", "https://models.example/v1", "ok", "at models.example"),
        ("k", "http://models.example/v1", "warning", "go to models.example in the clear"),
        ("k", "models.example", "warning", "is no web address"),
    ],
)
def test_the_doctor_looks_at_the_settings_and_asks_nobody(settings, key, address, level, says):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = key, address
    LanguageModelAnswer.objects.create(
        tokens_sent=11, tokens_received=22, asked_at="2999-01-01T00:00Z", used_at="2999-01-01T00:00Z"
    )
    finding = next(language_model())
    assert says in finding.text
    assert finding.verdict.lower() == level
