"""The base of every admin page: what may be edited follows from the declarations of the tabs, and every edit leaves history."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin, TabularInline

from sheetsync.access.audit import note
from sheetsync.access.people import AuditEntry
from sheetsync.access.scope import in_scope, is_limited, shows_model, within_scope
from sheetsync.admin.edits import Edit, edited_here, entered_fields, record_label
from sheetsync.admin.forms import REASON, STRUCTURED, CellField, EditForm, NumberWidget
from sheetsync.admin.help_texts import help_texts
from sheetsync.admin.large_lists import QuickPaginator, found_once, of_key, quick_filters
from sheetsync.admin.numbers import number_column, readable_numbers
from sheetsync.admin.panels import panels_of
from sheetsync.admin.recording import DELETE, AdminRun
from sheetsync.admin.searching import search
from sheetsync.models import ActionRun
from sheetsync.storage import Origin
from sheetsync.values.structures import compact_json

Fieldsets = Sequence[tuple[str | None, dict[str, Any]]]


class DeskPage:
    """What every page of a model has: the panels that apps registered for it, and nothing beyond what the person may see."""

    change_form_outer_before_template = "admin/sheetsync/jump.html"
    change_form_outer_after_template = "admin/sheetsync/panels.html"
    paginator = QuickPaginator
    looked_through: tuple[
        str, ...
    ] = ()  # fields that people don't search in, and whose text pages look through for them
    in_search = False  # whether the search of every page finds its records, by `search_fields`
    key_field = (
        ""  # lookup of the key by which people name the record: who types a whole key is shown that record alone
    )

    nothing_yet = "Nothing is here yet."  # what an empty list says, with what to do about it

    @property
    def readonly_preprocess_fields(self) -> dict[str, Callable[[str], str]]:
        """Numbers that are only shown, as people read them."""
        return readable_numbers(self.model)  # type: ignore[attr-defined]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The declared columns, numbers as people read them."""
        declared = super().get_list_display(request)  # type: ignore[misc]
        return [number_column(self.model, column) for column in declared]  # type: ignore[attr-defined]

    def get_list_filter(self, request: HttpRequest) -> Sequence[Any]:
        """The declared ones, quick with many records."""
        return quick_filters(self.model, super().get_list_filter(request))  # type: ignore[misc,attr-defined]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Records of the departments that the person may see."""
        return within_scope(request, super().get_queryset(request))  # type: ignore[misc]

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """What has the key that was typed; else what has every word in one of its fields."""
        typed = search_term.strip()
        if not typed:
            return queryset, False
        named = of_key(queryset, self.key_field, typed)
        return (found_once(queryset, search(queryset, self.search_fields, typed)) if named is None else named), False  # type: ignore[attr-defined]

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whoever has the right, within the departments that they may see."""
        return bool(super().has_view_permission(request, obj)) and self._is_within(request, obj)  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Likewise."""
        return bool(super().has_change_permission(request, obj)) and self._is_within(request, obj)  # type: ignore[misc]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Likewise."""
        return bool(super().has_add_permission(request)) and self._is_within(request, None)  # type: ignore[misc]

    def response_action(
        self, request: HttpRequest, queryset: models.QuerySet[Any], **options: Any
    ) -> HttpResponse | None:
        """What is selected may be forged: what is no key at all isn't looked up."""
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        keys = [each for each in chosen if is_key_of(self.model, each)]  # type: ignore[attr-defined]
        if keys != chosen:
            posted = request.POST.copy()
            posted.setlist(ACTION_CHECKBOX_NAME, keys)
            request.POST = posted  # type: ignore[assignment]
        response: HttpResponse | None = super().response_action(request, queryset, **options)  # type: ignore[misc]
        return response

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Of what is no key at all there is none."""
        if not is_key_of(self.model, object_id):  # type: ignore[attr-defined]
            raise Http404
        response: HttpResponse = super().history_view(request, object_id, extra_context)  # type: ignore[misc]
        return response

    def _is_within(self, request: HttpRequest, obj: models.Model | None) -> bool:
        model: type[models.Model] = self.model  # type: ignore[attr-defined]
        return shows_model(request, model) if obj is None else in_scope(request, obj)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: models.Model | None = None, **kwargs: Any
    ) -> HttpResponse:
        """With the record's panels."""
        shown = {**context, "panels": panels_of(request, obj) if obj is not None else []}
        response: HttpResponse = super().render_change_form(request, shown, *args, obj=obj, **kwargs)  # type: ignore[misc]
        return response


class ReadOnlyAdmin(DeskPage, ModelAdmin):  # type: ignore[misc]
    """Pages that only show."""

    list_fullwidth = True
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is made here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Nothing is changed here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Nothing is deleted here."""
        return False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: models.Model | None = None, **kwargs: Any
    ) -> HttpResponse:
        """Without the way to earlier versions: none are kept."""
        return super().render_change_form(request, {**context, "show_history": False}, *args, obj=obj, **kwargs)

    def may_operate(self, request: HttpRequest) -> bool:
        """Whether the person may press this page's buttons: those who may change such records."""
        may = request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")
        return bool(may) and shows_model(request, self.model)

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For Django's and Unfold's `permissions=["operate"]`."""
        return self.may_operate(request)


class ReadOnlyInline(TabularInline):  # type: ignore[misc]
    """Rows that only show."""

    extra = 0
    can_delete = False
    show_change_link = False
    show_title = False

    @property
    def readonly_preprocess_fields(self) -> dict[str, Callable[[str], str]]:
        """Numbers as people read them."""
        return readable_numbers(self.model)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Nothing is made here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Nothing is changed here."""
        return False


class DeskAdmin(DeskPage, SimpleHistoryAdmin, ModelAdmin):  # type: ignore[misc]
    """Admin of a domain model.

    A field that a tab enters may be edited, unless it identifies the row; every other field is read-only. Records are made
    and removed through the sheets, unless `may_delete` is set. Edits are stored by `sheetsync.admin.edits`.
    """

    form = EditForm
    may_delete = False
    # Fields that no tab enters and that are nevertheless changed here.
    admin_fields: tuple[str, ...] = ()
    formfield_overrides = {models.FloatField: {"widget": NumberWidget}}
    list_fullwidth = True
    list_filter_submit = True
    show_full_result_count = False
    list_per_page = 50

    # ---- what may be done ----------------------------------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Records are made by the sheets."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Only where no other record hangs on it."""
        return self.may_delete and bool(super().has_delete_permission(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Sequence[str]:
        """What nobody types: keys, mirrors, computed values, what actions write."""
        own = super().get_readonly_fields(request, obj)
        stored = (each.name for each in self.model._meta.concrete_fields)
        return list(dict.fromkeys((*own, *(name for name in stored if not self._is_edited_here(name)))))

    def _is_edited_here(self, name: str) -> bool:
        return name in self.admin_fields or edited_here(self.model, name)

    # ---- the form ------------------------------------------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> Fieldsets:
        """The declared ones, and the reason for the change where one can be made."""
        declared = list(self.fieldsets or [(None, {"fields": self._shown_fields()})])
        if not self.has_change_permission(request, obj):
            return declared
        return [*declared, ("This change", {"fields": (REASON,)})]

    def _shown_fields(self) -> list[str]:
        return [each.name for each in self.model._meta.concrete_fields if not each.primary_key]

    def get_form(
        self, request: HttpRequest, obj: models.Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[EditForm]:
        """The form of this request: it knows who asks, and whether an earlier version is being brought back."""
        kwargs["help_texts"] = help_texts(self.model, self.admin_fields)
        made: type[EditForm] = super().get_form(request, obj, change, **kwargs)
        match = request.resolver_match
        made.user = signed_in(request)
        made.refusals = staticmethod(functools.partial(self.refusals, request))
        made.reverting = match is not None and (match.url_name or "").endswith("_simple_history")
        return made

    def refusals(self, request: HttpRequest, record: models.Model, changes: Mapping[str, Any]) -> Mapping[str, str]:
        """Field -> why this person may not make this change, beyond what the field itself accepts."""
        return {}

    def formfield_for_dbfield(self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Structure is typed as in the sheet's cell."""
        entered = entered_fields(self.model).get(db_field.name)
        if entered is None or entered.column.kind not in STRUCTURED:
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        label = str(db_field.verbose_name).capitalize()
        return CellField(column=entered.column, label=label, help_text=kwargs.get("help_text", ""))

    # ---- saving --------------------------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: models.Model, form: EditForm, change: bool) -> None:
        """Saves what was changed as one run, and says what else came of it."""
        assert form.edit is not None
        run = form.edit.save()
        if run is not None:
            note_override(request, form.edit, run)
            for notice in form.edit.notices:
                self.message_user(request, notice, messages.WARNING)
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        """Deletes one record, as a run that can be undone."""
        self._delete(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """Deletes the selected records, as one run that can be undone."""
        self._delete(request, queryset)

    def _delete(self, request: HttpRequest, records: Iterable[models.Model]) -> None:
        with AdminRun(DELETE, signed_in(request)).recorded() as storage:
            for record in records:
                storage.delete(self.model, [record.pk], Origin(label=record_label(record)))
        tabs = sorted({entered.tab.name for entered in entered_fields(self.model).values()})
        if tabs:
            where = " and ".join(tabs)
            text = f"A row that still stands in {where} is taken again with the next save: delete it there as well."
            self.message_user(request, text, messages.WARNING)

    def has_view_history_or_change_history_permission(
        self, request: HttpRequest, obj: models.Model | None = None
    ) -> bool:
        """A record's past is seen by those who see it as it stands."""
        may = bool(super().has_view_history_or_change_history_permission(request, obj))
        if not may or obj is None or not is_limited(request):
            return may
        return self.get_queryset(request).filter(pk=obj.pk).exists()

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """An earlier version; bringing it back is an edit like any other."""
        with transaction.atomic():
            response: HttpResponse = super().history_form_view(request, object_id, version_id, extra_context)
        return response


def is_key_of(model: type[models.Model], text: str) -> bool:
    """Whether a text can be a record's primary key, whether there is one or not."""
    try:
        model._meta.pk.to_python(text)
    except ValidationError:
        return False
    return True


def note_override(request: HttpRequest, edit: Edit, run: ActionRun) -> None:
    """Keeps in the audit log that a person changed values here; which ones stands in the run."""
    reason = run.payload.get("reason", "")
    what = f"{edit.label}: {', '.join(edit.changed_fields)}"
    note(request, AuditEntry.Event.OVERRIDE, f"{what} ({reason})" if reason else what, run_id=run.run_id)


def signed_in(request: HttpRequest) -> AbstractBaseUser:
    """Who is signed in; the admin lets nobody else through."""
    assert isinstance(request.user, AbstractBaseUser)
    return request.user


def as_code(value: Any) -> SafeString | str:
    """Structure as compact JSON, for reading; a dash for nothing."""
    if value in (None, "", {}, []):
        return "-"
    return format_html('<code class="text-xs break-all">{}</code>', compact_json(value))
