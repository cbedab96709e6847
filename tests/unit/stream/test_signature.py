"""Who signed a webhook: pure, so every form a header can take is tried here."""

from __future__ import annotations

import contextlib
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import SignatureError
from stream.signatures.hmac_sha256 import (
    SIGNATURE_HEADER,
    HmacVerifier,
    Verified,
    claimed_digest,
    key_id,
)

OLD, NEW = "an-old-secret-0123456789", "a-new-secret-0123456789"
BODY = b'{"order":{"increment_id":"000000123"}}'


def signed(secret: str, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(value: str) -> dict[str, str]:
    return {SIGNATURE_HEADER: value}


def test_a_known_vector_of_rfc_4231_verifies() -> None:
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    verifier = HmacVerifier(["Jefe"])
    assert verifier.verify(headers(f"sha256={digest}"), b"what do ya want for nothing?")


@pytest.mark.parametrize(
    "form",
    ["sha256={}", "{}", " sha256={} ", "SHA256={}"],
    ids=["named", "bare", "blanks", "upper"],
)
def test_the_forms_that_senders_use_are_taken(form: str) -> None:
    verified = HmacVerifier([NEW]).verify(headers(form.format(signed(NEW))), BODY)
    assert verified == Verified("magento", key_id(NEW.encode(), 1))


def test_upper_case_digits_are_the_same_digits() -> None:
    HmacVerifier([NEW]).verify(headers(f"sha256={signed(NEW).upper()}"), BODY)


def test_while_a_secret_is_rotated_both_are_taken_and_the_key_id_says_which() -> None:
    verifier = HmacVerifier([NEW, OLD])
    by_new = verifier.verify(headers(signed(NEW)), BODY).key_id
    by_old = verifier.verify(headers(signed(OLD)), BODY).key_id
    assert by_new.startswith("1-")
    assert by_old.startswith("2-")


def test_the_fingerprint_of_a_secret_stays_when_its_position_moves() -> None:
    before = HmacVerifier([OLD, NEW]).verify(headers(signed(NEW)), BODY).key_id
    after = HmacVerifier([NEW]).verify(headers(signed(NEW)), BODY).key_id
    assert before.partition("-")[2] == after.partition("-")[2]


def test_a_key_id_is_neither_the_secret_nor_its_plain_hash() -> None:
    identity = key_id(NEW.encode(), 1)
    assert NEW not in identity
    assert hashlib.sha256(NEW.encode()).hexdigest()[:8] not in identity


def test_a_removed_secret_is_refused() -> None:
    with pytest.raises(SignatureError) as caught:
        HmacVerifier([NEW]).verify(headers(signed(OLD)), BODY)
    assert (caught.value.status, caught.value.reason) == (401, "signature_wrong")


def test_one_changed_byte_is_refused() -> None:
    with pytest.raises(SignatureError):
        HmacVerifier([NEW]).verify(headers(signed(NEW)), BODY.replace(b"3", b"4"))


def test_every_digit_of_a_signature_counts() -> None:
    right = signed(NEW)
    for at, digit in enumerate(right):
        wrong = right[:at] + ("0" if digit != "0" else "1") + right[at + 1 :]
        with pytest.raises(SignatureError) as caught:
            HmacVerifier([NEW]).verify(headers(wrong), BODY)
        assert caught.value.reason == "signature_wrong"


@pytest.mark.parametrize(
    ("value", "status", "reason"),
    [
        (None, 401, "signature_missing"),
        ("", 401, "signature_missing"),
        ("   ", 401, "signature_missing"),
        ("sha1=" + "a" * 40, 400, "signature_algorithm"),
        ("sha512=" + "a" * 128, 400, "signature_algorithm"),
        ("md5=" + "a" * 64, 400, "signature_algorithm"),
        ("sha256=", 401, "signature_malformed"),
        ("sha256=" + "a" * 63, 401, "signature_malformed"),
        ("sha256=" + "a" * 65, 401, "signature_malformed"),
        ("sha256=" + "g" * 64, 401, "signature_malformed"),
        ("sha256=" + " ".join(["ab"] * 32), 401, "signature_malformed"),
        ("a" * 40, 401, "signature_malformed"),
        ("sha256=" + "٣" * 64, 401, "signature_malformed"),
        ("sha256=\udcff", 401, "signature_malformed"),
        ("MEUCIQDx1b2l5bW9uZGF5bW9ybmluZw==", 401, "signature_malformed"),
        ("=" + "a" * 64, 401, "signature_malformed"),
        ("sha256==" + "a" * 64, 401, "signature_malformed"),
        ("sha256=" + "a" * 64 + ",sha256=" + "b" * 64, 401, "signature_malformed"),
    ],
)
def test_every_other_form_is_refused_by_the_headers_alone(value, status, reason) -> None:
    given_headers = {} if value is None else headers(value)
    with pytest.raises(SignatureError) as caught:
        HmacVerifier([NEW]).precheck(given_headers)
    assert (caught.value.status, caught.value.reason) == (status, reason)


def test_a_verifier_without_a_secret_cannot_be_made() -> None:
    for secrets in ([], [""], ["good", ""]):
        with pytest.raises(ValueError, match="secret"):
            HmacVerifier(secrets)


@given(value=st.text(), body=st.binary())
def test_no_header_and_no_body_raises_anything_else(value: str, body: bytes) -> None:
    with pytest.raises(SignatureError):
        HmacVerifier([NEW, OLD]).verify(headers(value), body)


@given(name=st.sampled_from(["sha256", "sha1", "", "SHA256"]), digits=st.text(max_size=80))
def test_no_almost_right_header_raises_anything_else(name: str, digits: str) -> None:
    with contextlib.suppress(SignatureError):
        assert len(claimed_digest(headers(f"{name}={digits}"))) == 32


@given(body=st.binary(), secret=st.text(min_size=1).filter(lambda s: s.isascii()))
def test_what_was_signed_verifies_whatever_the_bytes(body: bytes, secret: str) -> None:
    assert HmacVerifier([secret]).verify(headers(f"sha256={signed(secret, body)}"), body)


@given(secret=st.text(min_size=1, max_size=8), value=st.text())
def test_a_refusal_never_quotes_a_secret_or_a_long_header(secret: str, value: str) -> None:
    with pytest.raises(SignatureError) as caught:
        HmacVerifier([f"<secret>{secret}"]).verify(headers(value), BODY)
    assert "<secret>" not in str(caught.value)
    assert len(str(caught.value)) < 120
