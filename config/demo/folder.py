"""The folder of the demo: where its workbooks lie, and which steps were taken already."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.demo.company import COMPANY, FORMS, IntakeForm
from sheetsync.tabs import Role

# Titles of the three workbooks that PMs and analysts work in.
BOOKS: Mapping[Role, str] = {
    Role.BACKLOG: f"{COMPANY} backlog",
    Role.PRODUCTOPS: f"{COMPANY} productops",
    Role.OPTIMIZATION: f"{COMPANY} portfolio",
}


@dataclass
class Progress:
    """What the demo did in this folder so far, kept in `state.json`."""

    path: Path
    is_connected: bool = False  # whether the workbooks were registered in a database
    typed: list[str] = field(default_factory=list)  # "role/tab" of the fillings that were done, in order
    keys: dict[str, str] = field(default_factory=dict)  # ref -> initiative_key, as the backend gave them

    @classmethod
    def load(cls, path: Path) -> Progress:
        """What stands in the file; a fresh start where there is none."""
        if not path.exists():
            return cls(path)
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(path, stored["is_connected"], stored["typed"], stored["keys"])

    def save(self) -> None:
        """Writes the file in one step; leaves it alone when nothing changed."""
        content = {"is_connected": self.is_connected, "typed": self.typed, "keys": self.keys}
        text = json.dumps(content, indent=2) + "\n"
        if self.path.exists() and self.path.read_text(encoding="utf-8") == text:
            return
        beside = self.path.with_name(f".{self.path.name}.saving")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, self.path)

    def forget(self, steps: Collection[str]) -> None:
        """What was typed in these steps is gone, and may be typed again."""
        self.typed = [step for step in self.typed if step not in steps]


@dataclass(frozen=True)
class Folder:
    """Where the demo's files lie."""

    path: Path  # absolute

    def intake(self, form: IntakeForm) -> Path:
        """A department's workbook."""
        return self.path / f"{form.file}.xlsx"

    def book(self, role: Role) -> Path:
        """The backlog, productops or optimization workbook."""
        return self.path / f"{BOOKS[role]}.xlsx"

    @property
    def state(self) -> Path:
        """Where `Progress` is kept."""
        return self.path / "state.json"

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of the demo, whether it is there or not."""
        return (*map(self.intake, FORMS), *map(self.book, BOOKS), self.state)

    def set_aside(self) -> Path:
        """Moves the demo's files into a new folder beside them, and returns it; nothing is deleted."""
        aside = next(place for place in self._asides() if not place.exists())
        aside.mkdir(parents=True)
        for file in self.files:
            if file.exists():
                file.rename(aside / file.name)
        return aside

    def _asides(self) -> Iterable[Path]:
        number = 1
        while True:
            yield self.path / f"before-{number}"
            number += 1
