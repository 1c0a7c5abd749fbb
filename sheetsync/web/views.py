"""The way in over the web: workbooks ask for actions, and ask what became of them. JSON in, JSON out, every request signed."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from sheetsync.models import ActionRun, Workbook
from sheetsync.runs.actions import WrongUsage
from sheetsync.runs.asked import NotAllowed, read_request
from sheetsync.runs.tasks import submit
from sheetsync.web.letting_in import RATE_WINDOW_S, Rejection, let_in

CAME_FROM = "sheet"
MOST_MESSAGES = 100  # in one answer; the run's page has them all
_FIELDS = ("action", "tab", "keys", "args", "requested_by")


@csrf_exempt  # a signature proves more than a cookie, and there is none
@never_cache
def actions(request: HttpRequest) -> JsonResponse:
    """POST: stores the run that is asked for and hands it to the workers. 202 with {"run_id", "status"}, or {"error"}."""
    if request.method != "POST":
        return _wrong_method("POST")
    body = _body(request)
    if isinstance(body, Rejection):
        return _rejected(body)
    workbook = let_in(request, body)
    if isinstance(workbook, Rejection):
        return _rejected(workbook)
    try:
        run = _ask(workbook, _read(body))
    except NotAllowed as refusal:
        return _error(403, str(refusal))
    except WrongUsage as refusal:
        return _error(400, str(refusal))
    return JsonResponse({"run_id": run.run_id, "status": run.status}, status=202)


@csrf_exempt
@never_cache
def action_run(request: HttpRequest, run_id: str) -> JsonResponse:
    """GET: how a run of this workbook stands. {"run_id", "action", "status", "progress", "counts", "messages"}, or {"error"}."""
    if request.method != "GET":
        return _wrong_method("GET")
    body = _body(request, json_only=False)
    workbook = body if isinstance(body, Rejection) else let_in(request, body)
    if isinstance(workbook, Rejection):
        return _rejected(workbook)
    run = ActionRun.objects.filter(run_id=run_id, workbook=workbook).first()
    if run is None:
        return _error(404, "this workbook has no such run")
    return JsonResponse(
        {
            "run_id": run.run_id,
            "action": run.action,
            "status": run.status,
            "progress": run.progress,
            "counts": run.counts,
            "messages": run.messages[:MOST_MESSAGES],
            "messages_left_out": max(0, len(run.messages) - MOST_MESSAGES),
        }
    )


@csrf_exempt
def not_found(request: HttpRequest, path: str = "") -> JsonResponse:
    """Any other address below /api/."""
    return _error(
        404, "there is nothing here; POST /api/actions/ asks for an action, GET /api/actions/<run_id>/ asks for its run"
    )


# ---- what is asked -------------------------------------------------------------------------------------------------


def _body(request: HttpRequest, *, json_only: bool = True) -> bytes | Rejection:
    """The body, if it is small, and JSON where it must be."""
    most = settings.API_MAX_BODY_BYTES
    too_big = Rejection(
        status=413, text=f"the body is larger than {most:,} bytes; name fewer keys, or none for all rows"
    )
    if json_only and request.content_type != "application/json":
        return Rejection(status=415, text="the body must be JSON: send it with Content-Type: application/json")
    length = request.headers.get("Content-Length", "") or "0"
    if not length.isdecimal() or int(length) > most:
        return too_big
    # No more than that is ever read, whatever the header says.
    body: bytes = request.read(most + 1)
    return too_big if len(body) > most else body


def _read(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise WrongUsage("the body isn't valid JSON in UTF-8") from None
    if not isinstance(asked, dict):
        raise WrongUsage('the body must be a JSON object, as {"action": "pm.save_selected"}')
    unknown = sorted(set(asked) - set(_FIELDS))
    if unknown:
        raise WrongUsage(f"the body holds {', '.join(map(repr, unknown))[:200]}; it may hold {', '.join(_FIELDS)}")
    return asked


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _ask(workbook: Workbook, asked: dict[str, Any]) -> ActionRun:
    """Hands it to the workers. Raises WrongUsage, NotAllowed."""
    name, args, who = asked.get("action"), asked.get("args") or {}, asked.get("requested_by") or ""
    if not isinstance(name, str) or not name:
        raise WrongUsage('action: it is missing; name one, as "pm.save_selected"')
    if not isinstance(args, dict):
        raise WrongUsage('args: they must be a JSON object of names and values, as {"scenario": "Q2 base"}')
    if not isinstance(who, str) or len(who) > 200 or not (who.isprintable()):
        raise WrongUsage("requested_by: it must be a text of at most 200 characters")
    given = [(field, asked[field]) for field in ("tab", "keys") if asked.get(field)]
    action, arguments = read_request(workbook, name, [*given, *args.items()])
    return submit(action.name, workbook=workbook, arguments=arguments, requested_by=who, came_from=CAME_FROM)


# ---- what is answered ----------------------------------------------------------------------------------------------


def _error(status: int, text: str) -> JsonResponse:
    return JsonResponse({"error": text}, status=status)


def _rejected(rejection: Rejection) -> JsonResponse:
    answer = _error(rejection.status, rejection.text)
    if rejection.status == 429:
        answer["Retry-After"] = str(RATE_WINDOW_S)
    return answer


def _wrong_method(allowed: str) -> JsonResponse:
    answer = _error(405, f"this address takes {allowed} alone")
    answer["Allow"] = allowed
    return answer
