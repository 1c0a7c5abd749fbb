"""What cells mean: from what a cell holds to the value its column keeps, and back. Pure.

Every value has one canonical form per kind (see `tabs.Kind`): `parse(column, render(column, value)) == value`.
`parse` never raises and never guesses: what could mean two things, or nothing, is a Refusal that says so.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from typing import Any

from sheetsync.tabs import Column, Kind
from sheetsync.values.amounts import read_number
from sheetsync.values.dates import date_to_serial, serial_to_date, utc_text
from sheetsync.values.readings import LONG, Value, accepted, from_boolean, from_number, from_text
from sheetsync.values.structures import compact_json, read_pairs
from sheetsync.values.words import (
    UNSTORABLE,
    Unclear,
    as_shown,
    fold,
    is_blank,
    is_error,
    nearest,
    number_text,
    read_name,
    snake_case,
    text_flaw,
    trim,
)
from sheetsync.workbooks.interface import Raw, Writable

__all__ = [
    "Refusal",
    "Unclear",
    "Value",
    "blank",
    "date_to_serial",
    "decode",
    "encode",
    "fold",
    "is_blank",
    "is_error",
    "nearest",
    "number_text",
    "parse",
    "read_name",
    "read_number",
    "read_pairs",
    "render",
    "serial_to_date",
    "shows",
    "snake_case",
]

_STRUCTURED = frozenset({Kind.NUMBERS, Kind.WEIGHTS, Kind.JSON})
_BLANK_IS_TEXT = frozenset({Kind.TEXT, Kind.LONG_TEXT, Kind.EMAIL, Kind.NAME, Kind.DATETIME, Kind.KEY, Kind.PERIOD})


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A cell that can't be taken."""

    text: str  # one sentence: the column, the value (shortened), and what would be accepted


def parse(column: Column, raw: Raw) -> Value | Refusal:
    """The canonical value of a cell, or why it is refused. Total: never raises.

    Text is trimmed. Numbers as text: see `amounts.read_amount`; dates and periods: `dates.read_date` and `read_period`;
    structure: `structures`. The spreadsheet's error texts, NaN and infinity are refused for every kind.
    """
    if isinstance(raw, str):
        text = trim(raw)
        if not text:
            return blank(column)
        if is_error(text):
            why = f"the cell shows an error, {as_shown(raw)}"
            return Refusal(text=f"{column.name}: {why}; correct its formula, or {accepted(column)}")
        found = from_text(column, text)
        if len(text) > LONG and not isinstance(found, Unclear):
            found = _fitting(column, found)
    elif raw is None:
        return blank(column)
    else:
        found = from_boolean(column, raw) if isinstance(raw, bool) else from_number(column, raw)
    return _refusal(column, raw, found) if isinstance(found, Unclear) else found


def blank(column: Column) -> Value:
    """The canonical value of an empty cell."""
    kind = column.kind
    if kind in _BLANK_IS_TEXT:
        return ""
    if kind is Kind.CHOICE:
        return column.blank
    if kind is Kind.KEY_LIST:
        return []
    return False if kind is Kind.BOOLEAN else None


def render(column: Column, value: Value) -> Writable:
    """What is written to a cell to show a value. Raises ValueError for NaN and infinity, which no cell can hold.

    Dates stay dates, key lists become `A | B`, structure compact JSON with sorted names, integral floats integers.
    Control characters, which would spoil the file, are left out of text.
    """
    if value is None or value == "":
        return None
    if column.kind in _STRUCTURED or isinstance(value, dict):
        return compact_json(value)
    if isinstance(value, str):
        return _written(value)
    if isinstance(value, list):
        return _written(" | ".join(str(part) for part in value))
    if isinstance(value, datetime.datetime):
        return utc_text(value) if column.kind is Kind.DATETIME else value.date()
    if isinstance(value, bool | datetime.date):
        return value
    return _written_number(value)


def shows(column: Column, value: Value, raw: Raw) -> bool:
    """Whether a cell already shows a value, so that nothing need be written.

    Numbers compare as numbers (programs keep 15 digits at least), dates as serials, text exactly but for line ends.
    A text that merely means the same doesn't show it. A blank cell shows a blank value, and False.
    """
    target = render(column, value)
    if target is None or is_blank(raw):
        return is_blank(raw) and (target is None or target is False)
    if isinstance(target, bool):
        return raw is target
    if isinstance(target, str):
        return _line_ends(raw if isinstance(raw, str) else as_shown(raw)) == target
    if raw is None or isinstance(raw, str | bool):
        return False
    return math.isclose(raw, date_to_serial(target) if isinstance(target, datetime.date) else target, rel_tol=1e-12)


def encode(value: Value) -> Any:
    """For storing as JSON: dates as ISO text, all else as it is."""
    return value.isoformat() if isinstance(value, datetime.date) else value


def decode(column: Column, encoded: Any) -> Value:
    """The value that was encoded. Raises ValueError or TypeError for what `encode` never makes of such a column."""
    if encoded is None:
        return None
    if column.kind is Kind.DATE:
        return datetime.date.fromisoformat(encoded)
    if column.kind is Kind.NUMBER or column.kind is Kind.SHARE:
        return float(encoded)
    value: Value = encoded
    return value


def _refusal(column: Column, raw: Raw, unclear: Unclear) -> Refusal:
    return Refusal(text=f"{column.name}: {as_shown(raw)} {unclear.why}; {unclear.instead or accepted(column)}")


def _fitting(column: Column, value: Value) -> Value | Unclear:
    """The value, unless its canonical form has grown too long for a cell."""
    shown = render(column, value)
    return (text_flaw(shown) if isinstance(shown, str) else None) or value


def _written(text: str) -> str | None:
    """Text as a cell can hold it; None for nothing but white space."""
    text = _line_ends(text)
    if not text.isprintable():
        text = UNSTORABLE.sub("", text)
    return text if trim(text) else None


def _written_number(number: float) -> int | float:
    if not math.isfinite(number):
        raise ValueError(f"no cell can hold {number}")
    return int(number) if abs(number) < 1e15 and number == int(number) else number


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
