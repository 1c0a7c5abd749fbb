"""Signed requests: the signature, and what a request must bring. Pure: no database, no clock, no settings."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

TIME_WINDOW_S = 300  # a request's time may be off by so much
NONCE_KEPT_S = 3 * TIME_WINDOW_S  # a nonce is remembered for longer than any request that carries it could be let in
_NONCE = re.compile(r"[A-Za-z0-9._~+/=-]{8,64}")
_TIME = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, kw_only=True)
class SignedRequest:
    """What is signed of a request, and the signature it came with."""

    method: str  # GET or POST
    path: str  # without host and query
    timestamp: str  # unix seconds, as the header says
    nonce: str
    body: bytes
    signature: str = ""  # hex, as the header says


def signature_of(request: SignedRequest, secret: str) -> str:
    """Hex HMAC-SHA256 under the secret of method, path, timestamp, nonce and the body's SHA-256 in hex, a line each."""
    body = hashlib.sha256(request.body).hexdigest()
    signed = "\n".join((request.method, request.path, request.timestamp, request.nonce, body))
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def form_flaw(request: SignedRequest) -> str:
    """What is wrong with the headers, whoever sent them; "" when nothing is."""
    if not _TIME.fullmatch(request.timestamp):
        return "X-Timestamp must be the unix time in whole seconds"
    if not _NONCE.fullmatch(request.nonce):
        return "X-Nonce must be 8 to 64 letters, digits or . _ ~ + / = -, another one for each request"
    if not _SIGNATURE.fullmatch(request.signature):
        return "X-Signature must be 64 hex digits"
    return ""


def is_in_time(request: SignedRequest, now: float) -> bool:
    """Whether the request's time is near `now` (epoch second). The timestamp must be well-formed."""
    return abs(int(request.timestamp) - now) <= TIME_WINDOW_S


def is_signed(request: SignedRequest, secrets: list[str]) -> bool:
    """Whether the signature is right under one of the secrets. Takes the same time wherever a signature goes wrong."""
    given = request.signature.lower().encode()
    matches = [hmac.compare_digest(signature_of(request, secret).encode(), given) for secret in secrets]
    return any(matches)
