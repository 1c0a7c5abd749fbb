"""What is said of an initiative's entered contributions beside the computed ones. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from productops.figures import amount, same_number, same_numbers
from productops.scoring import Contributions
from sheetsync.words import nearest


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What stands side by side for one initiative."""

    entered: Mapping[str, float] | None  # kpi_contribution_json; None while nobody entered or adopted anything
    computed: Contributions  # from its math models
    has_models: bool  # whether it has any math model
    adopted: Mapping[str, float] | None  # the numbers that were last adopted, None for never
    adopted_on: str  # the day of that, 2026-03-31; "" for never
    active: Collection[str]  # active kpi_keys
    chain: Collection[str]  # metrics on its chain

    @property
    def is_stale(self) -> bool:
        """Whether what holds was adopted, and what is computed has changed since."""
        return bool(
            self.adopted
            and same_numbers(self.entered, self.adopted)
            and not same_numbers(self.adopted, self.computed.numbers)
        )


def check_text(standing: Standing) -> str:
    """The cell of contribution_check: sentences, "" when there is nothing to compare."""
    if not standing.entered and not standing.has_models:
        return ""
    return " ".join([_comparison(standing), *_remarks(standing)])


def warnings(standing: Standing) -> list[str]:
    """What a row's run_status warns of."""
    texts = []
    for kpi in standing.entered or {}:
        if kpi not in standing.active:
            near = nearest(kpi, standing.active)
            hint = f"; the nearest is {near}" if near else ""
            texts.append(f"kpi_contribution_json names {kpi}, which is no active KPI any more{hint}")
    if standing.is_stale:
        texts.append("kpi_contribution_json was adopted, and what is computed has changed since")
    return texts


def _comparison(standing: Standing) -> str:
    entered, computed = standing.entered, standing.computed.numbers
    if not computed:
        return "Entered by hand; nothing is computed." if entered else "Nothing is entered, and nothing is computed."
    if not entered:
        return "Nothing is entered yet."
    if same_numbers(entered, computed):
        return "Equals computed."
    return "Differs from computed: " + "; ".join(_differences(entered, computed)) + "."


def _differences(entered: Mapping[str, float], computed: Mapping[str, float]) -> Iterator[str]:
    for kpi in sorted({*entered, *computed}):
        if kpi not in computed:
            yield f"{kpi} is entered ({amount(entered[kpi])}) and not computed"
        elif kpi not in entered:
            yield f"{kpi} is computed ({amount(computed[kpi])}) and not entered"
        elif not same_number(entered[kpi], computed[kpi]):
            yield f"{kpi} is {_difference(entered[kpi], computed[kpi])}"


def _difference(entered: float, computed: float) -> str:
    """`120,000 beside 100,000 (+20 %)`."""
    share = f" ({(entered - computed) / abs(computed):+.1%})".replace("%", " %") if computed else ""
    return f"{amount(entered)} beside {amount(computed)}{share}"


def _remarks(standing: Standing) -> Iterator[str]:
    if standing.is_stale:
        yield f"Adopted on {standing.adopted_on}, and what is computed has changed since."
    if standing.has_models and standing.computed.reasons:
        yield "Can't be adopted: " + " ".join(standing.computed.reasons)
    yield from standing.computed.notes
    loose = [kpi for kpi in standing.entered or {} if standing.chain and kpi not in standing.chain]
    if loose:
        yield f"Not on the metric chain: {', '.join(loose)}."
