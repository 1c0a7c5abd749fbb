"""What keeps lists quick: values to filter by are remembered, huge tables counted roughly; and a page asks as often with many records."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backlog.models import Initiative
from optimization.models import OptimizationScenario
from productops.models import (
    InitiativeContribution,
    InitiativeMathModel,
    InitiativeParam,
    InitiativeScoring,
    MetricConfig,
)
from sheetsync.admin import searching
from sheetsync.admin.large_lists import ROUGH_FROM, QuickPaginator, RememberedValues, quick_filters
from sheetsync.models import ActionRun
from sheetsync.records import ModelRecords
from tests.admin_pages import admin_client, change_url, edit, fill, list_url

pytestmark = pytest.mark.django_db
APPS = ("sheetsync", "backlog", "productops", "optimization")
MODELS = [model for model in admin.site._registry if model._meta.app_label in APPS]


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    cache.clear()


def queries(client: Client, url: str) -> list[str]:
    client.get(url)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200
    return [each["sql"] for each in asked.captured_queries]


def test_values_of_text_fields_are_looked_up_once_a_minute() -> None:
    fill(1, 2)
    ada = admin_client()
    url = list_url(Initiative)
    assert "Sales" in ada.get(url).content.decode()
    assert [sql for sql in queries(ada, url) if "DISTINCT" in sql] == []


def test_choices_and_other_filters_stay_as_they_are_declared() -> None:
    declared = ("lifecycle_status", "department", "is_optimization_candidate", ("title", RememberedValues))
    assert quick_filters(Initiative, declared) == [
        "lifecycle_status",
        ("department", RememberedValues),
        "is_optimization_candidate",
        ("title", RememberedValues),
    ]
    assert quick_filters(ActionRun, ["status", "workbook"]) == ["status", "workbook"]


def test_a_small_or_filtered_table_is_counted_exactly() -> None:
    fill(1, 3)
    rows = Initiative.objects.order_by("pk")
    assert QuickPaginator(rows, 2).count == 3
    with mock.patch.object(connection, "vendor", "postgresql"):
        assert QuickPaginator(rows.filter(department="Sales"), 2).count == 3


def test_a_page_is_found_by_keys_before_its_rows_are_read() -> None:
    fill(1, 5)
    rows = Initiative.objects.select_related("submission").order_by("-title")
    with CaptureQueriesContext(connection) as asked:
        page = QuickPaginator(rows, 2).page(2)
        shown = list(page.object_list)
    assert shown == list(rows[2:4])
    *_counts, read = [each["sql"] for each in asked.captured_queries]
    outside, _in, keys = read.partition(" IN (SELECT ")
    assert ("JOIN" in keys, "problem_statement" in keys, "OFFSET" in keys) == (False, False, True)
    assert ("JOIN" in outside, "problem_statement" in outside) == (True, True)


def test_a_huge_table_is_counted_as_the_database_knows() -> None:
    fill(1, 3)
    with mock.patch.object(QuickPaginator, "_rough_count", return_value=ROUGH_FROM + 1):
        paginator = QuickPaginator(Initiative.objects.order_by("pk"), 50)
        assert (paginator.count, paginator.num_pages) == (ROUGH_FROM + 1, 2_001)
        assert admin_client().get(list_url(Initiative)).status_code == 200


def test_a_whole_key_finds_its_record_without_reading_the_table() -> None:
    fill(1, 3)
    Initiative.objects.filter(initiative_key="INIT-000003").update(title="After INIT-000002")
    ada = admin_client()
    shown = ada.get(list_url(Initiative), {"q": "init-000002"}).content.decode()
    assert ("INIT-000002" in shown, "INIT-000003" in shown) == (True, False)
    assert [sql for sql in queries(ada, f"{list_url(Initiative)}?q=INIT-000002") if "LIKE" in sql] == []


@pytest.mark.parametrize("words", ["Idea 2", "nothing has this"])
def test_a_search_that_finds_few_reads_the_table_once(words: str) -> None:
    fill(1, 3)
    Initiative.objects.filter(initiative_key="INIT-000002").update(title="Idea 2")
    ada = admin_client()
    asked = queries(ada, f"{list_url(Initiative)}?q={words.replace(' ', '+')}")
    assert len([sql for sql in asked if "LIKE" in sql]) == 1


def test_a_search_that_finds_many_is_counted_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "FEW", 1)
    fill(1, 3)
    assert admin_client().get(list_url(Initiative), {"q": "init-0"}).context["cl"].result_count == 3


def test_the_search_of_every_page_asks_as_often_for_eight_records_as_for_three() -> None:
    ada = admin_client()
    fill(1, 3)
    url = reverse("admin:search") + "?s=init-0"
    few = len(queries(ada, url))
    fill(4, 9)
    assert len(queries(ada, url)) == few


@pytest.mark.parametrize("model", MODELS, ids=[model.__name__ for model in MODELS])
def test_a_page_and_a_list_ask_the_database_as_often_for_twelve_records_as_for_three(model: type[models.Model]) -> None:
    ada = admin_client()
    fill(1, 3)
    record = model._default_manager.order_by("pk").first()
    if record is None:  # kept by actions alone
        assert queries(ada, list_url(model))
        return
    few: dict[str, Any] = {url: len(queries(ada, url)) for url in (change_url(record), list_url(model))}
    fill(4, 9)
    assert {url: len(queries(ada, url)) for url in few} == few


def test_an_edit_reads_what_it_changes_and_not_the_whole_tab(monkeypatch: pytest.MonkeyPatch) -> None:
    fill(1, 3)
    monkeypatch.setattr(ModelRecords, "load", None)
    ada = admin_client()
    edits: list[tuple[type[models.Model], dict[str, Any]]] = [
        (Initiative, {"market": "DACH"}),
        (InitiativeMathModel, {"formula_text": "value = uplift * 11"}),
        (InitiativeParam, {"value": "0.06"}),
        (InitiativeScoring, {"rice_reach": "12"}),
        (InitiativeContribution, {"notes": "as agreed"}),
        (MetricConfig, {"unit": "EUR"}),
        (OptimizationScenario, {"capacity_total_tokens": "12"}),
    ]
    for model, changes in edits:
        record = model._default_manager.order_by("-pk").first()
        assert record is not None
        assert edit(ada, record, **changes).status_code == 302, model
        record.refresh_from_db()
        assert {name: str(getattr(record, name)) for name in changes} == {
            name: str(float(value)) if value == "12" else value for name, value in changes.items()
        }
