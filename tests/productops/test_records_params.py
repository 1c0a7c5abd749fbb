"""Params: an initiative's own and the shared ones, ranges, approvals, who uses them."""

from __future__ import annotations

import pytest

from productops.models import InitiativeParam
from tests.factories import InitiativeFactory, InitiativeMathModelFactory
from tests.productops.desk import Desk, north_star

pytestmark = pytest.mark.django_db
TAB = "Params"


@pytest.fixture
def desk():
    InitiativeFactory(initiative_key="INIT-000001", title="Faster search")
    return Desk()


def add(desk, name="visits", key="INIT-000001", **cells):
    return desk.add(TAB, initiative_key=key, param_name=name, **cells)


def param(name="visits"):
    return InitiativeParam.objects.get(param_name=name)


def test_a_row_makes_a_parameter_and_an_empty_framework_means_math_model(desk):
    add(desk, "Basket Size", value="1,200", min="5%", max=2000, unit="GBP", source="Ledger", notes="ok")
    assert desk.save(TAB).status == "success"
    made = param("basket_size")
    assert (made.framework, made.value, made.min, made.max) == ("MATH_MODEL", 1200, 0.05, 2000)
    assert made.initiative.initiative_key == "INIT-000001"
    assert desk.row(TAB)["framework"] is None
    assert desk.row(TAB)["title"] == "Faster search"


def test_the_same_name_in_another_framework_is_another_parameter(desk):
    add(desk, value=1)
    add(desk, value=2, framework="RICE")
    assert desk.save(TAB).status == "success"
    assert sorted(InitiativeParam.objects.values_list("framework", "value")) == [("MATH_MODEL", 1), ("RICE", 2)]


def test_an_empty_framework_and_a_written_one_are_twins(desk):
    add(desk, value=1)
    add(desk, value=2, framework="math model")
    desk.save(TAB)
    assert all(row["run_status"].startswith("FAILED: row ") for row in desk.rows(TAB))
    assert not InitiativeParam.objects.exists()


def test_a_shared_parameter_belongs_to_no_initiative(desk):
    add(desk, key="shared", value=3)
    assert desk.save(TAB).status == "success"
    assert param().initiative is None
    assert desk.row(TAB)["title"] is None
    desk.type(TAB, 1, value=4)
    desk.save(TAB)
    assert [made.value for made in InitiativeParam.objects.all()] == [4]


def test_an_unknown_key_fails_with_the_nearest(desk):
    add(desk, key="INIT-00001", value=3)
    add(desk, key="SHRED", value=3)
    desk.save(TAB)
    assert desk.status(TAB, 1).endswith("the nearest existing key is INIT-000001")
    assert desk.status(TAB, 2).endswith("the nearest existing key is SHARED")
    assert not InitiativeParam.objects.exists()


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"value": "many"}, "value"),
        ({"min": "#REF!"}, "min"),
        ({"approved": "perhaps"}, "approved"),
        ({"framework": "MATHS"}, "framework"),
        ({"name": "2nd"}, "param_name"),
        ({"name": None}, "param_name is empty"),
    ],
)
def test_a_bad_cell_is_refused_and_named(desk, cells, said):
    add(desk, **cells)
    desk.save(TAB)
    assert desk.status(TAB).startswith("FAILED: " + said)


@pytest.mark.parametrize(
    ("cells", "said", "stored"),
    [
        ({"value": 5, "min": 9, "max": 20}, "value 5 is less than min 9; widen the range", (5, None, 20)),
        ({"value": 5, "max": 3}, "value 5 is greater than max 3; widen the range", (5, None, None)),
        ({"min": 9, "max": 2}, "min 9 is greater than max 2; swap them", (None, None, 2)),
    ],
)
def test_a_bound_out_of_order_is_refused_and_the_rest_of_the_row_taken(desk, cells, said, stored):
    add(desk, unit="GBP", **cells)
    assert desk.save(TAB).status == "partial"
    assert desk.status(TAB) == f"FAILED: {said}"
    assert (param().value, param().min, param().max, param().unit) == (*stored, "GBP")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": 9}, "value 9 is greater than max 5"),
        ({"min": 4}, "value 3 is less than min 4"),
        ({"min": 6, "max": 4}, "min 6 is greater than max 4; swap them"),
    ],
)
def test_a_change_that_puts_the_range_out_of_order_leaves_what_is_stored(desk, change, said):
    place = add(desk, value=3, min=1, max=5)
    desk.save(TAB)
    desk.type(TAB, place, notes="new", **change)
    desk.save(TAB)
    assert desk.status(TAB).startswith(f"FAILED: {said}")
    assert (param().value, param().min, param().notes) == (3, 1, "new")


def test_a_whole_range_can_be_moved_at_once(desk):
    place = add(desk, value=3, min=1, max=5)
    desk.save(TAB)
    desk.type(TAB, place, value=30, min=10, max=50)
    assert desk.save(TAB).status == "success"
    assert (param().value, param().min, param().max) == (30, 10, 50)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"approved": True}, "approved is ticked, but value is empty"),
        ({"value": 5, "min": 5, "max": 5}, "min and max are both 5: a range without width"),
        (
            {"value": 5, "unit": "usrs"},
            'unit: "usrs" isn\'t understood, so nothing is checked by it; the nearest is users',
        ),
    ],
)
def test_what_is_odd_is_saved_and_told(desk, cells, said):
    add(desk, **cells)
    assert desk.save(TAB).status == "success"
    assert desk.status(TAB).startswith("WARNING: ")
    assert said in desk.status(TAB)
    assert param().value == cells.get("value")


def test_what_is_stored_out_of_order_is_told(desk):
    add(desk, value=3)
    desk.save(TAB)
    InitiativeParam.objects.update(max=2)
    desk.type(TAB, 1, notes="new")
    desk.save(TAB)
    assert desk.status(TAB).startswith("WARNING: value 3 is greater than max 2")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"min": 1, "max": 5}, "OK: the range counts once approved is ticked"),
        ({"min": 1, "max": 5, "approved": True}, "OK"),
        ({"min": 1}, "OK: max is empty, so min doesn't count"),
        ({"max": 5, "approved": True}, "OK: min is empty, so max doesn't count"),
    ],
)
def test_a_range_that_does_not_count_says_why(desk, cells, said):
    InitiativeMathModelFactory(
        initiative=InitiativeFactory(initiative_key="INIT-000102"), formula_text="value = visits"
    )
    add(desk, key="SHARED", value=3, **cells)
    desk.save(TAB)
    assert desk.status(TAB) == said


def test_one_name_in_two_frameworks_is_told_on_both_rows(desk):
    add(desk, value=3)
    add(desk, value=4, framework="RICE")
    desk.save(TAB)
    said = "WARNING: MATH_MODEL and RICE each have a parameter of this name; formulas read the one of MATH_MODEL"
    assert [desk.status(TAB, place) for place in (1, 2)] == [said, said]


@pytest.mark.parametrize("change", [{"value": 4}, {"min": 0}, {"max": 9}, {"unit": "days"}])
def test_a_change_of_what_was_approved_withdraws_the_approval(desk, change):
    place = add(desk, value=3, min=1, max=5, unit="GBP", approved=True)
    desk.save(TAB)
    assert param().approved
    desk.type(TAB, place, **change)
    desk.save(TAB)
    assert not param().approved
    assert not desk.row(TAB)["approved"]
    (name,) = change
    assert f"{name} changed, so the approval is withdrawn; tick approved to approve it anew" in desk.status(TAB)


def test_a_new_source_keeps_the_approval(desk):
    place = add(desk, value=3, approved=True)
    desk.save(TAB)
    desk.type(TAB, place, source="Ledger", notes="checked", param_display="Visits")
    desk.save(TAB)
    assert param().approved


def test_an_initiative_s_own_parameter_goes_before_the_shared_one(desk):
    north_star("gmv")
    model = InitiativeMathModelFactory(
        initiative__initiative_key="INIT-000002", model_name="main", formula_text="value = visits * basket"
    )
    InitiativeMathModelFactory(
        initiative=InitiativeFactory(initiative_key="INIT-000003"), model_name="other", formula_text="value = visits"
    )
    add(desk, key="SHARED", value=1)
    add(desk, key="INIT-000002", value=2)
    add(desk, "basket", key="SHARED", value=10)
    desk.add("MathModels", initiative_key="INIT-000002", model_name="main", formula_text=model.formula_text)
    desk.save()
    assert "value = 20" in desk.row("MathModels")["computed_outputs"]
    assert [row["model_name"] for row in desk.rows(TAB)] == ["INIT-000003: other", "main", "INIT-000002: main"]


def test_a_parameter_that_no_formula_uses_is_told(desk):
    add(desk, value=3)
    add(desk, "reach", value=3, framework="RICE")
    desk.save(TAB)
    assert [desk.status(TAB, place) for place in (1, 2)] == ["OK: no formula uses it", "OK"]


def test_the_models_of_a_much_used_parameter_are_shortened(desk):
    for number in range(8):
        InitiativeMathModelFactory(
            initiative=InitiativeFactory(initiative_key=f"INIT-00010{number}"),
            model_name="main",
            formula_text="value = visits",
        )
    add(desk, key="SHARED", value=3)
    desk.save(TAB)
    assert desk.row(TAB)["model_name"].endswith("INIT-000104: main and 3 more")
