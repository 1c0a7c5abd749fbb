"""How far an initiative's contributions may lie from the number that is shown: its models over draws of their ranges.
Pure.

A parameter varies when it is approved and has a range; every other one is its value in each draw. A shared parameter is
the same in all initiatives, draw by draw, so that bets on one thing win and lose together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from productops.formulas.arrays import DrawnEvaluation, Marks, Samples, evaluate_draws
from productops.formulas.language import parameters_of
from productops.scores.scoring import ModelInput, ModelOutcome, ParamInput, contribution_sources, evaluated
from productops.spreads.draws import Numbers, Range, Shape, drawn, range_of, uniforms

SHARED = "SHARED"  # the owner of parameters that several initiatives use


@dataclass(frozen=True, kw_only=True, eq=False)
class VaryingParam:
    """A parameter that differs from draw to draw."""

    owner: str  # initiative_key, or SHARED
    name: str  # param_name
    range: Range
    samples: Samples


@dataclass(frozen=True, kw_only=True, eq=False)
class Spread:
    """What an initiative's models contribute, draw by draw."""

    numbers: Mapping[str, Numbers]  # kpi_key -> contribution in the KPI's unit per draw; 0 where the draw failed
    varying: tuple[VaryingParam, ...] = ()  # the parameters behind the numbers that vary, in order of first use
    constant: Mapping[str, str] = field(default_factory=dict)  # other param_names behind them -> why they don't vary
    failed: Marks | None = None  # the draws that gave no number, None for none
    error: str = ""  # why the first of them failed, a sentence

    @property
    def failures(self) -> int:
        """How many draws gave no number."""
        return 0 if self.failed is None else int(np.count_nonzero(self.failed))

    def kept(self, numbers: Numbers) -> Numbers:
        """Those of the draws that gave numbers."""
        return numbers if self.failed is None else numbers[~self.failed]


class Sampler:
    """Draws of parameters. A parameter's draws are the same whenever they are asked for; shared ones are kept, an
    initiative's own only until the next initiative's come."""

    def __init__(self, *, seed: int, draws: int, shape: Shape, first: int = 0) -> None:
        self.seed = seed
        self.draws = draws  # how many
        self.shape = shape
        self.first = first  # number of the first of them: a long run is made block by block
        self._shared: dict[tuple[str, Range], VaryingParam] = {}
        self._own: dict[tuple[str, Range], VaryingParam] = {}
        self._owner = ""  # whose own parameters are kept

    def varying(self, name: str, param: ParamInput) -> VaryingParam | str:
        """A parameter's draws, or why it is the same in all of them, in words that follow its name."""
        spread = range_of(low=param.low, value=param.value, high=param.high)
        if isinstance(spread, str):
            return spread
        if not param.approved:
            return "has a range that isn't approved"
        kept = self._kept_of(param.owner)
        if (name, spread) not in kept:
            kept[name, spread] = self._draw(param.owner, name, spread)
        return kept[name, spread]

    def _kept_of(self, owner: str) -> dict[tuple[str, Range], VaryingParam]:
        if owner == SHARED:
            return self._shared
        if owner != self._owner:
            self._owner, self._own = owner, {}
        return self._own

    def _draw(self, owner: str, name: str, spread: Range) -> VaryingParam:
        chances = uniforms(seed=self.seed, owner=owner, name=name, count=self.draws, first=self.first)
        numbers = drawn(spread, self.shape, chances)
        samples = Samples(values=numbers, low=spread.low, high=spread.high)
        return VaryingParam(owner=owner, name=name, range=spread, samples=samples)


def spread_of(models: Sequence[ModelInput], active_kpis: Collection[str], sampler: Sampler) -> Spread:
    """The contributions of one initiative's models in each draw, summed over the models as `scoring.contributions` sums
    them. A model that can't be computed at all adds nothing, as there."""
    numbers: dict[str, Numbers] = {}
    params = _Params(sampler)
    failed: Marks | None = None
    error = ""
    for outcome in evaluated(models):
        sources = contribution_sources(outcome, active_kpis)
        drawing = _draws_of(outcome, params.behind(outcome, sources.values()), sampler.draws)
        if drawing.failed is not None:
            failed = drawing.failed if failed is None else failed | drawing.failed
            error = error or f"formula_text of the model {outcome.model.name}, {drawing.error}"
        for kpi, name in sources.items():
            part = drawing.results[name]
            numbers[kpi] = numbers[kpi] + part if kpi in numbers else part
    varying = tuple(params.varying.values())
    return Spread(numbers=numbers, varying=varying, constant=params.constant, failed=failed, error=error)


class _Params:
    """The parameters behind an initiative's contributions, as they are met."""

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler
        self.varying: dict[str, VaryingParam] = {}
        self.constant: dict[str, str] = {}

    def behind(self, outcome: ModelOutcome, results: Collection[str]) -> dict[str, Samples]:
        """Draws by name as the formula writes it, of those parameters behind these results that vary."""
        if outcome.formula is None:
            return {}
        used = {name for result in results for name in parameters_of(outcome.formula, result)}
        found = {}
        for written in (name for name in outcome.formula.names if name in used):
            name = outcome.names[written]
            drawing = self.sampler.varying(name, outcome.model.params[name])
            if isinstance(drawing, str):
                self.constant[name] = drawing
            else:
                self.varying[name] = drawing
                found[written] = drawing.samples
        return found


def _draws_of(outcome: ModelOutcome, samples: Mapping[str, Samples], draws: int) -> DrawnEvaluation:
    if outcome.formula is None or not samples:
        return DrawnEvaluation(results={name: np.full(draws, number) for name, number in outcome.results.items()})
    settled = {written: outcome.model.params[name].value for written, name in outcome.names.items()}
    drawing = evaluate_draws(outcome.formula, {**settled, **samples}, draws)
    if isinstance(drawing, DrawnEvaluation):
        return drawing
    nothing = dict.fromkeys(outcome.results, np.zeros(draws))
    return DrawnEvaluation(results=nothing, failed=np.ones(draws, dtype=np.bool_), error=drawing)
