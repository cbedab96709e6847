"""Masks what a message quotes of the document it is about.

Salesforce's messages quote values of the record they refuse (`data value too large: Jane Roe`),
cut, joined and re-ordered by the mapping. So they are looked for word by word:

| the document's value | is masked in the message |
|---|---|
| a name, street, city, … (`PERSONAL_NAMES`) | every word of it |
| anything else that may not be shown | two neighbouring words of it, or its only word |
| a telephone number | its last digits, however they are written |

What is escaped in the message is read first; case, width and accents of letters do not count.

A word of Salesforce's own language (`number`, `state`) is masked only where a value stands: after a
colon or a quote, or beside another masked word. Not every Mr Number is worth an unreadable log.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

from schemas.person import digits_of
from schemas.readings import unescaped
from stream.ops.harmless import is_harmless
from stream.ops.masking import mask_text
from stream.ops.secret_masking import MASK

# Parts of Magento's and Salesforce's field names whose values are a person's.
_PERSONAL_NAMES = """
    firstname lastname middlename phone fax street postcode postalcode vat_id taxvat dob remote_ip
    x_forwarded_for company customer_note protect_code city email prefix suffix region cc_owner
    po_number sender recipient iban payer
"""
PERSONAL_NAMES = tuple(_PERSONAL_NAMES.split())
# What Salesforce's and our own messages are made of.
ORDINARY_WORDS = """
    a account address already an and are at bad be before by can cannot cart city close closed
    code company contact country county currency customer data date deleted duplicate duplicates
    email error exceeds field fields first for found from given has id in invalid is it item
    large last length letter long magento maximum max missing must name new no not number of on
    only or order orders phone postal price product province quantity record region required
    restricted row rule same sender set size stage state status street submit than that the this
    to too type unknown update use user valid value values was with you your zip
"""
ORDINARY = frozenset(ORDINARY_WORDS.split())
LONG_NUMBER = re.compile(r"(?<!\w)\+?\d[\d ()/-]{7,30}\d(?!\w)")  # telephone, card, order number
ANY_NUMBER = re.compile(r"(?<!\w)(?:\+|[A-Za-z]{2}(?=\d{2}))?\d[\d ()/.-]{5,30}\d(?!\w)")
WORD = re.compile(r"[^\W_][\w.'-]*+")
VALUE_STARTS = (":", '"', "'", "“", "«", "(", "=")
MIN_WORD_CHARACTERS = 2
MIN_LONE_CHARACTERS = 4  # of a value of one word whose name says nothing
MIN_PHONE_DIGITS = 7
LAST_DIGITS = 8  # countries and stores write the first ones in many ways
BYTES = re.compile(r"(?:=[0-9a-fA-F]{2})+")  # of a mail
PART = re.compile(r"[^\W_]{2,}")
UNDIVIDED = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "\u0131": "i"}
)
LONG_WORD_CHARACTERS = 20  # the least length at which a quoted word may have been cut
MAX_VALUES = 20_000
MAX_VALUE_CHARACTERS = 2_000
MAX_WORD_CHARACTERS = 200


@dataclass(slots=True)
class _Quotable:
    """What of a document is looked for."""

    words: set[str] = field(default_factory=set)
    long: list[str] = field(default_factory=list)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    digits: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)

    def add(self, name: str, text: str) -> None:
        text = unicodedata.normalize("NFC", text)
        words = [_folded(word[:MAX_WORD_CHARACTERS]) for word in WORD.findall(text)]
        if is_personal(name) or (len(words) == 1 and _is_telling(text.strip())):
            self.words.update(word for word in words if len(word) >= MIN_WORD_CHARACTERS)
            if is_personal(name):
                self.words.update(map(_folded, PART.findall(text[:MAX_VALUE_CHARACTERS])))
                self.words.update(word.replace("'", "") for word in words if "'" in word)
            self.long += (word for word in words if len(word) > LONG_WORD_CHARACTERS)
        self.pairs.update(pairwise(words))
        if len(digits := digits_of(text)) >= MIN_PHONE_DIGITS:
            self.digits.add(digits)
            if "phone" in name.lower() or "fax" in name.lower():
                self.phones.add(digits[-LAST_DIGITS:])

    def has_number(self, text: str) -> bool:
        """Whether a number is one of the document's, or its telephone's end."""
        digits = digits_of(text)
        is_phone = len(digits) >= MIN_PHONE_DIGITS and digits[-LAST_DIGITS:] in self.phones
        return digits in self.digits or is_phone

    def holds(self, word: str) -> bool:
        """Whether a word is a personal one, or the beginning of one that was cut."""
        if word in self.words:
            return True
        if len(word) < LONG_WORD_CHARACTERS:
            return False
        at = bisect_left(self.long, word)
        return at < len(self.long) and self.long[at].startswith(word)


def mask_quoted(text: str, document: Any) -> str:
    """Return the text without e-mail addresses and the document's personal values."""
    quotable = _Quotable()
    for name, value in _hidden_values(document):
        quotable.add(name, value)
    quotable.long.sort()
    masked = ANY_NUMBER.sub(
        lambda found: MASK if quotable.has_number(found[0]) else found[0],
        mask_text(_unescaped(text)),
    )
    words = list(WORD.finditer(masked))
    hidden = _hidden_words(masked, words, quotable)
    parts, end = [], 0
    for position in sorted(hidden):
        parts += [masked[end : words[position].start()], MASK]
        end = words[position].end()
    return "".join([*parts, masked[end:]])


def _unescaped(text: str) -> str:
    """Return a message with what senders and Salesforce escape as it reads."""
    text = BYTES.sub(_decoded, unescaped(text))
    if not text.isascii():
        # An escaped emoji reads as two halves, or one where it was cut: no record can hold halves.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFC", text)


def _decoded(found: re.Match[str]) -> str:
    try:
        text = bytes.fromhex(found[0].replace("=", "")).decode()
    except UnicodeDecodeError:
        return found[0]
    return text if text.isprintable() else found[0]


def _hidden_words(text: str, words: list[re.Match[str]], quotable: _Quotable) -> set[int]:
    """Return the positions of the words to mask; an ordinary one needs a reason of its own."""
    folded = [_folded(word[0]) for word in words]
    found = {position for position, word in enumerate(folded) if quotable.holds(word)}
    for position, pair in enumerate(pairwise(folded)):
        if pair in quotable.pairs and not ORDINARY.issuperset(pair):
            found |= {position, position + 1}
    sure = {n for n in found if folded[n] not in ORDINARY or _starts_a_value(text, words[n])}
    return {n for n in found if n in sure or n - 1 in sure or n + 1 in sure}


def _starts_a_value(text: str, word: re.Match[str]) -> bool:
    return text[max(0, word.start() - 3) : word.start()].rstrip().endswith(VALUE_STARTS)


def _hidden_values(document: Any) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of a document that may not be shown."""
    waiting: list[tuple[str, Any]] = [("", document)]
    seen = 0
    while waiting and seen < MAX_VALUES:
        seen += 1
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(key), item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(name, item) for item in value]
        elif not is_harmless(name, value):
            yield name, str(value)[:MAX_VALUE_CHARACTERS]


@lru_cache(maxsize=4096)
def is_personal(name: str) -> bool:
    """Whether a field holds what a person is called, or where one lives."""
    return name == "Name" or any(part in name.lower() for part in PERSONAL_NAMES)


def _is_telling(word: str) -> bool:
    """Whether the only word of a value tells something: a name or a number, not just a word."""
    return len(word) >= MIN_LONE_CHARACTERS and not (word.isalpha() and word.islower())


@lru_cache(maxsize=65_536)
def _folded(word: str) -> str:
    """Return a word as it is compared: whatever its case, width and accents."""
    word = word.rstrip(".'-").casefold().removesuffix("'s")
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFKD", word.translate(UNDIVIDED))
    return "".join(char for char in parts if not unicodedata.combining(char))
