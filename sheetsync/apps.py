"""App configuration."""

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate, pre_save
from django.utils.module_loading import autodiscover_modules


class SheetsyncConfig(AppConfig):
    """The engine under the sheets."""

    name = "sheetsync"
    verbose_name = "Workbooks"

    def ready(self) -> None:
        from sheetsync.access import audit
        from sheetsync.checks import check_declarations
        from sheetsync.registry import autodiscover

        autodiscover()
        # Panels stand on pages: the admin's modules, which Django discovers, come before them.
        autodiscover_modules("panels", "choices")
        checks.register(check_declarations, "sheetsync")
        audit.listen()
        _look_after_workers(self)


def _look_after_workers(app: AppConfig) -> None:
    """The timetable is made with the database, and looked after by every worker that starts."""
    from django_q.models import Schedule
    from django_q.signals import post_spawn

    from sheetsync.runs.housekeeping import database_migrated, worker_started
    from sheetsync.runs.schedules import disarm

    pre_save.connect(disarm, sender=Schedule, dispatch_uid="sheetsync.disarm")
    post_spawn.connect(worker_started, dispatch_uid="sheetsync.worker_started")
    post_migrate.connect(database_migrated, sender=app, dispatch_uid="sheetsync.database_migrated")
