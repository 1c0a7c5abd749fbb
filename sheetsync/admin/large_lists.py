"""What keeps lists quick with many records: the values to filter by are remembered for a minute, huge tables are counted roughly, and
what few records a search finds are looked for once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from django.contrib.admin.filters import AllValuesFieldListFilter
from django.contrib.admin.utils import get_fields_from_path
from django.core.cache import cache
from django.core.paginator import Page, Paginator
from django.db import connection, models
from django.http import HttpRequest

from sheetsync.access.scope import departments_of
from sheetsync.admin.searching import few
from sheetsync.syncing.view import digest

REMEMBERED_FOR_S = 60
MOST_VALUES = 200  # to filter by; the search finds the others
ROUGH_FROM = 100_000  # rows up to which is counted; of a whole table beyond, the database's own figures tell


class RememberedValues(AllValuesFieldListFilter):
    """The values of a text field. Looking them up reads the whole table, so they are kept for a while."""

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        looked_up = self.lookup_choices
        self.lookup_choices: Any = remembered_values(request, model, field_path, lambda: looked_up)


def remembered_values(
    request: HttpRequest, model: type[models.Model], path: str, look_up: Callable[[], Any]
) -> list[Any]:
    """The values of a field among the records that the person may see, as looked up less than a minute ago."""
    asked = [str(connection.settings_dict["NAME"]), model._meta.label, path, departments_of(request)]
    key = f"filter-values-{digest(asked)}"
    found: Any = cache.get_or_set(key, lambda: list(look_up()[:MOST_VALUES]), REMEMBERED_FOR_S)
    return [*found]


def quick_filters(model: type[models.Model], declared: Sequence[Any]) -> list[Any]:
    """The declared filters of a list, with remembered values for text fields that aren't a choice."""
    return [(each, RememberedValues) if isinstance(each, str) and _is_text(model, each) else each for each in declared]


def _is_text(model: type[models.Model], path: str) -> bool:
    field = get_fields_from_path(model, path)[-1]
    return isinstance(field, models.CharField | models.TextField) and not field.flatchoices


class QuickPaginator(Paginator):  # type: ignore[type-arg]
    """Counts exactly up to very many rows. Of a whole table on PostgreSQL it says roughly how many there are beyond; of one that is
    filtered, or on SQLite, it shows so many and no more. A page is found by keys first: many rows are sorted without all that is shown
    of the few."""

    @cached_property
    def count(self) -> int:
        rough = self._rough_count()
        if rough >= ROUGH_FROM:
            return rough
        rows = self.object_list
        if isinstance(rows, models.QuerySet) and not rows.query.is_sliced and not rows.query.combinator:
            return rows.order_by()[:ROUGH_FROM].count()
        return len(rows)

    def page(self, number: int | str) -> Page[Any]:
        """The page of that number. Raises InvalidPage."""
        page = super().page(number)
        if isinstance(page.object_list, models.QuerySet) and not page.object_list.query.combinator:
            page.object_list = self.object_list.filter(pk__in=page.object_list.values("pk"))  # type: ignore[attr-defined]
        return page

    def _rough_count(self) -> int:
        """As the database's housekeeping counted last; 0 where that says nothing."""
        query = getattr(self.object_list, "query", None)
        if connection.vendor != "postgresql" or query is None or query.where or query.is_sliced or query.distinct:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [query.model._meta.db_table]
            )
            return int(cursor.fetchone()[0])


def of_key(records: models.QuerySet[Any], lookup: str, words: str) -> models.QuerySet[Any] | None:
    """The few of these that have exactly the key that was typed; None where there are none, or no such lookup."""
    pks = few(records.filter(**{f"{lookup}__in": {words, words.upper()}})) if lookup else None
    return records.filter(pk__in=pks) if pks else None


def found_once(records: models.QuerySet[Any], matching: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """`matching`, which are among `records`; by their primary keys where they are few."""
    pks = few(matching)
    return matching if pks is None else records.filter(pk__in=pks)
