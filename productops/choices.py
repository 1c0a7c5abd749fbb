"""What people may choose when they start an action that is about scoring."""

from __future__ import annotations

from backlog.models import ScoringFramework
from sheetsync.admin.choices import offer_choices

offer_choices("framework", lambda: [(value, value) for value in ScoringFramework.values])
