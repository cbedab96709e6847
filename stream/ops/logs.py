"""Logging: structured lines on stderr, with no secret and no personal data in them.

Every line passes here, ours and those of libraries:

| what | becomes |
|---|---|
| a field whose name can carry a person or a secret | `***` |
| an e-mail address in any text | `j***@example.com` |
| an exception | where it happened and its type, without its message: that may quote a customer |
| a warning, an exception nobody caught, of a thread or a destructor too | a line like every other |

Whoever logs a text made of somebody's data masks it before (`stream.ops.masking`); a test plants
canaries in every secret and every personal field and looks for them in all that is written.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog

from stream.ops.harmless import plain_name
from stream.ops.masking import mask_text
from stream.ops.printable import printable
from stream.ops.quoted_masking import is_personal
from stream.ops.secret_masking import MASK, is_secret_name

# Masked by name wherever they appear in a log line, beside `is_personal` and `is_secret_name`.
_PERSONAL_FIELDS = """
    name first_name last_name surname given_name family_name full_name nickname customer
    customer_name mobile mobile_number address_line birthday birth_date ssn card_number cvv pin otp
    comment note body payload
"""
PERSONAL_FIELDS = frozenset(_PERSONAL_FIELDS.split())
MAX_FRAMES = 50


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask personal and secret fields of a log line (a structlog processor)."""
    for name, value in event.items():
        event[name] = _masked(value, name)
    return event


def _masked(value: Any, name: str) -> Any:
    """Return a value for a line; what is no JSON becomes its text here, and not after us."""
    if value is None or isinstance(value, bool):
        return value
    plain = plain_name(name)
    if plain in PERSONAL_FIELDS or is_personal(plain) or is_secret_name(plain):
        return MASK
    if isinstance(value, str):
        return printable(mask_text(value))
    if isinstance(value, dict):
        return {_masked(str(key), ""): _masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(item, "") for item in value]
    return value if isinstance(value, int | float) else printable(mask_text(str(value)))


def place_of_exception(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace `exc_info` by frames and types, the cause first (a structlog processor)."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = exception_text(error)
        # asyncio describes the failed task on further lines, exception and all.
        event["event"] = str(event.get("event", "")).partition("\n")[0]
    return event


def exception_text(error: BaseException) -> str:
    """Return the traceback without any message."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = [exception_text(cause)] if cause is not None else []
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    # Without the lines of source: Python 3.13 keeps those of code that was handed to it as text.
    frames = "".join(
        f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n'
        for frame in traceback.extract_tb(error.__traceback__, limit=-MAX_FRAMES)
    )
    return "\n".join(
        [*before, *(exception_text(each) for each in inner), f"{frames}{type(error).__qualname__}"]
    )


class UnbreakableStream:
    """A text stream whose reader may go: what cannot be written is lost, and nothing is raised.

    A line reports an act. It must not keep the process from its next one.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write as far as somebody reads."""
        with suppress(OSError, ValueError):  # ValueError: closed
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush as far as somebody reads."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure_logs(
    *, level: str = "info", style: Literal["json", "console"] = "json", process: str = ""
) -> None:
    """Configure structlog and the standard library's logging for this process."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    lines: Any = UnbreakableStream(sys.stderr)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _named(process),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        place_of_exception,
        mask,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        # One write a line, its end included: processes share a stream, and lines stay whole.
        logger_factory=structlog.WriteLoggerFactory(lines),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    # Python's own print the message as it is; somebody else's (a test runner's) is left.
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _log_uncaught_of_thread
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _log_unraisable


def _named(process: str) -> Any:
    """Return a processor that names the process, in the lines of every thread."""

    def name(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
        event.setdefault("process", process)
        return event

    return name


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        structlog.get_logger().critical("uncaught_exception", exc_info=error)


def _log_uncaught_of_thread(args: threading.ExceptHookArgs) -> None:
    if not issubclass(args.exc_type, SystemExit):
        name = args.thread.name if args.thread else ""
        log = structlog.get_logger()
        log.critical("uncaught_exception", exc_info=args.exc_value, thread=name)


def _log_unraisable(args: sys.UnraisableHookArgs) -> None:
    """Log what a destructor raised: it may run within any line of ours, that of a log line too.

    So by the standard library, whose lock lets the same thread in again; structlog's does not.
    """
    logging.getLogger(__name__).error("unraisable_exception", exc_info=args.exc_value)
