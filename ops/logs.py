"""Structured logs: who asked, what happened, how long it took; never what people wrote.

Records of the standard library (Django, uvicorn) and of structlog take one path. The request's
or the connection's id comes from contextvars. The last step, on the finished line, takes out what
must not be there however it came in: tokens in addresses and headers, and the rows that
PostgreSQL quotes in its error details.
"""

from __future__ import annotations

import logging
import logging.config
import os
import re
from pathlib import Path
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"
SECRETS = (
    # In a query string or a form, percent-encoded or not.
    re.compile(
        r"(?i)\b((?:access_token|refresh_token|api_?key|x-api-key|token|refresh|password|secret)(?:=|%3D))[^&\s\"'<>\\]+"
    ),
    re.compile(r"(?i)\b(authorization\W{1,4}|bearer[ .])(?:\w+ )?[\w.~+/=-]{8,}"),
    re.compile(r"()\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"),
    re.compile(r"(base64url\.bearer\.phx\.)[\w-]+"),
)
# PostgreSQL quotes whole rows in DETAIL; whatever follows it up to the next error of a chain goes.
DETAIL = re.compile(r"DETAIL:.*?(?=\n\n(?:The above|During handling)|\Z)", re.DOTALL)
MAX_FILE_BYTES = 10 * 1024 * 1024
KEPT_FILES = 5


def scrub(line: str) -> str:
    """The line without tokens and passwords."""
    for pattern in SECRETS:
        line = pattern.sub(rf"\1{HIDDEN}", line)
    return line


def hide_details(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Take what the database quotes from its rows out of every text."""
    for key, value in event.items():
        if isinstance(value, str) and "DETAIL:" in value:
            event[key] = DETAIL.sub(f"DETAIL: {HIDDEN}", value)
    return event


def _process(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    event["process"] = os.environ.get("PARLEY_PROCESS", "manage")
    event["pid"] = os.getpid()
    return event


class ScrubbingFormatter(structlog.stdlib.ProcessorFormatter):
    """The formatter whose finished line is scrubbed."""

    def format(self, record: logging.LogRecord) -> str:
        """One line (or, on a console, one line and a traceback)."""
        return scrub(super().format(record))


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(allow=["status_code"]),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    _process,
    hide_details,
]


def _json(event: Any, **kwargs: Any) -> str:
    return orjson.dumps(event, default=str).decode()


def configure(options: dict[str, Any]) -> None:
    """Set logging up (Django calls this with ``settings.LOGGING``).

    ``to``: ``file`` (one per process, below ``folder``) or ``stderr``. ``format``: ``json`` or ``console``.
    """
    as_json = options["format"] == "json"
    renderer: Processor = (
        structlog.processors.JSONRenderer(serializer=_json)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    process = os.environ.get("PARLEY_PROCESS", "manage")
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "parley": {
                    "()": ScrubbingFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                    "foreign_pre_chain": SHARED,
                }
            },
            "handlers": {"parley": _handler(options, process)},
            "root": {"handlers": ["parley"], "level": options["level"]},
            "loggers": {
                # Their handlers go: everything takes the one path.
                "django": {"handlers": [], "propagate": True},
                "django.server": {"handlers": [], "propagate": True},
                # Answers of 4xx are in the access log already; here only what raised.
                "django.request": {"level": "ERROR"},
                "uvicorn.error": {"level": "WARNING"},
                "daphne": {"level": "WARNING"},
                "asyncio": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _handler(options: dict[str, Any], process: str) -> dict[str, Any]:
    if options["to"] == "stderr":
        return {"class": "logging.StreamHandler", "formatter": "parley"}
    folder = Path(options["folder"])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "class": "logging.handlers.RotatingFileHandler",
        "formatter": "parley",
        "filename": str(folder / f"{process}.log"),
        "maxBytes": MAX_FILE_BYTES,
        "backupCount": KEPT_FILES,
        "encoding": "utf-8",
        "delay": True,
    }
