"""Signs of life: which workers there are, and two addresses that tell a supervisor whether web and workers are well."""

from __future__ import annotations

import datetime
import os
import socket
import threading
from dataclasses import dataclass

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sheetsync.models import WorkerBeat

# The timetable makes every group of workers beat once a minute; a busy one beats with its runs.
SILENT_AFTER_S = 180.0

_works = threading.Event()  # set in the processes that are workers


@dataclass(frozen=True, kw_only=True)
class Workers:
    """What is known of the workers."""

    alive: tuple[str, ...]  # host/process id of each group that beat lately
    age_s: float | None  # seconds since the last beat of any; None when there never was one

    @property
    def are_well(self) -> bool:
        """Whether there is at least one."""
        return bool(self.alive)


def beat() -> None:
    """Notes that the group of workers, which this process is one of, is alive."""
    # The parent of a worker is the process that guards its group.
    name = f"{socket.gethostname()}/{os.getppid()}"[:200]
    WorkerBeat.objects.update_or_create(name=name, defaults={"seen_at": timezone.now()})


def this_is_a_worker() -> None:
    """Says that this process is a worker."""
    _works.set()


def beat_if_worker() -> None:
    """A worker that is busy with a run is alive, too."""
    if _works.is_set():
        beat()


def workers() -> Workers:
    """Every group of workers that beat lately."""
    now = timezone.now()
    seen = dict(WorkerBeat.objects.values_list("name", "seen_at"))
    recent = now - datetime.timedelta(seconds=SILENT_AFTER_S)
    return Workers(
        alive=tuple(sorted(name for name, when in seen.items() if when >= recent)),
        age_s=max(0.0, (now - max(seen.values())).total_seconds()) if seen else None,
    )


@never_cache
@require_safe
def web(request: HttpRequest) -> JsonResponse:
    """200 when pages can be served: the database answers. 503 otherwise."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return _broken("the database doesn't answer")
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def worker(request: HttpRequest) -> JsonResponse:
    """200 when a worker showed a sign of life lately; 503 otherwise, with the seconds since the last one."""
    try:
        found = workers()
    except DatabaseError:
        return _broken("the database doesn't answer")
    age_s = None if found.age_s is None else round(found.age_s)
    if not found.are_well:
        return _broken("no worker shows a sign of life", age_s=age_s)
    return JsonResponse({"status": "ok", "age_s": age_s, "workers": len(found.alive)})


def _broken(what: str, **more: object) -> JsonResponse:
    return JsonResponse({"status": "broken", "what": what, **more}, status=503)
