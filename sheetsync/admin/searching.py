"""Searches: what words mean, alike on every page and every database, and how they are found quickly in large tables.

A record is found when each word stands in one of its fields, capitals or not. A word of one or two characters must begin a word there.
What stands in a related record (the title of a parameter's initiative) is looked for there first: with the few records found the database
can use its indexes, while a condition over two tables makes it read both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import reduce
from itertools import product
from operator import and_, or_
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils.text import smart_split, unescape_string_literal

LONGEST = 200  # characters; whoever pastes more means none of them
MOST_WORDS = 10  # that count; the others are left out
SHORT = 2  # characters up to which a word must begin one
BEFORE_A_WORD = " -_"
FEW = 2_000  # records that are named one by one


def words_of(typed: str) -> list[str]:
    """The words that are looked for; what stands in quotes is one of them."""
    words = []
    for word in smart_split(typed):
        quoted = word[0] in "\"'" and word[0] == word[-1] and len(word) > 1
        words.append(unescape_string_literal(word) if quoted else word)
    return list(dict.fromkeys(filter(None, words)))[:MOST_WORDS]


def search[Found: Model](records: QuerySet[Found, Any], fields: Collection[str], typed: str) -> QuerySet[Found, Any]:
    """Those of the records that have every word in one of the fields (lookup paths)."""
    if len(typed) > LONGEST or "\0" in typed:
        return records.none()
    places = [_Place(records.model, relation, paths) for relation, paths in by_relation(fields).items()]
    alone: dict[_Place, list[str]] = defaultdict(
        list
    )  # words that stand in one place alone, which are looked for together
    for word in words_of(typed):
        homes = [place for place in places if place.having([word]).exists()] if len(places) > 1 else places
        if not homes:
            return records.none()
        if len(homes) == 1:
            alone[homes[0]].append(word)
        else:
            records = records.filter(reduce(or_, (place.condition([word]) for place in homes)))
    for place, words in alone.items():
        records = records.filter(place.condition(words))
    return records


def by_relation(fields: Collection[str]) -> dict[str, list[str]]:
    """Relation ("" for the record's own fields) -> paths from there."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in fields:
        relation, is_related, rest = path.partition("__")
        found[relation if is_related else ""].append(rest if is_related else path)
    return dict(found)


def few(records: QuerySet[Any, Any]) -> list[Any] | None:
    """Their primary keys; None where they are more than a few."""
    pks = list(records.order_by().values_list("pk", flat=True)[: FEW + 1])
    return pks if len(pks) <= FEW else None


class _Place:
    """Where words may stand: the fields of a record, or those of a related one."""

    def __init__(self, model: type[Model], relation: str, paths: Sequence[str]) -> None:
        related: Any = model._meta.get_field(relation).related_model if relation else model
        self.relation, self.paths, self.model = relation, paths, related

    def having(self, words: Sequence[str]) -> QuerySet[Any, Any]:
        """The records of the place that have all the words."""
        found: QuerySet[Any, Any] = self.model._base_manager.filter(_all(self.paths, words))
        return found

    def condition(self, words: Sequence[str]) -> Q:
        """Whether a record has all the words in this place."""
        if not self.relation:
            return _all(self.paths, words)
        pks = few(self.having(words))
        if pks is None:
            return _all([f"{self.relation}__{path}" for path in self.paths], words)
        return Q(**{f"{self.relation}__in": pks})


def _all(paths: Sequence[str], words: Sequence[str]) -> Q:
    return reduce(and_, (reduce(or_, _conditions(paths, word)) for word in words))


def _conditions(paths: Sequence[str], word: str) -> Iterator[Q]:
    for path, spelt in product(paths, _spellings(word)):
        if len(word) > SHORT:
            yield Q(**{f"{path}__icontains": spelt})
        else:
            yield Q(**{f"{path}__istartswith": spelt})
            yield from (Q(**{f"{path}__icontains": before + spelt}) for before in BEFORE_A_WORD)


def _spellings(word: str) -> Collection[str]:
    """SQLite, and PostgreSQL in some locales, know capitals of the letters A to Z alone."""
    return (word,) if word.isascii() else dict.fromkeys((word, word.lower(), word.upper(), word.capitalize()))
