r"""Host names of other people's servers: one strict grammar, before any rule about them.

`urlsplit`, urllib3 and browsers cut an address in different places (`https://evil.example\@host/`),
so a rule about the end of a host says nothing about where the connection goes. What is not plainly
a host name is refused, and the address that is used is put together from what was checked.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
)
# What no address of a host has, and what parsers disagree about.
UNSAFE = re.compile(r"[^\x21-\x7e]|[\\\"<>^`{|}@]")


def https_host(url: str) -> str:
    """Return the host of a plain https address (port 443, no user), else ''."""
    if UNSAFE.search(url):
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    host = parts.netloc.lower().removesuffix(":443")
    is_plain = parts.scheme == "https" and port in {None, 443} and HOST.fullmatch(host)
    return host if is_plain else ""


def is_below(host: str, *domains: str) -> bool:
    """Whether a host is in one of the domains, and not the domain itself."""
    return host.endswith(tuple(f".{domain}" for domain in domains))
