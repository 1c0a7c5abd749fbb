"""Columns of the tabs that people work in: Candidates, Scenario_Config, Constraints and Targets."""

from __future__ import annotations

from backlog.columns import key_column
from backlog.models import LifecycleStatus, ScoringFramework
from optimization.constraints.rules import DIMENSIONS, RuleType
from optimization.models import ObjectiveMode
from sheetsync.tabs import Column, Kind, Owner, feedback_columns


def _mirror(name: str, help: str, kind: Kind = Kind.TEXT, *aliases: str, width: int = 0) -> Column:
    return Column(name=name, owner=Owner.MIRROR, kind=kind, help=help, aliases=aliases, width=width)


def _computed(name: str, help: str, kind: Kind = Kind.LONG_TEXT, *aliases: str, example: str = "") -> Column:
    return Column(name=name, owner=Owner.COMPUTED, kind=kind, help=help, aliases=aliases, example=example)


CANDIDATES_COLUMNS = (
    key_column(Owner.MIRROR, "The initiative's key. Rows are added by pm.populate_candidates."),
    _mirror(
        "title",
        "The initiative in a few words. Changed in Backlog.",
        Kind.TEXT,
        "initiative title",
        "initiative name",
        "name of initiative",
        "summary",
        "headline",
        width=38,
    ),
    _mirror("country", "The country it is for. Changed in Backlog.", width=14),
    _mirror("market", "The market it is planned in. Changed in Backlog.", Kind.TEXT, "region", width=14),
    _mirror("department", "The department that asks for it. Changed in Backlog.", Kind.TEXT, "dept", width=18),
    _mirror("category", "The category it is planned under. Changed in Backlog.", width=16),
    _mirror(
        "product_area", "The part of the product that it changes. Changed in Backlog.", Kind.TEXT, "area", width=18
    ),
    _mirror("program_key", "The program it is part of. Changed in Backlog.", Kind.TEXT, "program", "programme"),
    _mirror(
        "engineering_tokens",
        "What it takes of the capacity: the number that its scope_mode counts. Changed in Backlog.",
        Kind.NUMBER,
        "tokens",
        "eng tokens",
    ),
    _mirror("deadline_date", "A deadline from outside. Changed in Backlog.", Kind.DATE, "deadline", "due date"),
    Column(
        name="active_scoring_framework",
        owner=Owner.MIRROR,
        kind=Kind.CHOICE,
        choices=tuple(ScoringFramework.values),
        help="The framework whose scores are the active ones. Entered in Scoring_Inputs.",
        aliases=("scoring framework", "framework"),
    ),
    _mirror("overall_score", "Value divided by effort, by the active framework.", Kind.NUMBER, "score", "overall"),
    _mirror("immediate_kpi_key", "The metric it moves first. Entered in Scoring_Inputs.", Kind.NAME, "immediate kpi"),
    Column(
        name="lifecycle_status",
        owner=Owner.MIRROR,
        kind=Kind.CHOICE,
        choices=tuple(LifecycleStatus.values),
        blank=LifecycleStatus.NEW.value,
        help="Where the initiative stands. Changed in Backlog.",
        aliases=("lifecycle", "stage"),
    ),
    _computed(
        "north_star_contribution",
        "What it contributes to the north star, in the KPI's unit. Entered in KPI_Contributions.",
        Kind.NUMBER,
        "north star",
        example="120000",
    ),
    _computed(
        "strategic_kpi_contributions",
        "What it contributes to the other active KPIs.",
        Kind.LONG_TEXT,
        "strategic kpis",
        example="retention_30d: 0.01",
    ),
    _computed(
        "constraint_summary",
        "The rules that touch it: mandatory, bundles, prerequisites, exclusions, by scenario and constraint set.",
        Kind.LONG_TEXT,
        "constraints",
        "rules",
        example="Q2 base / Base: mandatory",
    ),
    _computed(
        "data_gaps",
        "What keeps it from being chosen well: unknown tokens, no period, no score, no contribution (it counts 0).",
        Kind.LONG_TEXT,
        "gaps",
        "missing data",
        example="no overall_score",
    ),
    Column(
        name="is_selected_for_run",
        owner=Owner.SHEET_ONLY,
        kind=Kind.BOOLEAN,
        help="Tick the rows that pm.optimize_run_selected_candidates shall choose from.",
        aliases=("selected for run", "select for run", "run it", "selected", "select", "pick", "tick"),
        example="TRUE",
        width=12,
    ),
    Column(
        name="force",
        owner=Owner.SHEET_ONLY,
        kind=Kind.CHOICE,
        choices=("in", "out"),
        help="A what-if for the next runs: in or out whatever the optimizer thinks. It overrides no rule. Empty: no what-if.",
        aliases=("what if", "force in or out", "forced", "in or out"),
        example="in",
        width=10,
    ),
    Column(
        name="notes",
        owner=Owner.SHEET_ONLY,
        kind=Kind.LONG_TEXT,
        help="Yours; nothing reads or stores it.",
        aliases=("note", "remarks", "comment", "comments"),
    ),
    *feedback_columns(),
)


def _scenario_name(help: str) -> Column:
    return Column(
        name="scenario_name",
        owner=Owner.ENTRY,
        help=help,
        aliases=("scenario", "name of scenario"),
        example="Q3 base",
        required=True,
        width=22,
        stored=False,
    )


def _set_name() -> Column:
    return Column(
        name="constraint_set_name",
        owner=Owner.ENTRY,
        help="The rows of one scenario with the same name here make one constraint set, together with the other tab's.",
        aliases=("constraint set", "set", "set name"),
        example="Base",
        required=True,
        width=20,
        stored=False,
    )


def _notes(*, stored: bool) -> Column:
    return Column(
        name="notes",
        owner=Owner.ENTRY,
        kind=Kind.LONG_TEXT,
        help="Why it is so; for people.",
        aliases=("note", "remarks", "comment", "comments"),
        stored=stored,
    )


SCENARIO_CONFIG_COLUMNS = (
    Column(
        name="scenario_name",
        owner=Owner.ENTRY,
        help="What the scenario is called; constraints, targets and runs name it.",
        aliases=("scenario", "name of scenario", "name"),
        example="Q3 base",
        required=True,
        width=22,
    ),
    Column(
        name="period_key",
        owner=Owner.ENTRY,
        kind=Kind.PERIOD,
        help="The period that is planned; candidates of exactly this period take part.",
        aliases=("period", "planning period", "planned period"),
        example="2026-Q3",
        required=True,
    ),
    Column(
        name="capacity_total_tokens",
        owner=Owner.ENTRY,
        kind=Kind.NUMBER,
        minimum=0.0,
        help="How many tokens there are in all.",
        aliases=("capacity", "capacity total", "total tokens", "capacity tokens", "total capacity", "tokens"),
        example="1200",
        required=True,
    ),
    Column(
        name="objective_mode",
        owner=Owner.ENTRY,
        kind=Kind.CHOICE,
        choices=tuple(ObjectiveMode.values),
        help="What is maximised: the north star, weighted KPIs as fractions of their targets, or one KPI's target after another.",
        aliases=("objective", "mode"),
        example="north_star",
        required=True,
    ),
    Column(
        name="objective_weights_json",
        owner=Owner.ENTRY,
        kind=Kind.WEIGHTS,
        help="weighted_kpis: a weight per KPI. lexicographic: KPIs in order, or descending weights. north_star: empty.",
        aliases=("objective weights", "weights", "kpi weights"),
        example="gmv: 0.7; retention_30d: 0.3",
        width=34,
    ),
    Column(
        name="objective_scope",
        owner=Owner.ENTRY,
        help="Whose contributions count in the objective: all (or empty), or one market. Rules and capacity stay as they are.",
        aliases=("scope", "market scope", "scope of objective"),
        suggestions=("all",),
        example="all",
    ),
    _notes(stored=True),
    *feedback_columns(),
)


def _cell(name: str, kind: Kind, help: str, *aliases: str, example: str, width: int = 0) -> Column:
    return Column(
        name=name, owner=Owner.ENTRY, kind=kind, help=help, aliases=aliases, example=example, width=width, stored=False
    )


_DIMENSION = Column(
    name="dimension",
    owner=Owner.ENTRY,
    help="What the row's slice is cut by: all, one dimension, or several joined with +. Rules about initiatives leave it empty.",
    aliases=("dimensions", "slice by"),
    suggestions=(*DIMENSIONS, "country+product_area"),
    example="country",
    width=20,
    stored=False,
)
_DIMENSION_KEY = _cell(
    "dimension_key",
    Kind.TEXT,
    "The slice's value, as many parts as dimension has; the bundle's name; or the initiative that needs others first.",
    "dimension value",
    "key of dimension",
    "slice key",
    "key",
    "slice",
    example="UK",
    width=20,
)
_TYPES = tuple(kind.value for kind in RuleType if kind is not RuleType.TARGET)

CONSTRAINTS_COLUMNS = (
    _scenario_name("The scenario of Scenario_Config that the rule is for."),
    _set_name(),
    Column(
        name="constraint_type",
        owner=Owner.ENTRY,
        kind=Kind.CHOICE,
        choices=_TYPES,
        help="What the row asks for; it decides which of the other cells count.",
        aliases=("type", "rule type", "constraint"),
        example="capacity_floor",
        required=True,
        width=24,
        stored=False,
    ),
    _DIMENSION,
    _DIMENSION_KEY,
    _cell(
        "min_tokens",
        Kind.NUMBER,
        "capacity_floor: at least so many tokens.",
        "min",
        "floor",
        "minimum",
        "minimum tokens",
        example="100",
    ),
    _cell(
        "max_tokens",
        Kind.NUMBER,
        "capacity_cap: at most so many tokens.",
        "max",
        "cap",
        "maximum",
        "maximum tokens",
        example="400",
    ),
    _cell(
        "member_keys",
        Kind.KEY_LIST,
        "Keys of initiatives: mandatory or excluded ones, a bundle's members, a pair, or what is needed first.",
        "members",
        "member",
        "initiatives",
        "bundle members",
        "bundle_member_keys",
        "prereq_member_keys",
        "initiative keys",
        example="INIT-000001 | INIT-000002",
        width=34,
    ),
    _cell("kpi_key", Kind.NAME, "synergy_bonus: the KPI that gains.", "kpi", example="gmv"),
    _cell(
        "bonus_value",
        Kind.NUMBER,
        "synergy_bonus: what the KPI gains when both are chosen, in its unit.",
        "bonus",
        "synergy bonus",
        example="20000",
    ),
    _notes(stored=False),
    *feedback_columns(),
)

TARGETS_COLUMNS = (
    _scenario_name("The scenario of Scenario_Config that the target is for."),
    _set_name(),
    _DIMENSION,
    _DIMENSION_KEY,
    Column(
        name="kpi_key",
        owner=Owner.ENTRY,
        kind=Kind.NAME,
        help="The KPI of Metrics_Config.",
        aliases=("kpi", "metric"),
        example="gmv",
        required=True,
        stored=False,
    ),
    _cell(
        "baseline_value",
        Kind.NUMBER,
        "Where the KPI stands without the portfolio, in its unit; empty counts what the portfolio adds.",
        "baseline",
        "base value",
        example="1000000",
    ),
    Column(
        name="target_value",
        owner=Owner.ENTRY,
        kind=Kind.NUMBER,
        help="Where the KPI shall stand, in its unit.",
        aliases=("target", "value", "target number"),
        example="1250000",
        required=True,
        stored=False,
    ),
    Column(
        name="floor_or_goal",
        owner=Owner.ENTRY,
        kind=Kind.CHOICE,
        choices=("floor", "goal"),
        help="A floor must be reached; a goal is reported when it is missed.",
        aliases=("goal or floor", "floor goal", "kind of target", "kind", "type"),
        example="goal",
        required=True,
        stored=False,
    ),
    _notes(stored=False),
    *feedback_columns(),
)
