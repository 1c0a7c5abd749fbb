"""What every stored record's page can tell beside its form; apps ask for it in their `panels.py`."""

from __future__ import annotations

from sheetsync.admin.panels import Panel, register_panel
from sheetsync.admin.record_panels import conflicts, history, in_sheets, where_from
from sheetsync.admin.value_history import moved_numbers

_PANELS = (
    ("in-sheets", "In the sheets", in_sheets),
    ("conflicts", "Conflicts", conflicts),
    ("where-from", "Where each value came from", where_from),
    ("moved-numbers", "How its numbers moved", moved_numbers),
    ("history", "History", history),
)


def register_record_panels(model: str, *, order: int = 100) -> None:
    """Gives the records of a model ("app_label.Model") these panels, from `order` on."""
    for place, (name, title, render) in enumerate(_PANELS):
        register_panel(Panel(name=name, title=title, model=model, order=order + place, render=render))
