"""One rule of what an e-mail address is, for keys, for fields and for conditions.

As wide as Salesforce's own, which is wider than the RFC: dots may be doubled or stand before the
`@` (docomo and au gave such addresses to millions), and letters of any script are letters
(RFC 6531; Salesforce reads and writes such addresses). Characters that nobody sees (direction
marks, zero-width spaces, soft hyphens) come with pasted addresses: they are taken out and noted,
so an address is one key however it was pasted.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal
from urllib.parse import quote

MAX_LOCAL_CHARACTERS = 64  # RFC 5321 §4.5.3.1.1
MAX_DOMAIN_CHARACTERS = 255
MAX_LABEL_CHARACTERS = 63  # RFC 1035 §2.3.4
LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+")
LABEL = re.compile(r"\w(?:[\w-]*\w)?")
# Nearly every address there is; each of them passes the rules below, which cost ten times as much.
ORDINARY = re.compile(
    r"[a-zA-Z0-9_+-][a-zA-Z0-9_+.-]{0,63}@(?:[a-zA-Z0-9]{1,63}\.){1,3}[a-zA-Z]{2,63}", re.ASCII
)
PUNYCODE = "xn--"
# Categories of characters that have no sight: format characters and controls.
UNSEEN = ("Cf", "Cc")
FORMS: tuple[Literal["NFC"], Literal["NFD"]] = ("NFC", "NFD")


def seen(text: str) -> str:
    """Return a text without the characters nobody sees, and without blanks around it.

    A letter with its accent is one character afterwards, however it was typed.
    """
    text = text.strip()
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFC", text)
    return "".join(c for c in text if unicodedata.category(c) not in UNSEEN).strip()


def stored_forms(text: str) -> tuple[str, ...]:
    """Return a text as others may have stored it: accents within their letters, or behind them."""
    if text.isascii():
        return (text,)
    return tuple(dict.fromkeys(unicodedata.normalize(form, text) for form in FORMS))


def in_one_spelling(text: str) -> str:
    """Return an address as keys have it: what is seen of it, in lower case, its domain in letters.

    A browser sends `xn--mller-kva.de` where another sends `müller.de`: one domain, one person.
    """
    address = seen(text).lower()
    local, at, domain = address.rpartition("@")
    if PUNYCODE not in domain:
        return address
    return f"{local}{at}{'.'.join(_in_letters(label) for label in domain.split('.'))}"


def _in_letters(label: str) -> str:
    """Return a label of a domain in its own letters (RFC 3492), itself when it has no others."""
    if not label.startswith(PUNYCODE):
        return label
    try:
        letters = seen(label.removeprefix(PUNYCODE).encode().decode("punycode")).lower()
    except (UnicodeError, ValueError, OverflowError):
        return label
    return letters if not letters.isascii() and _is_label(letters) else label


def as_key(address: str) -> str:
    """Return an address in one spelling as Salesforce cannot take it for another one.

    It compares keys by more than their case: `strauß` may be `strauss` there, and those are two
    people, `straße.de` and `strasse.de` two domains. Such letters are written as a URL has them.
    """
    if address.isascii() or address.casefold() == address:
        return address
    local, at, domain = address.rpartition("@")
    local = "".join(c if c.casefold() == c else quote(c).lower() for c in local)
    labels = (_in_ascii(one) if one.casefold() != one else one for one in domain.split("."))
    return f"{local}{at}{'.'.join(labels)}"


def _in_ascii(label: str) -> str:
    return PUNYCODE + label.encode("punycode").decode()


def why_not(address: str) -> str:
    """Return why a text is no e-mail address, '' when it is one. Never shows the address."""
    return "" if ORDINARY.fullmatch(address) else broken_rule(address)


def broken_rule(address: str) -> str:
    """Return the first rule that a text breaks, '' when it is an address."""
    local, at, domain = address.rpartition("@")
    reasons = (
        (not at, "it has no @"),
        (not local, "it has nothing before the @"),
        (not domain, "it has nothing after the @"),
        ("@" in local, "it has two @"),
        (any(c.isspace() for c in address), "it has a blank in it"),
        (local.startswith("."), "it begins with a dot"),
        (len(local) > MAX_LOCAL_CHARACTERS, "it has more than 64 characters before the @"),
        (len(domain) > MAX_DOMAIN_CHARACTERS, "it has more than 255 characters after the @"),
        (
            not _is_international(local, LOCAL),
            "it has a character before the @ that no address has",
        ),
        ("." not in domain, "its domain has no dot"),
        (not _is_domain(domain.split(".")), "its domain is none"),
    )
    return next((reason for is_true, reason in reasons if is_true), "")


def _is_domain(labels: list[str]) -> bool:
    return all(_is_label(label) for label in labels) and not _is_number(labels[-1])


def _is_label(label: str) -> bool:
    is_short = len(label) <= MAX_LABEL_CHARACTERS
    return is_short and "_" not in label and _is_international(label, LABEL)


def _is_international(text: str, pattern: re.Pattern[str]) -> bool:
    """Whether a text is of letters, digits and marks of any script, besides the pattern's own.

    Vowel signs and other combining marks belong to their letters, and no regular expression knows.
    """
    if not text.isascii():
        text = "".join(c for c in text if not unicodedata.category(c).startswith("M"))
    return pattern.fullmatch(text) is not None


def _is_number(label: str) -> bool:
    return label.isdecimal() or len(label) == 1  # no top-level domain has one letter
