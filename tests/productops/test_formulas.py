"""The formula language: what is read, what is refused and how, what comes out."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from productops.formulas.language import (
    Evaluation,
    Formula,
    FormulaError,
    evaluate,
    match_names,
    parameters_of,
    parse_formula,
)
from productops.formulas.tree import MAX_DEPTH, MAX_LENGTH, MAX_LINES, MAX_MAGNITUDE, MAX_TOKENS, FormulaRefused
from productops.formulas.walk import walk
from tests.productops.formula_inputs import HOSTILE, SIGNS, WORDS, formula_inputs, good_formula

NUMBERS = {"a": 3.0, "b": -2.5, "c": 0.0, "d": 7.0, "e": 1e6}


def formula(text: str) -> Formula:
    read = parse_formula(text)
    assert isinstance(read, Formula), read
    return read


def refused(text: str) -> FormulaError:
    read = parse_formula(text)
    assert isinstance(read, FormulaError), read
    return read


def results(text: str, **values: float) -> dict[str, float]:
    evaluation = evaluate(formula(text), values)
    assert isinstance(evaluation, Evaluation), evaluation
    return dict(evaluation.results)


def worth(text: str, **values: float) -> float:
    return results(text, **values)["value"]


def failure(text: str, **values: float | None) -> FormulaError:
    """The error of the step-by-step evaluation, after checking that the compiled program refuses as well."""
    read = formula(text)
    with pytest.raises((ArithmeticError, LookupError, TypeError, ValueError)):
        read.program(values)
    evaluation = evaluate(read, values)
    assert isinstance(evaluation, FormulaError), evaluation
    return evaluation


# What is read


def test_lines_assign_names_and_the_other_names_are_parameters_in_order_of_first_use():
    read = formula("# reach\nusers = reach * conversion  # monthly\n\nvalue = users * aov - reach\neffort = days")
    assert read.assigned == ("users", "value", "effort")
    assert read.names == ("reach", "conversion", "aov", "days")
    assert [line.line for line in read.assignments] == [2, 4, 5]


def test_one_bare_expression_is_given_to_value():
    assert formula("reach * 2").assigned == ("value",)


def test_results_come_for_every_assignment_in_order():
    assert list(results("b = 1\na = b + 1\nvalue = a * 10").items()) == [("b", 1.0), ("a", 2.0), ("value", 20.0)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3 * 4", 14.0),
        ("(2 + 3) * 4", 20.0),
        ("2 ** 3 ** 2", 512.0),
        ("-2 ** 2", -4.0),
        ("2 ** -1", 0.5),
        ("7 // 2", 3.0),
        ("-7 // 2", -4.0),
        ("-7 % 3", 2.0),
        ("7%3", 1.0),
        ("1_000 + 1e3 + .5", 2000.5),
        ("+3", 3.0),
        ("1 < 2", 1.0),
        ("1 < 2 < 2", 0.0),
        ("1 == 1 != 2", 1.0),
        ("not 0", 1.0),
        ("not 3", 0.0),
        ("0 or 5", 5.0),
        ("2 and 5", 5.0),
        ("0 and 5", 0.0),
        ("1 if 0 else 2 if 1 else 3", 2.0),
        ("1 if not 0 else 2", 1.0),
        ("min(3)", 3.0),
        ("min(3, 1, 2)", 1.0),
        ("max(3)", 3.0),
        ("max(3, 1, 2)", 3.0),
        ("sum(1, 2, 3)", 6.0),
        ("abs(-4)", 4.0),
        ("round(2.567, 2)", 2.57),
        ("round(2.4)", 2.0),
        ("round(2.5)", 2.0),
        ("round(3.5)", 4.0),
        ("round(1234, -2)", 1200.0),
        ("sqrt(16)", 4.0),
        ("exp(0)", 1.0),
        ("log(8, 2)", 3.0),
        ("log(1)", 0.0),
        ("floor(-1.5)", -2.0),
        ("ceil(-1.5)", -1.0),
        ("clamp(12, 0, 10)", 10.0),
        ("clamp(-1, 0, 10)", 0.0),
        ("clamp(5, 0, 10)", 5.0),
    ],
)
def test_expressions_are_worth_what_they_say(text: str, expected: float):
    read = formula(text)
    assert worth(text) == pytest.approx(expected)
    assert read.program({})["value"] == pytest.approx(expected)


def test_the_part_of_a_choice_that_is_not_taken_is_not_evaluated():
    assert worth("gain / effort if effort > 0 else 0", gain=5.0, effort=0.0) == 0.0


def test_what_and_or_do_not_need_is_not_evaluated():
    assert worth("effort > 0 and 1 / effort > 2", effort=0.0) == 0.0


def test_results_are_always_floats():
    for text in ("1 < 2", "floor(2.5)", "round(3)", "2 ** 3", "not 1", "1 and 2"):
        assert type(worth(text)) is float
        assert type(formula(text).program({})["value"]) is float


def test_whole_numbers_are_taken_as_values():
    assert worth("a / b", a=1, b=2) == 0.5


def test_names_may_have_letters_beyond_ascii_composed_or_not():
    assert formula("gro\u0308ße * 2").names == ("größe",)


def test_evaluating_often_gives_the_same_as_evaluating_once():
    read = formula("users = a * 2\nvalue = users if users > 3 else a / 0")
    first = evaluate(read, {"a": 2.0})
    assert all(evaluate(read, {"a": 2.0}) == first for _ in range(50))
    failed = evaluate(read, {"a": 1.0})
    assert isinstance(failed, FormulaError)
    assert failed.line == 2


# What is refused, and what is said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2 ^ 3", "**"),
        ("5% * x", "0.05"),
        ("5% - x", "0.05"),
        ("5 %", "0.05"),
        ("growth% * 2", "growth / 100"),
        ("(a + b)% * 2", "( ... ) / 100"),
        ("x = y = 3", "=="),
        ("max(a, b = 3)", "=="),
        ("= a * 2", "Leave out the ="),
        ("total users = 5", "total_users"),
        ("total users * 2", "total_users"),
        ("1,000 * x", "1000"),
        ("max(x, 1,000)", "1000"),
        ("0,5 * x", "0.5"),
        ("5k * x", "5000"),
        ("2.5m", "2500000"),
        ("3x", "3 * x"),
        ("x²", "x ** 2"),
        ("a × b", "*"),
        ("a ÷ b", "/"),
        ("a − b", "-"),
        ("a <> b", "!="),
        ("a => b", ">="),
        ("a && b", "and"),
        ("a AND b", "and"),
        ("NOT a", "not"),
        ("!a", "not"),
        ("True", "1"),
        ("MAX(a, b)", "max"),
        ("Min", "min(a, b, ...)"),
        ("IF(a > 1, 2, 3)", "a if condition else b"),
        ("average(a, b)", "(a + b) / 2"),
        ("ln(a)", "log(x)"),
        ("squrt(a)", "sqrt"),
        ("rate(a)", "rate * (...)"),
        ("min", "min(a, b, ...)"),
        ("min()", "given nothing"),
        ("clamp(1, 2)", "clamp(x, low, high)"),
        ("log(1, 2, 3)", "log(x, base)"),
        ("(a + b", "bracket"),
        ("a + b)", "closes nothing"),
        ("a +", "ends"),
        ("* a", "beginning"),
        ("a if b", "else"),
        ("a + not b", "(not ...)"),
        ("a not b", "not a"),
        ("a = 1; b = 2", "new line"),
        ("£5", "currency"),
        ("'abc'", "not with texts"),
        ("a.b", "dot"),
        ("a[0]", "( )"),
        ("_x", "begins with a letter"),
        ("1e19", "1e18"),
        ("min = 3", "another"),
        ("if = 3", "another"),
        ("", "empty"),
        ("# only a comment\n\n", "empty"),
    ],
)
def test_a_refusal_says_what_to_write_instead(text: str, said: str):
    assert said in refused(text).text


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a = 1\nb = 2 ^ 3", 2, 7),
        ("a = 1\n\nb = (2 + 3", 3, 5),
        ("a = 1\na = 2", 2, 1),
        ("a = b * 2\nb = 1", 1, 5),
        ("x = 2 * x", 1, 9),
        ("a = 1\na * 2", 2, 1),
        ("Users = 1\nvalue = users * 2", 2, 9),
        ("value = Price + price", 1, 17),
        ("a = 1\r\nb = é + $", 2, 9),
    ],
)
def test_a_refusal_names_the_place(text: str, line: int, column: int):
    error = refused(text)
    assert (error.line, error.column) == (line, column)
    assert str(error).startswith(f'line {line}, near "{error.around}": ')


@pytest.mark.parametrize(
    ("text", "around"),
    [
        ("2 ^ 3", "2 ^ 3"),
        ("x = 1\nvalue = visits ^ 2  # squared", "value = visits ^ 2"),
        ("value = " + "a + " * 20 + "b ^ 2", "...+ a + a + a + a + b ^ 2"),
        ("value = a ^ 2" + " + b" * 20, "value = a ^ 2 + b + b + b + b..."),
        ("", ""),
        ("(a", "(a"),
    ],
)
def test_a_refusal_repeats_what_stands_around_its_place(text: str, around: str):
    assert refused(text).around == around


def test_an_error_of_evaluation_repeats_what_stands_around_its_place():
    assert failure("x = 1\nvalue = x / days", days=0.0).around == "value = x / days"


def test_only_a_formula_of_one_line_may_leave_out_the_name():
    assert "value = ..." in refused("users = a * 2\nusers * b").text


def test_assigning_twice_names_the_first_line():
    assert "line 1" in refused("gmv = 1\nb = 2\ngmv = 3").text


def test_bounds_hold_and_what_lies_within_them_is_taken():
    assert isinstance(parse_formula("a" * MAX_LENGTH), Formula)
    assert "10,001" in refused("a" * (MAX_LENGTH + 1)).text
    assert isinstance(parse_formula("+".join("a" * MAX_DEPTH)), Formula)
    assert str(MAX_DEPTH) in refused("+".join("a" * (MAX_DEPTH + 1))).text
    assert isinstance(parse_formula("(" * (MAX_DEPTH - 1) + "a" + ")" * (MAX_DEPTH - 1)), Formula)
    assert str(MAX_DEPTH) in refused("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1)).text
    assert isinstance(parse_formula("\n" * (MAX_LINES - 1) + "a"), Formula)
    assert str(MAX_LINES) in refused("\n" * MAX_LINES + "a").text
    assert "1,000" in refused("sum(" + "a," * (MAX_TOKENS // 2) + "a)").text
    assert isinstance(parse_formula("sum(" + "a," * (MAX_TOKENS // 2 - 10) + "a)"), Formula)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_give_a_number_or_an_error(text: str):
    assert_total(text)


# Evaluation that fails


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a = 1\nb = a / (a - 1)", 2, "Division by zero"),
        ("b = 1 / zero", 1, "zero is 0"),
        ("5 % zero", 1, "zero is 0"),
        ("5 // zero", 1, "zero is 0"),
        ("zero ** -1", 1, "divides by zero"),
        ("(zero - 8) ** 0.5", 1, "whole exponents"),
        ("9 ** 9 ** 9", 1, "exponents from -1000 to 1000"),
        ("2 ** 100", 1, "too large"),
        ("1e18 * 10", 1, "too large"),
        ("1e18 + 1e18", 1, "too large"),
        ("0 - 1e18 - 1e18", 1, "too large"),
        ("1 / 1e-18 / 1e-18", 1, "too large"),
        ("min(1, 1e18 * 1e18)", 1, "too large"),
        ("exp(50)", 1, "too large"),
        ("exp(5000)", 1, "exp(5000)"),
        ("sum(1e18, 1e18)", 1, "too large"),
        ("sqrt(zero - 1)", 1, "0 or more"),
        ("log(zero)", 1, "above 0"),
        ("log(5, 1)", 1, "other than 1"),
        ("round(1.5, 0.5)", 1, "whole number of digits"),
        ("round(1.5, 16)", 1, "whole number of digits"),
        ("clamp(1, 3, 2)", 1, "low"),
    ],
)
def test_what_has_no_number_is_an_error_with_its_line(text: str, line: int, said: str):
    error = failure(text, zero=0.0)
    assert error.line == line
    assert said in error.text


def test_a_missing_value_names_the_parameter_and_the_nearest_one_given():
    error = failure("x = 1\nvalue = conversion_rate * 2", conversionrate=1.0, other=2.0)
    assert error.line == 2
    assert error.text == "conversion_rate has no value; the nearest name given is conversionrate."


def test_a_missing_value_without_anything_near_names_the_parameter_alone():
    assert failure("aov * 2", users=1.0).text == "aov has no value."


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "fill it in"),
        (math.nan, "not a number"),
        (math.inf, "too large"),
        (-math.inf, "too large"),
        (2e18, "too large"),
        (10**400, "too large"),
        ("5", "no number"),
    ],
)
def test_a_value_that_is_no_finite_number_is_refused_by_name(value: object, said: str):
    error = failure("x = 1\nvalue = 2 + aov", aov=value)  # type: ignore[arg-type]
    assert error.line == 2
    assert error.text.startswith("aov ")
    assert said in error.text


def test_a_parameter_in_a_branch_that_is_not_taken_is_needed_all_the_same():
    assert "b has no value" in failure("1 if a else b", a=1.0).text


# Names


def test_parameters_of_a_result_follow_the_lines_it_rests_on():
    read = formula("users = reach * share\nvalue = users * aov\neffort = days + aov")
    assert parameters_of(read, "users") == ("reach", "share")
    assert parameters_of(read, "value") == ("reach", "share", "aov")
    assert parameters_of(read, "effort") == ("aov", "days")


def test_names_as_written_match_without_a_word():
    match = match_names(formula("users * aov"), ["aov", "users", "Users"])
    assert match.names == {"users": "users", "aov": "aov"}
    assert (match.notes, match.missing) == ((), ())


def test_names_that_differ_by_case_or_spaces_are_taken_and_said():
    match = match_names(formula("MonthlyUsers * Aov * cost"), ["monthly_users", "aov"])
    assert match.names == {"MonthlyUsers": "monthly_users", "Aov": "aov"}
    assert [note.split()[0] for note in match.notes] == ["MonthlyUsers", "Aov"]
    assert match.missing == ("cost",)


def test_a_name_that_could_mean_two_is_left_open_and_said():
    match = match_names(formula("monthlyusers"), ["monthly_users", "monthlyUsers"])
    assert match.missing == ("monthlyusers",)
    assert "monthly_users" in match.notes[0]
    assert "monthlyUsers" in match.notes[0]


# For any text


def assert_total(text: str) -> None:
    """A Formula whose evaluation gives finite numbers or an error with a place in the text; or such an error."""
    outcome = parse_formula(text)
    lines = max(len(text.splitlines()), 1)
    if isinstance(outcome, Formula):
        lines = outcome.assignments[-1].line
        values = {name: float(index % 7) - 1.0 for index, name in enumerate(outcome.names)}
        for evaluation in (evaluate(outcome, values), evaluate(outcome, {})):
            if isinstance(evaluation, FormulaError):
                assert 1 <= evaluation.line <= lines
            else:
                assert all(abs(number) <= MAX_MAGNITUDE for number in evaluation.results.values())
                assert tuple(evaluation.results) == outcome.assigned
        return
    assert isinstance(outcome, FormulaError)
    assert 1 <= outcome.line <= lines
    assert outcome.column >= 1
    assert outcome.text.encode().decode().isprintable()


@settings(max_examples=1_500, deadline=None)
@given(st.text(max_size=60))
@example("\x00")
@example("1" * 5_000)
def test_any_text_gives_a_formula_or_an_error(text: str):
    assert_total(text)


@settings(max_examples=1_500, deadline=None)
@given(st.lists(st.sampled_from(WORDS + SIGNS), max_size=25), st.sampled_from(["", " "]))
def test_any_soup_of_tokens_gives_a_formula_or_an_error(pieces: list[str], between: str):
    assert_total(between.join(pieces))


def test_thousands_of_mutants_give_a_formula_or_an_error():
    taken = 0
    for text in formula_inputs(seed=20260331, count=5_000):
        assert_total(text)
        taken += isinstance(parse_formula(text), Formula)
    # The stream must reach evaluation often, or it would test the first refusal alone.
    assert 500 < taken < 4_500


def walked(read: Formula, values: dict[str, float]) -> dict[str, float] | None:
    known = dict(values)
    try:
        for line in read.assignments:
            known[line.name] = walk(line.expression, known)
    except FormulaRefused:
        return None
    return {line.name: known[line.name] for line in read.assignments}


def compiled(read: Formula, values: dict[str, float]) -> dict[str, float] | None:
    try:
        return read.program(values)
    except (ArithmeticError, ValueError):
        return None


@settings(max_examples=600, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_compiled_program_and_the_steps_agree(source: random.Random):
    read = formula(f"x = {good_formula(source)}\nvalue = {good_formula(source)} + x")
    values = {name: source.choice([0.0, 1.0, -1.0, 2.5, -7.0, 1e9, source.uniform(-50, 50)]) for name in "abcde"}
    assert compiled(read, values) == walked(read, values)


PYTHON = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "floor": math.floor,
    "ceil": math.ceil,
    "sum": lambda *numbers: sum(numbers),
    "clamp": lambda number, low, high: max(low, min(number, high)),
}


@settings(max_examples=600, deadline=None)
@given(st.randoms(use_true_random=False))
def test_expressions_mean_what_they_mean_in_python(source: random.Random):
    text = good_formula(source)
    outcome = evaluate(formula(text), NUMBERS)
    if isinstance(outcome, Evaluation):
        expected = eval(text, PYTHON, dict(NUMBERS))
        assert outcome.results["value"] == pytest.approx(float(expected), rel=1e-12)
