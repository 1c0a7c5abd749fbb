"""Percentiles, the chance of a loss, histogram, and how far each parameter moves a contribution."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from productops.scores.scoring import ModelInput, ParamInput
from productops.spreads.draws import Shape
from productops.spreads.figures import KpiSpread, histogram, kpi_spreads, spread_text
from productops.spreads.plots import histogram_plot, tornado_plot
from productops.spreads.spread import Sampler, spread_of
from sheetsync.plots import PlotKind

KPIS = ("gmv", "retention_30d")


def ranged(low: float, value: float, high: float, **changes: object) -> ParamInput:
    param = ParamInput(value=value, low=low, high=high, approved=True, owner="INIT-000001")
    return dataclasses.replace(param, **changes)


PARAMS = {"users": ranged(500, 1000, 2000), "uplift": ranged(0.01, 0.02, 0.03), "cost": ranged(5, 10, 30)}


def spreads(formula: str = "users * uplift - cost", **changes: ParamInput) -> tuple[KpiSpread, ...]:
    model = ModelInput(
        name="Uplift", formula_text=formula, target_kpi_key="gmv", approved=True, params={**PARAMS, **changes}
    )
    return kpi_spreads([model], KPIS, Sampler(seed=1, draws=400, shape=Shape.PERT))


def spread(formula: str = "users * uplift - cost", **changes: ParamInput) -> KpiSpread:
    (found,) = spreads(formula, **changes)
    return found


def test_percentiles_and_the_chance_of_a_loss_are_those_of_the_draws() -> None:
    found = spread()
    model = ModelInput(
        name="Uplift", formula_text="users * uplift - cost", target_kpi_key="gmv", approved=True, params=PARAMS
    )
    numbers = spread_of([model], KPIS, Sampler(seed=1, draws=400, shape=Shape.PERT)).numbers["gmv"]
    assert (found.p10, found.p50, found.p90) == tuple(np.percentile(numbers, (10, 50, 90)))
    assert found.mean == pytest.approx(numbers.mean())
    assert found.negative == (numbers < 0).sum() / 400 > 0
    assert (found.draws, found.failures, found.error) == (400, 0, "")


def test_each_parameter_goes_from_its_min_to_its_max_while_the_others_stay() -> None:
    swings = {swing.name: (swing.at_low, swing.at_high) for swing in spread().swings}
    assert swings == {
        "users": (pytest.approx(0.0), pytest.approx(30.0)),
        "uplift": (pytest.approx(0.0), pytest.approx(20.0)),
        "cost": (pytest.approx(15.0), pytest.approx(-10.0)),
    }


def test_the_parameter_that_moves_most_comes_first() -> None:
    assert [swing.name for swing in spread().swings] == ["users", "cost", "uplift"]


def test_an_end_without_a_number_is_told_as_such() -> None:
    found = spread("users * sqrt(uplift)", uplift=ranged(-0.01, 0.02, 0.03))
    (uplift,) = (swing for swing in found.swings if swing.name == "uplift")
    assert (uplift.at_low, uplift.width) == (None, 0.0)
    assert found.failures > 0
    assert found.draws == 400 - found.failures
    assert (
        'give no number: formula_text of the model Uplift, line 1, near "users * sqrt(uplift)": sqrt('
        in spread_text(found)
    )


def test_each_kpi_has_a_spread_of_its_own() -> None:
    found = {one.kpi: one for one in spreads("value = users * 2\nretention_30d = uplift")}
    assert set(found) == {"gmv", "retention_30d"}
    assert found["gmv"].swings[0].name == "users"
    assert found["retention_30d"].swings[0].name == "uplift"
    assert found["retention_30d"].swings[1].width == 0.0


@pytest.mark.parametrize(
    "changes",
    [
        {name: dataclasses.replace(param, approved=False) for name, param in PARAMS.items()},
        {name: dataclasses.replace(param, low=param.value, high=param.value) for name, param in PARAMS.items()},
        {name: dataclasses.replace(param, high=None) for name, param in PARAMS.items()},
    ],
    ids=["not approved", "no width", "half a range"],
)
def test_without_a_range_that_counts_there_is_no_spread(changes: dict[str, ParamInput]) -> None:
    assert spreads(**changes) == ()


def test_when_every_draw_fails_there_is_no_spread() -> None:
    assert spreads("users / (1 if uplift == 0.02 else 0)") == ()


def test_a_histogram_holds_every_number_once() -> None:
    bars = histogram(np.array([0.0, 1.0, 1.5, 4.0]), bins=4)
    assert [(bar.low, bar.high, bar.share) for bar in bars] == [
        (0.0, 1.0, 0.25),
        (1.0, 2.0, 0.5),
        (2.0, 3.0, 0.0),
        (3.0, 4.0, 0.25),
    ]


def test_a_text_says_it_in_three_digits() -> None:
    found = dataclasses.replace(spread(), p10=1_234.56, p50=2_345.67, p90=34_567.8, negative=0.034)
    assert spread_text(found) == (
        "gmv: P10 1,230, P50 2,350, P90 34,600; negative in 3 % of the draws. It moves most with users from 0 to 30; "
        "cost from 15 to -10; uplift from 0 to 20."
    )
    assert "negative" not in spread_text(dataclasses.replace(found, negative=0.0))
    assert "negative in less than 1 % of the draws" in spread_text(dataclasses.replace(found, negative=0.001))


def test_a_histogram_marks_percentiles_and_the_computed_number_where_it_stands_apart() -> None:
    found = spread()
    bars = histogram_plot(found, now=found.p50, unit="GBP")
    assert (bars.kind, bars.x_label, len(bars.series[0].points)) == (PlotKind.HISTOGRAM, "gmv (GBP)", 24)
    assert sum(point.y or 0.0 for point in bars.series[0].points) == pytest.approx(100.0)
    assert [marker.label for marker in bars.markers] == ["P10", "P50", "P90"]
    assert [marker.label for marker in histogram_plot(found, now=60.0).markers][-1] == "at the values"


def test_a_tornado_shows_the_parameters_that_move_it_the_widest_first() -> None:
    tornado = tornado_plot(spread(), now=10.0)
    assert [point.x for point in tornado.series[0].points] == ["users", "cost", "uplift"]
    cost = tornado.series[0].points[1]
    assert (cost.low, cost.high, cost.label) == (-10.0, 15.0, "from 5 to 30")
    assert tornado.summary.endswith("users moves it most.")


def test_a_tornado_leaves_out_what_moves_nothing() -> None:
    found = {one.kpi: one for one in spreads("value = users * 2\nretention_30d = uplift")}
    assert [point.x for point in tornado_plot(found["gmv"], now=2000.0).series[0].points] == ["users"]
