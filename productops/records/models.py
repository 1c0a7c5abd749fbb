"""The database's side of MathModels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from productops.approvals.decisions import MODEL_COVERS, SUBJECTS, rejections, with_rejection
from productops.contributions.consistency import end_warning
from productops.formulas.language import Formula, FormulaError, evaluate, parse_formula
from productops.metrics.chains import Chain, ChainError, check_ends
from productops.metrics.stored_chains import store_chains, stored_texts, union_of
from productops.model_outputs import outputs_text
from productops.models import InitiativeMathModel
from productops.records.shared import InitiativeRows, withdraw_approval
from productops.scores.evaluation import Kpis, load_kpis, load_models, read_chain
from productops.scores.scoring import ModelInput, ModelOutcome, evaluate_model
from productops.spreads.ranges import shown_drawing
from sheetsync.records import Incoming, Record, Scene
from sheetsync.storage import Origin
from sheetsync.syncing.view import SheetRow
from sheetsync.values.cells import Refusal, Value, is_blank, parse
from sheetsync.values.dates import utc_text
from sheetsync.values.words import as_shown, fold, nearest


class MathModelRecords(InitiativeRows):
    """Math models, several per initiative; their chains together are the initiative's metric chain."""

    def queryset(self, scene: Scene) -> QuerySet[Any]:
        return InitiativeMathModel.objects.order_by("pk")

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        kpis, drawing = load_kpis(), shown_drawing()
        outcomes = {model.pk: evaluate_model(model.input) for models in load_models().values() for model in models}
        rejected = rejections(SUBJECTS["model"])
        found = {}
        for key, (pk, values) in loaded.items():
            values["updated_at"] = utc_text(values["updated_at"])  # type: ignore[arg-type]  # a datetime until here
            values["computed_outputs"] = outputs_text(outcomes[pk].model, kpis.active, drawing)
            note = _note(values, outcomes[pk], kpis)
            found[key] = Record(pk, values, with_rejection(note, rejected.get(pk)))
        return found

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        super().check(scene, rows)
        taken = [row for row in rows if not row.failure]
        kpis = load_kpis() if any(row.takes.get("target_kpi_key") for row in taken) else None
        for row in taken:
            _check_formula(row)
            if kpis is not None:
                _check_target(row, kpis)
        _check_chains(taken, self.initiatives)
        for row in taken:
            withdraw_approval(row, tick="approved_by_user", covers=MODEL_COVERS)

    def save(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        super().save(scene, rows)
        changed = [row for row in rows if "metric_chain_text" in row.takes]
        owners = _owners(changed, self.initiatives)
        origins = {
            owner: Origin(scene.workbook, scene.title, row.row.number, str(row.values["initiative_key"]))
            for row, owner in zip(changed, owners, strict=True)
        }
        store_chains(scene.context.storage, origins)

    def nameless(self, scene: Scene, row: SheetRow) -> str:
        key = self.tab.column("initiative_key")
        has_key = parse(key, row.raw["initiative_key"]) != "" and not _is_refused(key, row)
        if has_key and is_blank(row.raw["model_name"]):
            return "SKIPPED: model_name is empty; the row is saved once its model has a name"
        return super().nameless(scene, row)


def _is_refused(column: Any, row: SheetRow) -> bool:
    return isinstance(parse(column, row.raw[column.name]), Refusal)


def _note(values: Mapping[str, Value], outcome: ModelOutcome, kpis: Kpis) -> str:
    warnings = [text for text in (_chain_warning(values, outcome.model, kpis), _target_warning(values, kpis)) if text]
    if outcome.error and not outcome.missing:
        warnings.append(outcome.error)
    if warnings:
        return "WARNING: " + "; ".join(text.rstrip(".") for text in warnings)
    missing = [name for name in ("formula_text", "metric_chain_text") if not values[name]]
    if not values["target_kpi_key"] and not _names_a_kpi(outcome, kpis):
        missing.append("target_kpi_key")
    missing += [f"a value in Params for {name}" for name in outcome.missing if name != "formula_text"]
    said = [f"missing {', '.join(missing)}"] if missing else []
    if not values["approved_by_user"] and not missing:
        said.append("not approved yet")
    return "OK: " + "; ".join(said) if said else "OK"


def _names_a_kpi(outcome: ModelOutcome, kpis: Kpis) -> bool:
    """Whether the formula assigns a KPI by its own name."""
    formula = parse_formula(outcome.model.formula_text)
    active = {fold(kpi) for kpi in kpis.active}
    return not isinstance(formula, FormulaError) and any(fold(name) in active for name in formula.assigned)


def _chain_warning(values: Mapping[str, Value], model: ModelInput, kpis: Kpis) -> str:
    chain = read_chain(str(values["metric_chain_text"]))
    if isinstance(chain, ChainError):
        return str(chain)
    return end_warning(model, chain, kpis.active) or check_ends(chain, kpis.active) or ""


def _target_warning(values: Mapping[str, Value], kpis: Kpis) -> str:
    target = str(values["target_kpi_key"])
    if not target or fold(target) in {fold(kpi) for kpi in kpis.active}:
        return ""
    return f"target_kpi_key: {as_shown(target)} is no active KPI{_nearest_hint(target, kpis)}"


def _nearest_hint(word: str, kpis: Kpis) -> str:
    if not kpis.active:
        return "; no KPI is active yet in Metrics_Config"
    near = nearest(word, kpis.active)
    return f"; the nearest is {near}" if near else f"; the active ones are {', '.join(kpis.active[:10])}"


def _check_formula(row: Incoming) -> None:
    """A formula that can't be read is refused; so is one that no parameter could save from its error."""
    text = str(row.takes.get("formula_text") or "")
    if not text.strip():
        return
    found: object = parse_formula(text)
    if isinstance(found, Formula) and not found.names:
        found = evaluate(found, {})
    if isinstance(found, FormulaError):
        row.refuse("formula_text", f"formula_text, {found}")


def _check_target(row: Incoming, kpis: Kpis) -> None:
    target = str(row.takes.get("target_kpi_key") or "")
    if not target:
        return
    for kpi in kpis.active:
        if fold(kpi) == fold(target):
            return
    row.refuse("target_kpi_key", f"target_kpi_key: {as_shown(target)} is no active KPI{_nearest_hint(target, kpis)}")


def _owners(rows: Sequence[Incoming], new: Mapping[str, int | None]) -> list[int]:
    """pk of each row's initiative."""
    pks = [row.record.pk for row in rows if row.record is not None]
    owners = dict(InitiativeMathModel.objects.filter(pk__in=pks).values_list("pk", "initiative_id")) if pks else {}
    found = []
    for row in rows:
        owner = owners[row.record.pk] if row.record is not None else new[str(row.values["initiative_key"])]
        assert owner is not None, "a math model belongs to an initiative"
        found.append(owner)
    return found


def _check_chains(rows: Sequence[Incoming], new: Mapping[str, int | None]) -> None:
    """Refuses chains that can't be read or go round in a circle, each alone or with the initiative's other models."""
    bringing = []
    for row in rows:
        chain = read_chain(str(row.takes.get("metric_chain_text") or ""))
        if isinstance(chain, ChainError):
            row.refuse("metric_chain_text", f"metric_chain_text: {chain}")
        elif chain.nodes:
            bringing.append(row)
    by_owner: dict[int, list[Incoming]] = defaultdict(list)
    changed = [row for row in rows if "metric_chain_text" in row.takes]
    for row, owner in zip(changed, _owners(changed, new), strict=True):
        by_owner[owner].append(row)
    stored = stored_texts(by_owner) if bringing else {}
    for owner, group in by_owner.items():
        if any(row in bringing for row in group):
            _check_together(stored.get(owner, {}), group)


def _check_together(stored: Mapping[int, str], rows: Sequence[Incoming]) -> None:
    """The models of one initiative, as they would stand after the save; where that fails, the row that closes the circle
    is refused. `stored`: pk of the model -> text."""
    after: dict[object, str] = {pk: text for pk, text in stored.items() if isinstance(read_chain(text), Chain)}
    proposed = [(row, row.record.pk if row.record else row.key, str(row.takes["metric_chain_text"])) for row in rows]
    wanted = dict(after)
    wanted.update((place, text) for _row, place, text in proposed)
    if isinstance(union_of(wanted.values()), Chain):
        return
    for row, place, text in proposed:
        together = union_of([*(text for at, text in after.items() if at != place), text])
        if isinstance(together, ChainError):
            row.refuse("metric_chain_text", f"metric_chain_text: {together}")
        else:
            after[place] = text
