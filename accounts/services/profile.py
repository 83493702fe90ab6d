"""What people say of themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from accounts import profile_fields
from accounts.models import User
from accounts.payloads import UserCard, user_card
from core.errors import NotFound
from core.log.executor import execute
from core.log.writer import Act, Writer

# Called inside the act that changed how somebody looks to others, with the writer and the new card.
CardHook = Callable[[Writer, UserCard], None]
_card_hooks: list[CardHook] = []


def on_card_changed(hook: CardHook) -> None:
    """Have ``hook`` called when a display name or an avatar changes, for whoever keeps copies of
    cards. It may write and may add hooks of its own to the commit.

    What is cached with cards in it lives 3 s at most (``chat:messages``) and may be that old.
    """
    if hook not in _card_hooks:
        _card_hooks.append(hook)


def update_profile(*, user_id: UUID, **fields: Any) -> User:
    """Change what is given of display_name, avatar, signature, locale, timezone, privacy.

    ``privacy`` is merged key by key; None takes a key away. Raises Invalid with the field.
    """
    clean = {name: profile_fields.clean(name, value) for name, value in fields.items()}

    def run(w: Writer) -> User:
        user = w.row(User, user_id)
        if user is None:
            raise NotFound
        before = user_card(user)
        for name, value in clean.items():
            setattr(user, name, value if name != "privacy" else profile_fields.merge(user.privacy, value))
        user.save(update_fields=[*clean, "last_updated_at"])
        if user_card(user) != before:
            for hook in _card_hooks:
                hook(w, user_card(user))
        return user

    return execute(Act(run, rows=[(User, user_id)]))
