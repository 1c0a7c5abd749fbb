"""The PM guide's way from an idea to an approved model, played on .xlsx files by commands alone, row by row as the guide says it."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.conf import settings as project
from django.core.management import call_command

from backlog.models import Initiative
from productops.llm.server import LlmServer
from productops.models import InitiativeMathModel, InitiativeParam
from tests.test_docs import rows_of

pytestmark = pytest.mark.django_db
KEY = "INIT-000001"
STEPS = rows_of(Path(project.BASE_DIR) / "docs" / "pm.md", "step")[-11:]


class Files:
    """The workbooks, edited as a spreadsheet program does."""

    def __init__(self, folder: Path) -> None:
        self.book = folder / "productops.xlsx"
        self.intake = folder / "wishes.xlsx"

    def rows(self, tab: str) -> list[dict[str, Any]]:
        """What the rows of the initiative show."""
        sheet = openpyxl.load_workbook(self.book)[tab]
        header, below = self._header(sheet)
        rows = [{name: sheet.cell(number, place).value for name, place in header.items()} for number in below]
        return [row for row in rows if row["initiative_key"] == KEY]

    def type(self, tab: str, cells: dict[str, Any], *, path: Path | None = None, new: bool = False) -> None:
        """Types into every row of the initiative, or into a new one below."""
        book = openpyxl.load_workbook(path or self.book)
        sheet = book[tab]
        header, below = self._header(sheet)
        key = header.get("initiative_key", 1)
        filled = [number for number in below if any(cell.value is not None for cell in sheet[number])]
        last = max(filled, default=below.start - 1)
        places = [last + 1] if new else [number for number in filled if sheet.cell(number, key).value == KEY]
        for number in places:
            for name, value in cells.items():
                sheet.cell(number, header[name]).value = value
        book.save(path or self.book)

    @staticmethod
    def _header(sheet: Any) -> tuple[dict[str, int], range]:
        for number in range(1, 11):
            names = [cell.value for cell in sheet[number]]
            found = {str(name).lower().replace(" ", "_"): place for place, name in enumerate(names, 1) if name}
            if {"initiative_key", "title"} <= found.keys() or {"kpi_key", "unit"} <= found.keys():
                return found, range(number + 1, sheet.max_row + 2)
        raise AssertionError(f"no header in {sheet.title}")


def command(*words: str) -> None:
    call_command(*words, stdout=io.StringIO())


def run(name: str, tab: str = "") -> None:
    command("action", name, "--json", *(["--tab", tab] if name == "pm.save_selected" else []))


@pytest.fixture
def files(tmp_path, settings):
    files = Files(tmp_path)
    for role, path in (("intake", files.intake), ("productops", files.book)):
        command("init_workbook", role, str(path))
        command("connect", role, str(path))
    files.type("Intake", {"title": "Faster search"}, path=files.intake, new=True)
    run("pm.backlog_sync")
    run("pm.backlog_sync")
    kpi = {"kpi_key": "gmv", "kpi_level": "north_star", "unit": "GBP/year", "is_active": True}
    files.type("Metrics_Config", kpi, new=True)
    run("pm.save_selected", "Metrics_Config")
    run("pm.populate_initiatives")
    with LlmServer().running() as server:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "any-word", server.url
        yield files


def typed(step: dict[str, str]) -> dict[str, Any]:
    """The cells of a step: column -> what a spreadsheet program makes of what is typed."""
    pairs = [pair.split(": ", 1) for pair in re.findall(r"`([^`]+)`", step["you type"])]
    return {column: True if value == "TRUE" else int(value) if value.isdecimal() else value for column, value in pairs}


def test_the_guide_tells_every_step_from_the_idea_to_the_contribution() -> None:
    assert len(STEPS) == 11
    assert STEPS[0]["tab"] == "Scoring_Inputs"
    assert STEPS[-1]["tab"] == "KPI_Contributions"


def test_a_pm_writes_tests_and_gets_a_model_approved_in_the_sheet_alone(files: Files) -> None:
    for step in STEPS:
        cells, tab = typed(step), step["tab"]
        is_new = "param_name" in cells
        files.type(tab, {"initiative_key": KEY, **cells} if is_new else cells, new=is_new)
        if step["you run"]:
            run(step["you run"].strip("`"), tab)
        shown = "\n".join(str(cell) for row in files.rows(tab) for cell in row.values())
        for said in re.findall(r"`([^`]+)`", step["the row then shows"]):
            assert said in shown, step["step"]
    model = InitiativeMathModel.objects.get()
    assert (model.model_name, model.approved_by_user, model.suggested_by_llm) == ("Faster search", True, True)
    assert InitiativeParam.objects.filter(approved=True).count() == 3
    assert Initiative.objects.get().kpi_contribution_json == {"gmv": 691200}
