"""Tabs that are compiled as a whole: no row has a record of its own; what all rows together state is stored.

Such tabs are judged together with the tabs that are always saved along with them, and only when every one of them
could be read. Rows have no key: what was told to a row is remembered by the row's content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sheetsync.models import RowState
from sheetsync.records import Scene
from sheetsync.syncing.recording import acknowledge, report
from sheetsync.syncing.rowstates import TabMemory
from sheetsync.syncing.showing import feedback_cells
from sheetsync.syncing.tabsync import TabSync
from sheetsync.syncing.verdicts import compose, is_failed
from sheetsync.syncing.view import SheetRow, text_of
from sheetsync.syncing.writing import PlannedCell, TabOutcome, TabPlan
from sheetsync.tabs import TWO_WAY, Owner
from sheetsync.values.cells import Value, is_blank

_ROW = "row"  # what is remembered of a row beside its verdict: its number when it was last compiled


@dataclass(kw_only=True)
class StatedRow:
    """One row on its way into what its tabs state. The compiler adds why it is refused, and warnings."""

    tab: str  # the declared tab's name
    row: SheetRow
    values: Mapping[str, Value]  # column -> value, for cells that were understood
    failure: str = ""  # why the row states nothing
    warnings: Sequence[str] = ()  # it counts all the same
    is_outdated: bool = False  # whether what an action found out about the row was about other statements than these

    @property
    def verdict(self) -> str:
        """The row's run_status."""
        return compose(failure=self.failure, warnings=self.warnings)


class Compiler(Protocol):
    """What stands behind tabs that are compiled as a whole, made anew for each action."""

    def compile(self, scene: Scene, rows: Sequence[StatedRow]) -> None:
        """Judges every row of all tabs, and stores what they state through `scene.context.storage`. Rows that failed already state nothing,
        but may be named."""
        ...


@dataclass(kw_only=True)
class CompiledTabSync(TabSync):
    """One such tab in one round of an action."""

    stated: list[StatedRow] = field(default_factory=list)
    compiled: bool = False
    held_up: str = ""  # why the tab wasn't compiled; "" when it was, or shouldn't be
    _said: set[str] = field(default_factory=set)  # contents of rows that the action said something new about
    _contents: dict[SheetRow, str] = field(default_factory=dict)  # row -> what it is remembered by

    def __post_init__(self) -> None:
        self.memory = TabMemory(self.scene.workbook, self.scene.title)

    def brake(self) -> str:
        """As for every tab, where its rows are taken; an action that only says something about rows is never stopped."""
        return super().brake() if self.job.take else ""

    def settle(self) -> None:
        """Reads the rows; `compile_tabs` does the rest."""
        self.memory.load_marks()
        self._contents = self._remembered_by()
        if self.header.doubled:
            self.held_up = "; ".join(self.doubled_text(name) for name in self.header.doubled)
        elif self.job.take:
            self.stated = [self._stated(row) for row in self.view.rows if self._states_something(row)]

    def _remembered_by(self) -> dict[SheetRow, str]:
        """A row is remembered by what people typed in it; the second of two alike by that and its number among them."""
        seen: dict[str, int] = {}
        found = {}
        for row in self.view.rows:
            content = text_of({column.name: row.raw.get(column.name) for column in self.tab.named(*TWO_WAY)})
            seen[content] = seen.get(content, 0) + 1
            found[row] = content if seen[content] == 1 else f"{content}-{seen[content]}"
        return found

    def _states_something(self, row: SheetRow) -> bool:
        """Whether a person left anything in the row beside a note: an emptied row is no rule."""
        entries = (column.name for column in self.tab.named(*TWO_WAY) if column.name != "notes")
        return any(not is_blank(row.raw.get(name)) for name in entries)

    def _stated(self, row: SheetRow) -> StatedRow:
        values, refused = self.view.values(row)
        failure = "the row has merged cells; unmerge them" if row.merged else ""
        failure = failure or "; ".join(refusal.text for refusal in refused.values())
        return StatedRow(tab=self.tab.name, row=row, values=values, failure=failure)

    def say(self, texts: Mapping[int, str]) -> None:
        """Remembers what an action found out about rows, by their numbers when they were last compiled; "" takes it back.

        It is told as a warning, or as a note where it begins with "OK: " and the row has nothing else to say, until the row is
        changed, or the compiler says that it's outdated.
        """
        self.memory.load_rows(list(self.memory.marks))
        for content in list(self.memory.marks):
            text = texts.get(self.memory.rows[content].base.get(_ROW, 0))
            if text is not None and text != self.memory.marks[content].notice:
                self.memory.mark(content).notice = text
                self._said.add(content)

    def show(self) -> TabPlan:
        """Plans each row's run_status."""
        plan = TabPlan(view=self.view)
        if self.compiled:
            self._show_compiled(plan)
            self._close()
        elif not self.job.take:
            for row, content in self._contents.items():
                if content in self._said:
                    plan.cells.extend(self._told(row, self.memory.marks[content].verdict, data_changed=False))
        self.memory.save()
        return plan

    def _show_compiled(self, plan: TabPlan) -> None:
        known = set(self.memory.marks)
        self._forget_gone_rows()
        self.memory.load_rows([self._contents[stated.row] for stated in self.stated])
        for stated in self.stated:
            content = self._contents[stated.row]
            mark = self.memory.mark(content)
            mark.verdict = stated.verdict
            if stated.is_outdated:
                mark.notice = ""
            self.memory.rows[content].base = {_ROW: stated.row.number}
            plan.cells.extend(self._told(stated.row, stated.verdict, data_changed=content not in known))
        stating = {stated.row for stated in self.stated}
        for row in self.view.rows:
            if row not in stating:
                plan.cells.extend(self._blanked(row))

    def _told(self, row: SheetRow, verdict: str, *, data_changed: bool) -> list[PlannedCell]:
        notice = self.memory.marks[self._contents[row]].notice
        if notice.startswith("OK: "):
            verdict = compose(note=notice) if verdict == "OK" else verdict
        elif notice and notice not in verdict and not is_failed(verdict):
            verdict = compose(warnings=[notice], note=verdict)
        self.verdicts[row] = verdict
        return feedback_cells(self, row, row.key, verdict, data_changed=data_changed)

    def _blanked(self, row: SheetRow) -> list[PlannedCell]:
        """Feedback that was left in a row whose entries a person took out."""
        return [
            PlannedCell(row=row, key="", column=column.name, value=None, expect=row.raw[column.name], owned=True)
            for column in self.tab.named(Owner.FEEDBACK)
            if row.raw.get(column.name) is not None and not self.is_formula(row, column.name)
        ]

    def _forget_gone_rows(self) -> None:
        here = set(self._contents.values())
        gone = [content for content in self.memory.marks if content not in here]
        for content in gone:
            del self.memory.marks[content]
        states = RowState.objects.filter(workbook=self.scene.workbook, tab=self.scene.title)
        for start in range(0, len(gone), 500):
            states.filter(row_key__in=gone[start : start + 500]).delete()

    def _close(self) -> None:
        self.state.columns = list(self.header.columns)
        self.state.row_count = len(self.view.rows)
        self.state.message = ""
        self.state.read_at = self.state.saved_at = self.scene.context.now
        self.state.problems = [
            [row.number, "", verdict] for row, verdict in self.verdicts.items() if not verdict.startswith("OK")
        ]
        self.state.save()

    def acknowledge(self, outcome: TabOutcome, may_land_for_s: float) -> None:
        """Logs what landed, each row under what it is remembered by."""
        landed = [replace(cell, key=self._contents[cell.row]) for cell in outcome.landed]
        acknowledge(self, replace(outcome, landed=landed, as_planned=False), may_land_for_s)

    def report(self) -> None:
        """Tells what became of the rows; nothing where the action only said something about them."""
        if self.compiled:
            self.scene.context.report.rows_whole += sum(bool(stated.failure) for stated in self.stated)
            report(self)
        elif self.held_up:
            told = self.scene.context.report
            told.tabs_stopped += 1
            told.tell("FAILED", self.held_up, workbook=str(self.scene.workbook), tab=self.scene.title)


def compile_tabs(tabs: Sequence[CompiledTabSync]) -> None:
    """Compiles the tabs of a workbook that were settled; those that belong together at once, or none of them."""
    by_name = {tab.tab.name: tab for tab in tabs if tab.job.take}
    done: set[str] = set()
    for name, tab in by_name.items():
        if name in done:
            continue
        together = [name, *tab.tab.saved_with]
        done.update(together)
        _compile_together(together, by_name)


def _compile_together(names: Sequence[str], by_name: Mapping[str, CompiledTabSync]) -> None:
    tabs = [by_name[name] for name in names if name in by_name]
    lacking = [name for name in names if name not in by_name or by_name[name].held_up]
    if lacking:
        for tab in tabs:
            tab.held_up = (
                tab.held_up or f"not saved, because {' and '.join(lacking)} can't be read; both are saved together"
            )
        return
    first = tabs[0]
    assert first.job.registered.compiler is not None
    first.job.registered.compiler().compile(first.scene, [stated for tab in tabs for stated in tab.stated])
    for tab in tabs:
        tab.compiled = True
