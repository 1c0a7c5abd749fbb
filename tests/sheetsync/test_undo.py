"""Undo: stored fields and sheet cells go back; what people edited since is kept and listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from backlog.models import Initiative, IntakeSubmission
from sheetsync.models import ActionRun, RecordChange, Workbook
from sheetsync.workbooks.interface import Snapshot, WorkbookUnavailable
from sheetsync.workbooks.memory import MemoryWorkbook
from tests.sheetsync.world import (
    Sheet,
    World,
    at_request,
    edit_in_the_database,
    filled_world,
    initiative,
    key_of,
    row_counts,
)

pytestmark = pytest.mark.django_db
FIRST, SECOND = ({"initiative_key": key_of(number)} for number in (1, 2))


class Unreachable(MemoryWorkbook):
    """A workbook that is gone for a while."""

    def read(self, tabs: Sequence[str] | None = None, *, formulas: bool = False) -> Snapshot:
        raise WorkbookUnavailable("The workbook can't be reached.")


FEEDBACK = {"run_status", "updated_source", "updated_at"}


def without_feedback(sheet: Sheet) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in FEEDBACK} for row in sheet.rows]


def listed(done: Any) -> list[str]:
    return [message.text for message in done.report.messages if message.status == "WARNING"]


def test_entries_that_were_taken_go_back_in_the_database_and_in_the_sheet():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA", engineering_tokens=5, deadline_date="2026-03-31")
    world.sync()
    before = without_feedback(backlog)
    backlog.type(FIRST, market="APAC", engineering_tokens=7, deadline_date="2026-06-30")
    taken = world.sync()
    undone = world.undo(taken)
    held = initiative(1)
    assert (held.market, held.engineering_tokens, f"{held.deadline_date}") == ("EMEA", 5.0, "2026-03-31")
    row = backlog.row(**FIRST)
    assert (row["market"], row["engineering_tokens"], row["deadline_date"]) == ("EMEA", 5, 46112)
    assert without_feedback(backlog)[1:] == before[1:]
    assert undone.report.status == "success"
    assert listed(undone) == []


def test_after_an_undo_the_next_sync_finds_nothing_to_do():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA")
    world.undo(world.sync())
    world.sync()
    contents, changes = world.contents(), RecordChange.objects.count()
    world.sync()
    assert world.contents() == contents
    assert RecordChange.objects.count() == changes
    assert initiative(1).market == ""
    assert backlog.row(**FIRST)["market"] is None


def test_an_intake_row_whose_initiative_goes_shows_neither_key_nor_verdict():
    world, intake, _backlog = filled_world()
    intake.add(title="another")
    before = world.contents()["memory Sales"]
    world.undo(world.sync())
    assert world.contents()["memory Sales"] == before
    assert intake.row(title="another")["run_status"] is None


def test_a_workbook_that_cannot_be_reached_keeps_no_other_from_going_back():
    world, intake, backlog = filled_world()
    intake.type({"title": "idea 1"}, country="France")
    backlog.type(SECOND, market="EMEA")
    taken = world.sync()
    unreachable = world.books.pop(intake.workbook.location)
    world.books[intake.workbook.location] = Unreachable({})
    undone = world.undo(taken)
    assert undone.report.status == "partial"
    assert [(m.workbook, m.status) for m in undone.report.messages] == [("Sales", "FAILED")]
    assert (backlog.row(**SECOND)["market"], initiative(1).country) == (None, "UK")
    world.books[intake.workbook.location] = unreachable
    world.sync()
    assert intake.row(title="idea 1")["country"] == "UK"


def test_a_workbook_that_is_out_of_use_stays_as_it_is():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA")
    taken = world.sync()
    Workbook.objects.filter(pk=backlog.workbook.pk).update(is_active=False)
    undone = world.undo(taken)
    assert (initiative(1).market, backlog.row(**FIRST)["market"]) == ("", "EMEA")
    assert listed(undone) == ["the workbook isn't active any more; its cells stay"]


def test_work_that_was_taken_back_itself_keeps_no_record():
    world = World()
    intake, backlog = world.intake(), world.backlog()
    intake.add(title="idea 1")
    made = world.sync()
    backlog.type(FIRST, market="EMEA")
    world.undo(world.sync())
    assert listed(world.undo(made)) == []
    assert (Initiative.objects.count(), intake.rows[0]["initiative_key"]) == (0, None)


def test_an_override_goes_back_and_intakes_words_flow_again():
    world, intake, backlog = filled_world()
    backlog.type(FIRST, title="hers")
    taken = world.sync()
    world.undo(taken)
    assert (initiative(1).title, backlog.row(**FIRST)["title"]) == ("idea 1", "idea 1")
    intake.type({"title": "idea 1"}, title="theirs")
    world.sync()
    assert backlog.row(**FIRST)["title"] == "theirs"


def test_an_intake_edit_goes_back_everywhere():
    world, intake, backlog = filled_world()
    intake.type({"title": "idea 2"}, title="idea two")
    taken = world.sync()
    world.undo(taken)
    assert initiative(2).title == IntakeSubmission.objects.get(initiative=initiative(2)).title == "idea 2"
    assert intake.row(**SECOND)["title"] == "idea 2"
    assert backlog.row(**SECOND)["title"] == "idea 2"
    world.sync()
    assert (initiative(2).title, intake.row(**SECOND)["title"]) == ("idea 2", "idea 2")


def test_initiatives_that_were_made_are_taken_back_with_their_keys_and_rows():
    world, intake, backlog = filled_world(1)
    before = without_feedback(backlog)
    intake.add(title="new one")
    taken = world.sync()
    assert len(backlog.rows) == 2
    world.undo(taken)
    assert Initiative.objects.count() == IntakeSubmission.objects.count() == 1
    assert intake.row(title="new one")["initiative_key"] is None
    assert without_feedback(backlog) == before
    world.sync(confirm=True)
    assert intake.row(title="new one")["initiative_key"] == key_of(3), "taken back keys are gaps"
    assert Initiative.objects.count() == 2


def test_a_made_initiative_that_people_worked_on_since_stays_and_is_listed():
    world, intake, backlog = filled_world(1)
    intake.add(title="new one")
    intake.add(title="another")
    taken = world.sync()
    backlog.type(SECOND, market="EMEA")
    world.sync()
    undone = world.undo(taken)
    assert sorted(Initiative.objects.values_list("title", flat=True)) == ["idea 1", "new one"]
    assert intake.row(title="new one")["initiative_key"] == key_of(2)
    assert intake.row(title="another")["initiative_key"] is None
    assert backlog.row(**SECOND)["market"] == "EMEA"
    assert "it was worked on since, so the record stays" in listed(undone)


def test_an_appended_row_that_people_touched_stays():
    world, intake, backlog = filled_world(1)
    backlog.book.set_cell("Backlog", 0, 60, "our note")
    intake.add(title="new one")
    taken = world.sync()
    backlog.book.set_cell("Backlog", 2, 60, "typed beside it")
    undone = world.undo(taken)
    row = backlog.row(**{"our note": "typed beside it"})
    assert (row["initiative_key"], row["title"]) == (key_of(2), "new one")
    assert "the row was edited since it was appended, so it stays" in listed(undone)


def test_an_edit_in_the_database_goes_back_and_the_sheet_follows():
    world, _intake, backlog = filled_world()
    edit = edit_in_the_database(1, market="EMEA", value_score=3.0)
    world.sync()
    world.undo(edit)
    assert (initiative(1).market, initiative(1).value_score) == ("", None)
    world.sync()
    row = backlog.row(**FIRST)
    assert (row["market"], row["value_score"]) == (None, None)


def test_an_edit_made_since_in_the_database_is_kept_and_listed():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA", category="growth")
    taken = world.sync()
    edit_in_the_database(1, market="APAC")
    undone = world.undo(taken)
    assert (initiative(1).market, initiative(1).category) == ("APAC", "")
    assert listed(undone) == ["market was edited since and keeps its value"]
    world.sync()
    assert (backlog.row(**FIRST)["market"], backlog.row(**FIRST)["category"]) == ("APAC", None)


def test_an_edit_typed_since_and_not_yet_synced_is_kept():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA", category="growth")
    taken = world.sync()
    backlog.type(FIRST, market="typed since")
    world.undo(taken)
    world.sync()
    assert (initiative(1).market, backlog.row(**FIRST)["market"]) == ("typed since", "typed since")
    assert (initiative(1).category, backlog.row(**FIRST)["category"]) == ("", None)


def test_rows_sorted_since_are_found_by_their_key():
    world, _intake, backlog = filled_world(5)
    for number in range(1, 6):
        backlog.type({"initiative_key": key_of(number)}, market=f"m{number}")
    taken = world.sync()
    backlog.sort("title", descending=True)
    backlog.book.insert_row("Backlog", 2)
    world.undo(taken)
    assert {row["market"] for row in backlog.rows} == {None}
    assert set(Initiative.objects.values_list("market", flat=True)) == {""}


def test_an_undone_run_can_not_be_undone_again():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA")
    taken = world.sync()
    first = world.undo(taken)
    again = world.undo(taken)
    assert again.report.status == "failed"
    assert [m.text for m in again.report.messages] == [
        f"run {taken.run.run_id} was already undone, by run {first.run.run_id}"
    ]


def test_the_undo_of_an_undo_brings_it_all_back():
    world, intake, backlog = filled_world(1)
    backlog.type(FIRST, market="EMEA", title="hers")
    intake.type({"title": "idea 1"}, country="France")
    taken = world.sync()
    stored, shown = initiative(1), without_feedback(backlog)
    undone = world.undo(taken)
    assert (initiative(1).market, initiative(1).country) == ("", "UK")
    world.undo(undone)
    world.sync()
    held = initiative(1)
    assert (held.market, held.title, held.country) == (stored.market, stored.title, stored.country)
    assert without_feedback(backlog) == shown
    assert intake.row(**FIRST)["country"] == "France"


@pytest.mark.parametrize("versions", [True, False], ids=["like a file", "like a Google sheet"])
def test_the_undo_of_an_undo_brings_back_what_had_been_made(versions):
    world, intake, backlog = filled_world(1, versions=versions)
    intake.add(title="new one")
    undone = world.undo(world.sync())
    assert Initiative.objects.count() == 1
    intake.book.insert_row("Wishes", 2)
    intake.type(2, title="typed since")
    world.undo(undone)
    assert intake.row(title="typed since")["initiative_key"] is None
    world.sync()
    assert Initiative.objects.get(title="new one").initiative_key == key_of(2)
    assert intake.row(title="new one")["initiative_key"] == key_of(2)
    assert sorted(row["initiative_key"] for row in backlog.rows) == [key_of(1), key_of(2), key_of(3)]


def test_a_key_whose_row_was_retyped_since_is_not_guessed():
    world, intake, _backlog = filled_world(1)
    intake.add(title="new one")
    undone = world.undo(world.sync())
    intake.type({"title": "new one"}, title="something else")
    again = world.undo(undone)
    assert intake.row(title="something else")["initiative_key"] is None
    assert listed(again) == [
        "no row can be told to be this one's any more; type the key into its row, or the row gets a new one"
    ]


def test_undo_leaves_history_of_its_own():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA")
    taken = world.sync()
    undone = world.undo(taken)
    assert RecordChange.objects.get(run=undone.run).fields == {"market": ["EMEA", ""]}
    latest = initiative(1).history.first()
    assert latest.market == ""
    assert latest.history_change_reason == f"pm.undo_run {undone.run.run_id} by ada"
    assert ActionRun.objects.get(pk=taken.run.pk).undone_by == undone.run


def test_a_rehearsed_undo_changes_nothing_and_shows_its_plan():
    world, intake, backlog = filled_world(1)
    backlog.type(FIRST, market="EMEA")
    intake.add(title="new one")
    taken = world.sync()
    contents, rows = world.contents(), row_counts()
    done = world.rehearse("pm.undo_run", runs=(taken.run.run_id,))
    assert world.contents() == contents
    assert row_counts() == rows
    cells = {(line["tab"], line["key"].upper(), line["column"]): line["to"] for line in done.report.plan}
    assert cells["Backlog", key_of(1), "market"] is None
    assert cells["Wishes", key_of(2), "initiative_key"] is None


def test_a_run_that_does_not_exist_or_goes_on_is_refused():
    world = World()
    world.backlog()
    running = ActionRun.objects.create(action="pm.backlog_sync", status=ActionRun.Status.RUNNING)
    missing = world.act("pm.undo_run", runs=("no-such-run",))
    assert missing.report.status == "failed"
    assert "there is no run 'no-such-run'" in missing.report.messages[0].text
    busy = world.undo(running)
    assert busy.report.messages[0].text == f"run {running.run_id} is running; it can be undone once it has ended"
    nameless = world.act("pm.undo_run")
    assert nameless.report.messages[0].text == "name the run to undo: --run RUN_ID"


def test_a_run_that_changed_nothing_says_so():
    world, _intake, _backlog = filled_world()
    done = world.undo(world.sync())
    assert done.report.status == "success"
    assert "had changed nothing" in done.report.messages[0].text


def test_a_person_who_types_while_the_undo_writes_keeps_her_words():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA")
    taken = world.sync()
    at_request(backlog.book, "write", 1, lambda: backlog.type(FIRST, market="just now"))
    world.undo(taken)
    backlog.book.before_request = None
    world.sync()
    assert (initiative(1).market, backlog.row(**FIRST)["market"]) == ("just now", "just now")
