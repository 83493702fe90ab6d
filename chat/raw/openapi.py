"""What the generated OpenAPI says of the raw routes, which no serializer describes."""

from __future__ import annotations

from typing import Any

_TIME = {"type": "string", "format": "date-time", "nullable": True}
_INTEGER = {"type": "integer"}
_ETAG = {"ETag": {"description": "Strong. Send it as If-None-Match.", "schema": {"type": "string"}}}


def _operation(name: str, summary: str, parameters: list[dict[str, Any]], properties: dict[str, Any]) -> dict[str, Any]:
    body = {"type": "object", "properties": properties, "required": [key for key in properties if key != "cursor"]}
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["polling"],
        "parameters": parameters,
        "responses": {
            "200": {"description": "", "headers": _ETAG, "content": {"application/json": {"schema": body}}},
            "304": {"description": "Nothing has changed since the ETag that was sent."},
            "401": {"description": "No token, or one that is not valid any more."},
            **({"404": {"description": "No such room for you."}} if parameters[0]["in"] == "path" else {}),
        },
    }


ROOM_META = _operation(
    "room_meta",
    "Whether anything changed in a room: about 100 bytes, answered from the cache.",
    [{"in": "path", "name": "room_id", "required": True, "schema": {"type": "string", "format": "uuid"}}],
    {"lastMessageAt": _TIME, "offset": _INTEGER, "epoch": {"type": "string", "maxLength": 12}},
)
ME_META = _operation(
    "me_meta",
    "One poll for all of one's rooms: which of them changed since the cursor of an earlier answer.",
    [{"in": "query", "name": "since", "required": False, "schema": {"type": "string"}}],
    {
        "epoch": {"type": "string", "maxLength": 12},
        "cursor": {"type": "string"},
        "offset": _INTEGER,
        "unread": _INTEGER,
        "changed": {"type": "object", "additionalProperties": _INTEGER},
        "more": {"type": "boolean"},
    },
)
