"""Content digest: is this the same business content as the last time?

Magento saves an order several times for one click and changes `protect_code` and `updated_at` every
time (magento reference §1.4), so equal bytes are rare and equal content is common. Two documents
have one digest when they differ only in:

* volatile keys (the tables below), and keys that repeat other parts of the document;
* null or absent (REST omits nulls, raw bodies carry them);
* how a number is written: `34`, `34.0`, `"34"`, `"34.0000"`; true/false and 1/0 alike.

A number with a leading zero is text: the postcode `"01234"` is not `"1234"`.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any

import orjson

# Never business content, wherever they stand.
VOLATILE_ANYWHERE = frozenset(
    {
        "_isNew",
        "_origData",
        "notification_sent",
        "parent_item",  # the whole parent row again
        "protect_code",
        "send_notification",
        "updated_at",
    }
)
# Of the order or customer itself.
VOLATILE_AT_TOP = frozenset(
    {
        "email_sent",
        "remote_ip",
        "send_email",
        "x_forwarded_for",
        # a customer is saved at every login, failed ones included (magento reference §3.3)
        "confirmation",
        "failures_num",
        "first_failure",
        "last_login_at",
        "lock_expires",
        "password_hash",
        "rp_token",
        "rp_token_created_at",
        "session_cutoff",
    }
)
# Inside a key, at any depth below it.
VOLATILE_INSIDE = {"shipping_assignments": frozenset({"items"})}  # the list of items again

MARK_BYTES = 6  # 48 bits
DIGEST_BYTES = 12  # 96 bits: of one order's saves, two alike by accident are not to be expected
MAX_DEPTH = 200  # below orjson's own limit of 254 levels
VOLATILE_OF_ENTITY = VOLATILE_ANYWHERE | VOLATILE_AT_TOP
NOTHING: frozenset[str] = frozenset()
NUMBERS = (bool, int, float)
SCALARS = (str, *NUMBERS)
MAX_PRINTED = 10**20  # what JSON has as a whole number; beyond it Python may refuse to print

PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)\.\d+")


def content_digest(entity: dict[str, Any]) -> str:
    """Return 24 hex digits over the business content of an order or customer. Never raises."""
    plain = _of_dict(entity, VOLATILE_OF_ENTITY, NOTHING, 0)
    try:
        text = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):  # lone surrogates: no JSON parser of ours lets them in
        text = repr(plain).encode(errors="backslashreplace")
    return blake2b(text, digest_size=DIGEST_BYTES).hexdigest()


def is_volatile(path: str) -> bool:
    """Whether what stands at a path counts as no content; `updated_at` is the version's, not."""
    names = set(path.split(".")) - {"updated_at"}
    return path in VOLATILE_AT_TOP or not VOLATILE_ANYWHERE.isdisjoint(names)


def save_mark(digest: str, updated_at: str) -> str:
    """Return what tells one save of a key from another: its content, and its time as sent."""
    text = f"{digest} {updated_at}".encode(errors="replace")
    return blake2b(text, digest_size=MARK_BYTES).hexdigest()


def _of_dict(
    value: dict[str, Any], skipped: frozenset[str], inside: frozenset[str], depth: int
) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, item in value.items():
        if item is None or key in skipped:
            continue
        kind = type(item)
        if kind is str:
            plain[key] = _of_text(item) if "." in item else item
        elif kind is int and -MAX_PRINTED < item < MAX_PRINTED:
            plain[key] = str(item)  # as `_of_number` does, without the call
        elif kind is float:
            plain[key] = _of_number(item)
        else:
            more = VOLATILE_INSIDE.get(key)
            plain[key] = _of_any(item, inside if more is None else inside | more, depth)
    return plain


def _of_any(value: Any, inside: frozenset[str], depth: int) -> Any:
    if depth > MAX_DEPTH and not isinstance(value, SCALARS):
        return "…"
    if isinstance(value, dict):
        skipped = VOLATILE_ANYWHERE | inside if inside else VOLATILE_ANYWHERE
        return _of_dict(value, skipped, inside, depth + 1)
    if isinstance(value, list):
        plain = []
        for item in value:
            plain.append(_of_any(item, inside, depth + 1))  # noqa: PERF401 - that is a call more
        return plain
    if isinstance(value, str):
        return _of_text(value) if "." in value else value
    return _of_number(value) if isinstance(value, NUMBERS) else None


def _of_text(value: str) -> str:
    if PLAIN_NUMBER.fullmatch(value):
        shorter = value.rstrip("0").rstrip(".")
        return "0" if shorter == "-0" else shorter
    return value


def _of_number(value: float) -> str:
    """Return the number as the text that `_of_text` makes of it."""
    if isinstance(value, float):
        if value.is_integer():
            return str(int(value))
        text = repr(value)
        return format(value, ".12f").rstrip("0").rstrip(".") if "e-" in text else text
    try:
        return str(int(value))
    except ValueError:  # more digits than Python prints
        return hex(value)
