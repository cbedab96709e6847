"""Who bought is read where modules say it: the order was nobody's, or the billing address's."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import decode
from tests.support.real_documents import an_order, without

BUYER = {"id": 7, "email": "eva@example.com", "firstname": "Eva", "lastname": "Roth"}
BARE = without(
    an_order(), "customer_email", "customer_firstname", "customer_lastname", "customer_id"
)


def said(body: object):
    return decode(orjson.dumps(body), event="order.placed")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (BARE | {"customer": BUYER}, "`customer` of the order"),
        ({"order": BARE, "customer": BUYER | {"group_id": 1}}, "`customer` beside the order"),
        (
            {
                "order": BARE,
                "customer": {
                    "customer_id": "7",
                    "email": "eva@example.com",
                    "first_name": "Eva",
                    "last_name": "Roth",
                },
            },
            "`customer` beside the order",
        ),
        (
            {"order": BARE, "customer": orjson.dumps(BUYER | {"entity_id": 7}).decode()},
            "`customer` beside the order",
        ),
    ],
)
def test_the_customer_of_an_order_or_beside_it_is_its_buyer(body, place: str) -> None:
    document = said(body)
    assert document.notes == (f"customer_email: read in the {place}",)
    assert (document.customer_key, document.customer_id) == ("eva@example.com", "7")
    assert document.entity["customer_lastname"] == "Roth"


@pytest.mark.parametrize("ids", [{"id": 1}, {"id": 1, "customer_id": None}, {}])
def test_an_id_that_may_stand_for_every_guest_is_none(ids) -> None:
    """`getCustomerId() ?? 1` of a payment module: all guests' orders went to customer 1's records."""
    buyer = ids | {"email": "eva@example.com", "first_name": "Eva", "last_name": "Roth"}
    document = said({"order": BARE, "customer": buyer})
    assert (document.customer_key, document.customer_id) == ("eva@example.com", "")


def test_a_customer_with_two_ids_is_nobody_elses() -> None:
    """By a flow's row id, or a sub-account's, the records of customer 55 were given Eva's address."""
    customer = BUYER | {"id": 55, "customer_id": 7, "group_id": 1}
    document = decode(orjson.dumps(customer), event="customer_save_after")
    assert (document.key, document.customer_id) == ("eva@example.com", "")
    assert "no change of e-mail is seen" in document.notes[0]
    order = decode(orjson.dumps(BARE | {"customer": customer}), event="sales_order_save_after")
    assert (order.customer_key, order.customer_id) == ("eva@example.com", "")


def test_an_order_has_an_email_of_its_own_in_graphql() -> None:
    document = said(without(BARE, "billing_address") | {"email": "eva@example.com"})
    assert document.customer_key == "eva@example.com"
    assert document.notes == ("customer_email: read in the `email` of the order",)


@pytest.mark.parametrize("stranger", [BUYER, {"email": "", "id": 7}, {}, "Eva", None])
def test_what_the_order_says_itself_counts_first(stranger) -> None:
    document = said({"order": an_order() | {"email": "x@example.com"}, "customer": stranger})
    assert document.customer_key == "petra.lund@example.com"
    beside = ("`customer` beside the order is not read",) if isinstance(stranger, dict) else ()
    assert document.notes == (beside if stranger else ())


@pytest.mark.parametrize(
    ("body", "last"),
    [
        ({"customer_email": "eva@example.com", "customer_name": "Eva Roth"}, "Eva Roth"),
        ({"customer": {"email": "eva@example.com", "name": "Eva Roth"}}, "Eva Roth"),
        ({"customer_email": "eva@example.com", "customer_name": "Guest"}, None),
        ({"customer_email": "eva@example.com"}, None),
        ({"customer_email": "x@example.com", "customer": {"email": "a@b.de", "name": "A"}}, None),
        (
            {"customer_email": "x@example.com", "customer_name": "X Y", "customer_lastname": "Y"},
            "Y",
        ),
    ],
)
def test_a_whole_name_is_better_than_the_letters_of_the_address(body, last) -> None:
    """A row of the order grid, or getCustomerName(): its Contact was `eva`, and stayed so."""
    order = without(BARE, "billing_address") | body
    assert said(order).entity.get("customer_lastname") == last


def test_the_names_of_the_bill_go_before_a_whole_name() -> None:
    document = said(BARE | {"customer_email": "eva@example.com", "customer_name": "Eva Roth"})
    assert "customer_lastname" not in document.entity
