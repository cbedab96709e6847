"""A person's addresses and telephone numbers as they are typed: checked before anything is read."""

from __future__ import annotations

from cli.console.terminal import fail
from schemas.email import seen, why_not
from schemas.person import PHONE_DIGITS, digits_of


def address_of(text: str) -> str:
    """Return an e-mail address; exit 2 for what is none."""
    address = seen(text).lower()
    if reason := why_not(address):
        fail(f"--email: `{text}` is no e-mail address: {reason}")
    return address


def phone_of(text: str) -> str:
    """Return a number; exit 2 for one too short to be told from others."""
    if len(digits_of(text)) < PHONE_DIGITS:
        fail(f"--phone: `{text}` has fewer than {PHONE_DIGITS} digits: give it with its area code")
    return text
