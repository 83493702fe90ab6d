"""OpenAPI from the types that the code has anyway."""

from __future__ import annotations

from typing import Any

from drf_spectacular import plumbing

# The library's function has no types.
_resolve_type_hint: Any = plumbing.resolve_type_hint


def shape(hint: Any) -> dict[str, Any]:
    """The schema of a type (a TypedDict of ``payloads``, a list of them), for ``extend_schema``."""
    schema: dict[str, Any] = _in_order(_resolve_type_hint(hint))
    return schema


def listing(plural: str, hint: Any) -> dict[str, Any]:
    """The schema of a page of a list: ``{"<plural>": […], "next_cursor": …}``."""
    return {
        "type": "object",
        "properties": {
            plural: {"type": "array", "items": shape(hint)},
            "next_cursor": {"type": "string", "nullable": True},
        },
        "required": [plural, "next_cursor"],
    }


def _in_order(schema: Any) -> Any:
    # The library takes the required keys from a set, and a generated page must not change by chance.
    if isinstance(schema, dict):
        ordered = {key: _in_order(value) for key, value in schema.items()}
        if isinstance(ordered.get("required"), list):
            ordered["required"] = sorted(ordered["required"])
        return ordered
    return [_in_order(item) for item in schema] if isinstance(schema, list) else schema
