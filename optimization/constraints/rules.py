"""Rules of a constraint set: what a row of Constraints or Targets says, of which slice, and how to put it in words.

Pure. A rule travels as JSON inside compiled sets and snapshots, so that a run can always name the rows it obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from sheetsync.values.cells import fold

ALL = "all"
INITIATIVE = "initiative"
# What a slice may be cut by, in canonical order: crossings are stored in this order.
DIMENSIONS = (
    ALL,
    "country",
    "market",
    "department",
    "category",
    "product_area",
    "program_key",
    "initiative_type",
    "customer_segment",
    INITIATIVE,
)

CONSTRAINTS_TAB = "Constraints"
TARGETS_TAB = "Targets"


class RuleType(StrEnum):
    """What a rule asks for: the values of `constraint_type`, and `target` for rows of Targets."""

    CAPACITY_FLOOR = "capacity_floor"
    CAPACITY_CAP = "capacity_cap"
    MANDATORY = "mandatory"
    BUNDLE = "bundle_all_or_nothing"
    EXCLUDE_PAIR = "exclude_pair"
    EXCLUDE = "exclude_initiative"
    PREREQUISITE = "require_prereq"
    SYNERGY = "synergy_bonus"
    TARGET = "target"


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """A row of a sheet."""

    tab: str  # the tab's title
    row: int  # counted from 1

    def __str__(self) -> str:
        return f"row {self.row} of {self.tab}"

    def to_json(self) -> dict[str, Any]:
        """{"tab", "row"}."""
        return {"tab": self.tab, "row": self.row}


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A part of the portfolio: everything (`all`/`all`), a value of one dimension, or a crossing of several."""

    dimension: str = ALL  # a dimension, or several joined with "+" in canonical order
    key: str = ALL  # the value, or as many joined with "+"

    @cached_property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """((dimension, value folded for comparing), ...); nothing for all/all."""
        return tuple((dimension, fold(value)) for dimension, value in self.spelled)

    @property
    def spelled(self) -> tuple[tuple[str, str], ...]:
        """((dimension, value as spelled), ...); nothing for all/all."""
        if self.dimension == ALL:
            return ()
        if "+" not in self.dimension:
            return ((self.dimension, self.key),)
        return tuple(zip(self.dimension.split("+"), self.key.split("+"), strict=True))

    def holds(self, folded: Mapping[str, str]) -> bool:
        """Whether an initiative with these folded values (dimension -> value) lies in the slice."""
        return all(folded.get(dimension, "") == value for dimension, value in self.parts)

    def within(self, other: Slice) -> bool:
        """Whether every initiative of this slice lies in the other one, whatever the initiatives are."""
        return set(other.parts) <= set(self.parts)

    def __str__(self) -> str:
        return "the whole portfolio" if self.dimension == ALL else f"{self.dimension} {self.key}"


EVERYTHING = Slice()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of a constraint set, and the rows it stands on."""

    type: RuleType
    places: tuple[Place, ...]  # the row it came from; after it, rows that repeat it exactly
    slice: Slice = EVERYTHING  # floors, caps and targets
    members: tuple[str, ...] = ()  # initiative keys: what is mandatory, excluded, bundled, paired, or needed first
    dependent: str = ""  # prerequisites: the initiative that needs the members
    bundle_key: str = ""  # bundles: the name
    kpi_key: str = ""  # targets and synergies
    number: float = 0.0  # tokens (floor, cap), KPI's unit (target, bonus)
    baseline: float | None = None  # targets: where the KPI stands without the portfolio, in its unit
    kind: str = ""  # targets: "floor" or "goal"
    notes: str = ""  # targets: the row's notes

    @property
    def place(self) -> Place:
        """The row it came from."""
        return self.places[0]

    @property
    def needed(self) -> float:
        """Targets: what contributions must add up to, in the KPI's unit."""
        return self.number if self.baseline is None else max(self.number - self.baseline, 0.0)

    def words(self) -> str:
        """What the rule says, for people: "at least 40 tokens in country UK"."""
        return _WORDS[self.type](self)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `from_json` reads it back."""
        return {
            "type": self.type.value,
            "places": [place.to_json() for place in self.places],
            "dimension": self.slice.dimension,
            "dimension_key": self.slice.key,
            "members": list(self.members),
            "dependent": self.dependent,
            "bundle_key": self.bundle_key,
            "kpi_key": self.kpi_key,
            "number": self.number,
            "baseline": self.baseline,
            "kind": self.kind,
            "notes": self.notes,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rule:
        """The rule that `to_json` wrote."""
        return cls(
            type=RuleType(data["type"]),
            places=tuple(Place(tab=place["tab"], row=place["row"]) for place in data["places"]),
            slice=Slice(dimension=data["dimension"], key=data["dimension_key"]),
            members=tuple(data["members"]),
            dependent=data["dependent"],
            bundle_key=data["bundle_key"],
            kpi_key=data["kpi_key"],
            number=data["number"],
            baseline=data["baseline"],
            kind=data["kind"],
            notes=data["notes"],
        )


def plain(number: float) -> str:
    """A number as people write it: 40, 0.25, 1200000."""
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e16 else repr(float(number))


def _verb(rule: Rule) -> str:
    return "is" if len(rule.members) == 1 else "are"


_WORDS = {
    RuleType.CAPACITY_FLOOR: lambda rule: f"at least {plain(rule.number)} tokens in {rule.slice}",
    RuleType.CAPACITY_CAP: lambda rule: f"at most {plain(rule.number)} tokens in {rule.slice}",
    RuleType.MANDATORY: lambda rule: f"{', '.join(rule.members)} {_verb(rule)} mandatory",
    RuleType.BUNDLE: lambda rule: f"bundle {rule.bundle_key}: {', '.join(rule.members)} all or nothing",
    RuleType.EXCLUDE_PAIR: lambda rule: f"not both {' and '.join(rule.members)}",
    RuleType.EXCLUDE: lambda rule: f"{', '.join(rule.members)} {_verb(rule)} excluded",
    RuleType.PREREQUISITE: lambda rule: f"{rule.dependent} needs {', '.join(rule.members)}",
    RuleType.SYNERGY: lambda rule: f"{' with '.join(rule.members)} adds {plain(rule.number)} {rule.kpi_key}",
    RuleType.TARGET: lambda rule: (
        f"{rule.kpi_key} {rule.kind} of {plain(rule.number)} in {rule.slice}"
        + ("" if rule.baseline is None else f" from a baseline of {plain(rule.baseline)}")
    ),
}
