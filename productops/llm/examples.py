"""Approved models of similar initiatives, as examples for a suggestion. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sheetsync.values.words import fold

MOST = 3
_WORD = re.compile(r"[^\W\d_]{4,}")
_SAME_TARGET, _SAME_AREA = 0.5, 0.2  # beside the share of words in common, which is 1 at most


@dataclass(frozen=True, kw_only=True)
class Approved:
    """A model that a person approved."""

    initiative_key: str
    model_name: str
    title: str  # the initiative's
    product_area: str
    words: frozenset[str]  # of the initiative's texts
    target_kpi_key: str
    formula_text: str
    metric_chain_text: str


def words_of(*texts: str) -> frozenset[str]:
    """The words of four letters and more, in lower case."""
    return frozenset(word.casefold() for text in texts for word in _WORD.findall(text))


def similar(
    approved: Iterable[Approved], *, initiative_key: str, words: frozenset[str], target: str, area: str
) -> list[Approved]:
    """The nearest ones of other initiatives, the most similar first."""

    def nearness(one: Approved) -> float:
        together = len(words | one.words)
        shared = len(words & one.words) / together if together else 0.0
        same_target = _SAME_TARGET * (bool(target) and fold(one.target_kpi_key) == fold(target))
        return shared + same_target + _SAME_AREA * (bool(area) and fold(one.product_area) == fold(area))

    others = [one for one in approved if one.initiative_key != initiative_key]
    others.sort(key=lambda one: (-nearness(one), one.initiative_key, one.model_name))
    return others[:MOST]
