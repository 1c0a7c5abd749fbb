"""What an adopted contribution rests on, and which of it changed since. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from productops.figures import amount, same_number
from productops.formulas.language import FormulaError, match_names, parse_formula
from productops.scores.scoring import Contributions, ModelInput


@dataclass(frozen=True, kw_only=True)
class ModelBasis:
    """A model as it was when its number was adopted."""

    formula_text: str
    target_kpi_key: str  # "" for none


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What computed contributions rest on: the models that give a number, and the parameters their formulas use."""

    models: Mapping[str, ModelBasis]  # model_name -> the model
    params: Mapping[str, float | None]  # param_name -> value in the parameter's unit

    def as_json(self) -> dict[str, Any]:
        """{"models": {name: {"formula_text", "target_kpi_key"}}, "params": {name: value}}, as it is stored."""
        models = {
            name: {"formula_text": model.formula_text, "target_kpi_key": model.target_kpi_key}
            for name, model in self.models.items()
        }
        return {"models": models, "params": dict(self.params)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Basis:
        """The inverse of `as_json`."""
        models = {name: ModelBasis(**model) for name, model in stored["models"].items()}
        return cls(models=models, params=stored["params"])


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """A person's decision to let computed numbers count."""

    numbers: Mapping[str, float]  # kpi_key -> number that was adopted
    on: str  # the day of it in UTC, 2026-03-31
    by: str = ""  # who asked for it; "" where nobody was named
    run: str = ""  # run_id of the run that carried it out
    basis: Basis | None = None  # what the numbers rested on then; None where that wasn't recorded


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A person's typing of the numbers that hold."""

    on: str  # the day of it in UTC, 2026-03-31
    basis: Basis | None = None  # what the computed numbers beside it rested on then; None where nothing was computed


@dataclass(frozen=True, kw_only=True)
class Change:
    """One input that isn't any more what it was when the number was adopted, or typed."""

    about: tuple[str, str]  # ("param" or "model", its name)
    text: str  # "visits was 50, is 60"

    def told(self, days: Mapping[tuple[str, str], str]) -> str:
        """With the day since when, where it is known."""
        return f"{self.text} since {days[self.about]}" if self.about in days else self.text


@dataclass(frozen=True, kw_only=True)
class Since:
    """What changed after an adoption or an entry, and since when."""

    changes: tuple[Change, ...] = ()
    days: Mapping[tuple[str, str], str] = field(default_factory=dict)  # what -> the day it became what it is now

    def __str__(self) -> str:
        return ", ".join(change.told(self.days) for change in self.changes)


def basis_of(models: Sequence[ModelInput], computed: Contributions) -> Basis:
    """What `computed` rests on now."""
    giving = {part.name for part in computed.by_model if part.numbers}
    used = [model for model in models if model.name in giving]
    params: dict[str, float | None] = {}
    for model in used:
        formula = parse_formula(model.formula_text)
        if not isinstance(formula, FormulaError):
            names = match_names(formula, model.params).names.values()
            params.update((name, model.params[name].value) for name in names)
    bases = {
        model.name: ModelBasis(formula_text=model.formula_text, target_kpi_key=model.target_kpi_key) for model in used
    }
    return Basis(models=bases, params=params)


def changes(then: Basis, now: Basis) -> tuple[Change, ...]:
    """What differs, parameters first. A parameter that a formula uses no longer, or only now, is told by the formula."""
    return (*_param_changes(then, now), *_model_changes(then, now))


def _param_changes(then: Basis, now: Basis) -> Iterator[Change]:
    for name, before in then.params.items():
        if name in now.params and not same_number(before, now.params[name]):
            yield Change(about=("param", name), text=f"{name} was {_shown(before)}, is {_shown(now.params[name])}")


def _model_changes(then: Basis, now: Basis) -> Iterator[Change]:
    for name in sorted({*then.models, *now.models}):
        text = _model_change(name, then.models.get(name), now.models.get(name))
        if text:
            yield Change(about=("model", name), text=text)


def _model_change(name: str, then: ModelBasis | None, now: ModelBasis | None) -> str:
    if now is None:
        return f"the model {name} gives no number any more"
    if then is None:
        return f"the model {name} gives a number, too"
    if then.formula_text != now.formula_text:
        return f"the formula of {name} is another one"
    if then.target_kpi_key != now.target_kpi_key:
        before, after = then.target_kpi_key or "empty", now.target_kpi_key or "empty"
        return f"target_kpi_key of {name} was {before}, is {after}"
    return ""


def _shown(value: float | None) -> str:
    return "empty" if value is None else amount(value)
