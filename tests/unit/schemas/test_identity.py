"""Which order, which customer: every row of docs/identity.md, by example."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from schemas.codec import decode
from schemas.event import Kind
from schemas.identity import (
    MAX_KEY_CHARACTERS,
    PLAIN,
    CustomerKey,
    Identity,
    IdentityError,
    OrderKey,
    email_of_buyer,
    folded,
    sent_email,
    site_of,
)

FRENCH = Identity("FR")
BY_STORE = Identity(order_key=OrderKey.STORE)
BY_WEBSITE = Identity(
    order_key=OrderKey.WEBSITE,
    customer_key=CustomerKey.WEBSITE,
    websites={"1": "1", "2": "5", "3": "5"},
)
ORDER = {"increment_id": "SO-7", "entity_id": 417, "store_id": 2}


def test_a_deployment_keys_by_number_and_email_unless_its_settings_say_otherwise() -> None:
    assert Identity() == Identity("", OrderKey.NUMBER, CustomerKey.EMAIL, {})
    assert [*OrderKey] == ["number", "store", "website"]
    assert [*CustomerKey] == ["email", "website"]


@pytest.mark.parametrize(
    ("identity", "order", "external_id"),
    [
        (PLAIN, ORDER, "SO-7"),
        (PLAIN, {"real_order_id": "SO-7"}, "SO-7"),
        (PLAIN, {"entity_id": 417}, "id:417"),
        (PLAIN, {"entity_id": 417, "increment_id": None, "real_order_id": ""}, "id:417"),
        (PLAIN, {"entity_id": 417, "increment_id": False}, "id:417"),
        (PLAIN, {"entity_id": 417, "increment_id": " "}, "id:417"),
        (PLAIN, {"entity_id": "0", "id": 417, "increment_id": "null"}, "id:417"),
        (PLAIN, {"increment_id": "null", "real_order_id": "SO-7"}, "SO-7"),
        (PLAIN, {"increment_id": "\u200bSO-7\u200e"}, "SO-7"),
        (PLAIN, {"increment_id": "id:417"}, "number:id:417"),
        (PLAIN, {"increment_id": "ID:417"}, "number:ID:417"),
        (PLAIN, {"increment_id": "number:1"}, "number:number:1"),
        (PLAIN, {"increment_id": "my-id:1"}, "my-id:1"),
        (FRENCH, ORDER, "FR:SO-7"),
        (FRENCH, {"entity_id": 417}, "FR:id:417"),
        (FRENCH, {"increment_id": "id:417"}, "FR:number:id:417"),
        (BY_STORE, ORDER, "2:SO-7"),
        (BY_STORE, {**ORDER, "increment_id": "id:1"}, "2:id:1"),
        (BY_STORE, {"entity_id": 417}, "id:417"),
        (BY_WEBSITE, ORDER, "5:SO-7"),
        (BY_WEBSITE, {**ORDER, "website_id": 9}, "9:SO-7"),
        (Identity("FR", OrderKey.STORE), ORDER, "FR:2:SO-7"),
    ],
)
def test_an_orders_external_id(identity: Identity, order: dict, external_id: str) -> None:
    assert identity.order_external_id(order) == external_id


@pytest.mark.parametrize(
    ("identity", "order", "why"),
    [
        (PLAIN, {}, "no order ID found: the order has no increment_id and no entity_id"),
        (PLAIN, {"increment_id": 2.0**60, "entity_id": 1}, "neither a text nor an exact whole"),
        (PLAIN, {"increment_id": 0.5, "entity_id": 1}, "increment_id is neither"),
        (PLAIN, {"real_order_id": ["7"], "entity_id": 1}, "increment_id is neither"),
        (PLAIN, {"increment_id": "7\n8"}, "increment_id has control characters"),
        (BY_STORE, {"increment_id": "7"}, "no store_id, and MAGENTO_ORDER_KEY=store needs it"),
        (
            BY_WEBSITE,
            {"increment_id": "7"},
            r"store_id \(missing\) is not known, and MAGENTO_ORDER_KEY=website needs it: name",
        ),
        (BY_WEBSITE, {"increment_id": "7", "store_id": 8}, "the website of store_id 8 is not"),
    ],
)
def test_an_order_without_one_says_which_field_is_missing(identity, order, why) -> None:
    with pytest.raises(IdentityError, match=why):
        identity.order_external_id(order)


NOTHING = ["null", "NULL", "None", "nil", "undefined", "NaN", "N/A", "Array", "[object Object]",
           "0", "0.0000", "0.0", "-", " ", "{{order.increment_id}}", "${id}", "false"]  # fmt: skip


@pytest.mark.parametrize("text", NOTHING)
def test_what_a_program_writes_for_nothing_is_nobodys_identity(text: str) -> None:
    with pytest.raises(IdentityError, match="no increment_id and no entity_id"):
        PLAIN.order_external_id({"increment_id": text, "entity_id": text})
    with pytest.raises(IdentityError, match="email"):
        PLAIN.key_of_customer({"email": text})
    assert PLAIN.key_of_buyer({"customer_email": text}) == ""
    assert PLAIN.id_of_person({"customer_id": text}, Kind.ORDER) == ""
    assert PLAIN.id_of_person({"id": text}, Kind.CUSTOMER) == ""


@pytest.mark.parametrize(
    ("identity", "order", "why"),
    [
        (BY_WEBSITE, {"store_id": 8}, "the website of store_id 8 is not known, and MAGENTO_CUST"),
        (BY_WEBSITE, {}, "store_id (missing) is not known"),
        (BY_WEBSITE, {"store_id": 3}, ""),
        (BY_WEBSITE, {"store_id": 8, "website_id": 5}, ""),
        (BY_WEBSITE, {"store_id": 8, "customer_email": "no address"}, ""),
        (PLAIN, {"store_id": 8}, ""),
    ],
)
def test_an_order_of_an_unknown_website_says_why_it_is_nobodys(identity, order, why) -> None:
    """A store view that was added later: its orders got no Account, and nobody was told why."""
    order = {"increment_id": "7", "grand_total": 1, "customer_email": "p@example.com", **order}
    by_email = replace(identity, order_key=OrderKey.NUMBER)
    document = decode(orjson.dumps(order), event="sales_order_save_after", identity=by_email)
    assert why in "".join(document.notes)
    assert bool(document.notes) is bool(why)
    assert ("MAGENTO_STORE_WEBSITES" in "".join(document.notes)) is bool(why)


@pytest.mark.parametrize("field", ["store_id", "website_id"])
def test_a_store_view_is_told_by_no_stand_in(field: str) -> None:
    assert site_of({field: "null"}) == ""
    assert site_of({field: "0"}) == "0"  # Magento's own view for administrators
    with pytest.raises(IdentityError, match="no store_id"):
        BY_STORE.order_external_id({"increment_id": "7", "store_id": "null"})


def test_an_external_id_is_as_long_as_its_field() -> None:
    longest = "7" * MAX_KEY_CHARACTERS
    assert PLAIN.order_external_id({"increment_id": longest}) == longest
    with pytest.raises(IdentityError, match="increment_id has 256 characters, at most 255 fit"):
        PLAIN.order_external_id({"increment_id": longest + "7"})
    with pytest.raises(IdentityError, match="increment_id has 258 characters"):
        FRENCH.order_external_id({"increment_id": longest})


@pytest.mark.parametrize(
    ("identity", "customer", "key"),
    [
        (PLAIN, {"email": " Petra.Lund@Example.com\u200e"}, "petra.lund@example.com"),
        (PLAIN, {"subscriber_email": "petra@example.com"}, "petra@example.com"),
        (PLAIN, {"email": "petra@example.com", "website_id": 5}, "petra@example.com"),
        (FRENCH, {"email": "petra@example.com"}, "petra@example.com"),
        (BY_WEBSITE, {"email": "Petra@example.com", "website_id": 5}, "5:petra@example.com"),
        (BY_WEBSITE, {"email": "petra@example.com", "store_id": 3}, "5:petra@example.com"),
    ],
)
def test_a_customers_key(identity: Identity, customer: dict, key: str) -> None:
    assert identity.key_of_customer(customer) == key


@pytest.mark.parametrize(
    ("identity", "customer", "why"),
    [
        (PLAIN, {}, "^no customer e-mail found: the customer has no `email`$"),
        (PLAIN, {"email": "petra"}, "^`email` is no e-mail address: it has no @$"),
        (BY_WEBSITE, {"email": "p@example.com", "store_id": 8}, "the customer has no website_id"),
        (BY_WEBSITE, {"email": f"p@{'a.' * 120}{'b' * 12}", "website_id": 5}, "^email has 256 c"),
    ],
)
def test_a_customer_without_one_says_why(identity, customer, why) -> None:
    with pytest.raises(IdentityError, match=why):
        identity.key_of_customer(customer)


@pytest.mark.parametrize(
    ("identity", "order", "key"),
    [
        (PLAIN, {"customer_email": "Petra@Example.com"}, "petra@example.com"),
        (PLAIN, {}, ""),
        (PLAIN, {"customer_email": "guest"}, ""),
        (BY_WEBSITE, {"customer_email": "p@example.com", "store_id": 2}, "5:p@example.com"),
        (BY_WEBSITE, {"customer_email": "p@example.com", "store_id": 8}, ""),
        (BY_WEBSITE, {"store_id": 2}, ""),
    ],
)
def test_an_orders_customer(identity: Identity, order: dict, key: str) -> None:
    assert identity.key_of_buyer(order) == key


@pytest.mark.parametrize(
    ("order", "email"),
    [
        ({"customer_email": "A@b.cc", "billing_address": {"email": "x@y.zz"}}, "a@b.cc"),
        ({"customer_email": " Müller@B.cc\u200b"}, "müller@b.cc"),
        ({"customer_email": "none", "billing_address": {"email": "X@y.zz"}}, "x@y.zz"),
        ({"billing_address": {"email": "X@y.zz"}}, "x@y.zz"),
        ({"billing_address": ["x@y.zz"]}, ""),
        ({"billing_address": {}}, ""),
        ({"addresses": ["x", {"address_type": "Billing", "email": "X@y.zz"}]}, "x@y.zz"),
        ({"addresses": [{"address_type": "shipping", "email": "X@y.zz"}]}, ""),
        ({"addresses": {"billing": {"email": "X@y.zz"}}}, ""),
    ],
)
def test_an_order_is_filed_by_the_customers_address_or_that_of_the_bill(order, email) -> None:
    assert email_of_buyer(order) == email


@pytest.mark.parametrize(
    ("identity", "document", "kind", "found"),
    [
        (PLAIN, {"customer_id": 8, "entity_id": 3}, Kind.ORDER, "8"),
        (PLAIN, {"customer_id": 0}, Kind.ORDER, ""),
        (PLAIN, {"customer_id": None}, Kind.ORDER, ""),
        (PLAIN, {"id": 3, "customer_id": None}, Kind.CUSTOMER, "3"),
        (PLAIN, {"id": 3, "customer_id": "3.0"}, Kind.CUSTOMER, "3"),
        (PLAIN, {"id": 3, "customer_id": 8}, Kind.CUSTOMER, ""),
        (PLAIN, {"entity_id": 3, "id": 8, "customer_id": 8}, Kind.CUSTOMER, ""),
        (PLAIN, {"id": "0"}, Kind.CUSTOMER, ""),
        (PLAIN, {"id": 3, "customer_id": 8}, None, ""),
        (FRENCH, {"customer_id": 8}, Kind.ORDER, "FR:8"),
        (FRENCH, {}, Kind.ORDER, ""),
    ],
)
def test_the_stores_id_of_a_person(identity, document, kind, found) -> None:
    assert identity.id_of_person(document, kind) == found


def test_an_address_has_a_key_on_each_website() -> None:
    assert PLAIN.keys_of_email(" P@example.com") == ("p@example.com",)
    everywhere = ("p@example.com", "1:p@example.com", "5:p@example.com")
    assert BY_WEBSITE.keys_of_email("P@example.com") == everywhere


@pytest.mark.parametrize(
    ("identity", "text", "key"),
    [
        (PLAIN, " SO-7 ", "so-7"),
        (PLAIN, "Petra@Example.com\u200e", "petra@example.com"),
        (FRENCH, "SO-7", "fr:so-7"),
        (FRENCH, "FR:SO-7", "fr:so-7"),
        (FRENCH, " ", ""),
        (FRENCH, "p@example.com", "p@example.com"),
    ],
)
def test_what_a_person_types_is_a_key(identity, text, key) -> None:
    assert identity.key_of_target(text) == key


def test_an_instance_knows_its_own_orders() -> None:
    assert PLAIN.is_ours("de:so-7")
    assert FRENCH.is_ours("fr:so-7")
    assert not FRENCH.is_ours("de:so-7")
    assert not FRENCH.is_ours("fr-so-7")


@pytest.mark.parametrize("identity", [PLAIN, FRENCH, BY_STORE, BY_WEBSITE])
@pytest.mark.parametrize(
    ("order", "field", "value"),
    [
        (ORDER, "increment_id", "so-7"),
        ({"entity_id": 417}, "entity_id", "417"),
        ({**ORDER, "increment_id": "id:417"}, "increment_id", "id:417"),
        ({**ORDER, "increment_id": "a:b"}, "increment_id", "a:b"),
    ],
)
def test_a_key_tells_what_it_was_made_of(identity, order, field, value) -> None:
    key = folded(identity.order_external_id(order))
    assert identity.number_in(key) == (field, value)


def test_external_ids_are_one_where_salesforce_says_so() -> None:
    assert folded("SO-7") == folded("so-7") == "so-7"


def test_a_document_lives_on_a_website_or_in_a_store_view() -> None:
    assert site_of({"website_id": 5, "store_id": 2}) == "5"
    assert site_of({"store_id": 2}) == "2"
    assert site_of({}) == ""
    assert sent_email({"email": "", "subscriber_email": "S@x.cc"}) == "S@x.cc"
    assert sent_email({}) == ""
