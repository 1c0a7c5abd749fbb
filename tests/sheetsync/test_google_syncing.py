"""Actions on Google spreadsheets: set up, connected, synced, and what each costs in requests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.core.management import CommandError
from django.test import Client

from backlog.models import Initiative
from sheetsync.context import Arguments
from sheetsync.control.polling import poll
from sheetsync.layout import layout
from sheetsync.models import ActionRun, RecordChange, Workbook
from sheetsync.registry import registry
from sheetsync.runs.actions import rehearse_run
from sheetsync.service_tabs import service_tabs
from sheetsync.sheets_server.batch import batch_update
from sheetsync.sheets_server.places import Axis
from sheetsync.tabs import Role
from sheetsync.workbooks.interface import TabWrites
from tests.sheetsync.loopback import Loopback, fill, running, shown
from tests.sheetsync.spreadsheets import act, command, cost, header_of, make_initiatives, rows_of, set_up

pytestmark = pytest.mark.django_db
# `make stories` takes ten times as many.
ROWS = int(os.environ.get("GOOGLE_ROWS", "1000"))
INTAKE_ROW = ["Key", "Idea", "Team", "Country"]


@pytest.fixture
def loopback(settings) -> Iterator[Loopback]:
    with running() as server:
        settings.SHEETS_API_URL, settings.GOOGLE_CREDENTIALS = server.server.url, "anonymous"
        settings.SHEETS_REQUESTS_PER_MINUTE = 0
        yield server


# ---- setting up --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_every_tab_is_made_in_one_batch_and_looks_as_its_layout_says(loopback, role):
    spreadsheet = loopback.service.add("Planning")
    said = command("init_workbook", role, f"{loopback.server.url}/spreadsheets/d/{spreadsheet.spreadsheet_id}/edit")
    assert "to Planning." in said
    tabs = [*registry.tabs(role), *service_tabs(role)]
    assert spreadsheet.titles == ("Sheet1", *(tab.name for tab in tabs))
    assert loopback.kinds().count("write") == 2  # the tabs, and the rows of Control
    assert loopback.kinds().count("read") <= 5
    for tab in tabs:
        sheet, plan = spreadsheet.sheet(tab.name), layout(tab)
        header = {column: sheet.cell(plan.header_row, column) for column in range(len(plan.columns))}
        assert [cell.value for cell in header.values()] == [column.header for column in plan.columns]
        assert [cell.looks["note"] for cell in header.values()] == [column.note for column in plan.columns]
        assert sheet.grid["frozenRowCount"] == plan.first_row
        ticks = [number for number in header if sheet.is_tick_box(plan.first_row + 5, number)]
        assert ticks == [number for number, column in enumerate(plan.columns) if column.dropdown == ("TRUE", "FALSE")]
        assert sheet.column_count == len(plan.columns)
        assert all(one.warning_only for one in sheet.protections)


def test_a_second_set_up_writes_nothing_and_says_so(loopback):
    spreadsheet = set_up(loopback, "backlog")
    said = command("init_workbook", "backlog", spreadsheet.spreadsheet_id)
    assert said.count("was there already and stays as it is") == 3
    assert cost(loopback)[1] == 0


def test_a_sheet_that_people_use_gets_what_is_missing_and_keeps_all_else(loopback):
    rows = [["Our ideas"], ["Key", "Initiative title", "Ours"], ["INIT-000001", "Faster checkout", "=B3"]]
    spreadsheet = loopback.spreadsheet({"Backlog": rows, "Notes": [["mine"]]})
    before = shown(spreadsheet, "Backlog")
    said = command("init_workbook", "backlog", spreadsheet.spreadsheet_id)
    assert "Backlog: added " in said
    after = shown(spreadsheet, "Backlog")
    assert [row[:3] for row in after[:3]] == before
    assert not any(value for row in after[3:] for value in row)
    assert set(header_of(spreadsheet, "Backlog", "backlog").columns) == {
        column.name for column in registry.get(Role.BACKLOG, "Backlog").tab.columns
    }
    assert shown(spreadsheet, "Notes") == [["mine"]]
    loopback.calls.clear()
    command("init_workbook", "backlog", spreadsheet.spreadsheet_id)
    assert cost(loopback)[1] == 0


def test_locked_columns_keep_people_out_and_let_the_service_account_in(loopback):
    spreadsheet = loopback.service.add("Planning")
    command("init_workbook", "backlog", spreadsheet.spreadsheet_id, locked=True)
    command("connect", "backlog", spreadsheet.spreadsheet_id)
    make_initiatives(1)
    assert act("pm.backlog_sync", spreadsheet).run.status == "success"
    header, sheet = header_of(spreadsheet, "Backlog", "backlog"), spreadsheet.sheet("Backlog")
    for column, refused in (("run_status", True), ("market", False)):
        start = {"sheetId": sheet.sheet_id, "rowIndex": header.row + 1, "columnIndex": header.columns[column]}
        rows = [{"values": [{"userEnteredValue": {"stringValue": "typed"}}]}]
        typing = [{"updateCells": {"start": start, "rows": rows, "fields": "userEnteredValue"}}]
        if refused:
            with pytest.raises(Exception, match="protected cell"):
                batch_update(spreadsheet, typing, "a person")
        else:
            batch_update(spreadsheet, typing, "a person")
    assert rows_of(spreadsheet, "Backlog", "backlog")[0]["market"] == "typed"


def test_connecting_registers_the_id_and_the_title_and_says_what_is_recognised(loopback):
    spreadsheet = loopback.spreadsheet({"Wishes": [["What we wish for"], INTAKE_ROW]})
    address = f"https://docs.google.com/spreadsheets/d/{spreadsheet.spreadsheet_id}/edit#gid=0"
    for _ in range(2):
        said = command("connect", "intake", address, department="Sales")
        assert "Wishes: recognised initiative_key, title, requesting_team, country\n" in said
    workbook = Workbook.objects.get()
    assert (workbook.location, workbook.title, workbook.department) == (spreadsheet.spreadsheet_id, "Planning", "Sales")
    assert cost(loopback) == (4, 0)


def test_columns_are_added_at_the_right_end_of_a_full_grid_on_request(loopback):
    spreadsheet = loopback.spreadsheet({"Wishes": [["Idea", "Team", "Country"], ["Faster", "Web", "UK"]]})
    spreadsheet.sheet("Wishes").column_count = 3
    said = command("connect", "intake", spreadsheet.spreadsheet_id, add_columns=True)
    assert "Wishes: added initiative_key" in said
    header = header_of(spreadsheet, "Wishes", "intake", "Intake")
    assert header.columns["initiative_key"] == 3
    assert spreadsheet.sheet("Wishes").cell(0, 3).looks["note"]


@pytest.mark.parametrize("name", ["init_workbook", "connect"])
def test_what_can_not_be_opened_is_said_with_what_to_do(loopback, name):
    spreadsheet = loopback.service.add("Planning")
    spreadsheet.strangers.add("anonymous")
    with pytest.raises(CommandError, match="share it with that address as an editor"):
        command(name, "backlog", spreadsheet.spreadsheet_id)
    with pytest.raises(CommandError, match="There is no Google spreadsheet with the id"):
        command(name, "backlog", "1" * 44)
    assert not Workbook.objects.exists()


def test_the_admin_connects_a_spreadsheet_and_calls_it_by_its_title(loopback, admin_client: Client):
    spreadsheet = loopback.spreadsheet({"Backlog": [["Key", "Title"]]})
    address = f"https://docs.google.com/spreadsheets/d/{spreadsheet.spreadsheet_id}/edit"
    form = {"title": "", "role": "backlog", "location": address, "tab": "", "department": ""}
    admin_client.post("/admin/sheetsync/workbook/add/", form)
    workbook = Workbook.objects.get()
    assert (workbook.location, workbook.title) == (spreadsheet.spreadsheet_id, "Planning")


# ---- what actions cost -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [ROWS])
def test_first_fill_unchanged_and_one_percent_cost_what_is_promised(loopback, size):
    spreadsheet = set_up(loopback, "backlog")
    make_initiatives(size)
    assert act("pm.backlog_sync", spreadsheet).run.status == "success"
    assert sum(cost(loopback)) <= 12
    assert len(rows_of(spreadsheet, "Backlog", "backlog")) == size

    act("pm.backlog_sync", spreadsheet)
    assert cost(loopback) == (2, 0)

    Initiative.objects.filter(pk__in=list(Initiative.objects.values_list("pk", flat=True))[::100]).update(market="UKI")
    act("pm.backlog_sync", spreadsheet)
    assert cost(loopback) == (4, 2)
    assert sum(row["market"] == "UKI" for row in rows_of(spreadsheet, "Backlog", "backlog")) == size / 100

    act("pm.backlog_sync", spreadsheet)
    assert cost(loopback) == (2, 0)


def test_a_poll_of_control_is_one_read(loopback):
    set_up(loopback, "backlog")
    assert poll(Workbook.objects.get()) == []
    assert cost(loopback) == (1, 0)


def test_a_tick_in_control_is_taken_once_and_cleared(loopback):
    spreadsheet = set_up(loopback, "backlog")
    header = header_of(spreadsheet, "Control", "backlog")
    place = next(
        at for at, row in enumerate(shown(spreadsheet, "Control")) if row[header.columns["action"]] == "pm.backlog_sync"
    )
    fill(spreadsheet.sheet("Control"), place, [True], left=header.columns["run"])
    workbook = Workbook.objects.get()
    assert [run.action for run in poll(workbook)] == ["pm.backlog_sync"]
    assert poll(workbook) == []
    row = next(row for row in rows_of(spreadsheet, "Control", "backlog") if row["action"] == "pm.backlog_sync")
    assert row["run"] is False
    assert row["last_status"]


# ---- what actions do ---------------------------------------------------------------------------------------------------


def test_intake_to_backlog_and_back_and_what_is_typed_like_a_formula_stays_text(loopback):
    wishes = loopback.spreadsheet(
        {"Wishes": [INTAKE_ROW, [None, "'=HYPERLINK(1)", "Web", "UK"], [None, "Faster", "Web", "DE"]]}
    )
    wishes.sheet("Wishes").put(1, {1: wishes.sheet("Wishes").cell(1, 1).holding("=HYPERLINK(1)")})
    command("connect", "intake", wishes.spreadsheet_id, department="Sales")
    backlog = set_up(loopback, "backlog")
    assert act("pm.backlog_sync", wishes).run.status == "success"
    assert act("pm.backlog_sync", backlog).run.status == "success"
    assert [row[0] for row in shown(wishes, "Wishes")[1:]] == ["INIT-000001", "INIT-000002"]
    titles = {row["initiative_key"]: row["title"] for row in rows_of(backlog, "Backlog", "backlog")}
    assert titles == {"INIT-000001": "=HYPERLINK(1)", "INIT-000002": "Faster"}
    assert not any(cell.formula for row in backlog.sheet("Backlog").rows for cell in row.values())


def test_typed_text_is_read_in_any_locale_and_a_doubtful_date_is_refused(loopback):
    backlog = set_up(loopback, "backlog")
    backlog.locale = "de_DE"
    make_initiatives(2)
    act("pm.backlog_sync", backlog)
    header = header_of(backlog, "Backlog", "backlog")
    sheet = backlog.sheet("Backlog")
    fill(sheet, header.row + 1, ["5%"], left=header.columns["strategic_priority_coefficient"])
    fill(sheet, header.row + 1, [46112], left=header.columns["deadline_date"])
    fill(sheet, header.row + 2, ["03/04/2026"], left=header.columns["deadline_date"])
    assert act("pm.backlog_sync", backlog).run.status == "partial"
    first, second = Initiative.objects.order_by("pk")
    assert (first.strategic_priority_coefficient, str(first.deadline_date)) == (0.05, "2026-03-31")
    assert second.deadline_date is None
    status = rows_of(backlog, "Backlog", "backlog")[1]["run_status"]
    assert status.startswith('FAILED: deadline_date: "03/04/2026" could mean')


def test_a_date_of_the_database_is_shown_as_a_date(loopback):
    backlog = set_up(loopback, "backlog")
    make_initiatives(1)
    act("pm.backlog_sync", backlog)
    Initiative.objects.update(deadline_date="2026-03-31")
    act("pm.backlog_sync", backlog)
    header = header_of(backlog, "Backlog", "backlog")
    cell = backlog.sheet("Backlog").dressed(header.row + 1, header.columns["deadline_date"])
    assert (cell.value, cell.number_type) == (46112, "DATE")


def test_merged_cells_spills_and_formulas_in_target_columns_are_left_alone(loopback):
    backlog = set_up(loopback, "backlog")
    make_initiatives(4)
    act("pm.backlog_sync", backlog)
    header, sheet = header_of(backlog, "Backlog", "backlog"), backlog.sheet("Backlog")
    market, category = header.columns["market"], header.columns["category"]
    fill(sheet, header.row + 1, ["=ARRAYFORMULA(A1:A2)"], left=market)
    fill(sheet, header.row + 3, ["=NA()"], left=market)
    merging = {"sheetId": sheet.sheet_id, "startRowIndex": header.row + 4, "endRowIndex": header.row + 5}
    merging |= {"startColumnIndex": market, "endColumnIndex": category + 1}
    batch_update(backlog, [{"mergeCells": {"range": merging, "mergeType": "MERGE_ALL"}}], "a person")
    Initiative.objects.update(market="UKI", category="new")
    act("pm.backlog_sync", backlog)
    rows = rows_of(backlog, "Backlog", "backlog")
    assert sheet.cell(header.row + 1, market).formula == "=ARRAYFORMULA(A1:A2)"
    assert sheet.cell(header.row + 2, market).is_blank
    assert sheet.cell(header.row + 3, market).formula == "=NA()"
    assert [row["category"] for row in rows[:3]] == ["new"] * 3
    assert rows[2]["run_status"].startswith("FAILED: market: ")
    assert "merged" in rows[3]["run_status"]


def test_a_protected_tab_is_said_and_the_others_go_through(loopback):
    productops = set_up(loopback, "productops")
    make_initiatives(2)
    sheet = productops.sheet("KPI_Contributions")
    sheet.protections[:] = [
        type(one)(protection_id=1, block=one.block, warning_only=False, editors=("boss@example.com",))
        for one in sheet.protections
    ]
    context = act("pm.populate_initiatives", productops)
    said = [message["text"] for message in context.run.messages if message["tab"] == "KPI_Contributions"]
    assert any("choose Data > Protect sheets and ranges, and let anonymous edit them" in text for text in said)
    assert len(rows_of(productops, "Scoring_Inputs", "productops")) == 2
    assert rows_of(productops, "KPI_Contributions", "productops") == []


def test_a_deleted_tab_is_said_and_rows_that_vanished_delete_nothing(loopback):
    backlog = set_up(loopback, "backlog")
    make_initiatives(30)
    act("pm.backlog_sync", backlog)
    header, sheet = header_of(backlog, "Backlog", "backlog"), backlog.sheet("Backlog")
    backlog.delete(sheet, Axis.ROWS, header.row + 1, header.row + 21)
    context = act("pm.backlog_sync", backlog)
    assert (context.run.status, "30 at the last read" in str(context.run.messages)) == ("failed", True)
    assert act("pm.backlog_sync", backlog, confirm=True).run.status == "success"
    assert len(rows_of(backlog, "Backlog", "backlog")) == Initiative.objects.count() == 30
    backlog.sheets.remove(sheet)
    context = act("pm.backlog_sync", backlog)
    assert context.run.status == "failed"
    assert "there is no tab 'Backlog'; `init_workbook` adds it" in str(context.run.messages)


def test_a_dry_run_reads_once_and_writes_nothing(loopback):
    backlog = set_up(loopback, "backlog")
    make_initiatives(2)
    workbook = Workbook.objects.get()
    context = rehearse_run("pm.backlog_sync", workbook=workbook, arguments=Arguments())
    assert len({line["key"] for line in context.report.plan}) == 2
    assert cost(loopback) == (1, 0)
    assert rows_of(backlog, "Backlog", "backlog") == []


def test_a_run_is_undone_and_what_people_typed_since_is_kept(loopback):
    backlog = set_up(loopback, "backlog")
    make_initiatives(2)
    act("pm.backlog_sync", backlog)
    header, sheet = header_of(backlog, "Backlog", "backlog"), backlog.sheet("Backlog")
    fill(sheet, header.row + 1, ["APAC"], left=header.columns["market"])
    fill(sheet, header.row + 2, ["EMEA"], left=header.columns["market"])
    taken = act("pm.backlog_sync", backlog)
    fill(sheet, header.row + 2, ["UKI"], left=header.columns["market"])
    act("pm.undo_run", backlog, runs=(taken.run.run_id,))
    act("pm.backlog_sync", backlog)
    assert [row["market"] for row in rows_of(backlog, "Backlog", "backlog")] == [None, "UKI"]
    assert list(Initiative.objects.order_by("pk").values_list("market", flat=True)) == ["", "UKI"]


def test_run_log_tells_of_each_run_that_changed_something(loopback):
    backlog = set_up(loopback, "backlog")
    make_initiatives(1)
    first = act("pm.backlog_sync", backlog)
    act("pm.backlog_sync", backlog)
    assert [row["run_id"] for row in rows_of(backlog, "Run_Log", "backlog")] == [first.run.run_id]
    assert ActionRun.objects.count() == 2
    assert not RecordChange.objects.exists()


def test_appending_to_a_tab_whose_boxes_nobody_ticked_goes_right_below_the_header(loopback):
    optimization = set_up(loopback, "optimization")
    book = loopback.open(optimization)
    header = header_of(optimization, "Candidates", "optimization")
    writes = TabWrites(appended=[{header.columns["initiative_key"]: "INIT-000001"}], after_row=header.row)
    assert book.write({"Candidates": writes}).written == {"Candidates"}
    assert shown(optimization, "Candidates")[header.row + 1][header.columns["initiative_key"]] == "INIT-000001"
