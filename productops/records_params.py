"""The database's side of Params."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from backlog.models import ScoringFramework
from productops.evaluation import load_facts, load_models, load_params
from productops.figures import amount
from productops.formulas import FormulaError, match_names, parse_formula
from productops.models import SHARED_KEY, InitiativeParam
from productops.records import InitiativeRows, withdraw_approval
from sheetsync.cells import Value
from sheetsync.records import Incoming, Record, Scene

# What a person approves when ticking `approved`.
APPROVED = ("value", "min", "max", "unit")
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

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        uses = uses_of_params()
        found = {}
        for key, (pk, values) in loaded.items():
            values["initiative_key"] = values["initiative_key"] or SHARED_KEY
            is_math = values["framework"] == ScoringFramework.MATH_MODEL
            users = uses.get((str(values["initiative_key"]), str(values["param_name"])), ()) if is_math else ()
            values["model_name"] = _shortened(users)
            found[key] = Record(pk, values, _note(values, used=bool(users) or not is_math))
        return found

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        super().check(scene, rows)
        for row in rows:
            if not row.failure:
                withdraw_approval(row, tick="approved", covers=APPROVED)

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


def _note(values: Mapping[str, Value], *, used: bool) -> str:
    warnings = _range_warnings(values)
    if values["approved"] and values["value"] is None:
        warnings.append("approved is ticked, but value is empty")
    if warnings:
        return "WARNING: " + "; ".join(warnings)
    said = ["missing value"] if values["value"] is None else []
    if not used:
        said.append("no formula uses it")
    return "OK: " + "; ".join(said) if said else "OK"


def _range_warnings(values: Mapping[str, Value]) -> list[str]:
    value, least, most = (_number(values[name]) for name in ("value", "min", "max"))
    warnings = []
    if least is not None and most is not None and least > most:
        warnings.append(f"min {amount(least)} is greater than max {amount(most)}; swap them")
    if value is not None and least is not None and value < least:
        warnings.append(f"value {amount(value)} is less than min {amount(least)}")
    if value is not None and most is not None and value > most:
        warnings.append(f"value {amount(value)} is greater than max {amount(most)}")
    return warnings


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None
