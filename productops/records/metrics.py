"""The database's side of Metrics_Config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from productops.models import KpiLevel, MetricConfig
from productops.records.shared import fail
from productops.scores.scoring import EFFORT, OVERALL, VALUE
from productops.scores.unit_check import unit_note
from sheetsync.records import Incoming, ModelRecords, Record, Scene
from sheetsync.values.cells import Value

# What formulas assign for the math score: a KPI of that name couldn't be told from it.
RESERVED_NAMES = frozenset({VALUE, EFFORT, OVERALL})


class MetricRecords(ModelRecords):
    """The company's KPIs. They are saved as a whole: exactly one of them is the active north star afterwards."""

    needed = frozenset({"kpi_level"})

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        return {key: Record(pk, values, _note(str(values["unit"]))) for key, (pk, values) in loaded.items()}

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        super().check(scene, rows)
        for row in rows:
            _check_new(row)
        self._check_north_star(rows)

    def _check_north_star(self, rows: Sequence[Incoming]) -> None:
        good = [row for row in rows if not row.failure]
        if not any(row.takes or row.record is None for row in good):
            return
        stars = _north_stars(good)
        if len(stars) != 1:
            why = _star_text(stars)
            for row in good:
                fail(row, why)


def _check_new(row: Incoming) -> None:
    if row.record is not None:
        return
    key = str(row.values["kpi_key"])
    if key in RESERVED_NAMES:
        fail(row, f'kpi_key: "{key}" is what a formula assigns for the math score; choose another name')
    elif "kpi_level" not in row.takes:
        fail(row, f"the KPI {key} is new and can't be saved without a kpi_level")


def _north_stars(good: Sequence[Incoming]) -> list[str]:
    """The active north stars once these rows are saved, as messages name them: by their row, or as stored."""
    stored = MetricConfig.objects.order_by("kpi_key").values_list("kpi_key", "kpi_level", "is_active")
    after = {key: (level, active, " (as stored)") for key, level, active in stored}
    for row in good:
        key = str(row.record.values["kpi_key"] if row.record else row.values["kpi_key"])
        level, active, _row = after.get(key, ("", True, ""))
        after[key] = (
            str(row.takes.get("kpi_level", level)),
            bool(row.takes.get("is_active", active)),
            f" (row {row.row.number})",
        )
    return [key + where for key, (level, active, where) in after.items() if active and level == KpiLevel.NORTH_STAR]


def _star_text(stars: Sequence[str]) -> str:
    whole = "nothing of this tab is saved until exactly one KPI is"
    if stars:
        return f"{' and '.join(stars)} are each an active north_star; {whole}: make the others strategic or untick is_active"
    return f"no KPI would be an active north_star; {whole}: set its kpi_level to north_star and tick is_active"


def _note(unit: str) -> str:
    warning = unit_note(unit)
    return f"WARNING: {warning}" if warning else "OK"
