"""The two tabs that every workbook may have, whatever its role: Control, to ask for actions, and Run_Log, what came of them. Pure."""

from __future__ import annotations

from sheetsync.tabs import Column, Kind, Owner, Role, Tab

CONTROL, RUN_LOG = "Control", "Run_Log"
# No tab of these names is ever taken for one that people work in.
SERVICE_TITLES = frozenset({CONTROL.casefold(), RUN_LOG.casefold()})

_CONTROL_COLUMNS = (
    Column(
        name="action",
        owner=Owner.COPIED,
        help="What can be asked for in this workbook.",
        aliases=("command", "what to do"),
        example="pm.undo_run",
        required=True,
        width=38,
    ),
    Column(
        name="run",
        owner=Owner.SHEET_ONLY,
        kind=Kind.BOOLEAN,
        help="Tick it to have the action carried out; the tick goes once it is on its way.",
        aliases=("tick", "run now", "start"),
        example="TRUE",
        required=True,
    ),
    Column(
        name="arguments",
        owner=Owner.SHEET_ONLY,
        kind=Kind.LONG_TEXT,
        help="What the action is to work on, as name: value; name: value. Empty means all of it.",
        aliases=("options", "parameters", "args"),
        example="scenario: Q2 base; confirm: yes",
    ),
    Column(
        name="last_status",
        owner=Owner.FEEDBACK,
        kind=Kind.LONG_TEXT,
        help="What became of the last tick: queued, running, success, partial or failed, with the figures; FAILED says why it can't be.",
        aliases=("status", "result", "last result"),
        example="success: 12 rows changed, 40 cells written",
        width=60,
    ),
    Column(
        name="last_run_at",
        owner=Owner.FEEDBACK,
        kind=Kind.DATETIME,
        help="When the last run ended, in UTC.",
        aliases=("last run", "finished at"),
        example="2026-03-31T09:30:00Z",
    ),
)


def _shown(
    name: str, help: str, *aliases: str, kind: Kind = Kind.TEXT, required: bool = False, width: int = 0
) -> Column:
    return Column(
        name=name, owner=Owner.COMPUTED, kind=kind, help=help, aliases=aliases, required=required, width=width
    )


_RUN_LOG_COLUMNS = (
    _shown("run_id", "The run; the same id everywhere.", "run", kind=Kind.KEY, required=True, width=28),
    _shown("action", "What was asked for.", "command", width=34),
    _shown("requested_by", "Who asked, as far as the caller said.", "asked by", "user"),
    _shown("started_at", "When it began, in UTC.", "start", kind=Kind.DATETIME),
    _shown("finished_at", "When it ended, in UTC.", "end", kind=Kind.DATETIME),
    _shown("status", "success; partial when some rows failed; failed when nothing could be done.", "result"),
    _shown("rows_read", "Rows of this workbook that were read.", kind=Kind.NUMBER),
    _shown("rows_changed", "Rows of this workbook that changed, here or in the database.", kind=Kind.NUMBER),
    _shown("cells_written", "Cells of this workbook that were written.", kind=Kind.NUMBER),
    _shown("messages", "What it had to say about this workbook, shortened.", "notes", kind=Kind.LONG_TEXT, width=60),
    _shown("link", "The run's page, with every message and every change.", "url", "details", width=48),
)


def control_tab(role: Role) -> Tab:
    """The Control tab of workbooks of that role."""
    return Tab(
        name=CONTROL,
        role=role,
        help="Tick run beside an action to have it carried out. Whoever looks after the system sets how often the ticks are looked at.",
        columns=_CONTROL_COLUMNS,
        identity=("action",),
        people_add_rows=False,
        engine_adds_rows=True,
        has_feedback=False,
    )


def run_log_tab(role: Role) -> Tab:
    """The Run_Log tab of workbooks of that role."""
    return Tab(
        name=RUN_LOG,
        role=role,
        help="A row for each action that changed something in this workbook, or took something from it; the newest is the last.",
        columns=_RUN_LOG_COLUMNS,
        identity=("run_id",),
        people_add_rows=False,
        engine_adds_rows=True,
        has_feedback=False,
    )


def service_tabs(role: str) -> tuple[Tab, Tab]:
    """Both, for workbooks of that role."""
    return control_tab(Role(role)), run_log_tab(Role(role))
