"""Pictures of what was: the syncs of a workbook, and a number over time."""

from __future__ import annotations

import datetime

import pytest

from sheetsync.admin.history_plots import health_plot, value_plot
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


def test_a_number_is_a_step_for_each_change_and_no_plot_without_one() -> None:
    days = [NOW + datetime.timedelta(days=number) for number in range(4)]
    plot = value_plot("Score", list(zip(days, [1.0, 1.0, None, 2.5], strict=True)))
    assert plot is not None
    assert plot.summary == "Score changed 1 times: from 1 to 2.5."
    assert [point.y for point in plot.series[0].points] == [1.0, 2.5]
    assert value_plot("Score", [(NOW, 1.0), (days[1], 1.0)]) is None


@pytest.mark.django_db
def test_they_stand_on_the_pages_of_workbooks_and_initiatives() -> None:
    ada = admin_client()
    fill(1, 1)
    run = ActionRun.objects.get()
    assert "Of the last 1 runs on this workbook" in ada.get(change_url(run.workbook)).content.decode()
    record = initiative(2)
    edit(ada, record, engineering_tokens="12")
    assert "Tokens changed 1 times: from 10 to 12." in ada.get(change_url(record)).content.decode()
