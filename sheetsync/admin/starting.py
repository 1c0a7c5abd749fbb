"""Pages that start an action: which one, with which arguments; what it would do, and off it goes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from sheetsync.admin.asking import run_now
from sheetsync.admin.choices import choices_of
from sheetsync.admin.plans import as_told, sheet_plan, stored_plan, told
from sheetsync.context import Arguments
from sheetsync.models import Workbook
from sheetsync.runs.actions import ACTIONS, Action, WrongUsage, rehearse_run
from sheetsync.runs.asked import read_arguments

# Argument -> what to call it, and what it is for.
_WORDS = {
    "tab": ("Tab", "Only this tab; empty for all that the action works on."),
    "keys": ("Keys", "Only these rows: INIT-000001, INIT-000002. Empty for all."),
    "scenario": ("Scenario", ""),
    "constraint_set": ("Constraint set", "Empty takes the scenario's only one."),
    "framework": ("Framework", "Whose scores become the active ones."),
    "template": ("Template", "Starts a math model from it for each of the keys; empty starts none."),
    "runs": ("Runs", ""),
    "capacity": ("Capacity", "Tokens, instead of the scenario's."),
    "weights": ("Weights", "Instead of the scenario's: gmv: 0.7; retention_30d: 0.3"),
    "explain": (
        "Explain",
        "So many that are left out, and as many that are chosen; empty for as many as the settings say.",
    ),
    "confirm": ("Confirm", "Tick it where the brake stopped this because rows are gone, and they are meant to be."),
}
_ALWAYS = ("tab", "keys")
_SEVERAL = frozenset({"runs"})
_LONG = frozenset({"keys", "weights"})


class StartForm(forms.Form):
    """The arguments that an action declares, with what there is to choose from."""

    def __init__(self, action: Action, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.action = action
        self.arguments = Arguments()
        self.books = {str(book.pk): book for book in Workbook.objects.filter(is_active=True, role__in=action.roles)}
        everywhere = ("", f"Every active workbook that it works on ({len(self.books)})")
        named = [everywhere, *((pk, f"{book} ({book.role})") for pk, book in self.books.items())]
        self.fields["workbook"] = forms.ChoiceField(
            choices=named, required=False, label="Workbook", widget=UnfoldAdminSelectWidget
        )
        for name in (*_ALWAYS, *action.arguments, "confirm"):
            self.fields[name] = _field(name, choices_of(name, action))

    def clean(self) -> dict[str, Any]:
        """Reads the arguments as a Control tab's are read: the same names, the same refusals."""
        given = [(name, value) for name, value in self.cleaned_data.items() if name != "workbook" and value]
        try:
            self.arguments = read_arguments(self.action, None, given)
        except WrongUsage as refusal:
            named = str(refusal).partition(":")[0]
            self.add_error(named if named in self.fields else None, str(refusal))
        return self.cleaned_data

    @property
    def workbook(self) -> Workbook | None:
        """The one that was chosen."""
        return self.books.get(self.cleaned_data.get("workbook") or "")


def _field(name: str, choices: list[tuple[str, str]] | None) -> forms.Field:
    label, help_text = _WORDS.get(name, (name.replace("_", " ").capitalize(), ""))
    words: dict[str, Any] = {"label": label, "help_text": help_text, "required": False}
    if name == "confirm":
        return forms.BooleanField(widget=UnfoldBooleanSwitchWidget, **words)
    if choices is None:
        return forms.CharField(
            widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}) if name in _LONG else UnfoldAdminTextInputWidget(), **words
        )  # fmt: skip
    if name in _SEVERAL:
        widget = UnfoldAdminSelectMultipleWidget(attrs={"size": 8})
        return forms.MultipleChoiceField(choices=choices, widget=widget, **words)
    return forms.ChoiceField(choices=[("", "-"), *choices], widget=UnfoldAdminSelectWidget, **words)


def choose_action(page: Any, request: HttpRequest) -> HttpResponse:
    """Every action with what it does, by the kind of workbook it works on."""
    _require_operator(page, request)
    groups: dict[str, list[Action]] = {}
    for action in sorted(ACTIONS.values(), key=lambda action: action.label):
        groups.setdefault(" and ".join(action.roles) if len(action.roles) < 3 else "any", []).append(action)
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": "Start an action",
        "groups": sorted(groups.items()),
    }
    return TemplateResponse(request, "admin/sheetsync/start.html", context)


def start_action(page: Any, request: HttpRequest, name: str) -> HttpResponse:
    """The form of one action; a dry run of it; and its start."""
    _require_operator(page, request)
    action = ACTIONS.get(name)
    if action is None:
        raise Http404(f"there is no action {name}")
    asked = request.POST if request.method == "POST" else None
    form = StartForm(action, asked, initial=request.GET.dict())
    plan: dict[str, Any] = {}
    if form.is_bound and form.is_valid():
        if "dry_run" in request.POST:
            plan = _plan(request, form)
        else:
            started = run_now(page, request, name, workbook=form.workbook, arguments=form.arguments)
            if started is not None:
                return started
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": action.label,
        "action": action,
        "form": form,
        "back": reverse("admin:sheetsync_actionrun_start"),
        **plan,
    }
    return TemplateResponse(request, "admin/sheetsync/start_action.html", context)


def _plan(request: HttpRequest, form: StartForm) -> dict[str, Any]:
    """What a dry run finds: its status, its plan, its messages."""
    user = request.user.get_username()
    report = rehearse_run(form.action.name, workbook=form.workbook, arguments=form.arguments, requested_by=user).report
    return {
        "dry_run": str(report.status),
        "rows_changed": len(report.changed),
        "stored": stored_plan(report.plan),
        "sheets": sheet_plan(report.plan),
        "told": told(as_told(report.messages)),
    }


def _require_operator(page: Any, request: HttpRequest) -> None:
    if not page.may_operate(request):
        raise PermissionDenied
