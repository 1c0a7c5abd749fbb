"""Workbooks in local .xlsx files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from sheetsync.workbooks.interface import Snapshot, TabWrites, WorkbookChanged, WorkbookUnavailable, WriteResult
from sheetsync.workbooks.xlsx_edits import EditError, Editor, Edits, TabEdits, landed, plan_tab
from sheetsync.workbooks.xlsx_files import not_writable, only_writer, read_content, replace_content, wait_until_closed
from sheetsync.workbooks.xlsx_openpyxl import edit_with_openpyxl
from sheetsync.workbooks.xlsx_package import Limits
from sheetsync.workbooks.xlsx_patch import patch_cells
from sheetsync.workbooks.xlsx_reading import Reading

# Tried in this order, until the changed file shows exactly what was asked for.
EDITORS: tuple[Editor, ...] = (patch_cells, edit_with_openpyxl)


class XlsxWorkbook:
    """An .xlsx file on disk. Reading goes on while a spreadsheet program has it open; writing waits for it to close.

    A write changes the cells it is asked for and nothing else in the file, and replaces the file in one step. Between
    the last look at the file and that step lies an instant in which another program's save would be lost; a program
    that has the file open is seen before.
    """

    write_window_s = 0.0

    def __init__(
        self,
        path: str | Path,
        *,
        wait_s: float = 10.0,
        max_bytes: int | None = None,
        limits: Limits | None = None,
        editors: Sequence[Editor] = EDITORS,
    ) -> None:
        """`wait_s`: seconds a write waits for a program to close the file, or for another writer. `max_bytes` goes
        before that in `limits`. The file is first looked at by `read`."""
        # Writing goes to what a link points to; the link stays.
        self.path = Path(path).expanduser().resolve()
        self.reads = 0
        self.writes = 0
        self._wait_s = wait_s
        self._limits = limits or Limits()
        self._max_bytes = max_bytes or self._limits.max_bytes
        self._editors = tuple(editors)
        self._looked = False  # whether `version` was asked for since the last read: the two count as one
        self._version = ""
        self._reading: Reading | None = None

    def version(self) -> str:
        """A digest of the file's bytes; nothing is parsed. Raises WorkbookUnavailable."""
        self._count_look()
        self._looked = True
        self._load(read_content(self.path, self._max_bytes))
        return self._version

    def _count_look(self) -> None:
        self.reads += not self._looked
        self._looked = False

    def read(self, tabs: Sequence[str] | None = None, *, formulas: bool = False) -> Snapshot:
        """All the named tabs (None: every tab) that exist; formula texts always come along. Raises WorkbookUnavailable.

        An unchanged file isn't parsed again, and shows the very same grids."""
        self._count_look()
        reading = self._load(read_content(self.path, self._max_bytes))
        return Snapshot(grids=reading.grids(tabs), titles=reading.titles, version=self._version)

    def write(self, writes: Mapping[str, TabWrites], *, version: str = "") -> WriteResult:
        """All changes of all tabs at once, or none. A tab that isn't there, or a value that no cell can hold, refuses
        its tab and lets the others through.

        Raises WorkbookChanged (with `version`) and WorkbookUnavailable, nothing written; ValueError for what no caller
        should ask for: to write over a formula, or NaN."""
        self.writes += 1
        with only_writer(self.path, self._wait_s):
            wait_until_closed(self.path, self._wait_s)
            reading = self._load(read_content(self.path, self._max_bytes))
            if version and version != self._version:
                raise WorkbookChanged(f"{self.path.name} was saved by someone else meanwhile")
            edits, refused = _plan(reading, writes)
            if edits.tabs:
                self._replace(reading, edits)
            reading.package.release()
        return WriteResult(written=frozenset(writes) - refused.keys(), refused=refused, version=self._version)

    def _load(self, content: bytes) -> Reading:
        version = _digest(content)
        if self._reading is None or version != self._version:
            self._reading = Reading(content, self.path.name, self._limits)
            self._version = version
        return self._reading

    def _replace(self, reading: Reading, edits: Edits) -> None:
        """Puts the changed file in the place of the one that was read."""
        content, changed = self._edited(reading, edits)
        version = self._version

        def check(copy: bytes) -> None:
            if copy != content:
                raise WorkbookUnavailable(f"{self.path.name} wasn't written: the disk returned other bytes.")
            wait_until_closed(self.path, self._wait_s)
            if _digest(read_content(self.path, self._max_bytes)) != version:
                raise WorkbookChanged(f"{self.path.name} was saved by someone else meanwhile")

        try:
            replace_content(self.path, content, check)
        except OSError as error:
            raise not_writable(self.path, error) from error
        self._reading, self._version = changed, _digest(content)

    def _edited(self, reading: Reading, edits: Edits) -> tuple[bytes, Reading]:
        """The changed file and its reading, by the first editor whose result shows all that was asked, and only that."""
        for edit in self._editors:
            try:
                content = edit(reading, edits)
                changed = Reading(content, self.path.name, self._limits, former=reading)
                if changed.titles == reading.titles and all(
                    landed(reading.kept(title), changed.kept(title), tab) for title, tab in edits.tabs.items()
                ):
                    return content, changed
            except (EditError, WorkbookUnavailable):
                continue
        raise WorkbookUnavailable(
            f"{self.path.name} can't be changed without harming what is in it; it was left as it is. "
            "Save it once as .xlsx in a spreadsheet program and try again."
        )


def _plan(reading: Reading, writes: Mapping[str, TabWrites]) -> tuple[Edits, dict[str, str]]:
    """What is to be changed, and the tabs where nothing can be, with the reason."""
    tabs: dict[str, TabEdits] = {}
    refused: dict[str, str] = {}
    for title, wanted in writes.items():
        if not reading.parts.get(title):
            refused[title] = f"there is no tab {title!r} in {reading.package.name}"
            continue
        planned = plan_tab(wanted, reading.kept(title))
        if isinstance(planned, str):
            refused[title] = planned
        elif planned.cells:
            tabs[title] = planned
    return Edits(tabs=tabs), refused


def _digest(content: bytes) -> str:
    """What tells versions of the file apart."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()
