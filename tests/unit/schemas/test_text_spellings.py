"""Times, numbers and names as flows and programs write them; what says nothing is nothing."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import decode
from tests.support.real_documents import ADDRESS, a_customer, an_order, without


def order_of(**fields: object):
    body = {"event": "sales_order_save_after", "order": an_order(**fields)}
    return decode(orjson.dumps(body))


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        (1780308005, "2026-06-01 10:00:05"),
        (1780308005.0, "2026-06-01 10:00:05"),
        ("1780308005123", "2026-06-01 10:00:05"),
        (1780308005123456, "2026-06-01 10:00:05"),
        ("1780308005.1234", "2026-06-01 10:00:05"),
        ({"$date": "2026-06-01T10:00:05Z"}, "2026-06-01 10:00:05Z"),
        (["2026-06-01 10:00:05"], "2026-06-01 10:00:05"),
        ("2026-06-01T12:00+02", "2026-06-01 12:00:00+02:00"),
        ("2026-06-01T10:00:05,5 utc", "2026-06-01 10:00:05.5Z"),
        ("\u200e2026-06-01 10:00:05", "2026-06-01 10:00:05"),
        ("01/06/2026 10:00", "01/06/2026 10:00"),
        ("2026-06-01", "2026-06-01"),
        (178030800512345678, "178030800512345678"),
        (17803080051, "17803080051"),
        (True, ""),
    ],
)
def test_a_time_is_read_where_it_can_mean_one_only(value, utc: str) -> None:
    assert order_of(updated_at=value).updated_at == utc


@pytest.mark.parametrize("text", ["null", "undefined", "NaN", "[object Object]", "(null)"])
def test_a_programs_nothing_is_no_name_and_no_street(text: str) -> None:
    parts = ("region", "company", "telephone")
    address = {**ADDRESS, **dict.fromkeys(parts, text), "street": ["Havnegade 3", text]}
    document = order_of(customer_firstname=text, billing_address=address)
    billing = document.entity["billing_address"]
    assert [billing[part] for part in parts] == [None, None, None]
    assert (billing["street"], document.entity["customer_firstname"]) == (["Havnegade 3"], None)
    assert f"customer_firstname: `{text}` says nothing, left out" in document.notes
    assert order_of(customer_lastname="Null").entity["customer_lastname"] == "Null"


@pytest.mark.parametrize("number", [417, 417.0])
def test_a_number_that_lost_its_zeros_is_noted(number) -> None:
    document = order_of(increment_id=number)
    assert document.notes == ("increment_id: a number, not a text: zeros before it would be lost",)
    assert order_of(increment_id=2000000381).notes == ()


def test_who_bought_is_read_in_the_orders_own_customer() -> None:
    plain, names = an_order(), ("customer_email", "customer_firstname", "customer_lastname")
    buyer = {name.removeprefix("customer_"): plain[name] for name in names} | {"id": 23}
    order = {**without(plain, *names, "customer_id"), "customer": buyer}
    document = decode(orjson.dumps({"event": "sales_order_save_after", "order": order}))
    assert {name: document.entity[name] for name in names} == {name: plain[name] for name in names}
    assert (document.customer_id, document.customer_key) == ("23", plain["customer_email"])
    own = order_of(customer={"id": 9, "email": "other@example.com", "firstname": "X"})
    assert (own.customer_id, own.entity["customer_firstname"], own.notes) == ("23", "Petra", ())


def test_a_person_goes_by_other_names() -> None:
    named = {"firstName": "Petra", "last_name": "Lund"}
    customer = without(a_customer(), "firstname", "lastname") | named
    buyer = {"customer": {"email": "x@example.com", **named}}
    order = without(an_order(), "customer_email", "customer_firstname", "customer_lastname") | buyer
    for body, prefix in (({"customer": customer}, ""), ({"order": order}, "customer_")):
        entity = decode(orjson.dumps(body)).entity
        assert (entity[f"{prefix}firstname"], entity[f"{prefix}lastname"]) == ("Petra", "Lund")
