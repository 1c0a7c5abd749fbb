"""The database's side of Params."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from backlog.models import ScoringFramework
from productops.approvals.decisions import PARAM_COVERS, SUBJECTS, rejections, with_rejection
from productops.figures import amount
from productops.formulas.language import FormulaError, match_names, parse_formula
from productops.models import SHARED_KEY, InitiativeParam
from productops.records.shared import InitiativeRows, withdraw_approval
from productops.scores.evaluation import load_facts, load_models, load_params
from productops.scores.unit_check import unit_note
from sheetsync.records import Incoming, Record, Scene
from sheetsync.values.cells import Value

MATH = ScoringFramework.MATH_MODEL.value
RANGE = ("value", "min", "max")
NAMED = 5  # models that the model_name of a shared parameter names

# (key of the initiative or SHARED, param_name) -> names of the models whose formulas use it
Uses = Mapping[tuple[str, str], Sequence[str]]


class ParamRecords(InitiativeRows):
    """Assumptions, an initiative's own and the shared ones."""

    reserved = (SHARED_KEY,)

    def queryset(self, scene: Scene) -> QuerySet[Any]:
        return InitiativeParam.objects.order_by("pk")

    def identify(self, values: Mapping[str, Value]) -> str:
        """A parameter without an initiative is a shared one."""
        return super().identify({**values, "initiative_key": values["initiative_key"] or SHARED_KEY})

    def read(self, rows: QuerySet[Any]) -> dict[str, tuple[int, dict[str, Value]]]:
        loaded = super().read(rows)
        for _pk, values in loaded.values():
            values["initiative_key"] = values["initiative_key"] or SHARED_KEY
        return loaded

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        uses, rejected = uses_of_params(), rejections(SUBJECTS["param"])
        frameworks = _frameworks(values for _pk, values in loaded.values())
        found = {}
        for key, (pk, values) in loaded.items():
            is_math = values["framework"] == ScoringFramework.MATH_MODEL
            users = uses.get((str(values["initiative_key"]), str(values["param_name"])), ()) if is_math else ()
            values["model_name"] = _shortened(users)
            note = _note(values, used=bool(users) or not is_math, frameworks=frameworks[_owner(values)])
            found[key] = Record(pk, values, with_rejection(note, rejected.get(pk)))
        return found

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        super().check(scene, rows)
        for row in rows:
            if not row.failure:
                _check_range(row)
                withdraw_approval(row, tick="approved", covers=PARAM_COVERS)

    def identity_fields(self, scene: Scene, row: Incoming) -> dict[str, Any]:
        return {**super().identity_fields(scene, row), "param_name": row.values["param_name"]}


def uses_of_params() -> dict[tuple[str, str], list[str]]:
    """Which models' formulas use each parameter: an initiative's own where it has one of that name, else the shared."""
    own, facts = load_params(), load_facts()
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for initiative, models in load_models().items():
        key = facts[initiative].key
        for model in models:
            formula = parse_formula(model.input.formula_text)
            if isinstance(formula, FormulaError):
                continue
            for name in match_names(formula, model.input.params).names.values():
                is_own = name in own.get(initiative, {})
                label = model.input.name if is_own else f"{key}: {model.input.name}"
                found[key if is_own else SHARED_KEY, name].append(label)
    return found


def _shortened(users: Sequence[str]) -> str:
    more = len(users) - NAMED
    return ", ".join(users[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _owner(values: Mapping[str, Value]) -> tuple[str, str]:
    return str(values["initiative_key"] or SHARED_KEY), str(values["param_name"])


def _frameworks(rows: Iterable[Mapping[str, Value]]) -> Mapping[tuple[str, str], Sequence[str]]:
    """(key, param_name) -> the frameworks that have a parameter of this name."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for values in rows:
        found[_owner(values)].append(str(values["framework"]))
    return found


def _note(values: Mapping[str, Value], *, used: bool, frameworks: Sequence[str]) -> str:
    warnings = [text for _columns, text in _misfits(values)]
    if values["approved"] and values["value"] is None:
        warnings.append("approved is ticked, but value is empty")
    warnings += [text for text in (_width_warning(values), unit_note(str(values["unit"]))) if text]
    if len(frameworks) > 1:
        both = " and ".join(sorted(frameworks))
        warnings.append(f"{both} each have a parameter of this name; formulas read the one of {MATH}")
    if warnings:
        return "WARNING: " + "; ".join(warnings)
    said = ["missing value"] if values["value"] is None else []
    if not used:
        said.append("no formula uses it")
    elif not said:
        said += [text for text in [_range_remark(values)] if text]
    return "OK: " + "; ".join(said) if said else "OK"


def _check_range(row: Incoming) -> None:
    """Refuses what would put value, min and max out of order: a bound that comes with the row, else the value."""
    stored = row.record.values if row.record is not None else dict.fromkeys(RANGE)
    while misfits := _misfits({**stored, **row.takes}):
        columns, text = misfits[0]
        coming = next((name for name in columns if name in row.takes), None)
        if coming is None:
            return
        row.refuse(coming, text)


def _misfits(values: Mapping[str, Value]) -> list[tuple[tuple[str, str], str]]:
    """What is out of order in value, min and max: (the two columns, a sentence)."""
    value, least, most = (_number(values[name]) for name in RANGE)
    if least is not None and most is not None and least > most:
        return [(("min", "max"), f"min {amount(least)} is greater than max {amount(most)}; swap them")]
    found = []
    if value is not None and least is not None and value < least:
        found.append((("min", "value"), f"value {amount(value)} is less than min {amount(least)}; widen the range"))
    if value is not None and most is not None and value > most:
        found.append((("max", "value"), f"value {amount(value)} is greater than max {amount(most)}; widen the range"))
    return found


def _width_warning(values: Mapping[str, Value]) -> str:
    least, most = _number(values["min"]), _number(values["max"])
    if least is None or least != most:
        return ""
    return f"min and max are both {amount(least)}: a range without width says that the number is certain"


def _range_remark(values: Mapping[str, Value]) -> str:
    """Why a range, or half of one, doesn't count yet."""
    least, most = values["min"], values["max"]
    if (least is None) is not (most is None):
        missing, given = ("min", "max") if least is None else ("max", "min")
        return f"{missing} is empty, so {given} doesn't count"
    return "the range counts once approved is ticked" if least is not None and not values["approved"] else ""


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None
