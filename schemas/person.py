"""Whether a record names a person, however it is spelled: pure.

A record is brought into its readings (`schemas/readings.py`), and each is searched:

| spelled | is found by |
|---|---|
| quotes, blanks and comments around the `@`; `(at)`, ` at `, `[dot]` | a pattern of the address |
| an id beside its name, in a pair or in an object `customer` | a pattern of each |
| a telephone number with or without the country, divided anyhow | its last digits |
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from schemas.email import in_one_spelling
from schemas.readings import plain, readings
from schemas.texts import identifier

DIGITS = re.compile(r"\d[\d ()/.\u2010-\u2015-]{5,60}\d")
LONGEST_PHONE = 15  # digits, by E.164: longer is two numbers in a row
PHONE_DIGITS = 8  # the last ones: countries and stores write the first in many ways
OWN_ID_FIELDS = ("id", "entity_id", "customer_id")  # of a customer's own document
ID_NAME = "customer_?id(?:__c)?"  # in texts; case is folded there
BEFORE = "[a-z_]{0,60}(?<![a-z])"  # the name, between quotes
JOINT = r"(?:=>|[:=>]|;i:|;s:\d+:)"
_OPEN, _CLOSE = r"\s{0,2}[\[({<]\s?", r"\s?[\])}>]\s{0,2}"
AT = rf"\s{{0,2}}@\s{{0,2}}|{_OPEN}(?:at|ät|a|@){_CLOSE}|[\s_-]{{1,2}}at[\s_-]{{1,2}}"
_DOT = r"dot|punkt|point|punto|\."
DOT = rf"(?:\s?\.\s?|{_OPEN}(?:{_DOT}){_CLOSE}|[\s_-]{{1,2}}(?:{_DOT})[\s_-]{{1,2}})"
COMMENT = r"(?:\s?\([^()]{0,64}\)\s?)?"
ID_FIELDS = ("customer_id", "customerId", "ext_customer_id")


@dataclass(frozen=True)
class Person:
    """Whom to look for: every address, customer id and telephone number they have or had."""

    emails: tuple[str, ...]
    customer_ids: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    def is_named_in(self, *parts: bytes) -> bool:
        """Whether any part of a record names the person: its key, its headers, its value."""
        return any(self._is_in(text) for part in parts if part for text in readings(part))

    def has_email(self, address: str) -> bool:
        """Whether an address is one of the person's, in whatever spelling: `ß` is not `ss`."""
        written = in_one_spelling(unquote(address))
        if written.casefold() in self._folded:
            return written in self._written
        texts = readings(address.encode(errors="replace"))
        return any(self._address.fullmatch(text.strip()) for text in texts)

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
    def _address(self) -> re.Pattern[str]:
        spelled = sorted({_spelled(plain(email).strip()) for email in self.emails})
        return re.compile("|".join(spelled) or r"(?!)")

    @cached_property
    def _written(self) -> frozenset[str]:
        return frozenset(map(in_one_spelling, self.emails))

    @cached_property
    def _folded(self) -> frozenset[str]:
        return frozenset(email.casefold() for email in self._written)

    @cached_property
    def _phones(self) -> frozenset[str]:
        return frozenset(filter(None, map(_tail, self.phones)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Addresses as whole ones; ids as the values of the fields that hold a customer's."""
        parts = [rf"(?<![\w.+-])(?:{self._address.pattern})(?![\w-]|\.\w)"]
        if ids := "|".join(re.escape(plain(number)) for number in self.customer_ids):
            value = rf'"?(?:{ids})(?:\.0+)?"?(?=\s*[,}}\]])'
            parts += [
                # JSON, YAML, XML, a query, Python's and PHP's own
                rf"(?<![a-z]){ID_NAME}[\"']?\s*{JOINT}\s*[\"']?0*(?:{ids})(?:\.0+)?(?![\w.-])",
                rf'"{BEFORE}{ID_NAME}"\s*,\s*"value"\s*:\s*{value}',
                rf'"value"\s*:\s*{value}\s*,\s*"[a-z_]+"\s*:\s*"{BEFORE}{ID_NAME}"',
                rf'"customer"\s*:\s*\{{[^{{}}]{{0,2000}}?"(?:entity_)?id"\s*:\s*{value}',
            ]
        return re.compile("|".join(parts))


def digits_of(number: str) -> str:
    """Return a number's digits, of whatever script, as ASCII."""
    return "".join(str(unicodedata.decimal(char)) for char in number if char.isdecimal())


def _tail(number: str) -> str:
    digits = digits_of(number)
    return digits[-PHONE_DIGITS:] if len(digits) >= PHONE_DIGITS else ""


def _spelled(address: str) -> str:
    """Return the pattern of an address, as mail and people write it."""
    local, _, host = ("".join(map(_spelled_part, part)) for part in address.partition("@"))
    return rf'{local}"?{COMMENT}(?:{AT}){COMMENT}{host}'


def _spelled_part(char: str) -> str:
    return DOT if char == "." else re.escape(char)


def customer_ids_in(entity: Mapping[str, object], names: Iterable[str] = ID_FIELDS) -> set[str]:
    """Return the customer ids that a document gives in these fields; guests have none."""
    return {found for name in names if (found := identifier(entity.get(name)))}
