"""The database's side of KPI_Contributions: what people entered beside what is computed, and adopting it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from productops.contributions.check import Standing, check_text, warnings, why_not_adopted
from productops.contributions.standings import adoption_fields, entry_fields, load_standings
from productops.models import InitiativeContribution
from productops.scores.evaluation import load_kpis
from sheetsync.records import Incoming, ModelRecords, Record, Scene
from sheetsync.storage import RecordUpdate
from sheetsync.values.cells import Value, parse
from sheetsync.values.words import nearest

ENTRY, COMPUTED, TICK = "kpi_contribution_json", "computed_contribution_json", "adopt_computed"
# The only action that carries out a tick.
ADOPTED_BY = "pm.save_selected"


class ContributionRecords(ModelRecords):
    """Contributions of every initiative. The backend computes and shows; only a person's tick makes it an entry."""

    def stored(self, scene: Scene, pks: Collection[int]) -> dict[str, Record]:
        found = super().stored(scene, pks)
        self._look_up({key: record.pk for key, record in found.items()}, load_standings(pks))
        return found

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        self._look_up({key: pk for key, (pk, _values) in loaded.items()}, load_standings())
        found = {}
        for key, (pk, values) in loaded.items():
            standing = self.standings[key]
            values[COMPUTED] = dict(standing.computed.numbers) or None
            values["contribution_check"] = check_text(standing)
            warned = "; ".join(warnings(standing))
            found[key] = Record(pk, values, f"WARNING: {warned}" if warned else "OK")
        return found

    def _look_up(self, pks: Mapping[str, int], standings: Mapping[int, Standing]) -> None:
        """What judging and saving these rows needs."""
        self.kpis = load_kpis()
        self.standings = {key: standings[pk] for key, pk in pks.items()}

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        super().check(scene, rows)
        self.adopting: set[str] = set()
        for row in rows:
            self._check_kpis(row)
            if row.values.get(TICK) and row.record is not None and scene.context.action == ADOPTED_BY:
                self._adopt(row)

    def _check_kpis(self, row: Incoming) -> None:
        """A key that isn't an active KPI refuses the whole cell."""
        numbers = row.takes.get(ENTRY)
        unknown = [kpi for kpi in numbers if kpi not in self.kpis.active] if isinstance(numbers, dict) else []
        if not unknown:
            return
        near = nearest(unknown[0], self.kpis.active)
        known = ", ".join(self.kpis.active[:10])
        hint = f"the nearest is {near}" if near else f"the active ones are {known}" if known else "none is active yet"
        row.refuse(ENTRY, f"{ENTRY}: {unknown[0]} is no active KPI; {hint}")

    def _adopt(self, row: Incoming) -> None:
        """Adopts the numbers that the row shows, if they still hold and everything behind them is approved."""
        standing = self.standings[row.key]
        refusal = _why_not(self.tab.column(COMPUTED), row, standing)
        if refusal:
            row.refuse(TICK, f"{TICK}: {refusal}")
            return
        row.takes[ENTRY] = dict(standing.computed.numbers)
        row.clear_ticks.append(TICK)
        self.adopting.add(row.key)

    def save(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        super().save(scene, rows)
        run = scene.context.run
        storage = scene.context.storage
        updates = [
            RecordUpdate(
                pk=row.record.pk,
                fields=adoption_fields(self.standings[row.key], run, scene.context.now),
                origin=storage.origin(scene, row),
            )
            for row in rows
            if row.key in self.adopting and row.record is not None
        ]
        updates += [
            RecordUpdate(
                pk=row.record.pk,
                fields=entry_fields(self.standings[row.key], row.takes[ENTRY], scene.context.now),
                origin=storage.origin(scene, row),
            )
            for row in rows
            if ENTRY in row.takes and row.key not in self.adopting and row.record is not None
        ]
        storage.update_related(InitiativeContribution, "initiative", updates)


def _why_not(column: Any, row: Incoming, standing: Standing) -> str:
    """Why a tick can't be carried out; "" when it can."""
    if ENTRY in row.refused:
        return f"{ENTRY} of this row is refused; mend or empty it first"
    if COMPUTED not in row.row.raw:
        return f"the tab has no column {COMPUTED}, so there is no number shown that could be adopted"
    shown = parse(column, row.row.raw[COMPUTED])
    return why_not_adopted(standing.computed, shown if isinstance(shown, dict) else None)
