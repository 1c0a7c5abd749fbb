"""What Larkspoon's PMs ask a language model, and what they make of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.demo.assumptions import Assumption
from config.demo.company import Cells


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One initiative whose model begins with a suggestion."""

    wish: Cells  # what stands in its row of MathModels before anybody is asked
    first_step: str = (
        ""  # the metric that the PM puts before the suggested chain; "" where the suggestion isn't accepted
    )
    params: Mapping[str, Assumption] = field(default_factory=dict)  # the PM's own numbers for suggested parameters

    @property
    def is_accepted(self) -> bool:
        """Whether the PM copies the suggestion over."""
        return bool(self.first_step)


# ref -> what is asked about it.
ADVICE: Mapping[str, Advice] = {
    "D12": Advice(
        wish={
            "model_name": "Letters on birthdays",
            "model_description_free_text": "Diners who get a letter before their birthday book a table for it.",
            "target_kpi_key": "net_revenue",
            "model_prompt_to_llm": "Think of how many get a letter each month, and how many of them book because of it.",
        },
        first_step="letter_bookings",
        params={
            "reached_users_per_month": Assumption(
                value=52_000, low=47_000, high=56_000, unit="users/month", display="Letters a month"
            ),
            "conversion_uplift": Assumption(
                value="1.8%", low=0.008, high=0.025, unit="fraction", display="Who book because of it"
            ),
            "value_per_user": Assumption(
                value=2.5, low=2.2, high=2.8, unit="GBP/user", display="Net revenue of one of them"
            ),
            "months": Assumption(value=12, low=None, high=None, unit="months", display="A year", source="The calendar"),
        },
    ),
    "D15": Advice(
        wish={
            "model_name": "Maps that convert",
            "model_description_free_text": "Who sees restaurants on a map finds one near by, and books.",
            "target_kpi_key": "net_revenue",
            "model_prompt_to_llm": "Only searches on the web, not in the app.",
        },
    ),
}
