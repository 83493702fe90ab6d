"""What the OpenAPI generator cannot find by itself (the settings name these hooks)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.raw import discover_routes

Endpoint = tuple[str, str, str, Callable[..., Any]]


def only_versioned(endpoints: list[Endpoint]) -> list[Endpoint]:
    """The paths without the version answer too; describing each of them twice would help nobody."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def add_raw_routes(result: dict[str, Any], **_options: object) -> dict[str, Any]:
    """Put the routes that answer ahead of Django beside the others."""
    for route in discover_routes():
        if route.operation:
            operation = {**route.operation, "security": [{"bearer": []}]}
            result["paths"][route.path] = {"get": operation}
    result["paths"] = dict(sorted(result["paths"].items()))
    return result
