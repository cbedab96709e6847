"""A signature with a time in it: valid for minutes, and not to be got round by leaving it out."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import SignatureError
from stream.signatures.hmac_sha256 import SIGNATURE_HEADER, HmacVerifier
from stream.signatures.timestamped import WINDOW_HEADER, WindowVerifier

SECRET, OLD = "a-new-secret-0123456789", "an-old-secret-0123456789"
BODY = b'{"event":"sales_order_save_commit_after","order":{"increment_id":"1"}}'
NOW = 1_700_000_000


def mac(signed: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def timed(at: int = NOW, body: bytes = BODY, secret: str = SECRET) -> str:
    return f"t={at},v1={mac(b'%d.' % at + body, secret)}"


def verifier(*, plain: bool = False, now: float = NOW) -> WindowVerifier:
    otherwise = HmacVerifier([SECRET]) if plain else None
    return WindowVerifier([SECRET, OLD], window_seconds=300, now=lambda: now, otherwise=otherwise)


def reason_of(headers: dict[str, str], *, plain: bool = False, now: float = NOW) -> str:
    with pytest.raises(SignatureError) as caught:
        verifier(plain=plain, now=now).verify(headers, BODY)
    assert caught.value.status == 401
    return caught.value.reason


def test_time_and_body_signed_are_taken_from_the_module_with_either_secret() -> None:
    by_new = verifier().verify({WINDOW_HEADER: timed()}, BODY)
    by_old = verifier().verify({WINDOW_HEADER: timed(secret=OLD)}, BODY)
    assert (by_new.sender, by_old.sender) == ("module", "module")
    assert (by_new.key_id[:2], by_old.key_id[:2]) == ("1-", "2-")


@pytest.mark.parametrize("off", [-300, -1, 0, 299, 300])
def test_clocks_may_differ_by_the_window_either_way(off: int) -> None:
    verifier(now=NOW + off).verify({WINDOW_HEADER: timed()}, BODY)


@pytest.mark.parametrize("off", [-301, 301, 86_400])
def test_what_was_captured_cannot_be_sent_again_later(off: int) -> None:
    assert reason_of({WINDOW_HEADER: timed()}, now=NOW + off) == "signature_expired"


@pytest.mark.parametrize(("off", "side"), [(480, "480 s behind"), (-480, "480 s ahead of")])
def test_the_refusal_says_whose_clock_is_which_way_wrong(off: int, side: str) -> None:
    with pytest.raises(SignatureError, match=f"time is {side} our clock, 300 s are allowed"):
        verifier(now=NOW + off).verify({WINDOW_HEADER: timed()}, BODY)


def test_the_time_cannot_be_moved_without_the_secret() -> None:
    moved = timed().replace(f"t={NOW}", f"t={NOW + 100}")
    assert reason_of({WINDOW_HEADER: moved}, now=NOW + 100) == "signature_wrong"


def test_the_plain_signature_in_the_other_header_is_not_enough_alone() -> None:
    assert reason_of({SIGNATURE_HEADER: f"sha256={mac(BODY)}"}) == "signature_missing"


def test_with_the_plain_sender_on_too_the_plain_header_is_taken() -> None:
    headers = {SIGNATURE_HEADER: f"sha256={mac(BODY)}"}
    verifier(plain=True).precheck(headers)
    assert verifier(plain=True).verify(headers, BODY).sender == "magento"


def test_a_time_that_is_there_decides_even_beside_a_good_plain_signature() -> None:
    headers = {SIGNATURE_HEADER: f"sha256={mac(BODY)}", WINDOW_HEADER: timed(NOW - 1000)}
    assert reason_of(headers, plain=True) == "signature_expired"


@pytest.mark.parametrize(
    "value",
    [
        "t=1",
        "v1=" + "a" * 64,
        "t=x,v1=" + "a" * 64,
        "t=1,v1=" + "a" * 63,
        "t=-1,v1=" + "a" * 64,
        "t=1,v1=" + "g" * 64,
        f"t={NOW}, v1=" + "a" * 64,
        "t=" + "9" * 13 + ",v1=" + "a" * 64,
    ],
)
def test_every_other_form_is_malformed(value: str) -> None:
    assert reason_of({WINDOW_HEADER: value}) == "signature_malformed"
    with pytest.raises(SignatureError):
        verifier().precheck({WINDOW_HEADER: value})


@given(value=st.text(), body=st.binary())
def test_no_header_and_no_body_raises_anything_else(value: str, body: bytes) -> None:
    with pytest.raises(SignatureError):
        verifier().verify({WINDOW_HEADER: value}, body)


def test_a_verifier_without_a_secret_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="secret"):
        WindowVerifier([], window_seconds=300, now=lambda: NOW)
