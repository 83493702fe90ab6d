"""The wire as a Django app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class RealtimeConfig(AppConfig):
    name = "realtime"
    verbose_name = "Realtime"

    def ready(self) -> None:
        """Let each app name its topics, and have commits told on the wire."""
        from core.log.announce import register_announcer
        from realtime.announcer import announce

        autodiscover_modules("topics")
        register_announcer(announce)
