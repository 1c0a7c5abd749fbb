"""The client of the Sheets API: gspread's, with a time-out, a budget, patience, and refusals that people understand."""

from __future__ import annotations

import json as json_module
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from django.conf import settings
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError, TransportError
from google.oauth2 import service_account
from gspread.http_client import HTTPClient
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from sheetsync.workbooks.google_address import HOW
from sheetsync.workbooks.google_budget import Budget, BudgetSpent
from sheetsync.workbooks.interface import WorkbookUnavailable

GOOGLE = "https://sheets.googleapis.com"
SCOPES = ("https://www.googleapis.com/auth/spreadsheets",)
ANONYMOUS = "anonymous"
TIMEOUT_S = (3.0, 30.0)  # to connect, and between two pieces of an answer
# Back-off: each wait is drawn from 0 to a bound that doubles up to this; all of them together stay below the patience.
LONGEST_WAIT_S = 32.0
PATIENCE_S = 120.0
_AGAIN_LATER = frozenset({500, 502, 503, 504})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class RequestRefused(Exception):
    """The API refuses a request for what it asks (400). The text is Google's; nothing was done."""


class OutcomeUnknown(Exception):
    """A write was sent, and no answer says whether it has landed, or will."""


class _Again(Exception):
    """Nothing was done, and a later attempt may do it. The text says what was the matter."""


class SheetsClient(HTTPClient):
    """Calls one Sheets API as one service account. Counts the requests that were sent.

    Reads are repeated for as long as patience lasts. A write is repeated only when it certainly wasn't carried out; else the outcome is
    unknown, and whoever asked must look before asking again.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str = "",
        per_minute: int = 0,
        patience_s: float = PATIENCE_S,
        timeout_s: tuple[float, float] = TIMEOUT_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`per_minute`: reads, and writes, that the account may send; 0 for no limit."""
        super().__init__(credentials)
        self.set_timeout(timeout_s)
        self.account = str(getattr(credentials, "service_account_email", ANONYMOUS))
        self.reads = 0
        self.writes = 0
        self._base_url = base_url.rstrip("/").removesuffix("/v4") or GOOGLE
        self._patience_s = patience_s
        self._sleep = sleep
        self._budget = Budget(account=self.account, per_minute=per_minute, patience_s=patience_s, sleep=sleep)

    def request(
        self,
        method: str,
        endpoint: str,
        params: Any = None,
        data: bytes | None = None,
        json: Mapping[str, Any] | None = None,
        files: Any = None,
        headers: Any = None,
    ) -> requests.Response:
        """One call of the API. Raises RequestRefused, OutcomeUnknown (writes), WorkbookUnavailable."""
        address = self._base_url + endpoint.removeprefix(GOOGLE)
        body = orjson.dumps(json) if json is not None else data
        sent = {"Content-Type": "application/json", **(headers or {})} if json is not None else headers
        is_read = method.lower() == "get"
        patience = Retrying(
            retry=retry_if_exception_type(_Again),
            wait=wait_random_exponential(multiplier=1, max=LONGEST_WAIT_S),
            stop=lambda state: _spent_s(state) + state.upcoming_sleep >= self._patience_s,
            sleep=self._sleep,
            retry_error_callback=_give_up,
        )
        answer: requests.Response = patience(
            self._send, method, address, {"prettyPrint": "false", **(params or {})}, body, sent, is_read
        )
        return answer

    def _send(
        self, method: str, address: str, params: Mapping[str, Any], body: bytes | None, headers: Any, is_read: bool
    ) -> requests.Response:
        self._wait_for_turn(is_read)
        try:
            answer: requests.Response = self.session.request(
                method, address, params=params, data=body, headers=headers, timeout=self.timeout
            )
        except RefreshError as error:
            if error.retryable:
                raise _Again("Google's sign-in is out of order") from error
            raise WorkbookUnavailable(_key_problem(error, self.account)) from error
        except (requests.ConnectTimeout, TransportError) as error:
            raise _Again("Google can't be reached") from error
        except requests.ConnectionError as error:
            if is_read or _was_never_sent(error):
                raise _Again("Google can't be reached") from error
            raise OutcomeUnknown("the connection broke") from error
        except requests.RequestException as error:
            if is_read:
                raise _Again("Google doesn't answer in time") from error
            raise OutcomeUnknown("Google didn't answer in time") from error
        if answer.ok:
            return answer
        raise self._refusal(answer, is_read)

    def _wait_for_turn(self, is_read: bool) -> None:
        try:
            self._budget.take("read" if is_read else "write")
        except BudgetSpent as spent:
            raise WorkbookUnavailable(
                f"The service account {self.account} has used up what Google lets it ask in a minute, and others wait before "
                f"this action; try again in {spent.wait_s:.0f} seconds."
            ) from spent
        if is_read:
            self.reads += 1
        else:
            self.writes += 1

    def _refusal(self, answer: requests.Response, is_read: bool) -> Exception:
        """What a status other than 200 means for the caller."""
        code, text, status = answer.status_code, *_said(answer)
        if code == HTTPStatus.TOO_MANY_REQUESTS or status == "RESOURCE_EXHAUSTED":
            return _Again("Google asks for fewer requests a minute")
        if code in _AGAIN_LATER:
            return _Again(f"Google is out of order ({code})") if is_read else OutcomeUnknown(f"Google answered {code}")
        if code == HTTPStatus.BAD_REQUEST:
            return RequestRefused(text)
        return WorkbookUnavailable(self._sentence(code, text, answer.url, is_read))

    def _sentence(self, code: int, text: str, address: str, is_read: bool) -> str:
        spreadsheet = urlsplit(address).path.partition("/spreadsheets/")[2].partition("/")[0].partition(":")[0]
        if code == HTTPStatus.NOT_FOUND:
            return f"There is no Google spreadsheet with the id {spreadsheet}; {HOW}."
        if code == HTTPStatus.UNAUTHORIZED:
            return f"Google doesn't accept the key of {self.account} (GOOGLE_CREDENTIALS): it was revoked or has expired; make a new key."
        if code == HTTPStatus.FORBIDDEN and "does not have permission" not in text:
            return f"Google refuses {self.account}: {text}"
        if code == HTTPStatus.FORBIDDEN and is_read:
            return f"{self.account} may not open the Google spreadsheet {spreadsheet}; share it with that address as an editor."
        if code == HTTPStatus.FORBIDDEN:
            return f"{self.account} may read the Google spreadsheet {spreadsheet} but not change it; make that address an editor."
        return f"Google refuses the request ({code}): {text}"


def _spent_s(state: RetryCallState) -> float:
    """Seconds since the first attempt."""
    return max(state.seconds_since_start or 0.0, state.idle_for)


def _give_up(state: RetryCallState) -> Any:
    assert state.outcome is not None
    matter = state.outcome.exception()
    raise WorkbookUnavailable(
        f"{matter}, and {state.attempt_number} attempts in {_spent_s(state):.0f} seconds didn't help; nothing was "
        "changed. Try again later."
    ) from matter


def _was_never_sent(error: requests.ConnectionError) -> bool:
    """Whether no connection came about."""
    return "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)


def _said(answer: requests.Response) -> tuple[str, str]:
    """(message, status) of an answer that says no."""
    try:
        error = answer.json()["error"]
        return str(error["message"]), str(error.get("status", ""))
    except (ValueError, KeyError, TypeError):
        return answer.reason or "no reason given", ""


def _key_problem(error: RefreshError, account: str) -> str:
    text = str(error)
    if "reasonable timeframe" in text:
        return "Google doesn't accept this machine's clock; set it right (network time), then try again."
    return (
        f"Google doesn't accept the key of {account} (GOOGLE_CREDENTIALS): it was revoked, deleted or belongs to nobody; make a "
        f"new key. Google says: {error.args[0] if error.args else text}"
    )


def open_client() -> SheetsClient:
    """As the settings say: GOOGLE_CREDENTIALS, SHEETS_API_URL, SHEETS_REQUESTS_PER_MINUTE. Raises WorkbookUnavailable."""
    base_url = settings.SHEETS_API_URL
    per_minute = settings.SHEETS_REQUESTS_PER_MINUTE
    return SheetsClient(_credentials(settings.GOOGLE_CREDENTIALS, base_url), base_url=base_url, per_minute=per_minute)


def _credentials(path: str, base_url: str) -> Credentials:
    if path == ANONYMOUS:
        if not base_url:
            raise WorkbookUnavailable(
                "GOOGLE_CREDENTIALS=anonymous is for another Sheets API than Google's (SHEETS_API_URL); name a service account's key file."
            )
        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    if not path:
        raise WorkbookUnavailable(
            "Google spreadsheets need GOOGLE_CREDENTIALS, the path of a service account's key file; it isn't set. "
            "Workbooks in .xlsx files work without it."
        )
    address = urlsplit(base_url)
    if base_url and address.scheme != "https" and address.hostname not in _LOOPBACK:
        raise WorkbookUnavailable(
            f"SHEETS_API_URL={base_url} would send the account's token in the clear; it must begin with https."
        )
    return _from_file(path)


def _from_file(path: str) -> Credentials:
    try:
        info = json_module.loads(Path(path).expanduser().read_text(encoding="utf-8"))
        found: Credentials = service_account.Credentials.from_service_account_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
        return found
    except OSError as error:
        raise WorkbookUnavailable(f"GOOGLE_CREDENTIALS names {path}, which can't be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, DefaultCredentialsError, GoogleAuthError) as error:
        raise WorkbookUnavailable(
            f"GOOGLE_CREDENTIALS names {path}, which isn't the JSON key file of a service account; download one for the account."
        ) from error
