"""Pictures of a run: for its page in the admin and for its workbook. Pure."""

from __future__ import annotations

from collections.abc import Callable

from optimization.runs.report import CUT_BY, RunReport, number
from sheetsync.plots import Marker, Plot, PlotKind, Point, Series

MOST_BARS = 20


def by_dimension(report: RunReport, dimension: str) -> Plot | None:
    """Tokens chosen and left out by department, country, ..."""
    found = list(report.tokens_by(dimension).items())[:MOST_BARS]
    if not found or not report.has_portfolio:
        return None
    (first, (most, _)) = found[0]
    return Plot(
        kind=PlotKind.STACKED_BAR,
        title=f"Tokens by {dimension}",
        summary=f"{first} gets most, {number(most)} of {number(report.capacity_used)} tokens chosen.",
        x_label=dimension.capitalize(),
        y_label="Tokens",
        series=(
            Series(name="Chosen", points=tuple(Point(x=value, y=chosen) for value, (chosen, _) in found)),
            Series(name="Left out", points=tuple(Point(x=value, y=missed) for value, (_, missed) in found)),
        ),
    )


def by_department(report: RunReport) -> Plot | None:
    """Tokens by department."""
    return by_dimension(report, CUT_BY[0])


def by_country(report: RunReport) -> Plot | None:
    """Tokens by country."""
    return by_dimension(report, CUT_BY[1])


def capacity(report: RunReport) -> Plot | None:
    """Tokens used against floors and caps."""
    if not report.slices:
        return None
    full = [use.label for use in report.slices if use.cap is not None and use.used >= use.cap - 1e-6]
    points = tuple(
        Point(x=use.label, y=use.used, low=use.floor if use.floor is not None else 0.0, high=use.cap)
        for use in report.slices
    )
    return Plot(
        kind=PlotKind.RANGE,
        title="Tokens against floors and caps",
        summary=f"Used up to the cap: {', '.join(full)}." if full else "No cap is used up.",
        x_label="Tokens",
        y_label="Slice",
        series=(Series(name="Used, between floor and cap", points=points),),
    )


def targets(report: RunReport) -> Plot | None:
    """How much of each target is reached."""
    shown = [gap for gap in report.targets if gap["target"] > 0]
    if not shown:
        return None
    missed = [_target(gap) for gap in shown if gap["gap"] > 0]
    return Plot(
        kind=PlotKind.BAR,
        title="How much of each target is reached",
        summary=f"Missed: {', '.join(missed)}." if missed else "Every target is met.",
        x_label="Target",
        y_label="Reached (% of target)",
        series=(
            Series(
                name="Reached",
                points=tuple(
                    Point(
                        x=_target(gap),
                        y=round(100 * gap["achieved"] / gap["target"], 1),
                        label=f"{number(gap['achieved'])} of {number(gap['target'])}, {gap['floor_or_goal']}",
                    )
                    for gap in shown
                ),
            ),
        ),
        markers=(Marker(value=100, label="Target"),),
    )


def _target(gap: dict[str, str] | object) -> str:
    assert isinstance(gap, dict)
    where = "" if gap["dimension"] == "all" else f" in {gap['dimension_key']}"
    return f"{gap['kpi_key']}{where}"


def frontier(report: RunReport) -> Plot | None:
    """What more or less capacity would bring."""
    reached = [step for step in report.frontier if step["objective"] is not None]
    if len(reached) < 2:
        return None
    knee = report.result["frontier"]["knee"]
    markers = [Marker(value=report.capacity, label="Capacity")]
    if knee is not None and knee != report.capacity:
        markers.append(Marker(value=knee, label="Knee"))
    said = (
        f"The knee is at {number(knee)} tokens." if knee is not None else "No knee: each token brings about the same."
    )
    points = tuple(Point(x=step["capacity"], y=step["objective"], label=_moves(step)) for step in reached)
    return Plot(
        kind=PlotKind.LINE,
        title="What more or less capacity would bring",
        summary=f"From {number(reached[0]['objective'])} to {number(reached[-1]['objective'])}. {said}",
        x_label="Capacity (tokens)",
        y_label=f"Objective ({report.unit})",
        series=(Series(name="Best objective", points=points),),
        markers=tuple(markers),
    )


def _moves(step: object) -> str:
    assert isinstance(step, dict)
    moves = [f"{sign}{key}" for sign, name in (("+", "enters"), ("-", "leaves")) for key in step[name][:6]]
    more = len(step["enters"]) + len(step["leaves"]) - len(moves)
    return ", ".join([*moves, *([f"and {more} more"] if more > 0 else [])])


def frequency(report: RunReport) -> Plot | None:
    """How often each candidate is chosen, against what it brings."""
    drawn = [line for line in report.lines if line.frequency is not None and line.contribution is not None]
    if not drawn:
        return None
    sure = sum((line.frequency or 0.0) >= 0.9 for line in drawn)
    between = sum(0.1 < (line.frequency or 0.0) < 0.9 for line in drawn)
    return Plot(
        kind=PlotKind.SCATTER,
        title="How sure each choice is",
        summary=f"{sure} are core (chosen in 90 % of the draws or more), {between} are borderline.",
        x_label=f"Contribution to the objective ({report.unit})",
        y_label="Chosen in (% of draws)",
        series=tuple(
            Series(name=name, points=points)
            for name, wanted in (("In the portfolio", True), ("Left out", False))
            if (
                points := tuple(
                    Point(x=line.contribution or 0.0, y=round(100 * (line.frequency or 0.0), 1), label=line.key)
                    for line in drawn
                    if line.selected is wanted
                )
            )
        ),
    )


def outcomes(report: RunReport) -> Plot | None:
    """What the portfolio brings over the draws, beside choosing anew in each and the robust choice."""
    told = report.result.get("uncertainty")
    if not told or not told["chosen"]["quantiles"]:
        return None
    robust = report.result.get("robust", {})
    rows = [("This portfolio", told["chosen"])]
    rows += [("Robust choice", robust["spread"])] if robust.get("spread") else []
    rows += [("Choosing anew in each draw", told["best"])]
    return Plot(
        kind=PlotKind.RANGE,
        title="What it brings over the draws",
        summary=(
            f"On average {number(told['chosen']['mean'])}, in eight draws of ten between {number(told['chosen']['p10'])} "
            f"and {number(told['chosen']['p90'])}."
        ),
        x_label=f"Objective ({told['measured_in'] or report.unit}): 10 % to 90 % of the draws, mean marked",
        y_label="Choice",
        series=(
            Series(
                name="10 % to 90 %",
                points=tuple(Point(x=name, y=one["mean"], low=one["p10"], high=one["p90"]) for name, one in rows),
            ),
        ),
    )


def measure_next(report: RunReport) -> Plot | None:
    """Which parameters it pays to know better."""
    worth = [param for param in report.params if param["expected_regret"]][:MOST_BARS]
    if not worth:
        return None
    first = worth[0]
    return Plot(
        kind=PlotKind.RANGE,
        title="Params by what it costs not to know them",
        summary=f"Not knowing {first['param_name']} of {first['initiative_key']} costs most.",
        x_label=f"Expected regret ({report.result['uncertainty']['measured_in'] or report.unit})",
        y_label="Param",
        series=(
            Series(
                name="Expected regret",
                points=tuple(
                    Point(
                        x=f"{param['param_name']} {param['initiative_key']}",
                        low=0.0,
                        high=param["expected_regret"],
                        label=f"between {number(param['low'])} and {number(param['high'])}",
                    )
                    for param in worth
                ),
            ),
        ),
    )


def prices(report: RunReport) -> Plot | None:
    """What each rule costs the objective."""
    dear = [price for price in report.prices if price["cost"] and not price["step"]][:MOST_BARS]
    if not dear:
        return None
    return Plot(
        kind=PlotKind.RANGE,
        title="Rules by what they cost",
        summary=f"Without the rule the objective would be higher by so much; dearest: {dear[0]['rule']}.",
        x_label=f"Cost ({report.unit})",
        y_label="Rule",
        series=(
            Series(
                name="Cost",
                points=tuple(
                    Point(x=price["rule"], low=0.0, high=price["cost"], label=price["text"]) for price in dear
                ),
            ),
        ),
    )


# What is shown of a run, in order: (name, heading, pictures).
Picture = Callable[[RunReport], Plot | None]
SECTIONS: tuple[tuple[str, str, tuple[Picture, ...]], ...] = (
    ("teams", "Teams and countries", (by_department, by_country)),
    ("capacity", "Capacity", (capacity,)),
    ("targets", "Targets", (targets,)),
    ("frontier", "More or less capacity", (frontier,)),
    ("certainty", "How sure it is", (frequency, outcomes)),
    ("measure-next", "What to measure next", (measure_next,)),
    ("prices", "What rules cost", (prices,)),
)
