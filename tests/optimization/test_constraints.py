"""What becomes of rows of Constraints and Targets."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.constraints.rules import Place, Rule
from optimization.constraints.sets import (
    Compilation,
    CompiledSet,
    ConstraintRow,
    KnownWorld,
    Row,
    TargetRow,
    compile_constraints,
)
from optimization.solving.facts import Initiative, Scenario

KEYS = tuple(f"INIT-{number:06d}" for number in range(1, 7))
A, B, C, D, E, F = KEYS
KNOWN = KnownWorld(scenarios=("Q1 Base",), initiative_keys=KEYS, active_kpis=("gmv", "nps"), inactive_kpis=("old_kpi",))


def constraint(row: int, kind: str, **cells: object) -> ConstraintRow:
    names = {"scenario_name": "Q1 Base", "constraint_set_name": "Main"}
    return ConstraintRow(row=row, constraint_type=kind, **{**names, **cells})  # type: ignore[arg-type]


def target(row: int, **cells: object) -> TargetRow:
    usual = {"kpi_key": "gmv", "target_value": 100.0, "floor_or_goal": "goal"}
    return TargetRow(row=row, **{"scenario_name": "Q1 Base", "constraint_set_name": "Main", **usual, **cells})  # type: ignore[arg-type]


def floor(row: int, dimension: str, key: str, tokens: float | None = 40.0, **cells: object) -> ConstraintRow:
    return constraint(row, "capacity_floor", dimension=dimension, dimension_key=key, min_tokens=tokens, **cells)


def compiled(*rows: Row, known: KnownWorld = KNOWN) -> tuple[CompiledSet, dict[int, str]]:
    """The one set of the rows, and each row's run_status."""
    found = compile_constraints(rows, known)
    assert len(found.sets) == 1
    return found.sets[0], statuses(found)


def statuses(found: Compilation) -> dict[int, str]:
    return {place.row: verdict.run_status for place, verdict in found.verdicts.items()}


def refusal(row: Row) -> str:
    (status,) = compiled(row)[1].values()
    assert status.startswith("FAILED: ")
    return status


def test_every_type_compiles_to_its_own_json() -> None:
    rules, said = compiled(
        floor(2, "country", "UK"),
        constraint(3, "capacity_cap", dimension="all", dimension_key="all", max_tokens=90.0),
        target(4, dimension="market", dimension_key="North", baseline_value=5.0, notes="by June"),
        target(5, floor_or_goal="floor"),
        constraint(6, "mandatory", dimension="initiative", dimension_key=B, member_keys=(A,)),
        constraint(7, "bundle_all_or_nothing", dimension_key="Core", member_keys=(A, B)),
        constraint(8, "exclude_initiative", member_keys=(F,)),
        constraint(9, "exclude_pair", member_keys=(D, C)),
        constraint(10, "require_prereq", dimension_key=C, member_keys=(A, B)),
        constraint(11, "synergy_bonus", member_keys=(B, A), kpi_key="GMV", bonus_value=-3.0),
    )
    assert set(said.values()) == {"OK"}
    stored = rules.to_json()
    rows = stored.pop("rules_json")
    assert [rule.place.row for rule in map(Rule.from_json, rows)] == [2, 3, 6, 7, 8, 9, 10, 11, 4, 5]
    assert stored == {
        "floors_json": {"country": {"UK": 40.0}},
        "caps_json": {"all": {"all": 90.0}},
        "targets_json": {
            "market": {"North": {"gmv": {"type": "goal", "value": 100.0, "baseline": 5.0, "notes": "by June"}}},
            "all": {"all": {"gmv": {"type": "floor", "value": 100.0}}},
        },
        "mandatory_initiatives_json": [A, B],
        "bundles_json": [{"bundle_key": "Core", "members": [A, B]}],
        "exclusions_initiatives_json": [F],
        "exclusions_pairs_json": [[C, D]],
        "prerequisites_json": {C: [A, B]},
        "synergy_bonuses_json": [{"members": [A, B], "kpi_key": "gmv", "value": -3.0}],
        "refused_rows_json": [],
    }


def test_rules_survive_json() -> None:
    rules, _ = compiled(target(4, baseline_value=5.0), constraint(7, "bundle_all_or_nothing", member_keys=(A, B)))
    assert tuple(Rule.from_json(rule.to_json()) for rule in rules.rules) == rules.rules
    assert [rule.words() for rule in rules.rules] == [
        f"bundle bundle_row_7: {A}, {B} all or nothing",
        "gmv goal of 100 in the whole portfolio from a baseline of 5",
    ]


def test_names_match_whatever_their_case_and_spaces() -> None:
    found = compile_constraints(
        [
            floor(2, "country", "UK", constraint_set_name=" Main  set"),
            floor(3, "country", "DE", scenario_name=" q1  BASE ", constraint_set_name="main SET"),
        ],
        KNOWN,
    )
    assert [(s.scenario_name, s.constraint_set_name, len(s.rules)) for s in found.sets] == [("Q1 Base", "Main set", 2)]


def test_an_unknown_key_is_refused_in_the_column_that_names_it() -> None:
    said = refusal(constraint(2, "mandatory", dimension_key="INIT-000099", member_keys=(A,)))
    assert said.startswith("FAILED: dimension_key: 'INIT-000099' isn't the key of an initiative. Did you mean INIT-")
    assert "member_keys: 'INIT-000099'" in refusal(
        constraint(2, "mandatory", dimension_key=A, member_keys=("INIT-000099",))
    )


def test_several_twins_state_another_number() -> None:
    _, said = compiled(*(target(row, target_value=row) for row in (2, 3, 4)))
    assert "row 3 of Targets and row 4 of Targets state another target" in said[2]


def test_an_unknown_scenario_or_an_empty_set_name_refuses_the_row() -> None:
    found = compile_constraints(
        [floor(2, "country", "UK", scenario_name="Q1 Bse"), floor(3, "country", "UK", constraint_set_name=" ")], KNOWN
    )
    assert found.sets == ()
    assert statuses(found)[2].startswith("FAILED: scenario_name: 'Q1 Bse'")
    assert "Q1 Base" in statuses(found)[2]
    assert statuses(found)[3].startswith("FAILED: constraint_set_name: empty")
    assert [refused.place for refused in found.refused] == [
        Place(tab="Constraints", row=2),
        Place(tab="Constraints", row=3),
    ]


@pytest.mark.parametrize(
    ("dimension", "key", "expected"),
    [
        ("all", "all", ("all", "all")),
        ("GLOBAL", "", ("all", "all")),
        ("all", "Global", ("all", "all")),
        ("", "", ("all", "all")),
        ("", "All", ("all", "all")),
        ("Country", " United  Kingdom ", ("country", "United Kingdom")),
        ("market", "Global", ("market", "Global")),
        ("product area", "Payments", ("product_area", "Payments")),
        ("category", "A+B", ("category", "A+B")),
        ("product_area+country", "Payments+UK", ("country+product_area", "UK+Payments")),
        ("country + product_area", "UK + Payments", ("country+product_area", "UK+Payments")),
        ("initiative", "init-000001", ("initiative", A)),
    ],
)
def test_slices_are_stored_in_canonical_form(dimension: str, key: str, expected: tuple[str, str]) -> None:
    rules, said = compiled(floor(2, dimension, key))
    assert said == {2: "OK"}
    assert (rules.rules[0].slice.dimension, rules.rules[0].slice.key) == expected


@pytest.mark.parametrize(
    ("dimension", "key", "named"),
    [
        ("country", "all", "dimension_key: 'all'"),
        ("country", "", "dimension_key: empty"),
        ("", "UK", "dimension: empty"),
        ("all", "UK", "dimension_key: 'UK'"),
        ("contry", "UK", "country"),
        ("country+product_area", "UK", "dimension_key: 'UK'"),
        ("country+product_area", "UK+", "dimension_key: a part of 'UK+' is missing"),
        ("country+product_area", "+Payments", "dimension_key: a part of '+Payments' is missing"),
        ("country+", "UK+Payments", "dimension: a part of 'country+' is missing"),
        ("+product_area", "UK+Payments", "dimension: a part of '+product_area' is missing"),
        ("country+all", "UK+all", "'all' can't be part of a crossing"),
        ("country+market", "UK+all", "'all' can't be part of a crossing"),
        ("country+global", "UK+North", "'all' can't be part of a crossing"),
        ("country+country", "UK+DE", "twice"),
        ("initiative", "INIT-00001", "INIT-000001"),
    ],
)
def test_a_slice_that_names_nothing_is_refused_with_what_would_do(dimension: str, key: str, named: str) -> None:
    assert named in refusal(floor(2, dimension, key))


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (floor(2, "country", "UK", None), "min_tokens: empty"),
        (floor(2, "country", "UK", -1.0), "min_tokens: -1 is negative"),
        (constraint(2, "capacity_cap", min_tokens=5.0), "max_tokens: empty"),
        (constraint(2, "mandatory"), "member_keys: empty"),
        (constraint(2, "mandatory", dimension="country", dimension_key="UK"), "dimension: 'country'"),
        (constraint(2, "mandatory", member_keys=("INIT-00001",)), "member_keys: 'INIT-00001'"),
        (constraint(2, "bundle_all_or_nothing", member_keys=(A,)), f"member_keys: only {A}"),
        (constraint(2, "exclude_pair", member_keys=(A, B, C)), "member_keys: 3 initiatives"),
        (constraint(2, "exclude_pair", member_keys=()), "member_keys: empty"),
        (
            constraint(2, "require_prereq", dimension_key=A, member_keys=(B, A)),
            f"member_keys: {A} is its own prerequisite",
        ),
        (constraint(2, "require_prereq", member_keys=(B,)), "dimension_key: empty"),
        (constraint(2, "require_prereq", dimension_key=A), "member_keys: empty"),
        (constraint(2, "synergy_bonus", member_keys=(A, B), kpi_key="gmv"), "bonus_value: empty"),
        (constraint(2, "synergy_bonus", member_keys=(A, B), kpi_key="old_kpi", bonus_value=1.0), "isn't active"),
        (constraint(2, "synergy_bonus", member_keys=(A, B), kpi_key="gmw", bonus_value=1.0), "gmv"),
        (constraint(2, "capacity_flor", min_tokens=1.0), "capacity_floor"),
        (target(2, target_value=None), "target_value: empty"),
        (target(2, kpi_key="old_kpi"), "isn't active"),
        (target(2, floor_or_goal=""), "floor_or_goal: empty"),
    ],
)
def test_a_refusal_names_the_column_and_the_value(row: Row, column: str) -> None:
    assert column in refusal(row)


def test_zero_tokens_and_a_zero_bonus_are_numbers() -> None:
    _, said = compiled(
        floor(2, "country", "UK", 0.0),
        constraint(3, "synergy_bonus", member_keys=(A, B), kpi_key="gmv", bonus_value=0.0),
    )
    assert said == {2: "OK", 3: "OK"}


def test_the_other_number_is_warned_of_and_not_used() -> None:
    rules, said = compiled(floor(2, "country", "UK", max_tokens=7.0))
    assert said[2].startswith("WARNING: max_tokens: 7")
    assert rules.to_json()["caps_json"] == {}


def test_an_exact_repeat_counts_once_and_the_later_row_says_so() -> None:
    rules, said = compiled(
        floor(2, "country", "UK"),
        floor(5, "Country", " uk "),
        constraint(6, "exclude_pair", member_keys=(A, B)),
        constraint(7, "exclude_pair", member_keys=(B, A)),
        constraint(8, "bundle_all_or_nothing", member_keys=(C, D)),
        constraint(9, "bundle_all_or_nothing", member_keys=(C, D)),
    )
    assert {row for row, status in said.items() if status == "OK"} == {2, 6, 8}
    assert said[5] == "WARNING: The same as row 2 of Constraints; it counts once."
    assert [[place.row for place in rule.places] for rule in rules.rules] == [[2, 5], [6, 7], [8, 9]]


@pytest.mark.parametrize(
    "twins",
    [
        (floor(2, "country", "UK", 40.0), floor(3, "country", "uk", 50.0), floor(4, "country", "UK", 40.0)),
        (target(2), target(3, target_value=101.0)),
        (target(2), target(3, floor_or_goal="floor")),
        (target(2), target(3, baseline_value=1.0)),
        tuple(
            constraint(row, "synergy_bonus", member_keys=pair, kpi_key="gmv", bonus_value=float(row))
            for row, pair in ((2, (A, B)), (3, (B, A)))
        ),
    ],
)
def test_two_numbers_for_one_thing_are_twins_and_none_is_taken(twins: tuple[Row, ...]) -> None:
    rules, said = compiled(*twins, constraint(9, "mandatory", member_keys=(A,)))
    assert [rule.place.row for rule in rules.rules] == [9]
    for row in twins:
        assert said[row.row].startswith("FAILED: ")
        assert all(f"row {other.row} of" in said[row.row] for other in twins if other is not row)
    assert [refused.place.row for refused in rules.refused] == [row.row for row in twins]


def test_a_synergy_for_another_kpi_and_a_target_for_another_slice_are_no_twins() -> None:
    _, said = compiled(
        constraint(2, "synergy_bonus", member_keys=(A, B), kpi_key="gmv", bonus_value=1.0),
        constraint(3, "synergy_bonus", member_keys=(A, B), kpi_key="nps", bonus_value=2.0),
        replace(target(4), tab="Targets"),
        target(5, dimension="market", dimension_key="North", target_value=7.0),
        target(6, kpi_key="nps", target_value=8.0),
    )
    assert set(said.values()) == {"OK"}


def test_lists_add_up() -> None:
    rules, said = compiled(
        constraint(2, "mandatory", member_keys=(A, B)),
        constraint(3, "mandatory", member_keys=(B, C)),
        constraint(4, "require_prereq", dimension_key=F, member_keys=(A,)),
        constraint(5, "require_prereq", dimension_key=F, member_keys=(B,)),
        constraint(6, "bundle_all_or_nothing", dimension_key="Core", member_keys=(C, D)),
        constraint(7, "bundle_all_or_nothing", dimension_key="core", member_keys=(D, E)),
    )
    assert set(said.values()) == {"OK"}
    stored = rules.to_json()
    assert stored["mandatory_initiatives_json"] == [A, B, C]
    assert stored["prerequisites_json"] == {F: [A, B]}
    assert stored["bundles_json"] == [{"bundle_key": "Core", "members": [C, D, E]}]


def test_a_set_is_compiled_from_its_good_rows_and_keeps_the_refused_ones() -> None:
    rules, said = compiled(floor(2, "country", "UK"), floor(3, "country", "all"))
    assert [rule.place.row for rule in rules.rules] == [2]
    assert rules.to_json()["refused_rows_json"] == [
        {"tab": "Constraints", "row": 3, "text": said[3].removeprefix("FAILED: ")}
    ]


def world(**changes: object) -> KnownWorld:
    """Known names with candidates of 10 tokens each, in a scenario of 35 tokens."""
    places = {A: "UK", B: "UK", C: "DE", D: "DE"}
    initiatives = tuple(
        Initiative(
            key=key,
            period="2026-Q1",
            is_candidate=key != F,
            token_estimates={"custom": 10.0},
            dimensions={"country": places.get(key, "")},
            contributions={"gmv": 5.0},
        )
        for key in KEYS
    )
    scenario = Scenario(name="Q1 Base", period="2026-Q1", capacity=35.0, mode="north_star")
    known = replace(KNOWN, north_star="gmv", initiatives=initiatives, scenario_facts={"Q1 Base": scenario})
    return replace(known, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "clashing"),
    [
        (
            [constraint(2, "mandatory", member_keys=(A,)), constraint(3, "exclude_initiative", member_keys=(A, B))],
            {2, 3},
        ),
        (
            [
                floor(2, "country", "UK", 15.0),
                constraint(3, "capacity_cap", dimension="country", dimension_key="uk", max_tokens=12.0),
            ],
            {2, 3},
        ),
        ([floor(2, "country", "UK", 21.0)], {2}),
        ([floor(2, "country", "FR", 1.0)], {2}),
        ([floor(2, "country", "FR", 0.0)], set()),
        ([constraint(2, "mandatory", member_keys=(A, B, C, D))], {2}),
        ([constraint(row, "mandatory", member_keys=(key,)) for row, key in ((2, A), (3, B), (4, C))], set()),
        ([constraint(2, "mandatory", member_keys=(F,))], {2}),
        (
            [
                constraint(2, "require_prereq", dimension_key=A, member_keys=(B,)),
                constraint(3, "require_prereq", dimension_key=B, member_keys=(C, A)),
                constraint(4, "require_prereq", dimension_key=D, member_keys=(A,)),
            ],
            {2, 3},
        ),
        (
            [constraint(2, "bundle_all_or_nothing", member_keys=(A, F)), constraint(3, "mandatory", member_keys=(A,))],
            {2, 3},
        ),
        (
            [
                constraint(2, "bundle_all_or_nothing", member_keys=(A, B)),
                constraint(3, "mandatory", member_keys=(A,)),
                constraint(4, "exclude_initiative", member_keys=(B,)),
                floor(5, "country", "UK", 5.0),
            ],
            {2, 3, 4, 5},
        ),
        ([target(2, floor_or_goal="floor", target_value=31.0)], {2}),
        ([target(2, floor_or_goal="floor", target_value=31.0, baseline_value=20.0)], set()),
        ([target(2, floor_or_goal="goal", target_value=3100.0)], set()),
    ],
)
def test_what_can_be_seen_without_solving_is_a_warning_and_compiled_all_the_same(
    rows: list[Row], clashing: set[int]
) -> None:
    rules, said = compiled(*rows, known=world())
    assert {row for row, status in said.items() if status.startswith("WARNING: ")} == clashing
    assert len(rules.rules) == len(rows)


def test_a_mandatory_initiative_that_is_no_candidate_is_told_why() -> None:
    _, said = compiled(constraint(2, "mandatory", member_keys=(F,)), known=world())
    assert "row 2 of Constraints" in said[2]
    assert "is_optimization_candidate" in said[2]


CELL = st.text(alphabet=string.ascii_letters + " +|_-0", max_size=9)
NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32)
MEMBERS = st.lists(st.sampled_from((*KEYS, "INIT-9", "")), max_size=4, unique=True).map(tuple)
TYPES = (
    "capacity_floor",
    "capacity_cap",
    "mandatory",
    "exclude_pair",
    "require_prereq",
    "synergy_bonus",
    "bundle_all_or_nothing",
)
CONSTRAINT = st.builds(
    ConstraintRow,
    row=st.just(0),
    scenario_name=st.sampled_from(("Q1 Base", "q1 base", "x")),
    constraint_set_name=st.sampled_from(("Main", "main ", "Other", "")),
    constraint_type=st.sampled_from(TYPES) | CELL,
    dimension=st.sampled_from(("", "all", "country", "initiative", "country+market")) | CELL,
    dimension_key=st.sampled_from(("", "all", "UK", A, "UK+North")) | CELL,
    min_tokens=NUMBER,
    max_tokens=NUMBER,
    member_keys=MEMBERS,
    kpi_key=st.sampled_from(("gmv", "old_kpi", "")) | CELL,
    bonus_value=NUMBER,
)


@given(st.lists(CONSTRAINT, max_size=8))
@settings(max_examples=150, deadline=None)
def test_every_row_gets_a_verdict_and_stands_in_a_set_or_among_the_refused(drawn: list[ConstraintRow]) -> None:
    rows = [replace(row, row=number) for number, row in enumerate(drawn, start=2)]
    found = compile_constraints(rows, world())
    taken = [place for compiled_set in found.sets for rule in compiled_set.rules for place in rule.places]
    refused = [entry.place for entry in found.refused]
    assert sorted(taken + refused) == sorted(found.verdicts) == [Place(tab="Constraints", row=row.row) for row in rows]
    for compiled_set in found.sets:
        assert tuple(Rule.from_json(rule.to_json()) for rule in compiled_set.rules) == compiled_set.rules


@given(st.lists(CONSTRAINT, max_size=8), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_rows_changes_no_rule(drawn: list[ConstraintRow], dice: object) -> None:
    rows = [replace(row, row=number, constraint_set_name="Main") for number, row in enumerate(drawn, start=2)]
    shuffled = list(rows)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]

    def rules(given_rows: list[ConstraintRow]) -> set[tuple[object, ...]]:
        found = compile_constraints(given_rows, KNOWN)
        return {(rule.type, frozenset(rule.places), rule.number) for entry in found.sets for rule in entry.rules}

    assert rules(rows) == rules(shuffled)


def test_of_many_keys_the_nearest_is_named() -> None:
    many = KnownWorld(
        scenarios=("Q1 Base",), initiative_keys=[f"INIT-{n:06d}" for n in range(1, 30)], active_kpis=("gmv",)
    )
    said = compiled(constraint(2, "mandatory", dimension_key="Faster search"), known=many)[1][2]
    assert said.startswith(
        "FAILED: dimension_key: 'Faster search' isn't the key of an initiative. The nearest of 29 is INIT-0000"
    )


def test_a_pair_with_itself_is_refused_as_such() -> None:
    said = refusal(constraint(2, "synergy_bonus", member_keys=(A, A), kpi_key="gmv", bonus_value=5.0))
    assert f"member_keys: {A} 2 times, which is one initiative; synergy_bonus needs exactly two initiatives." in said


def test_a_value_that_no_initiative_has_is_told() -> None:
    known = replace(KNOWN, values={"country": {"uk": "UK", "france": "France"}})
    rows = (
        constraint(2, "capacity_cap", dimension="country", dimension_key="Frannce", max_tokens=5.0),
        target(3, dimension="country+market", dimension_key="Narnia+EMEA"),
        floor(4, "country", "uk"),
    )
    said = compiled(*rows, known=known)[1]
    assert said == {
        2: "WARNING: dimension_key: no initiative has the country 'Frannce', so nothing lies there; did you mean France?",
        3: "WARNING: dimension_key: no initiative has the country 'Narnia', so nothing lies there.",
        4: "OK",
    }


def test_a_target_that_its_baseline_meets_is_told() -> None:
    said = compiled(target(2, baseline_value=100.0))[1][2]
    assert said == (
        "WARNING: target_value: 100 isn't above baseline_value 100; the target is met before anything is chosen."
    )
