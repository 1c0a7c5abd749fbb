"""The way in over the web: who is let in, what may be asked for, and how each refusal reads."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django_q.models import OrmQ

from sheetsync.models import ActionRun, CellChange, RequestNonce, Workbook, WorkbookSecret
from sheetsync.runs.actions import request
from sheetsync.web.letting_in import prune_nonces
from sheetsync.web.secrets import make_secret
from sheetsync.web.signing import SignedRequest, signature_of

pytestmark = pytest.mark.django_db
POST_TO = "/api/actions/"


class Caller:
    """A workbook's menu: signs and sends."""

    def __init__(self, workbook: Workbook, secret: str = "") -> None:
        self.workbook = workbook
        self.secret = secret or make_secret(workbook)
        self.client = Client(enforce_csrf_checks=True)

    def signed(self, method: str, path: str, body: bytes = b"", *, at: float = 0.0, nonce: str = "") -> SignedRequest:
        request = SignedRequest(
            method=method,
            path=path,
            timestamp=str(int(at or time.time())),
            nonce=nonce or secrets.token_hex(16),
            body=body,
        )
        return replace(request, signature=signature_of(request, self.secret))

    def send(self, signed: SignedRequest, *, name: str = "", content_type: str = "application/json", **headers: str):
        return self.client.generic(
            signed.method,
            signed.path,
            signed.body,
            content_type=content_type if signed.method == "POST" else "",
            headers={
                "X-Workbook": name or str(self.workbook.pk),
                "X-Timestamp": signed.timestamp,
                "X-Nonce": signed.nonce,
                "X-Signature": signed.signature,
                **headers,
            },
        )

    def post(self, asked: Any, **options: Any):
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        return self.send(self.signed("POST", POST_TO, body), **options)

    def get(self, run_id: str):
        return self.send(self.signed("GET", f"{POST_TO}{run_id}/"))


@pytest.fixture
def backlog() -> Caller:
    return Caller(Workbook.objects.create(role="backlog", location="/books/backlog.xlsx", title="Backlog"))


@pytest.fixture
def optimization() -> Caller:
    return Caller(Workbook.objects.create(role="optimization", location="/books/portfolio.xlsx", title="Portfolio ø"))


def refused(answer: Any, status: int, *words: str) -> None:
    """The answer refuses, in words, and nothing was stored."""
    assert answer.status_code == status, answer.content
    text = answer.json()["error"]
    assert [word for word in words if word not in text] == [], text
    assert not ActionRun.objects.filter(came_from="sheet").exists()
    assert not OrmQ.objects.exists()


# ---- asking and looking -------------------------------------------------------------------------------------------------


def test_a_signed_request_queues_a_run_for_the_workers(backlog):
    answer = backlog.post(
        {
            "action": "pm.save_selected",
            "tab": "backlog",
            "keys": ["INIT-000001", "init-000002"],
            "args": {"confirm": True},
            "requested_by": "ada@example.com",
        }
    )
    assert answer.status_code == 202
    run = ActionRun.objects.get()
    assert answer.json() == {"run_id": run.run_id, "status": "queued"}
    assert (run.workbook, run.requested_by, run.came_from) == (backlog.workbook, "ada@example.com", "sheet")
    assert run.payload == {"tab": "Backlog", "keys": ["INIT-000001", "init-000002"], "confirm": True}
    assert OrmQ.objects.get().task["args"] == (run.run_id,)


def test_arguments_have_the_names_of_the_options(optimization):
    args = {"scenario": "Q2 base", "constraint-set": "A", "capacity": "1,200", "weights": {"gmv": 2}, "explain": "5"}
    assert optimization.post({"action": "pm.optimize_run_all_candidates", "args": args}).status_code == 202
    assert ActionRun.objects.get().payload == {
        "scenario": "Q2 base",
        "constraint_set": "A",
        "capacity": 1200.0,
        "weights": {"gmv": 2.0},
        "explain": 5,
    }


@pytest.mark.parametrize("number", ["2.5", 0, "few"])
def test_how_many_are_explained_is_a_whole_number(optimization, number):
    answer = optimization.post({"action": "pm.optimize_run_all_candidates", "args": {"explain": number}})
    assert answer.status_code == 400
    assert "explain" in answer.json()["error"]


@pytest.mark.parametrize("name", ["{pk}", "/books/portfolio.xlsx", "Portfolio ø", "portfolio ø"])
def test_a_workbook_is_named_by_id_location_or_title(optimization, name):
    name = name.format(pk=optimization.workbook.pk).encode().decode("latin-1")
    assert optimization.post({"action": "pm.populate_candidates"}, name=name).status_code == 202


def test_the_same_request_joins_the_run_that_still_waits(backlog):
    first, second = (backlog.post({"action": "pm.save_selected"}).json() for _ in range(2))
    assert first == second
    assert ActionRun.objects.count() == OrmQ.objects.count() == 1


def test_a_run_tells_how_it_stands(backlog):
    run_id = backlog.post({"action": "pm.save_selected"}).json()["run_id"]
    message = {
        "workbook": "Backlog",
        "tab": "Backlog",
        "row": 7,
        "key": "INIT-000001",
        "status": "FAILED",
        "text": "no",
    }
    ActionRun.objects.update(status="partial", counts={"rows_read": 3}, messages=[message] * 120)
    answer = backlog.get(run_id)
    assert answer.status_code == 200
    assert answer["Cache-Control"].startswith("max-age=0")
    assert answer.json() == {
        "run_id": run_id,
        "action": "pm.save_selected",
        "status": "partial",
        "progress": "",
        "counts": {"rows_read": 3},
        "messages": [message] * 100,
        "messages_left_out": 20,
    }


def test_a_workbook_sees_its_own_runs_alone(backlog, optimization):
    others = request("pm.populate_candidates", workbook=optimization.workbook)
    nobodys = request("pm.backlog_sync")
    for run in (others, nobodys):
        refused(backlog.get(run.run_id), 404, "no such run")
    refused(backlog.get("no-such-run"), 404, "no such run")


# ---- who is let in ------------------------------------------------------------------------------------------------------


def test_a_forged_request_is_refused(backlog):
    signed = backlog.signed("POST", POST_TO, b'{"action": "pm.save_selected"}')
    for forged in (
        replace(signed, signature="0" * 64),
        replace(signed, body=b'{"action": "pm.undo_run", "args": {"run": "x"}}'),
        replace(signed, nonce="f" * 32),
        replace(signed, timestamp=str(int(signed.timestamp) + 1)),
        replace(signed, path="/api/actions/x/", method="GET", body=b""),
    ):
        refused(backlog.send(forged), 401, "isn't signed")
    assert not RequestNonce.objects.exists()


def test_an_unknown_workbook_and_a_wrong_signature_get_the_same_answer(backlog):
    forged = replace(backlog.signed("POST", POST_TO, b"{}"), signature="1" * 64)
    answers = [backlog.send(forged, name=name) for name in (str(backlog.workbook.pk), "4711", "Nowhere", " ")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}


def test_a_workbook_without_a_secret_is_let_in_by_nobodys(backlog):
    other = Workbook.objects.create(role="backlog", location="/books/other.xlsx")
    nobodys = "compared with for workbooks that have none, so that answers take as long"
    refused(Caller(other, nobodys).post({"action": "pm.save_selected"}), 401, "isn't signed")


def test_another_workbooks_secret_is_refused(backlog, optimization):
    stranger = Caller(backlog.workbook, optimization.secret)
    refused(stranger.post({"action": "pm.save_selected"}), 401, "isn't signed")


def test_two_workbooks_of_one_title_must_be_named_by_id(backlog):
    Workbook.objects.create(role="backlog", location="/books/twin.xlsx", title="backlog")
    refused(backlog.post({"action": "pm.save_selected"}, name="Backlog"), 401, "isn't signed")


def test_a_replayed_request_is_refused(backlog):
    signed = backlog.signed("POST", POST_TO, b'{"action": "pm.save_selected"}')
    assert backlog.send(signed).status_code == 202
    again = backlog.send(signed)
    assert (again.status_code, "X-Nonce" in again.json()["error"]) == (401, True)
    assert ActionRun.objects.count() == 1


def test_one_nonce_serves_each_workbook_once(backlog, optimization):
    for caller, action in ((backlog, "pm.save_selected"), (optimization, "pm.populate_candidates")):
        body = json.dumps({"action": action}).encode()
        assert caller.send(caller.signed("POST", POST_TO, body, nonce="a" * 32)).status_code == 202


@pytest.mark.parametrize("seconds", [-310, 310])
def test_a_late_or_early_request_is_refused(backlog, seconds):
    signed = backlog.signed("POST", POST_TO, b'{"action": "pm.save_selected"}', at=time.time() + seconds)
    refused(backlog.send(signed), 401, "X-Timestamp", "5 minutes")


@pytest.mark.parametrize("seconds", [-290, 290])
def test_a_clock_that_is_a_little_off_is_let_in(backlog, seconds):
    signed = backlog.signed("POST", POST_TO, b'{"action": "pm.save_selected"}', at=time.time() + seconds)
    assert backlog.send(signed).status_code == 202


@pytest.mark.parametrize("header", ["X-Timestamp", "X-Nonce", "X-Signature"])
@pytest.mark.parametrize("value", ["", "?", "\xff" * 40])
def test_a_malformed_header_is_named(backlog, header, value):
    refused(backlog.post({"action": "pm.save_selected"}, **{header: value}), 401, header)


def test_a_rotated_secret_opens_nothing_any_more(backlog):
    old = Caller(backlog.workbook, backlog.secret)
    new = Caller(backlog.workbook)
    refused(old.post({"action": "pm.save_selected"}), 401, "isn't signed")
    assert new.post({"action": "pm.save_selected"}).status_code == 202


def test_a_secret_outlives_a_change_of_the_projects_key(backlog, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert backlog.post({"action": "pm.save_selected"}).status_code == 202
    settings.SECRET_KEY_FALLBACKS = []
    assert backlog.post({"action": "pm.save_selected"}).status_code == 401


def test_a_workbook_that_was_put_out_of_use_is_refused(backlog):
    Workbook.objects.update(is_active=False)
    refused(backlog.post({"action": "pm.save_selected"}), 403, "isn't active")


def test_too_many_requests_a_minute_are_refused_for_that_workbook_alone(backlog, optimization, settings):
    settings.API_REQUESTS_PER_MINUTE = 3
    for _ in range(3):
        assert backlog.get("x").status_code == 404
    answer = backlog.get("x")
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert "3 requests" in answer.json()["error"]
    assert optimization.get("x").status_code == 404


def test_nonces_are_forgotten_once_nobody_could_use_them_again(backlog):
    backlog.get("x")
    now = time.time()
    with time_machine.travel(now + 14 * 60):
        assert prune_nonces() == 0
    with time_machine.travel(now + 16 * 60):
        assert prune_nonces() == 1
    assert not RequestNonce.objects.exists()


# ---- what may be asked for ----------------------------------------------------------------------------------------------


def test_an_action_of_another_role_is_refused_and_the_own_ones_are_named(backlog):
    refused(backlog.post({"action": "pm.populate_candidates"}), 403, "optimization", "backlog", "pm.save_selected")


def test_an_unknown_action_is_refused_with_the_nearest(backlog):
    refused(backlog.post({"action": "pm.save_selectd"}), 400, "did you mean pm.save_selected?")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, ("action", "missing")),
        ({"action": 7}, ("action",)),
        ({"action": "pm.save_selected", "key": "A"}, ("'key'", "keys")),
        ({"action": "pm.save_selected", "args": {"scenario": "A"}}, ('"scenario"', "tab, keys, confirm")),
        ({"action": "pm.save_selected", "args": {"confrim": True}}, ("did you mean confirm?",)),
        ({"action": "pm.save_selected", "args": ["confirm"]}, ("args",)),
        ({"action": "pm.save_selected", "args": {"confirm": "perhaps"}}, ("confirm", '"perhaps"')),
        ({"action": "pm.save_selected", "tab": "Bcklog"}, ("Bcklog", "did you mean Backlog?")),
        ({"action": "pm.save_selected", "keys": {"a": 1}}, ("keys",)),
        ({"action": "pm.save_selected", "keys": [1]}, ("keys",)),
        ({"action": "pm.save_selected", "keys": ["x" * 201]}, ("keys",)),
        ({"action": "pm.save_selected", "requested_by": "a\nb"}, ("requested_by",)),
        ([], ("JSON object",)),
        (b" ", ("valid JSON",)),
        (b"{", ("valid JSON",)),
        (b"\xff\xfe", ("valid JSON",)),
        (b'{"action": NaN}', ("valid JSON",)),
        (b"[" * 60_000, ("valid JSON",)),
    ],
)
def test_a_bad_body_is_refused_by_name(backlog, asked, words):
    refused(backlog.post(asked), 400, *words)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"capacity": "lots"}, ("capacity", '"lots"')),
        ({"capacity": -1}, ("capacity", "-1")),
        ({"capacity": True}, ("capacity",)),
        ({"weights": "a > b; c"}, ("weights",)),
        ({"weights": {"gmv": "x"}}, ("weights",)),
        ({"scenario": {"a": 1}}, ("scenario",)),
        ({"scenario": "x" * 201}, ("scenario",)),
        ({"scenario": "A", "Scenario name": "B"}, ("scenario", "twice")),
    ],
)
def test_a_bad_argument_is_refused_by_name(optimization, args, words):
    refused(optimization.post({"action": "pm.optimize_run_all_candidates", "args": args}), 400, *words)


def test_a_workbook_takes_back_its_own_runs_alone(backlog, optimization):
    own = ActionRun.objects.create(action="pm.backlog_sync", status="success", workbook=backlog.workbook)
    of_all = ActionRun.objects.create(action="pm.backlog_sync", status="success")
    for workbook in (backlog.workbook, optimization.workbook):
        CellChange.objects.create(run=of_all, workbook=workbook, tab="A", row_key="a")
    refused(backlog.post({"action": "pm.undo_run", "args": {"run": of_all.run_id}}), 403, of_all.run_id)
    assert backlog.post({"action": "pm.undo_run", "args": {"run": own.run_id}}).status_code == 202
    CellChange.objects.filter(workbook=optimization.workbook).delete()
    assert backlog.post({"action": "pm.undo_run", "args": {"run": of_all.run_id}}).status_code == 202


# ---- how it is asked ----------------------------------------------------------------------------------------------------


def test_a_body_that_is_too_large_is_refused_unread(backlog, settings):
    settings.API_MAX_BODY_BYTES = 100
    refused(backlog.post({"action": "pm.save_selected", "keys": ["x" * 100]}), 413, "100 bytes")
    assert not RequestNonce.objects.exists()


def test_a_body_that_isnt_json_is_refused(backlog):
    refused(backlog.post({"action": "pm.save_selected"}, content_type="text/plain"), 415, "application/json")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", POST_TO, "POST"),
        ("PUT", POST_TO, "POST"),
        ("POST", "/api/actions/x/", "GET"),
        ("DELETE", "/api/actions/x/", "GET"),
    ],
)
def test_another_method_is_refused(backlog, method, path, allowed):
    answer = backlog.send(backlog.signed(method, path))
    refused(answer, 405, allowed)
    assert answer["Allow"] == allowed


@pytest.mark.parametrize("path", ["/api/", "/api/actions", "/api/workbooks/", "/api/actions/x/y/"])
def test_other_addresses_say_which_there_are(backlog, path):
    refused(backlog.send(backlog.signed("POST", path, b"{}")), 404, "/api/actions/")


# ---- the secret ---------------------------------------------------------------------------------------------------------


def said(*words: str) -> str:
    out = StringIO()
    call_command("workbook_secret", *words, stdout=out)
    return out.getvalue()


def test_the_secret_is_printed_once_alone_on_the_last_line():
    workbook = Workbook.objects.create(role="backlog", location="/books/backlog.xlsx", title="Backlog")
    lines = said("Backlog").splitlines()
    assert Caller(workbook, lines[-1]).post({"action": "pm.save_selected"}).status_code == 202
    with pytest.raises(CommandError, match="--rotate"):
        said("Backlog")
    rotated = said(str(workbook.pk), "--rotate").splitlines()[-1]
    assert rotated != lines[-1]
    assert Caller(workbook, rotated).post({"action": "pm.save_selected"}).status_code == 202


def test_the_secret_is_stored_nowhere(backlog):
    stored = WorkbookSecret.objects.get()
    assert backlog.secret not in (stored.salt, str(stored))
    assert len(backlog.secret) >= 40


def test_a_secret_for_no_workbook_is_wrong_usage():
    with pytest.raises(CommandError) as refusal:
        said("Nowhere")
    assert refusal.value.returncode == 2
