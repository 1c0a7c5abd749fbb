from __future__ import annotations

import contextlib
import datetime
import json
import locale
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetsync.tabs import Column, Kind, Owner
from sheetsync.values.cells import (
    Refusal,
    blank,
    date_to_serial,
    decode,
    encode,
    fold,
    is_blank,
    nearest,
    parse,
    read_pairs,
    render,
    serial_to_date,
    shows,
    snake_case,
)

CHOICES = ("new", "discovery", "in_progress")


def column(kind: Kind, **more) -> Column:
    if kind is Kind.CHOICE:
        more = {"choices": CHOICES, **more}
    return Column(name="effort", owner=Owner.ENTRY, kind=kind, help="A column.", **more)


def value(kind: Kind, raw, **more):
    found = parse(column(kind, **more), raw)
    assert not isinstance(found, Refusal), found.text
    return found


def refusal(kind: Kind, raw, **more) -> str:
    found = parse(column(kind, **more), raw)
    assert isinstance(found, Refusal), f"{raw!r} was taken as {found!r}"
    assert found.text.startswith("effort: ")
    return found.text


# Numbers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("1200", 1200),
        (" 1200 ", 1200),
        ("+1200", 1200),
        ("1,200", 1200),
        ("1,200,300.5", 1200300.5),
        ("£1,200", 1200),
        ("$ 1 200.50", 1200.5),
        ("1\u00a0200\u202f300", 1200300),
        ("1_200", 1200),
        ("1'200", 1200),
        ("1\u2019200.5", 1200.5),
        ("1.234", 1.234),
        ("1.200,50", 1200.5),
        ("1.200.300", 1200300),
        ("1 200,50", 1200.5),
        ("12 €", 12),
        ("-£5", -5),
        ("£-5", -5),
        ("\u22125", -5),
        ("(1,200)", -1200),
        ("5%", 0.05),
        ("12.5 %", 0.125),
        ("5.1%", 0.051),
        ("(5%)", -0.05),
        (".5", 0.5),
        ("5.", 5),
        ("1e5", 100000),
        (1200, 1200),
        (-0.0, 0),
    ],
)
def test_numbers_are_understood_as_people_type_them(typed, number):
    found = value(Kind.NUMBER, typed)
    assert found == number
    assert type(found) is float
    assert math.copysign(1, found) == math.copysign(1, number)


@pytest.mark.parametrize(
    ("typed", "one", "other"),
    [
        ("1,20", "1.20", "120"),
        ("1,23", "1.23", "123"),
        ("12,5", "12.5", "125"),
        ("1,2345", "1.2345", "12345"),
        ("0,500", "0.500", "500"),
        (",5", "0.5", "5"),
        ("1 200,500", "1200.500", "1200500"),
        ("-1,23%", "-1.23%", "-123%"),
        ("(1,5)", "-1.5", "-15"),
    ],
)
def test_a_number_with_two_readings_is_refused_with_both(typed, one, other):
    text = refusal(Kind.NUMBER, typed)
    assert f'"{typed}" could mean {one} or {other}' in text


@pytest.mark.parametrize(
    "typed",
    ["abc", "nan", "inf", "Infinity", "1.2.3,4.5", "1,2,3", "--5", "-(5)", "1/2", "10-20", "~5", "5%%", "£5%", "£5£",
     "12_00", "1 2", "0x10", "٣", "１２", "1e", ".", ",", "-", "%", "(", "()", "5e3%", "½", True,
     False, math.nan, math.inf, -math.inf],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_an_example(typed):
    assert refusal(Kind.NUMBER, typed).endswith("write a number such as 1200, 1,200 or 5%")


@pytest.mark.parametrize("typed", ["1.2k", "£3m", "2 million", "5bn"])
def test_shorthand_is_refused_and_asks_for_the_number_in_full(typed):
    assert "write it in full, such as 1200" in refusal(Kind.NUMBER, typed)


def test_numbers_beyond_all_floats_are_refused_for_every_kind():
    assert "too big" in refusal(Kind.NUMBER, "1e999")
    for kind in Kind:
        assert "too big" in refusal(kind, 10**400)
        assert "too big" in refusal(kind, -(10**5000))


def test_bounds_are_enforced_and_named():
    assert value(Kind.NUMBER, 0.0, minimum=0) == 0
    assert refusal(Kind.NUMBER, -1.0, minimum=0) == "effort: -1 is less than 0; write a number of 0 or more"
    assert refusal(Kind.NUMBER, "-1", minimum=0) == 'effort: "-1" is less than 0; write a number of 0 or more'
    assert value(Kind.NUMBER, 0.1, above=0) == 0.1
    assert refusal(Kind.NUMBER, "0", above=0) == 'effort: "0" is not more than 0; write a number more than 0'


@pytest.mark.parametrize(
    ("raw", "share"),
    [
        (0.8, 0.8),
        (0, 0),
        (1, 1),
        (80, 0.8),
        (2, 0.02),
        (100, 1),
        ("80%", 0.8),
        ("0.5%", 0.005),
        ("1%", 0.01),
        ("80", 0.8),
    ],
)
def test_shares_are_fractions_or_percents(raw, share):
    assert value(Kind.SHARE, raw) == share


@pytest.mark.parametrize("raw", [-0.1, 100.5, "150%", "-5%", True, "abc", math.nan])
def test_what_is_no_share_is_refused(raw):
    assert "0.8" in refusal(Kind.SHARE, raw)


@pytest.mark.parametrize("raw", [1.5, "1.5", 1.001])
def test_a_share_between_one_and_two_is_refused_as_ambiguous(raw):
    assert "could mean" in refusal(Kind.SHARE, raw)


# Dates and periods --------------------------------------------------------------------------------------------------

LAST_OF_MARCH = datetime.date(2026, 3, 31)


@pytest.mark.parametrize(
    "raw",
    [
        *("2026-03-31", "2026/03/31", "2026.3.31", "31/03/2026", "03/31/2026", "31.03.2026", "31-3-2026"),
        *(
            "31 Mar 2026",
            "31-Mar-2026",
            "31 march 2026",
            "31st of March, 2026",
            "March 31, 2026",
            "Mar. 31 2026",
            "March 31st, 2026",
        ),
        *("2026-Mar-31", "2026-03-31T00:00:00Z", "2026-03-31 00:00", 46112, 46112.0),
    ],
)
def test_dates_are_understood_as_people_type_them(raw):
    assert value(Kind.DATE, raw) == LAST_OF_MARCH


def test_a_day_that_reads_the_same_both_ways_is_taken():
    assert value(Kind.DATE, "04/04/2026") == datetime.date(2026, 4, 4)


@pytest.mark.parametrize("typed", ["03/04/2026", "3.4.2026", "03-04-2026"])
def test_a_date_with_two_readings_is_refused_with_both(typed):
    assert refusal(Kind.DATE, typed) == (
        f'effort: "{typed}" could mean 4 March 2026 or 3 April 2026; write 2026-03-04 or 2026-04-03'
    )


@pytest.mark.parametrize("typed", ["31/03/26", "31 Mar 26", "Mar 31, 26", "26.03.31"])
def test_a_year_of_two_digits_is_refused(typed):
    assert "year of two digits" in refusal(Kind.DATE, typed)


@pytest.mark.parametrize("typed", ["2026-02-30", "31/04/2026", "13/13/2026", "2026-13-01", "30 Feb 2026", "0 Mar 2026"])
def test_a_day_that_never_was_is_refused(typed):
    assert "not a day of the calendar" in refusal(Kind.DATE, typed)


@pytest.mark.parametrize(
    "raw",
    [
        "soon",
        "Foo 3, 2026",
        "2026",
        "20260331",
        "46112",
        "Q1 2026",
        "March 2026",
        20260331,
        -1,
        0.5,
        1e300,
        True,
        math.nan,
    ],
)
def test_what_is_no_date_is_refused_with_an_example(raw):
    assert refusal(Kind.DATE, raw).endswith("write a date such as 2026-03-31")


def test_a_year_alone_is_not_taken_for_a_day_of_1905():
    assert refusal(Kind.DATE, 2026.0) == (
        "effort: 2026 is a number that a spreadsheet reads as 18 July 1905; write the full date, such as 2026-03-31"
    )


def test_a_time_of_day_is_not_dropped_silently():
    assert (
        refusal(Kind.DATE, 46112.5)
        == "effort: 46112.5 is 31 March 2026 with a time of day; write the date alone, 2026-03-31"
    )
    assert "time of day" in refusal(Kind.DATE, "2026-03-31 14:00")
    assert "time of day" in refusal(Kind.DATE, "31/03/2026 09:15:00")


def test_the_earliest_and_the_latest_date():
    assert value(Kind.DATE, "1910-01-01") == value(Kind.DATE, 3654) == datetime.date(1910, 1, 1)
    assert "before 1910" in refusal(Kind.DATE, "31 Dec 1909")
    assert "1909" in refusal(Kind.DATE, 3653)
    assert value(Kind.DATE, 2958465.0) == datetime.date(9999, 12, 31)
    assert "not a date" in refusal(Kind.DATE, 2958466.0)


def test_serials_count_days_from_the_end_of_1899():
    assert date_to_serial(LAST_OF_MARCH) == 46112
    assert serial_to_date(46112.99) == LAST_OF_MARCH
    assert serial_to_date(0) == datetime.date(1899, 12, 30)
    assert serial_to_date(-693593) == datetime.date(1, 1, 1)
    for beyond in (-693594, 2958466, math.nan, math.inf):
        with pytest.raises(ValueError, match="no serial number"):
            serial_to_date(beyond)


@given(st.dates())
def test_serials_and_dates_go_there_and_back(day):
    assert serial_to_date(date_to_serial(day)) == day


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        ("2026-03-31T09:30:00Z", "2026-03-31T09:30:00Z"),
        ("2026-03-31 09:30", "2026-03-31T09:30:00Z"),
        ("2026-03-31T09:30:00+02:00", "2026-03-31T07:30:00Z"),
        (46112.5, "2026-03-31T12:00:00Z"),
        (46111.999999, "2026-03-31T00:00:00Z"),
    ],
)
def test_moments_become_utc(raw, moment):
    assert value(Kind.DATETIME, raw) == moment


@pytest.mark.parametrize(
    "raw", ["yesterday", "2026-02-30T09:00:00Z", "31/03/2026 09:30", "9999-12-31T23:59-05:00", 2026.0, 1e12, True]
)
def test_what_is_no_moment_is_refused(raw):
    assert refusal(Kind.DATETIME, raw).endswith("write a moment such as 2026-03-31T09:30:00Z")


@pytest.mark.parametrize(
    ("raw", "period"),
    [
        *((raw, "2026") for raw in ("2026", 2026, 2026.0)),
        *((raw, "2026-H1") for raw in ("2026-H1", "h1 2026", "1H 2026", "2026H1", "H1_2026")),
        *((raw, "2026-Q1") for raw in ("2026-Q1", "Q1 2026", "Q1_2026", "2026Q1", "2026-q1", "1Q/2026", " Q1-2026 ")),
        *(
            (raw, "2026-03")
            for raw in ("2026-03", "2026/3", "03/2026", "Mar 2026", "march-2026", "Mar. 2026", "2026 Mar")
        ),
        ("Sept 2026", "2026-09"),
    ],
)
def test_periods_are_understood_and_normalised(raw, period):
    assert value(Kind.PERIOD, raw) == period


@pytest.mark.parametrize(
    "raw",
    [
        "2026-Q5",
        "2026-Q0",
        "H3 2026",
        "2026-13",
        "00/2026",
        "Q1",
        "Q1 26",
        "1026-Q1",
        "next",
        5,
        2026.5,
        1e300,
        -3,
        True,
    ],
)
def test_what_is_no_period_is_refused_with_examples(raw):
    assert refusal(Kind.PERIOD, raw).endswith("write a period such as 2026, 2026-H1, 2026-Q1 or 2026-03")


def test_a_period_that_the_spreadsheet_turned_into_a_date_is_refused_with_its_month():
    text = refusal(Kind.PERIOD, 46082.0)
    assert "46082 is a date, 1 March 2026: the spreadsheet turned what was typed into one" in text
    assert "write 2026-03 with an apostrophe" in text


def test_a_day_is_not_a_period():
    assert "write its month, 2026-03" in refusal(Kind.PERIOD, "2026-03-31")


# Text, names, keys, choices, ticks ----------------------------------------------------------------------------------


def test_text_is_trimmed_and_keeps_its_inner_lines():
    assert value(Kind.TEXT, "  Faster checkout\r\nfor guests\r ") == "Faster checkout\nfor guests"
    assert value(Kind.LONG_TEXT, "\ufeffa\tb\u200b") == "a\tb"


def test_numbers_and_ticks_become_the_text_that_the_cell_shows():
    assert value(Kind.TEXT, 7.0) == "7"
    assert value(Kind.TEXT, 7.25) == "7.25"
    assert value(Kind.TEXT, 10**30) == "1e+30"
    assert value(Kind.TEXT, True) == "TRUE"
    assert value(Kind.TEXT, "=1+1") == "=1+1"


@pytest.mark.parametrize("raw", ["a\x00b", "a\x1bb", "a\ud800b", "a\x85b", "a\ufffeb"])
def test_text_that_no_cell_could_keep_is_refused(raw):
    text = refusal(Kind.TEXT, raw)
    assert "control character" in text
    text.encode()  # the message itself can be written
    assert "control character" in refusal(Kind.KEY, raw)


def test_text_longer_than_a_cell_is_refused():
    assert value(Kind.TEXT, "x" * 32_767) == "x" * 32_767
    assert "longer than 32,767 characters" in refusal(Kind.TEXT, "x" * 32_768)
    assert value(Kind.TEXT, "é" * 32_767)
    assert "longer than 32,767 characters" in refusal(Kind.TEXT, "😀" * 16_384)


def test_a_structure_that_grows_too_long_for_a_cell_is_refused():
    names = ",".join(f"k{index}" for index in range(5_000))
    assert len(names) < 32_767
    assert "longer than 32,767 characters" in refusal(Kind.WEIGHTS, names)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("error", ["#REF!", "#N/A", " #DIV/0! ", "#VALUE!", "#NAME?", "Loading..."])
def test_errors_of_the_spreadsheet_are_refused_for_every_kind(kind, error):
    assert f'effort: the cell shows an error, "{error.strip()}"; correct its formula' in refusal(kind, error)


def test_a_text_that_merely_begins_like_an_error_is_text():
    assert value(Kind.TEXT, "#1 priority") == "#1 priority"
    assert value(Kind.TEXT, "Loading") == "Loading"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Page Load Time", "page_load_time"),
        ("page-load  time", "page_load_time"),
        ("D30 Retention (%)", "d30_retention"),
        ("GMV", "gmv"),
        ("_gmv_", "gmv"),
        ("Größe", "größe"),
        ("Gro\u0308ße", "größe"),
        ("ﬁll rate", "fill_rate"),
    ],
)
def test_names_become_snake_case(typed, name):
    assert value(Kind.NAME, typed) == snake_case(typed) == name


@pytest.mark.parametrize("raw", ["30d", "%", 5.0, "___", "٣x"])
def test_a_name_starts_with_a_letter(raw):
    assert refusal(Kind.NAME, raw).endswith("doesn't start with a letter; write a name such as page_load_time")


def test_keys_are_trimmed_and_in_capitals():
    assert value(Kind.KEY, " init-000001\u200b") == "INIT-000001"
    assert value(Kind.KEY, 7.0) == "7"


@pytest.mark.parametrize("raw", ["INIT 1", "INIT-1, INIT-2", "INIT-1|INIT-2", "a\nb"])
def test_a_key_is_one_word(raw):
    assert refusal(Kind.KEY, raw).endswith("write a key such as INIT-000001")


@pytest.mark.parametrize("typed", ["A-1 | b-2 | A-1", "a-1,b-2", "A-1;B-2;", "A-1\r\nB-2", "|A-1||B-2"])
def test_key_lists_are_split_and_repeats_dropped(typed):
    assert value(Kind.KEY_LIST, typed) == ["A-1", "B-2"]


def test_a_key_list_with_a_space_inside_names_the_part():
    assert 'holds "B 2", which' in refusal(Kind.KEY_LIST, "A-1 | B 2")


@pytest.mark.parametrize("typed", ["ana@example.com", "a.b+c@sub.example.co.uk", "jürgen@exämple.de"])
def test_plausible_addresses_are_taken(typed):
    assert value(Kind.EMAIL, typed) == typed


@pytest.mark.parametrize(
    "raw",
    ["ana", "ana@", "@example.com", "a@b", "a@b.", "a@.b", "a@b..c", "a@b@c.de", "Ana <a@b.co>", "a@b.co, c@d.co", 5.0],
)
def test_what_is_not_one_address_is_refused(raw):
    assert "is not one e-mail address; write one address such as ana@example.com" in refusal(Kind.EMAIL, raw)


@pytest.mark.parametrize("typed", ["in_progress", "In Progress", "IN-PROGRESS", " in  progress ", "inprogress"])
def test_choices_match_however_they_are_written(typed):
    assert value(Kind.CHOICE, typed) == "in_progress"


def test_an_unknown_choice_is_refused_with_the_nearest_and_the_list():
    assert refusal(Kind.CHOICE, "discovry") == (
        'effort: "discovry" is not one of the choices; '
        "did you mean discovery? Write one of: new, discovery, in_progress"
    )
    assert refusal(Kind.CHOICE, "zzz").endswith("is not one of the choices; write one of: new, discovery, in_progress")


def test_a_long_list_of_choices_is_not_repeated_in_full():
    choices = tuple(f"country_{index:03}" for index in range(200))
    assert refusal(Kind.CHOICE, "county_007", choices=choices).endswith(
        "did you mean country_007? Write one of the 200 choices of the dropdown"
    )
    assert len(refusal(Kind.CHOICE, "zzz", choices=choices)) < 300


@pytest.mark.parametrize(
    ("raws", "ticked"),
    [
        ((True, "TRUE", "yes", "Y", 1, 1.0, "1", "x", "On", "✓"), True),
        ((False, "FALSE", "No", "n", 0, "0", "off", None, " "), False),
    ],
)
def test_ticks_are_understood_as_people_type_them(raws, ticked):
    assert [value(Kind.BOOLEAN, raw) for raw in raws] == [ticked] * len(raws)
    assert all(type(value(Kind.BOOLEAN, raw)) is bool for raw in raws)


@pytest.mark.parametrize("raw", [2, -1, 0.5, "maybe", "t", "yes please"])
def test_what_is_no_tick_is_refused(raw):
    assert "neither TRUE nor FALSE" in refusal(Kind.BOOLEAN, raw)


# Structure ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        '{"gmv": 120000, "retention_30d": 0.01}',
        "gmv: 120000; retention_30d: 0.01",
        "gmv: 120,000; Retention 30d: 1%;",
        "gmv: 120,000, retention_30d: 1%",
        "GMV = £120,000\nretention 30d = 0.01",
        "gmv: 120000, retention_30d: .01,",
    ],
)
def test_numbers_by_name_take_json_and_the_short_form(typed):
    assert value(Kind.NUMBERS, typed) == value(Kind.WEIGHTS, typed) == {"gmv": 120000, "retention_30d": 0.01}


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("gmv: 1,20", 'gives gmv "1,20", which could mean 1.20 or 120; write 1.20 or 120'),
        ("gmv: lots", 'gives gmv "lots", which is not a number'),
        ("gmv:", "gives gmv nothing, which is not a number"),
        ("gmv 5", 'holds "gmv 5", which isn\'t of the form name: number'),
        (": 5", 'holds ": 5", which isn\'t of the form'),
        ("gmv: 1; GMV: 2", "names gmv twice; write gmv once"),
        ("30d: 1", 'holds the name "30d", which doesn\'t start with a letter'),
        ('{"gmv": 1, "gmv": 2}', "holds a name twice in one object"),
        ('{"gmv": 1, "GMV": 2}', "names gmv twice"),
        ('{"gmv": NaN}', "holds NaN, which isn't a number"),
        ('{"gmv": -Infinity}', "holds -Infinity, which isn't a number"),
        ('{"gmv": 1e999}', "holds a number that is too big"),
        ('{"gmv": true}', "gives gmv TRUE, which is not a number"),
        ('{"gmv": null}', "gives gmv an empty cell"),
        ('{"gmv": "5"}', 'gives gmv "5", which is not a number; write numbers without quotes'),
        ('{"gmv": {"a": 1}}', "gives gmv an object, which is not a number"),
        ('{"gmv": [1]}', "gives gmv a list, which is not a number"),
        ('{"gmv": 1', "isn't valid JSON at character 10"),
        ("{“gmv”: 1}", "its quotes must be straight ones"),
        ("[1, 2]", "is JSON, but not an object of numbers"),
        (5.0, "is a number without a name"),
        (True, "is the value of a tick box"),
    ],
)
def test_numbers_by_name_that_cannot_be_taken_are_refused(typed, says):
    assert says in refusal(Kind.NUMBERS, typed)


@pytest.mark.parametrize(
    "typed", ["gmv > Page Load > nps", "gmv -> page_load -> nps", "gmv → page_load → nps", "gmv => page load => nps",
              "gmv, page_load, nps",
              "gmv; page_load; nps;", "gmv\npage_load\nnps", '["gmv", "page_load", "NPS"]']
)  # fmt: skip
def test_weights_take_names_in_order(typed):
    assert value(Kind.WEIGHTS, typed) == ["gmv", "page_load", "nps"]


def test_weights_take_a_single_name_and_keep_an_empty_list():
    assert value(Kind.WEIGHTS, "gmv") == ["gmv"]
    assert value(Kind.WEIGHTS, "[]") == []


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("a > b, c", "separates its names in more than one way"),
        ("a > A", "names a twice"),
        ('["a", 1]', "holds 1, which is not a name"),
        ('[["a"]]', "holds a list, which is not a name"),
        ("a > 5", 'holds "5", which doesn\'t start with a letter'),
        ('"gmv"', "is JSON, but not an object"),
    ],
)
def test_weights_that_cannot_be_taken_are_refused(typed, says):
    assert says in refusal(Kind.WEIGHTS, typed)


@pytest.mark.parametrize(
    ("typed", "found"),
    [('{"nodes": ["a"], "edges": []}', {"nodes": ["a"], "edges": []}), ("5", 5), (5.0, 5), (2.5, 2.5), (True, True),
     ("null", None), ('""', None), ('"a\\nb"', "a\nb"), ("[1, 2.5]", [1, 2.5]),
     ("[" * 32 + "]" * 32, json.loads("[" * 32 + "]" * 32))],
)  # fmt: skip
def test_json_cells_take_any_json(typed, found):
    assert value(Kind.JSON, typed) == found


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("abc", "isn't valid JSON at character 1"),
        ("[NaN]", "holds NaN"),
        ("[1e999]", "too big"),
        ('{"a": {"b": 1, "b": 2}}', "holds a name twice"),
        ("12345678901234567890", "an integer that other programs would round"),
        ('"\\u0000"', "control character"),
        ('{"\\ud800": 1}', "control character"),
        ("[" * 33 + "]" * 33, "nested deeper than 32 levels"),
        ("[" * 16_000 + "]" * 16_000, "nested deeper than 32 levels"),
    ],
)
def test_json_that_cannot_be_kept_is_refused(typed, says):
    assert says in refusal(Kind.JSON, typed)


def test_pairs_of_the_short_form_keep_their_texts():
    assert read_pairs("scenario: Q2 base; confirm: yes") == [("scenario", "Q2 base"), ("confirm", "yes")]
    assert read_pairs("keys: A, B, run: 5") == [("keys", "A, B"), ("run", "5")]


# Blank, rendering, showing, storing ---------------------------------------------------------------------------------

BLANKS = {
    **dict.fromkeys(Kind, ""),
    **dict.fromkeys((Kind.NUMBER, Kind.SHARE, Kind.DATE, Kind.NUMBERS, Kind.WEIGHTS, Kind.JSON), None),
    Kind.BOOLEAN: False,
    Kind.KEY_LIST: [],
}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("raw", [None, "", " \n", "\u200b"])
def test_an_empty_cell_means_the_kinds_blank_value(kind, raw):
    assert is_blank(raw)
    assert parse(column(kind), raw) == blank(column(kind)) == BLANKS[kind]
    assert shows(column(kind), blank(column(kind)), raw)
    assert render(column(kind), blank(column(kind))) in (None, False)


def test_nothing_else_is_blank():
    assert not any(is_blank(raw) for raw in (0, False, "0", "-", "#REF!"))


def test_an_empty_choice_means_what_the_column_says():
    assert parse(column(Kind.CHOICE, blank="new"), None) == "new"


def test_blank_key_lists_are_not_shared():
    blank(column(Kind.KEY_LIST)).append("A-1")
    assert blank(column(Kind.KEY_LIST)) == []


@pytest.mark.parametrize(
    ("kind", "kept", "written"),
    [
        (Kind.NUMBER, 5.0, 5),
        (Kind.NUMBER, 5.25, 5.25),
        (Kind.NUMBER, 1e20, 1e20),
        (Kind.DATE, LAST_OF_MARCH, LAST_OF_MARCH),
        (Kind.DATE, datetime.datetime(2026, 3, 31, 9, 30, tzinfo=datetime.UTC), LAST_OF_MARCH),
        (Kind.DATETIME, datetime.datetime(2026, 3, 31, 9, 30, tzinfo=datetime.UTC), "2026-03-31T09:30:00Z"),
        (Kind.KEY_LIST, ["A-1", "B-2"], "A-1 | B-2"),
        (Kind.NUMBERS, {"retention": 0.01, "gmv": 120000.0}, '{"gmv":120000,"retention":0.01}'),
        (Kind.NUMBERS, {}, "{}"),
        (Kind.WEIGHTS, ["b", "a"], '["b","a"]'),
        (Kind.JSON, {"nodes": ["é"], "edges": [["b", "a"]]}, '{"edges":[["b","a"]],"nodes":["é"]}'),
        (Kind.JSON, "a", '"a"'),
        (Kind.JSON, False, "false"),
        (Kind.BOOLEAN, False, False),
        (Kind.TEXT, "a\r\nb\x00", "a\nb"),
        (Kind.TEXT, "  ", None),
        (Kind.TEXT, "=1+1", "=1+1"),
    ],
)
def test_values_are_written_in_one_form(kind, kept, written):
    found = render(column(kind), kept)
    assert found == written
    assert type(found) is type(written)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_no_cell_is_given_what_it_cannot_hold(number):
    for kind, kept in ((Kind.NUMBER, number), (Kind.NUMBERS, {"a": number}), (Kind.JSON, [number])):
        with pytest.raises(ValueError):
            render(column(kind), kept)


@pytest.mark.parametrize(
    ("kind", "kept", "raw", "shown"),
    [
        (Kind.NUMBER, 5.0, 5, True),
        (Kind.NUMBER, 0.1 + 0.2, 0.3, True),
        (Kind.NUMBER, 5.0, 5.001, False),
        (Kind.NUMBER, 5.0, "5", False),
        (Kind.NUMBER, 1.0, True, False),
        (Kind.NUMBER, 0.0, None, False),
        (Kind.NUMBER, None, 0, False),
        (Kind.DATE, LAST_OF_MARCH, 46112.0, True),
        (Kind.DATE, LAST_OF_MARCH, 46112.5, False),
        (Kind.DATE, LAST_OF_MARCH, "2026-03-31", False),
        (Kind.BOOLEAN, True, True, True),
        (Kind.BOOLEAN, True, "yes", False),
        (Kind.BOOLEAN, True, None, False),
        (Kind.BOOLEAN, False, None, True),
        (Kind.BOOLEAN, False, False, True),
        (Kind.TEXT, "Checkout", "Checkout", True),
        (Kind.TEXT, "Checkout", "checkout", False),
        (Kind.TEXT, "Checkout", "Checkout ", False),
        (Kind.TEXT, "a\nb", "a\r\nb", True),
        (Kind.TEXT, "2026", 2026.0, True),
        (Kind.TEXT, "", "x", False),
        (Kind.CHOICE, "in_progress", "In Progress", False),
        (Kind.KEY_LIST, ["A-1", "B-2"], "A-1 | B-2", True),
        (Kind.KEY_LIST, ["A-1", "B-2"], "A-1, B-2", False),
        (Kind.NUMBERS, {"b": 1.0, "a": 2.0}, '{"a":2,"b":1}', True),
        (Kind.NUMBERS, {"b": 1.0, "a": 2.0}, '{"b": 1, "a": 2}', False),
    ],
)
def test_a_cell_shows_a_value_or_does_not(kind, kept, raw, shown):
    assert shows(column(kind), kept, raw) is shown


# Words --------------------------------------------------------------------------------------------------------------


def test_names_match_trimmed_with_single_spaces_ignoring_case():
    assert fold("  Q2\u00a0 Base\n") == fold("q2 base") == "q2 base"
    assert fold("STRASSE") == fold("straße")


def test_the_nearest_choice_is_found_or_none():
    choices = ["discovery", "planned", "done"]
    assert nearest("plannd", choices) == "planned"
    assert nearest(" PLAN NED", choices) == "planned"
    assert nearest("Done.", choices) == "done"
    assert nearest("zebra", choices) is None
    assert nearest("", choices) is None
    assert nearest("UK", ["US"]) is None
    assert nearest("INIT-00012", ["INIT-000001", "INIT-000012"]) == "INIT-000012"
    assert nearest("zebra", choices, however_far=True) in choices
    assert nearest("INIT-9912", ["INIT-000001", "INIT-000012"], however_far=True) == "INIT-000012"
    assert nearest("zebra", [], however_far=True) is None
    assert nearest("init000012", ["INIT-000013", "INIT-000012"]) == "INIT-000012"


def plain_distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        previous, row = row, [index]
        for place, against in enumerate(other, 1):
            row.append(min(previous[place] + 1, row[-1] + 1, previous[place - 1] + (letter != against)))
    return row[-1]


letters = st.text("abc", max_size=9)


@given(letters, st.lists(letters, max_size=6))
def test_the_nearest_choice_is_nearest_by_edit_distance(word, choices):
    found = nearest(word, choices)
    allowed = max(len(word) // 3, 1 if len(word) > 2 else 0)
    distances = {choice: plain_distance(word, choice) for choice in choices}
    least = min(distances.values(), default=99)
    assert found == (next(choice for choice in choices if distances[choice] == least) if least <= allowed else None)


# Properties of every kind -------------------------------------------------------------------------------------------

columns = st.builds(
    column,
    st.sampled_from(Kind),
    minimum=st.sampled_from([None, 0.0, -5.0]),
    above=st.sampled_from([None, None, 0.0]),
)
typed_texts = st.one_of(
    st.text(max_size=30),
    st.text("0123456789.,-+%£$()'_ eEkQH/:;|>={}[]\"\nab#", max_size=20),
    st.characters(exclude_categories=[]),
    st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
                 lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
                 ).map(json.dumps),
    st.dates().map(lambda day: day.isoformat()),
    st.dates().map(lambda day: f"{day.day}/{day.month}/{day.year}"),
    st.floats().map(repr),
    st.integers(-10**9, 10**9).map("{:,}".format),
    st.lists(st.text("abC1-", min_size=1, max_size=5), max_size=4).map(" | ".join),
    st.dictionaries(st.text("abc_", min_size=1, max_size=4), st.integers(), max_size=3).map(
        lambda pairs: "; ".join(f"{name}: {number}" for name, number in pairs.items())
    ),
    st.sampled_from(["TRUE", "no", "✓", "in progress", "Q1 2026", "2026-03", "#REF!", "Loading..."]),
    st.sampled_from(["ana@example.com", "2026-03-31T09:30:00Z"]),
)  # fmt: skip
raws = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.integers(0, 60_000), st.floats(0, 100), typed_texts
)


def as_read_back(written):
    """What a workbook gives back for a cell that was written: numbers as floats, dates as serials."""
    if isinstance(written, datetime.date):
        return float(date_to_serial(written))
    return float(written) if isinstance(written, int) and not isinstance(written, bool) else written


@given(columns, raws)
def test_every_cell_is_a_canonical_value_or_a_refusal_that_can_be_written(column, raw):
    found = parse(column, raw)
    if isinstance(found, Refusal):
        assert found.text.startswith("effort: ")
        assert len(found.text) < 500
        found.text.encode()
        assert "\n" not in found.text
        return
    written = render(column, found)
    assert parse(column, as_read_back(written)) == found
    assert type(parse(column, as_read_back(written))) is type(found)
    assert shows(column, found, as_read_back(written))
    assert decode(column, json.loads(json.dumps(encode(found), allow_nan=False))) == found


@given(columns, raws, raws)
def test_a_cell_that_shows_a_value_means_it(column, raw, other):
    found = parse(column, raw)
    if not isinstance(found, Refusal) and shows(column, found, other) and isinstance(other, str | bool | None):
        assert parse(column, other) == found


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_goes_there_and_back(number):
    assert value(Kind.NUMBER, as_read_back(render(column(Kind.NUMBER), number))) == number
    assert value(Kind.NUMBER, repr(number)) == number


@given(st.integers(-(10**15), 10**15), st.sampled_from(",_' "))
def test_grouped_thousands_are_the_number(number, separator):
    assert value(Kind.NUMBER, f"{number:,}".replace(",", separator)) == number


@given(st.dates(datetime.date(1910, 1, 1)))
def test_every_date_goes_there_and_back_and_is_never_guessed(day):
    assert value(Kind.DATE, day.isoformat()) == day
    assert value(Kind.DATE, float(date_to_serial(day))) == day
    found = parse(column(Kind.DATE), f"{day.day}/{day.month}/{day.year}")
    assert isinstance(found, Refusal) if day.day <= 12 and day.day != day.month else found == day


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9]{0,5}(_[a-z0-9]{1,5})?", fullmatch=True), st.floats(-1e12, 1e12), max_size=5
    )
)
def test_short_form_and_json_mean_the_same(numbers):
    short = "; ".join(f"{name}: {number!r}" for name, number in numbers.items())
    assert value(Kind.NUMBERS, json.dumps(numbers)) == numbers
    assert value(Kind.NUMBERS, short) == (numbers or None)


def test_no_locale_changes_a_reading():
    before = locale.setlocale(locale.LC_ALL)
    try:
        for name in installed_locales("C", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8", "ar_EG.UTF-8"):
            locale.setlocale(locale.LC_ALL, name)
            assert value(Kind.NUMBER, "1,200.5") == 1200.5
            assert value(Kind.DATE, "31 Mar 2026") == LAST_OF_MARCH
            assert value(Kind.NAME, "INIT ID") == "init_id"
            assert render(column(Kind.NUMBERS), {"a": 1200.5}) == '{"a":1200.5}'
            assert "4 March 2026" in refusal(Kind.DATE, "03/04/2026")
    finally:
        locale.setlocale(locale.LC_ALL, before)


def installed_locales(*names):
    found = []
    for name in names:
        with contextlib.suppress(locale.Error):
            found.append(locale.setlocale(locale.LC_ALL, name))
    assert "C" in found
    return found
