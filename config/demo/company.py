"""Larkspoon, a restaurant-booking marketplace that doesn't exist: its departments, what they hand in, what PMs plan.

Pure data and its reading. The rows stand in `data/`, as people typed them; `ref` (D01, R01, P01) is ours alone: it names
an initiative before the backend has given it a key, and is never written to a workbook.
"""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

COMPANY = "Larkspoon"
PERIOD = "2026-Q3"
DATA = Path(__file__).parent / "data"

# What a person types into a cell; None leaves it alone.
Cell = None | bool | int | float | str | datetime.date
Cells = Mapping[str, Cell]

# The market that PMs plan a country in.
MARKETS = {
    "UK": "UKI",
    "Ireland": "UKI",
    "Germany": "DACH",
    "Austria": "DACH",
    "Spain": "Iberia",
    "Portugal": "Iberia",
    "Group": "Group",
}

_REF = re.compile(r"\b[DRP]\d\d\b")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class IntakeForm:
    """One department's intake workbook, laid out by the person who keeps it."""

    file: str  # file name without .xlsx, and the workbook's title
    tab: str  # the sheet's name
    department: str  # of rows that name none
    author: str  # who made the sheet
    instructions: tuple[str, ...]  # rows above the header
    rows_csv: str  # file in `data/`
    add_columns: bool = False  # whether it has no column for keys, so that `connect` must add one

    @property
    def headers(self) -> tuple[str, ...]:
        """The header row, in the author's own words and order."""
        return tuple(_table(self.rows_csv)[0])[1:]

    @property
    def rows(self) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
        """(ref, cells in the order of the headers); the ref is "" for rows that can't become initiatives."""
        rows = []
        for row in _table(self.rows_csv):
            ref, *cells = row.values()
            rows.append((ref, tuple(as_typed(cell) for cell in cells)))
        return tuple(rows)

    @property
    def title_header(self) -> str:
        """This sheet's word for the title."""
        return next(header for header in self.headers if header in ("Idea", "Initiative title", "Summary"))


FORMS = (
    IntakeForm(
        file="Diner growth ideas",
        tab="Ideas 2026",
        department="Diner Growth",
        author="Maya Lind, London",
        instructions=("Diner Growth: ideas for the second half", "One idea a row. Votes are counted on Fridays.", ""),
        rows_csv="diner_growth.csv",
        add_columns=True,
    ),
    IntakeForm(
        file="Restaurant success wishes",
        tab="Wishes",
        department="Restaurant Success",
        author="Lucía Prat, Madrid",
        instructions=("What restaurants ask us for", "The key is filled in by itself; please never type one."),
        rows_csv="restaurant_success.csv",
    ),
    IntakeForm(
        file="Platform and payments requests",
        tab="Requests",
        department="Platform",
        author="Oskar Wirth, Berlin",
        instructions=("Sorted by ticket. Estimates are in days of one engineer.",),
        rows_csv="platform.csv",
        add_columns=True,
    ),
)


# What PMs correct in Backlog because intake got it wrong: ref -> column -> what holds.
CORRECTIONS: Mapping[str, Cells] = {
    "R13": {"country": "UK", "market": "UKI"},
    "D07": {"requester_email": "tom.achebe@larkspoon.example"},
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What PMs fill in for one initiative, column by column."""

    ref: str
    backlog: Cells
    scoring: Cells
    contribution: str  # as typed into KPI_Contributions; "" for none
    adopts: bool  # whether the contribution is adopted from the math model


@cache
def plans() -> tuple[Plan, ...]:
    """Every initiative's plan, in the order of the refs."""
    countries = _countries()
    scored_twice = _second_scoring()
    return tuple(
        _plan(row, MARKETS.get(countries[row["ref"]]), scored_twice.get(row["ref"], {}))
        for row in _table("planning.csv")
    )


def as_typed(text: str) -> Cell:
    """What a spreadsheet program makes of typed text: numbers, TRUE and ISO dates become values, all else stays text."""
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    if text in ("TRUE", "FALSE"):
        return text == "TRUE"
    try:
        return datetime.date.fromisoformat(text) if len(text) == 10 else text or None
    except ValueError:
        return text


def with_keys(cell: Cell, keys: Mapping[str, str]) -> Cell:
    """A cell whose refs are replaced by the keys that the backend gave (ref -> key)."""
    if not isinstance(cell, str):
        return cell
    return _REF.sub(lambda found: keys.get(found[0], found[0]), cell)


@cache
def _table(name: str) -> tuple[dict[str, str], ...]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def _countries() -> dict[str, str]:
    words = ("Country", "Nation", "Geo")
    rows = [row for form in FORMS for row in _table(form.rows_csv)]
    return {row["ref"]: next(row[word] for word in words if word in row) for row in rows}


_BACKLOG = {
    "status": "lifecycle_status",
    "category": "category",
    "program": "program_key",
    "size": "effort_tshirt_size",
    "tokens": "engineering_tokens",
    "mvp": "engineering_tokens_mvp",
    "full": "engineering_tokens_full",
    "scope": "scope_mode",
    "days": "effort_engineering_days",
    "infra": "infra_cost_estimate",
    "candidate": "is_optimization_candidate",
    "period": "candidate_period_key",
    "start": "earliest_start_date",
    "finish": "latest_finish_date",
    "deadline": "deadline_date",
    "risk": "risk_level",
    "depends": "dependencies_initiatives",
}
_NUMBERS = {
    "RICE": ("rice_reach", "rice_impact", "rice_confidence", "rice_effort"),
    "WSJF": ("wsjf_business_value", "wsjf_time_criticality", "wsjf_risk_reduction", "wsjf_job_size"),
}


def _second_scoring() -> dict[str, dict[str, Cell]]:
    """ref -> inputs of frameworks that don't count for it, so that frameworks can be held against each other."""
    found: dict[str, dict[str, Cell]] = {}
    for row in _table("second_frameworks.csv"):
        found.setdefault(row["ref"], {}).update(_inputs(row))
    return found


def _inputs(row: Mapping[str, str]) -> dict[str, Cell]:
    """Column -> number of the row's framework."""
    numbers = zip(_NUMBERS.get(row["framework"], ()), row["numbers"].split("/"), strict=False)
    return {column: as_typed(number) for column, number in numbers}


def _plan(row: Mapping[str, str], market: str | None, second: Mapping[str, Cell]) -> Plan:
    framework = row["framework"]
    by_model = row["contributions"] == "adopt"
    scoring = {
        "use_math_model": True if framework == "MATH_MODEL" else None,
        "active_scoring_framework": framework or None,
        "immediate_kpi_key": row["metric"] or None,
        **second,
        **_inputs(row),
    }
    return Plan(
        ref=row["ref"],
        backlog={
            "market": market,
            **{column: as_typed(row[name]) for name, column in _BACKLOG.items()},
            **CORRECTIONS.get(row["ref"], {}),
        },
        scoring=scoring,
        contribution="" if by_model else row["contributions"],
        adopts=by_model,
    )
