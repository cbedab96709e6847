"""What is refused by the first lines of a request, before its body is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from stream.ingress.request import check_headers, event_in_path
from stream.ingress.responses import RULES, Reason, Rejection, refusal_body

MAX = 1000


def check(*pairs: tuple[str, str], length: int | None = 10) -> None:
    check_headers(CIMultiDictProxy(CIMultiDict(pairs)), length, MAX)


@pytest.mark.parametrize(
    ("path", "event"),
    [
        ("/magento/webhook", ""),
        ("/magento/webhook/", ""),
        ("/magento/webhook/sales_order_save_after", "sales_order_save_after"),
        ("/magento/webhook/sales.order.created", "sales.order.created"),
    ],
)
def test_the_event_may_be_named_in_the_address(path: str, event: str) -> None:
    assert event_in_path(path) == event


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/magento/webhooks", Reason.NOT_FOUND),
        ("/magento/webhook/a/b", Reason.EVENT_NAME),
        ("/magento/webhook/%00", Reason.EVENT_NAME),
        ("/magento/webhook/%FF%FE", Reason.EVENT_NAME),
        ("/magento/webhook/" + "a" * 101, Reason.EVENT_NAME),
        ("/magento/webhook//", Reason.EVENT_NAME),
    ],
)
def test_an_address_that_names_no_event_is_refused(path: str, reason: Reason) -> None:
    with pytest.raises(Rejection) as caught:
        event_in_path(path)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "encoding", ["gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip", "x"]
)
def test_an_encoded_body_is_refused(encoding: str) -> None:
    with pytest.raises(Rejection) as caught:
        check(("Content-Encoding", encoding))
    assert caught.value.reason is Reason.ENCODED


def test_a_second_encoding_header_does_not_hide_behind_the_first() -> None:
    with pytest.raises(Rejection):
        check(("Content-Encoding", "identity"), ("Content-Encoding", "gzip"))


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", " Multipart/Mixed"])
def test_a_multipart_body_is_refused(content_type: str) -> None:
    with pytest.raises(Rejection) as caught:
        check(("Content-Type", content_type))
    assert caught.value.reason is Reason.MULTIPART


def test_an_announced_body_over_the_limit_is_refused_and_one_at_the_limit_is_not() -> None:
    check(length=MAX)
    with pytest.raises(Rejection) as caught:
        check(length=MAX + 1)
    assert caught.value.reason is Reason.TOO_LARGE


def test_plain_bodies_pass() -> None:
    check(("Content-Encoding", "Identity"), ("Content-Type", "text/plain"), length=None)


def test_every_reason_has_a_rule_and_every_refusal_a_fix() -> None:
    assert set(RULES) == set(Reason)
    assert all(rule.fix for rule in RULES.values())


def test_whatever_passes_by_itself_is_a_503_that_says_when_to_come_back() -> None:
    for rule in RULES.values():
        assert (rule.status == 503) == (rule.retry_after_seconds is not None)


@given(text=st.text())
def test_a_refusal_can_hold_any_text(text: str) -> None:
    assert refusal_body(Reason.UNDECODABLE, text).startswith(b'{"error":')
