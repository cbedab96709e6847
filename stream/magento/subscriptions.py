"""Subscriptions of mage-os async events: the store is told, by REST, to post events to us.

    POST /V1/async_event {"asyncEvent": {"event_name", "recipient_url", "verification_token",
                                         "metadata": "http"}}

Nothing in what the module posts names the event, so each event gets an address of its own below
`/magento/webhook`. The verification token is the HMAC key of the posts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from yarl import URL

from stream.errors import MagentoError
from stream.ingress.request import WEBHOOK_PATH
from stream.magento.refusals import refusal
from stream.magento.signing import authorizer
from stream.settings.magento import MagentoSettings

RESOURCE = "V1/async_event"
OK = 200
NOT_FOUND = 404
MAX_ANSWER_BYTES = 1024 * 1024
# Of the module's events, those that orderstream works on.
DEFAULT_EVENTS = (
    "sales.order.created",
    "sales.order.updated",
    "sales.order.paid",
    "sales.order.shipped",
    "sales.order.holded",
    "sales.order.unholded",
    "sales.order.cancelled",
    "customer.created",
    "customer.updated",
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One event and where it shall be posted."""

    event: str
    recipient_url: str

    def body(self, token: str) -> bytes:
        """Return the request's JSON."""
        wanted = {
            "event_name": self.event,
            "recipient_url": self.recipient_url,
            "verification_token": token,
            "metadata": "http",
        }
        return orjson.dumps({"asyncEvent": wanted})


def subscriptions_for(ingress_url: str, events: Sequence[str]) -> list[Subscription]:
    """Return what to subscribe so that events reach an ingress; its URL is scheme and host."""
    root = ingress_url.rstrip("/").removesuffix(WEBHOOK_PATH)
    return [Subscription(event, f"{root}{WEBHOOK_PATH}/{event}") for event in events]


async def subscribe(
    settings: MagentoSettings, wanted: Sequence[Subscription]
) -> AsyncIterator[tuple[Subscription, Any]]:
    """Make the subscriptions one after the other; yields each with the store's answer.

    Settings are checked with Role.MAGENTO and have a token. Raises MagentoError at the first that
    the store refuses; not repeated by itself, because the store would make a second subscription.
    """
    base = settings.magento_base_url.rstrip("/")
    url = f"{base}/{settings.magento_rest_path.strip('/')}".removesuffix("/V1") + f"/{RESOURCE}"
    authorize = authorizer(settings, method="POST")
    timeout = aiohttp.ClientTimeout(total=settings.magento_timeout_seconds)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for subscription in wanted:
            headers = {"Authorization": authorize(url), "Content-Type": "application/json"}
            body = subscription.body(settings.mageos_tokens[0])
            yield subscription, await _post(session, url, headers, body)


async def _post(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], body: bytes
) -> Any:
    target = URL(url, encoded=True)
    try:
        async with session.post(
            target, data=body, headers=headers, allow_redirects=False
        ) as response:
            answer = bytearray()  # read(n) returns what has come so far, not n bytes
            while len(answer) < MAX_ANSWER_BYTES and (more := await response.content.readany()):
                answer += more
            location = response.headers.get("Location", "")
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        what = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        raise MagentoError(f"Magento does not answer: {what or type(error).__name__}") from None
    if status == NOT_FOUND:
        raise MagentoError(
            f"the store has no {RESOURCE}: is mage-os/mageos-async-events installed and enabled, "
            "and is MAGENTO_REST_PATH right?",
            status=status,
            is_lasting=True,
        )
    if status != OK:
        raise refusal(status, bytes(answer), location=location)
    try:
        return orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
