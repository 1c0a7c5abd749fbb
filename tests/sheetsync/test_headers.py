from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetsync.syncing.headers import (
    Header,
    HeaderProblem,
    alias_clashes,
    column_letter,
    find_header,
    header_names,
    nearest_column,
    normalise,
)
from sheetsync.tabs import Column, Owner, Role, Tab


def column(name: str, *aliases: str, required: bool = False) -> Column:
    return Column(name=name, owner=Owner.ENTRY, help="A column.", aliases=aliases, required=required)


def tab(*columns: Column) -> Tab:
    return Tab(name="Ideas", role=Role.BACKLOG, help="A tab.", columns=columns, identity=())


IDEAS = tab(
    column("idea_key", "Key", required=True),
    column("title", "Summary", required=True),
    column("engineering_tokens", "Tokens"),
    column("requester_email", "E-mail"),
)


def header(*rows, of: Tab = IDEAS) -> Header:
    found = find_header(of, rows)
    assert isinstance(found, Header), found.text
    return found


def problem(*rows, of: Tab = IDEAS) -> HeaderProblem:
    found = find_header(of, rows)
    assert isinstance(found, HeaderProblem), found
    return found


@pytest.mark.parametrize(
    "typed",
    ["engineering_tokens", "Engineering Tokens", " ENGINEERING-TOKENS ",
     "Engineering tokens (pts)", "engineering  tokens:",
     "Engineering Tokens (pts) *", "EngineeringTokens", "engineering\ntokens",
     "Engineering tokens（pts）", "engineering_tokens\u200b"],
)  # fmt: skip
def test_headers_match_ignoring_case_spaces_punctuation_and_unit(typed):
    assert normalise(typed) == "engineeringtokens"
    assert header(["Key", "Title", typed]).columns["engineering_tokens"] == 2


def test_only_a_trailing_unit_is_ignored():
    assert normalise("Cost (net) per month") == "costnetpermonth"
    assert normalise("(unit)") == "unit"
    assert normalise("a (b) (c)") == "ab"
    assert normalise("") == normalise("(") == normalise("—") == ""


def test_letters_of_other_alphabets_are_kept():
    assert normalise("Größe") == normalise("GRO\u0308SSE") == "grösse"
    assert normalise("标题") != normalise("摘要")


def test_columns_are_found_by_name_or_alias():
    found = header(["Summary", None, "key", "Notes to self", "E-mail"])
    assert found == Header(
        row=0,
        columns={"idea_key": 2, "title": 0, "requester_email": 4},
        doubled={},
        unknown=((3, "Notes to self"),),
        absent=("engineering_tokens",),
    )


def test_instructions_above_the_header_are_passed_over():
    found = header(["Fill in one row per idea", None], ["Key", None], [None], ["Key", "Title"], ["I-1", "Title"])
    assert found.row == 3


def test_the_first_row_that_holds_every_required_column_is_the_header():
    assert header(["Key", "Title"], ["Key", "Title", "Tokens"]).row == 0


def test_only_the_top_ten_rows_are_looked_at():
    filler = [["text"]] * 9
    assert header(*filler, ["Key", "Title"]).row == 9
    assert "no header row" in problem(*filler, ["text"], ["Key", "Title"]).text


def test_a_word_of_the_instructions_is_no_header_where_a_later_row_holds_more():
    keys = tab(column("idea_key", "Key", required=True), column("title"))
    assert header(["Key"], ["Idea key", "Title"], of=keys).row == 1
    assert header(["Key"], ["Idea key", "Something else"], of=keys).row == 0
    found = problem(["Key"], ["Title", "Tokens"], of=tab(*keys.columns, column("tokens")))
    assert (found.best_row, found.missing) == (1, ("idea_key",))


def test_a_tab_without_required_columns_needs_two_that_match():
    runs = tab(column("run_id"), column("status"), column("gap"))
    assert header(["Status of all runs"], ["status", "note"], ["run_id", "Status"], of=runs).row == 2
    assert header(["Run id"], of=tab(column("run_id"))).columns == {"run_id": 0}


def test_two_headers_for_an_optional_column_leave_it_out_and_say_which():
    found = header(["Key", "Tokens", "Title", "Engineering tokens"])
    assert found.columns == {"idea_key": 0, "title": 2}
    assert found.doubled == {"engineering_tokens": (1, 3)}
    assert found.unknown == ()
    assert found.absent == ("requester_email",)


def test_two_headers_for_a_required_column_are_a_problem_that_names_both():
    found = problem([None], ["Key", "Title", "Idea key", "Tokens"])
    assert found == HeaderProblem(
        text='Ideas: in row 2, "Key" (column A) and "Idea key" (column C) mean idea_key; rename or delete all but one',
        best_row=1,
    )


def test_a_missing_required_header_is_named_with_the_row():
    found = problem(["Ideas of the year"], ["Title", "Tokens"])
    assert (found.text, found.best_row) == ("Ideas: the header row (row 2) has no header for idea_key; add it", 1)
    assert found.missing == ("idea_key",)
    assert found.absent == ("idea_key", "requester_email")


def test_a_mistyped_required_header_is_pointed_out():
    found = problem(["Idea kye", "Title", "Tokens"])
    assert found.text == (
        "Ideas: the header row (row 1) has no header for idea_key; add it, "
        'or rename "Idea kye" (column A), which looks like idea_key'
    )


def test_the_row_that_matches_most_columns_is_the_best():
    found = problem(["Title", "Tokens"], ["Summary", "Tokens", "E-mail"], ["Tokens", "E-mail"])
    assert found.best_row == 1


@pytest.mark.parametrize("rows", [[], [[]], [[None, ""]], [["hello", 5.0, True]], [["Key"]]])
def test_where_nothing_matches_there_is_no_header_row(rows):
    found = problem(*rows)
    assert found.text == "Ideas: no header row in the top 10 rows; one row must hold the headers idea_key, title"
    assert found.best_row is None


def test_a_row_with_one_known_header_is_named_as_such():
    found = problem(["Notes"], ["Key", "Budget"])
    assert (found.best_row, found.lone_row) == (None, 1)
    assert (found.missing, found.absent) == (("title",), ("title", "engineering_tokens", "requester_email"))


def test_cells_that_are_no_text_are_unknown_headers():
    found = header(["Key", "Title", 2026.0, True, "#REF!", "x" * 500, " "])
    assert found.unknown == ((2, "2026"), (3, "TRUE"), (4, "#REF!"), (5, "x" * 500))


def test_an_error_is_no_header_even_where_an_alias_reads_like_it():
    assert header(["Key", "#REF!"], of=tab(column("key", required=True), column("reference", "ref"))).absent == (
        "reference",
    )


def test_a_name_goes_before_another_columns_alias():
    clashing = tab(column("name", "title"), column("title"))
    assert header(["Name", "Title"], of=clashing).columns == {"name": 0, "title": 1}


def test_shared_names_are_reported():
    clashing = tab(column("name", "Title", "Label"), column("title", "Caption"), column("label", "CAPTION (text)"))
    assert alias_clashes(clashing) == [
        ("title", "name", "title"),
        ("label", "name", "label"),
        ("caption", "title", "label"),
    ]
    assert alias_clashes(IDEAS) == []


def test_a_column_has_its_names_normalised():
    assert header_names(column("requester_email", "E-mail", "Requester Email", "—")) == {"requesteremail", "email"}


@pytest.mark.parametrize(("index", "letter"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (701, "ZZ"), (702, "AAA")])
def test_columns_have_the_letters_of_a_spreadsheet(index, letter):
    assert column_letter(index) == letter


@given(st.integers(0, 10**6))
def test_letters_count_in_base_26_without_a_zero(index):
    value = 0
    for letter in column_letter(index):
        value = value * 26 + ord(letter) - ord("A") + 1
    assert value - 1 == index


def test_the_nearest_column_to_a_mistyped_header():
    assert nearest_column(IDEAS, "Requestor e-mail") == "requester_email"
    assert nearest_column(IDEAS, "Sumary") == "title"
    assert nearest_column(IDEAS, "Colour") is None


# Properties ---------------------------------------------------------------------------------------------------------

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(),
    st.text(max_size=8),
    st.characters(exclude_categories=[]),
    st.sampled_from(
        ["Key", "key ", "Title", "Summary", "Tokens", "e-mail", "E mail (work)", "#REF!", "((", "()", "Idea Key"]
    ),
)
names = st.permutations(["Key", "Summary", "Engineering tokens", "E-mail"])


@given(st.lists(st.lists(cells, max_size=8), max_size=12))
def test_any_grid_gives_a_header_or_a_problem(rows):
    found = find_header(IDEAS, rows)
    if isinstance(found, HeaderProblem):
        assert found.text.startswith("Ideas: ")
        found.text.encode()
        return
    used = [
        *found.columns.values(),
        *(place for places in found.doubled.values() for place in places),
        *(place for place, _ in found.unknown),
    ]
    assert len(used) == len(set(used))
    assert {"idea_key", "title"} <= set(found.columns)
    assert {*found.columns, *found.doubled, *found.absent} == {each.name for each in IDEAS.columns}
    for name, place in found.columns.items():
        assert normalise(rows[found.row][place]) in header_names(IDEAS.column(name))


@given(names)
def test_the_order_of_columns_never_matters(order):
    found = header(order)
    assert {name: order[place] for name, place in found.columns.items()} == {
        "idea_key": "Key",
        "title": "Summary",
        "engineering_tokens": "Engineering tokens",
        "requester_email": "E-mail",
    }


@given(names, st.data())
def test_unknown_columns_never_matter(order, data):
    junk = st.text(max_size=8).filter(
        lambda text: normalise(text) not in {name for each in IDEAS.columns for name in header_names(each)}
    )
    row = list(order)
    for _ in range(data.draw(st.integers(0, 5))):
        row.insert(data.draw(st.integers(0, len(row))), data.draw(junk | st.none() | st.floats()))
    found = header(row)
    assert found.absent == ()
    assert found.doubled == {}
    assert sorted(row[place] for place in found.columns.values()) == sorted(order)


@given(st.lists(st.lists(st.text(max_size=6) | st.none(), max_size=4), max_size=9))
def test_rows_above_without_names_never_matter(above):
    known = {name for each in IDEAS.columns for name in header_names(each)}
    above = [[cell for cell in row if cell is None or normalise(cell) not in known] for row in above]
    assert header(*above, ["Key", "Title"]).row == len(above)
