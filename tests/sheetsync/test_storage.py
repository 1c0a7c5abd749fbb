"""Saving in bulk with history: every change is logged with its origin, and in the model's own history."""

from __future__ import annotations

import datetime

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Initiative
from productops.models import InitiativeScoring
from sheetsync.models import ActionRun, RecordChange, Workbook
from sheetsync.storage import NewRecord, Origin, RecordUpdate, Storage, snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture
def storage() -> Storage:
    return Storage(ActionRun.objects.create(action="pm.backlog_sync", requested_by="ada"))


def made(storage: Storage, *titles: str) -> list[int]:
    return storage.create(
        Initiative,
        [
            NewRecord(fields={"initiative_key": f"INIT-{number:06d}", "title": title})
            for number, title in enumerate(titles, 1)
        ],
    )


def test_made_records_have_their_defaults_and_stamps(storage):
    pks = made(storage, "one", "two")
    assert list(Initiative.objects.values_list("pk", "title")) == list(zip(pks, ["one", "two"], strict=True))
    one = Initiative.objects.get(pk=pks[0])
    assert (one.lifecycle_status, one.dependencies_initiatives, one.engineering_tokens) == ("new", [], None)
    assert one.created_at.tzinfo is not None
    assert one.history.get().history_type == "+"
    assert one.history.get().updated_at == one.updated_at


def test_records_with_different_fields_are_made_together(storage):
    day = datetime.date(2026, 3, 31)
    storage.create(
        Initiative,
        [
            NewRecord(fields={"initiative_key": "A", "deadline_date": day}),
            NewRecord(fields={"initiative_key": "B", "kpi_contribution_json": {"gmv": 1.0}}),
        ],
    )
    a, b = Initiative.objects.order_by("initiative_key")
    assert (a.deadline_date, a.kpi_contribution_json) == (day, None)
    assert (b.deadline_date, b.kpi_contribution_json) == (None, {"gmv": 1.0})


def test_the_next_plain_save_does_not_meet_a_used_primary_key(storage):
    pks = made(storage, "one", "two")
    assert Initiative.objects.create(initiative_key="INIT-000900").pk not in pks


def test_an_update_logs_old_and_new_where_it_came_from_and_writes_only_that(storage):
    (pk,) = made(storage, "one")
    storage.flush()
    workbook = Workbook.objects.create(role="backlog", location="b")
    day = datetime.date(2026, 3, 31)
    origin = Origin(workbook, "Backlog", 7, "INIT-000001")
    Initiative.objects.filter(pk=pk).update(category="set behind our back")
    updated = storage.update(
        Initiative,
        [RecordUpdate(pk=pk, fields={"market": "EMEA", "title": "one", "deadline_date": day}, origin=origin)],
    )
    storage.flush()
    assert updated == 1
    change = RecordChange.objects.get(created=False)
    assert change.fields == {"market": ["", "EMEA"], "deadline_date": [None, "2026-03-31"]}
    assert (change.model, change.object_id, change.row_key) == ("backlog.Initiative", pk, "INIT-000001")
    assert (change.workbook, change.tab, change.row, change.run) == (workbook, "Backlog", 7, storage.run)
    held = Initiative.objects.get()
    assert (held.market, held.deadline_date, held.category) == ("EMEA", day, "set behind our back")
    latest = held.history.first()
    assert (latest.market, latest.deadline_date, latest.history_type) == ("EMEA", day, "~")
    assert latest.history_change_reason == f"pm.backlog_sync {storage.run.run_id} by ada"


def test_what_holds_already_is_neither_written_nor_logged(storage):
    (pk,) = made(storage, "one")
    storage.flush()
    stamp = Initiative.objects.get().updated_at
    assert storage.update(Initiative, [RecordUpdate(pk=pk, fields={"title": "one", "market": ""})]) == 0
    storage.flush()
    assert RecordChange.objects.count() == 1
    assert Initiative.objects.get().history.count() == 1
    assert Initiative.objects.get().updated_at == stamp


def test_two_updates_of_one_record_stand_on_top_of_each_other(storage):
    (pk,) = made(storage, "one")
    storage.update(
        Initiative,
        [
            RecordUpdate(pk=pk, fields={"market": "EMEA"}),
            RecordUpdate(pk=pk, fields={"market": "APAC", "category": "x"}),
        ],
    )
    storage.flush()
    assert Initiative.objects.values_list("market", "category").get() == ("APAC", "x")
    assert [change.fields for change in RecordChange.objects.filter(created=False).order_by("pk")] == [
        {"market": ["", "EMEA"]},
        {"market": ["EMEA", "APAC"], "category": ["", "x"]},
    ]


def test_a_field_that_does_not_exist_is_an_error(storage):
    (pk,) = made(storage, "one")
    with pytest.raises(FieldDoesNotExist):
        storage.update(Initiative, [RecordUpdate(pk=pk, fields={"mood": "fine"})])


def test_hanging_records_are_made_or_changed(storage):
    one, two = made(storage, "one", "two")
    InitiativeScoring.objects.create(initiative_id=one, rice_reach=1.0)
    storage.update_related(
        InitiativeScoring,
        "initiative",
        [RecordUpdate(pk=one, fields={"rice_reach": 5.0}), RecordUpdate(pk=two, fields={"rice_reach": 7.0})],
    )
    storage.flush()
    stored = InitiativeScoring.objects.order_by("initiative").values_list("initiative_id", "rice_reach")
    assert list(stored) == [(one, 5.0), (two, 7.0)]
    changes = RecordChange.objects.filter(model="productops.InitiativeScoring").order_by("created")
    assert [(change.created, change.fields["rice_reach"]) for change in changes] == [
        (False, [1.0, 5.0]),
        (True, [None, 7.0]),
    ]


def test_a_deleted_record_leaves_its_last_values(storage):
    (pk,) = made(storage, "one")
    last = snapshot(Initiative.objects.get())
    storage.delete(Initiative, [pk], Origin(label="INIT-000001"))
    storage.flush()
    assert not Initiative.objects.exists()
    change = RecordChange.objects.get(deleted=True)
    assert {name: old for name, (old, new) in change.fields.items()} == last
    assert Initiative.history.first().history_type == "-"


def test_a_discarded_log_is_not_written(storage):
    made(storage, "one")
    storage.discard()
    storage.flush()
    assert not RecordChange.objects.exists()


def test_many_records_cost_few_queries(storage):
    with CaptureQueriesContext(
        connection,
    ) as asked:
        pks = made(storage, *[f"title {number}" for number in range(600)])
        storage.update(Initiative, [RecordUpdate(pk=pk, fields={"market": "EMEA"}) for pk in pks])
        storage.flush()
    assert len(asked) < 30
    assert Initiative.objects.filter(market="EMEA").count() == 600
    assert Initiative.history.count() == 1200
    assert RecordChange.objects.count() == 1200
