r"""Whether a record names a person, however it is spelled: pure.

A search in bytes misses what a sender writes in another way, and senders do: PHP escapes every
letter beyond ASCII (`\u00f8`). So a record is decoded, brought into one spelling, and searched:

| spelling | is undone by |
|---|---|
| JSON escapes, also of JSON within a string | decoding, and unescaping what is left |
| per cent and HTML escapes of an address | unescaping; what is no UTF-8 is Latin-1 |
| other case, other Unicode normal forms, full-width letters | NFKC and casefold |
| punycode of a host name | decoding its labels |
| letters that nobody sees | removing them |
| quotes and blanks around the `@` | allowing them |
| an id beside its name, in a pair or in an object `customer` | a pattern of each |

What is encrypted, packed or in Base64 is not looked into.
"""

from __future__ import annotations

import codecs
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

import orjson

from schemas.texts import identifier

ESCAPE = re.compile(
    r"(?:\\+u|%[uU]|\\+U0000)([0-9a-fA-F]{4})|\\+x([0-9a-fA-F]{2})|\\+u\{0*([0-9a-fA-F]{1,4})\}"
)
QUOTE = re.compile(r"\\+([\"'/])")
BLANK = re.compile(r"\\+[bfnrtv]")  # of JSON: written with a letter that belongs to no word
PUNYCODE = re.compile(r"xn--([a-z0-9-]+)")
UNSEEN = re.compile("[\u034f\u180b-\u180d\ufe00-\ufe0f]")  # beside the category Cf
DIGITS = re.compile(r"\d[\d ()/.\u2010-\u2015-]{5,60}\d")
LONGEST_PHONE = 15  # digits, by E.164: longer is two numbers in a row
MAX_ROUNDS = 4  # of unescaping: JSON in JSON in a query
PHONE_DIGITS = 8  # the last ones: countries and stores write the first in many ways
OWN_ID_FIELDS = ("id", "entity_id", "customer_id")  # of a customer's own document
ID_NAME = "(?:[a-z]+_)*customer_?id(?:__c)?"  # in texts; case is folded there
JOINT = r"(?:=>|[:=>]|;i:|;s:\d+:)"
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
            self._is_phone(found[0]) for found in DIGITS.finditer(text)
        )

    def _is_phone(self, number: str) -> bool:
        digits = digits_of(number)
        if len(digits) > LONGEST_PHONE:
            return any(phone in digits for phone in self._phones)
        return digits[-PHONE_DIGITS:] in self._phones

    @cached_property
    def _addresses(self) -> frozenset[str]:
        return frozenset(plain(email).strip() for email in self.emails)

    @cached_property
    def _phones(self) -> frozenset[str]:
        return frozenset(filter(None, map(_tail, self.phones)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Addresses as whole ones; ids as the values of the fields that hold a customer's."""
        addresses = "|".join(map(_spelled, sorted(self._addresses)))
        parts = [rf"(?<![\w.+-])(?:{addresses})(?![\w-]|\.\w)"] if addresses else []
        if ids := "|".join(re.escape(plain(number)) for number in self.customer_ids):
            value = rf'"?(?:{ids})(?:\.0+)?"?(?=\s*[,}}\]])'
            parts += [
                # JSON, YAML, XML, a query, Python's and PHP's own
                rf"(?<![a-z]){ID_NAME}[\"']?\s*{JOINT}\s*[\"']?0*(?:{ids})(?:\.0+)?(?![\w.-])",
                rf'"{ID_NAME}"\s*,\s*"value"\s*:\s*{value}',
                rf'"value"\s*:\s*{value}\s*,\s*"[a-z_]+"\s*:\s*"{ID_NAME}"',
                rf'"customer"\s*:\s*\{{[^{{}}]{{0,2000}}?"(?:entity_)?id"\s*:\s*{value}',
            ]
        return re.compile("|".join(parts) or r"(?!)")


def plain_text(raw: bytes) -> str:
    """Return a record's text in the one spelling that is searched."""
    return plain(_decoded(raw))


def plain(text: str) -> str:
    """Return a text without escapes, in one case and one normal form, nothing unseen in it."""
    for _ in range(MAX_ROUNDS):
        before = text
        if "\\" in text or "%u" in text or "%U" in text:
            text = ESCAPE.sub(lambda found: chr(int(found[found.lastindex or 0], 16)), text)
        if "%" in text:
            text = unquote(text, errors=LATIN)
        if "&" in text:
            text = html.unescape(text)
        if "\\" in text:
            text = BLANK.sub(" ", QUOTE.sub(r"\1", text))
        if text == before:
            break
    if any("\ud800" <= char <= "\udfff" for char in text):  # halves that were escaped one by one
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if not text.isascii():
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
        text = UNSEEN.sub("", text)
        text = unicodedata.normalize("NFKC", text).casefold()
        text = unicodedata.normalize("NFKC", text).replace("\u3002", ".")
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


def digits_of(number: str) -> str:
    """Return a number's digits, of whatever script, as ASCII."""
    return "".join(str(unicodedata.decimal(char)) for char in number if char.isdecimal())


def _tail(number: str) -> str:
    digits = digits_of(number)
    return digits[-PHONE_DIGITS:] if len(digits) >= PHONE_DIGITS else ""


def _spelled(address: str) -> str:
    """Return the pattern of an address; mail takes quotes and blanks around the `@`, and `=40`."""
    local, _, host = address.partition("@")
    return rf'{re.escape(local)}"?(?:\s{{0,2}}@\s{{0,2}}|=40){re.escape(host)}'


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


LATIN = "orderstream-latin-1"
codecs.register_error(LATIN, _as_latin_1)


def customer_ids_in(entity: Mapping[str, object], names: Iterable[str] = ID_FIELDS) -> set[str]:
    """Return the customer ids that a document gives in these fields; guests have none."""
    return {found for name in names if (found := identifier(entity.get(name)))}
