"""How each kind of cell is read: the canonical value, or why there is none. Pure; `cells.parse` is the way in."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from sheetsync.tabs import Column, Kind
from sheetsync.values.amounts import NOT_A_NUMBER, TOO_BIG, read_amount, read_number
from sheetsync.values.dates import (
    date_from_number,
    moment_from_number,
    period_from_number,
    read_date,
    read_moment,
    read_period,
)
from sheetsync.values.structures import read_json, read_key, read_keys, read_numbers, read_weights
from sheetsync.values.words import Unclear, nearest, number_text, read_name, squeeze, text_flaw

# The canonical value of a cell; which of these, its column's kind says.
Value = None | bool | float | str | datetime.date | list[Any] | dict[str, Any]

LONG = 1_000  # characters above which a text's length is measured as files measure it
_LISTED = 160  # characters up to which a refusal lists every choice
_TRUE = frozenset({"true", "yes", "y", "1", "x", "on", "✓", "✔", "☑", "✅"})
_FALSE = frozenset({"false", "no", "n", "0", "off", "☐"})
_NEVER_IN_EMAILS = frozenset(' ,;:<>()[]"\\\t\n')

# What a kind accepts, as advice that begins with a verb; CHOICE and NUMBER depend on the column.
_ACCEPTED: Mapping[Kind, str] = {
    Kind.TEXT: "write text",
    Kind.LONG_TEXT: "write text",
    Kind.EMAIL: "write one address such as ana@example.com",
    Kind.NAME: "write a name such as page_load_time",
    Kind.SHARE: "write a share from 0 to 1 such as 0.8, or a percent such as 80%",
    Kind.BOOLEAN: "write TRUE or FALSE (yes and no are understood)",
    Kind.DATE: "write a date such as 2026-03-31",
    Kind.DATETIME: "write a moment such as 2026-03-31T09:30:00Z",
    Kind.KEY: "write a key such as INIT-000001",
    Kind.KEY_LIST: "write keys such as INIT-000001 | INIT-000002",
    Kind.NUMBERS: 'write numbers by name, such as gmv: 120000; retention_30d: 0.01, or JSON such as {"gmv": 120000}',
    Kind.WEIGHTS: "write weights such as gmv: 0.7; retention_30d: 0.3, or names in order such as gmv > retention_30d",
    Kind.JSON: 'write JSON such as {"gmv": 120000}',
    Kind.PERIOD: "write a period such as 2026, 2026-H1, 2026-Q1 or 2026-03",
}


def accepted(column: Column) -> str:
    """What the column would take, as advice that begins with a verb."""
    if column.kind is Kind.CHOICE:
        return _advise_choice(column, "")
    if column.kind is not Kind.NUMBER:
        return _ACCEPTED[column.kind]
    if column.above is not None:
        return f"write a number more than {number_text(column.above)}"
    if column.minimum is not None:
        return f"write a number of {number_text(column.minimum)} or more"
    return "write a number such as 1200, 1,200 or 5%"


def from_text(column: Column, text: str) -> Value | Unclear:
    """Reads text, which is trimmed and not empty."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if (len(text) > LONG or not text.isprintable()) and (flaw := text_flaw(text)):
        return flaw
    return _TEXT_READERS[column.kind](column, text)


def from_number(column: Column, raw: float) -> Value | Unclear:
    """Reads a number; kinds that are text take it as the cell shows it."""
    try:
        number = float(raw) + 0.0  # adding zero makes -0 plain 0
    except OverflowError:
        return TOO_BIG
    if not math.isfinite(number):
        return NOT_A_NUMBER
    reader = _NUMBER_READERS.get(column.kind)
    return reader(column, number) if reader else _TEXT_READERS[column.kind](column, number_text(number))


def from_boolean(column: Column, raw: bool) -> Value | Unclear:
    """Reads TRUE or FALSE; kinds that are text take the word."""
    if column.kind in (Kind.BOOLEAN, Kind.JSON):
        return raw
    if column.kind in _NUMBER_READERS:
        return Unclear("is the value of a tick box")
    return _TEXT_READERS[column.kind](column, "TRUE" if raw else "FALSE")


def _read_email(column: Column, text: str) -> str | Unclear:
    """One plausible address; whether it exists, only a mail would tell."""
    name, _, host = text.partition("@")
    well_formed = name and "." in host and "@" not in host and host == host.strip(".-") and ".." not in text
    if not well_formed or len(text) > 254 or not _NEVER_IN_EMAILS.isdisjoint(text):
        return Unclear("is not one e-mail address")
    return text


def _within_bounds(column: Column, number: float | Unclear) -> float | Unclear:
    if isinstance(number, Unclear):
        return number
    if column.minimum is not None and number < column.minimum:
        return Unclear(f"is less than {number_text(column.minimum)}")
    if column.above is not None and number <= column.above:
        return Unclear(f"is not more than {number_text(column.above)}")
    return number


def _read_share(column: Column, text: str) -> float | Unclear:
    amount = read_amount(text)
    if isinstance(amount, Unclear):
        return amount
    if amount.is_percent:
        return amount.value if 0 <= amount.value <= 1 else Unclear("is not between 0% and 100%")
    return _share(column, amount.value)


def _share(column: Column, number: float) -> float | Unclear:
    """0 to 1 is a share, 2 to 100 a percent; in between it could be either."""
    if 0 <= number <= 1:
        return number
    if 1 < number < 2:
        shown = number_text(number)
        return Unclear(f"could mean {shown}% or a share above 1", f"write {shown}%, or a share from 0 to 1 such as 0.8")
    return number / 100 if 2 <= number <= 100 else Unclear("is neither a share from 0 to 1 nor a percent up to 100")


def _read_boolean(column: Column, text: str) -> bool | Unclear:
    word = text.casefold()
    return True if word in _TRUE else False if word in _FALSE else Unclear("is neither TRUE nor FALSE")


def _boolean_from_number(column: Column, number: float) -> bool | Unclear:
    return bool(number) if number in (0, 1) else Unclear("is neither TRUE nor FALSE")


@lru_cache(maxsize=512)
def _squeezed(choices: tuple[str, ...]) -> Mapping[str, str]:
    return {squeeze(choice): choice for choice in reversed(choices)}


def _read_choice(column: Column, text: str) -> str | Unclear:
    if text in column.choices:
        return text
    found = _squeezed(column.choices).get(squeeze(text))
    return Unclear("is not one of the choices", _advise_choice(column, text)) if found is None else found


def _advise_choice(column: Column, text: str) -> str:
    listed = ", ".join(column.choices)
    near = nearest(text, column.choices)
    hint = f"did you mean {near}? " if near else ""
    if len(listed) <= _LISTED:
        return f"{hint}Write one of: {listed}" if hint else f"write one of: {listed}"
    return (
        f"{hint}Write one of the {len(column.choices)} choices of the dropdown"
        if hint
        else f"write one of: {listed[:_LISTED]}…"
    )


def _json_from_number(column: Column, number: float) -> float:
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


_TEXT_READERS: Mapping[Kind, Callable[[Column, str], Value | Unclear]] = {
    Kind.TEXT: lambda column, text: text,
    Kind.LONG_TEXT: lambda column, text: text,
    Kind.EMAIL: _read_email,
    Kind.NAME: lambda column, text: read_name(text),
    Kind.NUMBER: lambda column, text: _within_bounds(column, read_number(text)),
    Kind.SHARE: _read_share,
    Kind.BOOLEAN: _read_boolean,
    Kind.DATE: lambda column, text: read_date(text),
    Kind.DATETIME: lambda column, text: read_moment(text),
    Kind.CHOICE: _read_choice,
    Kind.KEY: lambda column, text: read_key(text),
    Kind.KEY_LIST: lambda column, text: read_keys(text),
    Kind.NUMBERS: lambda column, text: read_numbers(text),
    Kind.WEIGHTS: lambda column, text: read_weights(text),
    Kind.JSON: lambda column, text: read_json(text),
    Kind.PERIOD: lambda column, text: read_period(text),
}
# Kinds that aren't here read a number, and TRUE or FALSE, as the text that the cell shows.
_NUMBER_READERS: Mapping[Kind, Callable[[Column, float], Value | Unclear]] = {
    Kind.NUMBER: _within_bounds,
    Kind.SHARE: _share,
    Kind.BOOLEAN: _boolean_from_number,
    Kind.DATE: lambda column, number: date_from_number(number),
    Kind.DATETIME: lambda column, number: moment_from_number(number),
    Kind.NUMBERS: lambda column, number: Unclear("is a number without a name"),
    Kind.WEIGHTS: lambda column, number: Unclear("is a number without a name"),
    Kind.JSON: _json_from_number,
    Kind.PERIOD: lambda column, number: period_from_number(number),
}
