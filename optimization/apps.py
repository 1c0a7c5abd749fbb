"""App configuration."""

from django.apps import AppConfig


class OptimizationConfig(AppConfig):
    """Optimization."""

    name = "optimization"
    verbose_name = "Optimization"
