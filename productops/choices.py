"""What people may choose when they start an action that is about scoring."""

from __future__ import annotations

from backlog.models import ScoringFramework
from productops.models import ModelTemplate
from sheetsync.admin.choices import Choices, offer_choices


def _templates() -> Choices:
    for template in ModelTemplate.objects.filter(is_active=True):
        yield template.template_name, f"{template.template_name}: {template.description}"


offer_choices("template", _templates)
offer_choices("framework", lambda: [(value, value) for value in ScoringFramework.values])
