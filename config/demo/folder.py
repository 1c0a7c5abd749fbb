"""The folder of the demo: where its files lie, and which steps were taken already."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from config.demo.company import Cell, IntakeForm
from config.demo.shelf import TITLES, Grid
from config.demo.workbooks import read_tab, type_cells, write_intake


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
    """The shelf whose workbooks are .xlsx files in one folder."""

    path: Path  # absolute

    def file(self, title: str) -> Path:
        """A workbook's file."""
        return self.path / f"{title}.xlsx"

    @property
    def state(self) -> Path:
        """Where `Progress` is kept."""
        return self.path / "state.json"

    def location(self, title: str) -> str:
        """The file's path."""
        return str(self.file(title))

    def holds(self, title: str) -> bool:
        """Whether the file is there."""
        return self.file(title).exists()

    def make_intake(self, form: IntakeForm, keys: Mapping[str, str]) -> None:
        """Writes a department's file."""
        write_intake(self.file(form.file), form, keys)

    def make_blank(self, title: str) -> None:
        """Nothing: `init_workbook` makes the file."""

    def read(self, title: str, tab: str) -> Grid:
        """What a tab shows."""
        return read_tab(self.file(title), tab)

    def type(self, title: str, tab: str, cells: Mapping[tuple[int, int], Cell]) -> None:
        """Types into cells."""
        type_cells(self.file(title), tab, cells)

    def address(self, location: str) -> str:
        """The file's path."""
        return location

    def set_aside(self) -> str:
        """Moves the demo's files into a new folder beside them; nothing is deleted."""
        aside = next(place for place in asides(self.path) if not place.exists())
        aside.mkdir(parents=True)
        for file in (*map(self.file, TITLES), self.state):
            if file.exists():
                file.rename(aside / file.name)
        return f"in {aside}"


def asides(path: Path) -> Iterator[Path]:
    """Folders for what is put aside."""
    return (path / f"before-{number}" for number in count(1))
