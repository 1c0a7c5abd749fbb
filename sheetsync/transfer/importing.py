"""Imports: rows of a file are judged and saved as if they had been typed into the tab, and recorded as a run that can be undone.

A file has no base: what differs from what is stored is what the file changes; a column that the file lacks, and a row that it lacks,
stay as they are. Sheets show what changed with their next sync.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sheetsync.context import ActionContext
from sheetsync.models import Workbook
from sheetsync.records import Incoming, Record, Records, Scene
from sheetsync.registry import Registered
from sheetsync.syncing.headers import Header, column_letter, nearest_column
from sheetsync.syncing.verdicts import compose
from sheetsync.syncing.view import SheetRow, TabView, digest, view_tab
from sheetsync.tabs import TWO_WAY, Column, Tab
from sheetsync.values.cells import Value, encode
from sheetsync.values.words import as_shown
from sheetsync.workbooks.interface import Grid

# Why a row isn't this person's to import, "" when it is.
Barrier = Callable[[Incoming], str]


@dataclass(kw_only=True)
class ImportRow:
    """What becomes of one row of the file."""

    number: int  # in the file, counted from 1
    key: str  # as people write it
    verdict: str  # run_status, as a sheet's row would show it
    is_new: bool = False  # it makes a record
    changes: dict[str, tuple[Value, Value]] = field(default_factory=dict)  # column -> (stored, the file's)

    @property
    def is_refused(self) -> bool:
        """Whether something of the row isn't taken."""
        return self.verdict.startswith("FAILED")


@dataclass(kw_only=True)
class ImportPlan:
    """What an import would do."""

    rows: list[ImportRow] = field(default_factory=list)  # in the file's order
    ignored: list[str] = field(default_factory=list)  # sentences about columns that aren't taken
    accepted: list[Incoming] = field(default_factory=list)  # what `save` stores
    tab: Tab
    records: Records
    scene: Scene

    @property
    def fingerprint(self) -> str:
        """Changes whenever the import would do something else."""
        return digest([[row.key, row.verdict, sorted(_encoded(row.changes).items())] for row in self.rows])

    @property
    def columns(self) -> Mapping[str, Column]:
        """The tab's columns by name."""
        return {column.name: column for column in self.tab.columns}

    @property
    def changing(self) -> list[ImportRow]:
        """The rows that change something."""
        return [row for row in self.rows if row.changes or row.is_new]

    @property
    def refused(self) -> list[ImportRow]:
        """The rows of which something isn't taken."""
        return [row for row in self.rows if row.is_refused]

    def save(self) -> None:
        """Stores what is accepted and tells what isn't, inside the caller's transaction."""
        self.records.save(self.scene, self.accepted)
        report = self.scene.context.report
        report.tabs_done += 1
        report.rows_seen += len(self.rows)
        report.failed_rows += len(self.refused)
        report.count("rows_read", len(self.rows))
        for row in self.refused:
            status, _, text = row.verdict.partition(": ")
            report.tell(status, text, tab=self.scene.title, row=row.number, key=row.key)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What a person may import."""

    visible: Collection[int] | None = None  # pks of the records that there are for this person; None: all
    barrier: Barrier = lambda row: ""  # for the rest of what the person may not do
    left_out: Collection[str] = ()  # columns that a file doesn't bring, whatever it holds


def plan_import(
    context: ActionContext, registered: Registered, grid: Grid, header: Header, reach: Reach = Reach()
) -> ImportPlan:
    """What the file's rows would change. Nothing is written."""
    assert registered.records is not None
    tab = registered.tab
    view = view_tab(tab, tab.name, header, grid)
    records = registered.records()
    scene = Scene(context=context, workbook=Workbook(title="an import", role=tab.role), title=tab.name)
    plan = ImportPlan(tab=tab, ignored=_ignored(view, reach), records=records, scene=scene)
    seen = reach.visible
    stored = {key: record for key, record in records.load(scene).items() if seen is None or record.pk in seen}
    incoming: dict[SheetRow, Incoming] = {}
    verdicts: dict[SheetRow, str] = {}
    for row in view.rows:
        if row.key in view.twins:
            verdicts[row] = view.twin_verdict(row)
        elif not row.key:
            verdicts[row] = records.nameless(scene, row)
        else:
            incoming[row] = _incoming(plan, view, row, stored, reach)
    records.check(scene, [row for row in incoming.values() if not row.failure])
    for row in view.rows:
        plan.rows.append(_judged(plan, row, incoming[row]) if row in incoming else _unclear(view, row, verdicts[row]))
    return plan


def _incoming(plan: ImportPlan, view: TabView, row: SheetRow, stored: Mapping[str, Record], reach: Reach) -> Incoming:
    values, refused = view.values(row)
    record = stored.get(row.key)
    here = [name for name in _brought(view, reach) if name in values]
    before = record.values if record else {}
    takes = {name: values[name] for name in here if record is None or values[name] != before.get(name)}
    made = Incoming(
        key=row.key,
        row=row,
        values=values,
        record=record,
        takes=takes,
        refused={name: refusal.text for name, refusal in refused.items() if name not in reach.left_out},
        before={name: before.get(name) for name in takes} if record else {},
    )
    made.failure = reach.barrier(made)
    if not made.failure and record is None and not view.tab.people_add_rows:
        made.failure = plan.records.unknown(plan.scene, row, values, stored)
    return made


def _judged(plan: ImportPlan, row: SheetRow, incoming: Incoming) -> ImportRow:
    notices = [incoming.notice] if incoming.notice else []
    verdict = compose(
        failure=incoming.failure,
        refused=list(incoming.refused.values()),
        skipped=incoming.skipped,
        warnings=notices,
    )
    made = ImportRow(number=row.number, key=row.key.upper(), verdict=verdict)
    is_new = incoming.record is None
    if incoming.failure or (is_new and incoming.skipped) or not (incoming.takes or is_new):
        return made
    plan.accepted.append(incoming)
    made.is_new = is_new
    made.changes = {name: (incoming.before.get(name), value) for name, value in incoming.takes.items()}
    return made


def _unclear(view: TabView, row: SheetRow, verdict: str) -> ImportRow:
    return ImportRow(number=row.number, key=str(row.raw.get(view.tab.identity[0]) or ""), verdict=verdict)


def _brought(view: TabView, reach: Reach) -> list[str]:
    """The columns that the file may change."""
    return [
        column.name
        for column in view.tab.named(*TWO_WAY)
        if column.name in view.header.columns and column.name not in reach.left_out
    ]


def _ignored(view: TabView, reach: Reach) -> list[str]:
    """Sentences about the file's columns that aren't taken."""
    said = []
    for place, text in view.header.unknown:
        near = nearest_column(view.tab, text)
        hint = f"; did you mean {near}?" if near else ""
        said.append(f"Column {column_letter(place)}, {as_shown(text)}, means nothing here and isn't taken{hint}")
    for name, places in view.header.doubled.items():
        letters = " and ".join(map(column_letter, places))
        said.append(f"Columns {letters} both mean {name}; neither is taken")
    taken = {*_brought(view, reach), *view.tab.identity}
    shown = [name for name in view.header.columns if name not in taken]
    if shown:
        said.append(f"Not entered here, so not taken: {', '.join(shown)}")
    return said


def _encoded(changes: Mapping[str, tuple[Value, Value]]) -> dict[str, Any]:
    return {name: [encode(old), encode(new)] for name, (old, new) in changes.items()}
