"""What the doctor looks at in the engine: database, workers, timetable, settings, workbooks, disk."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from sheetsync.admin.word_indexes import EXTENSION, has_extension
from sheetsync.connecting import find_tabs
from sheetsync.models import KeyCounter, Workbook
from sheetsync.operating.doctor import Finding, broken, checkup, ok, warning
from sheetsync.operating.quota import Load
from sheetsync.runs.actions import ACTIONS
from sheetsync.runs.health import SILENT_AFTER_S, workers
from sheetsync.runs.housekeeping import SYNC
from sheetsync.runs.schedules import PREFIX, problem_of, timetable
from sheetsync.service_tabs import SERVICE_TITLES
from sheetsync.workbooks.interface import WorkbookUnavailable
from sheetsync.workbooks.kinds import is_spreadsheet, open_workbook

# Below these, a disk is nearly full: a write makes a copy of the workbook beside it.
SPARE_BYTES, LEAST_BYTES = 1_000_000_000, 100_000_000
# Leases and signatures are compared with the clock of another machine.
CLOCK_OFF_S, CLOCK_WRONG_S = 5.0, 60.0
# A task that nobody picked up for so long says that no worker keeps up.
QUEUE_OLD = datetime.timedelta(minutes=10)
MANY_WORKBOOKS = 20  # more than this, and SQLite's one writer is a bottleneck
LEAST_LEFT = 4  # the part of Google's quota that must be left for people: a quarter
FIRST_TRY_KEY = "only-for-a-first-try"
SHORTEST_KEY = 32


class _TakeBack(Exception):
    """Ends a transaction that only tried."""


@checkup("database")
def database() -> Iterator[Finding]:
    """Reachable, and writable."""
    kind = connection.vendor
    try:
        with transaction.atomic():
            KeyCounter.objects.create(prefix="doctor's try")
            raise _TakeBack
    except _TakeBack:
        yield ok("database", f"{kind}, can be read and written")
    except (DatabaseError, ImproperlyConfigured) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        yield broken("database", f"{kind}, can't be used ({first})", "Check DATABASE_URL, then run manage.py migrate.")
    if kind == "sqlite" and Workbook.objects.filter(is_active=True).count() > MANY_WORKBOOKS:
        text = f"SQLite, with more than {MANY_WORKBOOKS} workbooks"
        yield warning("database", text, "Move to PostgreSQL: name it in DATABASE_URL.")


@checkup("migrations")
def migrations() -> Iterator[Finding]:
    """Applied, all of them."""
    executor = MigrationExecutor(connection)
    missing = [str(migration) for migration, _back in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if missing:
        yield broken("migrations", f"{len(missing)} aren't applied, {missing[0]} first", "Run manage.py migrate.")
    else:
        yield ok("migrations", "all applied")


@checkup("searches")
def searches() -> Iterator[Finding]:
    """By indexes, where the database can have them."""
    if connection.vendor == "postgresql" and not has_extension(connection):
        repair = f'Have its owner or a superuser run "CREATE EXTENSION {EXTENSION}" in it, then run manage.py migrate.'
        yield warning("searches", f"they read whole tables: the database lacks the extension {EXTENSION}", repair)
    else:
        yield ok("searches", "as quick as this database can")


@checkup("clock")
def clock() -> Iterator[Finding]:
    """This machine's against the database's: leases and signed requests rest on it."""
    with connection.cursor() as cursor:
        before = timezone.now().timestamp()
        epoch = {
            "postgresql": "SELECT EXTRACT(EPOCH FROM clock_timestamp())",
            "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
        }[connection.vendor]
        cursor.execute(epoch)
        (theirs,) = cursor.fetchone()
        ours = (before + timezone.now().timestamp()) / 2
    off = abs(ours - float(theirs))
    if off < CLOCK_OFF_S:
        yield ok("clock", "agrees with the database's")
    else:
        found = broken if off >= CLOCK_WRONG_S else warning
        yield found("clock", f"is {off:,.0f} seconds off the database's", "Set both machines' clocks by NTP.")


@checkup("workers")
def worker_groups() -> Iterator[Finding]:
    """Alive, and keeping up."""
    found = workers()
    start = "Start one: manage.py serve, or manage.py qcluster."
    if found.are_well:
        yield ok("workers", f"alive: {', '.join(found.alive)}")
    elif found.age_s is None:
        yield broken("workers", "none was ever seen", start)
    else:
        text = f"none was seen for {found.age_s:,.0f} seconds (they show themselves every minute)"
        yield broken("workers", text, f"{start} If one runs, its log says why it is silent for {SILENT_AFTER_S:.0f} s.")
    old = OrmQ.objects.filter(lock__lt=timezone.now() - QUEUE_OLD).count()
    if old:
        text = f"{old} {'task waits' if old == 1 else 'tasks wait'} for more than 10 minutes"
        yield warning("workers", text, "Start more workers: manage.py qcluster, on this machine or another.")


@checkup("timetable")
def schedules() -> Iterator[Finding]:
    """There, in use, and in time."""
    rows = {row.name: row for row in Schedule.objects.all()}
    repair = "Run manage.py setup_schedules."
    wanted = {PREFIX + entry.name: entry for entry in timetable()}
    missing = [name for name in wanted if name not in rows or rows[name].repeats == 0]
    late = [
        name
        for name in wanted
        if name in rows and (due := rows[name].next_run) and due < timezone.now() - datetime.timedelta(minutes=5)
    ]
    for row in Schedule.objects.exclude(repeats=0):
        problem = problem_of(row)
        if problem:
            yield broken("timetable", f"{row.name or row.func} stops all others: {problem}", repair)
    for name in missing:
        yield broken("timetable", f"{name} is missing or out of use", repair)
    for name in late:
        yield broken(
            "timetable", f"{name} is overdue", "Start a worker; if one runs, its log says why it doesn't follow."
        )
    if not missing and not late:
        yield ok("timetable", ", ".join(name.removeprefix(PREFIX) for name in wanted))


@checkup("signing key")
def signing_key() -> Iterator[Finding]:
    """The signing key is this installation's own."""
    repair = "Put a long random SECRET_KEY into .env, the same on every machine, or let make setup make one."
    if settings.SECRET_KEY == FIRST_TRY_KEY:
        yield broken("signing key", "SECRET_KEY is the one that everybody knows", repair)
    elif len(settings.SECRET_KEY) < SHORTEST_KEY:
        yield warning("signing key", f"SECRET_KEY is shorter than {SHORTEST_KEY} characters", repair)
    else:
        yield ok("signing key", "SECRET_KEY is this installation's own")
    kept = settings.BASE_DIR / "var" / "secret_key"
    if os.name == "posix" and kept.exists() and kept.stat().st_mode & 0o077:
        yield warning("signing key", f"{kept} can be read by others on this machine", f"Run chmod 600 {kept}.")


@checkup("web")
def web() -> Iterator[Finding]:
    """Safe to be reached by others."""
    is_public = settings.PUBLIC_URL.startswith("https://")
    host = settings.PUBLIC_URL.partition("://")[2].partition("/")[0].partition(":")[0]
    is_local = host in ("localhost", "127.0.0.1")
    if settings.DEBUG and not is_local:
        yield broken("web", f"DEBUG is on for {settings.PUBLIC_URL}", "Set DEBUG=0: error pages show secrets.")
    elif settings.DEBUG:
        yield warning("web", "DEBUG is on", "Set DEBUG=0 before others can reach this machine.")
    if not is_public and not is_local:
        yield warning("web", f"PUBLIC_URL {settings.PUBLIC_URL} isn't https", "Put a proxy with HTTPS in front.")
    allowed = settings.ALLOWED_HOSTS
    if not any(name in (host, "*") or (name.startswith(".") and host.endswith(name)) for name in allowed):
        yield broken("web", f"ALLOWED_HOSTS lacks {host}, the host of PUBLIC_URL", "Add it to ALLOWED_HOSTS.")
    elif not settings.DEBUG and (is_public or is_local):
        yield ok("web", f"served as {settings.PUBLIC_URL}")


@checkup("credentials")
def credentials() -> Iterator[Finding]:
    """The service account's file is one."""
    place = settings.GOOGLE_CREDENTIALS
    repair = "Name the JSON key file of a service account in GOOGLE_CREDENTIALS."
    if not place:
        yield ok("credentials", "none for Google Sheets; .xlsx workbooks need none")
        return
    if place == "anonymous":
        if settings.SHEETS_API_URL:
            yield ok("credentials", f"anonymous, for the Sheets API at {settings.SHEETS_API_URL}")
        else:
            yield broken("credentials", "anonymous, and Google answers nobody unknown", repair)
        return
    try:
        read = json.loads(Path(place).read_text(encoding="utf-8"))
    except OSError as error:
        yield broken("credentials", f"{place} can't be read ({error.strerror})", repair)
        return
    except ValueError:
        yield broken("credentials", f"{place} isn't JSON", repair)
        return
    named = read if isinstance(read, dict) else {}
    missing = [name for name in ("client_email", "private_key", "token_uri") if not named.get(name)]
    if missing:
        yield broken("credentials", f"{place} lacks {', '.join(missing)}", repair)
    else:
        yield ok("credentials", f"workbooks are shared with {read['client_email']}")


@checkup("quota")
def quota() -> Iterator[Finding]:
    """What the timetable asks of Google leaves room for people."""
    load = current_load()
    if not load.spreadsheets or not load.budget:
        return
    text = (
        f"{load.spreadsheets} spreadsheets: {load.reads} of {load.budget} reads a minute at rest, "
        f"a Control tab's turn comes every {load.control_every} min"
    )
    if load.left * LEAST_LEFT >= load.budget:
        yield ok("quota", text)
    else:
        repair = (
            "Sync less often (SYNC_EVERY_MINUTES), look at fewer tabs a minute (SHEETS_POLLS_PER_MINUTE), or have Google "
            "raise the quota and SHEETS_REQUESTS_PER_MINUTE with it."
        )
        yield warning("quota", f"{text}, which leaves too little for what people ask for", repair)


def current_load() -> Load:
    """As the workbooks and the settings are now."""
    active = [one for one in Workbook.objects.filter(is_active=True) if is_spreadsheet(one.location)]
    return Load(
        spreadsheets=len(active),
        synced=sum(one.role in ACTIONS[SYNC].roles for one in active),
        sync_every=settings.SYNC_EVERY_MINUTES,
        polls=settings.SHEETS_POLLS_PER_MINUTE,
        budget=settings.SHEETS_REQUESTS_PER_MINUTE,
    )


@checkup("workbooks")
def workbooks() -> Iterator[Finding]:
    """Each can be read, and its tabs' headers are known."""
    active = Workbook.objects.filter(is_active=True)
    if not active:
        yield warning("workbooks", "none is connected", "Run manage.py init_workbook and manage.py connect.")
    for workbook in active:
        yield from _workbook(workbook)


def _workbook(workbook: Workbook) -> Iterator[Finding]:
    about = f"workbook {workbook.pk} ({workbook})"
    try:
        findings = find_tabs(workbook, open_workbook(workbook).read(None))
    except WorkbookUnavailable as unavailable:
        yield broken(about, str(unavailable).rstrip("."), "Mend that, or make the workbook inactive in the admin.")
        return
    # Control and Run_Log are for those who want them.
    looked_at = [found for found in findings if found.title.casefold() not in SERVICE_TITLES]
    bad = [found for found in looked_at if found.problem]
    good = [found.title for found in looked_at if not found.problem]
    for found in bad:
        say = warning if good else broken
        yield say(about, f"{found.title}: {found.problem.rstrip('.')}", "manage.py init_workbook adds what is missing.")
    for found in findings:
        if found.doubled:
            text = f"{found.title}: two headers mean {', '.join(found.doubled)}"
            yield warning(about, text, "Rename or delete one of the two.")
    if not bad:
        yield ok(about, f"{workbook.role}: {', '.join(good)}")


@checkup("disk")
def disk() -> Iterator[Finding]:
    """There is room, and folders can be written to."""
    files = [Path(workbook.location) for workbook in Workbook.objects.filter(is_active=True) if _is_file(workbook)]
    kept = settings.BASE_DIR / "var"
    if not kept.exists():  # made with the first thing that is kept in it
        kept = kept.parent
    folders = dict.fromkeys([kept, *(file.parent for file in files)])
    for folder in folders:
        yield _folder(folder)


def _is_file(workbook: Workbook) -> bool:
    return "://" not in workbook.location and workbook.location.startswith(("/", "~"))


def _folder(folder: Path) -> Finding:
    about = f"disk ({folder})"
    try:
        free = shutil.disk_usage(folder).free
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        text = f"can't be written to ({error.strerror})"
        return broken(about, text, "Let the user that this runs as write there: a save makes a new file.")
    room = f"{free / 1e9:,.1f} GB free"
    if free < LEAST_BYTES:
        return broken(about, room, "Make room: saves will fail.")
    if free < SPARE_BYTES:
        return warning(about, room, "Make room soon.")
    return ok(about, room)
