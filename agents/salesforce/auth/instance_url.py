"""Which addresses may see a token: https on a Salesforce domain, and one simulator if allowed.

The instance URL comes from the token answer, so a wrong or tampered login host could otherwise send
every order and the token anywhere. Domains: help.salesforce.com, "My Domain URL formats".
"""

from __future__ import annotations

from urllib.parse import urlsplit

from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError
from stream.hosts import https_host, is_below

DOMAINS = (
    *("salesforce.com", "force.com", "cloudforce.com", "salesforce.mil", "crmforce.mil"),
    *("sfcrmproducts.cn", "sfcrmapps.cn"),  # Salesforce on Alibaba Cloud
)
LIGHTNING = tuple(f"lightning.{name}" for name in ("force.com", *DOMAINS[3:]))
HTTPS_PORT = 443
MY_DOMAIN = "https://<domain>.my.salesforce.com (Setup > My Domain)"


def checked_url(url: str, *, setting: str, insecure_url: str = "") -> str:
    """Return scheme, host and port of `url`. Raises LoginError saying what is wrong with it.

    `setting` names where the address came from. what `insecure_url` lists is allowed exactly.
    """
    address = url.strip().rstrip("/")
    if address and address in {one.strip().rstrip("/") for one in insecure_url.split(",")}:
        return address
    problem = _problem(address)
    if problem:
        raise LoginError(
            f"{setting} {address or '(empty)'} is refused: {problem}",
            kind=ErrorKind.AUTH,
            code="UNSAFE_URL",
            fix="A simulator's address is allowed by SALESFORCE_INSECURE_URL alone.",
        )
    return f"https://{https_host(address)}"


def _problem(address: str) -> str:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return "it is no URL"
    host = https_host(address)
    is_bare = not (parts.username or parts.password or parts.query or parts.fragment or parts.path)
    checks = (
        (parts.scheme == "https", f"it must start with https://; use {MY_DOMAIN}"),
        (is_bare, "write it without user, path and query"),
        (port in {None, HTTPS_PORT}, "Salesforce answers on port 443 only"),
        (host != "", "its host name is none"),
        (
            not is_below(host, *LIGHTNING),
            f"a Lightning host does not accept API sessions; use {MY_DOMAIN}",
        ),
        (
            is_below(host, *DOMAINS),
            f"it is not on a Salesforce domain; use {MY_DOMAIN}",
        ),
    )
    return next((problem for is_fine, problem in checks if not is_fine), "")
