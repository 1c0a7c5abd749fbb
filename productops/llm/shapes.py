"""The shapes of answers. Their field names and descriptions are part of what a model is told."""

from __future__ import annotations

from pydantic import BaseModel, Field


class SuggestedParameter(BaseModel):
    """A parameter that a suggested formula reads and that doesn't exist yet."""

    name: str = Field(description="as the formula writes it, in snake_case")
    unit: str = Field(description="for example GBP, GBP/month, fraction, users/month, days, count")
    meaning: str = Field(description="what it is and where its number could be found, in one sentence")


class SuggestedModel(BaseModel):
    """A formula and a metric chain for a person to consider."""

    formula_text: str = Field(description="lines name = expression, in the formula language of the instructions")
    metric_chain_text: str = Field(description="metric -> metric -> kpi_key")
    new_parameters: list[SuggestedParameter] = Field(description="parameters of the formula that aren't in the data")
    assumptions: list[str] = Field(description="what was assumed, one short sentence each")
    unsure_of: list[str] = Field(description="what a person should check first, one short sentence each")


class Summary(BaseModel):
    """An initiative in a few sentences."""

    summary: str = Field(description="two or three plain sentences")
