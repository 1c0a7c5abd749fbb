"""What the requests of a batch work on, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sheetsync.sheets_server.errors import invalid
from sheetsync.sheets_server.places import Block, block_of
from sheetsync.sheets_server.sheet import Sheet, Spreadsheet
from sheetsync.sheets_server.values import check_protection

Payload = Mapping[str, Any]


@dataclass(frozen=True)
class Desk:
    """What a request works on."""

    spreadsheet: Spreadsheet
    caller: str

    def sheet(self, place: Payload) -> Sheet:
        """The sheet of a GridRange, DimensionRange or GridCoordinate."""
        return self.spreadsheet.sheet_by_id(place.get("sheetId", 0))

    def block(self, place: Payload) -> tuple[Sheet, Block]:
        """The rectangle of a GridRange, which must lie on the grid and be open to the caller."""
        sheet, block = self.sheet(place), block_of(place)
        if block.top >= sheet.row_count or block.left >= sheet.column_count:
            raise invalid("Attempting to write outside the grid.")
        if (block.bottom or 0) > sheet.row_count or (block.right or 0) > sheet.column_count:
            raise invalid(
                f"Attempting to write outside the grid: {sheet.title} has {sheet.row_count} rows, {sheet.column_count} columns."
            )
        check_protection(sheet, block, self.caller)
        return sheet, block


def fields_of(payload: Payload) -> tuple[str, ...]:
    """The field mask, without the root that older clients put in front. `a(b,c)` is understood as a.b and a.c."""
    mask = payload.get("fields", "")
    if not mask:
        raise invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
    found: list[str] = []
    depth, word, prefix = 0, "", ""
    for character in f"{mask},":
        if character == "(":
            prefix, word, depth = f"{word}.", "", depth + 1
        elif character in ",)":
            if word:
                found.append(prefix + word)
            word = ""
            if character == ")":
                depth, prefix = depth - 1, ""
        else:
            word += character
    return tuple(found)
