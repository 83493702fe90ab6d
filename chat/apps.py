"""Chat as a Django app."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = "Chat"

    def ready(self) -> None:
        """Have the log tell the caches what was committed, and accounts ask who is a friend."""
        from accounts.selectors import register_friends
        from chat.cache import touch_owners
        from chat.selectors.friends import friends_among
        from core.log.announce import register_announcer

        register_announcer(touch_owners)
        register_friends(friends_among)
