"""How DRF answers with the errors of ``core.errors``: settings name what stands here.

Apart from them, because DRF's views must not be imported by what DRF's own settings import.
"""

from __future__ import annotations

from typing import Any

from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import exception_handler as standardized_handler
from drf_standardized_errors.types import ErrorResponse, ExceptionHandlerContext
from rest_framework.response import Response

from core.errors import ParleyError


class ErrorFormatter(ExceptionFormatter):
    """The library's formatter, plus the field and the extras of a ``ParleyError``."""

    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        """The body of the answer."""
        body: dict[str, Any] = super().format_error_response(error_response)
        if isinstance(self.exc, ParleyError):
            body["errors"][0]["attr"] = self.exc.attr
            body.update(self.exc.extra)
        return body


def exception_handler(exc: Exception, context: ExceptionHandlerContext) -> Response | None:
    """DRF's hook: the library's handler with our formatter (settings name it)."""
    return standardized_handler(exc, context)
