"""Who holds a token: asked of the app above, by the dotted path ``PARLEY_AUTHENTICATOR``.

The path names ``authenticate(raw) -> Principal``, which raises InvalidToken. Beside it, in the same
module, stand the same function for coroutines (its name with an ``a`` in front) and
``check_principal(principal)``, which says whether a token that was good still is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from importlib import import_module
from typing import Protocol
from uuid import UUID

from django.conf import settings

from core.cache import run_in_thread


class Principal(Protocol):
    """Whom a token stands for. ``exp`` in Unix seconds."""

    @property
    def user_id(self) -> UUID: ...
    @property
    def sid(self) -> UUID: ...
    @property
    def exp(self) -> int: ...


@lru_cache(maxsize=8)
def _functions(path: str) -> tuple[Callable[[str], Awaitable[Principal]], Callable[[Principal], None]]:
    module_name, _, name = path.rpartition(".")
    module = import_module(module_name)
    return getattr(module, f"a{name}"), module.check_principal


async def authenticate(raw: str) -> Principal:
    """Whom this token stands for, now. Raises InvalidToken."""
    return await _functions(settings.PARLEY_AUTHENTICATOR)[0](raw)


async def check(principal: Principal) -> None:
    """Whether this principal may still act. Raises InvalidToken."""
    await run_in_thread(_functions(settings.PARLEY_AUTHENTICATOR)[1], principal)
