"""The admin of the engine, page by page in modules of its own; people and groups in the same look."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from sheetsync.admin.changes import CellChangeAdmin, RecordChangeAdmin
from sheetsync.admin.conflicts import ConflictAdmin
from sheetsync.admin.runs import ActionRunAdmin
from sheetsync.admin.workbooks import KeyReservationAdmin, RowStateAdmin, TabStateAdmin, WorkbookAdmin

__all__ = [
    "ActionRunAdmin",
    "CellChangeAdmin",
    "ConflictAdmin",
    "KeyReservationAdmin",
    "RecordChangeAdmin",
    "RowStateAdmin",
    "TabStateAdmin",
    "WorkbookAdmin",
]

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    """Django's own, in the admin's look."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Django's own, in the admin's look."""
