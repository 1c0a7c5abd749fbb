"""What came of the demo, for a product manager: read from the database, printed with rich."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from backlog.models import Initiative, IntakeSubmission
from config.demo.company import COMPANY, FORMS
from config.demo.story import Story
from config.demo.strategy import NORTH_STAR, NORTH_STAR_UNIT, SCENARIOS
from optimization.models import ObjectiveMode, OptimizationRun, Portfolio, PortfolioItem
from sheetsync.models import TabState
from sheetsync.tabs import Role

TOP = 5  # selected initiatives that are named
_SOLVED = (OptimizationRun.Status.OPTIMAL, OptimizationRun.Status.FEASIBLE)
_AIMS = {
    ObjectiveMode.NORTH_STAR: f"the most {NORTH_STAR}",
    ObjectiveMode.WEIGHTED_KPIS: "the most progress to four targets, weighted",
    ObjectiveMode.LEXICOGRAPHIC: "one target after another, then revenue",
}


def print_summary(console: Console, story: Story) -> None:
    """What came in, what was refused, what was chosen, and where everything is."""
    console.rule(f"{COMPANY}: from wishes to a portfolio")
    _print_intake(console, story)
    _print_refused(console, story)
    for run in latest_runs(story):
        _print_run(console, run)
    _print_places(console, story)


def _print_intake(console: Console, story: Story) -> None:
    table = Table("intake workbook", "kept by", "rows", "initiatives", title="What came in", title_justify="left")
    for form in FORMS:
        taken = IntakeSubmission.objects.filter(workbook=story.intake(form)).count()
        table.add_row(form.file, form.author, str(len(form.rows)), str(taken))
    console.print(table)


# ---- what was refused ------------------------------------------------------------------------------------------------


def refusals(story: Story) -> list[tuple[str, int, str, str]]:
    """(workbook and tab, row, key, why) of every row that is FAILED today, in the order of the chain."""
    states = TabState.objects.filter(workbook__in=story.workbooks()).select_related("workbook").order_by("pk")
    return [
        (f"{state.workbook} / {state.tab}", row, key, verdict.removeprefix("FAILED: "))
        for state in states
        for row, key, verdict in state.problems
        if verdict.startswith("FAILED")
    ]


def _print_refused(console: Console, story: Story) -> None:
    table = Table("where", "row", "key", "why", title="What was refused, and why", title_justify="left")
    for where, row, key, why in refusals(story):
        table.add_row(escape(where), str(row), escape(key), escape(why))
    if table.row_count:
        console.print(table)
        console.print("Everything else in those rows, and every other row, went through.")
    else:
        console.print("Nothing is refused any more.")


# ---- what was chosen -------------------------------------------------------------------------------------------------


def latest_runs(story: Story) -> Iterator[OptimizationRun]:
    """The last run of each scenario as it stands in Scenario_Config, in the order of the scenarios; what-ifs aren't the plan."""
    for scenario in SCENARIOS:
        name = scenario["scenario_name"]
        runs = OptimizationRun.objects.filter(workbook__in=story.workbooks(Role.OPTIMIZATION), scenario_name=name)
        plans = (run for run in runs.order_by("-created_at", "-id") if "base" not in run.result_json)
        if run := next(plans, None):
            yield run


def _print_run(console: Console, run: OptimizationRun) -> None:
    aim = _AIMS.get(ObjectiveMode(run.objective_mode), "") if run.objective_mode in ObjectiveMode.values else ""
    console.print(f"\n[bold]{escape(run.scenario_name)}[/bold]  {aim}")
    portfolio = Portfolio.objects.filter(run=run).first()
    if run.status not in _SOLVED or portfolio is None:
        console.print(f"  {run.status}: {escape(run.message or 'the Runs tab says why')}")
        return
    used, total = _number(portfolio.capacity_used), _number(portfolio.capacity_total)
    console.print(
        f"  {portfolio.selected_count} of {portfolio.candidate_count} candidates, {used} of {total} tokens used"
    )
    console.print(_chosen(portfolio, run))
    for line in (*_worth(portfolio, run), *_pulled_in(portfolio), f"Targets: {run.message}."):
        console.print(Padding(escape(line), (0, 0, 0, 2)))


def _chosen(portfolio: Portfolio, run: OptimizationRun) -> Table:
    table = Table("", "key", "title", "tokens", "contribution", "why", title=f"Top {TOP}", title_justify="left")
    top = portfolio.items.filter(selected=True).order_by("rank")[:TOP]
    titles = dict(
        Initiative.objects.filter(initiative_key__in=[item.initiative_key for item in top]).values_list(
            "initiative_key", "title"
        )
    )
    for item in top:
        table.add_row(
            str(item.rank),
            item.initiative_key,
            escape(titles.get(item.initiative_key, "")),
            _number(item.allocated_tokens),
            in_objective_units(item.objective_contribution, run.objective_mode),
            escape(item.reason),
        )
    return table


def in_objective_units(number: float | None, mode: str) -> str:
    """A number of the run's objective: the north star's unit, or for weighted KPIs a share of the targets."""
    if number is None:
        return ""
    return f"{number:.3f}" if mode == ObjectiveMode.WEIGHTED_KPIS else _money(number)


def _worth(portfolio: Portfolio, run: OptimizationRun) -> Iterator[str]:
    """What choosing is worth against sorting by score and filling the capacity."""
    ours, theirs = portfolio.total_objective, portfolio.greedy_objective
    if ours is None or theirs is None:
        return
    broken = run.result_json["greedy"].get("rules_broken")
    note = f", and breaks {broken} of the rules" if broken else ""
    if run.objective_mode == ObjectiveMode.NORTH_STAR:
        yield f"It brings {_money(ours)} a year. Sorting by score and filling the capacity: {_money(theirs)}{note}."
        yield f"Choosing is worth {_money(ours - theirs)} a year."
        return
    if run.objective_mode == ObjectiveMode.WEIGHTED_KPIS:
        yield f"Weighted progress {ours:.3f}. Sorting by score and filling the capacity: {theirs:.3f}{note}."
    for step in run.result_json.get("steps") or ():
        sorted_in = (step["baseline"] or 0.0) + by_score(run, step["kpi_key"])
        verdict = "" if step["achieved"] >= step["target"] else " (missed)"
        yield (
            f"{step['kpi_key']}: {_number(step['achieved'])} of {_number(step['target'])}{verdict}. "
            f"Sorting by score: {_number(sorted_in)}."
        )
    stars = run.result_json["kpis"].get(NORTH_STAR, 0.0)
    yield f"In {NORTH_STAR}: {_money(stars)} a year. Sorting by score: {_money(by_score(run, NORTH_STAR))}{note}."


def by_score(run: OptimizationRun, kpi: str) -> float:
    """What sorting by score and filling the capacity contributes to a KPI, in its unit, without bonuses."""
    taken = set(run.result_json["greedy"]["selected"])
    entries = run.inputs_snapshot_json["initiatives"]
    return math.fsum(entry["contributions"].get(kpi, 0.0) for entry in entries if entry["key"] in taken)


def _pulled_in(portfolio: Portfolio) -> Iterator[str]:
    items = PortfolioItem.objects.filter(portfolio=portfolio, selected=True, reason__startswith="pulled in")
    for item in items.order_by("initiative_key").select_related("initiative"):
        title = item.initiative.title if item.initiative else ""
        yield f"{item.initiative_key} {title}: {item.reason}"


def _number(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3f}"


def _money(number: float) -> str:
    return f"{number:,.0f} {NORTH_STAR_UNIT}"


# ---- where things are ------------------------------------------------------------------------------------------------


def _print_places(console: Console, story: Story) -> None:
    console.print("\n[bold]Where things are[/bold]")
    for workbook in story.workbooks():
        console.print(f"  {workbook.role:13} {story.shelf.address(workbook.location)}", markup=False, soft_wrap=True)
