"""Numbers as people type them. Pure; the same reading in every locale, and no reading where there could be two."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from sheetsync.values.words import Unclear

NOT_A_NUMBER = Unclear("is not a number")
TOO_BIG = Unclear("is too big for a number")
_LONGEST = 60  # characters; no dressed-up number needs more

_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
# Look-alikes: minus sign and en dash, curly apostrophe, the spaces that spreadsheets and web pages group digits with.
_LOOK_ALIKES = str.maketrans("\u2212\u2013\u2019\u00a0\u2009\u202f", "--'   ")
_MONEY = "[$£€¥₹₽₩₺₴₦₫₪฿₱₵₸]"
_DRESSED = re.compile(
    rf"(?P<sign>[+-])? ?(?P<before>{_MONEY})? ?(?P<inner>[+-])? ?(?P<body>[\d.,][\d.,'_ ]*?)"
    rf" ?(?:(?P<after>{_MONEY})|(?P<percent>%))?",
    re.ASCII,
)
_SHORTHAND = re.compile(r"[^\w(]?\d[\d.,]* ?(?:k|m|mn|b|bn|thousand|million|billion)\.?", re.ASCII | re.IGNORECASE)
# 1200 · 1200.50 · .5
_DIGITS = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)
# 1,200 · 1 200.50 · 1'200 · 1_200
_GROUPED = re.compile(r"[1-9]\d{0,2}([,'_ ])\d{3}(?:\1\d{3})*(?:\.\d*)?", re.ASCII)
# 1.200,50 · 1.200.300 · 1 200,50: here nothing but a decimal comma makes sense
_DECIMAL_COMMA = re.compile(
    r"[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,}|[1-9]\d{0,2}(['_ ])\d{3}(?:\1\d{3})*,(?!\d{3}$)\d+",
    re.ASCII,
)
# 1,23 · 0,500 · 1 200,500: the comma could be either
_EITHER = re.compile(r"\d*,\d+|[1-9]\d{0,2}(['_ ])\d{3}(?:\1\d{3})*,\d{3}", re.ASCII)
_GROUPING = re.compile(r"[,'_ ]")


class Amount(NamedTuple):
    """A number that was read from text."""

    value: float  # finite; 5% is 0.05
    is_percent: bool  # whether a percent sign stood behind it


def read_amount(text: str) -> Amount | Unclear:
    """`1200`, `1,200`, `£1,200`, `$ 1 200.50`, `1_200`, `1.200,50`, `5%`; `(1,200)` is -1200, as spreadsheets take it.

    Refused, with both readings: `1,23`. Refused: `1.2k`, `1/2`, `10-20`, NaN and infinity. `text` is trimmed.
    """
    if _PLAIN.fullmatch(text):
        return _amount(text)
    if len(text) > _LONGEST:
        return NOT_A_NUMBER
    text = text.translate(_LOOK_ALIKES)
    in_brackets = text.startswith("(") and text.endswith(")")
    dressed = _DRESSED.fullmatch(text[1:-1].strip() if in_brackets else text)
    if dressed is None:
        return (
            Unclear("is short for a number", "write it in full, such as 1200")
            if _SHORTHAND.fullmatch(text)
            else NOT_A_NUMBER
        )
    parts = dressed.groupdict()
    if bool(parts["sign"]) + bool(parts["inner"]) + in_brackets > 1 or (
        parts["before"] and (parts["after"] or parts["percent"])
    ):
        return NOT_A_NUMBER
    sign = "-" if in_brackets or "-" in (parts["sign"], parts["inner"]) else ""
    digits = _read_digits(parts["body"])
    if digits is None:
        return _either(parts["body"], sign, parts["percent"] or "")
    return _amount(sign + digits, is_percent=bool(parts["percent"]))


def read_number(text: str) -> float | Unclear:
    """The number alone; see `read_amount`."""
    amount = read_amount(text)
    return amount if isinstance(amount, Unclear) else amount.value


def _amount(digits: str, *, is_percent: bool = False) -> Amount | Unclear:
    # Read in one go, so that 5.1% is the float nearest to 0.051; adding zero makes -0 plain 0.
    value = float(f"{digits}e-2" if is_percent else digits) + 0.0
    return Amount(value, is_percent) if math.isfinite(value) else TOO_BIG


def _read_digits(body: str) -> str | None:
    """Digits with at most a decimal point, from digits with separators; None when there isn't exactly one reading."""
    if _DIGITS.fullmatch(body):
        return body
    if _GROUPED.fullmatch(body):
        return _GROUPING.sub("", body)
    if _DECIMAL_COMMA.fullmatch(body):
        whole, _, decimals = body.partition(",")
        return f"{_GROUPING.sub('', whole.replace('.', ''))}.{decimals}"
    return None


def _either(body: str, sign: str, percent: str) -> Unclear:
    """Names both readings where there are two."""
    if not _EITHER.fullmatch(body):
        return NOT_A_NUMBER
    whole, _, decimals = body.partition(",")
    whole = _GROUPING.sub("", whole).lstrip("0")
    point = f"{sign}{whole or '0'}.{decimals}{percent}"
    thousands = f"{sign}{(whole + decimals).lstrip('0') or '0'}{percent}"
    return Unclear(f"could mean {point} or {thousands}", f"write {point} or {thousands}")
