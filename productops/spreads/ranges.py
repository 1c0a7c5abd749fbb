"""What the stored models of an initiative give draw by draw and step by step, by this installation's settings."""

from __future__ import annotations

from django.conf import settings

from productops.model_outputs import Drawing, ModelExplanation, explain_model, model_spreads
from productops.scores.evaluation import load_kpis, load_models
from productops.scores.scoring import ModelInput
from productops.spreads.draws import Shape
from productops.spreads.figures import KpiSpread


def range_shape() -> Shape:
    """The distribution that ranges are drawn from."""
    return Shape(settings.RANGE_SHAPE)


def shown_drawing() -> Drawing:
    """The draws behind the figures that sheets and pages show; none where the settings ask for none."""
    return Drawing(draws=max(0, settings.RANGE_DRAWS), shape=range_shape())


def explanations_of(initiative: int) -> tuple[ModelExplanation, ...]:
    """How the models of an initiative (by pk) come to their results, in order of model name."""
    return tuple(explain_model(model) for model in _models(initiative))


def spreads_of(initiative: int) -> tuple[KpiSpread, ...]:
    """How far the computed contributions of an initiative (by pk) may lie apart, all its models together; none where
    nothing varies."""
    return model_spreads(_models(initiative), load_kpis().active, shown_drawing())


def _models(initiative: int) -> list[ModelInput]:
    models = [model.input for model in load_models([initiative]).get(initiative, ())]
    return sorted(models, key=lambda model: model.name)
