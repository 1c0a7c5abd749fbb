"""The tab reference: what the declarations say, as a page for people. Pure: declarations in, Markdown out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sheetsync.tabs import TWO_WAY, Column, Kind, Owner, Role, Tab

HEAD = """\
<!-- Generated: `python manage.py tab_reference` writes this page from the declarations in the code. Don't edit it. -->

# Every tab and column

A column is found by its header: its name here, or one of its aliases, whatever the case, the spaces, underscores and
punctuation, and a unit in brackets at the end. The order of columns never matters, and columns of your own may stand
between them. The header row may be any of the first ten rows.
"""

OWNERS: Mapping[Owner, str] = {
    Owner.ENTRY: "You type it, in this tab and nowhere else. The database takes it.",
    Owner.OVERRIDE: "It comes from elsewhere; you may type over it here. Emptying the cell brings the other value back.",
    Owner.MIRROR: "Shows what is stored and entered elsewhere. What is typed here is put back.",
    Owner.COMPUTED: "Worked out for you and stored nowhere. What is typed here is put back.",
    Owner.SUGGESTION: "Something to consider; copy what you like into your own column.",
    Owner.COPIED: "Finds the row: a formula of yours, or a plain key in rows that were added for you.",
    Owner.SHEET_ONLY: "Yours; an action may read it, the database never keeps it.",
    Owner.FEEDBACK: "What became of the row at the last action.",
}

_KINDS: Mapping[Kind, str] = {
    Kind.TEXT: "text",
    Kind.LONG_TEXT: "text, several lines",
    Kind.EMAIL: "e-mail address",
    Kind.NAME: "name in snake_case",
    Kind.NUMBER: "number",
    Kind.SHARE: "share: 0 to 1, or a percent",
    Kind.BOOLEAN: "yes or no (a tick); blank is no",
    Kind.DATE: "date",
    Kind.DATETIME: "time in UTC",
    Kind.CHOICE: "choice",
    Kind.KEY: "key",
    Kind.KEY_LIST: "keys, separated by a bar, comma or new line",
    Kind.NUMBERS: "numbers by name: JSON or `name: 1; name: 2`",
    Kind.WEIGHTS: "weights by name, or names in order: JSON or the short form",
    Kind.JSON: "JSON",
    Kind.PERIOD: "period: 2026, 2026-H1, 2026-Q1 or 2026-03",
}


@dataclass(frozen=True, kw_only=True)
class StoredField:
    """One field of the database, and who writes it."""

    model: str  # "app_label.Model"
    name: str
    shown: Mapping[str, str] = field(default_factory=dict)  # tab's name -> owner of its column there
    written_by: tuple[str, ...] = ()  # actions, for fields that no tab enters
    why: str = ""  # what writes such a field, or why it never changes


@dataclass(frozen=True, kw_only=True)
class ReferenceAction:
    """One action, as the page lists it."""

    name: str
    roles: tuple[str, ...]  # of the workbooks that it works on
    help: str  # one sentence
    arguments: tuple[str, ...]  # names of what it takes beside --workbook, --tab, --keys and --confirm


def render_reference(
    tabs: Sequence[Tab],
    fields: Sequence[StoredField],
    actions: Sequence[ReferenceAction],
    everywhere: Sequence[Tab] = (),
) -> str:
    """The whole page, ending with a line end. Tabs stand in the order given, roles in the order of `Role`; `everywhere`: tabs that
    workbooks of every role may have."""
    roles = [role for role in Role if any(tab.role is role for tab in tabs)]
    parts: list[str] = [HEAD, *_owners(), *_contents(tabs, roles, everywhere)]
    for role in roles:
        parts.append(f"## Workbooks of the role {role.value}\n")
        for tab in tabs:
            if tab.role is role:
                parts.extend(_tab(tab))
    if everywhere:
        parts.append("## In every workbook\n")
        parts.extend(part for tab in everywhere for part in _tab(tab))
    parts.extend(_fields(fields, [tab.name for tab in tabs]))
    parts.extend(_actions(actions))
    return "\n".join(parts)


# ---- tabs -----------------------------------------------------------------------------------------------------------


def _owners() -> Iterator[str]:
    yield "## Who writes a column\n"
    yield table(("owner", "what it means for you"), ((f"`{owner.value}`", text) for owner, text in OWNERS.items()))


def _contents(tabs: Sequence[Tab], roles: Sequence[Role], everywhere: Sequence[Tab]) -> Iterator[str]:
    yield "## Contents\n"
    for role in roles:
        yield f"- {role.value}: {_links(tab for tab in tabs if tab.role is role)}"
    if everywhere:
        yield f"- every workbook: {_links(everywhere)}"
    yield "- [Who owns what](#who-owns-what) · [Actions](#actions)\n"


def _links(tabs: Iterable[Tab]) -> str:
    return " · ".join(f"[{tab.name}](#{anchor(tab.name)})" for tab in tabs)


def _tab(tab: Tab) -> Iterator[str]:
    yield f"### {tab.name}\n"
    yield f"{tab.help}\n"
    yield "\n".join(f"- {line}" for line in _facts(tab)) + "\n"
    heads = ("column", "owner", "type", "required", "what it is", "example", "other headers that mean it")
    yield table(heads, (_column(column) for column in tab.columns))


def _facts(tab: Tab) -> Iterator[str]:
    if tab.any_name:
        yield "The tab may have any name: it is known by its header row."
    if tab.identity:
        yield f"A row is found by {_and(f'`{name}`' for name in tab.identity)}."
    else:
        yield "Rows have no key: they are taken as they stand, all together."
    yield f"Rows: {_who_adds_rows(tab)}."
    if tab.saved_by:
        yield f"Saved by {_and(f'`{name}`' for name in tab.saved_by)}."
    if tab.saved_with:
        yield f"Always saved together with {_and(tab.saved_with)}."


def _who_adds_rows(tab: Tab) -> str:
    if tab.key_prefix:
        return f"yours to add; each gets its key (`{tab.key_prefix}...`) written into it"
    if tab.people_add_rows and tab.engine_adds_rows:
        return "yours to add; missing ones are added for you as well"
    if tab.people_add_rows:
        return "yours to add"
    return "added for you" if tab.engine_adds_rows else "neither you nor the system adds any"


def _column(column: Column) -> tuple[str, ...]:
    example = f"`{column.example}`" if column.example else ""
    required = "yes" if column.required else ""
    aliases = ", ".join(column.aliases)
    return (f"`{column.name}`", column.owner.value, type_of(column), required, column.help, example, aliases)


def type_of(column: Column) -> str:
    """What a column's cells hold, with choices and limits named."""
    kind = _KINDS[column.kind]
    if column.choices:
        return f"{kind}: {', '.join(column.choices)}" + (f" (blank means {column.blank})" if column.blank else "")
    if column.minimum is not None:
        kind += f", {column.minimum:g} or more"
    if column.above is not None:
        kind += f", above {column.above:g}"
    if column.suggestions:
        kind += f"; offered: {', '.join(column.suggestions)}"
    return kind


# ---- fields ---------------------------------------------------------------------------------------------------------


def _fields(fields: Sequence[StoredField], order: Sequence[str]) -> Iterator[str]:
    yield "## Who owns what\n"
    yield "Every stored field: where people enter it, where it shows, and what writes those that nobody enters.\n"
    for model, group in groupby(fields, key=lambda one: one.model):
        yield f"### {model}\n"
        yield _matrix(list(group), order)


def _matrix(fields: Sequence[StoredField], order: Sequence[str]) -> str:
    """A model's fields by the tabs that show any of them; where none does, by what writes them."""
    tabs = list(dict.fromkeys(name for name in order if any(name in one.shown for one in fields)))
    if not tabs:
        return _by_writer(fields)
    heads = ("field", *tabs, "written otherwise by")
    return table(heads, ((f"`{one.name}`", *(_shown(one, name) for name in tabs), _otherwise(one)) for one in fields))


def _by_writer(fields: Sequence[StoredField]) -> str:
    names: dict[str, list[str]] = {}
    for one in fields:
        names.setdefault(_otherwise(one), []).append(f"`{one.name}`")
    return table(("fields", "written by"), ((", ".join(group), writer) for writer, group in names.items()))


def _shown(one: StoredField, tab: str) -> str:
    owner = one.shown.get(tab, "")
    return f"**{owner}**" if owner in TWO_WAY else owner


def _otherwise(one: StoredField) -> str:
    actions = ", ".join(f"`{name}`" for name in one.written_by)
    return ": ".join(part for part in (actions, one.why) if part)


# ---- actions --------------------------------------------------------------------------------------------------------


def _actions(actions: Sequence[ReferenceAction]) -> Iterator[str]:
    yield "## Actions\n"
    yield "Every action also takes `--workbook`, `--tab`, `--keys`, `--confirm` and `--dry-run`, where they make sense for it.\n"
    heads = ("action", "workbooks", "what it does", "also takes")
    yield table(
        heads,
        (
            (f"`{one.name}`", ", ".join(one.roles), one.help, ", ".join(f"`{option(name)}`" for name in one.arguments))
            for one in actions
        ),
    )


def option(argument: str) -> str:
    """The command's option for an argument of actions: constraint_set -> --constraint-set, runs -> --run."""
    return "--" + {"runs": "run"}.get(argument, argument).replace("_", "-")


# ---- Markdown -------------------------------------------------------------------------------------------------------


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, ending with a line end. Bars and line ends in cells are made harmless."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def anchor(heading: str) -> str:
    """The fragment by which a heading is linked to, as code hosts make it."""
    kept = "".join(letter for letter in heading.strip().lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


def _and(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
