"""What the store's refusals mean, and what to do about each in its admin.

| answer | says | again? |
|---|---|---|
| 401 | consumer or token unknown, signature wrong, or a resource is not granted | no |
| 400 | a signature method or a search that this version does not know | no |
| 403 | the store's firewall, not Magento | no |
| 404 | REST is somewhere else | no |
| 3xx | the base URL is not the store's own | no |
| 429, 5xx, nothing | too much, or away | yes |

Sources: Magento's OAuth and web API modules' messages (magento reference §5.1, §5.3).
"""

from __future__ import annotations

from typing import Any

import orjson

from stream.errors import MagentoError

MESSAGE_CHARACTERS = 300
REDIRECTS = range(300, 400)
BAD_REQUEST = 400
SERVER_ERROR = 500
PASSING = frozenset({408, 429})

_INTEGRATION = "System > Integrations in the store's admin"

# (status or None for any, part of the message in lower case, what to do); the first that fits.
FIXES: tuple[tuple[int | None, str, str], ...] = (
    (
        None,
        "signature method",
        (
            "the store takes OAuth signatures of another kind: HMAC-SHA256 needs Magento 2.4.4 or "
            "newer; update it, or set MAGENTO_AUTH=bearer"
        ),
    ),
    (
        None,
        "isn't authorized to access",
        (
            f"grant the integration the named resources: {_INTEGRATION} > API, tick "
            "Sales > Operations > Orders > Actions > View and Customers > All Customers, save, and "
            "activate it again"
        ),
    ),
    (
        None,
        "signature is invalid",
        (
            "MAGENTO_CONSUMER_SECRET or MAGENTO_ACCESS_TOKEN_SECRET is not the integration's, or a "
            "proxy changes the address: MAGENTO_BASE_URL must be what the store believes it is "
            "called by"
        ),
    ),
    (None, "timestamp", "the clocks of this machine and of the store are too far apart"),
    (
        None,
        "consumer",
        f"MAGENTO_CONSUMER_KEY is not known: take it from {_INTEGRATION} > your integration",
    ),
    (
        401,
        "",
        (
            f"check the four MAGENTO_ keys against {_INTEGRATION} and that the integration is "
            "active; with MAGENTO_AUTH=bearer the store also needs "
            "`bin/magento config:set oauth/consumer/enable_integration_as_bearer 1`"
        ),
    ),
    (
        403,
        "",
        "a firewall in front of the store refuses: allow this machine's address and user agent",
    ),
    (404, "", "no REST API there: check MAGENTO_BASE_URL and MAGENTO_REST_PATH"),
)


def refusal(status: int, body: bytes, *, location: str = "") -> MagentoError:
    """Return the error of an answer that is no 200."""
    if status in REDIRECTS:
        to = f" to {location}" if location else ""
        return MagentoError(
            f"Magento answers {status}, a redirect{to}, which is not followed because the "
            "signature is for one address: set MAGENTO_BASE_URL to the store's own",
            status=status,
            is_lasting=True,
        )
    said = message_of(body)
    lower = said.lower()
    fix = next(
        (text for want, part, text in FIXES if want in (None, status) and part in lower),
        "",
    )
    is_lasting = status < SERVER_ERROR and status not in PASSING
    return MagentoError(
        f"Magento answers {status}: {said or 'nothing'}" + (f" → {fix}" if fix else ""),
        status=status,
        is_lasting=is_lasting,
        most_rows=_most_rows(body) if status == BAD_REQUEST else 0,
    )


def _most_rows(body: bytes) -> int:
    """Return the page size that a refused search may have; 0 when that is not why.

    Told by the parameter: the words are in the store's language. Of other limits (how long a list
    may be) the parameters name a type as well.
    """
    parameters = _parameters(_decoded(body))
    most = str(parameters.get("max", ""))
    return int(most) if parameters.keys() == {"max"} and most.isdecimal() else 0


def message_of(body: bytes) -> str:
    """Return Magento's message with its parameters filled in, or the start of any other text."""
    read = _decoded(body)
    if read is None:
        return " ".join(body[:MESSAGE_CHARACTERS].decode(errors="replace").split())
    if not isinstance(read, dict):
        return ""
    text = str(read.get("message") or read.get("error") or "")
    for name, value in _parameters(read).items():
        text = text.replace(f"%{name}", str(value))
    return text[:MESSAGE_CHARACTERS]


def _decoded(body: bytes) -> Any:
    """Return what a body says, None when it is no JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _parameters(read: Any) -> dict[str, Any]:
    """Return a message's parameters by name; those without names are numbered from 1."""
    parameters = read.get("parameters") if isinstance(read, dict) else None
    if isinstance(parameters, dict):
        return {str(name): value for name, value in parameters.items()}
    if isinstance(parameters, list):
        return {str(place): value for place, value in enumerate(parameters, start=1)}
    return {}
