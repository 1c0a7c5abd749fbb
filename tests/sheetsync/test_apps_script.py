"""The spreadsheet's menu: its script, as it is pasted, runs under Node against the live endpoint."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import playwright
import pytest
from django.conf import settings

from config.management.commands.apps_script_menu import SCRIPT, with_menu
from sheetsync.models import ActionRun, Workbook
from sheetsync.runs.actions import ACTIONS
from sheetsync.runs.asked import allowed_actions
from sheetsync.syncing.headers import normalise
from sheetsync.tabs import Role
from sheetsync.web.secrets import make_secret
from sheetsync.web.signing import SignedRequest, signature_of

HOST = Path(__file__).with_name("apps_script_host.js")
NODE = shutil.which("node") or str(Path(playwright.__file__).parent / "driver" / "node")
SHEET = {
    "name": "Backlog",
    "values": [
        ["Everything that was handed in", "", ""],
        ["Title", "Initiative Key (id)", "market"],
        ["one", "INIT-000001", ""],
        ["two", "INIT-000002", ""],
        ["three", " INIT-000003 ", ""],
        ["", "", ""],
    ],
    "selected": [[4, 5], [4, 4], [6, 6]],
}


@dataclass
class Spreadsheet:
    """A spreadsheet with the script in it, and a person at it."""

    properties: dict[str, str] = field(default_factory=dict)
    sheet: dict[str, Any] = field(default_factory=lambda: dict(SHEET))
    prompt: str | None = ""  # what she types when she is asked; None: she cancels
    email: str = "ada@example.com"

    def do(self, *calls: Any) -> dict[str, Any]:
        """Calls functions of the script, each a name or (name, arguments...); returns what they returned, and what the person saw."""
        named = [[call] if isinstance(call, str) else list(call) for call in calls]
        given = {
            "script": str(SCRIPT),
            "properties": self.properties,
            "sheet": self.sheet,
            "prompt": self.prompt,
            "email": self.email,
            "calls": named,
        }
        done = subprocess.run([NODE, str(HOST)], input=json.dumps(given), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


# ---- the table -----------------------------------------------------------------------------------------------------


def test_the_menu_is_what_the_code_declares():
    text = SCRIPT.read_text(encoding="utf-8")
    assert with_menu(text) == text, "run `python manage.py apps_script_menu`"
    assert text.count('"action": "pm.undo_run"') == len(Role)


@pytest.mark.parametrize("role", list(Role))
def test_every_menu_item_calls_a_function_that_is_there(role):
    shown = Spreadsheet({"PORTFOLIO_ROLE": role}).do("onOpen")
    (menu,) = shown["menus"]
    labels = [label for label, _call in menu["items"]]
    assert labels[: len(allowed_actions(role))] == [action.label for action in allowed_actions(role)]
    calls = [call for _label, call in menu["items"] if isinstance(call, str)]
    calls += [call for _label, inner in menu["items"] if not isinstance(inner, str) for _name, call in inner]
    defined = re.findall(r"^function (\w+)\(", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(calls) <= set(defined)
    assert len(defined) == len(set(defined))


def test_before_it_is_set_up_the_menu_offers_that_alone():
    (menu,) = Spreadsheet().do("onOpen")["menus"]
    assert menu["items"] == [["Set up…", "showSetup"]]


def test_the_manifest_asks_for_this_spreadsheet_alone():
    manifest = json.loads((SCRIPT.parent / "appsscript.json").read_text(encoding="utf-8"))
    assert manifest["runtimeVersion"] == "V8"
    assert {scope.rpartition("/")[2] for scope in manifest["oauthScopes"]} == {
        "spreadsheets.currentonly",
        "script.container.ui",
        "script.external_request",
        "userinfo.email",
    }
    assert json.loads((SCRIPT.parent / ".clasp.json.example").read_text(encoding="utf-8"))["rootDir"] == "."


# ---- its parts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["", '{"action": "pm.save_selected"}', '{"args": {"scenario": "Größe → 5 %"}}'])
@pytest.mark.parametrize("secret", ["a secret", "s€cret"])
def test_it_signs_as_the_server_does(body, secret):
    method = "POST" if body else "GET"
    known = {"PORTFOLIO_WORKBOOK": "3", "PORTFOLIO_SECRET": secret}
    call = ("headers_", method, "/api/actions/", body, known, "1790000000", "0123456789abcdef")
    expected = SignedRequest(
        method=method, path="/api/actions/", timestamp="1790000000", nonce="0123456789abcdef", body=body.encode()
    )
    assert Spreadsheet().do(call)["results"] == [
        {
            "value": {
                "X-Workbook": "3",
                "X-Timestamp": "1790000000",
                "X-Nonce": "0123456789abcdef",
                "X-Signature": signature_of(expected, secret),
            }
        }
    ]


@pytest.mark.parametrize(
    "header", ["initiative_key", "Initiative Key (id)", " KPI-key ", "Schlüssel_2", "(only)", "ﬁeld", 7]
)
def test_it_compares_headers_as_the_engine_does(header):
    assert Spreadsheet().do(("normalise_", header))["results"] == [{"value": normalise(str(header))}]


def test_it_reads_the_short_form():
    text = 'scenario: Q2 base; weights = {"a": 1}\n confirm: yes;'
    result = Spreadsheet().do(("parseArguments_", text), ("parseArguments_", "nonsense"), ("parseArguments_", ""))
    good, bad, none = result["results"]
    assert good == {"value": {"scenario": "Q2 base", "weights": '{"a": 1}', "confirm": "yes"}}
    assert "nonsense" in bad["error"]
    assert none == {"value": {}}


@pytest.mark.parametrize(
    ("origin", "url", "path"),
    [
        ("https://desk.example.com", "https://desk.example.com/api/x/", "/api/x/"),
        ("https://example.com:8443/desk/ ", "https://example.com:8443/desk/api/x/", "/desk/api/x/"),
    ],
)
def test_the_signed_path_is_the_address_s_own(origin, url, path):
    assert Spreadsheet().do(("address_", origin, "/api/x/"))["results"] == [{"value": {"url": url, "path": path}}]


def test_a_page_cant_be_ended_by_what_stands_in_it():
    (result,) = Spreadsheet().do(("page_", '<script>var a = "VALUES";</script>', {"runId": "</script><b>$&"}))[
        "results"
    ]
    assert result["value"].count("</script>") == 1
    assert "$&" in result["value"]


# ---- against the live endpoint -------------------------------------------------------------------------------------


@pytest.fixture
def backlog(live_server) -> Spreadsheet:
    """A spreadsheet that is set up for a connected Backlog."""
    workbook = Workbook.objects.create(role="backlog", location="memory backlog", title="Backlog")
    return Spreadsheet(
        {
            "PORTFOLIO_URL": live_server.url,
            "PORTFOLIO_WORKBOOK": str(workbook.pk),
            "PORTFOLIO_ROLE": "backlog",
            "PORTFOLIO_SECRET": make_secret(workbook),
        }
    )


def test_a_menu_item_asks_for_its_action_and_follows_the_run(backlog):
    shown = backlog.do("pm_save_selected")
    run = ActionRun.objects.get()
    assert (run.action, run.came_from, run.requested_by) == ("pm.save_selected", "sheet", "ada@example.com")
    assert run.payload == {"tab": "Backlog"}
    assert shown["alerts"] == []
    assert shown["toasts"] == [f"pm.save_selected is queued as run {run.run_id}"]
    (sidebar,) = shown["sidebars"]
    assert run.run_id in sidebar["html"]
    assert backlog.properties["PORTFOLIO_SECRET"] not in json.dumps([shown["sidebars"], shown["requests"]])

    message = {"workbook": "", "tab": "Backlog", "row": 3, "key": "", "status": "FAILED", "text": "no"}
    ActionRun.objects.update(status="partial", counts={"rows_read": 5}, messages=[message])
    followed = backlog.do(("follow", run.run_id))
    value = followed["results"][0]["value"]
    assert (value["status"], value["ended"], value["counts"], value["messages"]) == (
        "partial",
        True,
        {"rows_read": 5},
        [message],
    )
    assert followed["toasts"] == ["pm.save_selected ended: partial"]


def test_for_the_selected_rows_their_keys_are_sent(backlog):
    backlog.do("pm_save_selected_rows")
    assert ActionRun.objects.get().payload == {"tab": "Backlog", "keys": ["INIT-000002", "INIT-000003"]}


@pytest.mark.parametrize(
    ("sheet", "words"),
    [({"selected": [[1, 2], [6, 9]]}, "No selected row has a key"), ({"name": "My notes"}, "no column of keys")],
)
def test_a_selection_without_keys_is_said_and_nothing_is_asked(backlog, sheet, words):
    backlog.sheet |= sheet
    shown = backlog.do("pm_save_selected_rows")
    assert words in shown["alerts"][0]
    assert shown["requests"] == []
    assert not ActionRun.objects.exists()


def test_what_an_action_takes_is_asked_for(backlog):
    backlog.prompt = "framework: RICE"
    shown = backlog.do("pm_switch_framework")
    assert "framework" in shown["prompts"][0]
    assert ActionRun.objects.get().payload == {"framework": "RICE"}


def test_a_person_who_cancels_has_asked_for_nothing(backlog):
    backlog.prompt = None
    shown = backlog.do("pm_undo_run")
    assert (shown["requests"], shown["alerts"]) == ([], [])


def test_what_the_server_refuses_is_shown_as_it_says_it(backlog):
    backlog.prompt = "frmework: RICE"
    shown = backlog.do("pm_switch_framework")
    assert "did you mean framework?" in shown["alerts"][0]
    backlog.properties["PORTFOLIO_SECRET"] = "wrong"
    assert "isn't signed" in backlog.do("pm_save_selected")["alerts"][0]
    assert not ActionRun.objects.exists()


def test_letters_of_any_language_arrive_as_they_are(backlog):
    backlog.email = "åda@example.com"
    backlog.do("pm_save_selected")
    assert ActionRun.objects.get().requested_by == "åda@example.com"


def test_a_server_that_cant_be_reached_is_said(backlog):
    backlog.properties["PORTFOLIO_URL"] = "http://127.0.0.1:1"
    assert "can't be reached" in backlog.do("pm_save_selected")["alerts"][0]


def test_an_answer_of_another_server_is_said(backlog, httpserver):
    httpserver.expect_request("/api/actions/").respond_with_data("<html>", status=200)
    backlog.properties["PORTFOLIO_URL"] = httpserver.url_for("").rstrip("/")
    assert "didn't answer as expected (200)" in backlog.do("pm_save_selected")["alerts"][0]


def test_setting_up_keeps_what_works_and_shows_the_menu(backlog):
    known, form = backlog.properties, {"role": "backlog"}
    form |= {
        "url": known["PORTFOLIO_URL"] + "/",
        "workbook": known["PORTFOLIO_WORKBOOK"],
        "secret": known["PORTFOLIO_SECRET"],
    }
    backlog.properties = {}
    shown = backlog.do(("saveSetup", form), "showSetup")
    assert shown["results"][0]["value"].startswith("It works.")
    assert shown["store"]["script"] == known
    assert len(shown["menus"][0]["items"]) > 2
    assert known["PORTFOLIO_SECRET"] not in shown["dialogs"][0]["html"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"secret": "wrong"}, "isn't signed"),
        ({"workbook": "4711"}, "isn't signed"),
        ({"url": "desk.example.com"}, "https://portfolio.example.com"),
        ({"url": "http://desk.example.com"}, "must begin with https://"),
        ({"role": ""}, "Choose what"),
    ],
)
def test_setting_up_says_what_doesnt_work(backlog, changed, words):
    known = backlog.properties
    form = {
        "url": known["PORTFOLIO_URL"],
        "workbook": known["PORTFOLIO_WORKBOOK"],
        "role": "backlog",
        "secret": known["PORTFOLIO_SECRET"],
    }
    assert words in backlog.do(("saveSetup", form | changed))["results"][0]["error"]


def test_without_a_set_up_nothing_is_sent():
    shown = Spreadsheet({"PORTFOLIO_ROLE": "backlog"}).do("pm_save_selected")
    assert "isn't set up yet" in shown["alerts"][0]
    assert shown["requests"] == []


def test_the_script_is_small_enough_to_paste_and_names_no_action_that_is_gone():
    text = SCRIPT.read_text(encoding="utf-8")
    assert len(text) < 100_000
    assert set(re.findall(r'"(pm\.[a-z_]+)"', text)) == set(ACTIONS)
    assert str(settings.BASE_DIR) not in text
