"""Backfills: each mends what it is for and nothing else, is recorded, and goes on where it stopped."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from backlog.models import Initiative, IntakeSubmission
from productops.backfills import flaws, spell_kpis
from productops.models import InitiativeContribution, InitiativeMathModel, MetricConfig, ModelTemplate
from sheetsync.context import ActionContext, Arguments
from sheetsync.models import ActionRun, KeyCounter, RecordChange, Workbook
from sheetsync.operating.backfilling import (
    BACKFILLS,
    BATCH,
    Backfill,
    Step,
    carry_out,
    find_backfill,
    rehearse_backfill,
)
from sheetsync.runs import actions
from sheetsync.runs.actions import WrongUsage
from sheetsync.runs.cancelling import cancel
from sheetsync.storage import NewRecord, Storage

pytestmark = pytest.mark.django_db


def initiative(number: int, **fields: Any) -> Initiative:
    """One initiative, made without history: as a bulk load leaves it."""
    made = Initiative(initiative_key=f"INIT-{number:06d}", title=f"idea {number}", **fields)
    Initiative.objects.bulk_create([made])
    return Initiative.objects.get(initiative_key=made.initiative_key)


def many(count: int) -> None:
    Initiative.objects.bulk_create(
        Initiative(initiative_key=f"INIT-{number:06d}", title="idea") for number in range(1, count + 1)
    )


def model(owner: Initiative, name: str, chain: str) -> None:
    InitiativeMathModel.objects.bulk_create(
        [InitiativeMathModel(initiative=owner, model_name=name, metric_chain_text=chain)]
    )


def texts(context: ActionContext) -> list[str]:
    return [f"{message.status} {message.key} {message.text}".strip() for message in context.report.messages]


@pytest.fixture
def intake(tmp_path: Path) -> Workbook:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Wishes"
    for row in (["Key", "Idea"], [None, "faster search"], ["INIT-000777", "typed by hand"], [None, "gift cards"]):
        sheet.append(row)
    book.save(tmp_path / "wishes.xlsx")
    return Workbook.objects.create(role="intake", location=str(tmp_path / "wishes.xlsx"), title="wishes")


def last_run() -> ActionRun:
    run = ActionRun.objects.first()
    assert run is not None
    return run


# ---- how every backfill goes -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def counting() -> Iterator[list[int]]:
    """A backfill that looks at the numbers 1 to 6, two at a time, and breaks off at each number of the list, once."""
    breaks_at: list[int] = []

    def step(context: ActionContext, cursor: str) -> Step | None:
        numbers = list(range(int(cursor or 0) + 1, 7))[:2]
        if not numbers:
            return None
        for number in numbers:
            new = [NewRecord(fields={"initiative_key": f"INIT-{number:06d}", "title": str(number)})]
            context.storage.create(Initiative, new)
            if number in breaks_at:
                breaks_at.remove(number)
                raise KeyboardInterrupt if number == 4 else ValueError
        return Step(cursor=str(numbers[-1]), seen=len(numbers), changed=[str(number) for number in numbers])

    BACKFILLS["counting"] = Backfill(name="counting", help="Counts.", count=lambda: 6, step=step, in_transaction=True)
    yield breaks_at
    del BACKFILLS["counting"]


def keys() -> list[str]:
    return [str(int(key[-6:])) for key in Initiative.objects.values_list("initiative_key", flat=True)]


def test_a_backfill_is_recorded_like_an_action(counting: list[int]) -> None:
    context = carry_out("counting", requested_by="ada")
    run = last_run()
    assert (run.action, run.status, run.requested_by) == ("backfill.counting", "success", "ada")
    assert run.counts == {"looked_at": 6, "records_changed": 6}
    assert run.finished_at is not None
    assert context.report.status == ActionRun.Status.SUCCESS
    assert RecordChange.objects.filter(run=run).count() == 6


def test_progress_is_told_from_nothing_to_all(counting: list[int]) -> None:
    told: list[tuple[str, int, int]] = []
    carry_out("counting", progress=lambda what, done, total: told.append((what, done, total)))
    assert told == [("counting", 0, 6), ("counting", 2, 6), ("counting", 4, 6), ("counting", 6, 6)]


@pytest.mark.parametrize("number", [1, 2, 3, 5, 6])
def test_one_that_broke_off_goes_on_behind_the_last_finished_batch(counting: list[int], number: int) -> None:
    counting.append(number)
    broken = carry_out("counting")
    assert (broken.report.status, last_run().status) == ("failed", "failed")
    assert len(keys()) == (number - 1) // 2 * 2  # what the broken batch had stored is gone
    assert carry_out("counting").report.status == "success"
    assert keys() == ["1", "2", "3", "4", "5", "6"]
    assert ActionRun.objects.count() == 1
    assert (last_run().status, last_run().attempts, last_run().messages) == ("success", 2, [])
    assert last_run().counts == {"looked_at": 6, "records_changed": 6}
    assert RecordChange.objects.count() == 6


def test_an_interruption_is_noted_and_raised_on(counting: list[int]) -> None:
    counting.append(4)
    with pytest.raises(KeyboardInterrupt):
        carry_out("counting")
    assert (last_run().status, keys()) == ("failed", ["1", "2"])
    assert "goes on from there" in last_run().messages[0]["text"]


def test_one_that_is_cancelled_stops_before_its_next_batch_and_can_go_on_later(counting: list[int]) -> None:
    def cancel_after_two(what: str, done: int, total: int) -> None:
        if done == 2:
            cancel(last_run(), "ada")

    context = carry_out("counting", progress=cancel_after_two)
    stopped = last_run()
    # The batch that was about to begin when ada pressed the button is the last one.
    assert (context.report.status, stopped.status, stopped.cancelled_by, keys()) == (
        "failed",
        "failed",
        "ada",
        ["1", "2", "3", "4"],
    )
    assert stopped.messages[-1]["text"] == (
        "cancelled by ada; what was done stays, and the same command goes on from there"
    )
    carry_out("counting")
    assert (last_run().status, last_run().cancelled_by, last_run().messages) == ("success", "", [])
    assert (keys(), ActionRun.objects.count()) == (["1", "2", "3", "4", "5", "6"], 1)


def test_one_that_is_cancelled_in_the_middle_of_a_batch_keeps_no_half_of_it(counting: list[int]) -> None:
    def step(context: ActionContext, cursor: str) -> Step | None:
        initiative(1)
        cancel(context.run, "ada")
        context.progress("counting", 1, 6)
        return Step(cursor="1", seen=1)

    BACKFILLS["counting"] = Backfill(name="counting", help="Counts.", count=lambda: 6, step=step, in_transaction=True)
    carry_out("counting")
    assert (last_run().status, keys()) == ("failed", [])


def test_a_process_that_was_killed_left_its_run_running_and_it_is_taken_up(counting: list[int]) -> None:
    ActionRun.objects.create(
        action="backfill.counting",
        status=ActionRun.Status.RUNNING,
        attempts=1,
        payload={"cursor": "4", "done": 4, "complete": False},
    )
    carry_out("counting")
    assert (keys(), last_run().status, last_run().attempts) == (["5", "6"], "success", 2)


def test_one_that_was_taken_over_stops_and_takes_its_batch_back(counting: list[int]) -> None:
    step = BACKFILLS["counting"].step

    def taken_over(context: ActionContext, cursor: str) -> Step | None:
        done = step(context, cursor)
        if cursor == "2":
            # Another process claims the run now.
            ActionRun.objects.filter(pk=context.run.pk).update(attempts=9)
        return done

    BACKFILLS["counting"] = Backfill(
        name="counting", help="Counts.", count=lambda: 6, step=taken_over, in_transaction=True
    )
    context = carry_out("counting")
    assert texts(context) == ["FAILED  another process goes on with this backfill; this one stopped"]
    assert keys() == ["1", "2"]


def test_a_finished_one_begins_anew(counting: list[int]) -> None:
    carry_out("counting")
    Initiative.objects.all().delete()
    carry_out("counting")
    assert (len(keys()), ActionRun.objects.count()) == (6, 2)


def test_one_that_was_undone_is_not_taken_up(counting: list[int]) -> None:
    counting.append(3)
    carry_out("counting")
    undo = ActionRun.objects.create(action="pm.undo_run")
    ActionRun.objects.filter(action="backfill.counting").update(undone_by=undo)
    Initiative.objects.all().delete()
    carry_out("counting")
    assert keys() == ["1", "2", "3", "4", "5", "6"]


def test_a_dry_run_shows_each_field_and_stores_nothing(counting: list[int]) -> None:
    context = rehearse_backfill("counting")
    assert (keys(), ActionRun.objects.count(), RecordChange.objects.count()) == ([], 0, 0)
    line = {"tab": "Initiative", "column": "title", "from": None, "to": "1"}
    assert line.items() <= next(cell for cell in context.report.plan if cell["column"] == "title").items()


def test_an_unknown_backfill_is_refused_with_the_nearest() -> None:
    with pytest.raises(WrongUsage, match="there is no backfill 'histroy'; did you mean history"):
        find_backfill("histroy")


def test_the_four_backfills_are_registered() -> None:
    assert set(BACKFILLS) >= {"initiative_keys", "metric_chains", "contributions", "history"}


def test_the_command_says_what_was_done_and_what_would_be(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("backfill", "metric_chains", "--dry-run")
    assert "backfill.metric_chains would be success" in capsys.readouterr().out
    call_command("backfill", "metric_chains")
    assert "backfill.metric_chains is success" in capsys.readouterr().out


def test_the_command_refuses_an_unknown_backfill_as_wrong_usage() -> None:
    with pytest.raises(CommandError, match="there is no backfill") as refused:
        call_command("backfill", "everything", stdout=StringIO())
    assert refused.value.returncode == 2


# ---- metric chains ---------------------------------------------------------------------------------------------------------------------


def test_chains_are_worked_out_anew_from_the_models_texts() -> None:
    one, two = initiative(1), initiative(2, metric_chain_json={"nodes": ["old"], "edges": []})
    model(one, "a", "visits -> gmv")
    model(one, "b", "basket -> gmv")
    context = carry_out("metric_chains")
    one.refresh_from_db()
    two.refresh_from_db()
    assert one.metric_chain_json == {
        "nodes": ["visits", "gmv", "basket"],
        "edges": [["visits", "gmv"], ["basket", "gmv"]],
    }
    assert two.metric_chain_json is None
    assert context.report.counts == {"looked_at": 2, "records_changed": 2}
    assert sorted(RecordChange.objects.values_list("row_key", flat=True)) == ["INIT-000001", "INIT-000002"]


def test_chains_that_are_right_are_left_alone() -> None:
    one = initiative(1)
    model(one, "a", "visits -> gmv")
    carry_out("metric_chains")
    RecordChange.objects.all().delete()
    assert carry_out("metric_chains").report.counts == {"looked_at": 1, "records_changed": 0}
    assert RecordChange.objects.count() == 0


def test_what_a_backfill_changed_can_be_undone(intake: Workbook) -> None:
    one = initiative(1, metric_chain_json={"nodes": ["old"], "edges": []})
    model(one, "a", "visits -> gmv")
    filled = carry_out("metric_chains").run
    undo = actions.request("pm.undo_run", arguments=Arguments(runs=(filled.run_id,)))
    actions.carry_out(undo)
    undo.refresh_from_db()
    one.refresh_from_db()
    assert (undo.status, one.metric_chain_json) == ("success", {"nodes": ["old"], "edges": []})


def test_a_chain_with_a_cycle_is_told_and_the_stored_one_stays() -> None:
    stored = {"nodes": ["visits", "gmv"], "edges": [["visits", "gmv"]]}
    one = initiative(1, metric_chain_json=stored)
    model(one, "a", "visits -> gmv")
    model(one, "b", "gmv -> visits")
    context = carry_out("metric_chains")
    one.refresh_from_db()
    assert one.metric_chain_json == stored
    (text,) = texts(context)
    assert text.startswith("WARNING INIT-000001 metric_chain_text: ")
    assert text.endswith("the stored chain stays")


def test_more_initiatives_than_a_batch_holds_are_all_looked_at() -> None:
    many(BATCH + 2)
    model(Initiative.objects.order_by("pk")[BATCH + 1], "a", "visits -> gmv")
    assert carry_out("metric_chains").report.counts == {"looked_at": BATCH + 2, "records_changed": 1}


# ---- contributions ---------------------------------------------------------------------------------------------------------------------


def test_kpis_are_spelled_as_in_metrics_config_and_numbers_stay() -> None:
    MetricConfig.objects.create(kpi_key="gmv", kpi_level="north_star")
    MetricConfig.objects.create(kpi_key="retention_30d", kpi_level="strategic")
    one = initiative(1, kpi_contribution_json={"GMV": 120000, "Retention 30d": 0.01})
    InitiativeContribution.objects.create(initiative=one, adopted_json={"GMV": 5.0})
    context = carry_out("contributions")
    one.refresh_from_db()
    assert one.kpi_contribution_json == {"gmv": 120000, "retention_30d": 0.01}
    assert InitiativeContribution.objects.get().adopted_json == {"gmv": 5.0}
    assert texts(context) == []
    assert context.report.counts["records_changed"] == 1


def test_a_kpi_that_is_not_active_is_told_and_stays() -> None:
    MetricConfig.objects.create(kpi_key="gmv", kpi_level="north_star")
    MetricConfig.objects.create(kpi_key="nps", kpi_level="strategic", is_active=False)
    one = initiative(1, kpi_contribution_json={"gmv": 1.0, "nps": 2.0})
    context = carry_out("contributions")
    one.refresh_from_db()
    assert one.kpi_contribution_json == {"gmv": 1.0, "nps": 2.0}
    assert texts(context) == [
        "WARNING INIT-000001 kpi_contribution_json: nps is no active KPI. It stays, and runs leave it out"
    ]


def test_two_spellings_of_one_kpi_are_left_as_they_are() -> None:
    stored = {"GMV": 1.0, "gmv": 2.0}
    assert spell_kpis(stored, ["gmv"]) == stored
    assert list(flaws(stored, ["gmv"])) == ["GMV is no active KPI; the nearest is gmv. It stays, and runs leave it out"]


@pytest.mark.parametrize("number", [True, "12", None, float("nan"), [1]])
def test_what_is_no_number_is_told(number: Any) -> None:
    (text,) = flaws({"gmv": number}, ["gmv"])
    assert text.startswith("gmv is ")
    assert text.endswith("which is no number; enter it anew in KPI_Contributions")


def test_what_is_not_numbers_by_name_is_told_and_stays() -> None:
    assert spell_kpis(["gmv"], ["gmv"]) == ["gmv"]
    (text,) = flaws(["gmv"], ["gmv"])
    assert "isn't numbers by KPI" in text


# ---- initiative keys -------------------------------------------------------------------------------------------------------------------


def shown(workbook: Workbook) -> list[list[Any]]:
    sheet = openpyxl.load_workbook(workbook.location)["Wishes"]
    return [[cell.value for cell in row[:2]] for row in sheet.iter_rows(min_row=2)]


def test_intake_rows_without_a_key_get_one_beyond_every_key_that_exists(intake: Workbook) -> None:
    initiative(41)
    KeyCounter.objects.create(prefix="INIT-", next_number=3)
    context = carry_out("initiative_keys")
    assert shown(intake) == [
        ["INIT-000042", "faster search"],
        ["INIT-000777", "typed by hand"],
        ["INIT-000043", "gift cards"],
    ]
    assert sorted(IntakeSubmission.objects.values_list("initiative__initiative_key", "title")) == [
        ("INIT-000042", "faster search"),
        ("INIT-000043", "gift cards"),
    ]
    assert [message.key for message in context.report.messages if message.status == "FAILED"] == ["INIT-000777"]
    assert last_run().status == "partial"
    assert last_run().payload["complete"] is True


def test_the_counter_never_moves_back() -> None:
    initiative(5)
    KeyCounter.objects.create(prefix="INIT-", next_number=90)
    carry_out("initiative_keys")
    assert KeyCounter.objects.get().next_number == 90


def test_inactive_intake_is_left_alone(intake: Workbook) -> None:
    Workbook.objects.update(is_active=False)
    assert carry_out("initiative_keys").report.status == "success"
    assert shown(intake)[0] == [None, "faster search"]


def test_a_dry_run_of_keys_writes_nothing(intake: Workbook) -> None:
    before = Path(intake.location).read_bytes()
    context = rehearse_backfill("initiative_keys")
    assert Path(intake.location).read_bytes() == before
    assert (Initiative.objects.count(), KeyCounter.objects.count(), ActionRun.objects.count()) == (0, 0, 0)
    given = [(cell["tab"], cell["to"]) for cell in context.report.plan if cell["column"] == "initiative_key"]
    keys = ("INIT-000001", "INIT-000002")
    assert given == [(tab, key) for tab in ("Wishes", "Initiative") for key in keys], (
        "the sheet's cells, then what is stored"
    )


def test_a_workbook_that_cannot_be_read_is_told_and_the_others_go_through(intake: Workbook, tmp_path: Path) -> None:
    Workbook.objects.create(role="intake", location=str(tmp_path / "gone.xlsx"), title="gone")
    context = carry_out("initiative_keys")
    assert "gone" in [message.workbook for message in context.report.messages if message.status == "FAILED"]
    assert shown(intake)[0][0] == "INIT-000001"


# ---- history ---------------------------------------------------------------------------------------------------------------------------


def first_rows(one: Initiative) -> list[Any]:
    return list(one.history.filter(history_type="+"))  # type: ignore[attr-defined]


def test_a_record_without_a_history_gets_one_row_as_it_stands_dated_when_it_was_made() -> None:
    one = initiative(1)
    made = datetime.datetime(2025, 3, 31, tzinfo=datetime.UTC)
    Initiative.objects.filter(pk=one.pk).update(created_at=made)
    context = carry_out("history")
    (row,) = first_rows(one)
    assert (row.history_date, row.title, row.history_change_reason) == (
        made,
        "idea 1",
        f"backfill.history {context.run.run_id}",
    )
    assert context.report.counts["records_changed"] == 1


def test_a_record_that_has_a_first_row_gets_no_second() -> None:
    one = initiative(1)
    carry_out("history")
    assert carry_out("history").report.counts["records_changed"] == 0
    assert len(first_rows(one)) == 1


def test_what_was_changed_before_any_first_row_begins_with_the_oldest_state_that_is_known() -> None:
    one = initiative(1)
    one.title = "first change"
    one.save()
    one.title = "second change"
    one.save()
    carry_out("history")
    (row,) = first_rows(one)
    assert row.title == "first change"
    assert row.history_date <= min(one.history.values_list("history_date", flat=True))  # type: ignore[attr-defined]


def test_a_record_that_does_not_say_when_it_was_made_is_dated_by_the_log_of_changes() -> None:
    run = ActionRun.objects.create(
        action="pm.save_selected", created_at=datetime.datetime(2025, 1, 2, tzinfo=datetime.UTC)
    )
    storage = Storage(run)
    storage.create(MetricConfig, [NewRecord(fields={"kpi_key": "gmv", "kpi_level": "north_star"})])
    storage.flush()
    kpi = MetricConfig.objects.get()
    kpi.history.all().delete()
    carry_out("history")
    assert [row.history_date for row in kpi.history.all()] == [run.created_at]


def test_history_goes_on_within_a_model_and_from_model_to_model() -> None:
    many(BATCH + 2)
    for owner in Initiative.objects.order_by("pk")[:3]:
        model(owner, "a", "visits -> gmv")
    with_history = ModelTemplate.objects.count()  # the library came with the database, and its history with it
    carry_out("history")
    assert last_run().counts == {"looked_at": BATCH + 5 + with_history, "records_changed": BATCH + 5}
    assert Initiative.history.count() == BATCH + 2
    assert InitiativeMathModel.history.count() == 3
