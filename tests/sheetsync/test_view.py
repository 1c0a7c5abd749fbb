"""What a tab shows: identities, twins, empty rows, parsed cells."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from sheetsync.syncing.headers import Header, find_header
from sheetsync.syncing.view import (
    NOT_CALCULATED,
    TabView,
    digest,
    far_fewer,
    holds_nothing,
    identity_text,
    row_digest,
    text_of,
    view_tab,
)
from sheetsync.tabs import Column, Kind, Owner, Role, Tab
from sheetsync.workbooks.interface import Grid, Raw

PARAMS = Tab(
    name="Toy params",
    role=Role.PRODUCTOPS,
    help="A toy.",
    identity=("key", "param_name"),
    columns=(
        Column(name="key", owner=Owner.COPIED, kind=Kind.KEY, help="The key.", required=True),
        Column(name="param_name", owner=Owner.ENTRY, kind=Kind.NAME, help="Its name.", required=True),
        Column(name="value", owner=Owner.ENTRY, kind=Kind.NUMBER, help="Its value."),
        Column(name="done", owner=Owner.SHEET_ONLY, kind=Kind.BOOLEAN, help="A tick."),
        Column(name="shown", owner=Owner.MIRROR, kind=Kind.NUMBER, help="Only shown."),
    ),
)
HEADERS: list[Raw] = ["key", "param_name", "value", "done", "shown", "ours"]


def view(*rows: list[Raw], merged: frozenset[tuple[int, int]] = frozenset(), **grid: object) -> TabView:
    cells = [HEADERS, *([*row, *[None] * (len(HEADERS) - len(row))] for row in rows)]
    header = find_header(PARAMS, cells)
    assert isinstance(header, Header)
    shown = dataclasses.replace(Grid(rows=cells, width=len(HEADERS), formulas={}, merged=merged), **grid)  # type: ignore[arg-type]
    return view_tab(PARAMS, "Toy params", header, shown)


def test_rows_are_identified_by_all_parts_trimmed_and_ignoring_case():
    seen = view(["init-1", "Load Time", 3], [" INIT-1 ", "other", 4])
    assert [row.key for row in seen.rows] == ["init-1 | load_time", "init-1 | other"]
    assert [row.number for row in seen.rows] == [2, 3]
    assert seen.by_key["init-1 | other"].raw["value"] == 4


def test_twins_are_known_by_their_row_numbers_and_found_by_no_key():
    seen = view(["A1", "x"], ["B1", "x"], [" a1", "X "], ["A1", "y"])
    assert dict(seen.twins) == {"a1 | x": (2, 4)}
    assert set(seen.by_key) == {"b1 | x", "a1 | y"}


def test_a_row_says_what_its_identity_lacks():
    seen = view(["A1", None, 3], [None, None, 4], ["#REF!", "x"], ["A1", "1st"])
    assert [(row.key, row.problem) for row in seen.rows[:2]] == [("", "param_name is empty"), ("", "")]
    assert seen.rows[2].problem.startswith('key: the cell shows an error, "#REF!"')
    assert seen.rows[3].problem.startswith('param_name: "1st" doesn\'t start with a letter')


def test_rows_without_content_of_ours_are_no_rows():
    seen = view([], [None, "  ", "", False], [None, None, None, None, None, "our own note"], ["A1", "x"], ["", "", 0])
    assert [row.number for row in seen.rows] == [5, 6]


def test_cells_are_parsed_where_people_fill_them():
    (row,) = (seen := view(["A1", "x", "1,200", "yes", "not read"])).rows
    values, refused = seen.values(row)
    assert values == {"key": "A1", "param_name": "x", "value": 1200.0, "done": True}
    assert refused == {}


def test_a_refused_cell_is_kept_apart():
    (row,) = (seen := view(["A1", "x", "a few", "perhaps"])).rows
    values, refused = seen.values(row)
    assert values == {"key": "A1", "param_name": "x"}
    assert refused["value"].text.startswith('value: "a few" is not a number')
    assert set(refused) == {"value", "done"}


def test_a_formula_without_a_calculated_value_is_refused_and_not_blank():
    (row,) = (seen := view(["A1", "x", None], stale={(1, 2)})).rows
    values, refused = seen.values(row)
    assert "value" not in values
    assert refused["value"].text == (
        "value: the formula has no calculated value; open the file in a spreadsheet program and save it"
    )


def test_a_row_whose_key_nobody_calculated_is_a_row_and_says_so():
    seen = view([None, None, None], ["A1", "x", None], stale={(1, 0), (2, 2)})
    assert [(row.number, row.key) for row in seen.rows] == [(2, ""), (3, "a1 | x")]
    assert seen.rows[0].problem == f"key: {NOT_CALCULATED}"
    assert seen.uncalculated == (2,)


def test_merged_cells_mark_a_row_only_in_our_columns():
    seen = view(["A1", "x"], ["B1", "x"], merged=frozenset({(1, 5), (2, 2)}))
    assert [row.merged for row in seen.rows] == [False, True]


def test_the_typed_text_tells_rows_apart_by_what_people_typed_alone():
    one, same, other, refused = view(
        ["A1", "x", 3, None, 7], ["B1", "x", "3", True, 9], ["A1", "x", 4], ["A1", "x", "a few"]
    ).rows
    seen = view()
    texts = [*map(seen_text, (one, same, other, refused))]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3
    assert seen.text_as_stored({"param_name": "x", "value": 3.0}) == texts[0]


def seen_text(row: object) -> str:
    cells = [row.raw[name] for name in HEADERS[:5]]  # type: ignore[attr-defined]
    seen = view(cells)
    return seen.typed_text(seen.rows[0])


def test_a_new_empty_column_changes_no_text():
    assert text_of({"a": 1, "b": "", "c": None, "d": [], "e": False}) == text_of({"a": 1})
    assert text_of({"a": 1}) != text_of({"a": 2})
    assert text_of({"a": 0}) != text_of({})


@given(st.lists(st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False), st.text(max_size=5)), max_size=5))
def test_only_blanks_and_unticked_boxes_are_nothing(cells):
    meant = [cell for cell in cells if not (cell is None or cell is False or str(cell).strip() in ("", "FALSE"))]
    assert holds_nothing(cells) is (meant == [])


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_brake_holds_when_all_went_or_more_than_a_fifth_and_ten(before, now):
    gone = before - now
    assert far_fewer(before, now) is ((before > 0 and now == 0) or (gone > 10 and gone * 5 > before))


@given(st.lists(st.text(alphabet="aB 1-", min_size=1, max_size=4).filter(str.strip), min_size=1, max_size=3))
def test_identities_match_trimmed_in_any_case_with_any_spacing(parts):
    assert identity_text(parts) == identity_text([f"  {part.upper().replace(' ', '   ')} " for part in parts])


def test_fingerprints_differ_where_content_does():
    assert digest(["a", None]) != digest([None, "a"]) != digest(["a", ""])
    assert digest({"a": 1}) == digest({"a": 1})
    one, two = view(["A1", "x", 1], ["A1", "x", 1.0]).rows
    assert row_digest(one) == row_digest(view(["A1", "x", 1]).rows[0])
    assert row_digest(one) != row_digest(view(["A1", "x", None]).rows[0])
    assert one.key == two.key
