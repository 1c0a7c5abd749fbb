"""What other apps may ask of the backlog."""

from __future__ import annotations

from sheetsync.models import Workbook
from sheetsync.values.cells import Value


def intake_value(workbook: Workbook, name: str, said: Value) -> Value:
    """What intake's cell means for the initiative: an empty department is the workbook's own."""
    if said in (None, ""):
        return workbook.department if name == "department" else ""
    return said
