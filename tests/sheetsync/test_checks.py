"""Every mistake in a declaration stops the project: each check, shown on a toy registry with that one mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.management import call_command

from sheetsync.checks import check_declarations
from sheetsync.registry import FieldPolicy, Registry, registry
from sheetsync.tabs import Column, Kind, Owner, Role, Tab

KEY = Column(name="initiative_key", owner=Owner.MIRROR, kind=Kind.KEY, help="The key.", required=True)
MARKET = Column(name="market", owner=Owner.ENTRY, help="The market.")
TOY = Tab(
    name="Toy",
    role=Role.BACKLOG,
    help="A toy.",
    model="backlog.Initiative",
    identity=("initiative_key",),
    saved_by=("pm.save_selected",),
    columns=(KEY, MARKET),
)
FORGOTTEN = "sheetsync.E014"  # a toy registry forgets nearly every field: looked at on its own


def found(*tabs: Tab, declared: Registry | None = None) -> list[tuple[str, str]]:
    """(id, text) of every mistake, forgotten fields left out."""
    declared = declared or Registry()
    for tab in tabs:
        declared.register(tab)
    mistakes = [(mistake.id, mistake.msg) for mistake in check_declarations(declared=declared)]
    return [(number or "", text) for number, text in mistakes if number != FORGOTTEN]


def with_columns(*columns: Column) -> Tab:
    return replace(TOY, columns=(KEY, MARKET, *columns))


def test_the_toy_itself_is_in_order():
    assert found(TOY) == []


@pytest.mark.django_db
def test_the_project_itself_is_in_order():
    assert check_declarations() == []
    call_command("check")


def test_every_mistake_comes_with_a_hint():
    broken = replace(TOY, identity=("nothing",), saved_by=("pm.nothing",), columns=(MARKET, MARKET))
    declared = Registry()
    declared.register(broken)
    assert all(mistake.hint for mistake in check_declarations(declared=declared))


def test_e001_a_tab_that_is_registered_twice():
    assert found(TOY, TOY) == [("sheetsync.E001", "The tab backlog/Toy is registered twice.")]
    assert found(TOY, replace(TOY, role=Role.PRODUCTOPS, columns=(KEY,))) == []


def test_e002_a_column_that_is_declared_twice():
    assert ("sheetsync.E002", "backlog/Toy declares the column category 2 times.") in found(
        with_columns(*[Column(name="category", owner=Owner.ENTRY, help="Twice.")] * 2)
    )


def test_e003_a_header_that_means_two_columns():
    alias = Column(name="category", owner=Owner.ENTRY, help="Also the market.", aliases=("Mar-ket (EU)",))
    assert found(with_columns(alias)) == [
        ("sheetsync.E003", "In backlog/Toy, 'market' means both market and category.")
    ]


def test_e004_an_identity_that_is_no_column():
    assert found(replace(TOY, identity=("initiative_key", "model_name"))) == [
        ("sheetsync.E004", "backlog/Toy is identified by model_name, which is none of its columns.")
    ]


def test_e005_rows_with_an_identity_and_no_required_header():
    assert found(replace(TOY, columns=(replace(KEY, required=False), MARKET))) == [
        ("sheetsync.E005", "backlog/Toy has no required header.")
    ]


def test_e006_entries_that_no_action_saves():
    assert found(replace(TOY, saved_by=())) == [
        ("sheetsync.E006", "People enter values in backlog/Toy, but no action saves it.")
    ]


def test_e007_a_tab_or_policy_that_names_no_action():
    assert found(replace(TOY, saved_by=("pm.sav_selected",))) == [
        ("sheetsync.E007", "backlog/Toy is saved by pm.sav_selected, which is no action.")
    ]
    declared = Registry()
    declared.policies("backlog.Initiative", title=FieldPolicy(saved_by=("pm.nothing",), why="A mistake."))
    assert found(declared=declared) == [
        ("sheetsync.E007", "backlog.Initiative.title is saved by pm.nothing, which is no action.")
    ]


def test_e008_a_choice_without_choices():
    column = Column(name="scope_mode", owner=Owner.ENTRY, kind=Kind.CHOICE, help="Nothing to choose from.")
    assert found(with_columns(column)) == [("sheetsync.E008", "backlog/Toy.scope_mode is a choice without choices.")]


def test_e009_a_column_of_a_field_that_does_not_exist():
    column = Column(name="mood", owner=Owner.ENTRY, help="No such field.")
    assert found(with_columns(column)) == [
        ("sheetsync.E009", "backlog/Toy.mood names the field backlog.Initiative.mood, which doesn't exist.")
    ]
    assert found(with_columns(replace(column, stored=False))) == []
    assert found(with_columns(replace(column, field="submission__title"))) == []
    assert found(with_columns(replace(column, field="submission__mood")))[0][0] == "sheetsync.E009"
    assert {number for number, _text in found(replace(TOY, model=""))} == {"sheetsync.E009"}


def test_e010_a_kind_of_cell_that_does_not_fit_its_field():
    column = Column(name="engineering_tokens", owner=Owner.ENTRY, kind=Kind.DATE, help="A number, in fact.")
    assert found(with_columns(column)) == [
        ("sheetsync.E010", "backlog/Toy.engineering_tokens holds a date, its field is a FloatField.")
    ]


def test_e011_a_field_that_two_tabs_enter():
    second = replace(TOY, name="Second")
    assert found(TOY, second) == [
        ("sheetsync.E011", "backlog.Initiative.market is entered in backlog/Toy and backlog/Second.")
    ]
    assert found(TOY, replace(second, columns=(KEY, replace(MARKET, owner=Owner.OVERRIDE)))) == []


def test_e012_a_policy_of_what_does_not_exist():
    declared = Registry()
    policy = FieldPolicy(saved_by=(), why="Nothing writes it.")
    declared.policies("backlog.Initiative", mood=policy)
    declared.policies("backlog.Nothing", mood=policy)
    assert found(declared=declared) == [
        ("sheetsync.E012", "A policy is declared for backlog.Initiative.mood, which doesn't exist."),
        ("sheetsync.E012", "Policies are declared for backlog.Nothing, which doesn't exist."),
    ]


def test_e013_a_field_with_a_policy_and_an_entry_tab():
    declared = Registry()
    declared.policies("backlog.Initiative", market=FieldPolicy(saved_by=(), why="In the wrong place."))
    assert found(TOY, declared=declared) == [
        ("sheetsync.E013", "backlog.Initiative.market has a policy and a tab where people enter it.")
    ]


def test_e014_a_field_without_a_policy():
    declared = Registry()
    declared.register(TOY)
    mistakes = {mistake.msg for mistake in check_declarations(declared=declared) if mistake.id == FORGOTTEN}
    assert "The field backlog.Initiative.title has no policy." in mistakes
    assert "The field backlog.Initiative.market has no policy." not in mistakes
    assert not any("Historical" in text or "sheetsync." in text for text in mistakes)


def test_each_field_of_every_domain_model_has_exactly_one_policy_or_entry():
    """Law 1, on the project as it is: leaving out any policy is noticed."""
    model, fields = next(iter(registry.policy_table.items()))
    declared = Registry()
    for entry in registry:
        declared.register(entry.tab, entry.records)
    for name, policies in registry.policy_table.items():
        declared.policies(name, **{field: policy for field, policy in policies.items() if name != model})
    assert {mistake.msg for mistake in check_declarations(declared=declared)} == {
        f"The field {model}.{field} has no policy." for field in fields
    }
