"""Indexes for searches on PostgreSQL: one a table, by three-letter pieces of what pages search in. They follow the pages' `search_fields`.

They need PostgreSQL's own extension pg_trgm, which whoever owns a database may create. Where it can't be had, searches find the same and
read whole tables.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from django.contrib import admin
from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from sheetsync.admin.base import DeskPage
from sheetsync.admin.searching import by_relation
from sheetsync.syncing.view import digest

logger = logging.getLogger(__name__)

EXTENSION = "pg_trgm"
PREFIX = "words_of_"  # of the indexes' names
LONGEST_NAME = 63  # characters, PostgreSQL's


def make_word_indexes(*, using: str, **_more: Any) -> None:
    """Makes those that are missing, and drops those of fields that aren't searched any more; whenever a database was migrated."""
    connection = connections[using]
    if connection.vendor != "postgresql" or not _get_extension(connection):
        return
    wanted = {index_name(table, columns): (table, columns) for table, columns in _existing(connection).items()}
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE starts_with(indexname, %s)", [PREFIX])
        made = {name for (name,) in cursor.fetchall()}
        for name in sorted(made - wanted.keys()):
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
        for name in sorted(wanted.keys() - made):
            cursor.execute(_create(connection, name, *wanted[name]))


def searched_columns() -> dict[str, list[str]]:
    """Table -> its columns that some page searches in or looks through, by name."""
    found: dict[str, set[str]] = defaultdict(set)
    for model, page in admin.site._registry.items():
        if isinstance(page, DeskPage):
            _collect(model, (*page.search_fields, *page.looked_through), found)
    return {table: sorted(columns) for table, columns in sorted(found.items())}


def index_name(table: str, columns: Collection[str]) -> str:
    """Says what it indexes, so that another set of columns is another index."""
    mark = digest([table, *columns])[:8]
    return f"{PREFIX}{table}"[: LONGEST_NAME - len(mark) - 1] + f"_{mark}"


def _collect(model: Any, fields: Collection[str], found: Mapping[str, set[str]]) -> None:
    for relation, paths in by_relation(fields).items():
        if relation:
            _collect(model._meta.get_field(relation).related_model, paths, found)
        else:
            found[model._meta.db_table].update(model._meta.get_field(path).column for path in paths)


def _existing(connection: BaseDatabaseWrapper) -> dict[str, list[str]]:
    """Those that are there: a database may be migrated one app at a time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        )
        there = set(cursor.fetchall())
    return {
        table: columns
        for table, columns in searched_columns().items()
        if all((table, column) in there for column in columns)
    }


def has_extension(connection: BaseDatabaseWrapper) -> bool:
    """Whether this database, a PostgreSQL, has what the indexes need."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = %s", [EXTENSION])
        return cursor.fetchone() is not None


def _get_extension(connection: BaseDatabaseWrapper) -> bool:
    if has_extension(connection):
        return True
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(f"CREATE EXTENSION {EXTENSION}")
    except DatabaseError as error:
        logger.warning("searches will read whole tables: the extension %s can't be created (%s)", EXTENSION, error)
        return False
    return True


def _create(connection: BaseDatabaseWrapper, name: str, table: str, columns: Collection[str]) -> str:
    """By what Django compares for `icontains` and `istartswith`."""
    quote = connection.ops.quote_name
    pieces = ", ".join(f"UPPER({quote(column)}::text) gin_trgm_ops" for column in columns)
    return f"CREATE INDEX {quote(name)} ON {quote(table)} USING gin ({pieces})"
