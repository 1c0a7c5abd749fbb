"""Publishing: a person says which run is the plan of its scenario, and why. Earlier ones stay."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from optimization.models import OptimizationRun, Publication
from optimization.solving.objective import Refusal
from optimization.studies.past_runs import SOLVED
from sheetsync.admin.recording import AdminRun
from sheetsync.storage import NewRecord, Origin

PUBLISH = "admin.publish"  # as runs show it
PERMISSION = "optimization.add_publication"
LONGEST_COMMENT = 2000  # characters


def why_not_published(run: OptimizationRun, comment: str) -> str:
    """Why a run can't be published with this comment; "" when it can."""
    if run.status not in SOLVED:
        return f"Run {run.run_id} is {run.status}: only a run that found a portfolio can be published."
    if len(comment) > LONGEST_COMMENT:
        return f"The comment has {len(comment):,} characters; at most {LONGEST_COMMENT:,} are kept."
    now = current(run.scenario_name)
    if now is not None and now.run_id == run.pk and now.comment == comment:
        return f"Run {run.run_id} is what is published of {run.scenario_name} already, with this comment."
    return ""


def publish(run: OptimizationRun, user: AbstractBaseUser, comment: str) -> Publication | Refusal:
    """Marks a run as its scenario's plan; recorded like any change, so that it shows in the history and can be undone."""
    comment = comment.strip()
    refused = why_not_published(run, comment)
    if refused:
        return Refusal(text=refused)
    fields = {
        "run": run,
        "scenario_name": run.scenario_name,
        "comment": comment,
        "published_by": user.get_username(),
        "published_at": timezone.now(),
    }
    with AdminRun(PUBLISH, user, comment[:100]).recorded() as storage:
        origin = Origin(run.workbook, "Runs", None, run.run_id)
        (pk,) = storage.create(Publication, [NewRecord(fields=fields, origin=origin)])
    return Publication.objects.get(pk=pk)


def current(scenario_name: str) -> Publication | None:
    """What is published of a scenario; None for nothing yet."""
    return Publication.objects.filter(scenario_name=scenario_name).select_related("run").first()


def all_current() -> Iterable[Publication]:
    """What is published of each scenario, by the scenario's name."""
    found: dict[str, Publication] = {}
    for publication in Publication.objects.select_related("run__portfolio").order_by("-published_at", "-pk"):
        found.setdefault(publication.scenario_name, publication)
    return [found[name] for name in sorted(found)]
