"""What the system remembers about people: which departments someone is limited to, and what people did that isn't a run."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class PersonScope(models.Model):
    """Limits a person to the initiatives of some departments. Whoever has none sees every department."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="scope")
    departments = models.JSONField(default=list, blank=True)  # [name as the initiatives have it]; []: no limit

    def __str__(self) -> str:
        return f"{self.user}: {', '.join(self.departments) or 'every department'}"


class RoleRights(models.Model):
    """The rights that this system gave to a role so far: one that people took away since isn't given again."""

    role = models.CharField(max_length=150, unique=True)  # name of the group
    rights = models.JSONField(default=list)  # ["app_label.codename"]

    class Meta:
        verbose_name_plural = "rights of roles"

    def __str__(self) -> str:
        return f"{self.role}: {len(self.rights)} rights"


class AuditEntry(models.Model):
    """Something a person did, or tried: signing in, taking data out, approving, changing what others may do. Never changed afterwards."""

    class Event(models.TextChoices):
        SIGNED_IN = "signed in"
        SIGNED_OUT = "signed out"
        REFUSED = "sign-in refused"
        EXPORT = "export"
        IMPORT = "import"
        APPROVED = "approved"
        REJECTED = "rejected"
        OVERRIDE = "override"
        RIGHTS = "rights changed"

    at = models.DateTimeField(default=timezone.now)
    event = models.CharField(max_length=20, choices=Event.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    username = models.CharField(max_length=200, blank=True)  # as it was then, or as somebody typed it
    address = models.CharField(max_length=64, blank=True)  # where the request came from
    text = models.TextField(blank=True)  # what exactly, for people
    run_id = models.CharField(max_length=40, blank=True)  # of the run that carried it out, "" where there is none

    class Meta:
        ordering = ("-at", "-id")
        indexes = (
            models.Index(fields=("event", "username", "at"), name="audit_event_username"),
            models.Index(fields=("event", "address", "at"), name="audit_event_address"),
        )
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.event} {self.username}"
