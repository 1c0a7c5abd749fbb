"""What is said of the units in an initiative's models: warnings that show both sides and where they part. Pure.

Warnings never change a number, and keep nothing from being saved, adopted or chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from productops.figures import amount
from productops.formulas.language import Formula, parameters_of, parse_formula
from productops.formulas.units import Inferred, Measure, Unlike, alike, infer, same_dimensions
from productops.scores.scoring import ModelInput, ModelOutcome, ParamInput, contribution_sources, evaluated
from productops.units.quantities import COUNT, PLAIN, Unit, nearest_unit, product, read_unit, understood
from sheetsync.values.words import as_shown

# A number in % that lies within 1 was typed as 5 %, which is stored as 0.05: it is a fraction already.
_LARGEST_FRACTION = 1.0
_CHECKED = 16_384  # formulas and their units that are remembered


def unit_note(unit: str) -> str:
    """What is wrong with a unit's text, for the row it stands in; "" when it is understood."""
    if understood(unit):
        return ""
    near = nearest_unit(unit)
    hint = f"the nearest is {near}" if near else "GBP, percent, fraction, count, days, users or GBP per month would be"
    return f"unit: {as_shown(unit)} isn't understood, so nothing is checked by it; {hint}"


def unit_warnings(models: Sequence[ModelInput], kpi_units: Mapping[str, str]) -> tuple[str, ...]:
    """Sentences about the units of one initiative's models; `kpi_units`: active kpi_key -> its unit as typed."""
    return tuple(text for outcome in evaluated(models) for text in _warnings(outcome, kpi_units))


def _warnings(outcome: ModelOutcome, kpi_units: Mapping[str, str]) -> Iterator[str]:
    formula = parse_formula(outcome.model.formula_text)
    if outcome.formula is None or not isinstance(formula, Formula):
        return
    params = {written: outcome.model.params[name] for written, name in outcome.names.items()}
    units = {written: param_unit(param) for written, param in params.items()}
    if not any(units.values()):
        return
    name = outcome.model.name
    for written, param in params.items():
        if param.unit.strip() and units[written] is None:
            yield _not_understood(name, written, param)
    inferred = _inferred(formula.source, tuple(units.items()))
    for unlike in inferred.unlike:
        yield f"{name}, line {unlike.line}: {_unlike_text(unlike)}"
    for kpi, result in contribution_sources(outcome, kpi_units).items():
        text = _result_text(inferred.results[result], result, kpi, kpi_units[kpi], formula, units)
        if text:
            line = next(line.line for line in formula.assignments if line.name == result)
            yield f"{name}, line {line}: {text}"


@lru_cache(maxsize=_CHECKED)
def _inferred(source: str, units: tuple[tuple[str, Unit | None], ...]) -> Inferred:
    formula = parse_formula(source)
    assert isinstance(formula, Formula)
    return infer(formula.assignments, dict(units))


def param_unit(param: ParamInput) -> Unit | None:
    """A parameter's unit as formulas meet it; None when it isn't known."""
    unit = read_unit(param.unit)
    if unit is None or unit.power_of("percent") != 1.0:
        return unit
    numbers = [abs(number) for number in (param.value, param.low, param.high) if number is not None]
    if numbers and max(numbers) <= _LARGEST_FRACTION:
        return unit.by(_PERCENT, -1.0)
    return unit


_PERCENT, _YEAR = product([("percent", 1.0)]), product([("year", 1.0)])


def _not_understood(model: str, written: str, param: ParamInput) -> str:
    near = nearest_unit(param.unit)
    hint = f"; the nearest is {near}" if near else ""
    return f"{model}: the unit of {written}, {as_shown(param.unit)}, isn't understood{hint}."


# ---- what doesn't go together --------------------------------------------------------------------------------------


def _unlike_text(unlike: Unlike) -> str:
    same = same_dimensions(unlike.left, unlike.right)
    why = f": {_size_text(unlike.left, unlike.right)}" if same else ", which aren't alike"
    return f"{unlike.part} {unlike.doing} {unlike.left} and {unlike.right}{why}."


def _result_text(
    measure: Measure | None,
    result: str,
    kpi: str,
    kpi_unit: str,
    formula: Formula,
    units: Mapping[str, Unit | None],
) -> str:
    """What is wrong with a result beside its KPI; "" where one of its readings fits, or too little is known."""
    wanted = read_unit(kpi_unit)
    if measure is None or measure.number is not None or wanted is None:
        return ""
    if any(_fits(reading, wanted) for reading in measure.readings):
        return ""
    given = measure.readings[0]
    typed = kpi_unit.strip()
    both = f"{result} is in {given}, and {kpi} in {typed}" if result != kpi else f"{kpi} is in {typed}, not {given}"
    if same_dimensions(given, wanted):
        return f"{both}: {_size_text(given, wanted)}."
    behind = {name: units[name] for name in parameters_of(formula, result)}
    return f"{both}: {_origin_text(given, wanted, behind)}."


def _fits(reading: Unit, wanted: Unit) -> bool:
    """A KPI without a time is what a year brings, and one in % takes shares, which cells hold as fractions."""
    candidates = [reading]
    if not wanted.times:
        candidates.append(reading.by(_YEAR))
    if wanted.power_of("percent") == 1.0:
        candidates.append(reading.by(_PERCENT))
    return any(alike(candidate, wanted) for candidate in candidates)


def _size_text(one: Unit, other: Unit) -> str:
    """Units of one kind and different size."""
    if one.power_of("percent") != other.power_of("percent"):
        return "% is used as a fraction; divide it by 100, or give the parameter the unit fraction"
    factor = amount(float(f"{one.ratio(other):.6g}"))
    if one.times != other.times:
        return f"{' and '.join(one.times)} against {' and '.join(other.times)}, a factor of {factor}"
    return f"they differ by a factor of {factor}"


def _origin_text(given: Unit, wanted: Unit, units: Mapping[str, Unit | None]) -> str:
    """Where the units come from that stand on one side alone."""
    left_over = given.by(wanted, -1.0)
    kinds = {kind: power for kind, power in left_over.dimensions.items() if kind != COUNT or power < 0}
    return ", and ".join(
        _kind_text(left_over, kind, power, units) for kind, power in (kinds or left_over.dimensions).items()
    )


def _kind_text(left_over: Unit, kind: str, power: float, units: Mapping[str, Unit | None]) -> str:
    """One kind that stands on one side alone: what nothing brings, else what nothing takes away."""
    parts = [product([each]) for each in left_over.powers]
    alone = [part for part in parts if part.dimensions.get(kind, 0.0) * power > 0]
    origins = [[name for name, unit in units.items() if unit and unit.power_of(part.powers[0][0])] for part in alone]
    for part, names in zip(alone, origins, strict=True):
        if not names:
            return f"nothing brings {PLAIN.by(part, -1.0)}"
    return f"{alone[0]} is left over from {' and '.join(origins[0])}"
