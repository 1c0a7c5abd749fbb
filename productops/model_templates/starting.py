"""Starting math models from a template: the model and its parameters, nothing approved, no number invented."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from backlog.models import Initiative
from productops.metrics.chains import ChainError
from productops.metrics.stored_chains import store_chains, stored_texts, union_of
from productops.model_templates.stored import stored_template
from productops.model_templates.templates import TemplateParam, chain_to
from productops.models import InitiativeMathModel, InitiativeParam, ModelTemplate
from productops.scores.evaluation import PICKED, load_kpis
from productops.seeding import FRAMEWORK, row_key
from sheetsync.records import NewRow
from sheetsync.storage import NewRecord, Origin, Storage
from sheetsync.syncing.view import identity_text


@dataclass(frozen=True, kw_only=True)
class Start:
    """A model that one initiative starts from a template."""

    initiative: int  # pk
    key: str  # initiative_key
    model_name: str  # the template's name
    missing: tuple[TemplateParam, ...]  # the template's parameters that neither the initiative nor SHARED has
    own: tuple[str, ...]  # the names of those that the initiative has itself
    is_stored: bool  # whether the initiative has a model of that name already
    refusal: str = ""  # why it can't be started, a sentence

    @property
    def model_key(self) -> str:
        """Identity text of its row in MathModels."""
        return identity_text([self.key, self.model_name])

    def model_rows(self) -> list[NewRow]:
        """The row that shows its model."""
        return [NewRow(key=self.model_key, values={"initiative_key": self.key})]

    def param_rows(self) -> list[NewRow]:
        """The rows that show its parameters."""
        return [NewRow(key=row_key(self.key, name), values={"initiative_key": self.key}) for name in self.own]


def plan_starts(template: ModelTemplate, keys: Collection[str]) -> list[Start]:
    """What the initiatives of these keys would start from the template, by key."""
    rows = Initiative.objects.order_by("initiative_key")
    rows = rows.filter(initiative_key__in=list(keys)) if len(keys) <= PICKED else rows
    initiatives = [(pk, key) for pk, key in rows.values_list("pk", "initiative_key") if key in keys]
    owners = [pk for pk, _key in initiatives]
    named = InitiativeMathModel.objects.filter(model_name__iexact=template.template_name)
    stored = dict(named.values_list("initiative_id", "model_name"))
    present = _param_names(owners)
    texts = stored_texts(owners)
    chain = chain_to(template.metric_chain_text, target_of(template))
    params = stored_template(template).params
    return [
        Start(
            initiative=pk,
            key=key,
            model_name=stored.get(pk, template.template_name),
            missing=tuple(param for param in params if not {(pk, param.name), (None, param.name)} & present),
            own=tuple(param.name for param in params if (pk, param.name) in present),
            is_stored=pk in stored,
            refusal="" if pk in stored else _chain_refusal([*texts.get(pk, {}).values(), chain]),
        )
        for pk, key in initiatives
    ]


def target_of(template: ModelTemplate) -> str:
    """The KPI that a started model contributes to: the template's own while it is active, else the north star."""
    kpis = load_kpis()
    return template.target_kpi_key if template.target_kpi_key in kpis.active else kpis.north_star


def start_models(storage: Storage, template: ModelTemplate, starts: Sequence[Start], origin: Origin) -> int:
    """Makes models and parameters of those that can be started; how many models were made."""
    new = [start for start in starts if not start.is_stored and not start.refusal]
    target = target_of(template)
    fields = {
        "model_name": template.template_name,
        "model_description_free_text": template.description,
        "target_kpi_key": target,
        "formula_text": template.formula_text,
        "metric_chain_text": chain_to(template.metric_chain_text, target),
        "assumptions_text": template.assumptions_text,
    }
    storage.create(
        InitiativeMathModel,
        [
            NewRecord(fields={"initiative_id": start.initiative, **fields}, origin=_labelled(origin, start))
            for start in new
        ],
    )
    storage.create(
        InitiativeParam,
        [
            NewRecord(fields=_param_fields(start, param), origin=_labelled(origin, start))
            for start in new
            for param in start.missing
        ],
    )
    store_chains(storage, {start.initiative: _labelled(origin, start) for start in new})
    return len(new)


def _param_fields(start: Start, param: TemplateParam) -> dict[str, object]:
    """The template's numbers are an example, so they stand in the notes: the initiative's own are for people to find."""
    return {
        "initiative_id": start.initiative,
        "framework": FRAMEWORK,
        "param_name": param.name,
        "description": param.description,
        "unit": param.unit,
        "notes": f"Example of the template {start.model_name}: {param.example}.",
        "is_auto_seeded": True,
    }


def _labelled(origin: Origin, start: Start) -> Origin:
    return Origin(origin.workbook, origin.tab, label=start.key)


def _param_names(owners: Collection[int]) -> set[tuple[int | None, str]]:
    """(pk of the initiative, None for SHARED, param_name) of what is there already."""
    stored = InitiativeParam.objects.filter(framework=FRAMEWORK).values_list("initiative_id", "param_name")
    wanted = {None, *owners}
    return {(owner, name) for owner, name in stored if owner in wanted}


def _chain_refusal(texts: Sequence[str]) -> str:
    joined = union_of(texts)
    return f"the template's metric chain doesn't fit: {joined}" if isinstance(joined, ChainError) else ""
