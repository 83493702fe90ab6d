"""Every key that Parley keeps in Redis, with its lifetime, once.

A key written out anywhere else is a defect: whoever changes a thing must find, in this one
place, what has to be dropped with it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheKey:
    """A key's form and its lifetime in milliseconds (0: until deleted).

    ``local_ms`` is how long a process may use a copy of its own (0: it keeps none).
    """

    name: str
    template: str
    ttl_ms: int
    local_ms: int = 0

    def of(self, **parts: object) -> str:
        """The key of one object."""
        return self.template.format(**parts)


SECOND = 1000
MINUTE = 60 * SECOND

CHAT_META = CacheKey("meta", "chat:meta:{room_id}", 1 * SECOND, 1 * SECOND)
# Outlives every fill that may be under way: no fill older than the floor is let in.
CHAT_FLOOR = CacheKey("floor", "chat:floor:{room_id}", 60 * SECOND)
CHAT_MESSAGES = CacheKey("messages", "chat:messages:{room_id}:{limit}", 3 * SECOND)
CHAT_CHANGES = CacheKey("changes", "chat:changes:{room_id}:{after}:{head}:{limit}", 30 * SECOND)
CHAT_MEMBER = CacheKey("member", "chat:member:{room_id}:{user_id}", 5 * MINUTE, 5 * MINUTE)
# Shorter than the floor's life, so that a floor is there for every change since the fill.
CHAT_ME = CacheKey("me", "chat:me:{user_id}", 40 * SECOND)
CHAT_ME_CURSOR = CacheKey("me_cursor", "chat:me:{user_id}:cursor:{cursor}", 10 * MINUTE)

USER_ROLE = CacheKey("role", "stats:user:{user_id}:role", 30 * MINUTE, 5 * MINUTE)
USER_PARTNER = CacheKey("partner", "stats:user:{user_id}:partner", 5 * MINUTE, 5 * MINUTE)
AUTH_GENERATION = CacheKey("generation", "auth:gen:{user_id}", 5 * MINUTE, 5 * MINUTE)
AUTH_SIGN_IN = CacheKey("sign_in", "auth:sid:{sid}", 5 * MINUTE, 5 * MINUTE)

RATE_LIMIT = CacheKey("rate", "rate:{limit}:{who}", 0)

# The right to fill ``key``, taken before the database is asked and lost when it changes.
CACHE_LEASE = CacheKey("lease", "lease:{key}", 20 * SECOND)
# Part of every value of ``core.cache``: raised, it makes all of them worthless.
CACHE_GENERATION = CacheKey("cache_generation", "parley:cache:generation", 0)

# Pub/Sub channels.
INVALIDATE_CHANNEL = "parley:invalidate"
COMMIT_CHANNEL = "parley:commit"
CONTROL_CHANNEL = "parley:control"
TOPIC_CHANNEL = CacheKey("topic", "parley:topic:{topic}", 0)
