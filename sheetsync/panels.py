"""What the engine shows beside its lists: cards of the dashboard, pages of their own."""

from __future__ import annotations

from sheetsync.admin.dashboard import (
    Waiting,
    last_runs,
    list_address,
    open_conflicts,
    refused_rows,
    register_waiting,
    runs_by_day,
    stopped_tabs,
    what_waits,
    workbook_health,
)
from sheetsync.admin.extra_pages import ExtraPage, register_page
from sheetsync.admin.history_plots import sync_health
from sheetsync.admin.ownership import ownership
from sheetsync.admin.panels import Card, Panel, register_card, register_panel
from sheetsync.admin.reach import asked_from_the_sheet
from sheetsync.admin.sheet_rows import sheet_row
from sheetsync.admin.taking_back import take_back_value

register_waiting(
    Waiting(
        name="conflicts",
        one="conflict to settle",
        text="conflicts to settle",
        order=30,
        permission="sheetsync.change_conflict",
        count=open_conflicts,
        address=lambda: list_address("sheetsync_conflict", "?status__exact=open"),
    )
)
register_waiting(
    Waiting(
        name="refused rows",
        one="row that was refused",
        text="rows that were refused",
        order=40,
        permission="sheetsync.view_tabstate",
        count=refused_rows,
        address=lambda: list_address("sheetsync_tabstate"),
    )
)
register_waiting(
    Waiting(
        name="stopped tabs",
        one="tab that is stopped until somebody looks",
        text="tabs that are stopped until somebody looks",
        order=50,
        permission="sheetsync.view_tabstate",
        count=stopped_tabs,
        address=lambda: list_address("sheetsync_tabstate"),
    )
)

register_card(Card(name="waiting", title="Waiting for you", order=10, in_scope=True, render=what_waits))
register_card(
    Card(name="workbooks", title="Workbooks", order=40, permission="sheetsync.view_workbook", render=workbook_health)
)
register_card(Card(name="runs", title="Last runs", order=50, permission="sheetsync.view_actionrun", render=last_runs))
register_card(
    Card(
        name="runs-by-day",
        title="How runs ended",
        order=60,
        permission="sheetsync.view_actionrun",
        render=runs_by_day,
    )
)

register_page(
    ExtraPage(
        path="who-owns-what",
        name="ownership",
        title="Who owns what",
        section="Workbooks",
        icon="schema",
        in_scope=True,
        view=ownership,
    )
)
register_page(
    ExtraPage(
        path="take-back/<int:change>/<str:field>",
        name="take_back_value",
        title="Take a value back",
        section="",
        in_scope=True,
        view=take_back_value,
    )
)
register_page(
    ExtraPage(
        path="row/<int:workbook>/<str:tab>/<path:key>",
        name="sheet_row",
        title="A row in its sheet",
        section="",
        permission="sheetsync.view_workbook",
        view=sheet_row,
    )
)
register_panel(
    Panel(
        name="sync-health",
        title="Sync health",
        model="sheetsync.Workbook",
        order=10,
        permission="sheetsync.view_actionrun",
        render=sync_health,
    )
)
register_panel(
    Panel(
        name="control",
        title="Asked for in the sheet",
        model="sheetsync.Workbook",
        order=20,
        permission="sheetsync.view_workbook",
        render=asked_from_the_sheet,
    )
)
