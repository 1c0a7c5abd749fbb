"""The page "Who owns what": fields by tabs, the owner in each cell, made from the declarations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify

from sheetsync.admin.extra_pages import render_page
from sheetsync.admin.tables import table
from sheetsync.checks import stored_field
from sheetsync.registry import registry
from sheetsync.tabs import Column, Owner, Tab

# What people see instead of the owner's short name.
WORDS = {
    Owner.ENTRY: "people type it here",
    Owner.OVERRIDE: "people may overwrite it here",
    Owner.MIRROR: "shown",
    Owner.COMPUTED: "worked out",
    Owner.SUGGESTION: "suggested",
    Owner.COPIED: "copied by a formula",
    Owner.SHEET_ONLY: "stays in the sheet",
    Owner.FEEDBACK: "told after each action",
}
_LEAD = (
    "Each row is a field, each column a tab. A field is typed in one tab at the most; where it may be overwritten, the sheet's word holds. "
    "Everything else is shown by the system and put right when somebody types over it."
)


@dataclass(kw_only=True)
class OwnedField:
    """A row of the matrix."""

    name: str
    owners: dict[str, Owner] = field(default_factory=dict)  # tab -> owner of its column
    saved_by: str = ""  # what writes the field where no tab enters it


def matrix() -> Mapping[str, list[OwnedField]]:
    """What is owned ("app_label.Model", or the tab for what isn't stored) -> its fields, in the order of the tabs."""
    found: dict[str, dict[str, OwnedField]] = defaultdict(dict)
    for tab in registry.tabs():
        for column in tab.columns:
            if column.owner is not Owner.FEEDBACK:
                group, name = _place(tab, column)
                found[group].setdefault(name, OwnedField(name=name)).owners[tab.name] = column.owner
    for model, policies in registry.policy_table.items():
        if model not in found:
            continue  # no tab shows any of it
        for name, policy in policies.items():
            owned = found[model].setdefault(name, OwnedField(name=name))
            owned.saved_by = ", ".join(policy.saved_by) or policy.why
    return {group: list(fields.values()) for group, fields in found.items()}


def _place(tab: Tab, column: Column) -> tuple[str, str]:
    if not column.path:
        return f"{tab.name}, not stored", column.name
    stored = stored_field(tab.model, column.path)
    return stored.model._meta.label, stored.name


def ownership(request: HttpRequest) -> HttpResponse:
    """The page."""
    groups = matrix()
    jumps = format_html_join("", '<a href="#{}">{}</a>', ((slugify(group), _title(group)) for group in groups))
    legend = format_html_join("", "<dt>{}</dt><dd>{}</dd>", ((owner.value, words) for owner, words in WORDS.items()))
    body = format_html(
        '<dl class="desk-legend">{}</dl><nav class="desk-jump" aria-label="What is owned">{}</nav>{}',
        legend,
        jumps,
        format_html_join("", "{}", ((_group(group, fields),) for group, fields in groups.items())),
    )
    return render_page(request, "Who owns what", body, subtitle=_LEAD)


def _group(group: str, fields: list[OwnedField]) -> SafeString:
    tabs = list(dict.fromkeys(tab for owned in fields for tab in owned.owners))
    rows = [
        (owned.name, *(owned.owners[tab].value if tab in owned.owners else "" for tab in tabs), owned.saved_by)
        for owned in fields
    ]
    headers = ("Field", *tabs, "Otherwise saved by")
    if not any(owned.saved_by for owned in fields):
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    return format_html(
        '<section class="desk-panel" id="{}"><h2 class="desk-panel-title">{}</h2>{}</section>',
        slugify(group),
        _title(group),
        table(headers, rows),
    )


def _title(group: str) -> str:
    return str(apps.get_model(group)._meta.verbose_name).capitalize() if "." in group and "," not in group else group
