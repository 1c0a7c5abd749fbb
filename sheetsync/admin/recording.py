"""What people change in the admin is recorded like any run, so that it shows in the history and can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from sheetsync.context import ActionContext, Arguments
from sheetsync.models import ActionRun
from sheetsync.records import Incoming, Scene
from sheetsync.storage import Origin, Storage
from sheetsync.workbooks.kinds import open_workbook

# Names of what the admin itself does, as runs show them.
EDIT = "admin.edit"
ADD = "admin.add"
DELETE = "admin.delete"
RESTORE = "admin.restore"
APPROVE = "admin.approve"
REJECT = "admin.reject"
IMPORT = "admin.import"


@dataclass
class AdminStorage(Storage):
    """Saves what a person changed in the admin: no sheet's row stands behind it."""

    label: str = ""  # what people call the record

    def origin(self, scene: Scene, row: Incoming) -> Origin:  # type: ignore[override]
        """No workbook, no row: the change was made in the database."""
        named = row.record and row.record.values.get("initiative_key")
        return Origin(label=self.label or str(named or row.key.upper()))


@dataclass
class AdminRun:
    """A change that a person makes in the admin, recorded like any run, so that it shows in the history and can be undone."""

    action: str
    user: AbstractBaseUser  # who is signed in
    reason: str = ""  # why, in the person's own words
    context: ActionContext = field(init=False)
    storage: AdminStorage = field(init=False)

    def __post_init__(self) -> None:
        run = ActionRun(
            action=self.action,
            requested_by=self.user.get_username(),
            came_from="admin",
            payload={"reason": self.reason} if self.reason else {},
        )
        self.context = ActionContext(
            run=run, arguments=Arguments(), now=timezone.now().replace(microsecond=0), open_book=open_workbook
        )
        self.storage = AdminStorage(run, reason=self.reason, user_id=self.user.pk)
        self.context.storage = self.storage

    @property
    def run(self) -> ActionRun:
        """The run; stored once `recorded` is entered."""
        return self.context.run

    @contextmanager
    def recorded(self) -> Iterator[Storage]:
        """Stores the run around the changes, in one transaction."""
        with transaction.atomic():
            self.run.status = ActionRun.Status.RUNNING
            self.run.started_at = timezone.now()
            self.run.save()
            yield self.storage
            self.storage.flush()
            self.run.status = self.context.report.status
            self.run.finished_at = timezone.now()
            read = self.context.report.counts.get("rows_read", 0)
            changed = self.storage.changed_records
            self.run.counts = {"rows_read": read, "rows_changed": changed, "cells_written": 0}
            self.run.messages = [message.as_json() for message in self.context.report.messages]
            self.run.save()
