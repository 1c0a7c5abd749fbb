"""Tabs that the backend only appends rows to: each row once, earlier rows stay as they are.

A job that refreshes such a tab brings cells of rows that stand there up to date: a later action found out more about
them. The cells are the backend's; a cell that holds a formula is left alone all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sheetsync.records import NewRow
from sheetsync.storage import now_epoch
from sheetsync.syncing.merge import Attempt
from sheetsync.syncing.recording import log_cells, tell_refused
from sheetsync.syncing.rowstates import TabMemory
from sheetsync.syncing.tabsync import TabSync
from sheetsync.syncing.writing import PlannedCell, PlannedRow, TabOutcome, TabPlan
from sheetsync.values.cells import render, shows
from sheetsync.workbooks.interface import Writable

# The row state that remembers rows on their way to the tab; no row's identity is spelled so.
_ATTEMPT = "(rows on their way)"
_UNSETTLED = "not every row is known to stand here yet; the next action on this workbook appends what is missing"


@dataclass(kw_only=True)
class AppendedTabSync(TabSync):
    """One such tab in one round of an action. A row that its identity finds in the sheet isn't appended again."""

    complete: bool = False  # every row that the action wanted there is known to stand there

    def __post_init__(self) -> None:
        self.memory = TabMemory(self.scene.workbook, self.scene.title)

    def brake(self) -> str:
        """Never stops: no row of such a tab is taken, so a short read can't be mistaken for anything."""
        return ""

    def settle(self) -> None:
        """Nothing is taken from such a tab."""

    def show(self) -> TabPlan:
        """Plans the rows that the tab lacks. While an earlier write may still land, nothing is appended: it would stand there twice."""
        plan = TabPlan(view=self.view)
        self.memory.load_marks()
        self.memory.load_rows([_ATTEMPT])
        if self.job.append is not None:
            present = {row.key for row in self.view.rows}
            wanted = self.job.append(self.scene, self.view)
            lacking = [row for row in wanted if row.key not in present]
            changed = list(self._changed(wanted)) if self.job.refresh else []
            self.complete = not lacking and not changed
            if not self._waits():
                plan.appended.extend(self._planned(row) for row in lacking)
                plan.cells.extend(changed)
        if plan:
            self._note_attempt(self.write_window_s)
        self._close()
        return plan

    def _changed(self, wanted: Sequence[NewRow]) -> Iterator[PlannedCell]:
        """Cells of rows that stand here and show something else than they shall."""
        for new in wanted:
            row = self.view.by_key.get(new.key)
            for column in self.tab.columns if row is not None else ():
                assert row is not None
                name = column.name
                if name not in new.values or name not in row.raw or name in self.tab.identity:
                    continue
                if not shows(column, new.values[name], row.raw[name]) and not self.is_formula(row, name):
                    value = render(column, new.values[name])
                    expect = row.raw[name]
                    yield PlannedCell(row=row, key=row.key, column=name, value=value, expect=expect, owned=True)

    def _waits(self) -> bool:
        attempts = self.memory.rows[_ATTEMPT].attempts.get("", [])
        return any(attempt.until > self.read_began for attempt in attempts)

    def _note_attempt(self, may_land_for_s: float) -> None:
        """Stores that rows are on their way, and until when they could land; 0 forgets it."""
        attempts = {"": [Attempt(None, now_epoch() + may_land_for_s)]} if may_land_for_s else {}
        if attempts or self.memory.rows[_ATTEMPT].attempts:
            self.memory.rows[_ATTEMPT].attempts = attempts
            self.memory.mark(_ATTEMPT)
            self.memory.save()

    def _planned(self, new: NewRow) -> PlannedRow:
        cells: dict[str, Writable] = {}
        for column in self.tab.columns:
            if column.name not in self.header.columns or column.name not in new.values:
                continue
            written = render(column, new.values[column.name])
            if written is not None:
                cells[column.name] = written
        return PlannedRow(key=new.key, cells=cells, encoded={})

    def _close(self) -> None:
        self.state.columns = list(self.header.columns)
        self.state.message = "; ".join(self.doubled_text(name) for name in self.header.doubled)
        self.state.row_count = len(self.view.rows)
        self.state.read_at = self.scene.context.now
        self.state.save()

    def acknowledge(self, outcome: TabOutcome, may_land_for_s: float) -> None:
        """Logs the rows that landed."""
        self.complete = outcome.complete
        self._note_attempt(0.0 if outcome.complete else may_land_for_s)
        log_cells(self, outcome)
        tell_refused(self, outcome)

    def report(self) -> None:
        """Such a tab is no part of what an action was asked to do: only what is wrong with its header is told."""
        for text in (self.state.message, "" if self.complete else _UNSETTLED):
            if text:
                where = {"workbook": str(self.scene.workbook), "tab": self.scene.title}
                self.scene.context.report.tell("WARNING", text, **where)
