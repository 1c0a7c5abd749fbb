"""The demo's workbooks as spreadsheets on a Sheets server: made, read and typed into over its API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.demo.company import Cell, IntakeForm
from config.demo.folder import asides
from config.demo.shelf import Grid, TabNotFound, intake_rows
from sheetsync.workbooks.google import GoogleWorkbook
from sheetsync.workbooks.google_client import GOOGLE, open_client
from sheetsync.workbooks.interface import TabWrites, WorkbookUnavailable

_INK = {"rgbColor": {"red": 0.25, "green": 0.18, "blue": 0.34}}
_PAPER = {"rgbColor": {"red": 0.95, "green": 0.93, "blue": 0.97}}


@dataclass(frozen=True)
class Spreadsheets:
    """The shelf whose workbooks are spreadsheets. Their ids are kept in a file, since the API lists none."""

    path: Path  # absolute; the folder of what the demo remembers
    origin: str  # of the server's pages

    @property
    def state(self) -> Path:
        """Where `Progress` is kept."""
        return self.path / "state.json"

    @property
    def _file(self) -> Path:
        return self.path / "ids.json"

    def _ids(self) -> dict[str, str]:
        """Title -> id."""
        ids: dict[str, str] = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        return ids

    def location(self, title: str) -> str:
        """The spreadsheet's id."""
        return self._ids().get(title, "")

    def holds(self, title: str) -> bool:
        """Whether the server has it."""
        if not self.location(title):
            return False
        try:
            self._open(title).list_tabs()
        except WorkbookUnavailable as unavailable:
            if "There is no Google spreadsheet" in str(unavailable):
                return False
            raise
        return True

    def make_blank(self, title: str) -> None:
        """A new spreadsheet, as a person makes one."""
        self._create(title, "Sheet1")

    def make_intake(self, form: IntakeForm, keys: Mapping[str, str]) -> None:
        """A department's spreadsheet."""
        self._create(form.file, form.tab)
        rows = intake_rows(form, keys)
        self.type(
            form.file,
            form.tab,
            {(row, column): cell for row, cells in enumerate(rows) for column, cell in enumerate(cells) if cell},
        )
        book = self._open(form.file)
        book.send(list(_looks(book.list_tabs()[0].sheet_id, len(form.instructions), len(rows[-1]))))

    def read(self, title: str, tab: str) -> Grid:
        """What a tab shows; formulas as their text. Raises TabNotFound."""
        grid = self._open(title).read([tab], formulas=True).grids.get(tab)
        if grid is None:
            raise TabNotFound(f"{title} has no tab {tab!r}; `manage.py init_workbook` adds it")
        return [
            [grid.formulas.get((row, column), cell) for column, cell in enumerate(cells)]
            for row, cells in enumerate(grid.rows)
        ]

    def type(self, title: str, tab: str, cells: Mapping[tuple[int, int], Cell]) -> None:
        """Types into cells, all at once."""
        result = self._open(title).write({tab: TabWrites(cells=cells)})
        if tab not in result.written:
            raise WorkbookUnavailable(f"{title}: {tab} couldn't be typed into; {result.refused.get(tab, 'no answer')}")

    def address(self, location: str) -> str:
        """The page of the spreadsheet, after its title."""
        title = next(title for title, found in self._ids().items() if found == location)
        return f"{title}: {self.origin}/spreadsheets/d/{location}/edit"

    def set_aside(self) -> str:
        """Forgets the spreadsheets; they stay where they are."""
        aside = next(place for place in asides(self.path) if not place.exists())
        aside.mkdir(parents=True)
        for file in (self._file, self.state):
            if file.exists():
                file.rename(aside / file.name)
        return "on the server, under the same titles"

    def _open(self, title: str) -> GoogleWorkbook:
        return GoogleWorkbook(self.location(title))

    def _create(self, title: str, tab: str) -> None:
        wanted = {"properties": {"title": title}, "sheets": [{"properties": {"title": tab}}]}
        made = open_client().request("post", f"{GOOGLE}/v4/spreadsheets", json=wanted).json()
        self._file.write_text(json.dumps({**self._ids(), title: made["spreadsheetId"]}, indent=2), encoding="utf-8")


def _looks(sheet_id: int, header_row: int, columns: int) -> list[dict[str, Any]]:
    """Instructions in italics; headers bold on paper, and in sight."""
    top = {"sheetId": sheet_id, "startRowIndex": 0, "endRowIndex": header_row}
    header = {
        "sheetId": sheet_id,
        "startRowIndex": header_row,
        "endRowIndex": header_row + 1,
        "endColumnIndex": columns,
    }
    ink = {"foregroundColorStyle": _INK}
    frozen = {"sheetId": sheet_id, "gridProperties": {"frozenRowCount": header_row + 1}}
    return [
        _painting(top, {"textFormat": {**ink, "italic": True}}),
        _painting(header, {"textFormat": {**ink, "bold": True}, "backgroundColorStyle": _PAPER}),
        {"updateSheetProperties": {"properties": frozen, "fields": "gridProperties.frozenRowCount"}},
    ]


def _painting(block: Mapping[str, Any], look: Mapping[str, Any]) -> dict[str, Any]:
    cell = {"userEnteredFormat": look}
    return {"repeatCell": {"range": block, "cell": cell, "fields": "userEnteredFormat"}}
