"""RSA signatures of Adobe's channels, and the public keys people put into files."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from support.adobe_sender import public_pem, rsa_key, rsa_signature, webhook_signature

from stream.errors import SignatureError
from stream.ingress.adobe_webhooks import ADOBE_SIGNATURE_HEADER, AdobeWebhookVerifier
from stream.signatures.rsa import decoded, is_signed, public_keys

BODY = b'{"eventName":"observer.sales_order_save_commit_after","data":{"order":{}}}'


def headers(value: str) -> dict[str, str]:
    return {ADOBE_SIGNATURE_HEADER: value}


def verifier(*numbers: int) -> AdobeWebhookVerifier:
    return AdobeWebhookVerifier([rsa_key(number).public_key() for number in numbers])


def test_the_signature_is_over_the_base64_of_the_body() -> None:
    verified = verifier(1).verify(headers(webhook_signature(rsa_key(1), BODY)), BODY)
    assert verified.sender == "adobe_webhooks"
    with pytest.raises(SignatureError):
        verifier(1).verify(headers(rsa_signature(rsa_key(1), BODY)), BODY)


def test_while_a_key_pair_is_replaced_both_are_taken() -> None:
    signed = webhook_signature(rsa_key(2), BODY)
    assert verifier(1, 2).verify(headers(signed), BODY).key_id.startswith("2-")


def test_one_changed_byte_or_another_key_is_refused() -> None:
    signed = webhook_signature(rsa_key(1), BODY)
    for attempt in ((verifier(1), BODY + b" "), (verifier(2), BODY)):
        with pytest.raises(SignatureError) as caught:
            attempt[0].verify(headers(signed), attempt[1])
        assert (caught.value.status, caught.value.reason) == (401, "signature_wrong")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "signature_missing"),
        (" ", "signature_missing"),
        ("é", "signature_malformed"),
        ("ab", "signature_malformed"),
        ("a b c d", "signature_malformed"),
    ],
)
def test_what_is_no_signature_is_refused_by_the_headers_alone(value: str, reason: str) -> None:
    with pytest.raises(SignatureError) as caught:
        verifier(1).precheck(headers(value))
    assert caught.value.reason == reason


@given(value=st.text(), body=st.binary())
def test_no_header_and_no_body_raises_anything_else(value: str, body: bytes) -> None:
    with pytest.raises(SignatureError):
        verifier(1).verify(headers(value), body)
    with pytest.raises(SignatureError):
        verifier(1).verify(headers(base64.b64encode(value.encode()).decode()), body)


def test_a_file_may_hold_two_keys_and_words_around_them() -> None:
    pem = b"old\n" + public_pem(rsa_key(1)) + b"\nnew\n" + public_pem(rsa_key(2))
    assert len(public_keys(pem)) == 2


def private_pem() -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return rsa_key(1).private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (b"", "no PEM block"),
        (b"ssh-rsa AAAA", "no PEM block"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no readable public key"),
        (private_pem(), "private key"),
        (public_pem(rsa_key(7, 1024)), "1024 bits"),
        (public_pem(ec.generate_private_key(ec.SECP256R1())), "not RSA"),
    ],
    ids=["empty", "ssh", "broken", "private", "short", "elliptic"],
)
def test_a_file_that_is_no_use_is_refused_with_the_reason(pem: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        public_keys(pem)


def test_a_signature_of_any_length_is_only_wrong() -> None:
    key = rsa_key(1).public_key()
    assert not any(is_signed(key, b"x" * length, BODY) for length in (0, 1, 255, 256, 257, 5000))
    assert decoded("") is None
