"""App configuration."""

from django.apps import AppConfig


class BacklogConfig(AppConfig):
    """Backlog."""

    name = "backlog"
    verbose_name = "Backlog"
