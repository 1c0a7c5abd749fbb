"""Backlog: overrides that stick, rows that are appended, entries, what a row still lacks."""

from __future__ import annotations

import pytest

from backlog.models import Initiative, IntakeSubmission
from sheetsync.models import Conflict, RecordChange
from tests.sheetsync.world import World, edit_in_the_database, filled_world, initiative, key_of

pytestmark = pytest.mark.django_db
FIRST = {"initiative_key": key_of(1)}


def test_new_initiatives_are_appended_with_everything_known_of_them():
    world = World()
    intake, backlog = world.intake(department="Sales"), world.backlog()
    intake.add(title="one", country="UK")
    intake.add(title="two")
    world.sync()
    assert [(row["initiative_key"], row["title"], row["department"], row["country"]) for row in backlog.rows] == [
        (key_of(1), "one", "Sales", "UK"),
        (key_of(2), "two", "Sales", None),
    ]
    assert {row["intake_source"] for row in backlog.rows} == {"Sales / Wishes"}
    assert {row["updated_source"] for row in backlog.rows} == {"pm.backlog_sync"}
    assert backlog.rows[0]["lifecycle_status"] == "new"


def test_appended_rows_go_below_everything_and_shift_nothing():
    world, intake, backlog = filled_world()
    backlog.book.set_cell("Backlog", 0, 60, "note of ours")
    backlog.book.set_cell("Backlog", 3, 60, "third")
    intake.add(title="fourth")
    world.sync()
    assert [row["initiative_key"] for row in backlog.rows] == [key_of(n) for n in (1, 2, 3, 4)]
    assert [row["note of ours"] for row in backlog.rows] == [None, None, "third", None]


def test_an_override_sticks_against_later_intake_edits_which_are_recorded():
    world, intake, backlog = filled_world()
    backlog.type(FIRST, title="hers")
    world.sync()
    intake.type({"initiative_key": key_of(1)}, title="theirs", country="France")
    world.sync()
    assert (initiative(1).title, initiative(1).country) == ("hers", "France")
    assert backlog.row(**FIRST)["title"] == "hers"
    conflict = Conflict.objects.get()
    assert (conflict.tab, conflict.column, conflict.kept_value, conflict.lost_value) == (
        "Wishes",
        "title",
        "hers",
        "theirs",
    )
    assert intake.status(initiative_key=key_of(1)).startswith(
        "WARNING: title was overwritten in the Backlog, and what was typed there holds; empty it there"
    )
    assert IntakeSubmission.objects.get(initiative=initiative(1)).title == "theirs"


def test_a_second_intake_edit_leaves_one_open_conflict():
    world, intake, backlog = filled_world()
    backlog.type(FIRST, title="hers")
    world.sync()
    for words in ("theirs", "theirs again"):
        intake.type({"initiative_key": key_of(1)}, title=words)
        world.sync()
    assert initiative(1).title == "hers"
    assert [(c.lost_value, c.status) for c in Conflict.objects.order_by("pk")] == [
        ("theirs", "kept"),
        ("theirs again", "open"),
    ]


def test_emptying_the_cell_ends_the_override_and_brings_back_intakes_latest_value():
    world, intake, backlog = filled_world()
    backlog.type(FIRST, title="hers")
    world.sync()
    intake.type({"initiative_key": key_of(1)}, title="theirs by now")
    world.sync()
    backlog.type(FIRST, title=None)
    world.sync()
    assert (initiative(1).title, backlog.row(**FIRST)["title"]) == ("theirs by now", "theirs by now")
    assert Conflict.objects.get().status == "restored"
    world.sync()
    assert intake.status(initiative_key=key_of(1)) == "OK"
    intake.type({"initiative_key": key_of(1)}, title="and later")
    world.sync()
    assert backlog.row(**FIRST)["title"] == "and later", "the override is over"


def test_typing_intakes_words_into_the_backlog_settles_the_conflict():
    world, intake, backlog = filled_world()
    backlog.type(FIRST, title="hers")
    world.sync()
    intake.type({"initiative_key": key_of(1)}, title="theirs")
    world.sync()
    backlog.type(FIRST, title="theirs")
    world.sync()
    world.sync()
    assert Conflict.objects.get().status == "restored"
    assert intake.status(initiative_key=key_of(1)) == "OK"


def test_a_conflict_settled_in_the_database_is_no_warning_any_more():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, title="hers")
    edit_in_the_database(1, title="his")
    world.sync()
    assert backlog.status(**FIRST).startswith("WARNING")
    Conflict.objects.update(status="kept")
    world.sync()
    assert backlog.status(**FIRST).startswith("OK")


def test_an_override_typed_back_to_intakes_words_is_over_as_well():
    world, intake, backlog = filled_world()
    backlog.type(FIRST, title="hers")
    world.sync()
    backlog.type(FIRST, title="idea 1")
    world.sync()
    intake.type({"initiative_key": key_of(1)}, title="theirs")
    world.sync()
    assert backlog.row(**FIRST)["title"] == "theirs"


def test_a_department_overridden_and_emptied_is_the_workbooks_own_again():
    world = World()
    intake, backlog = world.intake(department="Sales"), world.backlog()
    intake.add(title="one")
    world.sync()
    backlog.type(FIRST, department="Legal")
    world.sync()
    assert initiative(1).department == "Legal"
    backlog.type(FIRST, department=None)
    world.sync()
    assert (initiative(1).department, backlog.row(**FIRST)["department"]) == ("Sales", "Sales")


def test_an_override_of_an_initiative_without_intake_row_may_be_emptied():
    world, _intake, backlog = filled_world()
    Initiative.objects.create(initiative_key="INIT-000900", title="made in the admin", country="UK")
    world.sync()
    backlog.type({"initiative_key": "INIT-000900"}, country=None)
    world.sync()
    assert Initiative.objects.get(initiative_key="INIT-000900").country == ""


def test_both_sides_edited_at_once_and_intake_too():
    world, intake, backlog = filled_world()
    backlog.type(FIRST, title="hers")
    intake.type({"initiative_key": key_of(1)}, title="theirs")
    world.sync()
    assert (initiative(1).title, backlog.row(**FIRST)["title"]) == ("hers", "hers")
    assert [(c.tab, c.kept_value, c.lost_value) for c in Conflict.objects.all()] == [("Backlog", "hers", "theirs")]


@pytest.mark.parametrize(
    ("typed", "missing"),
    [
        ({}, "department, product_area, engineering_tokens, active_scoring_framework, kpi_contribution_json"),
        (
            {"department": "Sales", "product_area": "Search", "scope_mode": "mvp"},
            "engineering_tokens_mvp, active_scoring_framework, kpi_contribution_json",
        ),
        (
            {
                "department": "Sales",
                "product_area": "Search",
                "engineering_tokens": 3,
                "is_optimization_candidate": True,
            },
            "candidate_period_key, active_scoring_framework, kpi_contribution_json",
        ),
    ],
)
def test_a_row_says_what_it_still_lacks(typed, missing):
    world, _intake, backlog = filled_world(1)
    backlog.type(FIRST, **typed)
    world.sync()
    assert backlog.status(**FIRST) == f"OK: missing {missing}"


def test_a_finished_initiative_lacks_nothing():
    world, _intake, backlog = filled_world(1)
    backlog.type(FIRST, lifecycle_status="Done")
    world.sync()
    assert backlog.status(**FIRST) == "OK"


def test_an_emptied_entry_empties_the_stored_value():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA", engineering_tokens=3, is_optimization_candidate=True, lifecycle_status="ready")
    world.sync()
    blank = dict.fromkeys(("market", "engineering_tokens", "is_optimization_candidate", "lifecycle_status"))
    backlog.type(FIRST, **blank)
    world.sync()
    held = initiative(1)
    assert (held.market, held.engineering_tokens, held.is_optimization_candidate) == ("", None, False)
    assert held.lifecycle_status == "new"
    assert {name: backlog.cell(name, **FIRST) for name in blank} == blank, (
        "an empty cell isn't filled with what it means"
    )


def test_a_dependency_that_does_not_exist_refuses_the_cell_and_names_the_nearest():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, dependencies_initiatives="INIT-000002 | INIT-00003", market="EMEA")
    world.sync()
    assert (initiative(1).dependencies_initiatives, initiative(1).market) == ([], "EMEA")
    assert backlog.status(**FIRST) == (
        'FAILED: dependencies_initiatives: "INIT-00003" doesn\'t exist; the nearest existing key is INIT-000003'
    )


def test_a_text_that_is_too_long_says_how_long_it_may_be():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="x" * 900, category="Growth")
    world.sync()
    assert (initiative(1).market, initiative(1).category) == ("", "Growth")
    said = backlog.status(**FIRST)
    assert said.startswith('FAILED: market: "xxx')
    assert said.endswith(f"has 900 characters; write {Initiative._meta.get_field('market').max_length} at most")


def test_two_backlogs_end_with_the_same_values():
    world, _intake, backlog = filled_world()
    second = world.backlog(title="Europe")
    world.sync()
    backlog.type(FIRST, market="EMEA")
    second.type({"initiative_key": key_of(2)}, market="APAC")
    done = world.sync()
    for sheet in (backlog, second):
        assert [row["market"] for row in sheet.rows] == ["EMEA", "APAC", None]
    assert done.report.counts["rows_read"] == 9, "the second look counts no row twice"
    before = [(sheet.book.writes, sheet.book.values("Backlog")) for sheet in (backlog, second)]
    world.sync()
    assert before == [(sheet.book.writes, sheet.book.values("Backlog")) for sheet in (backlog, second)]


def test_intake_says_in_the_same_sync_that_an_override_is_over():
    world, intake, backlog = filled_world()
    backlog.type(FIRST, country="France")
    world.sync()
    intake.type({"initiative_key": key_of(1)}, country="Spain")
    assert [message.status for message in world.sync().report.messages] == ["WARNING"]
    assert intake.status(initiative_key=key_of(1)).startswith("WARNING: country was overwritten in the Backlog")
    backlog.type(FIRST, country=None)
    done = world.sync()
    assert done.report.messages == []
    assert (backlog.row(**FIRST)["country"], intake.status(initiative_key=key_of(1))) == ("Spain", "OK")
    before = world.contents()
    world.sync()
    assert world.contents() == before


def test_save_selected_saves_the_tab_and_appends_nothing():
    world, _intake, backlog = filled_world()
    Initiative.objects.create(initiative_key="INIT-000900", title="made in the admin")
    backlog.type(FIRST, market="EMEA")
    done = world.act("pm.save_selected", workbook=backlog.workbook)
    assert initiative(1).market == "EMEA"
    assert len(backlog.rows) == 3
    assert RecordChange.objects.get(run=done.run).fields == {"market": ["", "EMEA"]}
    assert backlog.row(**FIRST)["updated_source"] == "pm.save_selected"


def test_an_edit_in_the_database_goes_to_sheets_although_intake_said_otherwise():
    world, intake, backlog = filled_world()
    edit_in_the_database(1, title="olga's words")
    world.sync()
    assert backlog.row(**FIRST)["title"] == "olga's words"
    assert intake.row(initiative_key=key_of(1))["title"] == "idea 1"
