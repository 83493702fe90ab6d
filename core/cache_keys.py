"""Every key that Parley keeps in Redis, with its lifetime, once.

A key written out anywhere else is a defect: whoever changes a thing must find, in this one
place, what has to be dropped with it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheKey:
    """A key's form and its lifetime in milliseconds (0: until deleted)."""

    name: str
    template: str
    ttl_ms: int

    def of(self, **parts: object) -> str:
        """The key of one object."""
        return self.template.format(**parts)


SECOND = 1000
MINUTE = 60 * SECOND

CHAT_META = CacheKey("meta", "chat:meta:{room_id}", 1 * SECOND)
# Outlives every fill that may be under way: no fill older than the floor is let in.
CHAT_FLOOR = CacheKey("floor", "chat:floor:{room_id}", 60 * SECOND)
CHAT_MESSAGES = CacheKey("messages", "chat:messages:{room_id}:{limit}", 3 * SECOND)
CHAT_CHANGES = CacheKey("changes", "chat:changes:{room_id}:{after}:{head}:{limit}", 30 * SECOND)
CHAT_MEMBER = CacheKey("member", "chat:member:{room_id}:{user_id}", 5 * MINUTE)
# Shorter than the floor's life, so that a floor is there for every change since the fill.
CHAT_ME = CacheKey("me", "chat:me:{user_id}", 40 * SECOND)
CHAT_ME_CURSOR = CacheKey("me_cursor", "chat:me:{user_id}:cursor:{cursor}", 10 * MINUTE)

USER_ROLE = CacheKey("role", "stats:user:{user_id}:role", 30 * MINUTE)
USER_PARTNER = CacheKey("partner", "stats:user:{user_id}:partner", 5 * MINUTE)
AUTH_GENERATION = CacheKey("generation", "auth:gen:{user_id}", 5 * MINUTE)
AUTH_SIGN_IN = CacheKey("sign_in", "auth:sid:{sid}", 5 * MINUTE)

RATE_LIMIT = CacheKey("rate", "rate:{limit}:{who}", 0)

# Pub/Sub channels.
INVALIDATE_CHANNEL = "parley:invalidate"
COMMIT_CHANNEL = "parley:commit"
CONTROL_CHANNEL = "parley:control"
TOPIC_CHANNEL = CacheKey("topic", "parley:topic:{topic}", 0)
