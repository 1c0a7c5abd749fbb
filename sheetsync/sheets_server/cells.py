"""What one cell holds, how it is typed, and how it is shown."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sheetsync.sheets_server.errors import invalid
from sheetsync.values.dates import date_to_serial, serial_to_date
from sheetsync.workbooks.interface import Raw

MAX_TEXT = 50_000  # characters in a cell
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})[-/](\d{1,2})(?:[-/](\d{1,2}))?", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/](\d{4})", re.ASCII)
_CURRENCIES = "£$€"
# Locales that write the month first, and those that write a comma for the decimal point.
_MONTH_FIRST = frozenset({"en_US"})
_DECIMAL_COMMA = frozenset({"de_DE", "fr_FR", "es_ES", "it_IT", "pt_PT"})
# Texts of errors, by the type that a cell's effective value names.
ERRORS: Mapping[str, str] = {
    "REF": "#REF!",
    "N_A": "#N/A",
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "VALUE": "#VALUE!",
    "NAME": "#NAME?",
    "NUM": "#NUM!",
    "NULL_VALUE": "#NULL!",
    "ERROR": "#ERROR!",
    "LOADING": "Loading...",
}
_ERROR_TYPES = {text: name for name, text in ERRORS.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One cell. Cells never change; a change puts another one in its place."""

    value: Raw = None  # a constant; None when blank, or when a formula stands there
    formula: str = ""  # with its "="
    looks: Mapping[str, Any] = field(default_factory=dict)  # note, userEnteredFormat, textFormatRuns

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing in it, looks aside."""
        return self.value is None and not self.formula

    @property
    def number_type(self) -> str:
        """TEXT, DATE, PERCENT, ...; "" when its format says nothing."""
        number_format = self.looks.get("userEnteredFormat", {}).get("numberFormat", {})
        return str(number_format.get("type", ""))

    def holding(self, value: Raw, formula: str = "") -> Cell:
        """The same looks around another content."""
        return replace(self, value=None if value == "" else value, formula=formula)

    def with_number_type(self, name: str, pattern: str) -> Cell:
        """The same with a number format."""
        own = dict(self.looks.get("userEnteredFormat", {}))
        own["numberFormat"] = {"type": name, "pattern": pattern}
        return replace(self, looks={**self.looks, "userEnteredFormat": own})


BLANK = Cell()


def stored_raw(cell: Cell, value: Any) -> Cell:
    """The cell after a RAW write: nothing is parsed."""
    if not (value is None or isinstance(value, bool | int | float | str)):
        raise invalid(f"Invalid values: {value!r} is not a scalar")
    return cell.holding(_checked(value))


def typed(cell: Cell, value: Any, locale: str) -> Cell:
    """The cell after a USER_ENTERED write: as if a person had typed it."""
    if not isinstance(value, str) or not value:
        return stored_raw(cell, value)
    if value.startswith("'"):
        return cell.holding(_checked(value[1:]))
    if cell.number_type == "TEXT":
        return cell.holding(_checked(value))
    if value[0] == "=" and len(value) > 1:
        return cell.holding(None, _checked(value))
    text = value.strip()
    if text.upper() in ("TRUE", "FALSE"):
        return cell.holding(text.upper() == "TRUE")
    return _typed_number(cell, text, locale) or cell.holding(_checked(value))


def _typed_number(cell: Cell, text: str, locale: str) -> Cell | None:
    """A number, percentage, amount or date; None when the text is none of them."""
    if day := _date(text, locale):
        return cell.holding(float(date_to_serial(day))).with_number_type("DATE", "yyyy-mm-dd")
    sign, bare = ("-", text[1:]) if text[:1] == "-" else ("", text)
    currency = bare[:1] if bare[:1] in _CURRENCIES else ""
    bare = bare.lstrip(_CURRENCIES) if currency else bare
    percent = bare.endswith("%")
    bare = sign + (bare[:-1] if percent else bare)
    if locale in _DECIMAL_COMMA:
        bare = bare.replace(".", "\0").replace(",", ".").replace("\0", ",")
    if not _NUMBER.fullmatch(bare) or not any(character.isdigit() for character in bare):
        return None
    number = float(bare.replace(",", ""))
    if percent:
        return cell.holding(number / 100).with_number_type("PERCENT", "0.00%")
    found = cell.holding(number)
    return found.with_number_type("CURRENCY", f'"{currency}"#,##0.00') if currency else found


def _date(text: str, locale: str) -> datetime.date | None:
    """What is typed as a date, a month alone being its first day."""
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = found[1], found[2], found[3] or "1"
    elif found := _YEAR_LAST.fullmatch(text):
        first, second, year = found.groups()
        month, day = (first, second) if locale in _MONTH_FIRST else (second, first)
    else:
        return None
    try:
        return datetime.date(int(year), int(month), int(day))
    except ValueError:
        return None


def _checked(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise invalid(f"Your input contains more than the maximum of {MAX_TEXT} characters in a single cell.")
    return value


def formatted(value: Raw, cell: Cell, locale: str) -> str:
    """What people see."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return str(value).upper()
    if cell.number_type == "DATE":
        day = serial_to_date(value)
        return f"{day:%d.%m.%Y}" if locale in _DECIMAL_COMMA else f"{day:%Y-%m-%d}"
    text = f"{value * 100:.2f}%" if cell.number_type == "PERCENT" else f"{value:.10g}"
    return text.replace(".", ",") if locale in _DECIMAL_COMMA else text


# ---- as cells travel in spreadsheets.get and updateCells --------------------------------------------------------------


def extended(value: Raw, *, of_formula: bool) -> dict[str, Any] | None:
    """A value as an ExtendedValue; None for a blank. Only a formula's result can be an error."""
    if value is None:
        return None
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int | float):
        return {"numberValue": value}
    if of_formula and value in _ERROR_TYPES:
        return {"errorValue": {"type": _ERROR_TYPES[value], "message": value}}
    return {"stringValue": value}


def from_extended(cell: Cell, value: Mapping[str, Any] | None) -> Cell:
    """The cell after its userEnteredValue was set; strings are taken as they are."""
    if not value:
        return cell.holding(None)
    if len(value) != 1:
        raise invalid("Invalid value: exactly one of numberValue, stringValue, boolValue, formulaValue may be set")
    name, content = next(iter(value.items()))
    if name == "formulaValue":
        if not content.startswith("="):
            raise invalid("Invalid formulaValue: a formula begins with =")
        return cell.holding(None, content)
    if name == "errorValue":
        raise invalid("Invalid value: errorValue is read-only")
    return cell.holding(_checked(content))


def cell_data(cell: Cell, shown: Raw, *, is_formula: bool, locale: str) -> dict[str, Any]:
    """A cell as CellData."""
    entered = {"formulaValue": cell.formula} if cell.formula else extended(cell.value, of_formula=False)
    effective = extended(shown, of_formula=is_formula)
    parts = {
        "userEnteredValue": entered,
        "effectiveValue": effective,
        "formattedValue": formatted(shown, cell, locale) or None,
        **cell.looks,
    }
    return {name: part for name, part in parts.items() if part is not None}
