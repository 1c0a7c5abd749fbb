"""Many rows at once: INSERT, upsert and UPDATE as one prepared statement each.

Django's bulk_create builds one expression object a cell; at 10,000 rows of 40 columns that costs more than everything else of a sync. Here
only the named columns are prepared, and constants once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from django.db import connection, models

# Fields whose Python values a database takes as they are.
_PLAIN = (
    models.CharField,
    models.TextField,
    models.FloatField,
    models.BooleanField,
    models.IntegerField,
    models.ForeignKey,
)


def insert_rows(
    model: type[models.Model],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    upsert_on: Sequence[str] = (),
) -> None:
    """Inserts rows given by attribute names; other columns get their fields' defaults. With `upsert_on` (the attribute names of a unique
    constraint), a row that is there already has the other named columns set."""
    fields = {stored.attname: stored for stored in model._meta.concrete_fields}
    constants = {
        name: stored.get_db_prep_save(_default(model, stored), connection)
        for name, stored in fields.items()
        if name not in names and not stored.primary_key
    }
    adapters = [_adapter(fields[name]) for name in names]
    tail = tuple(constants.values())
    columns: list[str | None] = [fields[name].column for name in (*names, *constants)]
    marks = ", ".join(["%s"] * len(columns))
    # Names come from our own models, values travel as parameters.
    sql = f"INSERT INTO {_quote(model._meta.db_table)} ({', '.join(map(_quote, columns))}) VALUES ({marks})"  # noqa: S608
    if upsert_on:
        sql += _on_conflict([fields[name].column for name in upsert_on], [fields[name].column for name in names])
    prepared = [
        (*(value if adapt is None else adapt(value) for value, adapt in zip(row, adapters, strict=True)), *tail)
        for row in rows
    ]
    if prepared:
        with connection.cursor() as cursor:
            cursor.executemany(sql, prepared)


def update_rows(model: type[models.Model], names: Sequence[str], rows: Iterable[tuple[int, Sequence[Any]]]) -> None:
    """Sets the named attributes of the rows with these primary keys: (pk, values)."""
    fields = {stored.attname: stored for stored in model._meta.concrete_fields}
    adapters = [_adapter(fields[name]) for name in names]
    sets = ", ".join(f"{_quote(fields[name].column)} = %s" for name in names)
    key = next(stored for stored in fields.values() if stored.primary_key)
    sql = f"UPDATE {_quote(model._meta.db_table)} SET {sets} WHERE {_quote(key.column)} = %s"  # noqa: S608
    prepared = [
        (*(value if adapt is None else adapt(value) for value, adapt in zip(values, adapters, strict=True)), pk)
        for pk, values in rows
    ]
    if prepared:
        with connection.cursor() as cursor:
            cursor.executemany(sql, prepared)


def take_ids(model: type[models.Model], count: int) -> range | list[int]:
    """Primary keys for rows about to be inserted, inside the caller's transaction. No two callers get the same: PostgreSQL's sequence
    gives them; SQLite lets one transaction write at a time, and never gives an id of its counter again."""
    table = model._meta.db_table
    key = next(stored for stored in model._meta.concrete_fields if stored.primary_key)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)", [table, key.column, count]
            )
            return [number for (number,) in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        found = cursor.fetchone()
    start = (found[0] if found else 0) + 1
    return range(start, start + count)


def _on_conflict(unique: Sequence[str | None], columns: Sequence[str | None]) -> str:
    sets = ", ".join(f"{_quote(column)} = EXCLUDED.{_quote(column)}" for column in columns if column not in unique)
    return f" ON CONFLICT ({', '.join(map(_quote, unique))}) DO UPDATE SET {sets}"


def _adapter(stored: models.Field[Any, Any]) -> Callable[[Any], Any] | None:
    if isinstance(stored, _PLAIN):
        return None
    if isinstance(stored, models.JSONField) and connection.vendor == "sqlite":
        return lambda value: None if value is None else orjson.dumps(value).decode()
    return _remembering(lambda value: stored.get_db_prep_save(value, connection))


def _remembering(adapt: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Adapts an object that comes row after row (the time of the run, say) only once."""
    last, adapted = object(), None

    def remembered(value: Any) -> Any:
        nonlocal last, adapted
        if value is not last:
            last, adapted = value, adapt(value)
        return adapted

    return remembered


def _default(model: type[models.Model], stored: models.Field[Any, Any]) -> Any:
    if getattr(stored, "auto_now", False) or getattr(stored, "auto_now_add", False):
        return stored.pre_save(model(), add=True)
    return stored.get_default()


def _quote(name: str | None) -> str:
    assert name is not None
    return connection.ops.quote_name(name)
