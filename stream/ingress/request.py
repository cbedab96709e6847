"""What a request's first lines already say: which event, and whether a body is worth reading."""

from __future__ import annotations

import re

from aiohttp import hdrs
from multidict import CIMultiDictProxy

from stream.ingress.responses import Reason, Rejection

WEBHOOK_PATH = "/magento/webhook"
EVENT_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
IDENTITY_ENCODINGS = ("", "identity")


def event_in_path(path: str) -> str:
    """Return the event name of `/magento/webhook[/{event}]`, '' without one; raises Refused."""
    return event_after(WEBHOOK_PATH, path)


def event_after(prefix: str, path: str) -> str:
    """Return the event name of `<prefix>[/{event}]`, '' without one; raises Refused."""
    rest = path[len(prefix) :]
    if rest in ("", "/"):
        return ""
    if not rest.startswith("/"):
        raise Rejection(Reason.NOT_FOUND, "there is nothing at this address")
    if not EVENT_NAME.fullmatch(rest[1:]):
        raise Rejection(Reason.EVENT_NAME, "the event name in the address is no name")
    return rest[1:]


def check_headers(
    headers: CIMultiDictProxy[str], content_length: int | None, max_body_bytes: int
) -> None:
    """Refuse what can be seen before the body is read: 413 and 415; raises Refused."""
    if content_length is not None and content_length > max_body_bytes:
        raise Rejection(Reason.TOO_LARGE, f"the body is larger than {max_body_bytes} bytes")
    if hdrs.CONTENT_ENCODING in headers:
        encodings = ",".join(headers.getall(hdrs.CONTENT_ENCODING))
        if any(name.strip().lower() not in IDENTITY_ENCODINGS for name in encodings.split(",")):
            raise Rejection(Reason.ENCODED, "the body has a Content-Encoding")
    if headers.get(hdrs.CONTENT_TYPE, "").lstrip().lower().startswith("multipart/"):
        raise Rejection(Reason.MULTIPART, "the body is multipart")
