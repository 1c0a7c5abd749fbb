"""How a new tab looks: headers, notes, dropdowns, widths, and colours that say who writes where. Pure.

The colours stay apart for people who see no red or green, too; the legend says in words what each means.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sheetsync.tabs import TWO_WAY, Column, Kind, Owner, Tab

# Rows that dropdowns and formats reach down to, counted from 1.
LAST_ROW = 10_000
# A dropdown's choices are stored as one text of at most this many characters, parted by commas.
LONGEST_DROPDOWN = 255
# Colours that one row of the legend explains.
_COLOURS_A_ROW = 3
# Columns that stay in sight when people scroll to the right.
_MOST_FROZEN_COLUMNS = 2
INK = "1F2933"


class Paint(Enum):
    """Who writes a column, as people see it: (name of the colour, header fill, cell fill, what the legend says)."""

    YOURS = ("White", "243B53", "", "you type here")
    SHARED = (
        "Blue",
        "7FC3F0",
        "E3F2FC",
        "comes from elsewhere; type over it to change it here, empty it to get it back",
    )
    KEY = ("Yellow", "F2DC5D", "FDF8DC", "says which item the row is about; a formula of yours, or filled in for you")
    SHOWN = ("Grey", "C5CBD3", "F0F2F4", "filled in for you; what is typed here is put back")
    SUGGESTED = ("Purple", "B58FD6", "F4EEFA", "a suggestion; copy what you like into your own column")
    FEEDBACK = ("Orange", "F2B45C", "FDF1DF", "what became of the row")

    @property
    def colour(self) -> str:
        """Its name, as the legend begins."""
        return self.value[0]

    @property
    def header_fill(self) -> str:
        """RRGGBB."""
        return self.value[1]

    @property
    def header_ink(self) -> str:
        """RRGGBB of the header's text: where people type, the header is dark, to be found at a glance."""
        return "FFFFFF" if self is Paint.YOURS else INK

    @property
    def fill(self) -> str:
        """RRGGBB of the cells below the header; "" for none."""
        return self.value[2]

    @property
    def meaning(self) -> str:
        """What the legend says."""
        return self.value[3]


_PAINTS = {
    Owner.ENTRY: Paint.YOURS,
    Owner.SHEET_ONLY: Paint.YOURS,
    Owner.OVERRIDE: Paint.SHARED,
    Owner.COPIED: Paint.KEY,
    Owner.MIRROR: Paint.SHOWN,
    Owner.COMPUTED: Paint.SHOWN,
    Owner.SUGGESTION: Paint.SUGGESTED,
    Owner.FEEDBACK: Paint.FEEDBACK,
}

# Characters wide enough for what a cell of the kind usually holds.
_WIDTHS = {
    Kind.TEXT: 24,
    Kind.LONG_TEXT: 46,
    Kind.EMAIL: 28,
    Kind.NAME: 24,
    Kind.NUMBER: 13,
    Kind.SHARE: 11,
    Kind.BOOLEAN: 11,
    Kind.DATE: 13,
    Kind.DATETIME: 22,
    Kind.CHOICE: 17,
    Kind.KEY: 16,
    Kind.KEY_LIST: 32,
    Kind.NUMBERS: 36,
    Kind.WEIGHTS: 32,
    Kind.JSON: 36,
    Kind.PERIOD: 12,
}
# Some programs show a tick as 1 unless its format says how.
_NUMBER_FORMATS = {Kind.DATE: "yyyy-mm-dd", Kind.SHARE: "0.0%", Kind.BOOLEAN: '"TRUE";"TRUE";"FALSE"'}
_ALIGNED = {
    Kind.BOOLEAN: "center",
    Kind.DATE: "center",
    Kind.PERIOD: "center",
    Kind.NUMBER: "right",
    Kind.SHARE: "right",
}
# What people type of these, spreadsheet programs take for dates (2026-03) or times (1:2), unless the column holds text.
_KEPT_AS_TEXT = frozenset({Kind.PERIOD, Kind.NUMBERS, Kind.WEIGHTS})
_WRAPPED = frozenset({Kind.LONG_TEXT, Kind.KEY_LIST, Kind.NUMBERS, Kind.WEIGHTS, Kind.JSON})
_TYPED = frozenset({*TWO_WAY, Owner.SHEET_ONLY})
_HOW_TO_WRITE = {
    Kind.BOOLEAN: "TRUE or FALSE; empty means FALSE",
    Kind.DATE: "a date, as 2026-03-31",
    Kind.SHARE: "a share, as 80% or 0.8",
    Kind.PERIOD: "a year, half, quarter or month: 2026, 2026-H1, 2026-Q1, 2026-03",
    Kind.KEY_LIST: "keys, parted by | or commas",
    Kind.NUMBERS: "name: number; name: number (or JSON)",
    Kind.WEIGHTS: "name: weight; name: weight, or the names in order (or JSON)",
    Kind.NAME: "a name in snake_case",
}


@dataclass(frozen=True, kw_only=True)
class LegendPiece:
    """A stretch of text in the legend."""

    text: str
    swatch: str = ""  # RRGGBB of the square in front of it, "" for no square
    bold: bool = False


@dataclass(frozen=True, kw_only=True)
class ColumnLayout:
    """How one column looks."""

    name: str  # canonical name
    header: str  # text of its header
    note: str  # note on the header: what it is, who writes it, what is accepted, an example
    paint: Paint  # colours by who writes it
    width: int  # characters
    number_format: str  # in the notation of spreadsheet programs
    dropdown: tuple[str, ...] = ()  # choices offered in its cells, () for no dropdown
    strict: bool = False  # whether anything else is refused while typing
    wrapped: bool = False  # whether long text breaks into lines
    align: str = "left"  # left, center or right, the header likewise


@dataclass(frozen=True, kw_only=True)
class TabLayout:
    """How a new tab looks. Rows and columns count from 0."""

    title: str
    legend: tuple[tuple[LegendPiece, ...], ...]  # rows above the header, from the first; each is one cell's text
    header_row: int
    columns: tuple[ColumnLayout, ...]
    frozen_columns: int  # leading columns that stay in sight; all rows down to the header stay as well

    @property
    def first_row(self) -> int:
        """The first row for data."""
        return self.header_row + 1


def layout(tab: Tab, *, title: str = "", in_words: bool = False) -> TabLayout:
    """How the tab looks when it is new. `in_words`: headers such as `Initiative key` instead of `initiative_key`."""
    columns = tuple(column_layout(column, in_words=in_words) for column in tab.columns)
    legend = (
        (LegendPiece(text=title or tab.name, bold=True),),
        (LegendPiece(text=tab.help),),
        *_colour_rows(columns),
    )
    return TabLayout(
        title=title or tab.name,
        legend=legend,
        header_row=len(legend),
        columns=columns,
        frozen_columns=_frozen_columns(tab),
    )


def column_layout(column: Column, *, in_words: bool = False, coloured: bool = True) -> ColumnLayout:
    """How one column looks when it is new. `coloured`: whether its tab has the colours that notes speak of."""
    header = column.name.replace("_", " ").capitalize() if in_words else column.name
    dropdown = dropdown_of(column)
    return ColumnLayout(
        name=column.name,
        header=header,
        note=note_of(column, coloured=coloured),
        paint=_PAINTS[column.owner],
        # Room for the header and the arrow that a filter puts into it.
        width=max(column.width or _WIDTHS[column.kind], len(header) + 4),
        number_format=_number_format(column),
        dropdown=dropdown,
        strict=bool(dropdown) and (column.kind is Kind.BOOLEAN or dropdown == column.choices),
        wrapped=column.kind in _WRAPPED,
        align=_ALIGNED.get(column.kind, "left"),
    )


def dropdown_of(column: Column) -> tuple[str, ...]:
    """What a dropdown in the column offers; () where nobody types, or where a dropdown can't hold it."""
    if column.owner not in _TYPED:
        return ()
    offered = ("TRUE", "FALSE") if column.kind is Kind.BOOLEAN else column.choices or column.suggestions
    if any("," in choice or '"' in choice for choice in offered) or len(",".join(offered)) > LONGEST_DROPDOWN:
        return ()
    return offered


def note_of(column: Column, *, coloured: bool = True) -> str:
    """The note on a column's header, a few lines: what it is, who writes it, what is accepted, an example."""
    paint = _PAINTS[column.owner]
    who = f"{paint.colour}: {paint.meaning}." if coloured else f"{paint.meaning[0].upper()}{paint.meaning[1:]}."
    lines = [column.help, who]
    if column.owner in _TYPED:
        lines += [line for line in (_accepted(column), _blank(column)) if line]
    if column.example:
        lines.append(f"Example: {column.example}")
    if column.required:
        lines.append("The tab can't be used without this column.")
    return "\n".join(lines)


def _accepted(column: Column) -> str:
    if column.choices:
        return f"One of: {', '.join(column.choices)}."
    if column.suggestions:
        return f"For example {', '.join(column.suggestions)}; others are accepted as well."
    if column.kind is Kind.NUMBER and column.above is not None:
        return f"A number above {column.above:g}."
    if column.kind is Kind.NUMBER:
        return "A number." if column.minimum is None else f"A number, {column.minimum:g} or more."
    how = _HOW_TO_WRITE.get(column.kind, "")
    return f"Write {how}." if how else ""


def _blank(column: Column) -> str:
    return f"Empty means {column.blank}." if column.blank else ""


def _number_format(column: Column) -> str:
    if column.kind in _KEPT_AS_TEXT and column.owner in _TYPED:
        return "@"
    return _NUMBER_FORMATS.get(column.kind, "General")


def _colour_rows(columns: tuple[ColumnLayout, ...]) -> list[tuple[LegendPiece, ...]]:
    """What the colours mean, for those that the tab has, a few to a row."""
    present = [paint for paint in Paint if any(column.paint is paint for column in columns)]
    pieces = [
        LegendPiece(text=f"{paint.colour}: {paint.meaning}", swatch=paint.header_fill if paint.fill else "FFFFFF")
        for paint in present
    ]
    return [tuple(pieces[start : start + _COLOURS_A_ROW]) for start in range(0, len(pieces), _COLOURS_A_ROW)]


def _frozen_columns(tab: Tab) -> int:
    """The leading columns that say what a row is about."""
    telling = {*tab.identity, "title"}
    frozen = 0
    for column in tab.columns[:_MOST_FROZEN_COLUMNS]:
        if column.name not in telling:
            break
        frozen += 1
    return frozen
