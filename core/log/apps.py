"""The log as a Django app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class LogConfig(AppConfig):
    name = "core.log"
    label = "log"
    verbose_name = "Change log"

    def ready(self) -> None:
        """Every app's events are known from the start, so that any process can read any change."""
        autodiscover_modules("events")
