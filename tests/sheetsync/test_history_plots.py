"""Pictures of what was: the syncs of a workbook, and the numbers of a record."""

from __future__ import annotations

import datetime

import pytest

from sheetsync.admin.history_plots import health_plot
from sheetsync.models import ActionRun
from tests.admin_pages import NOW, admin_client, change_url, edit, fill, initiative

REFUSED = [{"status": "FAILED"}, {"status": "WARNING"}]


def test_health_counts_changed_and_refused_rows_run_by_run() -> None:
    runs = [
        ActionRun(created_at=NOW, counts={"rows_changed": 3}, messages=REFUSED),
        ActionRun(created_at=NOW + datetime.timedelta(hours=1), counts={}, messages=[]),
    ]
    plot = health_plot(runs)
    assert plot.summary == "Of the last 2 runs on this workbook, 1 refused something; the last one refused 0."
    assert [[point.y for point in series.points] for series in plot.series] == [[3.0, 0.0], [1.0, 0.0]]


def test_one_run_is_no_plural() -> None:
    plot = health_plot([ActionRun(created_at=NOW, counts={}, messages=REFUSED)])
    assert plot.summary == "One run on this workbook; rows that it refused: 1."


@pytest.mark.django_db
def test_they_stand_on_the_pages_of_workbooks_and_initiatives() -> None:
    ada = admin_client()
    fill(1, 1)
    run = ActionRun.objects.get()
    assert "One run on this workbook" in ada.get(change_url(run.workbook)).content.decode()
    record = initiative(2)
    edit(ada, record, engineering_tokens="12")
    assert "From 10 to 12, 2 values; the last one since" in ada.get(change_url(record)).content.decode()
