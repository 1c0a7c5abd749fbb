"""How new tabs look: what headers, notes, dropdowns and colours say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sheetsync.layout import Paint, column_layout, layout
from sheetsync.syncing.headers import Header, find_header
from sheetsync.tabs import Column, Kind, Owner
from tests.sheetsync.toy_tab import IDEAS

DRAWN = layout(IDEAS)
BY_NAME = {column.name: column for column in DRAWN.columns}


def test_every_column_is_there_under_its_canonical_name():
    assert [column.header for column in DRAWN.columns] == [column.name for column in IDEAS.columns]
    assert layout(IDEAS, in_words=True).columns[0].header == "Idea key"
    assert layout(IDEAS, title="Ideas 2026").title == "Ideas 2026"


@pytest.mark.parametrize("in_words", [False, True])
def test_the_header_is_found_again_among_the_top_rows(in_words):
    drawn = layout(IDEAS, in_words=in_words)
    rows = [["".join(piece.text for piece in pieces)] for pieces in drawn.legend]
    found = find_header(IDEAS, [*rows, [column.header for column in drawn.columns]])
    assert isinstance(found, Header)
    assert (found.row, len(found.columns), found.doubled) == (drawn.header_row, len(IDEAS.columns), {})
    assert drawn.header_row < 10
    assert drawn.first_row == drawn.header_row + 1


def test_the_legend_says_what_the_tab_is_for_and_explains_each_colour_that_it_has():
    text = "\n".join(piece.text for pieces in DRAWN.legend for piece in pieces)
    assert text.startswith(f"Ideas\n{IDEAS.help}\n")
    assert all(f"{paint.colour}: {paint.meaning}" in text for paint in Paint)
    alone = layout(replace(IDEAS, columns=(IDEAS.column("status"),)))
    assert [piece.text for piece in alone.legend[2]] == ["White: you type here"]
    assert len(alone.legend) == 3


def test_colours_tell_owners_apart_and_only_people_s_columns_stay_white():
    assert [BY_NAME[name].paint for name in ("idea_key", "title", "status", "is_selected")] == [
        Paint.KEY,
        Paint.SHARED,
        Paint.YOURS,
        Paint.YOURS,
    ]
    assert [BY_NAME[name].paint for name in ("chain_json", "overall_score", "suggested_text", "run_status")] == [
        Paint.SHOWN,
        Paint.SHOWN,
        Paint.SUGGESTED,
        Paint.FEEDBACK,
    ]
    assert [paint for paint in Paint if not paint.fill] == [Paint.YOURS]
    assert len({paint.header_fill for paint in Paint}) == len({paint.colour for paint in Paint}) == len(Paint)


def test_colours_differ_in_lightness_or_hue_for_people_who_see_no_red_or_green():
    def without_red_green(colour: str) -> tuple[float, float]:
        """(lightness, yellow to blue): what is left of a colour without red and green apart."""
        red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4))
        yellow = 0.4 * red + 0.6 * green
        return 0.9 * yellow + 0.1 * blue, yellow - blue

    seen = [without_red_green(paint.header_fill) for paint in Paint]
    for number, one in enumerate(seen):
        for other in seen[:number]:
            assert abs(one[0] - other[0]) + abs(one[1] - other[1]) > 0.08


def test_notes_say_what_it_is_who_writes_it_what_is_accepted_and_an_example():
    assert BY_NAME["status"].note == (
        "What status is.\nWhite: you type here.\nOne of: new, ready, done.\nEmpty means new."
    )
    assert BY_NAME["deadline"].note.endswith("Write a date, as 2026-03-31.\nExample: 2026-03-31")
    assert "A number, 0 or more." in BY_NAME["effort"].note
    assert "UK, DE; others are accepted" in BY_NAME["market"].note
    assert BY_NAME["idea_key"].note.endswith("The tab can't be used without this column.")
    assert "One of" not in BY_NAME["mirrored_status"].note


def test_a_note_in_a_tab_without_colours_names_none():
    note = column_layout(IDEAS.column("run_status"), coloured=False).note
    assert "Orange" not in note
    assert "What became of the row." in note


def test_dropdowns_stand_where_people_type_and_only_closed_lists_are_strict():
    assert {column.name: (column.dropdown, column.strict) for column in DRAWN.columns if column.dropdown} == {
        "status": (("new", "ready", "done"), True),
        "market": (("UK", "DE"), False),
        "is_selected": (("TRUE", "FALSE"), True),
    }


@pytest.mark.parametrize("choices", [("a,b", "c"), ('say "x"',), tuple(f"choice number {n}" for n in range(30))])
def test_choices_that_no_dropdown_can_hold_get_none(choices):
    column = Column(name="x", owner=Owner.ENTRY, kind=Kind.CHOICE, help="X.", choices=choices)
    assert (column_layout(column).dropdown, column_layout(column).strict) == ((), False)


def test_formats_keep_what_people_type():
    formats = {column.name: column.number_format for column in DRAWN.columns}
    assert (formats["deadline"], formats["confidence"]) == ("yyyy-mm-dd", "0.0%")
    assert {formats[name] for name in ("period", "gains", "weights")} == {"@"}
    # A formula typed into a column of texts would stay a text.
    assert {formats[name] for name in ("idea_key", "title", "effort", "notes")} == {"General"}


def test_every_header_fits_its_column():
    assert all(column.width >= len(column.header) + 2 for column in DRAWN.columns)
    assert BY_NAME["run_status"].width == 46
    assert [column.name for column in DRAWN.columns if column.wrapped] == [
        "notes",
        "needs",
        "gains",
        "weights",
        "chain_json",
        "suggested_text",
        "run_status",
    ]


def test_the_columns_that_say_what_a_row_is_about_stay_in_sight():
    assert DRAWN.frozen_columns == 2
    assert layout(replace(IDEAS, identity=())).frozen_columns == 0
