"""Columns of the tabs that runs fill: a new run appends its rows, earlier rows stay."""

from __future__ import annotations

from sheetsync.tabs import Column, Kind, Owner


def _text(name: str, help: str, kind: Kind = Kind.TEXT, *, width: int = 0, required: bool = False) -> Column:
    return Column(name=name, owner=Owner.COMPUTED, kind=kind, help=help, width=width, required=required)


def _number(name: str, help: str) -> Column:
    return Column(name=name, owner=Owner.COMPUTED, kind=Kind.NUMBER, help=help)


def _run_id() -> Column:
    return _text("run_id", "The run that the row belongs to.", width=26, required=True)


def _key() -> Column:
    return _text("initiative_key", "The initiative.", Kind.KEY, width=15, required=True)


RUNS_COLUMNS = (
    _run_id(),
    _text("scenario_name", "The scenario that was run.", width=22),
    _text("constraint_set_name", "The rules that it obeyed; empty for a run without rules.", width=20),
    _text("period_key", "The period that was planned.", Kind.PERIOD),
    _text("objective_mode", "What was maximised."),
    _text("status", "optimal, feasible (a better portfolio may exist), infeasible or failed."),
    _text("created_at", "When the run began, in UTC.", Kind.DATETIME),
    _text("finished_at", "When it ended, in UTC.", Kind.DATETIME),
    _number("candidate_count", "How many initiatives could be chosen."),
    _number("selected_count", "How many were chosen."),
    _number("capacity_total", "The scenario's capacity in tokens."),
    _number("capacity_used", "Tokens that the chosen ones take."),
    _number("total_objective", "What the portfolio reaches: the north star's unit, or the sum of weighted fractions."),
    _number("greedy_objective", "What sorting by the active score and filling the capacity would reach."),
    _number("optimality_gap", "How far a better portfolio could be at most, as a share; 0 is proved."),
    _text("gap_summary", "Targets met and missed, or why there is no portfolio.", Kind.LONG_TEXT, width=60),
)

RESULTS_COLUMNS = (
    _run_id(),
    _key(),
    _text("title", "The initiative in a few words.", width=38),
    _text("selected", "Whether the run chose it.", Kind.BOOLEAN),
    _number("rank", "1 is the chosen one that contributes most to the objective."),
    _number("allocated_tokens", "Tokens that it takes in its scope_mode."),
    _text("country", "Its country at the time of the run."),
    _text("market", "Its market at the time of the run."),
    _text("department", "Its department at the time of the run."),
    _text("category", "Its category at the time of the run."),
    _number("north_star_gain", "Its own contribution to the north star, also when it is left out."),
    _number("objective_contribution", "Its own part of the objective, without bonuses, also when it is left out."),
    _text("strategic_kpi_contributions", "Its contributions to the other active KPIs.", Kind.LONG_TEXT),
    _text("dependency_status", "How the initiatives stand that it says it depends on; these bind nothing."),
    _text("reason", "Why it is in or out.", Kind.LONG_TEXT, width=50),
    _text("why_not", "What forcing it in would cost, and what would get it chosen.", Kind.LONG_TEXT, width=50),
    _text(
        "selection_frequency",
        "How often it is chosen over the ranges of the params: core, borderline or out.",
        Kind.LONG_TEXT,
        width=36,
    ),
)

GAPS_COLUMNS = (
    _run_id(),
    _text("dimension", "What the target's slice is cut by.", required=True),
    _text("dimension_key", "The slice.", width=20, required=True),
    _text("kpi_key", "The KPI.", Kind.NAME, required=True),
    _number("baseline", "Where the KPI stands without the portfolio."),
    _number("target", "Where it shall stand."),
    _text("floor_or_goal", "A floor binds, a goal is reported."),
    _number("achieved", "Where the portfolio brings it."),
    _number("gap", "What is missing to the target; 0 when it is met."),
    _text("severity", "ok, warning (a goal missed) or critical (a floor missed)."),
    _text("recommendation", "What would help.", Kind.LONG_TEXT, width=60),
)

FRONTIER_COLUMNS = (
    _run_id(),
    Column(
        name="capacity",
        owner=Owner.COMPUTED,
        kind=Kind.NUMBER,
        help="A capacity in tokens, from 0 to twice the scenario's.",
        required=True,
    ),
    _number("capacity_used", "Tokens that the best portfolio takes at that capacity."),
    _number("objective", "What it reaches; empty where no portfolio obeys the rules."),
    _number("marginal_per_token", "What a token more brought since the step before."),
    _text("enters", "Initiatives that come in at this step.", Kind.KEY_LIST, width=40),
    _text("leaves", "Initiatives that go out at this step.", Kind.KEY_LIST, width=40),
)

MEASURE_NEXT_COLUMNS = (
    _run_id(),
    _number("rank", "1 is the param whose uncertainty costs the portfolio most."),
    _key(),
    _text("param_name", "The param.", Kind.NAME, required=True),
    _number("low", "Its lowest value."),
    _number("high", "Its highest value."),
    _number("expected_regret", "What not knowing it costs on average, in units of the objective."),
    _number("share_of_regret", "Its share of what all uncertainty costs."),
)
