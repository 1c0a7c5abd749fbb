"""Logs: which run a line is about, one JSON object a line where that is wanted, and no secrets in any."""

from __future__ import annotations

import datetime
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings

from sheetsync.redaction import redact

_run_id: ContextVar[str] = ContextVar("run_id", default="")


@contextmanager
def about_run(run_id: str) -> Iterator[None]:
    """Every line that is logged meanwhile, by whatever part of the program, names the run."""
    token = _run_id.set(run_id)
    try:
        yield
    finally:
        _run_id.reset(token)


class RunFilter(logging.Filter):
    """Gives each record its `run_id`, "" outside of runs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets everything through."""
        record.run_id = _run_id.get()
        return True


class PlainFormatter(logging.Formatter):
    """A line for people; tracebacks follow on lines of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """2026-03-31 09:30:00,123 INFO sheetsync.runs.actions [run id] message"""
        return hide_secrets(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """The line itself."""
        run_id = getattr(record, "run_id", "")
        about = f" [{run_id}]" if run_id else ""
        return f"{record.asctime} {record.levelname} {record.name}{about} {record.message}"

    def usesTime(self) -> bool:  # noqa: N802  # logging's name
        """Always."""
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC, ISO 8601), level, logger, run_id, process, message, and error with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "run_id": getattr(record, "run_id", ""),
            "process": record.process,
            "message": hide_secrets(record.getMessage()),
        }
        if record.exc_info:
            said["error"] = hide_secrets(self.formatException(record.exc_info))
        return json.dumps(said, ensure_ascii=False)


def hide_secrets(text: str) -> str:
    """The text without this installation's secrets, and without what looks like one."""
    return redact(text, known_secrets())


def known_secrets() -> tuple[str, ...]:
    """The values of this installation's secrets."""
    database = settings.DATABASES["default"].get("PASSWORD") or ""
    return tuple(str(value) for value in (settings.SECRET_KEY, settings.OPENAI_API_KEY, database) if value)
