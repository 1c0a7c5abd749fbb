"""Where the admin's pages of runs, records and rows are."""

from __future__ import annotations

from functools import cache

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sheetsync.models import ActionRun
from sheetsync.registry import registry
from sheetsync.syncing.view import JOINT

LINK = "text-primary-700 underline dark:text-primary-400"
IN_ONE_PIECE = 30  # characters of a key or a run's id that isn't broken at its hyphens


def run_address(run: ActionRun) -> str:
    """The page of a run."""
    return reverse("admin:sheetsync_actionrun_change", args=(run.pk,))


def link(address: str, text: object) -> SafeString:
    """A link in running text."""
    said = str(text)
    shown = f"{LINK} desk-key" if " " not in said and len(said) <= IN_ONE_PIECE else LINK
    return format_html('<a class="{}" href="{}">{}</a>', shown, address, said)


def record_link(model: str, pk: int | None, text: object) -> SafeString | str:
    """A link to the page of a stored record ("app_label.Model"); its text alone where it has none."""
    try:
        address = reverse(f"admin:{model.lower().replace('.', '_')}_change", args=(pk,))
    except NoReverseMatch:
        return str(text)
    return link(address, text)


def row_link(tab: str, key: str) -> SafeString | str:
    """A link from a row of a sheet, known by its tab and key, to the records behind it; the key alone where there are none."""
    list_name = _list_names().get(tab.casefold())
    if not list_name or not key:
        return key
    searched = key.partition(JOINT.strip())[0].strip()
    return link(f"{reverse(list_name)}?q={searched}", key)


@cache
def _list_names() -> dict[str, str]:
    """Tab -> name of the address of its records' list."""
    named = {entry.tab.name.casefold(): entry.tab.model.lower().replace(".", "_") for entry in registry}
    return {tab: f"admin:{model}_changelist" for tab, model in named.items() if model}
