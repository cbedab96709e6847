"""Which order or customer a webhook is about: every sender's shape, and every kind of nonsense."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.codec import MAX_EVENT_CHARACTERS, NAME_FIELDS, DecodeError, decode, placed
from schemas.event import Kind
from schemas.identity import MAX_KEY_CHARACTERS, PLAIN, Identity, folded

ORDER = {"entity_id": 1042, "increment_id": "2000000381", "grand_total": 127.44}


def body(value: object) -> bytes:
    return orjson.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        {"event": "sales_order_save_after", "order": ORDER},
        {"event": "sales_order_save_commit_after", "order": ORDER},
        {"eventName": "observer.sales_order_save_commit_after", "data": {"order": ORDER}},
        {"data": ORDER},
        ORDER,
        {"entity_id": "1042", "increment_id": "2000000381", "grand_total": "127.4400"},
        {**ORDER, "increment_id": 2000000381},
        {**ORDER, "increment_id": 2000000381.0},
    ],
    ids=["blueprint", "commit", "adobe", "mage-os", "bare", "raw strings", "number", "float"],
)
def test_every_shape_of_an_order_has_the_same_key(value) -> None:
    document = decode(body(value))
    assert (document.kind, document.key) == (Kind.ORDER, "2000000381")


@pytest.mark.parametrize(
    ("number", "beside"),
    [("2000000381", {}), (" 2000000381 ", {}), ("é-1", {}), ("null", {}), ("0", {})]
    + [(nobodys, {"increment_id": "77"}) for nobodys in ("null", "undefined", "", "0")],
)
def test_the_key_an_event_is_filed_under_is_that_of_the_document_the_worker_reads(
    number: str, beside: dict[str, str]
) -> None:
    """The ingress reads an ordinary order's number and no more of it; the worker reads all."""
    order = {**ORDER, "increment_id": number}
    raw = body({"event": "sales_order_save_after", "order": order, **beside})
    assert placed(raw).key == folded(PLAIN.order_external_id(decode(raw).entity))


def test_without_an_increment_id_the_key_is_the_entity_id_in_a_space_of_its_own() -> None:
    assert decode(body({"entity_id": 1042, "grand_total": 1})).key == "id:1042"


def test_several_stores_get_keys_of_their_own() -> None:
    assert decode(body(ORDER), identity=Identity("fr")).key == "fr:2000000381"


def test_a_customer_is_keyed_by_the_lower_cased_email() -> None:
    value = {"event": "customer_save_after", "customer": {"email": " Jane.Doe@Example.com "}}
    document = decode(body(value))
    assert (document.kind, document.key) == (Kind.CUSTOMER, "jane.doe@example.com")


def test_the_name_in_the_address_counts_when_the_body_has_none() -> None:
    assert decode(body({"data": ORDER}), event="sales.order.created").event == "sales.order.created"
    named = {"event": "sales_order_save_after", "order": ORDER}
    assert decode(body(named), event="customer_save_after").kind is Kind.ORDER


@pytest.mark.parametrize("event", ["catalog_product_save_after", "sales_order_place_before", "x"])
def test_other_events_are_ignored_whatever_they_carry(event) -> None:
    assert decode(body({"event": event})).is_ignored


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a":NaN}', "not JSON"),
        (b'{"a":1e400}', "not JSON"),
        (b'{"a":"\\ud800"}', "not JSON"),
        (b'{"a":"\xff"}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a":' * 100_000, "not JSON"),
        (b"[]", "JSON list, expected an object"),
        (b"[{}, {}]", "JSON list of several: send one per request, expected an object"),
        (b'"text"', "expected an object"),
        (b"null", "expected an object"),
        (b"{}", "no event name"),
        (b'{"event":"sales_order_save_after"}', "increment_id"),
        (b'{"event":"sales_order_save_after","order":{"increment_id":null}}', "increment_id"),
        (b'{"event":"sales_order_save_after","order":{"increment_id":{}}}', "increment_id"),
        (b'{"event":"sales_order_save_after","order":{"increment_id":true}}', "increment_id"),
        (b'{"event":"sales_order_save_after","order":{"increment_id":"  "}}', "increment_id"),
        (b'{"event":"customer_save_after","customer":{"id":5}}', "email"),
        (b'{"event":"sales_order_save_after","order":{"increment_id":"a\\u0000b"}}', "control"),
    ],
)
def test_what_cannot_be_placed_says_what_is_wrong(raw: bytes, names: str) -> None:
    with pytest.raises(DecodeError, match=names):
        decode(raw)


def test_a_number_too_long_to_be_exact_is_no_order_id() -> None:
    neighbours = [b'{"grand_total":1,"increment_id":%d}' % (2**64 + n) for n in (0, 1)]
    for raw in neighbours:
        with pytest.raises(DecodeError, match="increment_id"):
            decode(raw)


def test_a_key_and_an_event_name_have_a_greatest_length() -> None:
    with pytest.raises(DecodeError, match="characters"):
        decode(body({**ORDER, "increment_id": "9" * (MAX_KEY_CHARACTERS + 1)}))
    name = "sales.order." + "x" * MAX_EVENT_CHARACTERS
    with pytest.raises(DecodeError, match="event name"):
        decode(body({"event": name, "order": ORDER}))


@pytest.mark.parametrize("own", ["x" * (MAX_EVENT_CHARACTERS + 1), "A wedding\nby the sea"])
@pytest.mark.parametrize("field", NAME_FIELDS)
def test_a_field_of_a_bare_order_that_is_no_event_name_is_the_orders_own(field, own):
    found = decode(body({**ORDER, field: own}), event="sales_order_save_commit_after")
    assert (found.event, found.kind, found.key) == (
        "sales_order_save_commit_after",
        Kind.ORDER,
        ORDER["increment_id"],
    )
    assert found.entity[field] == own


@given(raw=st.binary())
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
NAMES = st.sampled_from(["event", "order", "data", "customer", "increment_id", "email", "items"])


@example(
    value={"[": 1, "order[": 2, "order.": 3, "order.a": 1, "order.a.b": 2}, event="", instance=""
)
@given(value=st.dictionaries(NAMES | st.text(), JSON), event=st.text(), instance=st.text())
def test_no_document_raises_anything_else_and_a_key_is_always_printable(
    value, event, instance
) -> None:
    try:
        document = decode(body(value), event=event, identity=Identity(instance))
    except DecodeError:
        return
    assert document.is_ignored or (document.key and document.key.isprintable())
    document.event.encode()
    document.key.encode()
    if document.kind is Kind.ORDER:
        assert document.key == folded(Identity(instance).order_external_id(document.entity))
