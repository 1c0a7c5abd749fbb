"""One line a figure: what it cost, the floor, the ratio, and the ratio that the product promises."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured piece of work."""

    what: str
    taken: float  # seconds
    floor: float  # seconds, measured in the same run
    promised: float | None = None  # the ratio that is aimed at; None: shown for information

    @property
    def ratio(self) -> float:
        """How many times the floor."""
        return self.taken / self.floor

    def line(self) -> str:
        """For the terminal."""
        verdict = (
            ""
            if self.promised is None
            else f"   aim {self.promised:.2f}   {'ok' if self.ratio <= self.promised else 'MISSED'}"
        )
        return f"{self.what:58} {self.taken:8.3f} s   floor {self.floor:8.3f} s   ratio {self.ratio:6.2f}{verdict}"
