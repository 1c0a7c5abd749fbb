"""The words that people write units with. Pure."""

from __future__ import annotations

# Money: ISO codes of the currencies that companies plan in, and their signs and names.
_CURRENCIES = """
    AED ARS AUD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KRW MXN MYR NGN NOK NZD PEN
    PHP PKR PLN QAR RON SAR SEK SGD THB TRY TWD UAH USD VND ZAR
"""
CURRENCIES = frozenset(_CURRENCIES.split())
MONEY_WORDS = {"£": "GBP", "$": "USD", "€": "EUR", "¥": "JPY", "pound": "GBP", "dollar": "USD", "euro": "EUR"}

# Multiples, which stand before or after what they multiply: k GBP, GBP million.
MULTIPLES = {
    "k": "thousand",
    "thousand": "thousand",
    "m": "million",
    "mn": "million",
    "mio": "million",
    "million": "million",
    "bn": "billion",
    "billion": "billion",
}
SIZES = {"thousand": 1e3, "million": 1e6, "billion": 1e9}

# Times, and what people shorten them to.
TIMES = {
    "second": "second",
    "sec": "second",
    "s": "second",
    "minute": "minute",
    "min": "minute",
    "hour": "hour",
    "hr": "hour",
    "h": "hour",
    "day": "day",
    "d": "day",
    "week": "week",
    "wk": "week",
    "month": "month",
    "mo": "month",
    "quarter": "quarter",
    "qtr": "quarter",
    "year": "year",
    "yr": "year",
    "annum": "year",
    "ms": "millisecond",
    "millisecond": "millisecond",
}
# A word at the end that says how often.
RATES = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "pcm": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annually": "year",
    "annual": "year",
    "pa": "year",
    "p.a.": "year",
}

# Shares and other plain numbers; "" is a number as it stands.
RATIOS = {
    "%": "percent",
    "percent": "percent",
    "percentage": "percent",
    "pct": "percent",
    "pp": "percent",
    "percentage point": "percent",
    "percent point": "percent",
    "bp": "basis point",
    "bps": "basis point",
    "basis point": "basis point",
    "fraction": "",
    "share": "",
    "rate": "",
    "ratio": "",
    "proportion": "",
    "probability": "",
    "likelihood": "",
    "score": "",
    "index": "",
    "nps": "",
    "rating": "",
    "factor": "",
    "multiplier": "",
    "multiple": "",
    "dimensionless": "",
    "flag": "",
}
SHARE_SIZES = {"percent": 1e-2, "basis point": 1e-4}

# What is counted. All of it is one kind of thing to the checks, since people turn visits into orders by a plain share.
_COUNTED = """
    account activation agent answer api app appointment article asset basket bed booking branch bug building
    campaign candidate car card cart case certificate change chargeback chat child claim class click client
    comment company complaint component contact contract conversion count country coupon courier course cover
    creator customer deal defect delivery deployment deposit developer device diner dispute document download
    driver email employee engineer error event experiment failure feature file flight follower fte game gift guest
    headcount hire hit home household image impression incident initiative install installation interview invite
    invoice issue item journey lead lesson letter licence license listing loan login market meal meeting member
    membership merchant message migration mistake notification number offer opportunity order outage package page
    pageview parcel partner patient payment payout permission person piece plan play player point policy post
    product profile project property prospect purchase query question quote recommendation record referral refund
    registration release renewal request reservation resource response restaurant return review ride room row sale
    screen search seat segment seller server service session shipment shop shopper sign-up signup site sku song
    sprint staff stay step store story stream student submission subscriber subscription supplier survey table
    task teacher team tenant test thing ticket token tool transaction transfer trial trip unit upload user variant
    vehicle vendor version video view visit visitor vote voucher wish worker workflow
"""
COUNTED = frozenset(_COUNTED.split())
# What isn't made with an s, and what it is one of.
IRREGULAR = {"people": "person", "children": "child", "staff": "employee", "indices": "index"}

# Physical units that pint knows, with any of its prefixes.
_PHYSICAL = """
    ampere bit byte gram hectare hertz joule kelvin kilometer liter meter metric_ton mile pixel volt watt
    watt_hour
"""
PHYSICAL = frozenset(_PHYSICAL.split())


def plural(word: str) -> str:
    """More than one of it."""
    if word == "person":
        return "people"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("ch", "sh", "ss", "x")) else "s")
