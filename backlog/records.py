"""The database's side of the intake and Backlog tabs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from backlog.models import INTAKE_FIELDS, Initiative, IntakeSubmission, LifecycleStatus, ScopeMode
from backlog.services import intake_value
from sheetsync.models import Conflict
from sheetsync.records import Incoming, ModelRecords, Record, Scene, unknown_key
from sheetsync.storage import NewRecord, Origin, RecordUpdate
from sheetsync.syncing.view import SheetRow, identity_text
from sheetsync.values.cells import Value, encode

PICKED = 500  # initiatives up to which the database picks what is about them; beyond, reading all is quicker


class IntakeRecords(ModelRecords):
    """Submissions of one intake tab. What a submission says flows on to the initiative, unless a person has overridden it there."""

    def queryset(self, scene: Scene) -> QuerySet[Any]:
        return super().queryset(scene).filter(workbook=scene.workbook, tab=scene.title)

    def fingerprint(self, scene: Scene) -> str:
        return self.fingerprint_of_rows(scene)

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        overridden: dict[str, list[str]] = {}
        for key, column in _open_overrides(scene).order_by("column").values_list("row_key", "column").distinct():
            overridden.setdefault(key, []).append(column)
        return {
            key: Record(pk, values, _note_of_overrides(overridden.get(key, ()))) for key, (pk, values) in loaded.items()
        }

    def renamed(self, scene: Scene, former: str) -> None:
        self._stand_elsewhere(scene, IntakeSubmission.objects.filter(workbook=scene.workbook, tab=former))

    def homes(self, scene: Scene) -> Mapping[str, str]:
        rows = IntakeSubmission.objects.filter(workbook=scene.workbook)
        return {identity_text([key]): tab for key, tab in rows.values_list("initiative__initiative_key", "tab")}

    def moved(self, scene: Scene, former: str, keys: Collection[str]) -> None:
        there = IntakeSubmission.objects.filter(workbook=scene.workbook, tab=former).select_related("initiative")
        wanted = [row.pk for row in there if identity_text([row.initiative.initiative_key]) in keys]
        self._stand_elsewhere(scene, there.filter(pk__in=wanted))

    def _stand_elsewhere(self, scene: Scene, moved: QuerySet[IntakeSubmission]) -> None:
        tabs, sources = [], []
        for pk, initiative, key in moved.values_list("pk", "initiative_id", "initiative__initiative_key"):
            origin = Origin(scene.workbook, scene.title, None, key)
            tabs.append(RecordUpdate(pk=pk, fields={"tab": scene.title}, origin=origin))
            sources.append(RecordUpdate(pk=initiative, fields={"intake_source": _source(scene)}, origin=origin))
        scene.context.storage.update(IntakeSubmission, tabs)
        scene.context.storage.update(Initiative, sources)

    def unready(self, scene: Scene, row: SheetRow, values: Mapping[str, Value]) -> str:
        if values.get("title"):
            return ""
        return ("title is empty; " if "title" in values else "") + "a row needs a title before it gets a key"

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        super().check(scene, rows)
        for row in rows:
            if "title" in row.takes and not row.takes["title"]:
                row.refuse("title", "title is empty; an initiative needs one, and keeps the title it had")
            if row.record is None and "title" in row.refused:
                row.failure = row.refused["title"]  # no initiative is made without one

    def save(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        self._create([row for row in rows if row.record is None], scene)
        known = [row for row in rows if row.record is not None]
        self._flow_on(scene, known)
        super().save(scene, known)

    def _create(self, rows: Sequence[Incoming], scene: Scene) -> None:
        storage = scene.context.storage
        origins = [
            Origin(scene.workbook, scene.title, row.row.number, str(row.values["initiative_key"])) for row in rows
        ]
        new = [
            NewRecord(
                fields={
                    "initiative_key": row.values["initiative_key"],
                    "intake_source": _source(scene),
                    **{
                        name: intake_value(scene.workbook, name, row.takes.get(name))
                        for name in INTAKE_FIELDS
                        if name in row.takes
                    },
                    "department": intake_value(scene.workbook, "department", row.takes.get("department")),
                },
                origin=origin,
            )
            for row, origin in zip(rows, origins, strict=True)
        ]
        made = storage.create(Initiative, new)
        submissions = [
            NewRecord(
                fields={"initiative_id": pk, "workbook": scene.workbook, "tab": scene.title, **row.takes},
                origin=origin,
            )
            for pk, row, origin in zip(made, rows, origins, strict=True)
        ]
        storage.create(IntakeSubmission, submissions)

    def _flow_on(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        """Intake's new words reach the initiative where it still holds intake's old ones; a person's override stays, and is told."""
        keys = [str(row.values["initiative_key"]) for row in rows]
        initiatives = {i.initiative_key: i for i in Initiative.objects.filter(initiative_key__in=keys)}
        updates = []
        for row in rows:
            assert row.record is not None
            initiative = initiatives[str(row.values["initiative_key"]).upper()]
            flowing: dict[str, Value] = {}
            for name, value in row.takes.items():
                before = intake_value(scene.workbook, name, row.before.get(name))
                now = intake_value(scene.workbook, name, value)
                held = getattr(initiative, name)
                if held == before:
                    flowing[name] = now
                elif held != now:
                    self._keep_override(scene, row, name, initiative, before, now)
            if flowing:
                updates.append(
                    RecordUpdate(pk=initiative.pk, fields=flowing, origin=scene.context.storage.origin(scene, row))
                )
        scene.context.storage.update(Initiative, updates)

    def _keep_override(
        self, scene: Scene, row: Incoming, name: str, initiative: Initiative, before: Value, now: Value
    ) -> None:
        Conflict.objects.create(
            run=scene.context.run,
            workbook=scene.workbook,
            tab=scene.title,
            row_key=row.key,
            column=name,
            model="backlog.Initiative",
            object_id=initiative.pk,
            field=name,
            base_value=encode(before),
            kept_value=encode(getattr(initiative, name)),
            lost_value=encode(now),
        )

    def unknown(self, scene: Scene, row: SheetRow, values: Mapping[str, Value], known: Collection[str]) -> str:
        raw = row.raw.get("initiative_key")
        typed = str(raw or "").strip().upper()
        elsewhere = IntakeSubmission.objects.filter(initiative__initiative_key=typed).select_related("workbook").first()
        if elsewhere is not None:
            return (
                f"initiative_key: {typed} belongs to a row of {elsewhere.workbook} / {elsewhere.tab}; "
                "empty the key cell to hand this row in as an initiative of its own"
            )
        return (
            unknown_key("initiative_key", raw, [key.upper() for key in known])
            + "; keys are given by the backend: empty the cell, and the row gets its own"
        )


def _source(scene: Scene) -> str:
    """Where the intake row stands, for people."""
    return f"{scene.workbook} / {scene.title}"[:400]


def _open_overrides(scene: Scene) -> QuerySet[Conflict]:
    """What an intake tab says that a person's override keeps from the initiative."""
    return Conflict.objects.filter(
        workbook=scene.workbook, tab=scene.title, model="backlog.Initiative", status=Conflict.Status.OPEN
    )


def _note_of_overrides(columns: Sequence[str]) -> str:
    if not columns:
        return "OK"
    names, it = " and ".join(columns), "it" if len(columns) == 1 else "them"
    held = f"{names} was overwritten in the Backlog, and what was typed there holds"
    return f"WARNING: {held}; empty {it} there to let this sheet's value through"


class BacklogRecords(ModelRecords):
    """All initiatives."""

    def queryset(self, scene: Scene) -> QuerySet[Any]:
        return Initiative.objects.order_by("initiative_key")

    def fingerprint(self, scene: Scene) -> str:
        return self.fingerprint_of_rows(scene)

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        return {key: Record(pk, values, lacking(values)) for key, (pk, values) in loaded.items()}

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        super().check(scene, rows)
        keys = {str(key) for row in rows for key in _dependencies(row)}
        existing = (
            set(Initiative.objects.filter(initiative_key__in=keys).values_list("initiative_key", flat=True))
            if keys
            else set()
        )
        for row in rows:
            unknown = [key for key in _dependencies(row) if key not in existing]
            if unknown:
                every = Initiative.objects.values_list("initiative_key", flat=True)
                row.refuse("dependencies_initiatives", unknown_key("dependencies_initiatives", unknown[0], every))

    def save(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        self._end_overrides(rows)
        self._settle_with_intake(rows)
        super().save(scene, rows)

    def _end_overrides(self, rows: Sequence[Incoming]) -> None:
        """An emptied cell ends the override: intake's latest value comes back."""
        emptied = {row.record.pk: row for row in rows if row.record is not None and _emptied(row)}
        submissions = IntakeSubmission.objects.filter(initiative__in=list(emptied)).select_related("workbook")
        for submission in submissions:
            row = emptied[submission.initiative_id]
            for name in _emptied(row):
                row.takes[name] = intake_value(submission.workbook, name, getattr(submission, name))

    def _settle_with_intake(self, rows: Sequence[Incoming]) -> None:
        """Where an initiative takes what intake says, by an emptied cell or by the same words, nothing is contested any more."""
        taken = {
            (row.record.pk, name): encode(value) for row in rows if row.record for name, value in row.takes.items()
        }
        open_ones = Conflict.objects.filter(model="backlog.Initiative", status=Conflict.Status.OPEN)
        open_ones = open_ones.filter(field__in={name for _pk, name in taken}.intersection(INTAKE_FIELDS))
        if len(rows) <= PICKED:
            open_ones = open_ones.filter(object_id__in={pk for pk, _name in taken})
        over = [
            conflict.pk
            for conflict in open_ones
            if taken.get((conflict.object_id or 0, conflict.field), conflict.kept_value) == conflict.lost_value
        ]
        Conflict.objects.filter(pk__in=over).update(status=Conflict.Status.RESTORED)

    def nameless(self, scene: Scene, row: SheetRow) -> str:
        why = row.problem or "initiative_key is empty"
        return f"FAILED: {why}; new initiatives are handed in through an intake sheet, where they get their key"

    def unknown(self, scene: Scene, row: SheetRow, values: Mapping[str, Value], known: Collection[str]) -> str:
        return super().unknown(scene, row, values, known) + "; new initiatives are handed in through an intake sheet"


def _emptied(row: Incoming) -> list[str]:
    return [name for name in INTAKE_FIELDS if name in row.takes and not row.takes[name]]


def _dependencies(row: Incoming) -> Sequence[Any]:
    keys = row.takes.get("dependencies_initiatives")
    return keys if isinstance(keys, list) else []


_TOKENS = {ScopeMode.MVP.value: "engineering_tokens_mvp", ScopeMode.FULL.value: "engineering_tokens_full"}
_OVER = (LifecycleStatus.DONE.value, LifecycleStatus.REJECTED.value, LifecycleStatus.ARCHIVED.value)


def lacking(values: Mapping[str, Value]) -> str:
    """What a Backlog row still lacks before the optimizer can consider it: "OK", or "OK: missing ..."."""
    if values["lifecycle_status"] in _OVER:
        return "OK"
    missing = [name for name in ("title", "department", "product_area") if not values[name]]
    tokens = _TOKENS.get(str(values["scope_mode"]), "engineering_tokens")
    if values[tokens] is None:
        missing.append(tokens)
    if values["is_optimization_candidate"] and not values["candidate_period_key"]:
        missing.append("candidate_period_key")
    if not values["active_scoring_framework"]:
        missing.append("active_scoring_framework")
    if not values["kpi_contribution_json"]:
        missing.append("kpi_contribution_json")
    return f"OK: missing {', '.join(missing)}" if missing else "OK"
