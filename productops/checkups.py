"""What `manage.py doctor` looks at in productops: whether a language model is set up, without asking it anything."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings

from productops.llm.answers import tokens_of_the_day
from sheetsync.operating.doctor import Finding, checkup, ok, warning

_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


@checkup("language model")
def language_model() -> Iterator[Finding]:
    """Set up or not, how it is reached, what was used of the day's tokens."""
    if not settings.OPENAI_API_KEY:
        yield ok(
            "language model",
            "none is set up (OPENAI_API_KEY); suggestions and summaries say so when they are asked for",
        )
        return
    address = urlsplit(settings.OPENAI_BASE_URL)
    if settings.OPENAI_BASE_URL and address.scheme not in ("http", "https"):
        yield warning(
            "language model", "OPENAI_BASE_URL is no web address", "It begins with https:// and ends with /v1."
        )
        return
    if address.scheme == "http" and address.hostname not in _HERE:
        text = f"the key and what people wrote go to {address.hostname} in the clear"
        yield warning("language model", text, "Name an address that begins with https in OPENAI_BASE_URL.")
    spent, most = tokens_of_the_day(), settings.LLM_TOKENS_PER_DAY
    of = f"{spent:,} of {most:,} tokens" if most else f"{spent:,} tokens"
    where = address.hostname or "OpenAI"
    yield ok("language model", f"{settings.OPENAI_MODEL} at {where}; {of} used in 24 hours")
