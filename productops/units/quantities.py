"""Units of KPIs and parameters, in the words that people write: any text is kept, and one that isn't understood is told.

Pure. A unit is a product of powers of atoms: money, things that are counted, times, shares, multiples, and physical units
as pint knows them. Each currency is a dimension of its own, and whatever is counted is one dimension together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pint import UnitRegistry

from productops.units.words import (
    COUNTED,
    CURRENCIES,
    IRREGULAR,
    MONEY_WORDS,
    MULTIPLES,
    PHYSICAL,
    RATES,
    RATIOS,
    SHARE_SIZES,
    SIZES,
    TIMES,
    plural,
)
from sheetsync.values.words import nearest

LONGEST = 60  # characters
COUNT, TIME = "[thing]", "[time]"  # the dimensions of what is counted, and of time
_JUST_COUNTS = frozenset({"count", "number", "unit"})

_PER = re.compile(r"\s*/\s*|(?:^|\s+)(?:per|an?|each)\s+")
_WORDS = re.compile(r"[%£$€¥]|p\.a\.|[^\W\d_]+|\S")
_JOINTS = frozenset("·*\N{MULTIPLICATION SIGN}()-")
_LARGEST_RATIO = 40.0  # as a logarithm: beyond the numbers that formulas know
_SUPERSCRIPTS = {2.0: "²", 3.0: "³"}


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit: GBP/month is GBP to the power of 1 and month to the power of -1."""

    powers: tuple[tuple[str, float], ...] = ()  # (atom, power), sorted, no power is 0; () is a plain number

    @cached_property
    def dimensions(self) -> Mapping[str, float]:
        """Dimension -> power; none is 0."""
        found: dict[str, float] = {}
        for atom, power in self.powers:
            for dimension, each in _atom(atom)[0]:
                found[dimension] = found.get(dimension, 0.0) + each * power
        return {dimension: power for dimension, power in found.items() if abs(power) > 1e-9}

    @cached_property
    def magnitude(self) -> float:
        """The logarithm of how much one of it is in the base units of its dimensions: that of 0.01 for percent. The
        size itself might be beyond every bound."""
        return sum(power * math.log(_atom(atom)[1]) for atom, power in self.powers)

    def ratio(self, other: Unit) -> float:
        """How many of another unit of its dimensions one of it is, or the other way round: 1 or more."""
        return math.exp(min(abs(self.magnitude - other.magnitude), _LARGEST_RATIO))

    @cached_property
    def times(self) -> Mapping[str, float]:
        """The atoms of time in it, and their powers."""
        return {atom: power for atom, power in self.powers if atom in _TIME_ATOMS}

    def power_of(self, atom: str) -> float:
        """The power of an atom, 0 where it isn't in it."""
        return dict(self.powers).get(atom, 0.0)

    def by(self, other: Unit, power: float = 1.0) -> Unit:
        """Multiplied by a power of another unit; -1 divides by it."""
        return product((*self.powers, *((atom, each * power) for atom, each in other.powers)))

    def __str__(self) -> str:
        """In words: GBP/month, users, %, a plain number."""
        above = [_shown(atom, power, many=True) for atom, power in _ordered(self.powers) if power > 0]
        below = [_shown(atom, -power, many=False) for atom, power in _ordered(self.powers) if power < 0]
        if not above and not below:
            return "a plain number"
        return "/".join(["·".join(above) or "1", *below])


PLAIN = Unit()


def product(powers: Iterable[tuple[str, float]]) -> Unit:
    """The unit of these powers of atoms, those of the same atom added up."""
    found: dict[str, float] = {}
    for atom, power in powers:
        found[atom] = found.get(atom, 0.0) + power
    return Unit(powers=tuple(sorted((atom, power) for atom, power in found.items() if abs(power) > 1e-9)))


def simplified(unit: Unit) -> Unit:
    """A unit as people say it: pounds for each of many orders are pounds, bookings for each of many visits are bookings,
    and a count of nothing in particular is a plain number."""
    uncounted = product(each for each in unit.powers if each[0] not in COUNTED)
    counts = unit.dimensions.get(COUNT, 0.0)
    if counts >= 0 and unit.dimensions.keys() - {COUNT, TIME}:
        return uncounted
    named = [(atom, power) for atom, power in unit.powers if atom in COUNTED and atom not in _JUST_COUNTS]
    if counts > 0 and len(named) != 1:
        named = [(atom, power) for atom, power in named if power == 1.0][:1]
    return uncounted.by(product(named)) if named or counts > 0 else unit


def understood(unit: str) -> bool:
    """Whether the unit's meaning is known. An empty unit says nothing, and is fine."""
    return not unit.strip() or read_unit(unit) is not None


def nearest_unit(unit: str) -> str | None:
    """What was probably meant by a unit that isn't understood: the same text with the nearest words that are."""
    parts = [part.strip() for part in _PER.split(unit.strip()[:LONGEST])]
    mended = [part if not part or _read_part(part) is not None else _nearest_word(part) for part in parts]
    known = [part for part in mended if part]
    return "/".join(known) if known and len(known) == len(parts) else None


def _nearest_word(word: str) -> str | None:
    letters = sorted(word.casefold())
    swapped = next((known for known in _known_words() if sorted(known.casefold()) == letters), None)
    return swapped or nearest(word, _known_words())


@lru_cache(maxsize=4_096)
def read_unit(text: str) -> Unit | None:
    """What a text says: money, a share, a count, a time or another physical unit, or one of these per others (`GBP per
    month`, `GBP/user/month`). None when it isn't understood, or says nothing."""
    if not text.strip() or len(text) > LONGEST:
        return None
    powers: list[tuple[str, float]] = []
    for place, part in enumerate(_PER.split(text.strip())):
        if place == 0 and part.strip() in ("", "1"):
            continue
        atoms = _read_part(part.strip())
        if atoms is None:
            return None
        powers += atoms if place == 0 else [(atom, -power) for atom, power in atoms]
    return product(powers)


def _read_part(part: str) -> list[tuple[str, float]] | None:
    """One side of a `per`: (atom, power); None when it isn't understood."""
    words = [word for word in _WORDS.findall(part) if word not in _JOINTS]
    if "of" in words:
        # A `number of users` are users; what a `share of users` is a share of doesn't matter.
        before, after = words[: words.index("of")], words[words.index("of") + 1 :]
        words = after if [word.casefold() for word in before] == ["number"] else before
    ratio = _forms(RATIOS).get(" ".join(words).casefold())
    if ratio is not None:
        return [(ratio, 1.0)] if ratio else []
    return _read_words(words)


def _read_words(words: list[str]) -> list[tuple[str, float]] | None:
    """Words side by side multiply; those before one that is understood tell more of it (`active users`)."""
    powers: list[tuple[str, float]] = []
    last_known = -1
    for place, word in enumerate(words):
        found = _read_word(word, place == len(words) - 1, len(words) == 1)
        if not found:
            continue
        # `support tickets` are tickets, whatever else can be counted.
        if powers and place == last_known + 1 and found[0][0] in COUNTED and powers[-1][0] in COUNTED:
            powers.pop()
        powers += found
        last_known = place
    return powers if words and last_known == len(words) - 1 else None


def _read_word(word: str, is_last: bool, is_alone: bool) -> list[tuple[str, float]]:
    """(atom, power) of one word, [] when it isn't understood; a multiple or `monthly` needs something beside it."""
    folded = word.casefold()
    if word.upper() in CURRENCIES:
        return [(word.upper(), 1.0)]
    if is_last and not is_alone and folded in RATES:
        return [(RATES[folded], -1.0)]
    if not is_alone and folded in MULTIPLES:
        return [(MULTIPLES[folded], 1.0)]
    for meanings in (MONEY_WORDS, TIMES, {word: word for word in COUNTED}):
        atom = _forms(meanings).get(folded)
        if atom:
            return [(atom, 1.0)]
    if folded in IRREGULAR:
        return [(IRREGULAR[folded], 1.0)]
    return _read_joined(word) or _read_physical(word)


def _read_joined(word: str) -> list[tuple[str, float]]:
    """`kGBP` and `GBPk`."""
    for short in ("k", "m", "mn", "bn"):
        for code in (word.removeprefix(short), word.removesuffix(short)):
            if code != word and code in CURRENCIES:
                return [(MULTIPLES[short], 1.0), (code, 1.0)]
    return []


def _read_physical(word: str) -> list[tuple[str, float]]:
    for spelling in dict.fromkeys((word, word.casefold())) if len(word) > 1 else ():
        for prefix, name, _plural in registry().parse_unit_name(spelling):
            if name in PHYSICAL:
                return [(prefix + name, 1.0)]
    return []


def _forms(meanings: Mapping[str, str]) -> Mapping[str, str]:
    """Words and their plurals -> what they mean."""
    return {**{plural(word): meaning for word, meaning in meanings.items()}, **meanings}


@lru_cache(maxsize=1)
def _known_words() -> tuple[str, ...]:
    """What a mistyped word may have meant."""
    words = [*RATIOS, *TIMES, *sorted(COUNTED), *IRREGULAR, *MONEY_WORDS]
    known = [word for word in words if len(word) > 2]
    several = [plural(word) for word in known if word in COUNTED or TIMES.get(word) == word]
    return (*sorted(CURRENCIES), *several, *known)


# ---- atoms ---------------------------------------------------------------------------------------------------------

_TIME_ATOMS = frozenset(TIMES.values())
_QUARTER = "quarter_of_a_year"  # pint's own quarter is a weight


@lru_cache(maxsize=1_024)
def _atom(name: str) -> tuple[tuple[tuple[str, float], ...], float]:
    """Dimensions with their powers, and size in base units."""
    if name in CURRENCIES:
        return ((f"[{name}]", 1.0),), 1.0
    if name in COUNTED:
        return ((COUNT, 1.0),), 1.0
    if name in SHARE_SIZES or name in SIZES:
        return (), SHARE_SIZES.get(name) or SIZES[name]
    units = registry()
    quantity = units.Quantity(1.0, _QUARTER if name == "quarter" else name).to_root_units()
    dimensions = tuple((kind, float(power)) for kind, power in quantity.dimensionality.items())  # type: ignore[arg-type]
    return dimensions, float(quantity.magnitude)


@lru_cache(maxsize=1)
def registry() -> UnitRegistry:
    """pint's units, and those of product work: a currency is a dimension of its own, and so is what is counted."""
    units: UnitRegistry = UnitRegistry(cache_folder=None)
    for code in sorted(CURRENCIES):
        units.define(f"{code} = [{code}]")
    units.define(f"thing = {COUNT}")
    units.define(f"{_QUARTER} = 3 * month")
    return units


def _ordered(powers: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Multiples and money first, times last."""
    return sorted(powers, key=lambda each: (each[0] in _TIME_ATOMS, each[0] not in SIZES, each[0] not in CURRENCIES))


def _shown(atom: str, power: float, *, many: bool) -> str:
    name = "%" if atom == "percent" else atom.replace("_", " ")
    if many and (atom in COUNTED or atom in _TIME_ATOMS):
        name = plural(name)
    return name if power == 1.0 else name + _SUPERSCRIPTS.get(power, f"^{power:g}")
