"""Templates of models: what is kept, what is refused, and that every worked example works out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from productops.contributions.consistency import ModelFacts, model_findings
from productops.metrics.chains import Chain, parse_chain
from productops.model_templates.library import LIBRARY
from productops.model_templates.templates import (
    TemplateParam,
    chain_to,
    example_of,
    params_from_json,
    params_text,
    problems,
    read_params,
)
from productops.scores.scoring import ModelInput, ParamInput
from productops.scores.unit_check import unit_warnings
from productops.units.quantities import understood

FUNNEL = LIBRARY[0]


@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.name)
def test_every_template_of_the_library_can_be_kept_and_its_example_works_out(template):
    assert list(problems(template)) == []
    assert example_of(template) == pytest.approx(template.example_result, rel=1e-12)
    assert all(understood(param.unit) and param.description for param in template.params)


@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.name)
def test_a_model_started_from_the_library_goes_together(template):
    chain = parse_chain(chain_to(template.chain_text, "gmv"))
    assert isinstance(chain, Chain)
    params = {param.name: ParamInput(value=param.value, approved=True) for param in template.params}
    model = ModelInput(name="m", formula_text=template.formula_text, target_kpi_key="gmv", params=params)
    assert list(model_findings([ModelFacts(input=model, chain=chain)], list(params), ("gmv",))) == []


def test_the_library_has_a_dozen_and_each_name_once():
    assert len({template.name for template in LIBRARY}) == len(LIBRARY) == 12


@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.name)
def test_parameters_are_written_and_read_back(template):
    assert read_params(params_text(template.params)) == template.params
    assert params_from_json([param.as_json() for param in template.params]) == template.params


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("visits | visits", "Line 1, 'visits | visits': it has 2 parts; write name | unit | value | min | max"),
        ("Monthly Visits | x | 1 | 1 | 1", "is no parameter's name; write it as formulas do, such as monthly_visits"),
        ("visits | x | many | 1 | 2", "many is no number"),
        ("visits | x | 3 | 1 | 2", "the value 3 doesn't lie between 1 and 2"),
        ("a | x | 1 | 1 | 1\na | x | 2 | 2 | 2", "Line 2: a has a line already"),
    ],
)
def test_a_line_that_cannot_be_read_is_told(line, said):
    found = read_params(line)
    assert isinstance(found, str)
    assert said in found


def test_numbers_are_read_as_in_the_sheet_and_the_description_may_be_missing():
    assert read_params("\nuplift | fraction | 5% | 1% | 1,000 \n") == (
        TemplateParam(name="uplift", unit="fraction", value=0.05, min=0.01, max=1000.0),
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"formula_text": "value = "}, "formula_text, "),
        ({"formula_text": "value = monthly_visits * zeal"}, "The formula's zeal is missing in the parameters"),
        ({"params": (*FUNNEL.params, replace(FUNNEL.params[0], name="zeal"))}, "doesn't use the parameter zeal"),
        ({"chain_text": "a -> b -> a"}, "metric_chain_text: The metric chain goes round in a circle"),
        ({"example_result": 5}, "The worked example gives 241,920, and example_result says 5"),
        ({"formula_text": FUNNEL.formula_text.replace("\nvalue", "\ngain")}, "The formula gives no value"),
        ({"formula_text": FUNNEL.formula_text + " / (months - 12)"}, "Division by zero"),
    ],
)
def test_a_template_that_cannot_be_kept_says_why(changes, said):
    assert any(said in text for text in problems(replace(FUNNEL, **changes)))


def test_the_chain_ends_at_the_kpi_or_before_it():
    assert chain_to("a -> {kpi}; b -> {kpi}", "gmv") == "a -> gmv; b -> gmv"
    assert chain_to("visits -> orders -> {kpi}", "") == "visits -> orders"


@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.name)
def test_units_of_the_library_work_out_to_money(template):
    params = {
        param.name: ParamInput(value=param.value, unit=param.unit, low=param.min, high=param.max, approved=True)
        for param in template.params
    }
    model = ModelInput(name="m", formula_text=template.formula_text, target_kpi_key="gmv", params=params)
    assert unit_warnings([model], {"gmv": "GBP"}) == ()
    assert unit_warnings([model], {"gmv": "GBP/month"}) != ()
