"""Which senders are on: from settings to verifiers and doors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from schemas.event import Kind
from stream.config import Settings
from stream.errors import SignatureError
from stream.ingress.adobe_io_events import AdobeEventsEndpoint
from stream.ingress.adobe_webhooks import AdobeWebhookEndpoint, AdobeWebhookVerifier
from stream.ingress.webhook_steps import SenderEndpoint, WebhookSteps
from stream.sender_names import Sender
from stream.settings.ingress import IngressSettings
from stream.signatures.adobe_public_keys import AdobeKeyHost, AdobeKeys
from stream.signatures.hmac_sha256 import HmacVerifier, Verified, Verifier
from stream.signatures.rsa import public_keys
from stream.signatures.timestamped import WindowVerifier

DoorMaker = Callable[[WebhookSteps], SenderEndpoint]


class AnyOf:
    """Senders that share an address and a header, and differ in their keys."""

    def __init__(self, verifiers: Sequence[Verifier]) -> None:
        *self._others, self._last = verifiers

    def precheck(self, headers: Mapping[str, str]) -> None:
        self._last.precheck(headers)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Verified:
        for verifier in self._others:
            try:
                return verifier.verify(headers, body)
            except SignatureError:
                continue
        return self._last.verify(headers, body)


def webhook_verifier(
    settings: Settings, *, now: Callable[[], float] = time.time
) -> Verifier | None:
    """Return the verifier of `/magento/webhook`, None when no sender of it is on.

    `now`: unix seconds. With `hmac` alone this is its verifier and nothing around it.
    """
    plain: list[Verifier] = []
    if Sender.HMAC in settings.senders:
        plain.append(HmacVerifier(settings.webhook_secrets))
    if Sender.MAGEOS in settings.senders:
        plain.append(HmacVerifier(settings.mageos_tokens, sender=Sender.MAGEOS))
    otherwise = AnyOf(plain) if len(plain) > 1 else next(iter(plain), None)
    if Sender.MODULE not in settings.senders:
        return otherwise
    return WindowVerifier(
        settings.webhook_secrets,
        window_seconds=settings.ingress_replay_window_seconds,
        now=now,
        otherwise=otherwise,
    )


@asynccontextmanager
async def adobe_doors(
    settings: Settings, *, key_host: AdobeKeyHost | None = None
) -> AsyncIterator[list[DoorMaker]]:
    """Yield the makers of Adobe's doors that are on; `key_host` stands in for Adobe's in tests."""
    makers: list[DoorMaker] = []
    if Sender.ADOBE_WEBHOOKS in settings.senders:
        path = settings.adobe_webhooks_public_key_path
        assert path is not None, "load_settings has checked it"
        verifier = AdobeWebhookVerifier(public_keys(path.read_bytes()))
        makers.append(lambda desk: AdobeWebhookEndpoint(desk, verifier))
    if Sender.ADOBE_EVENTS not in settings.senders:
        yield makers
        return
    async with key_host or AdobeKeyHost() as host:
        keys = AdobeKeys(host.fetch, now=asyncio.get_running_loop().time)
        client_id = settings.adobe_events_client_id
        makers.append(lambda desk: AdobeEventsEndpoint(desk, keys, client_id=client_id))
        yield makers


def taken_kinds(settings: IngressSettings) -> frozenset[Kind]:
    """Return the kinds of events that are published."""
    return frozenset((Kind.ORDER, Kind.CUSTOMER, *(Kind(name) for name in settings.also_taken)))
