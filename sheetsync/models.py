"""What the engine remembers: workbooks, what both sides last agreed on, writes on their way, conflicts, runs and all they changed."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import models
from django.utils import timezone

from sheetsync.access.people import AuditEntry, PersonScope, RoleRights  # noqa: F401 - models of this app, too
from sheetsync.tabs import Role


def new_run_id() -> str:
    """A short id that sorts by time and is unique across machines: 20260331T093000-1a2b3c4d."""
    return f"{timezone.now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


class Workbook(models.Model):
    """A connected workbook: a local .xlsx file or a Google spreadsheet."""

    title = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=20, choices=[(role.value, role.value) for role in Role])
    location = models.CharField(
        max_length=500, unique=True, help_text="Path of an .xlsx file, or a Google spreadsheet's address or id."
    )
    tab = models.CharField(
        max_length=200,
        blank=True,
        help_text="Intake: the one tab to read; empty reads every tab with a known header row.",
    )
    department = models.CharField(
        max_length=200, blank=True, help_text="Intake: the department of rows that name none."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.title or self.location


class TabState(models.Model):
    """What the last finished read of a tab showed: the brake and the fence stand on it."""

    workbook = models.ForeignKey(Workbook, on_delete=models.CASCADE, related_name="tab_states")
    tab = models.CharField(max_length=200)
    generation = models.PositiveBigIntegerField(
        default=0
    )  # one more with every applied plan; a plan made on an older one is stale
    row_count = models.PositiveIntegerField(default=0)  # rows with content at the last finished read
    sheet_digest = models.CharField(
        max_length=64, blank=True
    )  # of everything the sheet showed then, "" when work was left over
    db_digest = models.CharField(max_length=64, blank=True)  # of everything the DB held for it then
    version = models.CharField(
        max_length=64, blank=True
    )  # of the workbook then, for kinds that can tell; "" when work was left over
    is_filled = models.BooleanField(default=False)  # whether no row was missing then
    columns = models.JSONField(default=list, blank=True)  # canonical names of the columns that were there
    message = models.TextField(blank=True)  # what is wrong with the tab as a whole, "" when nothing is
    problems = models.JSONField(
        default=list, blank=True
    )  # [[row number, key, run_status]] of the rows that weren't OK at the last read
    read_at = models.DateTimeField(null=True, blank=True)
    saved_at = models.DateTimeField(null=True, blank=True)  # when an action last took this tab's entries

    class Meta:
        verbose_name = "tab"
        constraints = (models.UniqueConstraint(fields=("workbook", "tab"), name="one_state_per_tab"),)

    def __str__(self) -> str:
        return f"{self.workbook} / {self.tab}"


class RowState(models.Model):
    """What both sides last agreed on for one row, and the writes on their way to it."""

    workbook = models.ForeignKey(Workbook, on_delete=models.CASCADE, related_name="row_states")
    tab = models.CharField(max_length=200)
    row_key = models.CharField(max_length=500)  # the row's identity as one text
    base = models.JSONField(
        default=dict
    )  # column -> encoded value both sides agreed on; a column that isn't there has no base
    pending = models.JSONField(
        default=dict
    )  # column -> [[encoded value, epoch second after which it can't land any more], ...]
    sheet_digest = models.CharField(
        max_length=32, blank=True
    )  # of the row as the sheet showed it when it was last settled
    db_digest = models.CharField(max_length=32, blank=True)  # of the row as the DB held it then
    has_pending = models.BooleanField(default=False)  # whether `pending` holds anything
    verdict = models.TextField(blank=True)  # the run_status that the row was given
    notice = models.TextField(blank=True)  # a warning about the row's last change, told until the row changes again
    is_present = models.BooleanField(default=True)  # whether the last read showed the row

    class Meta:
        constraints = (models.UniqueConstraint(fields=("workbook", "tab", "row_key"), name="one_state_per_row"),)

    def __str__(self) -> str:
        return f"{self.tab} {self.row_key}"


class KeyCounter(models.Model):
    """The next number of a kind of key; taken under a row lock, so that no two rows ever get one key."""

    prefix = models.CharField(max_length=20, unique=True)
    next_number = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return self.prefix


class KeyReservation(models.Model):
    """A key that was reserved for a row and sent to it. It becomes a record only when a read finds it there; an unused one is a gap."""

    key = models.CharField(max_length=40, unique=True)
    workbook = models.ForeignKey(Workbook, on_delete=models.CASCADE, related_name="key_reservations")
    tab = models.CharField(max_length=200)
    row_text = models.CharField(max_length=64)  # fingerprint of the row that the key is meant for
    may_land_until = models.FloatField(default=0.0)  # epoch second after which the write can't land any more
    taken_at = models.DateTimeField(null=True, blank=True)  # when the record was made

    def __str__(self) -> str:
        return self.key


class ActionRun(models.Model):
    """One call of an action: who asked, from where, what came of it."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCESS = "success"
        PARTIAL = "partial"
        FAILED = "failed"

    run_id = models.CharField(max_length=40, unique=True, default=new_run_id)
    action = models.CharField(max_length=60)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    requested_by = models.CharField(max_length=200, blank=True, help_text="A claim: sheets don't tell who typed.")
    came_from = models.CharField(
        max_length=20, default="command", help_text="command, admin, sheet, control or schedule"
    )
    workbook = models.ForeignKey(Workbook, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs")
    payload = models.JSONField(default=dict, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    messages = models.JSONField(default=list, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # how often it was begun; counted before any work
    lease_until = models.DateTimeField(
        null=True, blank=True
    )  # while it runs: when it counts as broken off, unless whoever carries it out moves this on
    progress = models.CharField(max_length=200, blank=True)  # how far it is, in words, while it runs
    worker = models.CharField(max_length=200, blank=True)  # the process that carries it out: host/process id
    queue_key = models.CharField(
        max_length=64, null=True, blank=True, unique=True
    )  # what is asked for, while it waits untouched for a worker: the same request then joins this run
    task_row = models.PositiveBigIntegerField(
        null=True, blank=True
    )  # its latest row in the workers' queue; null where no worker was asked
    waits_since = models.DateTimeField(null=True, blank=True)  # when it first found a workbook in use
    cancelled_by = models.CharField(
        max_length=200, blank=True
    )  # who asked that it stop; it ends at the next safe point
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="undoes")

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("status", "lease_until"), name="action_run_lease"),
            models.Index(fields=("-created_at", "-id"), name="action_run_latest"),
        )
        verbose_name = "run"

    def __str__(self) -> str:
        return f"{self.action} {self.run_id}"


class WorkbookLease(models.Model):
    """Which run works on a workbook. It holds as long as that attempt of the run is under way and its own lease lasts."""

    workbook = models.OneToOneField(Workbook, on_delete=models.CASCADE, related_name="lease")
    run = models.ForeignKey(ActionRun, null=True, on_delete=models.SET_NULL, related_name="+")
    attempt = models.PositiveSmallIntegerField(default=0)  # of that run

    def __str__(self) -> str:
        return f"{self.workbook}: {self.run}"


class WorkerBeat(models.Model):
    """A group of worker processes on one machine, and when it last showed that it is alive."""

    name = models.CharField(max_length=200, unique=True)  # host/process id of the group
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class OwedLogRow(models.Model):
    """A run's row in a workbook's Run_Log that isn't known to stand there yet; it goes once it does."""

    run = models.ForeignKey(ActionRun, on_delete=models.CASCADE, related_name="+")
    workbook = models.ForeignKey(Workbook, on_delete=models.CASCADE, related_name="+")
    counts = models.JSONField(default=dict)  # rows_read, rows_changed, cells_written in this workbook
    may_land_until = models.FloatField(
        default=0.0
    )  # epoch second after which a write that was sent can't land any more; 0: none was

    class Meta:
        constraints = (models.UniqueConstraint(fields=("run", "workbook"), name="one_log_row_per_run"),)

    def __str__(self) -> str:
        return f"{self.workbook}: {self.run}"


class ControlState(models.Model):
    """What the last poll of a workbook's Control tab left behind."""

    workbook = models.OneToOneField(Workbook, on_delete=models.CASCADE, related_name="control")
    generation = models.PositiveBigIntegerField(
        default=0
    )  # one more with everything that is taken or acknowledged; what was read before that is stale
    version = models.CharField(
        max_length=64, blank=True
    )  # of the workbook when a poll found nothing to do, "" for kinds that can't tell
    message = models.TextField(blank=True)  # what is wrong with the tab as a whole, "" when nothing is
    polled_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.workbook} / Control"


class ControlTick(models.Model):
    """A tick in a Control tab that became a run; it goes once the tab is seen to tell how that ended."""

    workbook = models.ForeignKey(Workbook, on_delete=models.CASCADE, related_name="control_ticks")
    row_key = models.CharField(max_length=500)  # the row's identity as one text
    run = models.ForeignKey(ActionRun, on_delete=models.CASCADE, related_name="control_ticks")
    place = models.PositiveSmallIntegerField(default=0)  # among the ticks that were taken at once; 0 goes first
    is_cleared = models.BooleanField(default=False)  # whether the tick is known to be gone from the sheet
    may_land_until = models.FloatField(
        default=0.0
    )  # epoch second after which the write that clears it can't land any more

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.workbook} {self.row_key}"


class WorkbookSecret(models.Model):
    """That a workbook may ask for actions over the web. The secret itself is stored nowhere: it is made of this salt and SECRET_KEY."""

    workbook = models.OneToOneField(Workbook, on_delete=models.CASCADE, related_name="web_secret")
    salt = models.CharField(max_length=64)
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.workbook}"


class RequestNonce(models.Model):
    """A signed request that was let in: it never is again."""

    workbook = models.ForeignKey(Workbook, on_delete=models.CASCADE, related_name="+")
    nonce = models.CharField(max_length=64)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("workbook", "nonce"), name="one_use_per_nonce"),)
        indexes = (models.Index(fields=("workbook", "seen_at"), name="request_nonce_seen"),)

    def __str__(self) -> str:
        return f"{self.workbook} {self.nonce}"


class RequestBudget(models.Model):
    """When a service account's latest requests of one kind were sent, or will be: Google lets it send so many a minute."""

    account = models.CharField(max_length=200)  # the service account's address
    kind = models.CharField(max_length=10)  # read or write
    taken = models.JSONField(
        default=list
    )  # epoch seconds, ascending, as many as a minute may hold; some may be to come

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "kind"), name="one_budget_per_account"),)

    def __str__(self) -> str:
        return f"{self.account} {self.kind}"


class RecordChange(models.Model):
    """What one run changed in one stored record: the history of every value, and what undo takes back."""

    run = models.ForeignKey(ActionRun, on_delete=models.CASCADE, related_name="record_changes")
    model = models.CharField(max_length=80)  # "app_label.Model"
    object_id = models.BigIntegerField()
    row_key = models.CharField(max_length=500)  # what people call the record
    created = models.BooleanField(default=False)  # the run made the record
    deleted = models.BooleanField(default=False)  # the run deleted it; `fields` then holds every field as [old, null]
    fields = models.JSONField(default=dict)  # field -> [old, new], encoded
    workbook = models.ForeignKey(Workbook, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    tab = models.CharField(max_length=200, blank=True)
    row = models.PositiveIntegerField(null=True, blank=True)  # the sheet's row then, counted from 1

    class Meta:
        verbose_name = "change"
        indexes = (models.Index(fields=("model", "object_id"), name="record_change_object"),)

    def __str__(self) -> str:
        return f"{self.model} {self.row_key}"


class CellChange(models.Model):
    """What one run wrote into one row of a sheet."""

    run = models.ForeignKey(ActionRun, on_delete=models.CASCADE, related_name="cell_changes")
    workbook = models.ForeignKey(Workbook, on_delete=models.CASCADE, related_name="+")
    tab = models.CharField(max_length=200)
    row_key = models.CharField(max_length=500)
    appended = models.BooleanField(default=False)  # the run appended the row
    cells = models.JSONField(default=dict)  # column -> [raw value before, raw value written]

    def __str__(self) -> str:
        return f"{self.tab} {self.row_key}"


class Conflict(models.Model):
    """Both sides changed one value since they last agreed: the sheet's edit won, the other value is kept here."""

    class Status(models.TextChoices):
        OPEN = "open"
        KEPT = "kept"
        RESTORED = "restored"

    run = models.ForeignKey(ActionRun, null=True, on_delete=models.SET_NULL, related_name="conflicts")
    workbook = models.ForeignKey(Workbook, on_delete=models.CASCADE, related_name="conflicts")
    tab = models.CharField(max_length=200)
    row_key = models.CharField(max_length=500)
    column = models.CharField(max_length=80)
    model = models.CharField(max_length=80)
    object_id = models.BigIntegerField(null=True)
    field = models.CharField(max_length=80)
    base_value = models.JSONField(null=True)
    kept_value = models.JSONField(null=True)  # what stands now
    lost_value = models.JSONField(null=True)  # what gave way, and can be restored
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.tab} {self.row_key} {self.column}"

    @property
    def shown(self) -> dict[str, Any]:
        """The three values, for people."""
        return {"base": self.base_value, "kept": self.kept_value, "lost": self.lost_value}
