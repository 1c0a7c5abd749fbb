"""The tabs of intake and Backlog workbooks, and the policies of initiatives."""

from __future__ import annotations

from backlog.columns import intake_columns, key_column
from backlog.models import LifecycleStatus, ScopeMode, ScoringFramework
from backlog.records import BacklogRecords, IntakeRecords
from sheetsync.registry import backend, registry
from sheetsync.tabs import Column, Kind, Owner, Role, Tab, feedback_columns

SYNC = "pm.backlog_sync"
SAVE = "pm.save_selected"

INTAKE = Tab(
    name="Intake",
    role=Role.INTAKE,
    model="backlog.IntakeSubmission",
    help="One initiative a row: give it a title and whatever you know. The key is filled in for you; never type one.",
    identity=("initiative_key",),
    any_name=True,
    key_prefix="INIT-",
    saved_by=(SYNC,),
    columns=(
        key_column(
            Owner.MIRROR,
            "The initiative's key. Filled in by the backend once the row is taken.",
            field="initiative__initiative_key",
        ),
        *intake_columns(Owner.ENTRY),
        *feedback_columns(),
    ),
)


def _number(name: str, help: str, *aliases: str, example: str = "", minimum: float | None = 0.0) -> Column:
    return Column(
        name=name, owner=Owner.ENTRY, kind=Kind.NUMBER, help=help, aliases=aliases, example=example, minimum=minimum
    )


def _text(
    name: str, help: str, *aliases: str, example: str = "", width: int = 0, suggestions: tuple[str, ...] = ()
) -> Column:
    return Column(
        name=name, owner=Owner.ENTRY, help=help, aliases=aliases, example=example, width=width, suggestions=suggestions
    )


def _date(name: str, help: str, *aliases: str) -> Column:
    return Column(name=name, owner=Owner.ENTRY, kind=Kind.DATE, help=help, aliases=aliases, example="2026-03-31")


def _mirror(name: str, help: str, kind: Kind = Kind.TEXT, *aliases: str, width: int = 0) -> Column:
    return Column(name=name, owner=Owner.MIRROR, kind=kind, help=help, aliases=aliases, width=width)


BACKLOG = Tab(
    name="Backlog",
    role=Role.BACKLOG,
    model="backlog.Initiative",
    help="Every initiative of the company. White columns are yours; what departments handed in you may overwrite, "
    "and empty to get theirs back.",
    identity=("initiative_key",),
    people_add_rows=False,
    engine_adds_rows=True,
    saved_by=(SYNC, SAVE),
    columns=(
        key_column(Owner.MIRROR, "The initiative's key, given by the backend."),
        *intake_columns(Owner.OVERRIDE),
        Column(
            name="lifecycle_status",
            owner=Owner.ENTRY,
            kind=Kind.CHOICE,
            choices=tuple(LifecycleStatus.values),
            blank=LifecycleStatus.NEW.value,
            help="Where the initiative stands.",
            aliases=("status", "lifecycle", "stage", "state"),
            example="ready",
        ),
        _text("market", "The market it is planned in.", "region", "markets", example="EMEA"),
        _text("category", "The category it is planned under.", "theme category", "bucket", example="Growth"),
        _text(
            "program_key",
            "The program it is part of.",
            "program",
            "programme",
            "programme key",
            example="checkout-2026",
        ),
        _number(
            "strategic_priority_coefficient",
            "How much it matters strategically; 1 is as usual.",
            "strategic priority",
            "priority coefficient",
            example="1.2",
        ),
        _text(
            "effort_tshirt_size",
            "A first size.",
            "t-shirt size",
            "tshirt",
            "size",
            example="M",
            suggestions=("XS", "S", "M", "L", "XL", "XXL"),
        ),
        _number("effort_engineering_days", "Engineering effort in days.", "engineering days", "eng days", example="30"),
        _number(
            "effort_other_teams_days", "Effort of other teams in days.", "other teams days", "other days", example="5"
        ),
        _number(
            "infra_cost_estimate",
            "What it costs to run, in money.",
            "infra cost",
            "infrastructure cost",
            example="12000",
        ),
        _number(
            "engineering_tokens", "What it takes of the capacity, in tokens.", "tokens", "eng tokens", example="40"
        ),
        _number(
            "engineering_tokens_mvp",
            "Tokens for the smallest useful version.",
            "tokens mvp",
            "mvp tokens",
            example="20",
        ),
        _number("engineering_tokens_full", "Tokens for the whole of it.", "tokens full", "full tokens", example="60"),
        Column(
            name="scope_mode",
            owner=Owner.ENTRY,
            kind=Kind.CHOICE,
            choices=tuple(ScopeMode.values),
            help="Which token estimate counts: mvp, full, or custom (engineering_tokens). Empty counts engineering_tokens.",
            aliases=("scope",),
            example="mvp",
        ),
        Column(
            name="dependencies_initiatives",
            owner=Owner.ENTRY,
            kind=Kind.KEY_LIST,
            help="Keys of initiatives that it builds on. Informs; only Constraints bind.",
            aliases=("depends on", "dependencies", "depends on initiatives"),
            example="INIT-000001 | INIT-000002",
            width=24,
        ),
        _text(
            "dependencies_others", "What else it depends on.", "other dependencies", "external dependencies", width=24
        ),
        _text("risk_level", "How risky it is.", "risk", example="medium", suggestions=("low", "medium", "high")),
        Column(
            name="risk_description",
            owner=Owner.ENTRY,
            kind=Kind.LONG_TEXT,
            help="What could go wrong.",
            aliases=("risks", "risk details"),
        ),
        _number(
            "time_sensitivity_score",
            "How much waiting costs; the scale is yours.",
            "time sensitivity score",
            "urgency score",
            example="3",
            minimum=None,
        ),
        _date(
            "earliest_start_date",
            "Can't begin before this day.",
            "earliest start",
            "start no earlier than",
            "not before",
        ),
        _date("latest_finish_date", "Must be done by this day at the latest.", "latest finish", "finish no later than"),
        _date("deadline_date", "A deadline from outside.", "deadline", "due date", "due"),
        Column(
            name="is_optimization_candidate",
            owner=Owner.ENTRY,
            kind=Kind.BOOLEAN,
            help="Tick it to let the optimizer consider the initiative.",
            aliases=("optimization candidate", "candidate", "optimise", "is candidate"),
            example="TRUE",
        ),
        Column(
            name="candidate_period_key",
            owner=Owner.ENTRY,
            kind=Kind.PERIOD,
            help="The period it is a candidate for.",
            aliases=("candidate period", "period", "period key", "planning period"),
            example="2026-Q3",
        ),
        _mirror("intake_source", "The intake workbook and tab it came from.", Kind.TEXT, "source of intake", width=24),
        _mirror("llm_summary", "A summary written by the language model.", Kind.LONG_TEXT, "ai summary"),
        Column(
            name="use_math_model",
            owner=Owner.MIRROR,
            kind=Kind.BOOLEAN,
            help="Whether it is scored by a math model. Entered in Scoring_Inputs.",
            aliases=("math model", "uses math model"),
        ),
        Column(
            name="active_scoring_framework",
            owner=Owner.MIRROR,
            kind=Kind.CHOICE,
            choices=tuple(ScoringFramework.values),
            help="The framework whose scores are the active ones. Entered in Scoring_Inputs.",
            aliases=("scoring framework", "framework", "active framework"),
        ),
        _mirror("value_score", "Value by the active framework.", Kind.NUMBER, "value"),
        _mirror("effort_score", "Effort by the active framework.", Kind.NUMBER, "effort"),
        _mirror("overall_score", "Value divided by effort, by the active framework.", Kind.NUMBER, "score", "overall"),
        _mirror(
            "immediate_kpi_key", "The metric it moves first. Entered in Scoring_Inputs.", Kind.NAME, "immediate kpi"
        ),
        _mirror(
            "metric_chain_json", "The metric chain of its models. Entered in MathModels.", Kind.JSON, "metric chain"
        ),
        _mirror(
            "kpi_contribution_json",
            "What it contributes to KPIs. Entered in KPI_Contributions.",
            Kind.NUMBERS,
            "kpi contributions",
            "kpi contribution",
        ),
        *feedback_columns(),
    ),
)

registry.register(INTAKE, lambda: IntakeRecords(INTAKE))
registry.register(BACKLOG, lambda: BacklogRecords(BACKLOG))
registry.policies(
    "backlog.Initiative",
    **backend("id", "created_at", why="set once, when the initiative is made"),
    **backend("updated_at", by=(SYNC, SAVE), why="set with every change"),
    **backend("initiative_key", by=(SYNC,), why="given by the backend when an intake row is first taken"),
    **backend("intake_source", by=(SYNC,), why="where the intake row stands"),
    **backend(
        "llm_summary", by=("pm.generate_llm_summary",), why="written by the language model when somebody asks for it"
    ),
    **backend(
        "value_score",
        "effort_score",
        "overall_score",
        by=(SAVE, "pm.score_selected", "pm.switch_framework"),
        why="the active framework's scores",
    ),
    **backend("metric_chain_json", by=(SAVE, "pm.score_selected"), why="parsed from metric_chain_text of its models"),
)
registry.policies(
    "backlog.IntakeSubmission",
    **backend("id", "initiative", by=(SYNC,), why="set when the intake row is first taken"),
    **backend("workbook", "tab", by=(SYNC,), why="where the intake row stands"),
)
