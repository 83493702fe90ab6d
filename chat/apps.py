"""Chat as a Django app."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = "Chat"

    def ready(self) -> None:
        """Have the log tell the caches what was committed."""
        from chat.cache import touch_owners
        from core.log.announce import register_announcer

        register_announcer(touch_owners)
