"""App configuration."""

from django.apps import AppConfig
from django.core import checks


class SheetsyncConfig(AppConfig):
    """The engine under the sheets."""

    name = "sheetsync"
    verbose_name = "Workbooks"

    def ready(self) -> None:
        from sheetsync.checks import check_declarations
        from sheetsync.registry import autodiscover

        autodiscover()
        checks.register(check_declarations, "sheetsync")
