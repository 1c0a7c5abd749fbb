"""The database's side of Scoring_Inputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from backlog.models import ScoringFramework
from productops.contributions.consistency import model_findings, off_chain_warning
from productops.figures import same_number
from productops.scores.evaluation import (
    Facts,
    Kpis,
    StoredModel,
    active_fields,
    all_scores,
    load_facts,
    load_kpis,
    load_models,
    model_facts,
    own_param_names,
    score_fields,
)
from productops.scores.scoring import TOKENS, Score, contributions
from productops.scores.unit_check import unit_warnings
from sheetsync.records import Incoming, ModelRecords, Record, Scene
from sheetsync.values.cells import Value

MATH = ScoringFramework.MATH_MODEL.value


class ScoringRecords(ModelRecords):
    """Inputs and scores of every initiative."""

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        kpis, models, facts, own = load_kpis(), load_models(), load_facts(), own_param_names()
        found = {}
        for key, (pk, values) in loaded.items():
            modelled, said = models.get(pk, ()), facts[pk]
            scores = all_scores(values, said, modelled, kpis)
            values["math_warnings"] = math_warnings(values, scores[MATH], said, modelled, own.get(pk, ()), kpis)
            found[key] = Record(pk, values, _note(values, scores, said))
        return found

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        """A framework that was chosen by hand brings its stored scores along; without one there are no active scores."""
        super().check(scene, rows)
        for row in rows:
            if "active_scoring_framework" in row.takes and row.record is not None:
                row.takes.update(active_fields(str(row.takes["active_scoring_framework"]), row.record.values))


def math_warnings(
    values: Mapping[str, Value],
    score: Score,
    facts: Facts,
    models: Sequence[StoredModel],
    own_params: Collection[str],
    kpis: Kpis,
) -> str:
    """What is wrong with the initiative's math models, in sentences; "" for nothing.

    Math scores are computed wherever models exist, so that frameworks can be compared. Their warnings are shown only
    where somebody relies on them: use_math_model is ticked, or MATH_MODEL is the active framework.
    """
    is_active = values["active_scoring_framework"] == MATH
    if not values["use_math_model"] and not is_active:
        return ""
    texts = []
    if is_active and not values["use_math_model"]:
        texts.append("MATH_MODEL is the active framework, and use_math_model isn't ticked.")
    if not models:
        return " ".join([*texts, "There is no math model yet: add a row for it in MathModels."])
    inputs = [model.input for model in models]
    given = contributions(inputs, kpis.active)
    # A model without a formula says so itself, among the notes.
    texts += given.reasons if any(model.formula_text.strip() for model in inputs) else ()
    texts += [finding.text for finding in model_findings(model_facts(models), own_params, kpis.active)]
    texts += [*given.notes, *unit_warnings(inputs, kpis.units)]
    computed = not any(part.error for part in given.by_model)
    if computed and score.missing:
        texts.append(f"No math score: {', '.join(_named(score.missing, facts))} is missing.")
    return " ".join(dict.fromkeys(texts))


def _named(missing: Sequence[str], facts: Facts) -> list[str]:
    """What a score lacks; tokens by the column that counts for the initiative."""
    return [facts.tokens_field if name == TOKENS else name for name in missing]


def _note(values: Mapping[str, Value], scores: Mapping[str, Score], facts: Facts) -> str:
    warning = off_chain_warning(str(values["immediate_kpi_key"]), facts.chain)
    said = [*_missing(values, scores, facts), *_outdated(values, scores)]
    if values["use_math_model"] or values["active_scoring_framework"] == MATH:
        said.append(scores[MATH].note)
    told = "; ".join(text.rstrip(".") for text in said if text)
    if warning:
        return f"WARNING: {warning}" + (f"; {told}" if told else "")
    return f"OK: {told}" if told else "OK"


def _missing(values: Mapping[str, Value], scores: Mapping[str, Score], facts: Facts) -> list[str]:
    framework = str(values["active_scoring_framework"])
    if not framework:
        return ["missing active_scoring_framework"]
    score = scores[framework]
    texts = [f"missing {', '.join(_named(score.missing, facts))}"] if score.missing else []
    return texts if framework == MATH else [*texts, score.note]


def _outdated(values: Mapping[str, Value], scores: Mapping[str, Score]) -> list[str]:
    """Frameworks whose stored scores aren't those of the inputs that stand now."""
    old = [framework for framework, score in scores.items() if _differs(values, framework, score)]
    return (
        [f"scores of {' and '.join(old)} aren't computed from these inputs yet: pm.score_selected does it"]
        if old
        else []
    )


def _differs(values: Mapping[str, Value], framework: str, score: Score) -> bool:
    stored = ((values[name], number) for name, number in score_fields(framework, score).items())
    return any(not same_number(old if isinstance(old, float) else None, new) for old, new in stored)
