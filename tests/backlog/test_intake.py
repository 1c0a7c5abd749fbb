"""Intake: keys that only the backend gives, exactly once; what departments hand in, and how it flows on."""

from __future__ import annotations

import pytest
import time_machine

from backlog.models import Initiative, IntakeSubmission
from sheetsync.models import Conflict, KeyReservation, RecordChange
from sheetsync.workbooks.memory import Fault
from tests.sheetsync.world import Sheet, World, at_request, crash, filled_world, initiative, key_of

pytestmark = pytest.mark.django_db
WINDOW_S = 1000.0


# ---- keys ------------------------------------------------------------------------------------------------------------------------------


def test_a_row_gets_its_key_and_becomes_one_initiative_in_one_sync():
    world = World()
    intake = world.intake(department="Sales")
    intake.add(title="Faster search", country="UK")
    done = world.sync()
    row = intake.row(title="Faster search")
    assert (row["initiative_key"], row["run_status"]) == ("INIT-000001", "OK")
    made = Initiative.objects.get()
    assert (made.initiative_key, made.title, made.country) == ("INIT-000001", "Faster search", "UK")
    assert made.intake_source == "Sales / Wishes"
    assert made.lifecycle_status == "new"
    assert done.report.status == "success"


def test_the_workbooks_department_counts_where_a_row_names_none():
    world = World()
    intake = world.intake(department="Sales")
    intake.add(title="one")
    intake.add(title="two", department="Support")
    world.sync()
    assert list(Initiative.objects.values_list("department", flat=True)) == ["Sales", "Support"]
    assert intake.row(title="one")["department"] is None, "what a person left empty stays empty"
    intake.type({"title": "two"}, department=None)
    intake.type({"title": "one"}, department="Legal")
    world.sync()
    assert list(Initiative.objects.values_list("department", flat=True)) == ["Legal", "Sales"]


def test_a_row_without_a_title_waits_for_one_and_gets_no_key():
    world = World()
    intake = world.intake()
    intake.add(country="UK")
    done = world.sync()
    assert intake.status(country="UK") == "FAILED: title is empty; a row needs a title before it gets a key"
    assert done.report.status == "failed"
    assert not KeyReservation.objects.exists()
    intake.type({"country": "UK"}, title="now it has one")
    world.sync()
    assert intake.row(country="UK")["initiative_key"] == key_of(1)
    assert intake.status(country="UK") == "OK"


def test_a_title_that_is_refused_says_why_and_gets_no_key():
    world = World()
    intake = world.intake()
    intake.add(title="#REF!", country="UK")
    world.sync()
    assert intake.status(country="UK") == (
        'FAILED: title: the cell shows an error, "#REF!"; correct its formula, or write text; '
        "a row needs a title before it gets a key"
    )
    assert not KeyReservation.objects.exists()


def test_an_emptied_title_is_refused_and_the_initiative_keeps_its_own():
    world, intake, _backlog = filled_world()
    intake.type({"title": "idea 1"}, title=None, country="France")
    world.sync()
    assert (initiative(1).title, initiative(1).country) == ("idea 1", "France")
    assert intake.status(initiative_key=key_of(1)) == (
        "FAILED: title is empty; an initiative needs one, and keeps the title it had"
    )


def test_a_row_whose_key_was_emptied_is_told_its_key_and_makes_no_second_initiative():
    world, intake, _backlog = filled_world()
    intake.type({"title": "idea 2"}, initiative_key=None)
    world.sync()
    assert intake.status(title="idea 2") == (
        "FAILED: initiative_key is empty, and the row says what the row of INIT-000002 said, which is gone; "
        "put INIT-000002 back into initiative_key, or change the words if this is another one"
    )
    assert Initiative.objects.count() == 3
    intake.type({"title": "idea 2"}, initiative_key="init-000002")
    world.sync()
    assert intake.status(title="idea 2") == "OK"
    intake.type({"title": "idea 2"}, initiative_key=None)
    intake.type({"title": "idea 2"}, title="quite another idea")
    world.sync()
    assert intake.row(title="quite another idea")["initiative_key"] == key_of(4)


def test_a_title_that_is_too_long_makes_no_initiative_until_it_is_shortened():
    world = World()
    intake = world.intake()
    place = intake.add(title="y" * 501, country="UK")
    world.sync()
    assert not Initiative.objects.exists()
    assert intake.rows[0]["run_status"].startswith("FAILED: title: ")
    assert "has 501 characters; write 500 at most" in intake.rows[0]["run_status"]
    intake.type(place, title="why")
    world.sync()
    assert Initiative.objects.get().title == "why"
    assert intake.row(title="why")["run_status"] == "OK"


def test_a_key_that_a_person_typed_is_refused_with_the_nearest_one():
    world, intake, _backlog = filled_world()
    intake.add(title="typed its key", initiative_key="INIT-00003")
    world.sync()
    assert intake.status(title="typed its key") == (
        'FAILED: initiative_key: "INIT-00003" doesn\'t exist; the nearest existing key is INIT-000003; '
        "keys are given by the backend: empty the cell, and the row gets its own"
    )
    assert Initiative.objects.count() == 3
    intake.type({"title": "typed its key"}, initiative_key=None)
    world.sync()
    assert intake.row(title="typed its key")["initiative_key"] == key_of(4)
    assert intake.status(title="typed its key") == "OK"


def test_a_row_copied_to_another_departments_workbook_is_refused_there():
    world, intake, _backlog = filled_world()
    support = world.intake("Support")
    support.add(title="idea 1", initiative_key=key_of(1))
    world.sync()
    assert support.status(title="idea 1") == (
        "FAILED: initiative_key: INIT-000001 belongs to a row of Sales / Wishes; "
        "empty the key cell to hand this row in as an initiative of its own"
    )
    intake.type({"title": "idea 1"}, country="France")
    world.sync()
    assert initiative(1).country == "France", "the first owner goes on"
    assert Initiative.objects.count() == 3


def test_a_row_copied_within_the_sheet_is_a_twin_until_its_key_is_emptied():
    world, intake, _backlog = filled_world()
    place = intake.add(title="idea 1", initiative_key=key_of(1), country="France")
    world.sync()
    assert (
        intake.rows[3]["run_status"]
        == "FAILED: row 2 has the same initiative_key; none of them is taken until one is left"
    )
    assert (
        intake.rows[0]["run_status"]
        == "FAILED: row 5 has the same initiative_key; none of them is taken until one is left"
    )
    assert Initiative.objects.filter(country="France").count() == 0
    intake.type(place, initiative_key=None)
    world.sync()
    assert [row["initiative_key"] for row in intake.rows] == [key_of(n) for n in (1, 2, 3, 4)]
    assert [row["run_status"] for row in intake.rows] == ["OK"] * 4


def test_rows_in_several_tabs_and_workbooks_share_one_sequence_of_keys():
    world = World()
    sales, support = world.intake("Sales"), world.intake("Support")
    sales.book.add_tab("More", [["title", "key"], ["third", None]])
    sales.book.add_tab("Holidays", [["who", "when"], ["ada", "May"]])
    sales.add(title="first")
    support.add(title="second")
    world.sync()
    stored = dict(Initiative.objects.values_list("title", "initiative_key"))
    assert sorted(stored.values()) == [key_of(n) for n in (1, 2, 3)]
    assert sales.book.values("More")[1] == ["third", stored["third"]]
    assert sales.book.values("Holidays") == [["who", "when"], ["ada", "May"]]


def rename_tab(sheet: Sheet, title: str) -> None:
    rows = sheet.book.values(sheet.title)
    sheet.book.delete_tab(sheet.title)
    sheet.book.add_tab(title, rows)
    sheet.title = title


@pytest.mark.parametrize("versions", [True, False], ids=["like a file", "like a Google sheet"])
def test_a_tab_that_is_renamed_stays_the_tab_it_was(versions):
    world, intake, backlog = filled_world(versions=versions)
    backlog.type({"initiative_key": key_of(1)}, title="hers")
    world.sync()
    intake.type({"initiative_key": key_of(1)}, title="theirs")
    world.sync()
    rename_tab(intake, "Wishes of 2026")
    intake.type({"title": "idea 2"}, country="France")
    intake.add(title="new one")
    done = world.sync()
    assert initiative(2).country == "France"
    assert Initiative.objects.count() == 4
    assert {submission.tab for submission in IntakeSubmission.objects.all()} == {"Wishes of 2026"}
    assert {row["intake_source"] for row in backlog.rows} == {"Sales / Wishes of 2026"}
    assert intake.status(initiative_key=key_of(1)).startswith("WARNING: title was overwritten in the Backlog")
    assert [row["run_status"] for row in intake.rows[1:]] == ["OK"] * 3
    assert "the tab was called 'Wishes' before; its rows are the same ones" in [m.text for m in done.report.messages]
    changes = RecordChange.objects.count()
    world.sync()
    assert RecordChange.objects.count() == changes


def cut_and_paste(intake: Sheet, title: str, count: int) -> Sheet:
    """Moves the first rows to another tab of the workbook, keys and all."""
    header, *rows = intake.book.values(intake.title)
    intake.book.delete_tab(intake.title)
    intake.book.add_tab(title, [header, *rows[:count]])
    intake.book.add_tab(intake.title, [header, *rows[count:]])
    return Sheet(intake.book, title, intake.tab, intake.workbook)


@pytest.mark.parametrize("versions", [True, False], ids=["like a file", "like a Google sheet"])
def test_rows_that_are_moved_to_another_tab_stay_the_rows_they_were(versions):
    world, intake, backlog = filled_world(14, versions=versions)
    backlog.type({"initiative_key": key_of(1)}, title="hers")
    world.sync()
    intake.type({"initiative_key": key_of(1)}, title="theirs")
    world.sync()
    archive = cut_and_paste(intake, "Archive", 12)
    archive.type({"title": "idea 2"}, country="France")
    done = world.sync()
    assert (Initiative.objects.count(), initiative(2).country, done.report.status) == (14, "France", "success")
    assert set(IntakeSubmission.objects.values_list("tab", flat=True)) == {"Archive", "Wishes"}
    assert archive.status(initiative_key=key_of(1)).startswith("WARNING: title was overwritten in the Backlog")
    assert {row["run_status"] for row in (*archive.rows[1:], *intake.rows)} == {"OK"}
    assert backlog.row(initiative_key=key_of(12))["intake_source"] == "Sales / Archive"
    assert any(message.text.startswith("12 rows moved here from 'Wishes'") for message in done.report.messages)
    changes = RecordChange.objects.count()
    assert world.sync().report.counts.get("cells_written", 0) == 0
    assert RecordChange.objects.count() == changes


def test_a_row_that_was_copied_to_another_tab_is_refused_there():
    world, intake, _backlog = filled_world(1)
    intake.book.add_tab("Copy", intake.book.values("Wishes"))
    copy = Sheet(intake.book, "Copy", intake.tab, intake.workbook)
    world.sync()
    assert copy.status(title="idea 1").startswith(
        "FAILED: initiative_key: INIT-000001 belongs to a row of Sales / Wishes"
    )
    assert intake.status(title="idea 1") == "OK"
    assert IntakeSubmission.objects.get().tab == "Wishes"


def test_a_new_tab_beside_one_that_went_is_a_new_tab():
    world, intake, _backlog = filled_world(1)
    intake.book.delete_tab("Wishes")
    intake.book.add_tab("Others", [["title", "key"], ["something else", None]])
    world.sync()
    assert sorted(IntakeSubmission.objects.values_list("title", "tab")) == [
        ("idea 1", "Wishes"),
        ("something else", "Others"),
    ]


@pytest.mark.parametrize("sorted_meanwhile", [False, True], ids=["unsorted", "sorted"])
@pytest.mark.parametrize("versions", [False, True], ids=["like a Google sheet", "like a file"])
@pytest.mark.parametrize(
    ("kind", "number", "after"),
    [
        ("read", 1, True),  # before reserving
        ("write", 1, False),  # reserved, not written
        ("write", 1, True),  # written, not known to be
        ("read", 3, True),  # read back, the initiative not yet made
    ],
)
def test_a_row_makes_one_initiative_wherever_the_process_dies(kind, number, after, versions, sorted_meanwhile):
    world, intake, _backlog = filled_world(2, versions=versions)
    for title in ("b new", "a new", "c new"):
        intake.add(title=title)
    at_request(intake.book, kind, number, crash, after=after)
    world.sync_and_crash()
    intake.book.before_request = intake.book.after_request = None
    if sorted_meanwhile:
        intake.sort("title", descending=True)
        intake.book.insert_row("Wishes", 1)
        intake.add(title="d new")
    for _ in range(3):
        world.sync()
    titles = ["a new", "b new", "c new", *(["d new"] if sorted_meanwhile else []), "idea 1", "idea 2"]
    assert sorted(Initiative.objects.values_list("title", flat=True)) == titles
    assert {row["title"]: row["initiative_key"] for row in intake.rows} == dict(
        Initiative.objects.values_list("title", "initiative_key")
    )
    assert {row["run_status"] for row in intake.rows} == {"OK"}


def test_no_second_key_is_sent_while_a_lost_one_could_still_land():
    world = World({"versions": False, "write_window_s": WINDOW_S})
    intake = world.intake()
    intake.add(title="slow")
    intake.book.faults = [Fault.LANDS_LATE]
    world.sync()
    world.sync()
    assert intake.row(title="slow")["initiative_key"] is None
    assert intake.status(title="slow").startswith("SKIPPED: an earlier write isn't settled yet")
    assert KeyReservation.objects.count() == 1
    intake.book.land_late()
    world.sync()
    assert (intake.row(title="slow")["initiative_key"], intake.status(title="slow")) == (key_of(1), "OK")
    assert Initiative.objects.get().title == "slow"


def test_an_empty_row_that_is_inserted_in_the_very_instant_makes_no_initiative():
    world = World({"versions": False})
    intake = world.intake()
    intake.add(title="new one")
    at_request(intake.book, "write", 1, lambda: intake.book.insert_row("Wishes", 1))
    world.sync()
    intake.book.before_request = None
    world.sync()
    world.sync()
    assert Initiative.objects.get().title == "new one"
    assert [row["initiative_key"] for row in intake.rows] == [Initiative.objects.get().initiative_key]
    assert intake.book.values("Wishes")[1] == [None] * 7


def test_a_title_that_went_while_the_key_was_on_its_way_makes_no_initiative():
    world, intake, _backlog = filled_world(1)
    intake.add(title="new one", country="UK")
    at_request(
        intake.book, "write", 1, lambda: intake.type({"country": "UK", "title": "new one"}, title=None), after=True
    )
    world.sync()
    intake.book.after_request = None
    assert Initiative.objects.count() == 1
    assert intake.rows[1]["run_status"].startswith("FAILED: title is empty")
    intake.type({"initiative_key": key_of(2)}, title="thought again")
    world.sync()
    assert Initiative.objects.get(title="thought again").initiative_key == key_of(2)


def test_a_key_that_never_landed_is_a_gap():
    world = World({"versions": False, "write_window_s": WINDOW_S})
    intake = world.intake()
    intake.add(title="slow")
    intake.book.faults = [Fault.LANDS_LATE]
    with time_machine.travel(1_700_000_000) as clock:
        world.sync()
        intake.book.lose_late()
        clock.shift(WINDOW_S + 1)
        world.sync()
    assert intake.row(title="slow")["initiative_key"] == key_of(2)
    assert Initiative.objects.get().initiative_key == key_of(2)


# ---- what departments say flows on ------------------------------------------------------------------------------------------------------


def test_an_intake_edit_reaches_the_initiative_and_the_backlog():
    world, intake, backlog = filled_world()
    intake.type({"title": "idea 2"}, title="idea two", country="France")
    world.sync()
    assert (initiative(2).title, initiative(2).country) == ("idea two", "France")
    row = backlog.row(initiative_key=key_of(2))
    assert (row["title"], row["country"]) == ("idea two", "France")
    assert not Conflict.objects.exists()


def test_the_intake_cell_is_never_written_by_a_pms_override():
    world, intake, backlog = filled_world()
    backlog.type({"initiative_key": key_of(1)}, title="hers")
    world.sync()
    world.sync()
    assert intake.row(initiative_key=key_of(1))["title"] == "idea 1"
    assert IntakeSubmission.objects.get(initiative=initiative(1)).title == "idea 1"


def test_an_intake_row_that_vanished_deletes_nothing():
    world, intake, _backlog = filled_world()
    intake.book.delete_row("Wishes", intake.place(title="idea 2"))
    world.sync()
    assert Initiative.objects.count() == IntakeSubmission.objects.count() == 3


def test_a_change_flowing_on_is_in_the_history_of_both_records():
    world, intake, _backlog = filled_world()
    intake.type({"title": "idea 2"}, country="France")
    done = world.sync()
    changes = RecordChange.objects.filter(run=done.run).order_by("model")
    assert [(change.model, change.fields, change.row_key, change.row) for change in changes] == [
        ("backlog.Initiative", {"country": ["UK", "France"]}, key_of(2), 3),
        ("backlog.IntakeSubmission", {"country": ["UK", "France"]}, key_of(2), 3),
    ]


def test_an_intake_sheet_without_optional_columns_is_enough():
    world = World()
    intake = world.intake(headers=["Idea", "Key"])
    intake.add(title="short and sweet")
    done = world.sync()
    assert intake.rows == [{"title": "short and sweet", "initiative_key": key_of(1)}]
    assert done.report.status == "success"
    world.sync()
    assert Initiative.objects.count() == 1


def test_an_intake_sheet_without_a_key_column_is_stopped_with_a_message():
    world = World()
    intake = world.intake(headers=["title", "team", "country"])
    done = None
    intake.book.set_cell("Wishes", 1, 0, "an idea")
    done = world.sync()
    assert done.report.status == "failed"
    assert any("no header for initiative_key" in message.text for message in done.report.messages)
    assert not Initiative.objects.exists()
