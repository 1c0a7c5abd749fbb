"""Four roles, made with the database: what each may do, that people's own changes to them stay, and that a new version's rights arrive."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

from config.roles import ANALYST, APPROVER, OPERATOR, ROLES, VIEWER, make_roles, viewer
from sheetsync.access.people import RoleRights

pytestmark = pytest.mark.django_db


def person(role: str) -> User:
    made = User.objects.create_user(role, is_staff=True)
    made.groups.add(Group.objects.get(name=role))
    return made


def test_the_roles_are_made_with_the_database() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == {"Viewer", "Analyst", "Approver", "Operator"}


def codenames(group: Group) -> set[str]:
    return set(group.permissions.values_list("codename", flat=True))


@pytest.mark.parametrize("role", list(ROLES))
def test_every_right_of_a_role_exists(role: str) -> None:
    held = {
        f"{each.content_type.app_label}.{each.codename}" for each in Permission.objects.select_related("content_type")
    }
    assert set(ROLES[role]()) - held == set()


@pytest.mark.parametrize(
    ("right", "who"),
    [
        ("backlog.view_initiative", {VIEWER, ANALYST, APPROVER, OPERATOR}),
        ("sheetsync.view_actionrun", {VIEWER, ANALYST, APPROVER, OPERATOR}),
        ("backlog.change_initiative", {ANALYST}),
        ("backlog.add_initiative", set()),
        ("backlog.delete_initiative", set()),
        ("productops.delete_initiativeparam", {ANALYST}),
        ("productops.approve_initiativemathmodel", {APPROVER}),
        ("productops.adopt_initiativecontribution", {APPROVER}),
        ("sheetsync.change_conflict", {ANALYST, OPERATOR}),
        ("sheetsync.change_actionrun", {ANALYST, OPERATOR}),
        ("sheetsync.add_workbook", {OPERATOR}),
        ("sheetsync.view_auditentry", {OPERATOR}),
        ("sheetsync.change_auditentry", set()),
        ("sheetsync.change_recordchange", set()),
        ("auth.change_user", {OPERATOR}),
        ("auth.delete_user", set()),
    ],
)  # fmt: skip
def test_who_may_do_what(right: str, who: set[str]) -> None:
    assert {role for role in ROLES if person(role).has_perm(right)} == who


def test_a_role_that_people_changed_stays_as_it_is() -> None:
    Group.objects.get(name=VIEWER).permissions.clear()
    Group.objects.get(name=ANALYST).delete()
    call_command("migrate", verbosity=0)
    assert not Group.objects.get(name=VIEWER).permissions.exists()
    assert Group.objects.get(name=ANALYST).permissions.filter(codename="change_initiative").exists()


def test_what_people_added_to_a_role_stays_too() -> None:
    own = Permission.objects.get(codename="delete_user")
    Group.objects.get(name=VIEWER).permissions.add(own)
    call_command("migrate", verbosity=0)
    assert Group.objects.get(name=VIEWER).permissions.contains(own)


def test_a_right_that_a_later_version_gives_to_a_role_reaches_its_group_once(monkeypatch: pytest.MonkeyPatch) -> None:
    viewers = Group.objects.get(name=VIEWER)
    viewers.permissions.remove(Permission.objects.get(codename="view_initiative"))
    monkeypatch.setitem(ROLES, VIEWER, lambda: [*viewer(), "sheetsync.add_actionrun"])
    call_command("migrate", verbosity=0)
    assert {"add_actionrun", "view_initiative"} & codenames(viewers) == {"add_actionrun"}
    viewers.permissions.remove(Permission.objects.get(codename="add_actionrun"))
    call_command("migrate", verbosity=0)
    assert "add_actionrun" not in codenames(viewers)


def test_a_role_that_was_deleted_is_made_anew_with_all_its_rights() -> None:
    Group.objects.get(name=APPROVER).delete()
    call_command("migrate", verbosity=0)
    rights = {
        f"{app}.{name}"
        for app, name in Group.objects.get(name=APPROVER).permissions.values_list("content_type__app_label", "codename")
    }
    assert rights == set(ROLES[APPROVER]())


def test_a_database_that_was_emptied_has_the_roles_again() -> None:
    make_roles(using="default")
    RoleRights.objects.all().delete()
    Group.objects.all().delete()
    make_roles(using="default")
    assert "view_initiative" in codenames(Group.objects.get(name=VIEWER))
