"""The database's side of KPI_Contributions: what people entered beside what is computed, and adopting it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from productops.contribution_check import Standing, check_text, warnings
from productops.evaluation import load_facts, load_kpis, load_models
from productops.figures import assignments, same_numbers
from productops.models import InitiativeContribution
from productops.scoring import Contributions, contributions
from sheetsync.cells import Refusal, Value, parse
from sheetsync.records import Incoming, ModelRecords, Record, Scene
from sheetsync.storage import RecordUpdate
from sheetsync.words import nearest

ENTRY, COMPUTED, TICK = "kpi_contribution_json", "computed_contribution_json", "adopt_computed"
# The only action that carries out a tick.
ADOPTED_BY = "pm.save_selected"


class ContributionRecords(ModelRecords):
    """Contributions of every initiative. The backend computes and shows; only a person's tick makes it an entry."""

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        self.kpis, self.standings = load_kpis(), {}
        models, facts, adopted = load_models(), load_facts(), _adopted()
        found = {}
        for key, (pk, values) in loaded.items():
            own = models.get(pk, ())
            entered = values[ENTRY]
            numbers, day = adopted.get(pk, (None, ""))
            standing = Standing(
                entered=entered if isinstance(entered, dict) else None,
                computed=contributions([model.input for model in own], self.kpis.active),
                has_models=bool(own),
                adopted=numbers,
                adopted_on=day,
                active=self.kpis.active,
                chain=facts[pk].chain,
            )
            self.standings[key] = standing
            values[COMPUTED] = dict(standing.computed.numbers) or None
            values["contribution_check"] = check_text(standing)
            warned = "; ".join(warnings(standing))
            found[key] = Record(pk, values, f"WARNING: {warned}" if warned else "OK")
        return found

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
        computed = self.standings[row.key].computed
        refusal = _why_not(self.tab.column(COMPUTED), row, computed)
        if refusal:
            row.refuse(TICK, f"{TICK}: {refusal}")
            return
        row.takes[ENTRY] = dict(computed.numbers)
        row.clear_ticks.append(TICK)
        self.adopting.add(row.key)

    def save(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        super().save(scene, rows)
        run = scene.context.run
        storage = scene.context.storage
        updates = [
            RecordUpdate(
                pk=row.record.pk,
                fields={
                    "adopted_json": row.takes[ENTRY],
                    "adopted_at": scene.context.now,
                    "adopted_by": run.requested_by,
                    "adopted_run": run.run_id,
                },
                origin=storage.origin(scene, row),
            )
            for row in rows
            if row.key in self.adopting and row.record is not None
        ]
        storage.update_related(InitiativeContribution, "initiative", updates)


def _why_not(column: Any, row: Incoming, computed: Contributions) -> str:
    """Why a tick can't be carried out; "" when it can."""
    if ENTRY in row.refused:
        return f"{ENTRY} of this row is refused; mend or empty it first"
    if COMPUTED not in row.row.raw:
        return f"the tab has no column {COMPUTED}, so there is no number shown that could be adopted"
    if not computed.numbers:
        return "nothing is computed that could be adopted. " + " ".join(computed.reasons)
    shown = parse(column, row.row.raw[COMPUTED])
    numbers = None if isinstance(shown, Refusal) or not isinstance(shown, dict) else shown
    if not same_numbers(numbers, computed.numbers):
        before = assignments(numbers) if numbers else "nothing"
        return (
            f"the row showed {before}; computed is now {assignments(computed.numbers)}, which is shown from now on. "
            "Nothing was adopted; save again to adopt it, or take the tick away"
        )
    return "" if computed.approved else "not everything behind the number is approved. " + " ".join(computed.reasons)


def _adopted() -> dict[int, tuple[dict[str, float] | None, str]]:
    """pk of the initiative -> (numbers last adopted, the day of it)."""
    rows = InitiativeContribution.objects.exclude(adopted_at=None)
    fields = rows.values_list("initiative_id", "adopted_json", "adopted_at")
    return {pk: (numbers, f"{moment:%Y-%m-%d}") for pk, numbers, moment in fields}
