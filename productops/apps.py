"""App configuration."""

from django.apps import AppConfig


class ProductopsConfig(AppConfig):
    """ProductOps."""

    name = "productops"
    verbose_name = "ProductOps"
