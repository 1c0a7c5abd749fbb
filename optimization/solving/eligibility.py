"""Who takes part in a run. Pure: nothing is ever compared with today."""

from __future__ import annotations

import calendar
import datetime
import re
from functools import lru_cache

from optimization.solving.facts import Initiative, Scenario
from sheetsync.values.cells import fold

# Work that is finished or given up isn't planned again.
CLOSED = frozenset({"done", "rejected", "archived"})

_YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?:[ _-]*(?P<part>[qh]\d|\d{1,2}))?")
_YEAR_LAST = re.compile(r"(?P<part>[qh]\d)[ _-]*(?P<year>\d{4})")
_MONTHS = {"q": 3, "h": 6}  # months in a quarter, in a half


@lru_cache(maxsize=256)
def period_days(period: str) -> tuple[datetime.date, datetime.date] | None:
    """First and last day of a period (2026, 2026-H1, 2026-Q1, 2026-03, Q1 2026, ...); None when the text isn't one."""
    text = fold(period)
    match = _YEAR_FIRST.fullmatch(text) or _YEAR_LAST.fullmatch(text)
    if match is None or not 1 <= int(match["year"]) <= 9999:
        return None
    part, length = match["part"] or "", 12
    first = 1
    if part[:1] in _MONTHS:
        length = _MONTHS[part[0]]
        first = (int(part[1]) - 1) * length + 1
    elif part:
        first, length = int(part), 1
    last = first + length - 1
    if first < 1 or last > 12:
        return None
    year = int(match["year"])
    return datetime.date(year, first, 1), datetime.date(year, last, calendar.monthrange(year, last)[1])


def eligibility(initiative: Initiative, scenario: Scenario, ticked: frozenset[str] | None = None) -> str | None:
    """Why the initiative can't take part, each reason naming its column; None when it can.

    With `ticked`, whatever isn't ticked takes no part.
    """
    reasons = [reason for check in _CHECKS if (reason := check(initiative, scenario))]
    if ticked is not None and initiative.key not in ticked:
        reasons.append("it isn't ticked for this run")
    return "; ".join(reasons) or None


def _flag(initiative: Initiative, _: Scenario) -> str:
    return "" if initiative.is_candidate else "is_optimization_candidate isn't ticked"


def _lifecycle(initiative: Initiative, _: Scenario) -> str:
    return f"lifecycle_status is {initiative.lifecycle_status}" if initiative.lifecycle_status in CLOSED else ""


def _period(initiative: Initiative, scenario: Scenario) -> str:
    if not initiative.period.strip():
        return f"candidate_period_key is empty, the scenario's period is {scenario.period}"
    if initiative.period == scenario.period or _normal(initiative.period) == _normal(scenario.period):
        return ""
    return f"candidate_period_key is {initiative.period}, the scenario's period is {scenario.period}"


def _normal(period: str) -> object:
    return period_days(period) or fold(period)


def _tokens(initiative: Initiative, _: Scenario) -> str:
    return f"tokens unknown: {initiative.token_column} is empty" if initiative.tokens is None else ""


def _dates(initiative: Initiative, scenario: Scenario) -> str:
    if not (initiative.earliest_start or initiative.latest_finish or initiative.deadline):
        return ""
    days = period_days(scenario.period)
    if days is None:
        return ""
    first, last = days
    if initiative.earliest_start and initiative.earliest_start > last:
        return f"earliest_start_date {initiative.earliest_start} is after {scenario.period} ends"
    for column, day in (("latest_finish_date", initiative.latest_finish), ("deadline_date", initiative.deadline)):
        if day and day < first:
            return f"{column} {day} is before {scenario.period} begins"
        if day and initiative.earliest_start and day < initiative.earliest_start:
            return f"{column} {day} is before earliest_start_date {initiative.earliest_start}"
    return ""


_CHECKS = (_flag, _lifecycle, _period, _tokens, _dates)
