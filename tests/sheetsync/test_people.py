"""People: signing in, what the audit log keeps, who may change whose rights, and views that are limited to departments."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backlog.models import Initiative
from productops.models import InitiativeParam, MetricConfig
from sheetsync.access.people import AuditEntry, PersonScope
from tests.admin_pages import admin_client, change_url, fill, initiative, list_url, math_model, north_star, param, save

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough word"


@pytest.fixture
def ada() -> Client:
    return admin_client()


def member(role: str, *departments: str) -> Client:
    """The browser of somebody of that role, limited to these departments."""
    user = User.objects.create_user(role.lower(), password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    if departments:
        PersonScope.objects.create(user=user, departments=list(departments))
    client = Client()
    client.force_login(user)
    return client


def sign_in(username: str, password: str, **more: Any) -> bool:
    client = Client(**more)
    client.post(reverse("admin:login"), {"username": username, "password": password})
    return "_auth_user_id" in client.session


def events() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("event", "username"))


# ---- signing in ------------------------------------------------------------------------------------------------------------------------


def test_signing_in_and_out_is_kept_with_the_place_it_came_from() -> None:
    User.objects.create_superuser("ada", password=PASSWORD)
    assert not sign_in("ada", "wrong", REMOTE_ADDR="10.0.0.7")
    assert sign_in("ada", PASSWORD, REMOTE_ADDR="10.0.0.7")
    assert events() == [("sign-in refused", "ada"), ("signed in", "ada")]
    assert set(AuditEntry.objects.values_list("address", flat=True)) == {"10.0.0.7"}


def test_after_too_many_wrong_passwords_the_right_one_has_to_wait(settings: Any) -> None:
    settings.SIGN_IN_ATTEMPTS = 3
    User.objects.create_superuser("ada", password=PASSWORD)
    for _ in range(3):
        assert not sign_in("ada", "wrong")
    response = Client().post(reverse("admin:login"), {"username": "ada", "password": PASSWORD})
    assert "Too many wrong attempts. Wait 10 minutes" in response.content.decode()
    AuditEntry.objects.update(at=timezone.now() - datetime.timedelta(minutes=11))
    assert sign_in("ada", PASSWORD)


def test_the_pause_holds_for_one_name_from_one_place(settings: Any) -> None:
    settings.SIGN_IN_ATTEMPTS = 3
    for name in ("ada", "bo"):
        User.objects.create_superuser(name, password=PASSWORD)
    for _ in range(3):
        sign_in("ada", "wrong", REMOTE_ADDR="10.0.0.7")
    assert sign_in("bo", PASSWORD, REMOTE_ADDR="10.0.0.7")
    assert sign_in("ada", PASSWORD, REMOTE_ADDR="10.0.0.8")


def test_one_place_that_tries_many_names_has_to_wait(settings: Any) -> None:
    settings.SIGN_IN_ATTEMPTS = 1
    User.objects.create_superuser("ada", password=PASSWORD)
    for number in range(10):
        sign_in(f"name{number}", "wrong")
    assert not sign_in("ada", PASSWORD)


def test_a_short_password_is_refused(ada: Client) -> None:
    page = ada.post(
        reverse("admin:auth_user_add"),
        {"username": "bo", "usable_password": "true", "password1": "short-one", "password2": "short-one"},
    )
    assert "at least 12 characters" in page.content.decode()


# ---- who changes whose rights ----------------------------------------------------------------------------------------------------------


def _edit_user(client: Client, user: User, **changes: Any) -> Any:
    data = {
        "username": user.username, "is_active": "on", "is_staff": "on", "date_joined_0": "2026-01-01",
        "date_joined_1": "09:00:00", "scope-TOTAL_FORMS": "1", "scope-INITIAL_FORMS": "0",
    }  # fmt: skip
    return save(client, change_url(user), data, **changes)


def test_an_operator_gives_a_role_and_the_log_says_so() -> None:
    bo = User.objects.create_user("bo", is_staff=True)
    analyst = Group.objects.get(name="Analyst")
    assert _edit_user(member("Operator"), bo, groups=[str(analyst.pk)]).status_code == 302
    assert list(bo.groups.all()) == [analyst]
    entry = AuditEntry.objects.get(event="rights changed")
    assert (entry.username, entry.text) == ("operator", "bo: roles Analyst; is_active, is_staff; departments all")


def test_an_operator_makes_nobody_a_superuser() -> None:
    bo = User.objects.create_user("bo", is_staff=True)
    assert _edit_user(member("Operator"), bo, is_superuser="on").status_code == 302
    assert not User.objects.get(pk=bo.pk).is_superuser


def test_an_operator_changes_no_superuser() -> None:
    root = User.objects.create_superuser("root", password=PASSWORD)
    operator = member("Operator")
    assert _edit_user(operator, root, first_name="Me").status_code == 403
    assert operator.post(reverse("admin:auth_user_password_change", args=(root.pk,)), {}).status_code == 403


def test_only_a_superuser_changes_what_a_role_may_do(ada: Client) -> None:
    group = Group.objects.get(name="Viewer")
    assert member("Operator").post(change_url(group), {"name": "Viewer"}).status_code == 403
    assert ada.post(change_url(group), {"name": "Viewer"}).status_code == 302


def test_departments_are_set_on_the_persons_page(ada: Client) -> None:
    bo = User.objects.create_user("bo", is_staff=True)
    _edit_user(ada, bo, **{"scope-0-departments": "Sales\r\n\r\n Ops \r\nSales", "scope-0-user": str(bo.pk)})
    assert PersonScope.objects.get(user=bo).departments == ["Sales", "Ops"]


# ---- views that are limited ------------------------------------------------------------------------------------------------------------


def two_departments() -> tuple[Initiative, Initiative]:
    ours, theirs = initiative(1, title="Ours here"), initiative(2, title="Theirs there")
    Initiative.objects.filter(pk=theirs.pk).update(department="Ops")
    for owner in (ours, theirs):
        math_model(owner)
        param(owner)
    param(None, param_name="shared_rate")
    north_star()
    return ours, theirs


def text(client: Client, url: str, **query: str) -> str:
    return client.get(url, query).content.decode()


def test_a_list_shows_the_persons_departments_only() -> None:
    two_departments()
    html = text(member("Analyst", "sales"), list_url(Initiative))
    assert "Ours here" in html
    assert "Theirs there" not in html


@pytest.mark.parametrize("page", ["change", "history"])
def test_a_forged_address_leads_nowhere(page: str) -> None:
    ours, theirs = two_departments()
    limited = member("Analyst", "Sales")
    assert limited.get(reverse(f"admin:backlog_initiative_{page}", args=(ours.pk,))).status_code == 200
    for record, name in ((theirs, "initiative"), (theirs.math_models.get(), "initiativemathmodel")):
        address = reverse(f"admin:{record._meta.app_label}_{name}_{page}", args=(record.pk,))
        assert limited.get(address).status_code in {302, 403, 404}


def test_an_earlier_version_of_what_one_may_not_see_stays_closed() -> None:
    _ours, theirs = two_departments()
    version = theirs.history.first()  # of the time when it was the persons' own department's
    address = reverse("admin:backlog_initiative_simple_history", args=(theirs.pk, version.history_id))
    assert member("Analyst", "Sales").get(address).status_code == 403


def test_what_cannot_be_saved_there_cannot_be_posted_there() -> None:
    _ours, theirs = two_departments()
    response = member("Analyst", "Sales").post(change_url(theirs), {"title": "Mine now"})
    assert response.status_code in {302, 403, 404}
    assert Initiative.objects.get(pk=theirs.pk).title == "Theirs there"


def test_shared_parameters_and_kpis_belong_to_everybody() -> None:
    two_departments()
    limited = member("Viewer", "Sales")
    html = text(limited, list_url(InitiativeParam))
    assert "shared_rate" in html
    assert "INIT-000001" in html
    assert "INIT-000002" not in html
    assert "gmv" in text(limited, list_url(MetricConfig))


def test_pages_that_know_no_departments_are_closed_to_limited_people() -> None:
    fill(1, 1)
    limited = member("Viewer", "Sales")
    for name in ("actionrun", "recordchange", "cellchange", "conflict", "tabstate", "workbook"):
        assert limited.get(reverse(f"admin:sheetsync_{name}_changelist")).status_code == 403
    assert "/sheetsync/" not in text(limited, reverse("admin:index")).replace("/static/sheetsync/", "")


def test_a_superuser_is_never_limited(ada: Client) -> None:
    two_departments()
    PersonScope.objects.create(user=User.objects.get(username="ada"), departments=["Sales"])
    assert "Theirs there" in text(ada, list_url(Initiative))


# ---- the search ------------------------------------------------------------------------------------------------------------------------


def test_the_search_finds_by_key_and_by_title(ada: Client) -> None:
    ours, _theirs = two_departments()
    for words in ("INIT-000001", "ours"):
        html = text(ada, reverse("admin:search"), s=words)
        assert change_url(ours) in html
        assert "Theirs there" not in html


def test_the_search_finds_nothing_that_the_person_may_not_see() -> None:
    _ours, theirs = two_departments()
    assert change_url(theirs) not in text(member("Viewer", "Sales"), reverse("admin:search"), s="idea INIT")
    assert "Theirs" not in text(Client(), reverse("admin:search"), s="theirs")


def test_a_search_of_ten_thousand_characters_finds_nothing_quickly(
    ada: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(3):
        response = ada.get(reverse("admin:search"), {"s": "x" * 10_000})
    assert response.status_code == 200
    assert "Nothing matched" in response.content.decode()


def test_the_search_gives_a_few_of_many(ada: Client) -> None:
    fill(1, 30)
    assert text(ada, reverse("admin:search"), s="INIT-0000").count("/admin/backlog/initiative/") == 8
