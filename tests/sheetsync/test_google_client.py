"""Who calls Google's Sheets API, and how often: keys, clocks, addresses, and the budget that all workers share."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import LazySettings
from django.db import connection
from google.auth.credentials import AnonymousCredentials
from hypothesis import given
from hypothesis import strategies as st

from sheetsync.connecting import canonical_location
from sheetsync.models import RequestBudget
from sheetsync.workbooks.google import GoogleWorkbook
from sheetsync.workbooks.google_address import spreadsheet_id
from sheetsync.workbooks.google_budget import WINDOW_S, Budget, BudgetSpent, reserve
from sheetsync.workbooks.google_client import GOOGLE, SheetsClient, open_client
from sheetsync.workbooks.interface import TabWrites, WorkbookUnavailable
from sheetsync.workbooks.kinds import open_location
from sheetsync.workbooks.xlsx import XlsxWorkbook
from tests.sheetsync.loopback import Loopback, running

ACCOUNT = "desk@planning.iam.example.com"
ID = "1AbC-dEf_" + "0" * 35


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*kind).decode()


@pytest.fixture
def key_file(loopback: Loopback, private_key: str, tmp_path: Path, settings: LazySettings) -> Path:
    """A service account's key, for the server on loopback; the settings name both."""
    path = tmp_path / "key.json"
    account = {"type": "service_account", "client_email": ACCOUNT, "private_key_id": "1", "private_key": private_key}
    path.write_text(json.dumps({**account, "token_uri": f"{loopback.server.url}/token"}))
    settings.GOOGLE_CREDENTIALS, settings.SHEETS_API_URL = str(path), loopback.server.url
    settings.SHEETS_REQUESTS_PER_MINUTE = 0
    return path


# ---- who calls ---------------------------------------------------------------------------------------------------------


def test_a_service_account_calls_with_a_token_of_the_spreadsheets_scope_alone(loopback, key_file, monkeypatch):
    asked: list[str] = []
    grant = loopback.service.accounts.grant
    monkeypatch.setattr(loopback.service.accounts, "grant", lambda text: asked.append(text) or grant(text))
    spreadsheet = loopback.spreadsheet({"T": [["key"]]})
    book = GoogleWorkbook(spreadsheet.spreadsheet_id)
    assert book.read().grids["T"].rows == [["key"]]
    assert (book.client.account, {request.caller for request, _answer in loopback.calls}) == (ACCOUNT, {ACCOUNT})
    body = asked[0].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert claims["scope"] == "https://www.googleapis.com/auth/spreadsheets"
    assert len(asked) == 1


def test_refusals_name_the_address_to_share_the_sheet_with(loopback, key_file):
    spreadsheet = loopback.spreadsheet({"T": [["key"]]})
    spreadsheet.strangers.add(ACCOUNT)
    with pytest.raises(
        WorkbookUnavailable, match=f"{ACCOUNT} may not open .*; share it with that address as an editor"
    ):
        GoogleWorkbook(spreadsheet.spreadsheet_id).read()


def test_a_revoked_key_and_a_wrong_clock_are_told_apart(loopback, key_file):
    book = GoogleWorkbook(loopback.spreadsheet({"T": []}).spreadsheet_id)
    accounts = loopback.service.accounts
    accounts.clock = lambda: 1.0
    with pytest.raises(WorkbookUnavailable, match="this machine's clock"):
        book.read()
    accounts.revoked.add(ACCOUNT)
    with pytest.raises(WorkbookUnavailable, match=f"the key of {ACCOUNT} .* revoked"):
        book.read()


def test_a_key_that_is_revoked_while_its_token_lives_is_refused_at_once(loopback, key_file):
    book = GoogleWorkbook(loopback.spreadsheet({"T": []}).spreadsheet_id)
    book.read()
    loopback.service.accounts.revoked.add(ACCOUNT)
    with pytest.raises(WorkbookUnavailable, match=f"the key of {ACCOUNT} .* revoked"):
        book.read()


@pytest.mark.parametrize(
    ("credentials", "url", "said"),
    [
        ("", "", r"need GOOGLE_CREDENTIALS, .* it isn't set"),
        ("", "http://127.0.0.1:1", r"need GOOGLE_CREDENTIALS"),
        ("anonymous", "", r"another Sheets API than Google's \(SHEETS_API_URL\)"),
        ("/nowhere/key.json", "", r"/nowhere/key.json, which can't be read: No such file"),
        ("/nowhere/key.json", "http://sheets.example.com", r"in the clear; it must begin with https"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(settings, credentials, url, said):
    settings.GOOGLE_CREDENTIALS, settings.SHEETS_API_URL = credentials, url
    with pytest.raises(WorkbookUnavailable, match=said):
        open_location(ID)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{not json", '{"type": "authorized_user"}'])
def test_a_file_that_is_no_key_is_named(settings, tmp_path, content):
    path = tmp_path / "key.json"
    path.write_text(content)
    settings.GOOGLE_CREDENTIALS = str(path)
    with pytest.raises(WorkbookUnavailable, match=r"key\.json, which isn't the JSON key file of a service account"):
        open_client()


def test_no_secret_of_the_key_file_is_ever_said(settings, tmp_path, private_key):
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"type": "service_account", "client_email": ACCOUNT, "private_key": private_key[:200]}))
    settings.GOOGLE_CREDENTIALS = str(path)
    with pytest.raises(WorkbookUnavailable) as told:
        open_client()
    assert private_key[40:80] not in str(told.value)


def test_without_another_address_google_is_called(settings):
    settings.GOOGLE_CREDENTIALS, settings.SHEETS_API_URL = "anonymous", "http://127.0.0.1:1/v4/"
    assert open_client()._base_url == "http://127.0.0.1:1"
    assert SheetsClient(AnonymousCredentials())._base_url == GOOGLE


# ---- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "location",
    [
        ID,
        f" {ID} ",
        f"https://docs.google.com/spreadsheets/d/{ID}",
        f"https://docs.google.com/spreadsheets/d/{ID}/edit#gid=0",
        f"https://docs.google.com/spreadsheets/u/1/d/{ID}/edit?usp=sharing",
        f"https://docs.google.com/file/d/{ID}/view",
        f"https://drive.google.com/open?id={ID}",
        f"http://127.0.0.1:8085/spreadsheets/d/{ID}/edit?tab=Backlog",
    ],
)
def test_every_address_of_a_spreadsheet_is_its_id(location):
    assert (spreadsheet_id(location), canonical_location(location)) == (ID, ID)


@pytest.mark.parametrize("location", ["backlog.xlsx", "./folder/backlog.xlsx", "backlog", "/srv/" + ID, ID + ".xlsx"])
def test_a_path_stays_a_path(location):
    assert spreadsheet_id(location) == ""
    assert isinstance(open_location(location), XlsxWorkbook)
    assert canonical_location(location).startswith("/")


def test_a_file_that_is_called_like_an_id_is_a_file(tmp_path, monkeypatch):
    (tmp_path / ID).touch()
    monkeypatch.chdir(tmp_path)
    assert spreadsheet_id(ID) == ""


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://example.com/backlog.xlsx", "isn't the address of a Google spreadsheet; copy the address"),
        ("https://docs.google.com/spreadsheets/d/short/edit", "isn't the address of a Google spreadsheet"),
        (f"https://docs.google.com/spreadsheets/d/e/2PACX-{ID}/pubhtml", "a published copy, which nobody can write to"),
    ],
)
def test_another_web_address_is_refused_in_words(location, said):
    with pytest.raises(WorkbookUnavailable, match=said):
        open_location(location)
    assert canonical_location(location) == location


# ---- the budget --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@given(st.lists(st.floats(0, 30), max_size=40), st.integers(1, 5))
def test_no_minute_ever_holds_more_than_the_budget_and_nobody_is_overtaken(pauses, per_minute):
    RequestBudget.objects.all().delete()
    now, turns = 1_700_000_000.0, []
    for pause in pauses:
        now += pause
        turns.append(reserve(ACCOUNT, "read", per_minute, now=now, until=now + 10_000))
        assert turns[-1] >= now
    assert turns == sorted(turns)
    for first, later in zip(turns, turns[per_minute:], strict=False):
        assert later - first >= WINDOW_S


@pytest.mark.django_db
def test_reads_writes_and_accounts_have_budgets_of_their_own():
    for account, kind in ((ACCOUNT, "read"), (ACCOUNT, "write"), ("other", "read")):
        assert reserve(account, kind, 1, now=100.0, until=100.0) == 100.0
    with pytest.raises(BudgetSpent) as spent:
        reserve(ACCOUNT, "read", 1, now=110.0, until=120.0)
    assert spent.value.wait_s == WINDOW_S - 10
    assert reserve(ACCOUNT, "read", 1, now=100.0 + WINDOW_S, until=200.0) == 100.0 + WINDOW_S


@pytest.mark.django_db
def test_an_action_waits_for_its_turn_or_is_told_how_long_that_would_take(loopback):
    waits: list[float] = []
    spreadsheet = loopback.spreadsheet({"T": []})
    book = loopback.open(spreadsheet, per_minute=2, patience_s=90, sleep=waits.append)
    book.read()
    book.read()
    assert len(waits) == 1
    assert WINDOW_S - 1 < waits[0] <= WINDOW_S
    assert book.write({"T": TabWrites(cells={(0, 0): "x"})}).written == {"T"}
    book.read()
    with pytest.raises(WorkbookUnavailable, match=r"used up what Google lets it ask in a minute.* in 1\d\d seconds"):
        book.read()
    assert RequestBudget.objects.get(account="anonymous", kind="read").taken[-1] > 0


@pytest.mark.django_db(transaction=True)
def test_workers_that_ask_at_once_share_one_budget():
    """Threads with connections of their own, as processes have."""
    turns: list[float] = []

    def worker() -> None:
        budget = Budget(account=ACCOUNT, per_minute=5, patience_s=1000, clock=lambda: 1000.0, sleep=turns.append)
        for _ in range(5):
            budget.take("write")
        connection.close()

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(turns) == [WINDOW_S * turn for turn in (1, 2, 3) for _ in range(5)]
