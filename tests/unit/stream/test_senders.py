"""Which senders are on: none without its secret or key, and each with its own."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest
from support.adobe_sender import public_pem, rsa_key

from schemas.event import Kind
from stream.config import Role, Settings, load_settings
from stream.errors import SettingsError, SignatureError
from stream.ingress.senders import adobe_doors, taken_kinds, webhook_verifier
from stream.sender_names import Sender
from stream.signatures.hmac_sha256 import SIGNATURE_HEADER, HmacVerifier

SECRET, TOKEN = "a-webhook-secret-0123456789", "a-mageos-token-0123456789"
BODY = b'{"data":{"increment_id":"000000123"}}'


def settings(**overrides) -> Settings:
    values = {"kafka_bootstrap_servers": "unused:9092", "magento_webhook_secret": SECRET}
    return load_settings(Role.INGRESS, env_file=None, **{**values, **overrides})


def signed(secret: str) -> dict[str, str]:
    return {SIGNATURE_HEADER: hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()}


def test_by_default_only_the_blueprints_webhook_is_on_with_nothing_around_it() -> None:
    assert settings().senders == (Sender.HMAC,)
    assert type(webhook_verifier(settings())) is HmacVerifier


def test_all_senders_without_their_keys_are_named_together() -> None:
    with pytest.raises(SettingsError) as caught:
        settings(ingress_senders=",".join(Sender), magento_webhook_secret="")
    names = {problem.partition(":")[0] for problem in caught.value.problems}
    assert names == {
        "MAGENTO_WEBHOOK_SECRET",
        "MAGEOS_VERIFICATION_TOKEN",
        "ADOBE_WEBHOOKS_PUBLIC_KEY_PATH",
        "ADOBE_EVENTS_CLIENT_ID",
    }


def test_a_sender_that_is_off_needs_nothing() -> None:
    settings(ingress_senders="mageos", mageos_verification_token=TOKEN, magento_webhook_secret="")


@pytest.mark.parametrize(
    ("value", "says"),
    [("", "names no sender"), (" , ", "names no sender"), ("hmac,adobe", "unknown adobe")],
)
def test_a_list_that_cannot_be_meant_is_refused(value: str, says: str) -> None:
    with pytest.raises(SettingsError, match=f"INGRESS_SENDERS: {says}"):
        settings(ingress_senders=value)


@pytest.mark.parametrize("content", [None, "", "no key"])
def test_a_public_key_that_is_none_is_found_at_the_start(tmp_path: Path, content) -> None:
    path = tmp_path / "store.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match="ADOBE_WEBHOOKS_PUBLIC_KEY_PATH"):
        settings(ingress_senders="adobe_webhooks", adobe_webhooks_public_key_path=path)


def test_short_and_sample_tokens_are_refused_as_secrets_are() -> None:
    for token in ("short", "your_token_0123456789"):
        with pytest.raises(SettingsError, match="MAGEOS_VERIFICATION_TOKEN"):
            settings(ingress_senders="mageos", mageos_verification_token=token)


def test_two_senders_on_one_address_are_told_apart_by_their_secrets() -> None:
    verifier = webhook_verifier(
        settings(ingress_senders="hmac,mageos", mageos_verification_token=TOKEN)
    )
    assert verifier is not None
    assert verifier.verify(signed(SECRET), BODY).sender == "magento"
    assert verifier.verify(signed(TOKEN), BODY).sender == "mageos"
    with pytest.raises(SignatureError) as caught:
        verifier.verify(signed("a-strangers-secret-012345"), BODY)
    assert caught.value.reason == "signature_wrong"
    with pytest.raises(SignatureError):
        verifier.precheck({})


def test_a_sender_that_is_off_is_a_stranger() -> None:
    verifier = webhook_verifier(settings(ingress_senders="mageos", mageos_verification_token=TOKEN))
    assert verifier is not None
    with pytest.raises(SignatureError):
        verifier.verify(signed(SECRET), BODY)


async def test_adobes_senders_leave_the_webhooks_address_to_nobody(tmp_path: Path) -> None:
    path = tmp_path / "store.pem"
    path.write_bytes(public_pem(rsa_key(1)))
    only_adobe = settings(ingress_senders="adobe_webhooks", adobe_webhooks_public_key_path=path)
    assert webhook_verifier(only_adobe) is None
    async with adobe_doors(only_adobe) as doors:
        assert len(doors) == 1
    async with adobe_doors(settings()) as doors:
        assert doors == []


def test_extra_events_are_taken_when_they_are_named() -> None:
    assert taken_kinds(settings()) == {Kind.ORDER, Kind.CUSTOMER}
    also = settings(ingress_also_take="subscriber, customer_deleted")
    assert taken_kinds(also) == set(Kind)
    with pytest.raises(SettingsError, match="INGRESS_ALSO_TAKE: unknown invoice"):
        settings(ingress_also_take="invoice")
