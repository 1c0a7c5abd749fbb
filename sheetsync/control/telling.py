"""Tells Control tabs how the runs ended that were asked for there. What can't be told now, the next poll tells."""

from __future__ import annotations

import logging

from sheetsync.context import ActionContext
from sheetsync.control.rows import latest, outcome_cells, read_control
from sheetsync.models import ControlTick, Workbook
from sheetsync.syncing.versions import move_versions_on
from sheetsync.syncing.writing import TabPlan, write_plan
from sheetsync.workbooks.interface import OpenWorkbook, WorkbookChanged, WorkbookUnavailable

logger = logging.getLogger(__name__)


def tell_control(context: ActionContext) -> None:
    """Writes last_status and last_run_at of the rows whose ticks the run carried out. Never raises for what a workbook has against it."""
    for workbook in Workbook.objects.filter(control_ticks__run=context.run).distinct():
        try:
            tell_outcomes(workbook, context.open_book(workbook))
        except (WorkbookUnavailable, WorkbookChanged) as later:
            logger.info("Control of %s isn't told of run %s yet: %s", workbook.pk, context.run.run_id, later)
        except Exception:
            logger.exception("Control of %s couldn't be told of run %s", workbook.pk, context.run.run_id)


def tell_outcomes(workbook: Workbook, book: OpenWorkbook) -> None:
    """Brings the rows of outstanding ticks up to date. Ticks are neither taken nor cleared. Raises WorkbookUnavailable, WorkbookChanged."""
    shown = read_control(book, workbook.role)
    if shown.view is None:
        return
    ticks = ControlTick.objects.filter(workbook=workbook).select_related("run")
    cells = [cell for tick in latest(ticks).values() for cell in outcome_cells(shown.view, tick)]
    if cells:
        outcome = write_plan(book, {shown.view.title: TabPlan(view=shown.view, cells=cells)})
        move_versions_on(workbook, outcome.planned_on, outcome.made)
