"""How a call proves who we are: OAuth 1.0a signed with HMAC-SHA256, or the token as a bearer.

Magento accepts no other signature method since 2.4.4, and the bearer only where it was switched on
(magento reference §5.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from stream.settings.magento import MagentoSettings

# URL of a call, its query percent-encoded → the Authorization header.
Authorize = Callable[[str], str]


def authorizer(settings: MagentoSettings, *, method: Literal["GET", "POST"] = "GET") -> Authorize:
    """Return what makes the Authorization header of a call by the settings.

    A JSON body is no part of the signature.
    """
    token = settings.magento_access_token.get_secret_value()
    if settings.magento_auth == "bearer":
        return lambda _url: f"Bearer {token}"
    client = Client(
        settings.magento_consumer_key.get_secret_value(),
        client_secret=settings.magento_consumer_secret.get_secret_value(),
        resource_owner_key=token,
        resource_owner_secret=settings.magento_access_token_secret.get_secret_value(),
        signature_method=SIGNATURE_HMAC_SHA256,
    )

    def authorize(url: str) -> str:
        _, headers, _ = client.sign(url, http_method=method)
        return str(headers["Authorization"])

    return authorize
