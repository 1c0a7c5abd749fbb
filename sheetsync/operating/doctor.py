"""The doctor: looks at everything that an operator could get wrong, and says what to do about each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.db import DatabaseError

from sheetsync.logs import hide_secrets

logger = logging.getLogger(__name__)


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # works, and shouldn't stay so
    BROKEN = "broken"  # something doesn't work


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found about one thing."""

    about: str  # what was looked at, in a word or two
    verdict: Verdict
    text: str  # what is the case
    remedy: str = ""  # what to do about it, "" when nothing

    def line(self) -> str:
        """For the terminal."""
        line = f"{self.verdict:8} {self.about}: {self.text}"
        return hide_secrets(f"{line}. {self.remedy}" if self.remedy else line)


Look = Callable[[], Iterable[Finding]]


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """One thing to look at."""

    about: str
    look: Look


CHECKUPS: dict[str, Checkup] = {}


def checkup(about: str) -> Callable[[Look], Look]:
    """Registers the decorated function; it yields what it finds."""

    def register(look: Look) -> Look:
        if about in CHECKUPS:
            raise ValueError(f"the checkup of {about} is registered twice")
        CHECKUPS[about] = Checkup(about=about, look=look)
        return look

    return register


def ok(about: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(about=about, verdict=Verdict.OK, text=text)


def warning(about: str, text: str, remedy: str) -> Finding:
    """Something to do some day."""
    return Finding(about=about, verdict=Verdict.WARNING, text=text, remedy=remedy)


def broken(about: str, text: str, remedy: str) -> Finding:
    """Something to do now."""
    return Finding(about=about, verdict=Verdict.BROKEN, text=text, remedy=remedy)


def examine() -> Iterator[Finding]:
    """Everything that every checkup finds. A checkup that breaks off is a finding, too, and the others go on."""
    for entry in CHECKUPS.values():
        try:
            yield from entry.look()
        except DatabaseError:
            yield broken(entry.about, "needs the database, which can't be used", "Mend the database, then look again.")
        except Exception as error:
            logger.exception("the checkup of %s broke off", entry.about)
            text = f"couldn't be looked at ({type(error).__name__}: {error})"
            yield broken(entry.about, text, "The log has more; tell whoever looks after this program.")
