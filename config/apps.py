"""App configurations of the project as a whole."""

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin
from django.db.models.signals import post_migrate


class DeskConfig(AppConfig):
    """What needs to know every app: addresses, roles, the demo, what is searched."""

    name = "config"
    default = True

    def ready(self) -> None:
        from config.roles import make_roles
        from sheetsync.admin.word_indexes import make_word_indexes

        # Django tells only of apps that have models; when it tells of this one, the rights of all exist.
        last = apps.get_app_config("optimization")
        post_migrate.connect(make_roles, sender=last, dispatch_uid="config.make_roles")
        post_migrate.connect(make_word_indexes, sender=last, dispatch_uid="config.make_word_indexes")


class DeskAdminConfig(admin.AdminConfig):
    """Django's admin, on the project's own site."""

    default = False
    default_site = "sheetsync.site.DeskSite"
