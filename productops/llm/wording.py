"""What a language model wrote, as cells may show it: plain text, no links, no longer than people read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from productops.llm.conversation import REVISIONS, Outcome
from productops.llm.shapes import SuggestedModel, SuggestedParameter
from sheetsync.values.words import UNSTORABLE, trim

MAX_SUMMARY = 600  # characters
_MAX_LINES = 8  # of each list in the notes
_MAX_LINE = 240  # characters
_READ = 5_000  # characters of a text that are looked at: more isn't shown anyway
NO_LINK = "(link left out)"

# Spreadsheets make links of texts like these by themselves, and nobody checked where they lead.
_LINK = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.|\bmailto:|\bjavascript:|\bdata:\w+/)\S*"
    r"|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|info|biz|dev|app|link|xyz|ru|cn|co\.uk)\b\S*",
    re.IGNORECASE,
)
_MARKDOWN_LINK = re.compile(r"!?\[([^\]\n]{0,200})\]\([^)\n]*\)")


def has_link(text: str) -> bool:
    """Whether something in it would become a link, or an address to write to."""
    return bool(_LINK.search(text[:_READ]) or _MARKDOWN_LINK.search(text[:_READ]))


def as_plain_text(text: str) -> str:
    """On one line, without links and characters that no cell can hold."""
    plain = UNSTORABLE.sub(" ", _LINK.sub(NO_LINK, _MARKDOWN_LINK.sub(r"\1", text[:_READ])))
    return trim(" ".join(plain.split()))


def notes_on(outcome: Outcome[SuggestedModel], *, said_by: str) -> str:
    """What stands in llm_notes: what was assumed, what to check, which parameters it needs, what still doesn't fit."""
    content = outcome.content
    assert content is not None, "there is nothing to note without an answer"
    parts = [
        _listed("Assumed", content.assumptions),
        _listed("Unsure of", content.unsure_of),
        _listed("New parameters", map(_parameter, content.new_parameters)),
        _listed(_unfit(outcome), outcome.problems),
        f"Suggested by {said_by}; nothing counts until you copy it into your own columns and approve it.",
    ]
    return "\n".join(part for part in parts if part)


def _unfit(outcome: Outcome[SuggestedModel]) -> str:
    tries = f"after {outcome.revisions} of {REVISIONS} revisions" if outcome.revisions else "at once"
    return f"Still doesn't fit, {tries}"


def _parameter(parameter: SuggestedParameter) -> str:
    return f"{parameter.name} ({parameter.unit.strip() or 'no unit'}): {parameter.meaning}"


def _listed(title: str, lines: Iterable[str]) -> str:
    shown = [_shortened(text) for line in lines if (text := as_plain_text(line))]
    return f"{title}: " + _joined(shown) if shown else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_LINE else text[: _MAX_LINE - 1].rstrip() + "…"


def _joined(lines: Sequence[str]) -> str:
    more = f" And {len(lines) - _MAX_LINES} more." if len(lines) > _MAX_LINES else ""
    return " ".join(f"{line.rstrip('.')}." for line in lines[:_MAX_LINES]) + more
