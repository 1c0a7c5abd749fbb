"""The timetable: what workers do by the clock. Its rows follow the settings, and a row that would stop all others is put out of use."""

from __future__ import annotations

import ast
import logging
import pydoc
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone
from django_q.models import Schedule

logger = logging.getLogger(__name__)

PREFIX = "portfolio: "  # rows whose name begins so are ours
ASK = "sheetsync.runs.housekeeping.ask_for"  # what rows call that people make
LONGEST_MINUTES = 32_767  # what the timetable's column holds
KEEPS_HOUSE = "Takes up what broke off, and tidies up"
POLLS = "Reads the Control tabs and starts what is ticked"
SYNCS = "Syncs intake and backlog"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that is done again and again."""

    name: str  # for people, without PREFIX
    func: str  # dotted path; takes no arguments
    words: str  # what it does, for people
    minutes: int  # from one time to the next


def timetable() -> list[Entry]:
    """What the settings ask for."""
    entries = [
        Entry(name="housekeeping", func="sheetsync.runs.housekeeping.keep_house", words=KEEPS_HOUSE, minutes=1),
        Entry(name="Control tabs", func="sheetsync.control.polling.poll_all", words=POLLS, minutes=1),
    ]
    if settings.SYNC_EVERY_MINUTES > 0:
        minutes = min(settings.SYNC_EVERY_MINUTES, LONGEST_MINUTES)
        entries.append(
            Entry(name="sync", func="sheetsync.runs.housekeeping.ask_for_sync", words=SYNCS, minutes=minutes)
        )
    return entries


def set_up() -> list[str]:
    """Makes the timetable's rows what the settings say. Returns what was changed, in words; repeating it changes nothing.

    Several processes may do so at once: a row that was made twice goes with the next time.
    """
    done = []
    wanted = {PREFIX + entry.name: entry for entry in timetable()}
    kept: set[str] = set()
    for row in Schedule.objects.filter(name__startswith=PREFIX).order_by("pk"):
        if row.name not in wanted or row.name in kept:
            row.delete()
            done.append(f"removed {row.name}")
            continue
        kept.add(row.name)
        if _adjust(row, wanted[row.name]):
            done.append(f"changed {row.name}")
    for name in wanted.keys() - kept:
        entry = wanted[name]
        Schedule.objects.create(name=name, func=entry.func, next_run=timezone.now(), **_timing(entry))
        done.append(f"made {name}")
    return done + disarm_malformed()


def _timing(entry: Entry) -> dict[str, object]:
    return {"schedule_type": Schedule.MINUTES, "minutes": entry.minutes, "repeats": -1}


def _adjust(row: Schedule, entry: Entry) -> bool:
    """Sets what differs, and keeps when the row is due."""
    fields = {"func": entry.func, **_timing(entry), "args": None, "kwargs": None, "hook": None, "cluster": None}
    different = {name: value for name, value in fields.items() if (getattr(row, name) or None) != (value or None)}
    if row.next_run is None:
        different["next_run"] = timezone.now()
    if different:
        Schedule.objects.filter(pk=row.pk).update(**different)
    return bool(different)


def disarm_malformed() -> list[str]:
    """Puts rows out of use that would stop the whole timetable. Returns what was done, in words."""
    done = []
    for row in Schedule.objects.exclude(repeats=0):
        problem = problem_of(row)
        if problem:
            Schedule.objects.filter(pk=row.pk).update(repeats=0)
            done.append(f"put {row.name or row.func} (schedule {row.pk}) out of use: {problem}")
    for text in done:
        logger.error("%s", text)
    return done


def disarm(sender: type[Schedule], instance: Schedule, **kwargs: object) -> None:
    """Before a row is stored: one that would stop all others is stored out of use."""
    problem = problem_of(instance)
    if problem and instance.repeats != 0:
        instance.repeats = 0
        logger.error("the schedule %s is stored out of use: %s", instance.name or instance.func, problem)


def problem_of(row: Schedule) -> str:
    """Why a row can't be carried out, "" when it can. The timetable stops for all when one row raises as it is read."""
    if row.args:
        try:
            ast.literal_eval(str(row.args))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return f"its arguments {row.args!r} can't be read; write Python values parted by commas"
    return _kwargs_problem(row) or _timing_problem(row)


def _kwargs_problem(row: Schedule) -> str:
    if not row.kwargs:
        return ""
    text = str(row.kwargs)
    try:
        read = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        read = {}  # name=value is understood, and what isn't is taken as none
    except (TypeError, MemoryError, RecursionError):
        read = None
    fits = isinstance(read, dict) and all(isinstance(name, str) for name in read)
    return "" if fits else f"its keyword arguments {text!r} can't be read; write name=value, parted by commas"


def _timing_problem(row: Schedule) -> str:
    if row.schedule_type == Schedule.CRON and pydoc.locate("croniter") is None:
        return "cron expressions need the package croniter; choose minutes, hourly or daily instead"
    if row.schedule_type not in dict(Schedule.TYPE):
        return f"its type {row.schedule_type!r} is none of {', '.join(dict(Schedule.TYPE))}"
    try:
        row.calculate_next_run(row.next_run or timezone.now())
    except Exception as error:
        return f"when it is due can't be told ({error})"
    return ""
