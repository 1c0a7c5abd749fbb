"""A workbook's page tells how its Control tab stands, and of a spreadsheet how much of Google's quota is in use."""

from __future__ import annotations

import time

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sheetsync.models import ActionRun, ControlState, ControlTick, RequestBudget, Workbook
from tests.factories import WorkbookFactory

pytestmark = pytest.mark.django_db


def page(client: Client, workbook: Workbook) -> str:
    text = client.get(reverse("admin:sheetsync_workbook_change", args=[workbook.pk])).content.decode()
    return " ".join(text.split())


def test_a_spreadsheets_page_tells_of_its_control_tab_and_of_the_quota(admin_client, settings):
    settings.SHEETS_REQUESTS_PER_MINUTE, settings.SHEETS_POLLS_PER_MINUTE = 60, 30
    workbook = WorkbookFactory(role="backlog", location="x" * 44)
    ControlState.objects.create(workbook=workbook, polled_at=timezone.now(), message="two rows ask for pm.backlog_sync")
    run = ActionRun.objects.create(action="pm.save_selected", status=ActionRun.Status.RUNNING, workbook=workbook)
    ControlTick.objects.create(workbook=workbook, row_key="pm.save_selected", run=run, place=0)
    now = time.time()
    RequestBudget.objects.create(account="desk@example.com", kind="read", taken=[now - 300, now - 20, now - 1])
    shown = page(admin_client, workbook)
    assert "Asked for in the sheet" in shown
    assert "two rows ask for pm.backlog_sync" in shown
    assert reverse("admin:sheetsync_actionrun_change", args=[run.pk]) in shown
    assert "Reads of desk@example.com in the last minute" in shown
    assert "2 of 60" in shown
    assert "1 of 60" in shown  # what one Control tab costs at rest


def test_a_files_page_tells_nothing_of_a_quota(admin_client):
    workbook = WorkbookFactory(role="backlog", location="/plans/one.xlsx")
    assert "Asked for in the sheet" not in page(admin_client, workbook)
    ControlState.objects.create(workbook=workbook, polled_at=timezone.now())
    shown = page(admin_client, workbook)
    assert "Asked for in the sheet" in shown
    assert "Reads" not in shown
