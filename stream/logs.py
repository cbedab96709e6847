"""Logging: structured lines on stderr, with no secret and no personal data in them.

Fields whose names can carry personal data are masked here, at the one place every line passes.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

# Masked by name wherever they appear as a field of a log line.
PERSONAL_FIELDS = frozenset(
    {"email", "customer_email", "firstname", "lastname", "name", "telephone", "street", "body"}
)
SECRET_WORDS = ("secret", "token", "password", "assertion", "authorization", "private_key")


def mask_email(text: str) -> str:
    """Return `j***@example.com` for an e-mail address, other text unchanged."""
    local, at, domain = text.partition("@")
    return f"{local[:1]}***@{domain}" if at and local else text


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask personal and secret fields of a log line (a structlog processor)."""
    for name, value in event.items():
        lowered = name.lower()
        if lowered in PERSONAL_FIELDS or any(word in lowered for word in SECRET_WORDS):
            event[name] = "***"
        elif lowered == "key" and isinstance(value, str):
            event[name] = mask_email(value)
    return event


def configure_logs(
    *, level: str = "info", style: Literal["json", "console"] = "json", process: str = ""
) -> None:
    """Configure structlog and the standard library's logging for this process."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
