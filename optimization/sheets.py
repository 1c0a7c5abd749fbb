"""The tabs of optimization workbooks, and the policies of what stands behind them.

They are registered in the order in which they are saved: constraints and targets name scenarios.
"""

from __future__ import annotations

from optimization.columns import CANDIDATES_COLUMNS, CONSTRAINTS_COLUMNS, SCENARIO_CONFIG_COLUMNS, TARGETS_COLUMNS
from optimization.constraints.compiling import ConstraintCompiler
from optimization.output_columns import (
    FRONTIER_COLUMNS,
    GAPS_COLUMNS,
    MEASURE_NEXT_COLUMNS,
    RESULTS_COLUMNS,
    RUNS_COLUMNS,
)
from optimization.records import CandidateRecords, ScenarioRecords
from sheetsync.registry import backend, registry
from sheetsync.tabs import Column, Role, Tab

SAVE = "pm.save_selected"
SAVE_ALL = "pm.optimize_save_constraints"
RUNS = ("pm.optimize_run_selected_candidates", "pm.optimize_run_all_candidates")
FRONTIER, MEASURE, COMPARE = "pm.optimize_frontier", "pm.measure_next", "pm.compare_runs"

CANDIDATES = Tab(
    name="Candidates",
    role=Role.OPTIMIZATION,
    model="backlog.Initiative",
    help="What the optimizer may choose from: every initiative that Backlog marks as a candidate. Tick rows to run on them alone.",
    identity=("initiative_key",),
    people_add_rows=False,
    engine_adds_rows=True,
    columns=CANDIDATES_COLUMNS,
)

SCENARIO_CONFIG = Tab(
    name="Scenario_Config",
    role=Role.OPTIMIZATION,
    model="optimization.OptimizationScenario",
    help="What is planned: a period, a capacity, an objective; one scenario a row.",
    identity=("scenario_name",),
    saved_by=(SAVE, SAVE_ALL),
    columns=SCENARIO_CONFIG_COLUMNS,
)

CONSTRAINTS = Tab(
    name="Constraints",
    role=Role.OPTIMIZATION,
    help="Rules that bind a run, one a row. Saving compiles exactly the rows that stand here and in Targets.",
    identity=(),
    saved_by=(SAVE, SAVE_ALL),
    saved_with=("Targets",),
    columns=CONSTRAINTS_COLUMNS,
)

TARGETS = Tab(
    name="Targets",
    role=Role.OPTIMIZATION,
    help="Where KPIs shall stand, one target a row: floors bind, goals are reported. Saved together with Constraints.",
    identity=(),
    saved_by=(SAVE, SAVE_ALL),
    saved_with=("Constraints",),
    columns=TARGETS_COLUMNS,
)


def _filled_by_runs(name: str, help: str, identity: tuple[str, ...], columns: tuple[Column, ...]) -> Tab:
    return Tab(
        name=name,
        role=Role.OPTIMIZATION,
        help=help,
        identity=identity,
        people_add_rows=False,
        engine_adds_rows=True,
        has_feedback=False,
        columns=columns,
    )


registry.register(CANDIDATES, lambda: CandidateRecords(CANDIDATES))
registry.register(SCENARIO_CONFIG, lambda: ScenarioRecords(SCENARIO_CONFIG))
registry.register(CONSTRAINTS, compiler=ConstraintCompiler)
registry.register(TARGETS, compiler=ConstraintCompiler)
registry.register(_filled_by_runs("Runs", "Every run, one a row; new ones come below.", ("run_id",), RUNS_COLUMNS))
registry.register(
    _filled_by_runs(
        "Results",
        "What each run decided about each initiative, and why.",
        ("run_id", "initiative_key"),
        RESULTS_COLUMNS,
    )
)
registry.register(
    _filled_by_runs(
        "Gaps_And_Alerts",
        "Every target of each run, met or not.",
        ("run_id", "dimension", "dimension_key", "kpi_key"),
        GAPS_COLUMNS,
    )
)
registry.register(
    _filled_by_runs("Frontier", "What more or less capacity would bring.", ("run_id", "capacity"), FRONTIER_COLUMNS)
)
registry.register(
    _filled_by_runs(
        "Measure_Next",
        "Which assumptions to measure next: those whose uncertainty costs most.",
        ("run_id", "initiative_key", "param_name"),
        MEASURE_NEXT_COLUMNS,
    )
)

registry.policies(
    "optimization.OptimizationScenario",
    **backend("id", why="set once, when the scenario is made"),
    **backend(
        "robust_weight", why="a person says in the admin how much a spread of outcomes counts against a portfolio"
    ),
)
registry.policies(
    "optimization.OptimizationConstraintSet",
    **backend("id", why="set once, when the set is made"),
    **backend(
        *("scenario", "constraint_set_name", "floors_json", "caps_json", "targets_json", "mandatory_initiatives_json"),
        *("bundles_json", "exclusions_initiatives_json", "exclusions_pairs_json", "prerequisites_json"),
        *("synergy_bonuses_json", "rules_json", "refused_rows_json", "workbook", "saved_at"),
        by=(SAVE, SAVE_ALL),
        why="compiled from the rows of Constraints and Targets",
    ),
    **backend("is_active", why="a person puts a set out of use, in the admin"),
)
registry.policies(
    "optimization.OptimizationRun",
    **backend(
        *("id", "run_id", "scenario", "constraint_set", "scenario_name", "constraint_set_name", "period_key"),
        *("objective_mode", "status", "inputs_snapshot_json", "message", "requested_by"),
        *("action_run_id", "workbook", "created_at", "finished_at", "written_at"),
        by=RUNS,
        why="what went into the run, and what came out",
    ),
    **backend(
        *("result_json", "owed_tabs_json"),
        by=(*RUNS, FRONTIER, MEASURE, COMPARE),
        why="what came out of the run, and what later actions found out about it",
    ),
)
registry.policies(
    "optimization.Portfolio",
    **backend(
        *("id", "run", "candidate_count", "selected_count", "capacity_total", "capacity_used", "total_objective"),
        *("greedy_objective", "optimality_gap"),
        by=RUNS,
        why="the outcome of a run in figures",
    ),
)
registry.policies(
    "optimization.PortfolioItem",
    **backend(
        *("id", "portfolio", "initiative", "initiative_key", "is_eligible", "selected", "rank", "allocated_tokens"),
        *("north_star_gain", "objective_contribution", "dependency_status", "reason"),
        by=RUNS,
        why="what a run decided about an initiative",
    ),
    **backend("selection_frequency", by=(MEASURE,), why="how often draws over the ranges of params choose it"),
)
registry.policies(
    "optimization.Publication",
    **backend(
        *("id", "run", "scenario_name", "comment", "published_by", "published_at"),
        why="a person publishes a run in the admin",
    ),
)
