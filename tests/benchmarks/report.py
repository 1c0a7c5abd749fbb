"""One line a figure: what was measured, what it is measured against, the ratio, and the ratio that is aimed at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured piece of work."""

    what: str
    taken: float  # in `unit`
    floor: float | None = None  # in `unit`, measured in the same run; None where nothing is compared
    aim: float | None = None  # the ratio that is aimed at (without a floor: the number); None: shown for information
    unit: str = "s"
    against: str = "floor"  # what `floor` is

    @property
    def ratio(self) -> float:
        """How many times the floor; without one, the number itself."""
        return self.taken / self.floor if self.floor else self.taken

    @property
    def missed(self) -> bool:
        """Whether the aim wasn't met."""
        return self.aim is not None and self.ratio > self.aim

    def line(self) -> str:
        """For the terminal."""
        compared = f"{self.against} {_number(self.floor)} {self.unit}   ratio {self.ratio:.2f}" if self.floor else ""
        aim = "" if self.aim is None else f"aim {self.aim:g}   {'MISSED' if self.missed else 'ok'}"
        return f"{self.what:54} {_number(self.taken):>10} {self.unit:6} {compared:34} {aim}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3f}"
