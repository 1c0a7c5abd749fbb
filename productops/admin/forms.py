"""Forms of ProductOps' admin pages."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from productops.model_templates.templates import PARTS, Template, params_from_json, params_text, problems, read_params
from productops.scores.evaluation import load_kpis
from sheetsync.admin.forms import EditForm
from sheetsync.values.words import nearest


class ParamsField(forms.CharField):
    """Parameters of a template, one a line: `visits | users/month | 1000 | 800 | 1200 | Visits that reach the step`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}), strip=False, **options)

    def prepare_value(self, value: Any) -> Any:
        """The lines; what a person typed is shown again as it was typed."""
        return value if isinstance(value, str) else params_text(params_from_json(value or ()))

    def to_python(self, value: Any) -> Any:
        """As they are stored. Raises ValidationError that names the line."""
        if not isinstance(value, str):
            return value
        found = read_params(value)
        if isinstance(found, str):
            raise forms.ValidationError(found)
        return [param.as_json() for param in found]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the lines mean something else than what is stored."""
        try:
            return bool(self.to_python(data) != self.to_python(initial or ""))
        except forms.ValidationError:
            return True


class TemplateForm(EditForm):
    """A template is kept when its formula can be read, names the parameters that it has, and gives the example's result."""

    # field -> what it is, and how many lines it shows
    _HELP = {
        "description": ("When to use it, and what it says.", 3),
        "formula_text": ("As in MathModels; every name that no line assigns needs a line in the parameters.", 5),
        "metric_chain_text": (
            "{kpi} stands for the KPI that a started model contributes to: visits -> orders -> {kpi}",
            2,
        ),
        "target_kpi_key": ("An active KPI; empty means the north star.", 0),
        "assumptions_text": ("What has to be true for it.", 3),
        "example_result": ("What the formula gives for value with the numbers of the parameters.", 0),
        "is_active": ("Untick it to keep it from being chosen; models that were started from it stay.", 0),
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, (text, lines) in self._HELP.items():
            if name in self.fields:
                self.fields[name].help_text = text
                if lines:
                    self.fields[name].widget.attrs["rows"] = lines

    params_json = ParamsField(label="Parameters", help_text=f"One a line: {PARTS}. The numbers are the worked example.")

    def clean(self) -> dict[str, Any]:
        """Refuses what can't be kept, each problem at its field."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            for text in problems(_template_of(cleaned)):
                field, said, _rest = text.partition(", " if text.startswith("formula_text") else ": ")
                self.add_error(field if said and field in self.fields else None, text)
            self._check_target(cleaned.get("target_kpi_key") or "")
        return cleaned

    def _check_target(self, target: str) -> None:
        active = load_kpis().active
        if target and target not in active:
            near = nearest(target, active)
            hint = f"the nearest is {near}" if near else f"the active ones are {', '.join(active[:10])}"
            self.add_error("target_kpi_key", f"{target} is no active KPI; {hint}, and empty means the north star.")


def _template_of(cleaned: dict[str, Any]) -> Template:
    return Template(
        name=cleaned["template_name"],
        description=cleaned["description"],
        formula_text=cleaned["formula_text"],
        chain_text=cleaned["metric_chain_text"],
        params=params_from_json(cleaned["params_json"]),
        example_result=cleaned["example_result"],
        assumptions=cleaned["assumptions_text"],
    )
