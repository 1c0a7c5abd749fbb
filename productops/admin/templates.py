"""The admin page of model templates."""

from __future__ import annotations

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from productops.admin.forms import TemplateForm
from productops.figures import amount
from productops.formulas.tree import RESULT_NAME
from productops.model_templates.stored import TEMPLATE_FIELDS, stored_template
from productops.model_templates.templates import example_of
from productops.models import ModelTemplate
from sheetsync.admin.base import DeskAdmin, signed_in
from sheetsync.admin.decorators import shown
from sheetsync.admin.forms import REASON, EditForm
from sheetsync.admin.recording import ADD, AdminRun
from sheetsync.storage import NewRecord, Origin


@admin.register(ModelTemplate)
class ModelTemplateAdmin(DeskAdmin):
    """What math models may start from: analysts curate the library here, and take out of use what shouldn't be chosen."""

    form = TemplateForm
    admin_fields = TEMPLATE_FIELDS
    list_display = ("template_name", "description", "example", "target_kpi_key", "is_active")
    list_filter = ("is_active", "target_kpi_key")
    search_fields = ("template_name", "description", "formula_text")
    readonly_fields = ("example",)
    fieldsets = (
        (None, {"fields": (("template_name", "is_active"), "description")}),
        ("Model", {"fields": ("formula_text", "metric_chain_text", "target_kpi_key", "assumptions_text")}),
        ("Worked example", {"fields": ("params_json", ("example_result", "example"))}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Templates are made here, and nowhere else."""
        return bool(request.user.has_perm("productops.add_modeltemplate"))

    @shown("Worked example")
    def example(self, template: ModelTemplate) -> str:
        """What the formula gives with the numbers of the parameters."""
        found = example_of(stored_template(template)) if template.pk else "computed once it is saved"
        return found if isinstance(found, str) else f"{RESULT_NAME} = {amount(found)}"

    def save_model(self, request: HttpRequest, obj: models.Model, form: EditForm, change: bool) -> None:
        """An edit like any other; a new template is made as a run that can be undone."""
        if change:
            super().save_model(request, obj, form, change)
            return
        run = AdminRun(ADD, signed_in(request), form.cleaned_data.get(REASON, ""))
        with run.recorded() as storage:
            fields = {name: form.cleaned_data[name] for name in TEMPLATE_FIELDS}
            (obj.pk,) = storage.create(ModelTemplate, [NewRecord(fields=fields, origin=Origin(label=str(obj)))])
        obj.refresh_from_db()
