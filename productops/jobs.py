"""What actions on ProductOps workbooks have in common: their tabs as jobs, the keys they were asked for, where a change came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from productops.records.shared import initiative_keys, initiative_pks
from sheetsync.context import ActionContext
from sheetsync.models import Workbook
from sheetsync.records import NewRow, Scene, unknown_key
from sheetsync.registry import registry
from sheetsync.runs.actions import WrongUsage
from sheetsync.storage import Origin
from sheetsync.syncing.opentab import TabJob
from sheetsync.syncing.tabsync import TabSync
from sheetsync.syncing.view import TabView, identity_text
from sheetsync.tabs import Role

SCORING_INPUTS, MATH_MODELS, PARAMS = "Scoring_Inputs", "MathModels", "Params"
KPI_CONTRIBUTIONS = "KPI_Contributions"

Missing = Callable[[Scene, TabView], Sequence[NewRow]]


def productops_job(
    name: str,
    *,
    keys: frozenset[str],
    take: bool = True,
    refresh: bool = False,
    columns: frozenset[str] | None = None,
    append: Missing | None = None,
    looks: bool = False,
) -> TabJob:
    """A job for a tab of ProductOps workbooks."""
    registered = registry.get(Role.PRODUCTOPS, name)
    return TabJob(
        registered=registered, keys=keys, take=take, refresh=refresh, columns=columns, append=append, looks=looks
    )


def each_workbook(context: ActionContext, doing: str, *roles: str) -> Sequence[Workbook]:
    """The action's workbooks, the first role's before the second's; progress is told."""
    workbooks = sorted(context.workbooks(*roles), key=lambda workbook: roles.index(workbook.role))
    for number, workbook in enumerate(workbooks):
        context.progress(f"{doing} {workbook}", number, len(workbooks))
    return workbooks


def asked_keys(context: ActionContext) -> frozenset[str]:
    """The keys that the action was asked for, none for all. Those that don't exist are told. Raises WrongUsage when not
    one of them exists."""
    asked = frozenset(key.strip().upper() for key in context.arguments.keys)
    unknown = sorted(asked - set(initiative_pks(asked)))
    every = list(initiative_keys()) if unknown else []
    texts = {key: unknown_key("initiative_key", key, every) for key in unknown}
    if asked and len(unknown) == len(asked):
        raise WrongUsage("; ".join(texts.values()))
    for key, text in texts.items():
        context.report.tell("FAILED", text, key=key)
    return asked


def origins(workbook: Workbook, syncs: Mapping[str, TabSync]) -> Callable[[str], Origin]:
    """Where an initiative's change came from: its row in the first of the action's tabs, where it has one."""
    sync = next(iter(syncs.values()), None)

    def origin(key: str) -> Origin:
        row = sync.view.by_key.get(identity_text([key])) if sync is not None else None
        if sync is None or row is None:
            return Origin(label=key)
        return Origin(workbook, sync.scene.title, row.number, key)

    return origin
