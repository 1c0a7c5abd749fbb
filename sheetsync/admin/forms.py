"""Forms of the admin: fields that read what a cell would take, and edits that never overwrite what somebody else changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from sheetsync.admin.edits import Edit, entered_fields, plan_edit
from sheetsync.admin.recording import EDIT, AdminRun
from sheetsync.models import RecordChange
from sheetsync.tabs import Column, Kind
from sheetsync.values.cells import Refusal, Value, parse, render

# Kinds whose cells hold structure: the admin takes the same text as the sheet.
STRUCTURED = frozenset({Kind.KEY_LIST, Kind.NUMBERS, Kind.WEIGHTS, Kind.JSON})
REASON = "change_reason"
RECENT = 50  # changes of a record in which the one that came between is looked for


class NumberWidget(UnfoldAdminDecimalFieldWidget):  # type: ignore[misc]
    """A number as people type it: 12, not 12.0. No digit is lost, so that what wasn't touched counts as unchanged."""

    def format_value(self, value: Any) -> str | None:
        """What stands in the box."""
        if isinstance(value, float):
            return repr(value).removesuffix(".0")
        text: str | None = super().format_value(value)
        return text


class CellField(forms.CharField):
    """A field that reads and shows what a sheet's cell would: `INIT-000001 | INIT-000002`, `gmv: 120000`."""

    def __init__(self, *, column: Column, **options: Any) -> None:
        options["widget"] = UnfoldAdminTextareaWidget(attrs={"rows": 3})
        options["required"] = False
        super().__init__(**options)
        self.column = column

    def prepare_value(self, value: Any) -> Any:
        """The text of the cell; what a person typed is shown again as it was typed."""
        return value if isinstance(value, str) else render(self.column, value)

    def to_python(self, value: Any) -> Any:
        """The value in the column's canonical form. Raises ValidationError with the sentence that the sheet would show."""
        found: Value | Refusal = parse(self.column, value) if isinstance(value, str) else value
        if isinstance(found, Refusal):
            raise forms.ValidationError(found.text)
        return found

    def validate(self, value: Any) -> None:
        """Parsing was all there is to check; the records behind the tab judge the rest."""

    def run_validators(self, value: Any) -> None:
        """None of a text's validators fits structure."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the text means something else than what is stored."""
        try:
            return bool(self.to_python(data) != self.to_python(initial))
        except forms.ValidationError:
            return True


class EditForm(forms.ModelForm):  # type: ignore[type-arg]
    """Edits one record through the tabs that enter its fields.

    Each field carries the value it was shown with: only what the person changed is saved, and a field that somebody
    else changed since the page was opened is refused instead of overwritten.
    """

    change_reason = forms.CharField(
        required=False,
        max_length=100,
        label="Reason for the change",
        help_text="Optional. Shown in the history.",
        widget=UnfoldAdminTextInputWidget,
    )
    # Set by the admin for each request.
    user: AbstractBaseUser
    reverting: bool = False  # the form brings an earlier version back: every field counts
    # (record, changes) -> field -> why this person may not make this change
    refusals: Callable[[models.Model, Mapping[str, Any]], Mapping[str, str]] = staticmethod(lambda record, changes: {})

    edit: Edit | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, shown in self.fields.items():
            shown.show_hidden_initial = name != REASON and (
                not self.is_bound or self.add_initial_prefix(name) in self.data
            )

    def _get_validation_exclusions(self) -> set[str]:
        """What a tab enters is judged by the tab's records, in their words; saying it twice helps nobody."""
        entered = entered_fields(type(self.instance))
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return {*excluded, *(name for name, how in entered.items() if how.registered.records is not None)}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.instance.pk is not None and not self.instance._state.adding:
            self._plan()

    def _plan(self) -> None:
        model = type(self.instance)
        record = model._default_manager.select_for_update().get(pk=self.instance.pk)
        changes = self._changes(record)
        run = AdminRun(EDIT, self.user, self.cleaned_data.get(REASON, ""))
        self.edit = plan_edit(record, changes, run)
        self.edit.refused.update(self.refusals(record, changes))
        for name, text in self.edit.refused.items():
            self.add_error(name if name in self.fields else None, text)

    def _changes(self, record: models.Model) -> dict[str, Any]:
        names = [name for name in self.cleaned_data if name != REASON and name in self.fields]
        if self.reverting:
            return {name: self.cleaned_data[name] for name in names}
        changed = [name for name in names if name in self.changed_data]
        for name in changed:
            if self._changed_meanwhile(record, name):
                self.add_error(
                    name,
                    f"{name} was changed by {_who_changed(record, name)} since you opened this page; it now holds "
                    f"{str(_stored(record, name))[:60]!r}. Open the page again to see it, then make your change.",
                )
        return {name: self.cleaned_data[name] for name in changed if name in self.cleaned_data}

    def _changed_meanwhile(self, record: models.Model, name: str) -> bool:
        shown = self.data.get(self.add_initial_prefix(name))
        stored = _stored(record, name)
        if shown is None:
            return False
        if isinstance(stored, str):
            return _as_posted(stored) != _as_posted(shown)
        return self.fields[name].has_changed(stored, shown)


def _who_changed(record: models.Model, name: str) -> str:
    """Who asked for the last change of a field."""
    changes = RecordChange.objects.filter(model=record._meta.label, object_id=record.pk).select_related("run")
    run = next((change.run for change in changes.order_by("-pk")[:RECENT] if name in change.fields), None)
    return f"{run.requested_by} ({run.action})" if run and run.requested_by else "somebody else"


def _as_posted(text: str) -> str:
    """Browsers end lines in their own way, and forms drop white space at both ends."""
    return text.replace("\r\n", "\n").strip()


def _stored(record: models.Model, name: str) -> Any:
    stored = record._meta.get_field(name)
    assert isinstance(stored, models.Field)
    return stored.value_from_object(record)
