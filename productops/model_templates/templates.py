"""Templates of math models: a formula, a chain and parameters with a worked example, for initiatives to start from. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from productops.figures import amount, same_number
from productops.formulas.language import FormulaError, evaluate, parse_formula
from productops.formulas.tree import RESULT_NAME
from productops.metrics.chains import ChainError, parse_chain
from sheetsync.values.amounts import read_number
from sheetsync.values.words import Unclear, nearest, snake_case

# Stands in a template's chain for the KPI that a started model contributes to.
KPI = "{kpi}"
PARTS = "name | unit | value | min | max | what it is"


@dataclass(frozen=True, kw_only=True)
class TemplateParam:
    """A parameter of a template, with the numbers of the worked example."""

    name: str  # param_name
    unit: str
    value: float
    min: float
    max: float
    description: str = ""

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def example(self) -> str:
        """`0.012, from 0.005 to 0.02`, for the notes of a started parameter."""
        return f"{amount(self.value)}, from {amount(self.min)} to {amount(self.max)}"


@dataclass(frozen=True, kw_only=True)
class Template:
    """What a model may start from."""

    name: str
    description: str  # when to use it, and what it says
    formula_text: str
    chain_text: str  # with {kpi} where the KPI stands
    params: tuple[TemplateParam, ...]
    example_result: float  # what `value` gives with the parameters' values
    assumptions: str = ""


def problems(template: Template) -> Iterator[str]:
    """Sentences that say why a template can't be kept; none when it can."""
    formula = parse_formula(template.formula_text)
    if isinstance(formula, FormulaError):
        yield f"formula_text, {formula}"
        return
    known = {param.name for param in template.params}
    for name in formula.names:
        if name not in known:
            yield f"The formula's {name} is missing in the parameters: add a line {name} | unit | value | min | max."
    for name in sorted(known - set(formula.names)):
        near = nearest(name, formula.names)
        yield f"The formula doesn't use the parameter {name}" + (f"; is {near} meant?" if near else ".")
    chain = parse_chain(chain_to(template.chain_text, "kpi"))
    if isinstance(chain, ChainError):
        yield f"metric_chain_text: {chain}"
    if known >= set(formula.names):
        yield from _example_problems(template)


def example_of(template: Template) -> float | str:
    """What `value` gives in the worked example, or why it gives nothing."""
    formula = parse_formula(template.formula_text)
    if isinstance(formula, FormulaError):
        return str(formula)
    evaluation = evaluate(formula, {param.name: param.value for param in template.params})
    if isinstance(evaluation, FormulaError):
        return str(evaluation)
    if RESULT_NAME not in evaluation.results:
        return f"The formula gives no {RESULT_NAME}: write a line {RESULT_NAME} = ..."
    return evaluation.results[RESULT_NAME]


def _example_problems(template: Template) -> Iterator[str]:
    found = example_of(template)
    if isinstance(found, str):
        yield found
    elif not same_number(round(found, 6), round(template.example_result, 6)):
        yield (
            f"The worked example gives {amount(found)}, and example_result says {amount(template.example_result)}: "
            "correct the one that is wrong."
        )


def chain_to(chain_text: str, kpi: str) -> str:
    """The chain of a model that contributes to `kpi`; without one the chain ends before it."""
    if kpi:
        return chain_text.replace(KPI, kpi)
    return chain_text.replace(f"-> {KPI}", "").replace(KPI, "").strip()


# ---- parameters as lines of text ---------------------------------------------------------------------------------------


def params_text(params: Sequence[TemplateParam]) -> str:
    """A line per parameter, `name | unit | value | min | max | what it is`."""
    return "\n".join(
        " | ".join((param.name, param.unit, *map(_number, (param.value, param.min, param.max)), param.description))
        for param in params
    )


def read_params(text: str) -> tuple[TemplateParam, ...] | str:
    """The inverse of `params_text`, or a sentence that names the line and what is wrong with it."""
    found: dict[str, TemplateParam] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        param = _read_line([part.strip() for part in line.split("|")])
        if isinstance(param, str):
            return f"Line {number}, {line.strip()[:60]!r}: {param}"
        if param.name in found:
            return f"Line {number}: {param.name} has a line already."
        found[param.name] = param
    return tuple(found.values())


def params_from_json(stored: Sequence[Mapping[str, Any]]) -> tuple[TemplateParam, ...]:
    """As they were stored by `as_json`."""
    return tuple(TemplateParam(**param) for param in stored)


def _read_line(parts: Sequence[str]) -> TemplateParam | str:
    if not 5 <= len(parts) <= 6:
        return f"it has {len(parts)} parts; write {PARTS}."
    name, unit, *numbers = parts[:5]
    if not name or snake_case(name) != name:
        return f"{name or 'an empty name'} is no parameter's name; write it as formulas do, such as {snake_case(name) or 'monthly_visits'}."
    values: list[float] = []
    for text in numbers:
        value = read_number(text)
        if isinstance(value, Unclear):
            return f"{text or 'an empty part'} is no number; write {PARTS}."
        values.append(value)
    value, least, most = values
    if not least <= value <= most:
        return f"the value {amount(value)} doesn't lie between {amount(least)} and {amount(most)}."
    return TemplateParam(name=name, unit=unit, value=value, min=least, max=most, description="".join(parts[5:]))


def _number(value: float) -> str:
    return f"{value:.15g}"
