"""App configuration."""

from django.apps import AppConfig


class SheetsyncConfig(AppConfig):
    """Sheets."""

    name = "sheetsync"
    verbose_name = "Sheets"
