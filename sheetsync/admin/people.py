"""Admin pages of people, roles and the audit log."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, StackedInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from sheetsync.access.audit import note
from sheetsync.access.people import AuditEntry, PersonScope
from sheetsync.admin.base import ReadOnlyAdmin
from sheetsync.admin.decorators import shown
from sheetsync.admin.links import link

# What decides what others may do, and hence isn't given by anybody who doesn't have it.
_POWERS = ("is_superuser",)
ROLES_HELP = (
    "A viewer looks; an analyst edits and starts actions; an approver approves as well; an operator looks after "
    "workbooks and people."
)

admin.site.unregister(User)
admin.site.unregister(Group)


class ScopeForm(forms.ModelForm):  # type: ignore[type-arg]
    """Departments, a line each."""

    departments = forms.CharField(
        required=False,
        help_text="One in each line, spelled as the initiatives have it. Empty: every department.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    class Meta:
        model = PersonScope
        fields = ("departments",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["departments"] = "\n".join(self.instance.departments)

    def clean_departments(self) -> list[str]:
        """Without empty lines and doubles."""
        lines = (line.strip() for line in self.cleaned_data["departments"].splitlines())
        return list(dict.fromkeys(line for line in lines if line))


class ScopeInline(StackedInline):  # type: ignore[misc]
    """What a person's view is limited to."""

    model = PersonScope
    form = ScopeForm
    verbose_name = "what this person sees"
    verbose_name_plural = "What this person sees"
    max_num = 1
    extra = 1


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    """People. Somebody who isn't a superuser gives roles, and no other power; and changes no superuser."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "first_name", "last_name", "roles", "is_active", "last_login")
    inlines = (ScopeInline,)
    filter_horizontal = ()
    # What a person may do is said by roles; single permissions beside them are more than anybody keeps in view.
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Who it is", {"fields": (("first_name", "last_name"), "email")}),
        ("What they may do", {"fields": ("is_active", "is_staff", "groups", "is_superuser")}),
        ("When", {"fields": (("last_login", "date_joined"),)}),
    )

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Roles as boxes to tick: there are few."""
        if db_field.name != "groups":
            return super().formfield_for_manytomany(db_field, request, **options)
        ticks = {"label": "Roles", "widget": UnfoldAdminCheckboxSelectMultipleWidget(), "help_text": ROLES_HELP}
        return db_field.formfield(**options, **ticks)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[User]:
        """With their roles."""
        people: models.QuerySet[User] = super().get_queryset(request)
        return people.prefetch_related("groups")

    @shown("Roles")
    def roles(self, person: User) -> str:
        """The groups a person is in."""
        return ", ".join(group.name for group in person.groups.all()) or ("superuser" if person.is_superuser else "-")

    def get_inlines(self, request: HttpRequest, obj: User | None = None) -> Any:
        """A person who is being made has no limits yet."""
        return self.inlines if obj is not None else ()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """What the system notes, and what only a superuser gives."""
        own = super().get_readonly_fields(request, obj)
        own = (*own, "last_login", "date_joined")
        return own if _is_superuser(request) else (*own, *_POWERS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only a superuser changes a superuser."""
        may = bool(super().has_change_permission(request, obj))
        return may and (obj is None or not obj.is_superuser or _is_superuser(request))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Likewise."""
        may = bool(super().has_delete_permission(request, obj))
        return may and (obj is None or not obj.is_superuser or _is_superuser(request))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Leaves a line in the audit log for every change of rights."""
        person: User = form.instance
        before = _rights(person)
        super().save_related(request, form, formsets, change)
        after = _rights(person)
        changed = {"is_active", "is_staff", "is_superuser"} & set(form.changed_data)
        if before != after or changed or not change:
            note(request, AuditEntry.Event.RIGHTS, f"{person.get_username()}: {after}")


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _rights(person: User) -> str:
    scope = PersonScope.objects.filter(user=person).first()
    powers = [word for word in ("is_active", "is_staff", "is_superuser") if getattr(person, word)]
    groups = person.groups.order_by("name").values_list("name", flat=True)
    limits = ", ".join(scope.departments) if scope and scope.departments else "all"
    return f"roles {', '.join(groups) or 'none'}; {', '.join(powers) or 'no access'}; departments {limits}"


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Roles. Only a superuser changes what a role may do."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Likewise."""
        return bool(super().has_add_permission(request)) and _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """A role that somebody could widen would be theirs."""
        return bool(super().has_change_permission(request, obj)) and _is_superuser(request)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who signed in, took data out, approved, overrode, gave rights."""

    nothing_yet = "Who signs in, takes data out, approves or gives rights is kept here."
    list_display = ("moment", "event", "who", "came_from", "what", "of_run")
    list_filter = ("event", "at")
    search_fields = ("username", "address", "text", "run_id")
    date_hierarchy = "at"
    ordering = ("-at", "-id")

    @shown("When", ordering="at")
    def moment(self, entry: AuditEntry) -> Any:
        """To the second, as kept."""
        return entry.at

    @shown("Who", ordering="username")
    def who(self, entry: AuditEntry) -> str:
        """As whom the person was known then."""
        return entry.username

    @shown("From")
    def came_from(self, entry: AuditEntry) -> str:
        """Where the request came from."""
        return entry.address

    @shown("What")
    def what(self, entry: AuditEntry) -> str:
        """What exactly."""
        return entry.text

    @shown("Run")
    def of_run(self, entry: AuditEntry) -> SafeString | str:
        """A search that finds the run."""
        address = f"{reverse('admin:sheetsync_actionrun_changelist')}?q={entry.run_id}"
        return link(address, entry.run_id) if entry.run_id else "-"
