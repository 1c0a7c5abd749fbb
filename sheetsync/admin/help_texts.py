"""What stands under the fields of forms: what a field is, and where it is entered."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import models

from sheetsync.admin.edits import entered_fields
from sheetsync.registry import FieldPolicy, registry
from sheetsync.tabs import Owner


def help_texts(model: type[models.Model], admin_fields: Sequence[str] = ()) -> dict[str, str]:
    """Field -> a line that says what it is and where it is entered, or what writes it."""
    policies = registry.policy_table.get(model._meta.label, {})
    texts = {name: _policy_text(policy) for name, policy in policies.items() if name not in admin_fields}
    for name, entered in entered_fields(model).items():
        if entered.identifies:
            where = f"Part of what finds the row in {entered.tab.name}, so it isn't changed here."
        elif entered.column.owner is Owner.OVERRIDE:
            where = f"Comes from intake; {entered.tab.name} may override it."
        else:
            where = f"Entered in the tab {entered.tab.name} of the {entered.tab.role} workbook."
        texts[name] = f"{entered.column.help} {where}"
    return texts


def _policy_text(policy: FieldPolicy) -> str:
    saved = f" Saved by {', '.join(policy.saved_by)}." if policy.saved_by else ""
    return f"{policy.why[:1].upper()}{policy.why[1:]}.{saved}"
