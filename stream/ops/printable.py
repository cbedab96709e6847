"""The one cleaning step for text of somebody else's before it reaches a terminal.

A webhook's `store_id`, a visitor's name or a reason may hold escape sequences: they would clear the
screen, set its title, or show a link that leads elsewhere. Whatever is not printable becomes a dot;
that includes the marks that turn the direction of text.
"""

from __future__ import annotations

import json
import re

DOT = "\N{MIDDLE DOT}"
KEPT = frozenset("\n")
# JSON escapes what is below a blank; this is what it leaves and a terminal may obey.
BEYOND_ASCII = re.compile("[^\x00-\x7f]+")
UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return the text with a dot in place of every character that does more than show itself."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in KEPT else DOT for char in text)


def printable_json(text: str, *, encoding: str = "utf-8") -> str:
    """Return a JSON text with the same meaning that a terminal only shows, in its encoding."""
    text = UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)
    return text
