"""Every page and list asks the database as often with ten initiatives as with a thousand and ten thousand."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from backlog.models import Initiative
from sheetsync.admin.extra_pages import extra_pages
from sheetsync.models import Conflict, RecordChange, RowState
from tests.admin_pages import admin_client, change_url, fill, list_url
from tests.sheetsync.test_large_lists import MODELS

pytestmark = pytest.mark.django_db
SIZES = (10, 1_000, 10_000)
FIRST = "INIT-000001"
SEARCHES = ("INIT-000007", "Idea 7", "idea", "nothing has this")
# What each initiative has rows of its own in, and the column that names it there.
ABOUT_ONE = {
    **{link.related_model: link.field.column for link in Initiative._meta.related_objects},
    Initiative.history.model: "id",
    RecordChange: "object_id",
    Conflict: "object_id",
}
GROWING = {Initiative, RowState, *ABOUT_ONE}


def grow(start: int, last: int) -> None:
    """Initiatives from number `start` to number `last`, each like the first and with all that the first has."""
    key = "'INIT-' || substr(CAST(1000000 + n AS text), 2)"
    numbers = f"WITH RECURSIVE many(n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM many WHERE n < {last}) SELECT n FROM many"
    copy(Initiative, {"initiative_key": key, "title": "'Idea ' || n"}, numbers, where=f"initiative_key = '{FIRST}'")
    first = Initiative.objects.get(initiative_key=FIRST).pk
    owners = (
        f"SELECT id AS owner, initiative_key AS key FROM backlog_initiative WHERE initiative_key >= 'INIT-{start:06d}'"
    )
    for model, column in ABOUT_ONE.items():
        copy(model, {"initiative_key": "key", "row_key": "key", column: "owner"}, owners, where=f"{column} = {first}")
    copy(RowState, {"row_key": "lower(key)"}, owners, where=f"row_key = '{FIRST}'")


def copy(model: type[models.Model], changed: Mapping[str, str], times: str, *, where: str) -> None:
    """The stored rows `where` once more for every row of the query `times`, but for what is changed."""
    columns = [field.column for field in model._meta.concrete_fields if not field.primary_key]
    stored = {name: f'stored."{name}"' for name in columns}
    values = {name: changed.get(name, value) for name, value in stored.items()}
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({", ".join(map(quoted, columns))}) SELECT {", ".join(values.values())} '
            f'FROM (SELECT * FROM "{table}" WHERE {where}) AS stored, ({times}) AS times'
        )


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def addresses() -> list[str]:
    """Pages of one record and of what is worked out of all, lists, searches."""
    first = Initiative.objects.get(initiative_key=FIRST)
    hanging = [model._default_manager.order_by("pk")[0] for model in MODELS if model in ABOUT_ONE]
    return [
        *(change_url(record) for record in (first, *hanging)),
        reverse("admin:backlog_initiative_history", args=(first.pk,)),
        reverse("admin:index"),
        *filter(None, map(address_of, [page.name for page in extra_pages()])),
        *(list_url(model) for model in MODELS if model in GROWING),
        *(
            f"{page}{words}"
            for page in (f"{reverse('admin:search')}?s=", f"{list_url(Initiative)}?q=")
            for words in SEARCHES
        ),
    ]


def address_of(page: str) -> str:
    """Of a page that needs nothing named; "" for others."""
    try:
        return reverse(f"admin:{page}")
    except NoReverseMatch:
        return ""


def asked(client: Client) -> dict[str, int]:
    """How often each page asks when nothing is remembered."""
    found = {}
    for address in addresses():
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200, address
        found[address] = len(queries)
    return found


def test_pages_and_lists_ask_as_often_at_ten_thousand_initiatives_as_at_ten() -> None:
    ada = admin_client()
    fill(1, 3)
    # What a process learns once.
    ContentType.objects.get_for_models(*MODELS, User)
    ada.get(reverse("admin:index"))
    stored, counts = 3, {}
    for size in SIZES:
        grow(stored + 1, size)
        stored = size
        assert {model for model in GROWING if model._default_manager.count() < size} == set()
        counts[size] = asked(ada)
    assert counts[1_000] == counts[10]
    assert counts[10_000] == counts[10]
