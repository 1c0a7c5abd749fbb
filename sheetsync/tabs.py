"""Declarations: what a tab is, which columns it has, who owns each. Plain frozen data, nothing else.

Pure: no Django, no sheets library, no clock. Domain apps declare their tabs in `sheets.py` and register them in `sheetsync.registry`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Owner(StrEnum):
    """Who writes a column's cells (the laws of the engine follow from this)."""

    ENTRY = "entry"  # a person, in this one tab; sheet -> DB
    OVERRIDE = "override"  # flows in from elsewhere, a person may overwrite it here; both ways
    MIRROR = "mirror"  # shows a stored field whose entry is elsewhere; DB -> sheet
    COMPUTED = "computed"  # worked out by the backend, shown, not stored as a field; DB -> sheet
    SUGGESTION = "suggestion"  # written for a person to consider, never stored
    COPIED = "copied"  # a person's formula, or a plain key that the backend put in a row it appended
    SHEET_ONLY = "sheet_only"  # a person's; an action may read it, nothing stores it
    FEEDBACK = "feedback"  # run_status, updated_source, updated_at


# Owners whose cells are settled by the three-way merge.
TWO_WAY = frozenset({Owner.ENTRY, Owner.OVERRIDE})
# Owners whose cells the backend fills and repairs.
SHOWN = frozenset({Owner.MIRROR, Owner.COMPUTED})


class Kind(StrEnum):
    """What a cell holds. `sheetsync.values.cells` parses and renders each kind; the canonical Python value stands behind."""

    TEXT = "text"  # str, "" when blank
    LONG_TEXT = "long_text"  # str, "" when blank; shown wide and wrapped
    EMAIL = "email"  # str, "" when blank
    NAME = "name"  # snake_case str (a metric or parameter name), "" when blank
    NUMBER = "number"  # float or None
    SHARE = "share"  # float from 0 to 1, or None; a percent is understood (80 and 80% are 0.8)
    BOOLEAN = "boolean"  # bool; blank is False
    DATE = "date"  # datetime.date or None
    DATETIME = "datetime"  # str, UTC ISO 8601, "" when blank
    CHOICE = "choice"  # one of Column.choices, "" when blank
    KEY = "key"  # str, "" when blank
    KEY_LIST = "key_list"  # list[str], in order, unique
    NUMBERS = "numbers"  # dict[str, float] or None: JSON or the short form
    WEIGHTS = "weights"  # dict[str, float], list[str] or None: JSON or the short form
    JSON = "json"  # any JSON value or None; shown compact with sorted keys
    PERIOD = "period"  # str: 2026, 2026-H1, 2026-Q1, 2026-03; "" when blank


class Role(StrEnum):
    """What a workbook is for."""

    INTAKE = "intake"
    BACKLOG = "backlog"
    PRODUCTOPS = "productops"
    OPTIMIZATION = "optimization"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a tab."""

    name: str  # canonical name, snake_case; the header in templates
    owner: Owner  # who writes its cells
    kind: Kind = Kind.TEXT  # what its cells hold
    help: str  # one sentence for the header's note: what it is
    aliases: tuple[str, ...] = ()  # other headers that mean this column (compared normalised)
    example: str = ""  # what a cell may look like, as typed
    required: bool = False  # without this header the tab is stopped
    field: str = (
        ""  # lookup path of the stored field from the tab's model; "" means `name` for two-way and mirror columns
    )
    stored: bool = True  # False: a two-way or mirror column with no field of its own (compiled as a whole)
    choices: tuple[str, ...] = ()  # CHOICE: what is accepted
    suggestions: tuple[str, ...] = ()  # offered in a dropdown; anything else is accepted as well
    blank: str = ""  # CHOICE: what a blank cell means
    minimum: float | None = None  # NUMBER: least value accepted
    above: float | None = None  # NUMBER: values must be greater than this
    width: int = 0  # characters; 0 lets the kind decide

    @property
    def path(self) -> str:
        """Lookup path of the stored field from the tab's model ("" for what isn't stored)."""
        if self.owner not in (*TWO_WAY, Owner.MIRROR) or not self.stored:
            return ""
        return self.field or self.name


@dataclass(frozen=True, kw_only=True)
class Tab:
    """One tab of a workbook: its columns, what identifies a row, which stored records stand behind."""

    name: str  # the tab's title; for intake, the name it is registered under
    role: Role  # which workbook it belongs to
    help: str  # one or two sentences for the legend above the header
    columns: tuple[Column, ...]
    identity: tuple[
        str, ...
    ]  # columns that together identify a row; () for tabs compiled as a whole or only appended to
    model: str = ""  # "app_label.Model" behind the rows, "" for none
    saved_by: tuple[str, ...] = ()  # actions that may save its two-way columns
    saved_with: tuple[str, ...] = ()  # tabs of the same workbook that are always saved along with this one
    any_name: bool = False  # recognised by its header row under any title (intake)
    key_prefix: str = ""  # rows without identity are given a key with this prefix, "" for never
    people_add_rows: bool = True  # a row with an unknown identity makes a record; else it is refused
    engine_adds_rows: bool = False  # the backend may append rows
    judged_whole: bool = False  # when one row changed, all of them are judged: they hold together or not at all
    has_feedback: bool = True  # ends with run_status, updated_source, updated_at

    def column(self, name: str) -> Column:
        """The column of that canonical name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def named(self, *owners: Owner) -> tuple[Column, ...]:
        """The columns of these owners, in order."""
        return tuple(column for column in self.columns if column.owner in owners)


def feedback_columns(*, updated_at_help: str = "") -> tuple[Column, ...]:
    """The three columns that tell people what became of a row; every tab that people work in ends with them."""
    return (
        Column(
            name="run_status",
            owner=Owner.FEEDBACK,
            kind=Kind.LONG_TEXT,
            help="What became of this row: OK, WARNING, SKIPPED or FAILED, with the reason.",
            aliases=("status of run", "sync status"),
            example="OK",
            width=46,
        ),
        Column(
            name="updated_source",
            owner=Owner.FEEDBACK,
            help="The action that last touched this row.",
            aliases=("updated by", "update source"),
            example="pm.backlog_sync",
        ),
        Column(
            name="updated_at",
            owner=Owner.FEEDBACK,
            kind=Kind.DATETIME,
            help=updated_at_help or "When that was, in UTC.",
            aliases=("last updated", "update time"),
            example="2026-03-31T09:30:00Z",
        ),
    )
