"""Service accounts: whom a signed request for a token belongs to, and whom a token."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sheetsync.sheets_server.sheet import ANONYMOUS

_TOLERANCE_S = 600.0
LIFETIME_S = 3600


@dataclass(kw_only=True)
class Accounts:
    """Who may call. Signatures aren't verified: whatever says it is an account is one."""

    clock: Callable[[], float]  # seconds since 1970
    revoked: set[str] = field(default_factory=set)  # accounts whose keys are no longer good
    anonymous_may_call: bool = True
    _tokens: dict[str, str] = field(default_factory=dict)  # token -> account

    def grant(self, assertion: str) -> tuple[int, Mapping[str, Any]]:
        """(HTTP status, answer) to a service account that asks for a token."""
        try:
            body = assertion.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (IndexError, ValueError):
            return 400, _refusal("Invalid JWT.")
        if claims["iss"] in self.revoked:
            return 400, _refusal("Invalid JWT Signature.")
        if abs(claims["iat"] - self.clock()) > _TOLERANCE_S:
            return 400, _refusal(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                "Check your iat and exp values in the JWT claim."
            )
        token = secrets.token_urlsafe(24)
        self._tokens[token] = claims["iss"]
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME_S}

    def caller(self, authorization: str) -> str:
        """The account of a request; "" for one that can't be told."""
        scheme, _, token = authorization.partition(" ")
        if not authorization:
            return ANONYMOUS if self.anonymous_may_call else ""
        account = self._tokens.get(token, "") if scheme == "Bearer" else ""
        return "" if account in self.revoked else account


def _refusal(text: str) -> dict[str, str]:
    return {"error": "invalid_grant", "error_description": text}
