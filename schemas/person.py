r"""Whether a record names a person, however it is spelled: pure.

A search in bytes misses what a sender writes in another way, and senders do: PHP escapes every
letter beyond ASCII (`\u00f8`). So a record is decoded, brought into one spelling, and searched:

| spelling | is undone by |
|---|---|
| JSON escapes, also of JSON within a string | decoding, and unescaping what is left |
| per cent and HTML escapes of an address | unescaping |
| other case, other Unicode normal forms, full-width letters | NFKC and casefold |
| punycode of a host name | decoding its labels |
| letters that nobody sees | removing them |
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

import orjson

ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})|\\+x([0-9a-fA-F]{2})")
PUNYCODE = re.compile(r"xn--([a-z0-9-]+)")
DIGITS = re.compile(r"\+?\d[\d ()/.-]{5,30}\d")
MAX_ROUNDS = 4  # of unescaping: JSON in JSON in a query
PHONE_DIGITS = 8  # the last ones: countries and stores write the first in many ways
OWN_ID_FIELDS = ("id", "entity_id", "customer_id")  # of a customer's own document
ID_FIELDS = ("customer_id", "customerId", "ext_customer_id")


@dataclass(frozen=True)
class Person:
    """Whom to look for: every address, customer id and telephone number they have or had."""

    emails: tuple[str, ...]
    customer_ids: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    def is_named_in(self, *parts: bytes) -> bool:
        """Whether any part of a record names the person: its key, its headers, its value."""
        return any(self._is_in(plain_text(part)) for part in parts if part)

    def has_email(self, address: str) -> bool:
        """Whether an address is one of the person's, in whatever spelling."""
        return plain(address).strip() in self._addresses

    def _is_in(self, text: str) -> bool:
        if self._pattern.search(text) is not None:
            return True
        return bool(self._phones) and any(
            _tail(found[0]) in self._phones for found in DIGITS.finditer(text)
        )

    @cached_property
    def _addresses(self) -> frozenset[str]:
        return frozenset(plain(email).strip() for email in self.emails)

    @cached_property
    def _phones(self) -> frozenset[str]:
        return frozenset(filter(None, map(_tail, self.phones)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Addresses as whole ones; ids as the values of the fields that hold a customer's."""
        addresses = "|".join(re.escape(address) for address in sorted(self._addresses))
        parts = [rf"(?<![\w.+-])(?:{addresses})(?![\w-]|\.\w)"] if addresses else []
        if ids := "|".join(re.escape(plain(number)) for number in self.customer_ids):
            names = "|".join(name.casefold() for name in ID_FIELDS)
            parts.append(rf'"(?:{names})"\s*:\s*"?(?:{ids})"?(?=\s*[,}}\]])')
        return re.compile("|".join(parts) or r"(?!)")


def plain_text(raw: bytes) -> str:
    """Return a record's text in the one spelling that is searched."""
    return plain(_decoded(raw))


def plain(text: str) -> str:
    """Return a text without escapes, in one case and one normal form, nothing unseen in it."""
    for _ in range(MAX_ROUNDS):
        before = text
        if "\\" in text:
            text = ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
        if "%" in text:
            text = unquote(text, errors="ignore")
        if "&" in text:
            text = html.unescape(text)
        if text == before:
            break
    if any("\ud800" <= char <= "\udfff" for char in text):  # halves that were escaped one by one
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if not text.isascii():
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
        text = unicodedata.normalize("NFKC", text).casefold()
        text = unicodedata.normalize("NFKC", text)
    else:
        text = text.lower()
    return PUNYCODE.sub(_host_label, text) if "xn--" in text else text


def _decoded(raw: bytes) -> str:
    """Return JSON without its escapes; what is no JSON, or too deep to write, as it stands."""
    try:
        return orjson.dumps(orjson.loads(raw)).decode()
    except (orjson.JSONDecodeError, TypeError):
        pass
    try:
        return json.dumps(json.loads(raw), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return raw.decode(errors="replace")


def _host_label(found: re.Match[str]) -> str:
    try:
        label = found[1].encode().decode("punycode")
    except UnicodeError:
        return found[0]
    return unicodedata.normalize("NFKC", label).casefold()


def _tail(number: str) -> str:
    digits = "".join(filter(str.isdecimal, number))
    return digits[-PHONE_DIGITS:] if len(digits) >= PHONE_DIGITS else ""


def customer_ids_in(entity: Mapping[str, object], names: Iterable[str] = ID_FIELDS) -> set[str]:
    """Return the customer ids that a document gives in these fields; guests have none."""
    values = (entity.get(name) for name in names)
    return {str(value) for value in values if value not in (None, "", 0, "0")}
