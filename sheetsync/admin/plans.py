"""What a run would change or has changed, as tables: stored records field by field, sheets cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from sheetsync.admin.links import record_link, row_link
from sheetsync.admin.tables import shown_number, table
from sheetsync.context import Message
from sheetsync.models import ActionRun
from sheetsync.runs.planning import DATABASE
from sheetsync.tabs import Column, Owner
from sheetsync.transfer.importing import ImportPlan
from sheetsync.values.cells import render

FROM_INTAKE = "nothing: what intake says comes back"  # an emptied cell ends an override
LINES_SHOWN = 300
LONGEST_SHOWN = 160  # characters of a value


def short(value: Any, longest: int = LONGEST_SHOWN) -> str:
    """A value on one line, shortened; "nothing" for a blank."""
    plain = shown_number(value) if isinstance(value, float) else value
    text = "nothing" if plain in (None, "", [], {}) else " ".join(str(plain).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def spaced(name: str) -> str:
    """A model's name in words: "initiative scoring" of InitiativeScoring."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def stored_plan(lines: Sequence[Mapping[str, Any]]) -> SafeString | str:
    """What a plan changes in the database."""
    own = [line for line in lines if line["workbook"] == DATABASE]
    rows = ((spaced(line["tab"]), line["key"], line["column"], short(line["from"]), short(line["to"])) for line in own)
    headers = ("Record of", "Key", "Field", "Now", "Then")
    return capped(headers, rows, len(own), "Nothing is changed in the database.")


def sheet_plan(lines: Sequence[Mapping[str, Any]]) -> SafeString | str:
    """What a plan writes into sheets."""
    own = [line for line in lines if line["workbook"] != DATABASE]
    rows = (
        (f"{line['workbook']} / {line['tab']}", _key(line), line["column"], short(line["from"]), short(line["to"]))
        for line in own
    )
    return capped(("Sheet", "Row", "Column", "Now", "Then"), rows, len(own), "No cell is written.")


def _key(line: Mapping[str, Any]) -> str:
    return f"{str(line['key']).upper()}{' (new row)' if line.get('appended') else ''}"


def stored_changes(run: ActionRun) -> SafeString | str:
    """What a run changed in the database, field by field."""
    changes = run.record_changes.order_by("pk")[:LINES_SHOWN]
    rows = [
        (
            spaced(change.model.partition(".")[2]),
            record_link(change.model, change.object_id, change.row_key or change.object_id),
            f"made, {name}" if change.created else f"deleted, {name}" if change.deleted else name,
            short(old),
            short(new),
        )
        for change in changes
        for name, (old, new) in change.fields.items()
        if not (change.created and new in (None, "", False, [], {}))
    ]
    return capped(("Record of", "Key", "Field", "Before", "After"), rows, len(rows), "Nothing.")


def cell_changes(run: ActionRun) -> SafeString | str:
    """What a run wrote into sheets, cell by cell."""
    changes = run.cell_changes.order_by("pk").select_related("workbook")[:LINES_SHOWN]
    rows = [
        (
            f"{change.workbook} / {change.tab}",
            row_link(change.tab, change.row_key.upper()),
            f"{name} (new row)" if change.appended else name,
            short(old),
            short(new),
        )
        for change in changes
        for name, (old, new) in change.cells.items()
    ]
    return capped(("Sheet", "Row", "Column", "Before", "Written"), rows, len(rows), "Nothing.")


def told(messages: Iterable[Mapping[str, Any]], nothing: str = "Nothing to tell.") -> SafeString | str:
    """Messages for people, with links to the rows' records."""
    said = list(messages)
    rows = (
        (
            message.get("status"),
            " / ".join(filter(None, (message.get("workbook"), message.get("tab")))),
            message.get("row"),
            row_link(message.get("tab") or "", message.get("key") or ""),
            message.get("text"),
        )
        for message in said
    )
    return capped(("Status", "Sheet", "Row", "Key", "Message"), rows, len(said), nothing)


def kept(messages: Sequence[Message]) -> SafeString | str:
    """What an undo leaves as it is, and why."""
    rows = (
        (
            " / ".join(filter(None, (message.workbook, message.tab))),
            message.row,
            row_link(message.tab, message.key),
            message.text,
        )
        for message in messages
    )
    return capped(("Sheet", "Row", "Key", "Why it stays"), rows, len(messages), "")


def import_changes(plan: ImportPlan) -> SafeString | str:
    """What an import changes, row by row and field by field."""
    columns = plan.columns
    rows = [
        (row.number, f"{row.key} (new)" if row.is_new else row.key, name, short(render(columns[name], old)), _in_cell(columns[name], new))
        for row in plan.changing
        for name, (old, new) in row.changes.items()
    ]  # fmt: skip
    return capped(("Row", "Key", "Field", "Stored", "From the file"), rows, len(rows), "Nothing changes.")


def import_refusals(plan: ImportPlan) -> SafeString | str:
    """What an import refuses or warns of, and why."""
    told_of = [row for row in plan.rows if not row.verdict.startswith("OK")]
    rows = ((row.number, row.key, row.verdict) for row in told_of)
    return capped(("Row", "Key", "Message"), rows, len(told_of), "")


def _in_cell(column: Column, value: Any) -> str:
    shown = render(column, value)
    return short(shown) if shown is not None or column.owner is not Owner.OVERRIDE else FROM_INTAKE


def as_told(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages of a report as a run stores them."""
    return [message.as_json() for message in messages]


def capped(headers: Sequence[str], rows: Iterable[Sequence[Any]], count: int, nothing: str) -> SafeString | str:
    """A table of the first rows, and how many more there are."""
    shown = [row for row, _place in zip(rows, range(LINES_SHOWN), strict=False)]
    drawn = table(headers, shown, nothing=nothing)
    if count <= len(shown):
        return drawn
    return format_html("{}<p class='mt-2'>and {} more</p>", drawn, f"{count - len(shown):,}")
