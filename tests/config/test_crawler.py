"""Every address of the admin, opened as every role and with what people mistype or forge: a page, a way to the login, or a clear no; never
an error of the program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from backlog.models import Initiative
from config.roles import ROLES
from sheetsync.models import ActionRun, Conflict
from tests.admin_pages import admin_client, button_url, change_url, conflict, edit, fill, initiative, list_url, opened

pytestmark = pytest.mark.django_db

WHO = [*ROLES, "superuser", "nobody", "stranger"]
FINE = {200, 302, 403, 404, 405}
OUT_OF_REACH = 503  # a workbook that isn't there: a page that says so
LISTS = [model for model in admin.site._registry if model._meta.app_label not in {"import_export"}]
FORGED = ("0", "999999999", "99999999999999999999", "abc", "'; DROP TABLE x; --", "%00", "../..", "é")


def client_of(who: str) -> Client:
    """A browser of somebody of that role; "nobody" may enter and see nothing, a "stranger" isn't signed in."""
    if who == "superuser":
        return admin_client()
    client = Client(raise_request_exception=False)
    if who != "stranger":
        user = User.objects.create_user(who, password="-", is_staff=True)
        user.groups.set(Group.objects.filter(name=who))
        client.force_login(user)
    return client


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    """Every address below /admin/."""
    found = resolver or next(each for each in get_resolver().url_patterns if getattr(each, "namespace", "") == "admin")
    for each in found.url_patterns:
        if isinstance(each, URLResolver):
            yield from patterns(each)
        elif each.name:
            yield each


def values_for(pattern: URLPattern) -> dict[str, Any]:
    """What an address may be asked for: the first record of its model, or what there is of the other things."""
    named = {"app_label": "sheetsync", "name": "pm.backlog_sync", "content_type_id": 1, "url": "x"}
    model = next(
        (each for each in LISTS if (pattern.name or "").startswith(f"{each._meta.app_label}_{each._meta.model_name}_")),
        None,
    )
    record = model._default_manager.first() if model else None
    pk = record.pk if record else 1
    history = getattr(model, "history", None)
    version = history.first() if history is not None else None
    return {**dict.fromkeys(pattern.pattern.converters, pk), **named, "version_id": version.pk if version else 1}


def addresses() -> list[str]:
    """Every address, filled in; positional ones too."""
    found = []
    for pattern in patterns():
        given = values_for(pattern)
        wanted = {name: given.get(name, 1) for name in pattern.pattern.converters}
        groups = pattern.pattern.regex.groupindex if hasattr(pattern.pattern, "regex") else {}
        wanted.update({name: given.get(name, 1) for name in groups})
        try:
            found.append(reverse(f"admin:{pattern.name}", kwargs=wanted))
        except NoReverseMatch:
            continue
    return sorted(set(found))


def complaints(client: Client, urls: list[str], *, post: bool = False) -> list[str]:
    client.raise_request_exception = False
    ask = client.post if post else client.get
    answers = ((url, ask(url).status_code) for url in urls)
    return [
        f"{status} {url}"
        for url, status in answers
        if status not in FINE and not (status == OUT_OF_REACH and "/row/" in url)
    ]


# ---- as every role ---------------------------------------------------------------------------------------------------


def test_the_crawler_finds_every_list_and_page() -> None:
    fill(1, 1)
    found = addresses()
    assert [list_url(model) for model in LISTS if list_url(model) not in found] == []
    assert len(found) > 5 * len(LISTS)


@pytest.mark.parametrize("who", WHO)
def test_every_address_answers_every_role(who: str) -> None:
    fill(1, 1)
    client = client_of(who)
    assert complaints(client, addresses()) == []


@pytest.mark.parametrize("who", ["Viewer", "superuser"])
def test_every_address_answers_an_empty_post_of_every_role(who: str) -> None:
    fill(1, 1)
    client = client_of(who)
    urls = [url for url in addresses() if not url.endswith("/logout/")]
    assert complaints(client, urls, post=True) == []


def test_nobody_and_strangers_see_no_record() -> None:
    fill(1, 1)
    lists = [list_url(model) for model in LISTS]
    nobody, stranger = client_of("nobody"), client_of("stranger")
    assert {nobody.get(url).status_code for url in lists} == {403}
    assert {stranger.get(url)["Location"].partition("?")[0] for url in lists} == {reverse("admin:login")}


# ---- what people mistype or forge --------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["q=" + "x" * 10_000, "q=%00", "p=999999", "o=99.-99", "e=1", "no_such__field=1"])
def test_every_list_answers_a_hostile_query(query: str) -> None:
    fill(1, 1)
    client = admin_client()
    assert complaints(client, [f"{list_url(model)}?{query}" for model in LISTS]) == []


@pytest.mark.parametrize("pk", FORGED)
def test_a_forged_id_finds_nothing(pk: str) -> None:
    client = admin_client()
    urls = [f"{list_url(model)}{pk}/{page}/" for model in LISTS for page in ("change", "history", "delete")]
    assert complaints(client, urls) == []


@pytest.mark.parametrize("value", ["abc", "99999999999999999999", "1' OR '1'='1", "%00"])
def test_a_forged_link_to_the_changes_of_a_run_finds_nothing(value: str) -> None:
    fill(1, 1)
    pages = ("recordchange", "cellchange", "conflict")
    urls = [f"{reverse(f'admin:sheetsync_{page}_changelist')}?run__id__exact={value}" for page in pages]
    assert complaints(admin_client(), urls) == []


def test_a_bulk_action_over_rows_that_changed_since_does_what_still_can_be_done() -> None:
    ada = admin_client()
    first, second, third = (initiative(number, title="Sheet's") for number in (1, 2, 3))
    found = [conflict(each, lost_value="Other") for each in (first, second, third)]
    Initiative.objects.filter(pk=first.pk).update(title="Newest")
    Conflict.objects.filter(pk=found[1].pk).update(status=Conflict.Status.KEPT)
    chosen = [each.pk for each in found]
    page = ada.post(
        list_url(Conflict), {"action": "restore_other_value", "_selected_action": chosen}, follow=True
    ).content.decode()
    titles = list(Initiative.objects.order_by("pk").values_list("title", flat=True))
    assert titles == ["Newest", "Sheet's", "Other"]
    assert "Restored: 1." in page
    assert "title was changed since and now holds Newest; nothing was restored" in page


def test_a_bulk_action_over_rows_that_are_gone_does_nothing() -> None:
    ada = admin_client()
    assert complaints(ada, [list_url(Conflict)]) == []
    answer = ada.post(list_url(Conflict), {"action": "keep_what_stands", "_selected_action": ["999", "abc"]})
    assert answer.status_code in FINE


def test_a_revert_to_a_value_that_is_no_longer_valid_is_refused_in_words() -> None:
    ada = admin_client()
    other, record = initiative(1), initiative(2)
    edit(ada, record, dependencies_initiatives="INIT-000001")
    version = record.history.latest()
    edit(ada, record, dependencies_initiatives="")
    other.delete()
    url = reverse("admin:backlog_initiative_simple_history", args=(record.pk, version.pk))
    answer = ada.post(url, opened(ada, url))
    assert answer.status_code == 200
    assert "doesn't exist" in answer.context["adminform"].form.errors["dependencies_initiatives"][0]
    record.refresh_from_db()
    assert record.dependencies_initiatives == []


@pytest.mark.parametrize("button", ["undo_this_run", "cancel_this_run", "run_again"])
def test_a_button_of_a_run_that_is_gone_says_not_found(button: str) -> None:
    run = ActionRun.objects.create(action="pm.backlog_sync", status="success")
    url = button_url(run, button)
    run.delete()
    client = admin_client()
    assert client.get(url).status_code == 404
    assert client.post(url, {"confirm": "yes"}).status_code == 404


def test_a_page_of_somebody_else_is_a_clear_no() -> None:
    record = initiative(1)
    assert client_of("nobody").get(change_url(record)).status_code == 403
