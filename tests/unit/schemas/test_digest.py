"""Which saves are the same business content?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.digest import VOLATILE_ANYWHERE, VOLATILE_AT_TOP, content_digest

ORDER = {
    "increment_id": "1",
    "state": "new",
    "grand_total": 34,
    "customer_note": None,
    "items": [{"sku": "a", "qty_ordered": 2, "updated_at": "x"}],
}


@pytest.mark.parametrize("key", sorted(VOLATILE_ANYWHERE | VOLATILE_AT_TOP))
def test_volatile_keys_do_not_count(key) -> None:
    assert content_digest(ORDER | {key: "changes at every save"}) == content_digest(ORDER)


def test_the_keys_magento_changes_at_every_save_are_volatile() -> None:
    anywhere = {"protect_code", "updated_at", "parent_item", "_origData"}
    at_top = {"remote_ip", "x_forwarded_for", "email_sent", "send_email", "failures_num"}
    assert anywhere <= VOLATILE_ANYWHERE
    assert at_top <= VOLATILE_AT_TOP


@pytest.mark.parametrize("key", sorted(VOLATILE_ANYWHERE))
def test_some_do_not_count_at_any_depth(key) -> None:
    inside = {"items": [{"sku": "a", "qty_ordered": 2, key: {"deep": 1}}]}
    assert content_digest(ORDER | inside) == content_digest(ORDER)


@pytest.mark.parametrize(
    "other",
    [
        {"grand_total": 34.0},
        {"grand_total": "34.0000"},
        {"grand_total": "34"},
        {"items": [{"qty_ordered": "2.0000", "sku": "a"}]},
        {"customer_note": None, "more": None},
        {"extension_attributes": None},
    ],
)
def test_the_same_content_written_otherwise_is_the_same(other) -> None:
    assert content_digest(ORDER | other) == content_digest(ORDER)


@pytest.mark.parametrize(
    "other",
    [
        {"state": "processing"},
        {"grand_total": "34.01"},
        {"grand_total": -34},
        {"customer_note": ""},
        {"customer_note": "0"},
        {"increment_id": "01"},
        {"items": []},
        {"items": [{"sku": "a", "qty_ordered": 2}, {"sku": "a", "qty_ordered": 2}]},
        {"billing_address": {"remote_ip": "kept when it is not the order's own"}},
    ],
)
def test_other_content_is_other(other) -> None:
    assert content_digest(ORDER | other) != content_digest(ORDER)


def test_the_second_copy_of_the_items_does_not_count() -> None:
    shipping = {"shipping_assignments": [{"items": [{"sku": "a"}], "shipping": {"method": "flat"}}]}
    without = {"shipping_assignments": [{"shipping": {"method": "flat"}}]}
    changed = {"shipping_assignments": [{"shipping": {"method": "express"}}]}
    digest = content_digest({"extension_attributes": shipping})
    assert digest == content_digest({"extension_attributes": without})
    assert digest != content_digest({"extension_attributes": changed})


def test_flags_are_the_same_in_every_spelling() -> None:
    digests = {content_digest({"is_virtual": value}) for value in (1, True, "1", 1.0)}
    assert len(digests) == 1


def test_the_order_of_keys_does_not_count() -> None:
    assert content_digest(dict(reversed(ORDER.items()))) == content_digest(ORDER)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_and_its_text_are_the_same(number) -> None:
    if "e" not in repr(number):
        assert content_digest({"a": number}) == content_digest({"a": repr(number)})


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=()), max_size=5), junk, max_size=5))
def test_any_document_has_a_digest_and_always_the_same(entity) -> None:
    digest = content_digest(entity)
    assert len(digest) == 24
    assert content_digest(dict(entity)) == digest


def test_deep_and_huge_values_have_a_digest() -> None:
    deep: dict = {}
    for _ in range(900):
        deep = {"a": [deep]}
    assert content_digest(deep)
    assert content_digest({"a": 10**5000}) != content_digest({"a": 10**5001})
