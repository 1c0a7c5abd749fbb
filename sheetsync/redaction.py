"""Keeps secrets out of logs, messages and answers: known ones by their value, others by how they look."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "[hidden]"
# Shorter values would hide ordinary words.
SHORTEST = 8

_BY_LOOKS = (
    # A private key, with real line ends or with the \n of a JSON file.
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
    # The password in scheme://user:password@host.
    re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)(?=@)"),
    re.compile(r"\bBearer\s+[\w.~+/=-]{8,}", re.IGNORECASE),
    re.compile(r"\bsk-[\w-]{10,}"),
    re.compile(r"\bya29\.[\w-]{10,}"),
    # name = value and "name": "value" where the name says that it is a secret.
    re.compile(
        r"""(?P<name>["']?\b(?:[\w-]*(?:secret(?!s\b)|password|passwd|api_?key|private_key|access_token|refresh_token|signature)[\w-]*)["']?"""
        r"""\s*[=:]\s*)(?:"[^"]+"|'[^']+'|[^\s,;'"}]+)""",
        re.IGNORECASE,
    ),
)


def hide_values(text: str, known: Iterable[str]) -> str:
    """The text without these values."""
    for value in known:
        if len(value) >= SHORTEST:
            text = text.replace(value, HIDDEN)
    return text


def redact(text: str, known: Iterable[str] = ()) -> str:
    """The text with every secret hidden: the known values, and what looks like a secret.

    For logs alone: a sheet's own text may look like one ("password: forgotten")."""
    text = hide_values(text, known)
    for pattern in _BY_LOOKS:
        text = pattern.sub(_hide, text)
    return text


def _hide(found: re.Match[str]) -> str:
    name = found.groupdict().get("name")
    if name is not None:
        return f"{name}{HIDDEN}"
    return f"{found.group(1)}:{HIDDEN}" if found.re.groups == 2 and found.group(2) else HIDDEN
