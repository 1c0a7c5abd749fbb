"""What a dry run would change in stored records, field by field, for the plan that it prints."""

from __future__ import annotations

from typing import Any

from sheetsync.models import ActionRun, RecordChange

# Where other lines of a plan name a workbook.
DATABASE = "(database)"


def stored_lines(run: ActionRun, *, after: int = 0) -> list[dict[str, Any]]:
    """The run's changes of stored fields. `after`: the last change that was stored before; earlier ones are left out.

    Of a record that the run would make, the fields that hold something.
    """
    changes = RecordChange.objects.filter(run=run, pk__gt=after).order_by("pk")
    return [
        {
            "workbook": DATABASE,
            "tab": change.model.partition(".")[2],
            "key": change.row_key,
            "column": name,
            "from": old,
            "to": new,
            "appended": change.created,
        }
        for change in changes
        for name, (old, new) in change.fields.items()
        if not (change.created and new in (None, "", False, [], {}))
    ]
