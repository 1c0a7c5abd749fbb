"""The stored library of model templates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from productops.model_templates.templates import Template, params_from_json
from productops.models import ModelTemplate
from sheetsync.runs.actions import WrongUsage
from sheetsync.values.words import nearest, squeeze

FROM_THE_LIBRARY = "from the library that the system comes with"
# What analysts edit.
TEMPLATE_FIELDS = (
    "template_name",
    "description",
    "formula_text",
    "metric_chain_text",
    "target_kpi_key",
    "assumptions_text",
    "params_json",
    "example_result",
    "is_active",
)


def add_templates(model: Any, history: Any, templates: Iterable[Template]) -> int:
    """Adds those whose name isn't taken yet, and leaves every other one as it is; how many were added. `model` is
    ModelTemplate and `history` its history's model, or what they were when a migration runs."""
    known = set(model.objects.values_list("template_name", flat=True))
    new = [model(**template_fields(template)) for template in templates if template.name not in known]
    added = model.objects.bulk_create(new)
    about = {"history_date": timezone.now(), "history_type": "+", "history_change_reason": FROM_THE_LIBRARY}
    names = [field.attname for field in model._meta.concrete_fields]
    history.objects.bulk_create(history(**{name: getattr(one, name) for name in names}, **about) for one in added)
    return len(added)


def template_fields(template: Template) -> dict[str, Any]:
    """A template as it is stored."""
    return {
        "template_name": template.name,
        "description": template.description,
        "formula_text": template.formula_text,
        "metric_chain_text": template.chain_text,
        "assumptions_text": template.assumptions,
        "params_json": [param.as_json() for param in template.params],
        "example_result": template.example_result,
    }


def stored_template(stored: ModelTemplate) -> Template:
    """A stored template, as the pure half takes it."""
    return Template(
        name=stored.template_name,
        description=stored.description,
        formula_text=stored.formula_text,
        chain_text=stored.metric_chain_text,
        params=params_from_json(stored.params_json),
        example_result=stored.example_result,
        assumptions=stored.assumptions_text,
    )


def find_template(name: str) -> ModelTemplate:
    """The active template of that name, ignoring case and spaces. Raises WrongUsage that names the nearest one, else all."""
    templates = list(ModelTemplate.objects.filter(is_active=True))
    for template in templates:
        if squeeze(template.template_name) == squeeze(name):
            return template
    names = [template.template_name for template in templates]
    near = nearest(name, names)
    hint = f"did you mean {near}?" if near else f"they are {', '.join(names)}" if names else "none is active"
    raise WrongUsage(f"there is no template {name!r}; {hint}")
