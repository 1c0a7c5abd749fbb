"""Metrics_Config: exactly one active north star, or nothing is saved."""

from __future__ import annotations

import pytest

from productops.models import MetricConfig
from tests.factories import MetricConfigFactory
from tests.productops.desk import Desk, north_star

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk():
    return Desk()


def kpi(desk, key, level, active=True, **cells):
    return desk.add("Metrics_Config", kpi_key=key, kpi_level=level, is_active=active, **cells)


def stored():
    return dict(MetricConfig.objects.values_list("kpi_key", "kpi_level"))


def test_kpis_are_saved_with_their_names_in_snake_case(desk):
    kpi(desk, "Gross Merchandise Value", "North star", unit="GBP", kpi_name="GMV")
    kpi(desk, "retention_30d", "strategic", unit="percent")
    assert desk.save("Metrics_Config").status == "success"
    assert stored() == {"gross_merchandise_value": "north_star", "retention_30d": "strategic"}
    assert [row["run_status"] for row in desk.rows("Metrics_Config")] == ["OK", "OK"]


def test_two_active_north_stars_refuse_the_whole_save_and_both_are_named(desk):
    kpi(desk, "gmv", "north_star")
    kpi(desk, "revenue", "north_star")
    kpi(desk, "retention", "strategic")
    assert desk.save("Metrics_Config").status == "failed"
    assert stored() == {}
    for place in (1, 2, 3):
        assert desk.status("Metrics_Config", place).startswith(
            "FAILED: gmv (row 2) and revenue (row 3) are each an active north_star"
        )


def test_a_refused_save_says_so_on_every_row_and_saves_no_other_change(desk):
    kpi(desk, "gmv", "north_star")
    other, third = kpi(desk, "revenue", "strategic"), kpi(desk, "retention", "strategic")
    desk.save("Metrics_Config")
    desk.type("Metrics_Config", other, kpi_level="north_star")
    desk.type("Metrics_Config", third, unit="percent")
    assert desk.save("Metrics_Config").status == "failed"
    assert desk.save("Metrics_Config").status == "failed"
    assert all(row["run_status"].startswith("FAILED: gmv (row 2) and") for row in desk.rows("Metrics_Config"))
    assert MetricConfig.objects.get(kpi_key="retention").unit == ""
    desk.type("Metrics_Config", other, kpi_level="strategic")
    assert desk.save("Metrics_Config").status == "success"
    assert [row["run_status"] for row in desk.rows("Metrics_Config")] == ["OK", "OK", "OK"]


def test_no_active_north_star_refuses_the_whole_save(desk):
    kpi(desk, "gmv", "north_star", active=False)
    kpi(desk, "retention", "strategic")
    desk.save("Metrics_Config")
    assert stored() == {}
    assert desk.status("Metrics_Config", 1).startswith("FAILED: no KPI would be an active north_star")


def test_a_stored_north_star_that_the_tab_does_not_show_counts_too(desk):
    north_star("gmv")
    kpi(desk, "revenue", "north_star")
    desk.save("Metrics_Config")
    assert stored() == {"gmv": "north_star"}
    assert "gmv (as stored) and revenue (row 2)" in desk.status("Metrics_Config")


def test_the_star_moves_from_one_kpi_to_another_in_one_save(desk):
    first, second = kpi(desk, "gmv", "north_star"), kpi(desk, "revenue", "strategic")
    desk.save("Metrics_Config")
    desk.type("Metrics_Config", first, kpi_level="strategic")
    desk.type("Metrics_Config", second, kpi_level="north_star")
    assert desk.save("Metrics_Config").status == "success"
    assert stored() == {"gmv": "strategic", "revenue": "north_star"}


def test_a_refused_save_goes_through_once_the_tab_is_mended(desk):
    kpi(desk, "gmv", "north_star")
    other = kpi(desk, "revenue", "north_star")
    desk.save("Metrics_Config")
    desk.type("Metrics_Config", other, is_active=False)
    assert desk.save("Metrics_Config").status == "success"
    assert [row["run_status"] for row in desk.rows("Metrics_Config")] == ["OK", "OK"]
    assert len(stored()) == 2


def test_deactivating_the_only_north_star_is_refused_and_the_stored_one_holds(desk):
    place = kpi(desk, "gmv", "north_star")
    desk.save("Metrics_Config")
    desk.type("Metrics_Config", place, is_active=False)
    desk.save("Metrics_Config")
    assert desk.status("Metrics_Config").startswith("FAILED: no KPI would be an active north_star")
    assert MetricConfig.objects.get().is_active


def test_a_level_that_does_not_exist_names_the_column_the_value_and_the_choices(desk):
    north_star("gmv")
    kpi(desk, "retention", "stratgic")
    desk.save("Metrics_Config")
    status = desk.status("Metrics_Config")
    assert status.startswith("FAILED: ")
    assert all(part in status for part in ("kpi_level", "stratgic", "strategic"))
    assert stored() == {"gmv": "north_star"}


def test_an_emptied_level_keeps_the_stored_one(desk):
    place = kpi(desk, "gmv", "north_star")
    desk.save("Metrics_Config")
    desk.type("Metrics_Config", place, kpi_level=None)
    desk.save("Metrics_Config")
    assert desk.status("Metrics_Config").startswith("FAILED: kpi_level is empty")
    assert stored() == {"gmv": "north_star"}


@pytest.mark.parametrize("key", ["value", "Effort", "overall"])
def test_a_kpi_is_not_named_like_what_formulas_assign(desk, key):
    north_star("gmv")
    kpi(desk, key, "strategic")
    desk.save("Metrics_Config")
    assert "is what a formula assigns for the math score" in desk.status("Metrics_Config")
    assert list(stored()) == ["gmv"]


@pytest.mark.parametrize("unit", ["GBP", "£", "percent", "%", "users", "days", "GBP per month", "orders/day", "", "ms"])
def test_units_that_are_understood_leave_the_row_ok(desk, unit):
    kpi(desk, "gmv", "north_star", unit=unit)
    desk.save("Metrics_Config")
    assert desk.status("Metrics_Config") == "OK"


def test_a_unit_that_is_not_understood_is_kept_and_told(desk):
    kpi(desk, "gmv", "north_star", unit="doubloons")
    assert desk.save("Metrics_Config").status == "success"
    assert desk.status("Metrics_Config").startswith('WARNING: unit: "doubloons" isn\'t understood')
    assert MetricConfig.objects.get().unit == "doubloons"


def test_twins_are_both_left_alone(desk):
    kpi(desk, "gmv", "north_star")
    kpi(desk, "GMV", "north_star")
    desk.save("Metrics_Config")
    assert all(row["run_status"].startswith("FAILED: row ") for row in desk.rows("Metrics_Config"))
    assert stored() == {}


def test_an_unchanged_tab_costs_one_read_and_no_write(desk):
    MetricConfigFactory(kpi_key="retention", unit="doubloons")
    kpi(desk, "gmv", "north_star")
    kpi(desk, "retention", "strategic", unit="doubloons")
    desk.save("Metrics_Config")
    before = (desk.book.reads, desk.book.writes)
    desk.save("Metrics_Config")
    assert (desk.book.reads, desk.book.writes) == (before[0] + 1, before[1])
