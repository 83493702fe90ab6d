"""JSON in and out of DRF by orjson, and the rules that every REST answer follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer


class JSONRenderer(BaseRenderer):
    """UTF-8 JSON, compact."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The bytes of the answer; nothing for None (204)."""
        return b"" if data is None else orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)


class JSONParser(BaseParser):
    """JSON of at most the body limit, which is enforced before Django sees the request."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The value. Raises ParseError for broken JSON or text that is not UTF-8."""
        body = stream.read()
        if not body:
            return {}
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from error


def validated(
    serializer: type[BaseSerializer[Any]], request: Request, *, query: bool = False, **options: Any
) -> dict[str, Any]:
    """The body (or with ``query`` the query) of a request, checked. Raises ValidationError."""
    checked = serializer(data=request.query_params if query else request.data, **options)
    checked.is_valid(raise_exception=True)
    found: dict[str, Any] = checked.validated_data
    return found
