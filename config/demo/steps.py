"""What people at Larkspoon type into each tab, as rows of cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.demo.advice import ADVICE
from config.demo.assumptions import MODELS, SHARED
from config.demo.company import Cell, Cells, plans, with_keys
from config.demo.drafts import DRAFTS, LATER, SECOND_DRAFT, cells_of
from config.demo.shelf import UNTOUCHED
from config.demo.strategy import CONSTRAINTS, KPIS, SCENARIOS, TARGETS
from sheetsync.tabs import Role

Keys = Mapping[str, str]  # ref -> initiative_key

SHARED_KEY = "SHARED"


@dataclass(frozen=True, kw_only=True)
class Filling:
    """One sitting of typing: rows for one tab."""

    role: Role
    tab: str
    rows: tuple[Cells, ...]
    name: str = ""  # tells two sittings at one tab apart
    identity: tuple[str, ...] = ("initiative_key",)  # columns by which a row is found
    adds_rows: bool = (
        False  # whether rows that aren't there are typed below the last one (the backend appends no such rows)
    )
    untouched: tuple[Cell, ...] = UNTOUCHED  # what a cell shows that nobody has filled in

    @property
    def step(self) -> str:
        """How progress remembers it."""
        return f"{self.role}/{self.tab}{self.name and ': '}{self.name}"


def backlog(keys: Keys) -> Filling:
    """Statuses, categories, tokens, periods, dates. An initiative begins as `new`: that isn't a PM's word yet."""
    rows = tuple(
        {"initiative_key": key, **{name: with_keys(cell, keys) for name, cell in plan.backlog.items()}}
        for plan in plans()
        if (key := keys.get(plan.ref))
    )
    return Filling(role=Role.BACKLOG, tab="Backlog", rows=rows, untouched=(*UNTOUCHED, "new"))


def metrics() -> Filling:
    """The KPIs."""
    return Filling(role=Role.PRODUCTOPS, tab="Metrics_Config", rows=KPIS, identity=("kpi_key",), adds_rows=True)


def scoring(keys: Keys) -> Filling:
    """Inputs of RICE and WSJF, and who uses a math model."""
    hurried = {model.ref for model in (*MODELS, *DRAFTS)} | ADVICE.keys()
    rows = tuple(
        {"initiative_key": key, **plan.scoring, **({"use_math_model": True} if plan.ref in hurried else {})}
        for plan in plans()
        if (key := keys.get(plan.ref))
    )
    return Filling(role=Role.PRODUCTOPS, tab="Scoring_Inputs", rows=rows)


def models(keys: Keys) -> Filling:
    """Formulas, metric chains, approvals."""
    rows = tuple({"initiative_key": keys[model.ref], **model.cells()} for model in MODELS if model.ref in keys)
    return Filling(role=Role.PRODUCTOPS, tab="MathModels", rows=rows)


def shared_params() -> Filling:
    """Assumptions that several models use."""
    rows = tuple(
        {"initiative_key": SHARED_KEY, "framework": "MATH_MODEL", "param_name": name, **assumption.cells()}
        for name, assumption in SHARED.items()
    )
    return Filling(
        role=Role.PRODUCTOPS,
        tab="Params",
        name="shared",
        rows=rows,
        identity=("initiative_key", "param_name"),
        adds_rows=True,
    )


def params(keys: Keys) -> Filling:
    """Values, units, ranges and approvals of the params that were seeded from the formulas."""
    rows = tuple(
        {"initiative_key": keys[model.ref], "param_name": name, **assumption.cells()}
        for model in MODELS
        for name, assumption in model.params.items()
        if model.ref in keys
    )
    return Filling(role=Role.PRODUCTOPS, tab="Params", rows=rows, identity=("initiative_key", "param_name"))


def drafts(keys: Keys) -> Filling:
    """What was typed in a workshop, into the rows that wait for a model."""
    rows = tuple({"initiative_key": keys[draft.ref], **cells_of(draft)} for draft in DRAFTS if draft.ref in keys)
    return Filling(role=Role.PRODUCTOPS, tab="MathModels", name="drafts", rows=rows)


def second_draft(keys: Keys) -> Filling:
    """One initiative got another model."""
    rows = tuple(
        {"initiative_key": keys[draft.ref], **cells_of(draft)} for draft in (SECOND_DRAFT,) if draft.ref in keys
    )
    named = ("initiative_key", "model_name")
    return Filling(
        role=Role.PRODUCTOPS, tab="MathModels", name="a second draft", rows=rows, identity=named, adds_rows=True
    )


def draft_params(keys: Keys) -> Filling:
    """What was assumed in the workshop."""
    rows = tuple(
        {"initiative_key": keys[draft.ref], "param_name": name, "framework": "MATH_MODEL", **assumption.cells()}
        for draft in (*DRAFTS, SECOND_DRAFT)
        for name, assumption in draft.params.items()
        if draft.ref in keys
    )
    named = ("initiative_key", "param_name")
    return Filling(role=Role.PRODUCTOPS, tab="Params", name="drafts", rows=rows, identity=named, adds_rows=True)


def later_value(keys: Keys) -> Filling:
    """An assumption changes after its model's number was adopted."""
    ref, param, typed, now = LATER
    rows = ({"initiative_key": keys.get(ref), "param_name": param, "value": now},)
    named = ("initiative_key", "param_name")
    return Filling(
        role=Role.PRODUCTOPS, tab="Params", name="later", rows=rows, identity=named, untouched=(*UNTOUCHED, typed)
    )


def wishes(keys: Keys) -> Filling:
    """What PMs tell the language model before they ask it."""
    rows = tuple({"initiative_key": keys[ref], **advice.wish} for ref, advice in ADVICE.items() if ref in keys)
    return Filling(role=Role.PRODUCTOPS, tab="MathModels", name="wishes", rows=rows)


def advised_params(keys: Keys) -> Filling:
    """A PM's own numbers for the parameters of the suggestion that was accepted."""
    rows = tuple(
        {"initiative_key": keys[ref], "param_name": name, **assumption.cells()}
        for ref, advice in ADVICE.items()
        for name, assumption in advice.params.items()
        if ref in keys
    )
    named = ("initiative_key", "param_name")
    return Filling(role=Role.PRODUCTOPS, tab="Params", name="advised", rows=rows, identity=named)


def contributions(keys: Keys) -> Filling:
    """What initiatives bring: typed where there is no model, adopted where there is one."""
    return Filling(role=Role.PRODUCTOPS, tab="KPI_Contributions", rows=tuple(_contributions(keys)))


def _contributions(keys: Keys) -> Iterator[Cells]:
    for plan in plans():
        key = keys.get(plan.ref)
        if key and plan.adopts:
            yield {"initiative_key": key, "adopt_computed": True}
        elif key and plan.contribution:
            yield {"initiative_key": key, "kpi_contribution_json": plan.contribution}


def strategy(keys: Keys) -> tuple[Filling, ...]:
    """Scenarios, rules and targets. Rows of one tab are told apart by everything that they say."""
    rules = tuple({name: with_keys(cell, keys) for name, cell in row.items()} for row in CONSTRAINTS)
    named = ("scenario_name", "constraint_set_name")
    return (
        Filling(
            role=Role.OPTIMIZATION,
            tab="Scenario_Config",
            rows=SCENARIOS,
            identity=("scenario_name",),
            adds_rows=True,
        ),
        Filling(
            role=Role.OPTIMIZATION,
            tab="Constraints",
            rows=tuple({"dimension": None, "dimension_key": None, "member_keys": None, **row} for row in rules),
            identity=(*named, "constraint_type", "dimension", "dimension_key", "member_keys"),
            adds_rows=True,
        ),
        Filling(
            role=Role.OPTIMIZATION,
            tab="Targets",
            rows=TARGETS,
            identity=(*named, "dimension", "dimension_key", "kpi_key"),
            adds_rows=True,
        ),
    )


def typed_by_people_alone(role: Role) -> frozenset[str]:
    """The steps of a workbook whose rows the backend never appends: a workbook that is made anew needs them again."""
    fillings = (metrics(), shared_params(), draft_params({}), *strategy({}))
    return frozenset(filling.step for filling in fillings if filling.role is role)
