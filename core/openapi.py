"""What OpenAPI says of every door: beside its answers, the errors in their one shape.

The library derives errors from DRF's own permission and throttle classes, which we do not use: our
services raise. So the rule is by what a door takes: a path, a body, a sign-in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from drf_spectacular import openapi
from rest_framework import serializers

from core import errors

_BODY_METHODS = ("POST", "PUT", "PATCH")


class ErrorEntry(serializers.Serializer[Any]):
    """One thing that is wrong."""

    code = serializers.CharField(help_text="From the list of codes; for programs.")
    detail = serializers.CharField(help_text="For people.")
    attr = serializers.CharField(allow_null=True, help_text="The field that is wrong, if it is one.")


# Made by hand: as a class body its field ``errors`` would hide the property of every serializer.
Error: Any = type(
    "Error",
    (serializers.Serializer,),
    {
        "__doc__": "The one shape of errors; some have more beside `errors` (`current`, `retry_after`, `epoch`).",
        "type": serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"]),
        "errors": ErrorEntry(many=True),
    },
)


class AutoSchema(openapi.AutoSchema):
    """drf-spectacular's, with our errors."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        found: dict[str, Any] = super()._get_response_bodies(direction)
        if direction == "response":
            # The library's method has no types.
            answer: Any = self._get_response_for_code
            for error in self._errors():
                code = str(error.status_code)
                if code not in found:
                    found[code] = {**answer(Error, code), "description": error.default_detail}
        return found

    def _errors(self) -> Iterator[type[errors.ParleyError]]:
        writes = self.method != "GET"
        has_path = "{" in self.path
        yield errors.Invalid
        if self.view.get_authenticators():
            yield errors.NotAuthenticated
        if has_path or writes:
            yield errors.Forbidden
        if has_path:
            yield errors.NotFound
        if writes:
            yield from (errors.Conflict, errors.RateLimited, errors.Unavailable)
        if self.path.endswith("/changes"):
            yield errors.PositionLost
        if self.method in _BODY_METHODS:
            yield errors.PayloadTooLarge
