"""A small world: intake sheets and a Backlog in memory, people who type into them, and the actions that sync them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backlog.models import Initiative
from sheetsync.context import ActionContext, Arguments
from sheetsync.models import ActionRun, CellChange, Conflict, RecordChange, RowState, TabState, Workbook
from sheetsync.registry import registry
from sheetsync.runs.actions import carry_out, rehearse_run, request
from sheetsync.storage import RecordUpdate, Storage
from sheetsync.syncing.headers import Header, find_header
from sheetsync.tabs import Role, Tab
from sheetsync.workbooks.memory import Cell, MemoryWorkbook

INTAKE = registry.get(Role.INTAKE, "Intake").tab
BACKLOG = registry.get(Role.BACKLOG, "Backlog").tab
INTAKE_HEADERS = ("initiative_key", "title", "department", "requesting_team", "country", "run_status", "updated_at")
SYNC, SAVE, UNDO = "pm.backlog_sync", "pm.save_selected", "pm.undo_run"


class Crash(BaseException):
    """The process dies."""


@dataclass
class Sheet:
    """One tab as a person sees it: columns by name (canonical, or the header's own text), rows by what stands in them."""

    book: MemoryWorkbook
    title: str
    tab: Tab
    workbook: Workbook

    @property
    def header(self) -> Header:
        """Where the columns are by now."""
        found = find_header(self.tab, self.book.values(self.title))
        assert isinstance(found, Header), found.text
        return found

    @property
    def columns(self) -> dict[str, int]:
        """Name -> column index."""
        header = self.header
        return {**{text: place for place, text in header.unknown}, **header.columns}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What the rows below the header show, empty ones left out."""
        columns = self.columns.items()
        below = self.book.values(self.title)[self.header.row + 1 :]
        return [{name: row[place] for name, place in columns} for row in below if any(cell is not None for cell in row)]

    def place(self, **having: Any) -> int:
        """The grid row that shows these values (the only one that does)."""
        columns = self.columns
        found = [
            number
            for number, row in enumerate(self.book.values(self.title))
            if number > self.header.row and all(row[columns[name]] == value for name, value in having.items())
        ]
        assert len(found) == 1, f"{having} is in the rows {found}"
        return found[0]

    def row(self, **having: Any) -> dict[str, Any]:
        """What that row shows."""
        shown = self.book.values(self.title)[self.place(**having)]
        return {name: shown[place] for name, place in self.columns.items()}

    def status(self, **having: Any) -> str:
        """That row's run_status."""
        return self.row(**having)["run_status"] or ""

    def add(self, **cells: Cell) -> int:
        """Types a new row below all others; returns where it stands."""
        place = len(self.book.values(self.title))
        for name, value in cells.items():
            self.book.set_cell(self.title, place, self.columns[name], value)
        return place

    def type(self, at: Mapping[str, Any] | int, **cells: Cell) -> None:
        """Types over cells of the row that shows `at` (or stands there)."""
        place = at if isinstance(at, int) else self.place(**at)
        for name, value in cells.items():
            self.book.set_cell(self.title, place, self.columns[name], value)

    def cell(self, name: str, **having: Any) -> Cell:
        """What a cell holds: its value, or its formula."""
        return self.book.cell(self.title, self.place(**having), self.columns[name])

    def sort(self, by: str, *, descending: bool = False) -> None:
        """Sorts all rows, as a person does."""
        self.book.sort_rows(self.title, self.columns[by], below=self.header.row, descending=descending)

    @property
    def state(self) -> TabState:
        """What the engine remembers of the tab."""
        return TabState.objects.get(workbook=self.workbook, tab=self.title)


@dataclass
class World:
    """Connected workbooks in memory, and the actions asked of them."""

    options: dict[str, Any] = field(default_factory=dict)  # of every workbook
    books: dict[str, MemoryWorkbook] = field(default_factory=dict)  # by location
    make_book: Callable[..., Any] = MemoryWorkbook  # another kind, with the same handles for people
    open_book: Callable[[Any], Any] = lambda book: book  # as each action opens it

    def connect(
        self, role: str, title: str, rows: Iterable[Iterable[Cell]], tab: Tab, *, sheet: str = "", **fields: Any
    ) -> Sheet:
        """A connected workbook with one tab."""
        name = sheet or tab.name
        book = self.make_book({name: [list(row) for row in rows]}, **self.options)
        workbook = Workbook.objects.create(role=role, location=f"memory {title}", title=title, **fields)
        self.books[workbook.location] = book
        return Sheet(book, name, tab, workbook)

    def intake(self, title: str = "Sales", headers: Iterable[str] = INTAKE_HEADERS, **fields: Any) -> Sheet:
        """A department's workbook."""
        return self.connect("intake", title, [list(headers)], INTAKE, sheet="Wishes", **fields)

    def backlog(self, headers: Iterable[str] = (), title: str = "Backlog") -> Sheet:
        """The product managers' workbook; every declared column unless some are named."""
        names = list(headers) or [column.name for column in BACKLOG.columns]
        return self.connect("backlog", title, [names], BACKLOG)

    def open(self, workbook: Workbook) -> MemoryWorkbook:
        """As every action opens a workbook."""
        opened: MemoryWorkbook = self.open_book(self.books[workbook.location])
        return opened

    def act(self, name: str, *, workbook: Workbook | None = None, **arguments: Any) -> ActionContext:
        """Asks for an action and carries it out."""
        run = request(name, workbook=workbook, arguments=Arguments(**arguments), requested_by="ada")
        done = carry_out(run, open_book=self.open)
        assert done is not None
        return done

    def sync(self, **options: Any) -> ActionContext:
        """pm.backlog_sync."""
        return self.act(SYNC, **options)

    def undo(self, context: ActionContext | ActionRun) -> ActionContext:
        """pm.undo_run of an earlier run."""
        run = context if isinstance(context, ActionRun) else context.run
        return self.act(UNDO, runs=(run.run_id,))

    def rehearse(self, name: str, **arguments: Any) -> ActionContext:
        """A dry run."""
        return rehearse_run(name, workbook=None, arguments=Arguments(**arguments), open_book=self.open)

    def sync_and_crash(self) -> None:
        """A sync whose process dies, as a hook of one of the workbooks says."""
        try:
            self.sync()
        except Crash:
            return
        raise AssertionError("nothing crashed")

    def contents(self) -> dict[str, Any]:
        """Everything that every workbook shows."""
        return {
            location: {title: book.values(title) for title in book.read().titles}
            for location, book in self.books.items()
        }


def filled_world(
    count: int = 3, *, title: str = "idea {}", world: World | None = None, **options: Any
) -> tuple[World, Sheet, Sheet]:
    """A world that is at rest: `count` intake rows that were taken and are shown in the Backlog."""
    world = world or World(options)
    intake, backlog = world.intake(), world.backlog()
    for number in range(1, count + 1):
        intake.add(title=title.format(number), country="UK", requesting_team=f"team {number}")
    world.sync()
    world.sync()
    return world, intake, backlog


def key_of(number: int) -> str:
    """INIT-000001 is the first."""
    return f"INIT-{number:06d}"


def initiative(number: int) -> Initiative:
    """As stored now."""
    return Initiative.objects.get(initiative_key=key_of(number))


def edit_in_the_database(number: int, **fields: Any) -> ActionRun:
    """An analyst changes stored fields, as the admin does; the run can be undone."""
    run = ActionRun.objects.create(action="admin.edit", status=ActionRun.Status.SUCCESS, requested_by="olga")
    storage = Storage(run)
    storage.update(Initiative, [RecordUpdate(pk=initiative(number).pk, fields=fields)])
    storage.flush()
    return run


def row_counts() -> dict[str, int]:
    """How many rows each table has that an action could touch."""
    models = (Initiative, ActionRun, CellChange, Conflict, RecordChange, RowState, TabState, Initiative.history.model)
    return {model._meta.label: model._default_manager.count() for model in models}


def at_request(book: MemoryWorkbook, kind: str, number: int, do: Callable[[], None], *, after: bool = False) -> None:
    """Does something right before (or after) the `number`-th read or write from now on, counted from 1."""
    seen = 0

    def hook(request_kind: str) -> None:
        nonlocal seen
        seen += request_kind == kind
        if request_kind == kind and seen == number:
            do()

    if after:
        book.after_request = hook
    else:
        book.before_request = hook


def crash() -> None:
    """The process dies here."""
    raise Crash


def writes_and_reads(sheets: Iterable[Sheet]) -> list[tuple[int, int]]:
    """(reads, writes) so far, for each."""
    return [(sheet.book.reads, sheet.book.writes) for sheet in sheets]
