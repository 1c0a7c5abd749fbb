"""The admin as this project has it."""

from django.contrib.admin.apps import AdminConfig


class DeskAdminConfig(AdminConfig):
    """Django's admin, on the project's own site."""

    default_site = "sheetsync.site.DeskSite"
