"""The tab reference says what declarations say, and nothing breaks its tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config.management.commands.tab_reference import reference_text, stored_fields
from sheetsync.reference import (
    OWNERS,
    ReferenceAction,
    StoredField,
    anchor,
    option,
    render_reference,
    table,
    type_of,
)
from sheetsync.registry import registry
from sheetsync.tabs import Column, Kind, Owner, Role, Tab, feedback_columns

WISHES = Tab(
    name="Wishes",
    role=Role.BACKLOG,
    help="What people wish for.",
    identity=("wish_key",),
    saved_by=("toy.save",),
    columns=(
        Column(name="wish_key", owner=Owner.MIRROR, kind=Kind.KEY, help="Finds it.", required=True, example="W-1"),
        Column(name="size", owner=Owner.ENTRY, help="How big.", aliases=("how big", "t-shirt"), example="S | M"),
        *feedback_columns(),
    ),
)


def page(*tabs: Tab, fields: tuple[StoredField, ...] = (), actions: tuple[ReferenceAction, ...] = ()) -> list[str]:
    return render_reference(tabs, fields, actions).splitlines()


# ---- tabs ------------------------------------------------------------------------------------------------------------


def test_a_column_is_a_row_with_owner_type_and_aliases() -> None:
    lines = page(WISHES)
    assert "| `wish_key` | mirror | key | yes | Finds it. | `W-1` |  |" in lines
    assert "| `size` | entry | text |  | How big. | `S \\| M` | how big, t-shirt |" in lines


def test_every_tab_stands_under_its_role_and_is_linked_to() -> None:
    lines = page(WISHES)
    assert lines.index("## Workbooks of the role backlog") < lines.index("### Wishes")
    assert "- backlog: [Wishes](#wishes)" in lines


def test_a_tab_says_what_finds_its_rows_who_adds_them_and_what_saves_them() -> None:
    lines = page(WISHES)
    assert lines[lines.index("### Wishes") + 2] == "What people wish for."
    assert {"- A row is found by `wish_key`.", "- Rows: yours to add.", "- Saved by `toy.save`."} <= set(lines)


def test_roles_keep_their_order_whatever_the_order_of_tabs() -> None:
    plan = Tab(name="Plan", role=Role.OPTIMIZATION, help="A plan.", identity=(), columns=feedback_columns())
    heads = [line for line in page(plan, WISHES) if line.startswith("## Workbooks")]
    assert heads == ["## Workbooks of the role backlog", "## Workbooks of the role optimization"]


def test_every_owner_is_explained() -> None:
    assert set(OWNERS) == set(Owner)
    assert all(f"| `{owner}` | {text} |" in page() for owner, text in OWNERS.items())


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({"kind": Kind.NUMBER, "minimum": 0.0}, "number, 0 or more"),
        ({"kind": Kind.NUMBER, "above": 0.0}, "number, above 0"),
        ({"kind": Kind.CHOICE, "choices": ("new", "done"), "blank": "new"}, "choice: new, done (blank means new)"),
        ({"kind": Kind.CHOICE, "choices": ("in", "out")}, "choice: in, out"),
        ({"suggestions": ("S", "M")}, "text; offered: S, M"),
        ({"kind": Kind.DATE}, "date"),
    ],
)
def test_choices_and_limits_are_named(column: dict[str, object], said: str) -> None:
    assert type_of(Column(name="x", owner=Owner.ENTRY, help="X.", **column)) == said  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_words(kind: Kind) -> None:
    assert type_of(Column(name="x", owner=Owner.ENTRY, kind=kind, help="X.", choices=()))


# ---- fields and actions ------------------------------------------------------------------------------------------------


def test_fields_stand_against_the_tabs_that_show_them() -> None:
    fields = (
        StoredField(model="toy.Wish", name="size", shown={"Wishes": "entry"}),
        StoredField(model="toy.Wish", name="score", written_by=("toy.score",), why="computed"),
    )
    lines = page(WISHES, fields=fields)
    assert "| field | Wishes | written otherwise by |" in lines
    assert "| `size` | **entry** |  |" in lines
    assert "| `score` |  | `toy.score`: computed |" in lines


def test_fields_that_no_tab_shows_stand_together_by_what_writes_them() -> None:
    fields = tuple(StoredField(model="toy.Run", name=name, why="the outcome") for name in ("status", "result"))
    assert "| `status`, `result` | the outcome |" in page(fields=fields)


def test_an_action_is_listed_with_the_options_of_the_command() -> None:
    one = ReferenceAction(name="toy.run", roles=("backlog",), help="Runs.", arguments=("constraint_set", "runs"))
    assert "| `toy.run` | backlog | Runs. | `--constraint-set`, `--run` |" in page(actions=(one,))
    assert option("capacity") == "--capacity"


# ---- Markdown --------------------------------------------------------------------------------------------------------


def test_bars_and_line_ends_do_not_break_a_table() -> None:
    assert table(("a", "b"), [("x|y", "two\nlines")]).splitlines()[2] == "| x\\|y | two lines |"


@pytest.mark.parametrize(
    ("heading", "fragment"),
    [("Gaps_And_Alerts", "gaps_and_alerts"), ("Who owns what", "who-owns-what"), ("Excel: open?", "excel-open")],
)
def test_anchors_are_those_of_code_hosts(heading: str, fragment: str) -> None:
    assert anchor(heading) == fragment


# ---- the project's own page ------------------------------------------------------------------------------------------


def test_the_page_names_every_registered_tab_and_column() -> None:
    text = reference_text()
    missing = [
        f"{tab.name}.{column.name}"
        for tab in registry.tabs()
        for column in tab.columns
        if f"\n### {tab.name}\n" not in text or f"\n| `{column.name}` | {column.owner} |" not in text
    ]
    assert missing == []


def test_a_field_has_one_entry_tab_at_most() -> None:
    entered = {
        f"{one.model}.{one.name}": [tab for tab, owner in one.shown.items() if owner == Owner.ENTRY]
        for one in stored_fields()
    }
    assert {name: tabs for name, tabs in entered.items() if len(tabs) > 1} == {}
    assert entered["backlog.Initiative.market"] == ["Backlog"]


def test_the_command_writes_the_page_once_and_check_tells_when_it_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "tabs.md"
    with pytest.raises(CommandError, match=r"tabs\.md isn't what the code declares"):
        call_command("tab_reference", "--check", page=page)
    call_command("tab_reference", page=page)
    assert page.read_text(encoding="utf-8") == reference_text()
    call_command("tab_reference", "--check", page=page)
    assert capsys.readouterr().out.splitlines() == ["tabs.md is written.", "tabs.md is what the code declares."]
