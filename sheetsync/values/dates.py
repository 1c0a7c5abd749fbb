"""Dates, moments and periods, as typed and as spreadsheets keep them. Pure; the same reading in every locale."""

from __future__ import annotations

import datetime
import re

from sheetsync.values.words import Unclear, number_text

_DAY_ZERO = datetime.date(1899, 12, 30).toordinal()  # serial 0 of every spreadsheet program
# Dates before it are refused in cells: their serials, up to 3653, are years or counts far more often than dates.
FIRST_YEAR = 1910
_FIRST_SERIAL = datetime.date(FIRST_YEAR, 1, 1).toordinal() - _DAY_ZERO
_LAST_SERIAL = datetime.date.max.toordinal() - _DAY_ZERO

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MONTH_NUMBERS = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
_MONTH_NUMBERS |= {name[:3]: number for name, number in _MONTH_NUMBERS.items()} | {"sept": 9}

NOT_A_DATE = Unclear("is not a date")
_TIME_OF_DAY = Unclear("holds a time of day as well", "write the date alone, such as 2026-03-31")
_SHORT_YEAR = Unclear("has a year of two digits", "write the year with four, such as 2026-03-31")

# 2026-03-31, also as midnight of it
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", re.ASCII)
_TWO_DIGITS = re.compile(r"\d{1,2}([-/.])\d{1,2}\1\d{2}", re.ASCII)
# 31 Mar 2026 · 31st of March, 2026 · 31-Mar-2026
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?(?: of)?[ \-/.]*([A-Za-z]{3,9})\.?[ \-/.,]*(\d{4}|\d{2})", re.ASCII)
# March 31, 2026
_MONTH_DAY = re.compile(r"([A-Za-z]{3,9})\.?[ \-/]*(\d{1,2})(?:st|nd|rd|th)?[ \-/,]+(\d{4}|\d{2})", re.ASCII)
# 2026-Mar-31
_YEAR_MONTH_DAY = re.compile(r"(\d{4})[ \-/.]+([A-Za-z]{3,9})\.?[ \-/.]+(\d{1,2})", re.ASCII)
_DATE_AND_TIME = re.compile(r".*\d[T ,]+\d{1,2}:\d{2}.*", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})?)?", re.ASCII)

_PERIOD_YEAR = re.compile(r"(?:19|20|21)\d{2}", re.ASCII)
_PART_LAST = re.compile(r"(\d{4})[\s_\-/]*(?:([qh])(\d)|(\d)([qh]))", re.ASCII | re.IGNORECASE)
_PART_FIRST = re.compile(r"(?:([qh])(\d)|(\d)([qh]))[\s_\-/]*(\d{4})", re.ASCII | re.IGNORECASE)
_MONTH_LAST = re.compile(r"(\d{4})[\s_\-/.]+(\d{1,2}|[A-Za-z]{3,9})\.?", re.ASCII)
_MONTH_FIRST = re.compile(r"(\d{1,2}(?=[\s_\-/.])|[A-Za-z]{3,9})[\s_\-/.,]*(\d{4})", re.ASCII)
_PARTS = {"Q": 4, "H": 2}


def serial_to_date(serial: float) -> datetime.date:
    """The day of a serial number; a time of day is dropped. Raises ValueError outside the years 1 to 9999."""
    if not -_DAY_ZERO < serial < _LAST_SERIAL + 1:
        raise ValueError(f"{serial} is no serial number of a date")
    return datetime.date.fromordinal(_DAY_ZERO + int(serial // 1))


def date_to_serial(day: datetime.date) -> int:
    """Days since 1899-12-30."""
    return day.toordinal() - _DAY_ZERO


def in_words(day: datetime.date) -> str:
    """3 April 2026: no one can read it otherwise."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def date_from_number(serial: float) -> datetime.date | Unclear:
    """The date of a cell that holds a number. A time of day is refused, and so is what is too small to be a date."""
    if not 1 <= serial < _LAST_SERIAL + 1:
        return NOT_A_DATE
    day = serial_to_date(serial)
    if serial < _FIRST_SERIAL:
        return Unclear(
            f"is a number that a spreadsheet reads as {in_words(day)}", "write the full date, such as 2026-03-31"
        )
    if not serial.is_integer():
        return Unclear(f"is {in_words(day)} with a time of day", f"write the date alone, {day.isoformat()}")
    return day


def read_date(text: str) -> datetime.date | Unclear:
    """`2026-03-31`, `31/03/2026`, `31 Mar 2026`, `March 31, 2026`; not `03/04/2026`, which could mean two days."""
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(found[1], found[3], found[4])
    if found := _YEAR_LAST.fullmatch(text):
        return _day_or_month_first(found[1], found[3], found[4])
    if _TWO_DIGITS.fullmatch(text):
        return _SHORT_YEAR
    if found := _DAY_MONTH.fullmatch(text):
        return _day(found[3], found[2], found[1])
    if found := _MONTH_DAY.fullmatch(text):
        return _day(found[3], found[1], found[2])
    if found := _YEAR_MONTH_DAY.fullmatch(text):
        return _day(found[1], found[2], found[3])
    return _TIME_OF_DAY if len(text) < 100 and _DATE_AND_TIME.fullmatch(text) else NOT_A_DATE


def _day(year: str, month: str, day: str) -> datetime.date | Unclear:
    """The day of these parts; the month is a number or an English name."""
    number = int(month) if month.isdecimal() else _MONTH_NUMBERS.get(month.lower(), 0)
    if not number and not month.isdecimal():
        return NOT_A_DATE
    if len(year) == 2:
        return _SHORT_YEAR
    if int(year) < FIRST_YEAR:
        return Unclear(f"is before {FIRST_YEAR}", "write a date such as 2026-03-31")
    try:
        return datetime.date(int(year), number, int(day))
    except ValueError:
        return Unclear("is not a day of the calendar")


def _day_or_month_first(first: str, second: str, year: str) -> datetime.date | Unclear:
    readings = {day for day in (_day(year, second, first), _day(year, first, second)) if not isinstance(day, Unclear)}
    if len(readings) == 2:
        early, late = sorted(readings)
        return Unclear(
            f"could mean {in_words(early)} or {in_words(late)}", f"write {early.isoformat()} or {late.isoformat()}"
        )
    return readings.pop() if readings else _day(year, second, first)


def utc_text(moment: datetime.datetime) -> str:
    """UTC ISO 8601 with a `Z`; a moment without a time zone is taken as UTC."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC)
    return moment.replace(tzinfo=None).isoformat() + "Z"


def moment_from_number(serial: float) -> str | Unclear:
    """The moment of a serial number, to the second, as UTC ISO 8601."""
    if not _FIRST_SERIAL <= serial < _LAST_SERIAL:
        return NOT_A_DATE
    midnight = datetime.datetime.combine(serial_to_date(serial), datetime.time())
    return utc_text(midnight + datetime.timedelta(seconds=round(serial % 1 * 86_400)))


def read_moment(text: str) -> str | Unclear:
    """ISO 8601 as UTC ISO 8601; without an offset it is UTC."""
    if not _MOMENT.fullmatch(text):
        return NOT_A_DATE
    try:
        return utc_text(datetime.datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return Unclear("is not a moment of the calendar")


def period_from_number(number: float) -> str | Unclear:
    """A year. A number that is the serial of a date shows that the spreadsheet took a typed period for one."""
    text = number_text(number)
    if _PERIOD_YEAR.fullmatch(text):
        return text
    day = date_from_number(number)
    if isinstance(day, Unclear):
        return Unclear("is not a period")
    return Unclear(
        f"is a date, {in_words(day)}: the spreadsheet turned what was typed into one",
        f"write {day:%Y-%m} with an apostrophe in front ('{day:%Y-%m}), or format the column as plain text",
    )


def read_period(text: str) -> str | Unclear:
    """2026, 2026-H1, 2026-Q1 or 2026-03; also from `Q1 2026`, `2026Q1`, `1H_2026`, `Mar 2026`. `text` is trimmed."""
    if _PERIOD_YEAR.fullmatch(text):
        return text
    if found := _PART_LAST.fullmatch(text):
        return _part(found[1], found[2] or found[5], found[3] or found[4])
    if found := _PART_FIRST.fullmatch(text):
        return _part(found[5], found[1] or found[4], found[2] or found[3])
    if found := _MONTH_LAST.fullmatch(text):
        return _month(found[1], found[2])
    if found := _MONTH_FIRST.fullmatch(text):
        return _month(found[2], found[1])
    day = read_date(text)
    return (
        Unclear("is not a period")
        if isinstance(day, Unclear)
        else Unclear("is a day", f"write its month, {day:%Y-%m}, or a longer period")
    )


def _part(year: str, letter: str, number: str) -> str | Unclear:
    letter = letter.upper()
    if not _PERIOD_YEAR.fullmatch(year) or not 1 <= int(number) <= _PARTS[letter]:
        return Unclear("is not a period")
    return f"{year}-{letter}{number}"


def _month(year: str, month: str) -> str | Unclear:
    number = int(month) if month.isdecimal() else _MONTH_NUMBERS.get(month.lower(), 0)
    if not _PERIOD_YEAR.fullmatch(year) or not 1 <= number <= 12:
        return Unclear("is not a period")
    return f"{year}-{number:02}"
