"""What is said of units: both sides, where they part, and nothing where a person would shrug."""

from __future__ import annotations

import pytest

from productops.model_templates.library import LIBRARY
from productops.model_templates.templates import Template
from productops.scores.scoring import ModelInput, ParamInput
from productops.scores.unit_check import unit_note, unit_warnings

KPIS = {
    "gmv": "GBP",
    "yearly": "GBP/year",
    "members": "users",
    "retention": "percent",
    "share": "fraction",
    "vague": "",
}


def said(formula: str, target: str = "gmv", numbers: float = 2.0, **units: str) -> list[str]:
    """The warnings on one model whose parameters have these units."""
    params = {name: ParamInput(value=numbers, unit=unit, approved=True) for name, unit in units.items()}
    model = ModelInput(name="M", formula_text=formula, target_kpi_key=target, approved=True, params=params)
    return list(unit_warnings([model], KPIS))


@pytest.mark.parametrize(
    ("formula", "target", "units", "text"),
    [
        (
            "users * fee",
            "gmv",
            {"users": "users", "fee": "USD/user"},
            "M, line 1: value is in USD, and gmv in GBP: nothing brings GBP, and USD is left over from fee.",
        ),
        (
            "reach = visits * uplift\nvalue = reach * basket",
            "gmv",
            {"visits": "visits/month", "uplift": "fraction", "basket": "GBP"},
            "M, line 2: value is in GBP·visits/month, and gmv in GBP: 1/month is left over from visits.",
        ),
        (
            "monthly * 2",
            "yearly",
            {"monthly": "GBP/month"},
            "M, line 1: value is in GBP/month, and yearly in GBP/year: month against year, a factor of 12.",
        ),
        (
            "fee",
            "gmv",
            {"fee": "GBP/user"},
            "M, line 1: value is in GBP/user, and gmv in GBP: 1/user is left over from fee.",
        ),
        (
            "one + other",
            "gmv",
            {"one": "users", "other": "GBP"},
            "M, line 1: one + other adds users and GBP, which aren't alike.",
        ),
        (
            "one + other",
            "gmv",
            {"one": "GBP/month", "other": "GBP/year"},
            "M, line 1: one + other adds GBP/month and GBP/year: month against year, a factor of 12.",
        ),
        (
            "visits * uplift * basket",
            "gmv",
            {"visits": "visits", "uplift": "%", "basket": "GBP"},
            "M, line 1: value is in GBP·%·visits, and gmv in GBP: % is used as a fraction; divide it by 100, or give the "
            "parameter the unit fraction.",
        ),
        (
            "revenue * (1 + growth)",
            "gmv",
            {"revenue": "GBP", "growth": "%"},
            "M, line 1: 1 + growth adds a plain number and %: % is used as a fraction; divide it by 100, or give the "
            "parameter the unit fraction.",
        ),
        (
            "members = joined * rate\nvalue = 1",
            "",
            {"joined": "users", "rate": "GBP"},
            "M, line 1: members is in users, not GBP·users: GBP is left over from rate.",
        ),
        (
            "cost",
            "gmv",
            {"cost": "kGBP"},
            "M, line 1: value is in thousand·GBP, and gmv in GBP: they differ by a factor of 1,000.",
        ),
        (
            "fee * users",
            "gmv",
            {"fee": "GPB", "users": "users"},
            'M: the unit of fee, "GPB", isn\'t understood; the nearest is GBP.',
        ),
    ],
)
def test_a_warning_shows_both_units_and_where_they_part(
    formula: str, target: str, units: dict[str, str], text: str
) -> None:
    assert said(formula, target, **units) == [text]


@pytest.mark.parametrize(
    ("formula", "target", "units"),
    [
        ("visits * uplift * basket * 12", "gmv", {"visits": "visits/month", "uplift": "fraction", "basket": "GBP"}),
        ("visits * uplift * basket * 12", "yearly", {"visits": "visits/month", "uplift": "", "basket": "GBP/order"}),
        ("a * b", "gmv", {"a": "GBP/year", "b": "fraction"}),
        ("tickets * minutes / 60 * hourly", "gmv", {"tickets": "tickets", "minutes": "minutes", "hourly": "GBP/hour"}),
        ("days * rate - cost", "gmv", {"days": "person-days", "rate": "GBP/day", "cost": "GBP"}),
        ("new / all", "share", {"new": "users", "all": "users"}),
        ("new / all", "retention", {"new": "users", "all": "visits"}),
        ("growth / 100 * users", "members", {"growth": "%", "users": "users"}),
        ("a * b", "vague", {"a": "GBP", "b": "users"}),
        ("a * b", "gmv", {"a": "", "b": "users"}),
        ("12 * 3", "gmv", {}),
        ("kept * size * fee + kept * take_up * fee", "gmv", {"kept": "count", "size": "count", "fee": "GBP", "take_up": "fraction"}),
    ],
)  # fmt: skip
def test_what_people_mean_gets_no_warning(formula: str, target: str, units: dict[str, str]) -> None:
    assert said(formula, target, **units) == []


def test_a_percentage_within_1_was_typed_as_5_percent_and_is_a_fraction_already() -> None:
    assert said("visits * uplift", "members", numbers=0.05, visits="users", uplift="%") == []
    assert len(said("visits * uplift", "members", numbers=5.0, visits="users", uplift="%")) == 1


def test_a_formula_that_cannot_be_computed_says_nothing_of_units() -> None:
    assert said("fee / 0", fee="USD") == []


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("GBP", ""),
        ("", ""),
        ("frction", 'unit: "frction" isn\'t understood, so nothing is checked by it; the nearest is fraction'),
        ("stars out of five", 'unit: "stars out of five" isn\'t understood, so nothing is checked by it; GBP, percent'),
    ],
)
def test_a_unit_that_is_not_understood_is_told_with_the_nearest(unit: str, text: str) -> None:
    assert unit_note(unit).startswith(text)
    assert bool(unit_note(unit)) is bool(text)


@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.name)
def test_no_template_of_the_library_is_warned_of(template: Template) -> None:
    params = {
        param.name: ParamInput(value=param.value, low=param.min, high=param.max, unit=param.unit, approved=True)
        for param in template.params
    }
    model = ModelInput(name="M", formula_text=template.formula_text, target_kpi_key="gmv", params=params)
    assert unit_warnings([model], {"gmv": "GBP"}) == ()
