"""The steps of the demo, taken exactly as people take them: through the public commands and actions.

Every step may be repeated. What people type is typed once (`Progress` remembers it), and only into cells that nobody
has filled in; actions that find nothing changed write nothing.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.management import call_command
from django.db.models import QuerySet

from backlog.models import Initiative, IntakeSubmission
from config.demo import steps
from config.demo.company import FORMS, IntakeForm
from config.demo.folder import Progress
from config.demo.looking_back import ask_for_a_robust_choice, look_back
from config.demo.modelling import work_on_models
from config.demo.promises import keep_promises
from config.demo.shelf import BOOKS, TITLES, Shelf, type_rows
from config.demo.steps import Filling
from config.demo.strategy import NORTH_STAR, RULES, SCENARIOS
from optimization.models import OptimizationRun
from optimization.runs.running import ENDED
from productops.models import KpiLevel, MetricConfig
from sheetsync.connecting import canonical_location
from sheetsync.context import Arguments
from sheetsync.models import ActionRun, Workbook
from sheetsync.registry import registry
from sheetsync.runs.actions import carry_out, request
from sheetsync.tabs import Role
from sheetsync.values.words import fold, trim

_ANOTHER_DATABASE = "Set DATABASE_URL to another database, such as sqlite:///var/demo.sqlite3"
RUN_ALL = "pm.optimize_run_all_candidates"


class DemoStopped(Exception):
    """The demo can't go on. The text is a sentence for people: what is in the way, and what to do."""


@dataclass(kw_only=True)
class Story:
    """One telling of the demo."""

    shelf: Shelf
    say: Callable[[str], None]  # a line for whoever watches
    whisper: Callable[[str], None]  # what commands print, for whoever wants to know more
    may_spend: bool = False  # whether the language model of the settings may be asked, which may cost money
    progress: Progress = field(init=False)
    remade: set[Role] = field(default_factory=set)  # workbooks that the database knows and that had to be made anew

    def tell(self) -> None:
        """From nothing to a portfolio in each objective mode. Raises DemoStopped."""
        self._open_folder()
        self._make_workbooks()
        self._take_intake()
        self._fill_backlog()
        self._score()
        self._contribute()
        work_on_models(self)
        self._set_rules()
        ask_for_a_robust_choice()
        self._choose()
        look_back(self)
        keep_promises(self)

    # ---- workbooks -------------------------------------------------------------------------------------------------

    def _open_folder(self) -> None:
        self._refuse_foreign_data()
        self.shelf.path.mkdir(parents=True, exist_ok=True)
        self.progress = Progress.load(self.shelf.state)
        if self.progress.is_connected and not self.workbooks().exists():
            aside = self.shelf.set_aside()
            self.say(f"The workbooks there belong to another database; they are kept {aside}.")
            self.progress = Progress(self.shelf.state)

    def _refuse_foreign_data(self) -> None:
        """Two demos, or a demo and a real company, would steer by one set of KPIs and scenarios."""
        if self.workbooks().exists():
            return
        active = MetricConfig.objects.filter(is_active=True, kpi_level=KpiLevel.NORTH_STAR)
        if star := active.exclude(kpi_key=NORTH_STAR).first():
            raise DemoStopped(
                f"this database steers by the north star {star.kpi_key}, and the demo brings its own, {NORTH_STAR}. "
                f"{_ANOTHER_DATABASE}"
            )
        if rival := Workbook.objects.filter(title=FORMS[0].file, submissions__isnull=False).first():
            raise DemoStopped(
                f"this database has the demo already, with {rival.location}. Name that folder with --dir. Or: "
                f"{_ANOTHER_DATABASE}"
            )

    def workbooks(self, *roles: Role) -> QuerySet[Workbook]:
        """The demo's registered workbooks, of these roles or of all."""
        places = [self._place(title) for title in TITLES if self.shelf.location(title)]
        found = Workbook.objects.filter(location__in=places)
        return found.filter(role__in=roles) if roles else found

    def _place(self, title: str) -> str:
        """How a workbook of the demo is registered."""
        return canonical_location(self.shelf.location(title))

    def workbook(self, role: Role) -> Workbook:
        """The one of that role."""
        return Workbook.objects.get(location=self._place(BOOKS[role]))

    def intake(self, form: IntakeForm) -> Workbook:
        """A department's registered workbook."""
        return Workbook.objects.get(location=self._place(form.file))

    def _make_workbooks(self) -> None:
        for form in FORMS:
            self._make_intake(form)
        for role in BOOKS:
            self._make_book(role)
        self.progress.is_connected = True
        self.progress.save()

    def _make_intake(self, form: IntakeForm) -> None:
        known = self._registered(form.file)
        if not self.shelf.holds(form.file):
            self.shelf.make_intake(form, self._keys_of(form, known) if known else {})
            self._follow(known, form.file)
            self.say(f"{form.author} keeps {form.file}: {len(form.rows)} rows")
        if known is None:
            options = {"tab": form.tab, "department": form.department, "add_columns": form.add_columns}
            self._command("connect", Role.INTAKE.value, self.shelf.location(form.file), **options)

    def _make_book(self, role: Role) -> None:
        title = BOOKS[role]
        known = self._registered(title)
        if not self.shelf.holds(title):
            self.shelf.make_blank(title)
            self._command("init_workbook", role.value, self.shelf.location(title))
            self._follow(known, title)
            if known:
                self.remade.add(role)
                self.progress.forget(steps.typed_by_people_alone(role))
        if known is None:
            self._command("connect", role.value, self.shelf.location(title))

    def _registered(self, title: str) -> Workbook | None:
        if not self.shelf.location(title):
            return None
        return Workbook.objects.filter(location=self._place(title)).first()

    def _follow(self, known: Workbook | None, title: str) -> None:
        """A workbook that was made anew may stand elsewhere."""
        if known and known.location != self._place(title):
            known.location = self._place(title)
            known.save(update_fields=["location"])

    def _command(self, *arguments: str, **options: Any) -> None:
        said = io.StringIO()
        call_command(*arguments, stdout=said, **options)
        self.whisper(said.getvalue().rstrip())

    # ---- intake and backlog ----------------------------------------------------------------------------------------

    def _take_intake(self) -> None:
        # Twice: what a sheet is told of a mistyped key depends on the keys that the others were given.
        for form in (*FORMS, *FORMS):
            self.act("pm.backlog_sync", self.intake(form))
            self.progress.keys |= self._keys_of(form, self.intake(form))
        self.progress.save()
        self.say(f"Intake: {len(self.progress.keys)} initiatives have a key")

    def _keys_of(self, form: IntakeForm, workbook: Workbook) -> dict[str, str]:
        """ref -> key of what was taken from a department's sheet; titles are told apart within one sheet."""
        refs = {fold(str(title)): ref for ref, title in _titles(form) if ref}
        pairs = IntakeSubmission.objects.filter(workbook=workbook).values_list("title", "initiative__initiative_key")
        return {refs[fold(title)]: key for title, key in pairs if fold(title) in refs}

    def _fill_backlog(self) -> None:
        backlog = self.workbook(Role.BACKLOG)
        self.act("pm.backlog_sync", backlog, keys=self.own_keys())
        if self.type_once(steps.backlog(self.progress.keys)):
            self.act("pm.backlog_sync", backlog, keys=self.own_keys())

    def own_keys(self) -> tuple[str, ...]:
        """The demo's keys where the database holds other initiatives too, so that those are left alone; else none."""
        own = tuple(sorted(self.progress.keys.values()))
        return own if Initiative.objects.exclude(initiative_key__in=own).exists() else ()

    # ---- scoring and contributions ---------------------------------------------------------------------------------

    def _score(self) -> None:
        productops, keys = self.workbook(Role.PRODUCTOPS), self.progress.keys
        self.type_once(steps.metrics())
        self.act("pm.save_selected", productops, tab="Metrics_Config")
        self.act("pm.populate_initiatives", productops, keys=self.own_keys())
        self.type_once(steps.scoring(keys))
        self.act("pm.save_selected", productops, tab="Scoring_Inputs")
        self.act("pm.populate_initiatives", productops, keys=self.own_keys())
        self.type_once(steps.models(keys))
        self.act("pm.save_selected", productops, tab="MathModels")
        self.type_once(steps.shared_params())
        self.act("pm.save_selected", productops, tab="Params")
        self.act("pm.seed_math_params", productops, keys=self.own_keys())
        self.type_once(steps.params(keys))
        self.act("pm.score_selected", productops, keys=self.own_keys())

    def _contribute(self) -> None:
        productops = self.workbook(Role.PRODUCTOPS)
        self.type_once(steps.contributions(self.progress.keys))
        self.act("pm.save_selected", productops, tab="KPI_Contributions")

    # ---- optimization ----------------------------------------------------------------------------------------------

    def _set_rules(self) -> None:
        portfolio = self.workbook(Role.OPTIMIZATION)
        for filling in steps.strategy(self.progress.keys):
            self.type_once(filling)
        self.act("pm.optimize_save_constraints", portfolio)
        self.act("pm.populate_candidates", portfolio, keys=self.own_keys())

    def _choose(self) -> None:
        """Runs each scenario once: a run appends to Runs and Results, so a repeated demo leaves it at that."""
        portfolio = self.workbook(Role.OPTIMIZATION)
        for scenario in SCENARIOS:
            name = str(scenario["scenario_name"])
            ended = OptimizationRun.objects.filter(workbook=portfolio, scenario_name=name, status__in=ENDED)
            if not ended.exists():
                self.act(RUN_ALL, portfolio, may_fail=True, scenario=name, constraint_set=RULES)

    # ---- typing and acting -----------------------------------------------------------------------------------------

    def type_once(self, filling: Filling) -> bool:
        """Types once; False when it was done before."""
        if filling.step in self.progress.typed:
            return False
        tab = registry.get(filling.role, filling.tab).tab
        filled = type_rows(
            self.shelf,
            BOOKS[filling.role],
            tab,
            filling.rows,
            identity=filling.identity,
            untouched=filling.untouched,
            adds_rows=filling.adds_rows,
        )
        self.progress.typed.append(filling.step)
        self.progress.save()
        self.say(f"{filling.tab}: people typed {filled} cells")
        return True

    def act(self, name: str, workbook: Workbook, *, may_fail: bool = False, **arguments: Any) -> None:
        """Carries out an action, as the command does. Raises DemoStopped when it fails."""
        given = Arguments(confirm=Role(workbook.role) in self.remade, **arguments)
        run = request(name, workbook=workbook, arguments=given, requested_by="demo", came_from="command")
        context = carry_out(run)
        assert context is not None, "a run that was just made is nobody else's"
        self.whisper(f"{name} on {workbook}: {run.status}, {run.counts}")
        if run.status == ActionRun.Status.FAILED and not may_fail:
            raise DemoStopped(f"{name} on {workbook} failed. {_failures(run)}")


def _titles(form: IntakeForm) -> Iterable[tuple[str, str]]:
    """(ref, title as the backend keeps it) of each row of a sheet."""
    column = form.headers.index(form.title_header)
    return [(ref, trim(str(cells[column] or ""))) for ref, cells in form.rows]


def _failures(run: ActionRun) -> str:
    failed = [message for message in run.messages if message["status"] == "FAILED"]
    lines = [" / ".join(filter(None, (entry["tab"], entry["text"]))) for entry in failed[:5]]
    return " ".join(lines) or "The run in the admin has its messages."
