"""Operation: serving, preparing, watching."""

from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "ops"
    verbose_name = "Operation"

    def ready(self) -> None:
        """Count queries from the first connection on."""
        from core import queries

        queries.install()
