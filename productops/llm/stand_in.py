"""A stand-in for a language model: a few rules that answer from the data alone, and say that they are rules. Pure.

It lets the whole way be tried without an account: prompts, checks, limits, what is written where. What it suggests is a start at best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from productops.llm.shapes import SuggestedModel, SuggestedParameter, Summary
from productops.llm.wording import as_plain_text
from productops.units.words import CURRENCIES
from sheetsync.values.words import snake_case

NAME = "stand-in"
SAYS_SO = "This comes from the rules of manage.py llm_server, which stand in for a language model"
_SHARES = frozenset({"fraction", "percent", "%", "share", "rate", "ratio", "pp"})


@dataclass(frozen=True, kw_only=True)
class _Pattern:
    """One way in which an initiative moves a KPI."""

    formula: str  # with {time} where the months belong
    chain: tuple[str, ...]  # metrics before the KPI
    parameters: tuple[tuple[str, str, str], ...]  # (name, unit with {money}, meaning)


_VOLUME = (
    "reached_users_per_month",
    "users/month",
    "who meets the change in a month; the product's own statistics say it",
)
_UPLIFT = ("conversion_uplift", "fraction", "the share of them that does more because of it; a test would tell")
_WORTH = ("value_per_user", "{money}/user", "what one of these is worth; finance knows")
_MONEY_PATTERN = _Pattern(
    formula="value = reached_users_per_month * conversion_uplift * value_per_user * {time}",
    chain=("reached_users_per_month", "conversion_uplift"),
    parameters=(_VOLUME, _UPLIFT, _WORTH),
)
_SHARE_PATTERN = _Pattern(
    formula="value = affected_share * improvement",
    chain=("affected_share", "improvement"),
    parameters=(
        ("affected_share", "fraction", "the share of everybody whom this reaches"),
        ("improvement", "fraction", "by how much it rises for those"),
    ),
)
_COUNT_PATTERN = _Pattern(
    formula="value = reached_users_per_month * conversion_uplift * {time}",
    chain=("reached_users_per_month", "conversion_uplift"),
    parameters=(_VOLUME, _UPLIFT),
)
_MONTHS = ("months", "months", "for how many months it counts: 12 for a year")
_MONTHS_A_YEAR = ("months_a_year", "months/year", "12")


def stand_in_answer(shape: str, data: Mapping[str, Any]) -> BaseModel:
    """The answer of that shape (by its class name). KeyError for a shape that no rule knows."""
    rules = {SuggestedModel.__name__: _suggested_model, Summary.__name__: _summary}
    return rules[shape](data)


def _suggested_model(data: Mapping[str, Any]) -> SuggestedModel:
    kpi, unit = _target(data)
    pattern, money = _pattern(unit)
    time = _MONTHS_A_YEAR if "/" in unit or " per " in unit else _MONTHS
    timed = "{time}" in pattern.formula
    existing = {str(entry.get("name")) for entry in _entries(data, "parameters")}
    wanted = (*pattern.parameters, time) if timed else pattern.parameters
    return SuggestedModel(
        formula_text=pattern.formula.format(time=time[0]),
        metric_chain_text=" -> ".join([*pattern.chain, kpi]),
        new_parameters=[
            SuggestedParameter(name=name, unit=measured.format(money=money), meaning=meaning)
            for name, measured, meaning in wanted
            if name not in existing
        ],
        assumptions=[f"{SAYS_SO}: the pattern for a KPI in {unit or 'plain numbers'}"],
        unsure_of=["Whether this pattern fits the initiative at all: no model has read it"],
    )


def _target(data: Mapping[str, Any]) -> tuple[str, str]:
    """(kpi_key, unit): the model's target, else the first KPI, which is the north star."""
    kpis = _entries(data, "kpis")
    target = str((data.get("model") or {}).get("target_kpi_key") or "")
    chosen = next((kpi for kpi in kpis if kpi.get("kpi_key") == target), kpis[0] if kpis else {"kpi_key": "kpi"})
    return str(chosen.get("kpi_key")), str(chosen.get("unit") or "")


def _pattern(unit: str) -> tuple[_Pattern, str]:
    first = unit.replace(" per ", "/").partition("/")[0].strip()
    if first.upper() in CURRENCIES:
        return _MONEY_PATTERN, first.upper()
    return (_SHARE_PATTERN if first.casefold() in _SHARES else _COUNT_PATTERN), ""


def _entries(data: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    found = data.get(name)
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def _summary(data: Mapping[str, Any]) -> Summary:
    about = data.get("initiative") or {}
    kpi = str(about.get("moves") or "")
    sentences = [
        _sentence(str(about.get("title") or "This initiative")),
        _sentence(_first_sentence(str(about.get("problem_statement") or ""))),
        _sentence(_first_sentence(str(about.get("hypothesis") or ""))),
        f"It should move {snake_case(kpi)}." if kpi else "",
        f"({SAYS_SO}.)",
    ]
    return Summary(summary=" ".join(filter(None, sentences)))


def _first_sentence(text: str) -> str:
    first = " ".join(text.split()).partition(". ")[0]
    return first if len(first) <= 160 else first[:159].rstrip() + "…"


def _sentence(text: str) -> str:
    text = as_plain_text(text).rstrip(".")
    return f"{text}." if text else ""
