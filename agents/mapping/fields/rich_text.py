"""Rich text areas: HTML, which counts against the field's length as Salesforce writes it.

`&` is five characters there, and so is an apostrophe (help article 000382141): a text that fits by
its own length is refused. What is sent stays as it is, for a mapping may make tags on purpose.
"""

from __future__ import annotations

WRITTEN = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
MAX_UTF16 = 0xFFFF


class RichText(str):
    """A text for such an area: what the org has of it afterwards is HTML."""

    __slots__ = ()


def length_as_html(text: str) -> int:
    """Return how long a text may become at most, in UTF-16 units."""
    written = text.translate(WRITTEN)
    return len(written) + sum(ord(char) > MAX_UTF16 for char in written)


def cut_as_html(text: str, length: int) -> str:
    """Return as much of a text as surely fits."""
    used, kept = 0, 0
    for char in text:
        used += length_as_html(char)
        if used > length:
            break
        kept += 1
    return text[:kept].rstrip()
