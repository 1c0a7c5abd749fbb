"""The demo's chapter about promises: three floors that can't hold together, what the run says of them, how a PM mends one; a what-if."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from config.demo.company import PERIOD, Cell, Cells
from config.demo.shelf import UNTOUCHED
from config.demo.steps import Filling
from optimization.models import OptimizationRun
from optimization.runs.running import ENDED
from sheetsync.tabs import Role

if TYPE_CHECKING:
    from config.demo.story import Story

PROMISES = f"{PERIOD} promises"
ASKED = "Asked by the offices"
NEAREST = 5  # misses, and as many narrow choices, that are explained
SAVE, RUN = "pm.optimize_save_constraints", "pm.optimize_run_all_candidates"
CONSTRAINT = ("scenario_name", "constraint_set_name", "constraint_type", "dimension", "dimension_key")

_SCENARIO: Cells = {
    "scenario_name": PROMISES,
    "period_key": PERIOD,
    "capacity_total_tokens": 360,
    "objective_mode": "north_star",
    "notes": "What if every office got what it asks for?",
}
_FLOORS = {
    "Iberia": (150.0, "The Madrid office."),
    "UKI": (140.0, "The London office."),
    "DACH": (110.0, "The Berlin office."),
}


def _floor(market: str) -> Cells:
    return {
        "scenario_name": PROMISES,
        "constraint_set_name": ASKED,
        "constraint_type": "capacity_floor",
        "dimension": "market",
        "dimension_key": market,
    }


def _sitting(tab: str, rows: tuple[Cells, ...], name: str, identity: tuple[str, ...], *untouched: Cell) -> Filling:
    return Filling(
        role=Role.OPTIMIZATION,
        tab=tab,
        rows=rows,
        name=name,
        identity=identity,
        adds_rows=not untouched,
        untouched=(*UNTOUCHED, *untouched),
    )


def keep_promises(story: Story) -> None:
    """Types the promises, runs into them, mends the one that is cheapest to mend, and asks what a near miss would cost."""
    portfolio = story.workbook(Role.OPTIMIZATION)
    floors = tuple(
        {**_floor(market), "min_tokens": tokens, "notes": notes} for market, (tokens, notes) in _FLOORS.items()
    )
    story.type_once(_sitting("Scenario_Config", (_SCENARIO,), "promises", ("scenario_name",)))
    story.type_once(_sitting("Constraints", floors, "promises", CONSTRAINT))
    story.act(SAVE, portfolio)
    first = _run(story, 1)
    if first.status == OptimizationRun.Status.INFEASIBLE:
        story.say(f"{PROMISES}: {first.message}")
        _mend(story, first)
    second = _run(story, 2)
    if second.status == OptimizationRun.Status.OPTIMAL:
        _ask(story, second)


def _run(story: Story, number: int) -> OptimizationRun:
    """The scenario's run of that number, made now if it wasn't made before."""
    portfolio = story.workbook(Role.OPTIMIZATION)
    runs = OptimizationRun.objects.filter(workbook=portfolio, scenario_name=PROMISES, status__in=ENDED).order_by("pk")
    if runs.count() < number:
        # The nearest misses are enough here: nobody should wait for the rest.
        few = min(settings.SOLVER_EXPLAIN_MOST, NEAREST)
        story.act(RUN, portfolio, may_fail=True, scenario=PROMISES, constraint_set=ASKED, explain=few)
    return runs[min(number, runs.count()) - 1]


def _mend(story: Story, run: OptimizationRun) -> None:
    """Types the cheapest way that the run named, into the row of the office that it is about."""
    ways: list[dict[str, Any]] = run.result_json["infeasible"]["relaxation"]
    way = next((way for way in ways if way.get("column") == "min_tokens"), None)
    market = None if way is None else _office(way["from"])
    if way is None or market is None:
        return
    mended = _sitting(
        "Constraints", ({**_floor(market), "min_tokens": way["to"]},), "promises mended", CONSTRAINT, way["from"]
    )
    if story.type_once(mended):
        story.say(f"{PROMISES}: the {market} office settles for {way['to']:g} tokens instead of {way['from']:g}")
    story.act(SAVE, story.workbook(Role.OPTIMIZATION))


def _office(tokens: float) -> str | None:
    return next((market for market, (asked, _notes) in _FLOORS.items() if asked == tokens), None)


def _ask(story: Story, run: OptimizationRun) -> None:
    """Holds the first near miss in for one run, and takes the tick out again."""
    misses = run.result_json.get("why_not", {})
    key = next((key for key, why in misses.items() if why["cost"]), None)
    if key is None:
        return
    named = ("initiative_key",)
    story.type_once(_sitting("Candidates", ({"initiative_key": key, "force": "in"},), "what if", named, ""))
    asked = _run(story, 3)
    story.type_once(_sitting("Candidates", ({"initiative_key": key, "force": ""},), "what if over", named, "in"))
    story.say(f"{PROMISES}: {asked.message}")
