"""A small company to look at in the admin, and how a browser posts its pages."""

from __future__ import annotations

import datetime
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import models
from django.test import Client
from django.urls import reverse

from backlog.models import Initiative, IntakeSubmission
from optimization.models import (
    OptimizationConstraintSet,
    OptimizationRun,
    OptimizationScenario,
    Portfolio,
    PortfolioItem,
)
from productops.models import (
    InitiativeContribution,
    InitiativeMathModel,
    InitiativeParam,
    InitiativeScoring,
    LanguageModelAnswer,
    MetricConfig,
    Review,
)
from sheetsync.models import (
    ActionRun,
    AuditEntry,
    CellChange,
    Conflict,
    KeyReservation,
    RecordChange,
    RowState,
    TabState,
    Workbook,
)

NOW = datetime.datetime(2026, 3, 31, 9, 30, tzinfo=datetime.UTC)


def admin_client() -> Client:
    """A browser in which Ada, who may do everything, is signed in."""
    user = User.objects.filter(username="ada").first() or User.objects.create_superuser("ada", password="-")
    client = Client()
    client.force_login(user)
    return client


def client_with(*permissions: str) -> Client:
    """A browser of a person who may do these things only (codenames: view_initiative, ...)."""
    user = User.objects.create_user("bo", password="-", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def change_url(record: models.Model) -> str:
    return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=(record.pk,))


def list_url(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def button_url(record: models.Model, button: str) -> str:
    name = f"admin:{record._meta.app_label}_{record._meta.model_name}_{button}"
    return reverse(name, args=(record.pk,))


def opened(client: Client, url: str) -> dict[str, str]:
    """What a browser would post if the page were saved as it was opened, the remembered first values included."""
    form = client.get(url).context["adminform"].form
    data: dict[str, str] = {}
    for bound in form:
        shown = bound.field.widget.format_value(bound.value())
        if isinstance(shown, list | tuple):
            shown = shown[0] if shown else ""
        if not (bound.field.widget.__class__.__name__.endswith(("BooleanSwitchWidget", "CheckboxInput"))):
            data[bound.html_name] = "" if shown is None else str(shown)
        elif bound.value():
            data[bound.html_name] = "on"
        if bound.field.show_hidden_initial:
            hidden = bound.field.hidden_widget().format_value(bound.value())
            data[bound.html_initial_name] = "" if hidden is None else str(hidden)
    # Browsers end lines with both characters.
    return {name: value.replace("\n", "\r\n") for name, value in data.items()}


def save(client: Client, url: str, data: dict[str, str], **changes: Any) -> Any:
    """Posts the page with changes; None unticks."""
    posted = {**data, **{name: value for name, value in changes.items() if value is not None}}
    for name in [name for name, value in changes.items() if value is None]:
        posted.pop(name, None)
    return client.post(url, posted)


def edit(client: Client, record: models.Model, **changes: Any) -> Any:
    """Opens the record's page, changes fields, saves."""
    url = change_url(record)
    return save(client, url, opened(client, url), **changes)


def errors(response: Any) -> dict[str, list[str]]:
    """What the form refused."""
    return dict(response.context["adminform"].form.errors)


def workbook(role: str = "backlog", location: str = "") -> Workbook:
    place = location or f"/books/{role}.xlsx"
    return Workbook.objects.get_or_create(location=place, defaults={"role": role, "title": role})[0]


def initiative(number: int = 1, **fields: Any) -> Initiative:
    """An initiative with what intake said of it."""
    title = fields.pop("title", f"Idea {number}")
    made = Initiative.objects.create(
        initiative_key=f"INIT-{number:06d}", title=title, department="Sales", engineering_tokens=10.0, **fields
    )
    IntakeSubmission.objects.create(
        initiative=made, workbook=workbook("intake"), tab="Wishes", title=title, department="Sales"
    )
    return made


def math_model(owner: Initiative, **fields: Any) -> InitiativeMathModel:
    given = {"model_name": "uplift", "formula_text": "value = uplift * 10", "target_kpi_key": "gmv", **fields}
    return InitiativeMathModel.objects.create(initiative=owner, **given)


def param(owner: Initiative | None, **fields: Any) -> InitiativeParam:
    given = {"param_name": "uplift", "value": 0.05, "min": 0.01, "max": 0.1, "unit": "fraction", **fields}
    return InitiativeParam.objects.create(initiative=owner, **given)


def north_star() -> MetricConfig:
    return MetricConfig.objects.get_or_create(kpi_key="gmv", defaults={"kpi_level": "north_star", "unit": "GBP"})[0]


def fill(start: int, count: int) -> None:
    """Initiatives from `start` on, each with everything that hangs on one, and as many runs of all sorts."""
    north_star()
    AuditEntry.objects.bulk_create(AuditEntry(event="export", username="ada", text=f"export {n}") for n in range(count))
    for number in range(start, start + count):
        owner = initiative(number)
        math_model(owner)
        param(owner)
        InitiativeScoring.objects.create(initiative=owner, rice_reach=100.0)
        InitiativeContribution.objects.create(initiative=owner, adopted_json={"gmv": 3.0}, adopted_at=NOW)
        MetricConfig.objects.create(kpi_key=f"metric_{number}", kpi_level="strategic")
        LanguageModelAnswer.objects.create(question_hash=f"q{number}", task="summary", asked_at=NOW, used_at=NOW)
        Review.objects.create(
            subject="productops.InitiativeParam", object_id=number, label=f"p{number}", decision="approved"
        )
        _fill_engine(owner, number)
        _fill_optimization(owner, number)


def _fill_engine(owner: Initiative, number: int) -> None:
    book = workbook("backlog", f"/books/backlog{number}.xlsx")
    run = ActionRun.objects.create(
        action="pm.backlog_sync",
        status="partial",
        workbook=book,
        requested_by="ada",
        finished_at=NOW,
        counts={"rows_read": 3},
        messages=[
            {"workbook": "b", "tab": "Backlog", "row": 4, "key": owner.initiative_key, "status": "FAILED", "text": "no"}
        ],
    )
    place = {"workbook": book, "tab": "Backlog", "row_key": owner.initiative_key}
    RecordChange.objects.create(
        run=run, model="backlog.Initiative", object_id=owner.pk, fields={"title": ["old", "new"]}, **place
    )
    CellChange.objects.create(run=run, cells={"title": [None, "new"]}, **place)
    RowState.objects.create(base={"title": "new"}, verdict="OK", **place)
    TabState.objects.create(
        workbook=book, tab="Backlog", row_count=3, problems=[[4, owner.initiative_key, "FAILED: no"]]
    )
    KeyReservation.objects.create(key=owner.initiative_key, workbook=book, tab="Backlog", row_text="x")
    conflict(owner, run=run, book=book)


def conflict(
    owner: Initiative, *, run: ActionRun | None = None, book: Workbook | None = None, **fields: Any
) -> Conflict:
    """A title that was changed on both sides; the sheet's stands."""
    given: dict[str, Any] = {"base_value": "first", "kept_value": owner.title, "lost_value": "the other", **fields}
    column = given.pop("field", "title")
    return Conflict.objects.create(
        run=run,
        workbook=book or workbook(),
        tab="Backlog",
        row_key=owner.initiative_key.casefold(),
        column=column,
        model="backlog.Initiative",
        object_id=owner.pk,
        field=column,
        **given,
    )


def _fill_optimization(owner: Initiative, number: int) -> None:
    scenario = OptimizationScenario.objects.create(
        scenario_name=f"S{number}", period_key="2026-Q3", capacity_total_tokens=100.0, objective_mode="north_star"
    )
    rules = OptimizationConstraintSet.objects.create(
        scenario=scenario,
        constraint_set_name="base",
        mandatory_initiatives_json=[owner.initiative_key],
        refused_rows_json=[{"tab": "Constraints", "row": 4, "text": "no such initiative"}],
    )
    run = OptimizationRun.objects.create(
        scenario=scenario,
        constraint_set=rules,
        scenario_name=scenario.scenario_name,
        status="optimal",
        inputs_snapshot_json={"candidates": [owner.initiative_key]},
        result_json={"status": "optimal"},
    )
    portfolio = Portfolio.objects.create(run=run, candidate_count=3, selected_count=1, capacity_total=100.0)
    PortfolioItem.objects.create(
        portfolio=portfolio, initiative=owner, initiative_key=owner.initiative_key, selected=True, rank=1
    )
