"""Masking: what people are shown of events, without the personal data in them.

By name where there are names (documents), by pattern and by comparison where there is only text: a
message of Salesforce quotes values of the record it refuses, so they are looked for in it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

# Addresses that are none (`jane@example`) are what error messages quote. `orders/4@49` is a place.
EMAIL = re.compile(r"[\w.+-]+@[A-Za-z][\w-]*(?:\.[\w-]+)*")
# Parts of Magento's field names whose values are a person's: `customer_firstname`, `street`, …
PERSONAL_NAMES = (
    "firstname",
    "lastname",
    "middlename",
    "phone",
    "fax",
    "street",
    "postcode",
    "postalcode",
    "vat_id",
    "taxvat",
    "dob",
    "remote_ip",
    "x_forwarded_for",
    "company",
    "customer_note",
    "protect_code",
)
# Salesforce's name of an account, contact or order; Magento's `name` is a product's.
PERSONAL_FIELDS = frozenset({"Name"})
# Names whose values stay readable in documents, but not where a message of somebody quotes them.
PERSONAL_IN_TEXT = ("city", "email", "prefix", "suffix")
LONG_NUMBER = re.compile(r"(?<!\w)\+?\d[\d ()/-]{7,}\d(?!\w)")  # telephone, card, order number
MIN_WORD_CHARACTERS = 2
MIN_PHONE_DIGITS = 7
LONG_WORD_CHARACTERS = 20  # the least length at which a quoted word may have been cut
WORD = re.compile(r"[^\W_][\w.'-]*")


def mask_email(text: str) -> str:
    """Return `j***@example.com` for an e-mail address, other text unchanged."""
    local, at, domain = text.partition("@")
    return f"{local[:1]}***@{domain}" if at and local else text


def mask_text(text: str) -> str:
    """Return the text with every e-mail address masked."""
    return EMAIL.sub(lambda found: mask_email(found[0]), text)


def mask_document(value: Any, name: str = "") -> Any:
    """Return JSON data with personal values masked; ids, amounts and states stay readable."""
    if isinstance(value, dict):
        return {key: mask_document(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [mask_document(item, name) for item in value]
    if value not in (None, "") and _is_personal(name):
        return "***"
    return mask_text(value) if isinstance(value, str) else value


def _is_personal(name: str) -> bool:
    return name in PERSONAL_FIELDS or any(part in name.lower() for part in PERSONAL_NAMES)


def mask_quoted(text: str, document: Any) -> str:
    """Return the text without e-mail addresses and the document's personal values.

    Values are compared word by word, because a mapping joins, cuts and re-orders them, and
    telephone numbers by their digits, because it writes them in other ways.
    """
    values = _personal_texts(document)
    words = {_folded(word) for value in values for word in WORD.findall(value)}
    digits = {found for value in values if len(found := _digits(value)) >= MIN_PHONE_DIGITS}
    masked = LONG_NUMBER.sub(
        lambda found: "***" if _digits(found[0]) in digits else found[0], mask_text(text)
    )
    return WORD.sub(
        lambda found: "***" if _is_quoted(_folded(found[0]), words) else found[0], masked
    )


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


def _folded(word: str) -> str:
    return word.rstrip(".'-").casefold()


def _is_quoted(word: str, words: set[str]) -> bool:
    """Whether a word is a personal one, or the beginning of one that was cut."""
    if len(word) < MIN_WORD_CHARACTERS:
        return False
    return word in words or (
        len(word) >= LONG_WORD_CHARACTERS and any(known.startswith(word) for known in words)
    )


def _personal_texts(document: Any) -> list[str]:
    """Return the personal values of a document; they are few, the document is large."""
    found: list[str] = []
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(name, item) for item in value]
        elif value and _is_personal_in_text(name):
            found.append(str(value))
    return found


@lru_cache(maxsize=4096)
def _is_personal_in_text(name: str) -> bool:
    return _is_personal(name) or any(part in name.lower() for part in PERSONAL_IN_TEXT)
