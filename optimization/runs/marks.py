"""What people marked in Candidates for the next run: ticks and what-ifs, read from the sheet and stored nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from optimization.services import Selection, initiative_keys
from sheetsync.context import ActionContext
from sheetsync.models import Workbook
from sheetsync.registry import registry
from sheetsync.syncing.headers import Header, find_header
from sheetsync.syncing.view import SheetRow, TabView, view_tab
from sheetsync.tabs import Role
from sheetsync.values.cells import Value, fold, nearest

CANDIDATES = "Candidates"
TICK, FORCE = "is_selected_for_run", "force"


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """Where marks are read, and where what is wrong with them is told."""

    context: ActionContext
    workbook: Workbook
    known: Mapping[str, str]  # initiative_key folded -> as it is spelled

    def tell(self, status: str, text: str, row: SheetRow | None = None) -> None:
        """A message about the tab, or one row of it."""
        where = {"row": row.number, "key": str(row.raw.get("initiative_key") or "")} if row else {}
        self.context.report.tell(status, text, workbook=str(self.workbook), tab=CANDIDATES, **where)

    def nearest(self, typed: str) -> str:
        """The end of a sentence about a key that doesn't exist."""
        near = nearest(fold(typed), self.known, however_far=True)
        return f"the nearest existing key is {self.known[near]}" if near else "there is no key yet"


def read_selection(context: ActionContext, workbook: Workbook, *, ticked_only: bool) -> Selection | None:
    """Ticks and what-ifs as the sheet shows them now. What is wrong with them is told; None when ticks are needed and can't be read.

    With `ticked_only` the run is limited to the keys that the action was given, else to the rows that are ticked.
    """
    desk = _Desk(context=context, workbook=workbook, known={fold(key): key for key in initiative_keys()})
    given = context.arguments.keys
    view = _read(desk)
    if isinstance(view, str):
        needed = ticked_only and not given
        desk.tell("FAILED" if needed else "WARNING", f"{view}; ticks and what-ifs can't be read")
        if needed:
            return None
    marks = {} if isinstance(view, str) else _marks(desk, view)
    ticked = _keys_given(desk, given) if given else frozenset(key for key, row in marks.items() if row.get(TICK))
    force = {key: str(row[FORCE]) for key, row in marks.items() if row.get(FORCE)}
    unread = {} if isinstance(view, str) else _unread(desk, view)
    return Selection(ticked=ticked if ticked_only else None, force=force, unread=unread)


def _read(desk: _Desk) -> TabView | str:
    """Candidates as it stands now, or why it can't be read."""
    tab = registry.get(Role.OPTIMIZATION, CANDIDATES).tab
    grid = desk.context.open_book(desk.workbook).read([CANDIDATES]).grids.get(CANDIDATES)
    if grid is None:
        return f"there is no tab {CANDIDATES!r}"
    header = find_header(tab, grid.rows)
    return view_tab(tab, CANDIDATES, header, grid) if isinstance(header, Header) else header.text


def _marks(desk: _Desk, view: TabView) -> dict[str, Mapping[str, Value]]:
    """initiative_key -> what its row is marked with."""
    for numbers in view.twins.values():
        rows = " and ".join(map(str, numbers))
        desk.tell("FAILED", f"rows {rows} have the same initiative_key; their marks don't count until one is left")
    found = {}
    for row in view.by_key.values():
        marks = _marks_of(desk, view, row)
        if not marks:
            continue
        if row.key in desk.known:
            found[desk.known[row.key]] = marks
        else:
            typed = str(row.raw["initiative_key"])
            desk.tell("FAILED", f"initiative_key: {typed!r} doesn't exist; {desk.nearest(typed)}", row)
    return found


def _unread(desk: _Desk, view: TabView) -> dict[str, Mapping[str, str]]:
    """initiative_key -> column -> why its mark wasn't taken."""
    rows = ((desk.known[row.key], view.values(row)[1]) for row in view.by_key.values() if row.key in desk.known)
    wrong = ((key, {name: refused[name].text for name in (TICK, FORCE) if name in refused}) for key, refused in rows)
    return {key: texts for key, texts in wrong if texts}


def _marks_of(desk: _Desk, view: TabView, row: SheetRow) -> Mapping[str, Value]:
    values, refused = view.values(row)
    for name in (TICK, FORCE):
        if name in refused:
            desk.tell("FAILED", refused[name].text, row)
    return {name: values[name] for name in (TICK, FORCE) if values.get(name)}


def _keys_given(desk: _Desk, keys: Iterable[str]) -> frozenset[str]:
    for key in keys:
        if fold(key) not in desk.known:
            desk.tell("FAILED", f"keys: there is no initiative {key!r}; {desk.nearest(key)}")
    return frozenset(desk.known[fold(key)] for key in keys if fold(key) in desk.known)
