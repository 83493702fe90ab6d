"""Whether anything was written: every table counted, and the numbers that grow with each change summed."""

from __future__ import annotations

from django.apps import apps
from django.db.models import Sum

from accounts.models import User
from chat.models import ChatMessage, ChatRoom, Membership
from core.log.models import Stream

GROWING = (
    (ChatRoom, "offset"),
    (ChatRoom, "seq"),
    (ChatMessage, "version"),
    (Membership, "read_seq"),
    (Stream, "offset"),
    (User, "token_generation"),
)


def census() -> dict[str, int]:
    """The database in numbers: equal before and after means that nothing was written."""
    counted = {model._meta.label: model._default_manager.count() for model in apps.get_models()}
    for model, name in GROWING:
        total = model._default_manager.aggregate(total=Sum(name))["total"]
        counted[f"{model._meta.label}.{name}"] = total or 0
    return counted
