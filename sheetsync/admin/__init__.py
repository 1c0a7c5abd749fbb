"""The admin of the engine, page by page in modules of its own; people and roles in the same look."""

from __future__ import annotations

from sheetsync.admin.changes import CellChangeAdmin, RecordChangeAdmin
from sheetsync.admin.conflicts import ConflictAdmin
from sheetsync.admin.people import AuditEntryAdmin, GroupAdmin, UserAdmin
from sheetsync.admin.runs import ActionRunAdmin
from sheetsync.admin.schedules import ScheduleAdmin
from sheetsync.admin.workbooks import KeyReservationAdmin, RowStateAdmin, TabStateAdmin, WorkbookAdmin

__all__ = [
    "ActionRunAdmin",
    "AuditEntryAdmin",
    "CellChangeAdmin",
    "ConflictAdmin",
    "GroupAdmin",
    "KeyReservationAdmin",
    "RecordChangeAdmin",
    "RowStateAdmin",
    "ScheduleAdmin",
    "TabStateAdmin",
    "UserAdmin",
    "WorkbookAdmin",
]
