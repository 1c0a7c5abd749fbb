"""The twelve laws of the engine, a test for each sentence, on intake and Backlog. Undo has its own module; so have checks and cells."""

from __future__ import annotations

import datetime
import re
from itertools import count

import pytest
from django.db.models.signals import pre_init

from backlog.models import Initiative
from backlog.sheets import BACKLOG
from sheetsync.models import CellChange, Conflict, KeyReservation, RecordChange, RowState, WorkbookLease
from sheetsync.workbooks.interface import WorkbookUnavailable
from sheetsync.workbooks.memory import Formula, MemoryWorkbook
from tests.sheetsync.world import (
    Crash,
    World,
    at_request,
    edit_in_the_database,
    filled_world,
    initiative,
    key_of,
    row_counts,
)

pytestmark = pytest.mark.django_db
FIRST, SECOND, THIRD = ({"initiative_key": key_of(number)} for number in (1, 2, 3))


# ---- law 2: columns are found by header ------------------------------------------------------------------------------------------------


def test_columns_in_any_order_under_any_alias_below_instructions_are_found():
    world = World()
    intake = world.intake(headers=["Sales wishes, please fill in"])
    intake.book.set_cell("Wishes", 2, 0, "remarks of ours")
    for place, header in enumerate(["Our remarks", "COUNTRY", "Initiative Title (short!)", "team", "Key"]):
        intake.book.set_cell("Wishes", 3, place, header)
    intake.add(**{"title": "idea", "country": "UK", "requesting_team": "north", "Our remarks": "a secret"})
    world.sync()
    made = Initiative.objects.get()
    assert (made.title, made.country, made.requesting_team) == ("idea", "UK", "north")
    assert intake.rows[0] == {
        "Our remarks": "a secret",
        "country": "UK",
        "title": "idea",
        "requesting_team": "north",
        "initiative_key": key_of(1),
    }


def test_columns_that_were_moved_and_renamed_between_syncs_are_followed():
    world, _intake, backlog = filled_world()
    before = backlog.rows
    backlog.book.move_column("Backlog", backlog.columns["initiative_key"], 20)
    backlog.book.rename_header("Backlog", "market", "Region")
    backlog.book.move_column("Backlog", backlog.columns["market"], 2)
    backlog.type(FIRST, market="EMEA")
    edit_in_the_database(2, market="APAC")
    world.sync()
    assert initiative(1).market == "EMEA"
    assert backlog.row(**SECOND)["market"] == "APAC"
    quiet = {"market", "run_status", "updated_source", "updated_at"}
    assert [{k: v for k, v in row.items() if k not in quiet} for row in backlog.rows] == [
        {k: v for k, v in row.items() if k not in quiet} for row in before
    ]


def test_unknown_columns_are_left_alone():
    world, _intake, backlog = filled_world()
    backlog.book.set_cell("Backlog", 0, 60, "mood")
    backlog.book.set_cell("Backlog", 1, 60, "=cheerful")
    backlog.book.set_cell("Backlog", 2, 60, Formula("=A2", "x"))
    edit_in_the_database(1, market="EMEA")
    world.sync()
    assert backlog.book.cell("Backlog", 1, 60) == "=cheerful"
    assert backlog.book.cell("Backlog", 2, 60) == Formula("=A2", "x")


def test_two_headers_with_one_meaning_are_named_and_nothing_is_written_there():
    world, _intake, backlog = filled_world()
    place = backlog.columns["market"]
    backlog.book.set_cell("Backlog", 0, 60, "Region")
    backlog.book.set_cell("Backlog", 1, 60, "typed in the second")
    edit_in_the_database(2, market="APAC", category="growth")
    done = world.sync()
    shown = backlog.book.values("Backlog")
    assert [shown[row][at] for row in (1, 2, 3) for at in (place, 60)] == [
        None,
        "typed in the second",
        None,
        None,
        None,
        None,
    ]
    assert initiative(1).market == ""
    assert backlog.row(**SECOND)["category"] == "growth"
    text = "columns N and BI both mean market; neither is read or written until one is renamed"
    assert text in backlog.state.message
    assert any(text in message.text for message in done.report.messages)


def test_a_missing_required_header_stops_the_tab_and_changes_nothing():
    world, intake, backlog = filled_world()
    backlog.book.rename_header("Backlog", "initiative_key", "Cle")
    before = backlog.book.values("Backlog")
    backlog.book.set_cell("Backlog", 1, 13, "typed meanwhile")
    intake.add(title="another")
    done = world.sync()
    assert done.report.status == "partial"
    assert [m.text for m in done.report.messages if m.status == "FAILED"] == [
        "Backlog: the header row (row 1) has no header for initiative_key; add it"
    ]
    before[1][13] = "typed meanwhile"
    assert backlog.book.values("Backlog") == before
    assert not Initiative.objects.filter(market="typed meanwhile").exists()
    assert Initiative.objects.count() == 4, "the intake workbook isn't stopped by it"


def test_a_missing_optional_header_is_skipped_and_never_put_back():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA", category="growth")
    world.sync()
    backlog.book.delete_column("Backlog", backlog.columns["market"])
    edit_in_the_database(2, market="APAC")
    backlog.type(THIRD, category="retention")
    world.sync()
    assert "market" not in backlog.columns
    assert [initiative(n).market for n in (1, 2)] == ["EMEA", "APAC"]
    assert initiative(3).category == "retention"


def test_a_column_that_was_deleted_and_comes_back_empty_is_no_deletion():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA")
    world.sync()
    backlog.book.delete_column("Backlog", backlog.columns["market"])
    world.sync()
    backlog.book.set_cell("Backlog", 0, 60, "market")
    world.sync()
    assert initiative(1).market == "EMEA"
    assert backlog.row(**FIRST)["market"] == "EMEA"


# ---- law 3: what the backend never writes ----------------------------------------------------------------------------------------------


def test_a_formula_is_never_overwritten_in_any_kind_of_column():
    world, _intake, backlog = filled_world()
    formulas = {
        "market": Formula("=UPPER(A1)", "EMEA"),  # two-way
        "use_math_model": Formula("=1=2", False),  # mirror
        "value_score": Formula("=1+1", 2.0),  # mirror
        "run_status": Formula("=LEN(A1)", 3.0),  # feedback
        "updated_at": Formula("=NOW()", 46000.5),
    }
    backlog.type(FIRST, **formulas)
    world.sync()
    assert initiative(1).market == "EMEA", "what a formula shows is an entry like others"
    edit_in_the_database(1, market="APAC", use_math_model=True, value_score=7.0)
    world.sync()
    world.sync()
    assert {name: backlog.cell(name, **FIRST) for name in formulas} == formulas
    assert backlog.book.overwritten_formulas == []
    assert initiative(1).market == "APAC"
    told = [problem for problem in backlog.state.problems if problem[1] == key_of(1)]
    assert "market holds a formula, so the stored value 'APAC' can't be shown" in told[0][2]


def test_a_formula_typed_in_between_two_requests_is_left_alone():
    world, _intake, backlog = filled_world(versions=False)
    edit_in_the_database(1, market="APAC")
    formula = Formula("=1", "mine")
    at_request(backlog.book, "read", 2, lambda: backlog.type(FIRST, market=formula))
    world.sync()
    assert backlog.cell("market", **FIRST) == formula


def test_an_entry_cell_carries_a_decision_of_the_database_once():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA")
    world.sync()
    edit_in_the_database(1, market="APAC")
    world.sync()
    assert backlog.row(**FIRST)["market"] == "APAC"
    changes = CellChange.objects.filter(row_key=key_of(1).casefold(), cells__has_key="market")
    assert [change.cells["market"] for change in changes] == [["EMEA", "APAC"]]
    backlog.type(FIRST, market="LATAM")
    world.sync()
    assert (initiative(1).market, backlog.row(**FIRST)["market"]) == ("LATAM", "LATAM")


@pytest.mark.parametrize(
    ("column", "typed", "stored"),
    [
        ("engineering_tokens", "1,200", 1200.0),
        ("infra_cost_estimate", "£1,200", 1200.0),
        ("strategic_priority_coefficient", "5%", 0.05),
        ("is_optimization_candidate", "yes", True),
        ("candidate_period_key", "Q1 2026", "2026-Q1"),
        ("deadline_date", "2026-03-31", datetime.date(2026, 3, 31)),
        ("deadline_date", 46112.0, datetime.date(2026, 3, 31)),
        ("dependencies_initiatives", "init-000002, INIT-000003", ["INIT-000002", "INIT-000003"]),
        ("lifecycle_status", "In Progress", "in_progress"),
    ],
)
def test_what_is_typed_is_understood_and_never_normalised(column, typed, stored):
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, **{column: typed})
    world.sync()
    world.sync()
    assert getattr(initiative(1), column) == stored
    assert backlog.cell(column, **FIRST) == typed


def test_mirrors_that_people_typed_over_are_repaired_and_not_taken():
    world, _intake, backlog = filled_world()
    edit_in_the_database(1, value_score=7.0, metric_chain_json={"nodes": ["b", "a"], "edges": [["b", "a"]]})
    world.sync()
    backlog.type(FIRST, value_score=99, metric_chain_json="nonsense", intake_source=None)
    world.sync()
    row = backlog.row(**FIRST)
    assert (row["value_score"], row["intake_source"]) == (7, "Sales / Wishes")
    assert row["metric_chain_json"] == '{"edges":[["b","a"]],"nodes":["b","a"]}'
    assert initiative(1).value_score == 7.0


def test_the_backend_moves_no_row_and_writes_no_header():
    world, _intake, backlog = filled_world(5)
    backlog.sort("title", descending=True)
    headers = backlog.book.values("Backlog")[0]
    order = [row["initiative_key"] for row in backlog.rows]
    for number in range(1, 6):
        edit_in_the_database(number, market=f"m{number}")
    world.sync()
    assert [row["initiative_key"] for row in backlog.rows] == order == [key_of(n) for n in (5, 4, 3, 2, 1)]
    assert [row["market"] for row in backlog.rows] == ["m5", "m4", "m3", "m2", "m1"]
    assert backlog.book.values("Backlog")[0] == headers


# ---- law 4: override cells and the three-way merge -------------------------------------------------------------------------------------


def test_only_the_sheet_changed_the_database_takes_it():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, title="a PM's words")
    world.sync()
    assert initiative(1).title == "a PM's words"
    assert not Conflict.objects.exists()


def test_only_the_database_changed_the_sheet_takes_it():
    world, _intake, backlog = filled_world()
    edit_in_the_database(1, title="an analyst's words")
    world.sync()
    assert backlog.row(**FIRST)["title"] == "an analyst's words"
    assert not Conflict.objects.exists()


def test_both_changed_the_pm_wins_and_the_conflict_is_recorded_until_it_is_settled():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, title="hers")
    edit_in_the_database(1, title="his")
    world.sync()
    assert (initiative(1).title, backlog.row(**FIRST)["title"]) == ("hers", "hers")
    conflict = Conflict.objects.get()
    assert (conflict.base_value, conflict.kept_value, conflict.lost_value) == ("idea 1", "hers", "his")
    assert (conflict.model, conflict.field, conflict.status) == ("backlog.Initiative", "title", "open")
    warning = "WARNING: title was changed on both sides; this sheet's value holds, the other one is kept in the admin"
    assert backlog.status(**FIRST).startswith(warning)
    backlog.type(FIRST, market="EMEA")
    world.sync()
    assert backlog.status(**FIRST).startswith(warning), "it is told until it is settled"
    backlog.type(FIRST, title="both are happy")
    world.sync()
    assert Conflict.objects.get().status == "kept"
    assert backlog.status(**FIRST).startswith("OK")


def test_both_changed_to_the_same_value_is_no_conflict():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, title="same")
    edit_in_the_database(1, title="same")
    world.sync()
    assert not Conflict.objects.exists()
    assert backlog.status(**FIRST).startswith("OK")


def test_the_base_is_stored_per_workbook_tab_row_and_column():
    world, _intake, backlog = filled_world()
    second = world.backlog(["key", "title", "market", "run_status"], title="A second Backlog")
    world.sync()
    backlog.type(FIRST, market="EMEA")
    world.sync()
    assert second.row(**FIRST)["market"] == "EMEA"
    bases = RowState.objects.filter(row_key=key_of(1).casefold(), tab="Backlog")
    assert sorted((state.workbook.title, state.base["market"]) for state in bases) == [
        ("A second Backlog", "EMEA"),
        ("Backlog", "EMEA"),
    ]
    second.type(FIRST, market="APAC")
    world.sync()
    world.sync()
    assert (initiative(1).market, backlog.row(**FIRST)["market"]) == ("APAC", "APAC")
    assert not Conflict.objects.exists()


# ---- law 5: values ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "typed", "says"),
    [
        ("deadline_date", "03/04/2026", '"03/04/2026"'),
        ("engineering_tokens", "a few", '"a few"'),
        ("engineering_tokens", -3, "-3"),
        ("engineering_tokens", "#REF!", '"#REF!"'),
        ("market", "#N/A", '"#N/A"'),
        ("lifecycle_status", "half done", '"half done"'),
        ("is_optimization_candidate", "perhaps", '"perhaps"'),
        ("requester_email", "nobody", '"nobody"'),
    ],
)
def test_a_refused_cell_leaves_the_stored_value_and_lets_all_else_through(column, typed, says):
    world, _intake, backlog = filled_world()
    kept = getattr(initiative(1), column)
    backlog.type(FIRST, category="growth", **{column: typed})
    backlog.type(SECOND, category="retention")
    done = world.sync()
    assert getattr(initiative(1), column) == kept
    assert (initiative(1).category, initiative(2).category) == ("growth", "retention")
    status = backlog.status(**FIRST)
    assert status.startswith(f"FAILED: {column}: ")
    assert says in status
    assert backlog.cell(column, **FIRST) == typed
    assert backlog.status(**SECOND).startswith("OK")
    assert done.report.status == "partial"


def test_a_refused_cell_can_be_mended_later():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, engineering_tokens="a few", market="EMEA")
    world.sync()
    backlog.type(FIRST, engineering_tokens=12)
    world.sync()
    assert initiative(1).engineering_tokens == 12.0
    assert backlog.status(**FIRST).startswith("OK")


def test_a_refused_cell_stays_as_typed_although_the_database_moves_on():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, engineering_tokens="a few")
    world.sync()
    edit_in_the_database(1, engineering_tokens=5.0)
    world.sync()
    assert backlog.cell("engineering_tokens", **FIRST) == "a few"
    backlog.type(FIRST, engineering_tokens=12)
    world.sync()
    assert initiative(1).engineering_tokens == 12.0
    assert Conflict.objects.get().lost_value == 5.0


def test_a_refusal_is_told_again_while_it_stands_and_not_rewritten():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, engineering_tokens="a few")
    world.sync()
    writes = backlog.book.writes
    done = world.sync()
    assert backlog.book.writes == writes
    assert done.report.status == "partial"
    assert [(m.row, m.key, m.status) for m in done.report.messages] == [(2, key_of(1), "FAILED")]


# ---- law 6: text is raw ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+44 20 7946 0000", "-5 or so", "@ada", '=HYPERLINK("http://x")'])
def test_text_that_looks_like_a_formula_stays_text(text):
    world, intake, backlog = filled_world()
    intake.type({"title": "idea 1"}, title=text)
    edit_in_the_database(2, market=text)
    world.sync()
    assert backlog.cell("title", **FIRST) == text
    assert backlog.cell("market", **SECOND) == text


# ---- law 7: an unchanged sheet ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("versions", [True, False])
def test_an_unchanged_sheet_costs_one_read_and_no_write_right_after_a_write(versions):
    world, intake, backlog = filled_world(versions=versions)
    intake.add(title="new one")
    backlog.type(FIRST, engineering_tokens="1,200", market="EMEA")
    backlog.type(SECOND, engineering_tokens="a few")
    edit_in_the_database(3, category="growth", value_score=2.0)
    world.sync()
    for sheet in (intake, backlog):
        sheet.book.reads = sheet.book.writes = 0
    before, rows = world.contents(), row_counts()
    for sheet in (intake, backlog):
        sheet.book.reads = 0
    world.sync()
    assert [(sheet.book.reads, sheet.book.writes) for sheet in (intake, backlog)] == [(1, 0), (1, 0)]
    assert world.contents() == before
    assert row_counts() == {**rows, "sheetsync.ActionRun": rows["sheetsync.ActionRun"] + 1}


def test_the_changes_of_a_workbook_are_written_in_one_batch():
    world, _intake, backlog = filled_world(5)
    writes = backlog.book.writes
    for number in range(1, 6):
        edit_in_the_database(number, market=f"m{number}", value_score=1.0)
    backlog.type(FIRST, engineering_tokens="a few")
    world.sync()
    assert backlog.book.writes == writes + 1


def test_feedback_changes_only_with_the_rows_data_or_its_verdict():
    world, _intake, backlog = filled_world()
    before = {row["initiative_key"]: row["updated_at"] for row in backlog.rows}
    backlog.type(FIRST, market="EMEA", updated_at="2020-01-01T00:00:00Z")
    backlog.type(SECOND, updated_at="2020-01-01T00:00:00Z", updated_source="me")
    world.sync()
    first, second, third = backlog.rows
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["updated_at"])
    assert first["updated_at"] > "2021"
    assert first["updated_source"] == "pm.backlog_sync"
    assert (second["updated_at"], second["updated_source"]) == ("2020-01-01T00:00:00Z", "me")
    assert third["updated_at"] == before[key_of(3)]


# ---- law 8: crashes --------------------------------------------------------------------------------------------------------------------


# (like a file, after the request) -> hooks that one sync passes which takes a new row and shows it. For each workbook three reads and a
# write; a file is asked for its version before.
REQUESTS = {(True, False): 10, (True, True): 8, (False, False): 8, (False, True): 8}
CRASHES = [(*kind, number) for kind, most in REQUESTS.items() for number in range(1, most + 1)]


@pytest.mark.parametrize(("versions", "after"), REQUESTS)
def test_the_sync_that_is_crashed_below_passes_so_many_requests(versions, after):
    world, intake, backlog = filled_world(versions=versions)
    intake.add(title="brand new")
    asked: list[str] = []
    for sheet in (intake, backlog):
        setattr(sheet.book, "after_request" if after else "before_request", asked.append)
    world.sync()
    assert len(asked) == REQUESTS[versions, after]


@pytest.mark.parametrize(("versions", "after", "request_number"), CRASHES)
def test_a_crash_at_any_request_loses_nothing_and_doubles_nothing(versions, after, request_number):
    world, intake, backlog = filled_world(versions=versions)
    intake.add(title="brand new")
    backlog.type(FIRST, market="EMEA")
    edit_in_the_database(2, market="APAC")
    asked = count(1)

    def hook(kind: str) -> None:
        if next(asked) == request_number:
            raise Crash

    for sheet in (intake, backlog):
        setattr(sheet.book, "after_request" if after else "before_request", hook)
    world.sync_and_crash()
    for sheet in (intake, backlog):
        sheet.book.before_request = sheet.book.after_request = None
    world.sync()
    world.sync()
    keys = sorted(row["initiative_key"] for row in intake.rows)
    assert keys == sorted(Initiative.objects.values_list("initiative_key", flat=True))
    assert len(keys) == 4
    assert sorted(row["initiative_key"] for row in backlog.rows) == keys
    assert Initiative.objects.get(title="brand new").initiative_key == intake.row(title="brand new")["initiative_key"]
    assert initiative(1).market == "EMEA"
    assert backlog.row(**SECOND)["market"] == "APAC"
    assert not Conflict.objects.exists()


def test_a_crash_in_the_middle_of_the_transaction_stores_nothing_of_it():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA")
    before = row_counts()

    def die(sender: object, **kwargs: object) -> None:
        raise Crash

    pre_init.connect(die, sender=Initiative)  # where the stored record is about to be changed
    try:
        world.sync_and_crash()
    finally:
        pre_init.disconnect(die, sender=Initiative)
    assert row_counts() == {**before, "sheetsync.ActionRun": before["sheetsync.ActionRun"] + 1}
    assert initiative(1).market == ""
    world.sync()
    assert initiative(1).market == "EMEA"
    assert RecordChange.objects.filter(fields__has_key="market").count() == 1


# ---- law 9: twins and unknown keys -----------------------------------------------------------------------------------------------------


def test_twins_are_quarantined_and_each_says_so():
    world, _intake, backlog = filled_world()
    stored = initiative(1).title
    place = backlog.add(initiative_key="init-000001 ", title="copied", market="EMEA")
    edit_in_the_database(1, category="growth")
    before = backlog.book.values("Backlog")
    done = world.sync()
    assert (initiative(1).title, initiative(1).market) == (stored, "")
    now = backlog.book.values("Backlog")
    feedback = {backlog.columns[name] for name in ("run_status", "updated_source", "updated_at")}
    for row in (1, place):
        assert [v for at, v in enumerate(now[row]) if at not in feedback] == [
            v for at, v in enumerate(before[row]) if at not in feedback
        ]
    says = "FAILED: row {} has the same initiative_key; none of them is taken until one is left"
    status = backlog.columns["run_status"]
    assert (now[1][status], now[place][status]) == (says.format(place + 1), says.format(2))
    assert done.report.status == "partial"
    backlog.book.delete_row("Backlog", place)
    world.sync()
    assert backlog.row(**FIRST)["category"] == "growth"
    assert backlog.status(**FIRST).startswith("OK")


def test_an_unknown_key_names_the_nearest_and_is_refused():
    world, _intake, backlog = filled_world()
    backlog.add(initiative_key="INIT-00002", title="mistyped")
    world.sync()
    status = backlog.status(initiative_key="INIT-00002")
    assert status.startswith(
        'FAILED: initiative_key: "INIT-00002" doesn\'t exist; the nearest existing key is INIT-000002'
    )
    assert Initiative.objects.count() == 3


def test_a_row_that_a_person_typed_into_backlog_without_a_key_is_sent_to_intake():
    world, _intake, backlog = filled_world()
    backlog.add(title="my own idea", market="EMEA")
    world.sync()
    assert backlog.status(title="my own idea") == (
        "FAILED: initiative_key is empty; new initiatives are handed in through an intake sheet, where they get their key"
    )
    assert Initiative.objects.count() == 3


# ---- law 10: history -------------------------------------------------------------------------------------------------------------------


def test_every_change_leaves_who_asked_which_run_which_row_old_and_new():
    world, _intake, backlog = filled_world()
    backlog.type(SECOND, market="EMEA", engineering_tokens=5)
    done = world.sync()
    change = RecordChange.objects.get(run=done.run)
    assert change.fields == {"market": ["", "EMEA"], "engineering_tokens": [None, 5.0]}
    assert (change.model, change.object_id) == ("backlog.Initiative", initiative(2).pk)
    assert (change.row_key, change.workbook, change.tab, change.row) == (key_of(2), backlog.workbook, "Backlog", 3)
    assert (change.run.requested_by, change.run.action) == ("ada", "pm.backlog_sync")
    latest = initiative(2).history.first()
    assert (latest.market, latest.history_type) == ("EMEA", "~")
    assert latest.history_change_reason == f"pm.backlog_sync {done.run.run_id} by ada"


def test_a_made_record_leaves_history_too():
    _world, intake, _backlog = filled_world(1)
    made = RecordChange.objects.get(model="backlog.Initiative", created=True)
    assert made.fields["title"] == [None, "idea 1"]
    assert (made.row_key, made.workbook, made.tab, made.row) == (key_of(1), intake.workbook, "Wishes", 2)
    assert [entry.history_type for entry in initiative(1).history.all()] == ["+"]


# ---- law 11: a row is found by its key -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_number", [1, 2, 3])
def test_rows_that_are_sorted_inserted_or_deleted_between_requests_are_followed(request_number):
    world, _intake, backlog = filled_world(6, versions=False)
    for number in range(1, 7):
        edit_in_the_database(number, market=f"m{number}", value_score=float(number))

    def meanwhile() -> None:
        backlog.sort("title", descending=True)
        backlog.book.insert_row("Backlog", 2)
        backlog.book.delete_row("Backlog", backlog.place(initiative_key=key_of(3)))

    at_request(backlog.book, "read", request_number, meanwhile)
    world.sync()
    backlog.book.before_request = None
    world.sync()
    for row in backlog.rows:
        number = int(row["initiative_key"][-1])
        assert (row["title"], row["market"], row["value_score"]) == (f"idea {number}", f"m{number}", number)
    assert {initiative(n).market for n in range(1, 7)} == {f"m{n}" for n in range(1, 7)}


def test_a_row_that_vanished_deletes_nothing_and_is_appended_again():
    world, _intake, backlog = filled_world()
    backlog.type(SECOND, market="EMEA")
    world.sync()
    backlog.book.delete_row("Backlog", backlog.place(**SECOND))
    world.sync()
    assert Initiative.objects.count() == 3
    assert initiative(2).market == "EMEA"
    assert backlog.row(**SECOND)["market"] == "EMEA"


def test_an_empty_read_stops_the_tab_until_a_person_confirms():
    world, intake, backlog = filled_world()
    for _ in range(3):
        backlog.book.delete_row("Backlog", 1)
    before = world.contents()
    done = world.sync()
    assert world.contents() == before
    assert done.report.status == "partial"
    assert any("the tab shows 0 rows, 3 at the last read; nothing was changed" in m.text for m in done.report.messages)
    assert len(intake.rows) == 3
    world.sync(confirm=True)
    assert len(backlog.rows) == 3


@pytest.mark.parametrize(("rows", "gone", "stops"), [(50, 11, True), (50, 10, False), (60, 12, False), (60, 13, True)])
def test_far_fewer_rows_stop_the_tab(rows, gone, stops):
    world, _intake, backlog = filled_world(rows)
    for _ in range(gone):
        backlog.book.delete_row("Backlog", 1)
    backlog.type(1, market="EMEA")
    world.sync()
    assert Initiative.objects.filter(market="EMEA").exists() is not stops


def test_a_read_that_fails_stops_the_workbook_and_changes_nothing():
    world, _intake, backlog = filled_world()
    del world.books[backlog.workbook.location]
    world.books[backlog.workbook.location] = _Unreachable({})
    done = world.sync()
    assert done.report.status == "partial"
    assert any("can't be reached" in message.text for message in done.report.messages)


class _Unreachable(MemoryWorkbook):
    def read(self, tabs=None, *, formulas=False):
        raise WorkbookUnavailable("The workbook can't be reached; try again later.")


# ---- law 12: shown before --------------------------------------------------------------------------------------------------------------


def test_a_dry_run_prints_the_plan_cell_by_cell_and_changes_nothing():
    world, intake, backlog = filled_world()
    intake.add(title="another")
    backlog.type(FIRST, market="EMEA")
    edit_in_the_database(2, market="APAC")
    contents, rows = world.contents(), row_counts()
    done = world.rehearse("pm.backlog_sync")
    assert world.contents() == contents
    assert row_counts() == rows
    assert initiative(1).market == ""
    cells = {(line["tab"], line["key"], line["column"]): (line["from"], line["to"]) for line in done.report.plan}
    assert cells["Backlog", key_of(2), "market"] == (None, "APAC")
    assert cells["Wishes", key_of(4), "initiative_key"] == (None, key_of(4))
    assert cells["Backlog", key_of(4), "title"] == (None, "another")
    assert cells["Initiative", key_of(1), "market"] == ("", "EMEA"), "what would be stored is shown as well"
    assert cells["Initiative", key_of(4), "title"] == (None, "another")
    world.sync()
    assert backlog.row(**SECOND)["market"] == "APAC"


# ---- the fence, merged rows, keys given -------------------------------------------------------------------------------------------------


def test_a_plan_made_on_a_stale_read_is_made_anew():
    world, _intake, backlog = filled_world(versions=False)
    backlog.type(FIRST, market="EMEA")

    def another_sync() -> None:
        backlog.book.after_request = None
        WorkbookLease.objects.update(run=None)  # as if nobody held the workbooks
        world.sync()
        backlog.type(FIRST, market="APAC")

    at_request(backlog.book, "read", 1, another_sync, after=True)
    world.sync()
    assert initiative(1).market == "APAC"
    assert not Conflict.objects.exists()


def test_a_row_with_merged_cells_is_refused():
    world, _intake, backlog = filled_world()
    column = backlog.columns["market"]
    backlog.type(SECOND, market="EMEA")
    backlog.book.merge_cells("Backlog", 2, column, 2, column + 1)
    world.sync()
    assert initiative(2).market == ""
    assert [problem[1:] for problem in backlog.state.problems] == [
        [key_of(2), "FAILED: the row has merged cells; unmerge them"]
    ]
    assert backlog.status(**SECOND) == "FAILED: the row has merged cells; unmerge them", "its own cells can be written"
    assert initiative(1).title == "idea 1"


def test_a_new_row_with_merged_cells_says_so_and_takes_no_key():
    world = World()
    intake = world.intake()
    intake.add(title="Faster search", country="UK")
    country = intake.columns["country"]
    intake.book.merge_cells("Wishes", 1, country - 1, 1, country)
    for _again in range(2):
        assert world.sync().report.status == "failed"
    assert intake.status(title="Faster search") == "FAILED: the row has merged cells; unmerge them"
    assert not KeyReservation.objects.exists()


def test_keys_restrict_an_action_to_their_rows():
    world, _intake, backlog = filled_world()
    for place in (FIRST, SECOND):
        backlog.type(place, market="EMEA")
    edit_in_the_database(3, market="APAC")
    before = backlog.row(**THIRD), backlog.row(**FIRST)
    world.act("pm.save_selected", workbook=backlog.workbook, tab="Backlog", keys=("init-000002",))
    assert [initiative(n).market for n in (1, 2, 3)] == ["", "EMEA", "APAC"]
    assert (backlog.row(**THIRD), backlog.row(**FIRST)) == before
    world.sync()
    assert initiative(1).market == "EMEA"
    assert backlog.row(**THIRD)["market"] == "APAC"


def test_a_key_that_no_row_has_is_told():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, market="EMEA")
    done = world.sync(keys=("INIT-000001", "init-00003"))
    assert initiative(1).market == "EMEA"
    assert [(m.status, m.text) for m in done.report.messages] == [
        ("FAILED", "no row has the key INIT-00003; the nearest key there is INIT-000003")
    ]
    assert done.report.status == "partial"
    done = world.rehearse("pm.save_selected", keys=("INIT-000077",))
    assert [m.key for m in done.report.messages] == ["INIT-000077"]
    assert done.report.status == "failed", "there was nothing it could do"


def test_an_action_on_some_rows_tells_of_those_alone():
    world, _intake, backlog = filled_world()
    backlog.type(FIRST, engineering_tokens="a few")
    world.sync()
    assert backlog.status(**FIRST).startswith("FAILED")
    backlog.type(SECOND, market="EMEA")
    done = world.act("pm.save_selected", workbook=backlog.workbook, keys=(key_of(2),))
    assert (done.report.status, done.report.messages) == ("success", [])
    done = world.act("pm.save_selected", workbook=backlog.workbook, keys=(key_of(1),))
    assert [(m.key, m.status) for m in done.report.messages] == [(key_of(1), "FAILED")]


def test_every_declared_column_of_backlog_round_trips():
    world, _intake, backlog = filled_world(1)
    typed = {
        column.name: column.example
        for column in BACKLOG.columns
        if column.path and column.owner in ("entry", "override") and column.example
    }
    typed |= {"dependencies_initiatives": "", "deadline_date": "2026-05-01"}
    backlog.type(FIRST, **typed)
    world.sync()
    assert backlog.status(**FIRST).startswith("OK"), backlog.status(**FIRST)
    assert {name: backlog.cell(name, **FIRST) for name in typed} == typed
