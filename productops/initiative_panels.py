"""Panels of an initiative's page: what doesn't go together, models, parameters, scores, contributions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from backlog.models import Initiative, ScoringFramework
from productops.contributions.check import Standing, adoption_remark, comparison
from productops.contributions.consistency import Kind
from productops.contributions.report import load_inputs, load_report, load_standing
from productops.figures import amount
from productops.formulas.steps import steps_text
from productops.model_outputs import explain_model, model_spreads
from productops.models import SHARED_KEY, InitiativeMathModel, InitiativeParam, InitiativeScoring
from productops.scores.evaluation import FRAMEWORKS, SCORE_PARTS, load_kpis
from productops.spreads.figures import KpiSpread
from productops.spreads.plots import histogram_plot, tornado_plot
from productops.spreads.ranges import shown_drawing
from sheetsync.access.scope import is_limited
from sheetsync.admin.links import run_address
from sheetsync.admin.plots import render_plot
from sheetsync.admin.tables import shown_number, table
from sheetsync.models import ActionRun

_KEPT = "_productops_standing"  # on the initiative, for the panels of one request


def standing_of(initiative: Initiative) -> Standing:
    """What stands side by side for the initiative; loaded once for all panels."""
    if not hasattr(initiative, _KEPT):
        setattr(initiative, _KEPT, load_standing(initiative))
    found: Standing = getattr(initiative, _KEPT)
    return found


def consistency(request: HttpRequest, initiative: Initiative) -> SafeString | str:
    """The report, most important first. Who is limited to departments isn't told the keys of others."""
    standing = standing_of(initiative)
    found = load_report(initiative, standing) if standing.models or standing.entered else ()
    hidden = Kind.COUNTED_TWICE if is_limited(request) else None
    return table(
        ("About", "What doesn't go together"),
        [(finding.kind.capitalize(), finding.text) for finding in found if finding.kind is not hidden],
        nothing="All goes together." if standing.models else "",
    )


def models(request: HttpRequest, initiative: Initiative) -> SafeString | str:
    """Each model with its formula, the steps that it takes with its parameters' numbers, and what it gives."""
    inputs = {model.name: model for model in standing_of(initiative).models}
    rows = []
    for stored in InitiativeMathModel.objects.filter(initiative=initiative).order_by("model_name"):
        address = reverse("admin:productops_initiativemathmodel_change", args=(stored.pk,))
        explained = explain_model(inputs[stored.model_name])
        rows.append(
            (
                format_html('<a href="{}">{}</a>', address, stored.model_name),
                stored.target_kpi_key,
                _lines(stored.formula_text),
                _lines(steps_text(explained.steps)) if explained.steps else explained.error,
                stored.metric_chain_text,
                "approved" if stored.approved_by_user else "not approved",
            )
        )
    if not rows and not initiative.use_math_model:
        return ""
    headers = ("Model", "Contributes to", "Formula", "With its numbers", "Metric chain", "Approval")
    return table(headers, rows, nothing="No math model yet.") + _start_link(request, initiative)


def _start_link(request: HttpRequest, initiative: Initiative) -> SafeString | str:
    """Where a model is started from a template, for those who may start actions."""
    if is_limited(request) or not request.user.has_perm("sheetsync.change_actionrun"):
        return ""
    page = reverse("admin:sheetsync_actionrun_start_action", args=("pm.populate_initiatives",))
    address = f"{page}?keys={initiative.initiative_key}"
    return format_html('<p><a href="{}">Start a model from a template</a></p>', address)


def model_steps(request: HttpRequest, stored: InitiativeMathModel) -> SafeString | str:
    """On a model's own page: how its formula comes to what it gives, with today's parameters."""
    inputs = {model.name: model for model in load_inputs(stored.initiative_id)}
    explained = explain_model(inputs[stored.model_name])
    return _lines(steps_text(explained.steps)) if explained.steps else explained.error


def _lines(text: str) -> SafeString:
    """Lines below each other, each as long as the table allows."""
    return format_html_join("", '<div><code class="text-xs">{}</code></div>', ((line,) for line in text.splitlines()))


def ranges(request: HttpRequest, initiative: Initiative) -> SafeString | str:
    """How far each computed contribution may lie apart, over the approved ranges, and which parameters move it."""
    standing = standing_of(initiative)
    computed, units = standing.computed.numbers, load_kpis().units
    spreads = model_spreads(standing.models, standing.active, shown_drawing())
    if not spreads:
        return ""
    head = ("KPI", "P10", "P50", "P90", "Mean", "Negative", "Moves it most")
    figures = table(head, [_spread_row(spread, units.get(spread.kpi, "")) for spread in spreads])
    plots = [
        (
            render_plot(histogram_plot(spread, now=computed[spread.kpi], unit=units.get(spread.kpi, ""))),
            render_plot(tornado_plot(spread, now=computed[spread.kpi], unit=units.get(spread.kpi, ""))),
        )
        for spread in spreads
        if spread.kpi in computed
    ]
    return format_html("{}{}", figures, format_html_join("", '<div class="desk-cards">{}{}</div>', plots))


def _spread_row(spread: KpiSpread, unit: str) -> Sequence[str]:
    figures = (spread.p10, spread.p50, spread.p90, spread.mean)
    moving = [swing.name for swing in spread.swings if swing.width]
    return (
        f"{spread.kpi} ({unit})" if unit else spread.kpi,
        *(amount(float(f"{number:.3g}")) for number in figures),
        f"{spread.negative:.0%} of the draws".replace("%", " %"),
        ", ".join(moving[:3]),
    )


def params(request: HttpRequest, initiative: Initiative) -> SafeString | str:
    """The parameters of its own, and the shared ones that its formulas use."""
    used = set(standing_of(initiative).uses)
    rows = InitiativeParam.objects.filter(Q(initiative=initiative) | Q(initiative=None, param_name__in=used))
    own = {param.param_name for param in rows if param.initiative_id}
    shown = [param for param in rows if param.initiative_id or param.param_name not in own]
    return table(
        ("Parameter", "Of", "Value", "Min", "Max", "Unit", "Approval", "Used", "Source"),
        [_param_row(param, used) for param in sorted(shown, key=lambda param: (param.framework, param.param_name))],
        nothing="",
    )


def _param_row(param: InitiativeParam, used: set[str]) -> Sequence[Any]:
    is_math = param.framework == ScoringFramework.MATH_MODEL
    address = reverse("admin:productops_initiativeparam_change", args=(param.pk,))
    return (
        format_html('<a href="{}">{}</a> {}', address, param.param_name, param.param_display),
        "the initiative" if param.initiative_id else SHARED_KEY,
        *(shown_number(number) for number in (param.value, param.min, param.max)),
        param.unit,
        "approved" if param.approved else "not approved",
        "by a formula" if is_math and param.param_name in used else "by no formula" if is_math else param.framework,
        param.source,
    )


def scores(request: HttpRequest, initiative: Initiative) -> SafeString | str:
    """Value, effort and overall score by each framework, and which one counts."""
    scoring = InitiativeScoring.objects.filter(initiative=initiative).first()
    if scoring is None:
        return ""
    rows = []
    for framework, prefix in FRAMEWORKS.items():
        numbers = [getattr(scoring, f"{prefix}_{part}_score") for part in SCORE_PARTS]
        active = "counts" if framework == initiative.active_scoring_framework else ""
        rows.append((framework, *map(shown_number, numbers), active))
    link = format_html('<p><a href="{}">Frameworks side by side</a></p>', reverse("admin:productops_frameworks"))
    return table(("Framework", "Value", "Effort", "Overall", "Active"), rows) + link


def contributions(request: HttpRequest, initiative: Initiative) -> SafeString | str:
    """Per KPI: what holds, what each model gives, and how both compare."""
    standing = standing_of(initiative)
    if not standing.entered and not standing.models:
        return ""
    entered, computed = standing.entered or {}, standing.computed.numbers
    units = load_kpis().units
    rows = [
        (kpi, units.get(kpi, "no active KPI"), shown_number(entered.get(kpi)), shown_number(computed.get(kpi)),
         "; ".join(f"{part.name}: {amount(part.numbers[kpi])}" for part in standing.computed.by_model if kpi in part.numbers))
        for kpi in sorted({*entered, *computed})
    ]  # fmt: skip
    said = format_html_join("", "<p>{}</p>", ((text,) for text in _said(standing)))
    link = format_html(
        '<p><a href="{}?view=all&amp;q={}">Adopt</a></p>', reverse("admin:productops_adoptions"), standing.key
    )
    return table(("KPI", "Unit", "Holds", "Computed", "By model"), rows, nothing="") + said + link


def _said(standing: Standing) -> Iterator[SafeString | str]:
    yield " ".join(filter(None, (comparison(standing), adoption_remark(standing))))
    adoption = standing.adoption
    if adoption is None:
        return
    run = ActionRun.objects.filter(run_id=adoption.run).first() if adoption.run else None
    by = f"Last adopted on {adoption.on} by {adoption.by or 'nobody named'}"
    yield format_html('{} in run <a href="{}">{}</a>.', by, run_address(run), run.run_id) if run else f"{by}."
    if adoption.basis is not None and adoption.basis.params:
        values = "; ".join(
            f"{name} = {'empty' if value is None else amount(value)}" for name, value in adoption.basis.params.items()
        )
        yield f"From {', '.join(adoption.basis.models)} with {values}."
