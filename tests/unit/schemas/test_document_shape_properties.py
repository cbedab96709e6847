"""Properties: extra keys and wrappings leave key, kind and content alone."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st
from support.shaped_bodies import PERSON, said

from schemas.codec import DecodeError, decode
from schemas.document.shape import Shape
from schemas.document.unwrapping import documents_in, only, ordinary_order
from schemas.event import Kind
from schemas.identity import Identity
from schemas.texts import identifier
from tests.support.real_documents import (
    an_order,
    order_bodies,
    without,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


NAMES = st.sampled_from(
    ["customer", "data", "order", "email", "id", "order_id", "sku", "value", "quote", "result",
     "group_id", "subscriber_email", "is_active", "street", "website_id", "username", "parent"]
)  # fmt: skip


MINE = an_order().keys()


@given(
    extra=st.dictionaries((NAMES | st.text(max_size=12)).filter(lambda n: n not in MINE), JSON),
    beside=st.dictionaries(st.text(max_size=6).map(lambda n: f"x{n}"), JSON, max_size=3),
    name=st.sampled_from(sorted(order_bodies(an_order()))),
    number=st.from_regex(r"[A-Z]{0,3}-?\d{0,11}[1-9]", fullmatch=True),
)
def test_any_extra_keys_and_any_wrapping_keep_key_kind_and_content(
    extra, beside, name, number
) -> None:
    order = {**extra, **an_order(number)}
    spelled = {"order_items", "order_addresses", "addresses", "shipping_address", "event",
               "event_name", "eventName", "specversion", "real_order_id"}  # fmt: skip
    order = {key: value for key, value in order.items() if key not in spelled}
    body, event = order_bodies(order)[name]
    if body is not order:
        body = {**beside, **body}
    document = said(body, event)
    assert (document.kind, document.key) == (Kind.ORDER, number.casefold())
    assert document.entity == order


@given(
    one=st.text(min_size=1, max_size=12),
    entity_id=st.integers(1, 10**9),
    instance=st.sampled_from(["", "fr"]),
)
def test_no_number_reaches_the_key_of_an_id(one: str, entity_id: int, instance: str) -> None:
    by_id = without(an_order(), "increment_id") | {"entity_id": entity_id}
    key = decode(orjson.dumps({"order": by_id}), identity=Identity(instance)).key
    for number in (one, key, key.upper(), str(entity_id), f"id:{entity_id}", f"number:{key}"):
        try:
            other = decode(orjson.dumps({"order": an_order(number)}), identity=Identity(instance))
        except DecodeError:
            continue
        assert other.key != key


@given(numbers=st.lists(st.text(min_size=1, max_size=6), min_size=2, max_size=2))
def test_two_numbers_that_salesforce_tells_apart_are_two_keys(numbers: list[str]) -> None:
    try:
        keys = [said({"order": an_order(number)}).key for number in numbers]
    except DecodeError:
        return
    if not all(map(identifier, numbers)):
        return  # zeros and their like are no numbers
    is_one_record = len({identifier(number).casefold() for number in numbers}) == 1
    assert (keys[0] == keys[1]) is is_one_record


ORDINARY = st.fixed_dictionaries(
    {"increment_id": st.sampled_from(["7", " 8 ", "", None, 7, {}])},
    optional={
        "grand_total": st.sampled_from([1, "1.0", "", None, True, {}]),
        "order_id": st.sampled_from(["5", None, {}]),
        "entity_id": st.just(9),
        "order": st.sampled_from([{}, an_order("9"), "x"]),
        "customer": st.just(PERSON),
    },
)


@given(level=ORDINARY, is_wrapped=st.booleans(), beside=ORDINARY | st.just({}))
def test_the_short_way_to_an_ordinary_order_finds_what_the_search_finds(
    level, is_wrapped, beside
) -> None:
    body = {**beside, "order": level} if is_wrapped else level
    found = ordinary_order(body)
    if found is not None:
        searched = only(documents_in(body, None, Kind.ORDER), Shape.ORDER)
        assert searched is not None
        assert (found.level, found.path, found.beside) == (
            searched.level,
            searched.path,
            searched.beside,
        )
