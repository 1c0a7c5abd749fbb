"""Prompts: the instructions of a task from its file in templates/prompts, and data fenced off from them.

What departments and PMs wrote is data. It is sent as JSON in a message of its own, between marks that it can't contain: in it every
angle bracket is written as an escape. The instructions say that nothing in there is an instruction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.template import Context, Engine, TemplateDoesNotExist, TemplateSyntaxError

from productops.formulas.functions import FUNCTIONS
from productops.formulas.tree import MAX_EXPONENT, MAX_MAGNITUDE
from sheetsync.runs.actions import NotPossible

DATA_BEGINS, DATA_ENDS = "<data>", "</data>"
LONGEST_TEXT = 2_000  # characters of one text that are sent
SUGGEST_MODEL, SUMMARISE = "suggest_math_model.txt", "summarise_initiative.txt"
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def instructions_for(task: str, **facts: object) -> str:
    """The task's file, filled in. Raises NotPossible when somebody's own file can't be used."""
    folders = [
        folder for folder in (settings.LLM_PROMPTS_DIR, str(settings.BASE_DIR / "templates" / "prompts")) if folder
    ]
    engine = Engine(dirs=folders, autoescape=False)
    known = {
        "functions": "; ".join(function.usage for function in FUNCTIONS.values()),
        "max_exponent": f"{MAX_EXPONENT:,.0f}",
        "max_magnitude": f"{MAX_MAGNITUDE:.0e}",
        "data_begins": DATA_BEGINS,
        "data_ends": DATA_ENDS,
        **facts,
    }
    try:
        return engine.get_template(task).render(Context(known)).strip()
    except (TemplateDoesNotExist, TemplateSyntaxError, OSError, UnicodeDecodeError) as error:
        raise NotPossible(f"the prompt file {task} can't be used: {error}") from error


def fenced(data: Mapping[str, Any]) -> str:
    """Data as one message."""
    text = json.dumps(_shortened(data), ensure_ascii=False, indent=1, sort_keys=False)
    return f"{DATA_BEGINS}\n{text.translate(_ESCAPES)}\n{DATA_ENDS}"


def unfenced(message: str) -> dict[str, Any] | None:
    """The data of such a message again; None when it holds none."""
    _before, begins, rest = message.partition(DATA_BEGINS)
    text, ends, _after = rest.partition(DATA_ENDS)
    if not (begins and ends):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _shortened(value: Any) -> Any:
    """Texts cut to what is sent, empty ones left out."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + " (cut)"
    if isinstance(value, Mapping):
        return {key: _shortened(entry) for key, entry in value.items() if entry not in ("", None, [], {})}
    if isinstance(value, list | tuple):
        return [_shortened(entry) for entry in value]
    return value
