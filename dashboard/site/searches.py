"""What is looked for, as an address: order numbers as they are, whatever may be a person's sealed.

Addresses end up in histories, in logs of proxies and in chats. So the forms are posted, and lead to
an address that people can share:

| what was looked for | address | lives |
|---|---|---|
| an order number, an id, a code, a time | `?order=000000042` | for ever |
| anything else: an e-mail, a name | `?find=<sealed, key in memory>` | 12 hours, or a restart |

An address that says more is not answered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from cryptography.fernet import Fernet, InvalidToken

SEALED = "find"
SEALED_SECONDS = 12 * 3600
# A number or an id: one word with a digit in it. A name has none, an address an @.
NUMBER = re.compile(r"(?=[^\d]*\d)[A-Za-z0-9][A-Za-z0-9_.:/#+-]{0,79}")
WORDS = re.compile(r"[A-Za-z0-9_.:,+/ -]{0,400}")  # codes, fields, times, places of letters
PEOPLES = frozenset({"order", "target", "store"})  # people type into these whom they look for
BESIDE = frozenset({"page", "all", SEALED})


class Searches:
    """Writes searches into addresses, and reads them back."""

    def __init__(self) -> None:
        self._seal = Fernet(Fernet.generate_key())

    def address(self, fields: Mapping[str, str], **beside: str) -> str:
        """Return `?…` of the fields that are not empty; `beside` stays readable."""
        given = {name: value for name, value in fields.items() if value}
        if not is_shareable(given):
            text = urlencode(given, errors="replace")
            given = {SEALED: self._seal.encrypt(text.encode()).decode()}
        query = urlencode({**given, **beside})
        return f"?{query}" if query else ""

    def fields(self, query: Mapping[str, str], *, now: float) -> dict[str, str]:
        """Return the fields of an address; raises ValueError for one that says too much."""
        beside = {name: value for name, value in query.items() if name in BESIDE - {SEALED}}
        if sealed := query.get(SEALED):
            try:
                text = self._seal.decrypt_at_time(sealed, SEALED_SECONDS, int(now)).decode()
            except (InvalidToken, ValueError, TypeError):
                raise ValueError("This link has ended: search again.") from None
            return {**dict(parse_qsl(text)), **beside}
        given = {name: value for name, value in query.items() if name not in BESIDE}
        if not is_shareable(given):
            raise ValueError("Search by the form: what may be a person's is kept out of addresses.")
        return {**given, **beside}


def is_shareable(fields: Mapping[str, str]) -> bool:
    """Whether none of the fields can name a person."""
    return all(
        (NUMBER if name in PEOPLES else WORDS).fullmatch(value.strip())
        for name, value in fields.items()
        if value.strip()
    )
