"""The tabs of ProductOps workbooks, and the policies of what stands behind them.

They are registered in the order in which they are saved: what a later tab refers to is there by then.
"""

from __future__ import annotations

from productops.columns.models import MATH_MODELS_COLUMNS, PARAMS_COLUMNS
from productops.columns.scoring import KPI_CONTRIBUTIONS_COLUMNS, METRICS_CONFIG_COLUMNS, SCORING_INPUTS_COLUMNS
from productops.columns.shared import SCORED
from productops.model_templates.stored import TEMPLATE_FIELDS
from productops.records.contributions import ContributionRecords
from productops.records.metrics import MetricRecords
from productops.records.models import MathModelRecords
from productops.records.params import ParamRecords
from productops.records.scoring import ScoringRecords
from sheetsync.registry import backend, registry
from sheetsync.tabs import Role, Tab

SAVE = "pm.save_selected"
SCORE = "pm.score_selected"
SWITCH = "pm.switch_framework"
SEED = "pm.seed_math_params"
POPULATE = "pm.populate_initiatives"
SUGGEST, SUMMARISE = "pm.suggest_math_model_llm", "pm.generate_llm_summary"

METRICS_CONFIG = Tab(
    name="Metrics_Config",
    role=Role.PRODUCTOPS,
    model="productops.MetricConfig",
    help="The company's KPIs, one a row. Exactly one active KPI is the north star; else nothing of this tab is saved.",
    identity=("kpi_key",),
    judged_whole=True,
    saved_by=(SAVE,),
    columns=METRICS_CONFIG_COLUMNS,
)

SCORING_INPUTS = Tab(
    name="Scoring_Inputs",
    role=Role.PRODUCTOPS,
    model="backlog.Initiative",
    help="What RICE and WSJF are computed from, and the scores of every framework side by side.",
    identity=("initiative_key",),
    people_add_rows=False,
    engine_adds_rows=True,
    saved_by=(SAVE, SCORE, SWITCH),
    columns=SCORING_INPUTS_COLUMNS,
)

MATH_MODELS = Tab(
    name="MathModels",
    role=Role.PRODUCTOPS,
    model="productops.InitiativeMathModel",
    help="How each initiative moves a KPI: a model a row, several per initiative, told apart by model_name.",
    identity=("initiative_key", "model_name"),
    engine_adds_rows=True,
    saved_by=(SAVE, SCORE, SUGGEST),
    columns=MATH_MODELS_COLUMNS,
)

PARAMS = Tab(
    name="Params",
    role=Role.PRODUCTOPS,
    model="productops.InitiativeParam",
    help="The assumptions behind the models, one a row. The key SHARED holds those that several initiatives use.",
    identity=("initiative_key", "framework", "param_name"),
    engine_adds_rows=True,
    saved_by=(SAVE, SCORE),
    columns=PARAMS_COLUMNS,
)

KPI_CONTRIBUTIONS = Tab(
    name="KPI_Contributions",
    role=Role.PRODUCTOPS,
    model="backlog.Initiative",
    help="What each initiative contributes to the KPIs. The optimizer reads kpi_contribution_json and nothing else of this.",
    identity=("initiative_key",),
    people_add_rows=False,
    engine_adds_rows=True,
    saved_by=(SAVE,),
    columns=KPI_CONTRIBUTIONS_COLUMNS,
)

registry.register(METRICS_CONFIG, lambda: MetricRecords(METRICS_CONFIG))
registry.register(SCORING_INPUTS, lambda: ScoringRecords(SCORING_INPUTS))
registry.register(MATH_MODELS, lambda: MathModelRecords(MATH_MODELS))
registry.register(PARAMS, lambda: ParamRecords(PARAMS))
registry.register(KPI_CONTRIBUTIONS, lambda: ContributionRecords(KPI_CONTRIBUTIONS))

registry.policies("productops.MetricConfig", **backend("id", why="set once, when the KPI is first saved"))
registry.policies(
    "productops.InitiativeScoring",
    **backend("id", "initiative", by=(SAVE, SCORE), why="set when inputs or scores are first stored"),
    **backend(*SCORED, by=(SCORE,), why="computed from the inputs of every framework"),
)
registry.policies(
    "productops.InitiativeMathModel",
    **backend(
        "id", "initiative", by=(SAVE, SCORE, POPULATE, SUGGEST), why="set when the model is first saved, or started"
    ),
    **backend("suggested_by_llm", by=(SUGGEST,), why="set by the suggestion job at once; saving keeps it"),
    **backend("updated_at", by=(SAVE, SCORE, POPULATE, SUGGEST), why="moves exactly when a field of the model changes"),
)
registry.policies(
    "productops.InitiativeParam",
    **backend(
        "id", "initiative", by=(SAVE, SCORE, SEED, POPULATE), why="set when the parameter is first saved or seeded"
    ),
    **backend("is_auto_seeded", by=(SEED, POPULATE), why="whether the parameter was made from a formula"),
)
registry.policies(
    "productops.InitiativeContribution",
    **backend("id", "initiative", by=(SAVE,), why="set when notes or an adoption are first stored"),
    **backend(
        "adopted_json",
        "adopted_at",
        "adopted_by",
        "adopted_run",
        "adopted_inputs_json",
        by=(SAVE,),
        why="which computed numbers a person adopted",
    ),
    **backend(
        "entered_at",
        "entered_inputs_json",
        by=(SAVE,),
        why="when a person typed the numbers, and what the models rested on then",
    ),
)
registry.policies(
    "productops.Review",
    **backend(
        *(
            "id",
            "subject",
            "object_id",
            "label",
            "decision",
            "comment",
            "content_json",
            "decided_by",
            "decided_at",
            "run_id",
        ),
        why="what an approver decided in the admin; a decision is never changed",
    ),
)
registry.policies(
    "productops.ModelTemplate",
    **backend("id", why="set when the template is made"),
    **backend(*TEMPLATE_FIELDS, why="curated by analysts in the admin"),
)
registry.policies(
    "productops.LanguageModelAnswer",
    **backend(
        *(
            "id",
            "question_hash",
            "task",
            "about",
            "model_name",
            "content_json",
            "problems_json",
            "failure",
            "revisions",
        ),
        *("requests", "tokens_sent", "tokens_received", "run_id", "asked_at", "used_at"),
        by=(SUGGEST, SUMMARISE),
        why="remembers what was asked, so that the same question costs nothing",
    ),
)
