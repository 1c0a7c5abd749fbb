"""What stands behind Constraints and Targets: their rows are compiled into constraint sets, exactly those that are present."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import OuterRef, Subquery

from optimization.constraints.rules import CONSTRAINTS_TAB, Place
from optimization.constraints.sets import (
    Compilation,
    CompiledSet,
    ConstraintRow,
    KnownWorld,
    TargetRow,
    compile_constraints,
)
from optimization.models import OptimizationConstraintSet, OptimizationRun, OptimizationScenario
from optimization.services import (
    dimension_values,
    inactive_kpis,
    initiative_keys,
    kpis,
    load_initiatives,
    scenario_facts,
)
from sheetsync.records import Scene
from sheetsync.storage import NewRecord, Origin, RecordUpdate
from sheetsync.syncing.compiled import StatedRow
from sheetsync.values.cells import fold

_OUT_OF_USE = "The constraint set is put out of use in the admin: no run obeys it."

Group = tuple[str, str]  # (scenario_name, constraint_set_name), folded
Sets = dict[Group, OptimizationConstraintSet]


class ConstraintCompiler:
    """Compiles both tabs of a workbook; a set that has no row left stays as it is until a person puts it out of use."""

    def compile(self, scene: Scene, rows: Sequence[StatedRow]) -> None:
        """Judges every row and stores the sets."""
        sets = _stored_sets()
        foreign = _kept_elsewhere(scene, rows, sets)
        usable = [row for row in rows if not row.failure]
        compilation = compile_constraints(map(_typed, usable), _known_world(usable))
        for row in usable:
            verdict = compilation.verdicts[_place(row)]
            row.failure, row.warnings = verdict.refusal, verdict.warnings
        _warn_out_of_use(usable, sets)
        names = {_group(row): " ".join(str(row.values.get("constraint_set_name", "")).split()) for row in rows}
        changed = _store(scene, compilation, _refused(rows, foreign), names) | _replanned(sets)
        for row in rows:
            row.is_outdated = _group(row) in changed


def _stored_sets() -> Sets:
    stored = OptimizationConstraintSet.objects.select_related("scenario", "workbook")
    return {(fold(one.scenario.scenario_name), fold(one.constraint_set_name)): one for one in stored}


def _replanned(sets: Sets) -> set[Group]:
    """Sets whose scenario plans something else than when they were last run: a new capacity may well have mended what that run found."""
    last = OptimizationRun.objects.filter(constraint_set=OuterRef("pk"), finished_at__isnull=False)
    runs = OptimizationConstraintSet.objects.annotate(run=Subquery(last.order_by("-finished_at").values("pk")[:1]))
    planned = OptimizationRun.objects.filter(pk__in=runs.values("run")).values_list(
        "constraint_set", "inputs_snapshot_json__stated", "inputs_snapshot_json__scenario"
    )
    then = {pk: stated or scenario for pk, stated, scenario in planned}
    return {
        group
        for group, one in sets.items()
        if one.pk in then and then[one.pk] != scenario_facts(one.scenario).to_json()
    }


def _place(row: StatedRow) -> Place:
    return Place(tab=row.tab, row=row.row.number)


def _group(row: StatedRow) -> Group:
    return fold(str(row.values.get("scenario_name", ""))), fold(str(row.values.get("constraint_set_name", "")))


def _kept_elsewhere(scene: Scene, rows: Iterable[StatedRow], sets: Sets) -> set[Place]:
    """Refuses rows of sets that another workbook keeps: compiling them here would wipe out that workbook's rules."""
    foreign = set()
    for row in rows:
        one = sets.get(_group(row))
        keeper = one.workbook if one else None
        if one is None or keeper is None or keeper == scene.workbook or not keeper.is_active:
            continue
        foreign.add(_place(row))
        row.failure = row.failure or (
            f"constraint_set_name: {one.constraint_set_name!r} of scenario {one.scenario} is kept in the workbook {keeper}; "
            "enter the row there, or use another name"
        )
    return foreign


def _typed(row: StatedRow) -> ConstraintRow | TargetRow:
    """A row as the rules are read from: blanks are left to their defaults."""
    made = ConstraintRow if row.tab == CONSTRAINTS_TAB else TargetRow
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in row.values.items()
        if value not in (None, "")
    }
    return made(row=row.row.number, **values)


def _known_world(rows: Iterable[StatedRow]) -> KnownWorld:
    """What rows may name; initiatives in full where they are candidates or named."""
    scenarios = [scenario_facts(scenario) for scenario in OptimizationScenario.objects.all()]
    counted, keys = kpis(), initiative_keys()
    spelled = {fold(key): key for key in keys}
    named = {spelled[fold(word)] for row in rows for word in _words(row) if fold(word) in spelled}
    return KnownWorld(
        scenarios=[scenario.name for scenario in scenarios],
        initiative_keys=keys,
        active_kpis=counted.active,
        inactive_kpis=inactive_kpis(),
        values=dimension_values(),
        north_star=counted.north_star,
        initiatives=load_initiatives(named),
        scenario_facts={scenario.name: scenario for scenario in scenarios},
    )


def _words(row: StatedRow) -> Iterable[str]:
    """What may be the key of an initiative."""
    members = row.values.get("member_keys")
    yield str(row.values.get("dimension_key", ""))
    yield from map(str, members if isinstance(members, list) else ())


def _warn_out_of_use(rows: Iterable[StatedRow], sets: Sets) -> None:
    for row in rows:
        one = sets.get(_group(row))
        if one is not None and not one.is_active and not row.failure:
            row.warnings = (*row.warnings, _OUT_OF_USE)


def _refused(rows: Iterable[StatedRow], foreign: set[Place]) -> Mapping[Group, list[dict[str, Any]]]:
    """Rows that state nothing, by the set that lacks them."""
    found: dict[Group, list[dict[str, Any]]] = {}
    for row in rows:
        if row.failure and _place(row) not in foreign:
            found.setdefault(_group(row), []).append({**_place(row).to_json(), "text": row.failure})
    return found


def _store(
    scene: Scene, compilation: Compilation, refused: Mapping[Group, list[dict[str, Any]]], names: Mapping[Group, str]
) -> set[Group]:
    """Stores the sets; returns those that say something else now."""
    sets, changed = _stored_sets(), set()
    scenarios = {fold(one.scenario_name): one for one in OptimizationScenario.objects.all()}
    compiled = {(fold(one.scenario_name), fold(one.constraint_set_name)): one for one in compilation.sets}
    for group in refused:
        # A set that has nothing but rows that can't be read is one all the same, if its scenario exists.
        if group not in compiled and group[0] in scenarios and group[1]:
            scenario = scenarios[group[0]].scenario_name
            compiled[group] = CompiledSet(scenario_name=scenario, constraint_set_name=names[group])
    for group, one in compiled.items():
        fields = {**one.to_json(), "refused_rows_json": sorted(refused.get(group, []), key=_by_place)}
        if _store_set(scene, scenarios[group[0]], one.constraint_set_name, fields, sets.get(group)):
            changed.add(group)
    return changed


def _by_place(refused: Mapping[str, Any]) -> tuple[str, int]:
    return refused["tab"], refused["row"]


def _store_set(
    scene: Scene,
    scenario: OptimizationScenario,
    name: str,
    fields: dict[str, Any],
    stored: OptimizationConstraintSet | None,
) -> bool:
    """Stores what differs, and says whether anything did; a set that says what it said before stays untouched."""
    storage, origin = scene.context.storage, Origin(scene.workbook, CONSTRAINTS_TAB, None, f"{scenario} / {name}")
    fields["workbook_id"] = scene.workbook.pk
    if stored is None:
        made = {"scenario": scenario, "constraint_set_name": name, "saved_at": scene.context.now, **fields}
        return bool(storage.create(OptimizationConstraintSet, [NewRecord(fields=made, origin=origin)]))
    if any(getattr(stored, name) != value for name, value in fields.items()):
        update = RecordUpdate(pk=stored.pk, fields={**fields, "saved_at": scene.context.now}, origin=origin)
        return bool(storage.update(OptimizationConstraintSet, [update]))
    return False
