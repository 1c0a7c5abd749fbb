"""Units of KPIs and parameters: any text is kept, and one that isn't understood is told. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from pint import UnitRegistry
from pint.errors import PintError

# Money: ISO codes of the currencies that companies plan in, and their signs.
CURRENCIES = (
    "AED ARS AUD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KRW MXN MYR NGN NOK NZD PEN PHP PKR "
    "PLN QAR RON SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
)
SIGNS = {"£": "GBP", "$": "USD", "€": "EUR", "¥": "JPY", "%": "percent"}
MULTIPLES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}

# What is a share or a ratio, and what is counted; each is also understood with a plural s.
RATIOS = {
    "percentage": "percent",
    "pct": "percent",
    "fraction": "dimensionless",
    "share": "dimensionless",
    "rate": "dimensionless",
    "ratio": "dimensionless",
    "number": "dimensionless",
    "probability": "dimensionless",
    "score": "dimensionless",
    "index": "dimensionless",
    "nps": "dimensionless",
    "pp": "percent",
    "percentage point": "percent",
    "bps": "0.01 percent",
    "basis point": "0.01 percent",
}
COUNTED = (
    "account activation app business call case chat click client company contact contract conversion customer deal "
    "download employee error event feature hit household impression incident install invoice item lead listing login "
    "member merchant message order page partner payment people person piece point product purchase query referral "
    "refund request review sale seat search seller session shipment signup story subscriber subscription team ticket "
    "token transaction trial trip unit user view visit visitor"
)

LONGEST = 60  # characters
_PER = re.compile(r"\s*/\s*|\s+per\s+|\s+an?\s+")
_SAID = re.compile(r"[^\W\d_][\w \-]*|[%£$€¥]")


def understood(unit: str) -> bool:
    """Whether the unit's meaning is known: money, a share, a count, a time or another physical unit, or one of these per
    another (`GBP per month`, `users/day`). An empty unit says nothing, and is fine."""
    text = unit.strip()
    if not text:
        return True
    return len(text) <= LONGEST and all(_part_understood(part.strip()) for part in _PER.split(text))


@lru_cache(maxsize=1_024)
def _part_understood(part: str) -> bool:
    """One side of a `per`."""
    if not part or _SAID.fullmatch(part) is None:
        return False
    words = [word for word in part.split() if word.casefold() not in MULTIPLES]
    name = " ".join(words) if words else part
    spellings = (SIGNS.get(name, name), name.upper(), name.casefold(), name.casefold().replace(" ", "_"))
    return any(_is_unit(spelling) for spelling in dict.fromkeys(spellings))


def _is_unit(name: str) -> bool:
    try:
        registry().parse_units(name)
    except (PintError, ValueError, TypeError, AttributeError, AssertionError):
        return False
    return True


@lru_cache(maxsize=1)
def registry() -> UnitRegistry:
    """pint's units, and those of product work: a currency is a dimension of its own, what is counted is a plain number."""
    units: UnitRegistry = UnitRegistry(cache_folder=None)
    for code in CURRENCIES.split():
        units.define(f"{code} = [money_{code}]")
    for name, meaning in RATIOS.items():
        _define(units, name, meaning)
    for name in COUNTED.split():
        _define(units, name, "count")
    return units


def _define(units: UnitRegistry, name: str, meaning: str) -> None:
    word = name.replace(" ", "_")
    if word not in units:
        units.define(f"{word} = {meaning}")
