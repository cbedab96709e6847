"""One address, one row, one time, however PHP spells it; what cannot be read is noted."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import decode
from tests.support.real_documents import ADDRESS, a_customer, a_row, an_order, without


def order_of(**fields: object):
    body = {"event": "sales_order_save_after", "order": an_order(**fields)}
    return decode(orjson.dumps(body))


def customer_of(**fields: object):
    customer = {**without(a_customer(), "addresses", "default_billing"), **fields}
    return decode(orjson.dumps({"event": "customer_save_after", "customer": customer})).entity


def text(value: object) -> str:
    return orjson.dumps(value).decode()


@pytest.mark.parametrize(
    "spelled",
    [
        {"77": ADDRESS},
        {"data": ADDRESS},
        text({"data": ADDRESS}),
        {**ADDRESS, "street": {"0": "Havnevej 5"}},
        {**ADDRESS, "street": {"line1": "Havnevej 5"}},
        {**ADDRESS, "street": '["Havnevej 5"]'},
        {**ADDRESS, "street": [["Havnevej 5"]]},
        {**ADDRESS, "street": [{"line": "Havnevej 5"}]},
        {**ADDRESS, "region": text({"region": "Fyn", "region_id": 3})},
        {**ADDRESS, "region": {"name": "Fyn"}},
        {**ADDRESS, "region": {"region_code": "Fyn"}},
        {**ADDRESS, "region": None, "region_code": "Fyn"},
        {**ADDRESS, "country_id": {"id": "DK"}},
    ],
)
def test_an_address_is_read_in_every_spelling(spelled) -> None:
    wanted = {**ADDRESS, "street": ["Havnevej 5"], "region": "Fyn", "country_id": "DK"}
    spelled = spelled if isinstance(spelled, str) else _with(spelled, wanted)
    if isinstance(spelled, str):
        spelled = text({"data": wanted})
    document = order_of(billing_address=spelled)
    address = document.entity["billing_address"]
    assert {name: address[name] for name in wanted} == wanted
    assert document.notes == ()


def _with(spelled, wanted):
    inner = {name: value for name, value in spelled.items() if value == ADDRESS}
    return dict.fromkeys(inner, wanted) if inner else {**wanted, **_changed(spelled)}


def _changed(spelled):
    return {name: value for name, value in spelled.items() if ADDRESS.get(name, ...) != value}


@pytest.mark.parametrize("value", [{"note": "none"}, {"a": {"b": 1}}, {"a": ADDRESS, "b": ADDRESS}])
def test_an_object_that_is_no_address_is_noted(value) -> None:
    assert order_of(billing_address=value).notes == (
        "billing_address: an object in the order, not read",
    )


@pytest.mark.parametrize(
    "addresses",
    [
        {"billingAddress": ADDRESS, "shippingAddress": {**ADDRESS, "city": "X"}},
        {"billing_address": ADDRESS, "shipping_address": {**ADDRESS, "city": "X"}},
        [{**ADDRESS, "city": "X", "type": "shipping"}, {**ADDRESS, "type": "billing"}],
    ],
)
def test_addresses_tell_their_type_by_key_or_field(addresses) -> None:
    untyped = without(ADDRESS, "address_type")
    if isinstance(addresses, dict):
        addresses = {key: without(row, "address_type") for key, row in addresses.items()}
    else:
        addresses = [without(row, "address_type") for row in addresses]
    body = without(an_order(addresses=addresses), "billing_address")
    rows = decode(orjson.dumps({"event": "sales_order_save_after", "order": body})).entity
    billing = next(row for row in rows["addresses"] if row["address_type"] == "billing")
    assert {**untyped, **billing}["city"] == ADDRESS["city"]


@pytest.mark.parametrize(
    "items",
    [
        a_row(),
        {"items": [a_row()], "search_criteria": {"filter_groups": []}, "total_count": 1},
        {"items": {"7": a_row()}},
    ],
)
def test_rows_are_read_as_one_object_or_a_search_result(items) -> None:
    assert order_of(items=items).entity["items"] == [a_row()]


@pytest.mark.parametrize("name", ["order_items", "all_items", "visible_items", "line_items"])
def test_rows_go_by_what_magentos_methods_are_called(name: str) -> None:
    order = without(an_order(**{name: [a_row()]}), "items")
    document = decode(orjson.dumps({"event": "sales_order_save_after", "order": order}))
    assert document.entity["items"] == [a_row()]


HERS = {"street": ["Nygade 1"], "city": "Odense", "firstname": "Petra"}
OTHER = {"street": ["Kaj 2"], "city": "Aalborg", "firstname": "Jens"}


@pytest.mark.parametrize(
    "fields",
    [
        {"addresses": [{**OTHER, "is_default_billing": False},
                       {**HERS, "is_default_billing": True}]},
        {"addresses": [{**OTHER, "is_default_billing": "0"}, {**HERS, "is_default_billing": "1"}]},
        {"default_billing": HERS, "default_shipping": OTHER},
        {"default_billing_address": HERS, "default_shipping_address": OTHER},
        {"billing_address": text(HERS)},
    ],
)  # fmt: skip
def test_the_customers_own_address_is_found_in_every_spelling(fields) -> None:
    rows = customer_of(**fields)["addresses"]
    flagged = [row for row in rows if str(row.get("default_billing")) in ("True", "1")]
    assert [row["city"] for row in flagged] == ["Odense"]


@pytest.mark.parametrize(
    ("zone", "utc"),
    [("UTC", "10:00:05"), ("+02:00", "08:00:05"), ("Europe/Copenhagen", "08:00:05")],
)
def test_phps_datetime_is_read(zone: str, utc: str) -> None:
    value = {"date": "2026-06-01 10:00:05.000000", "timezone_type": 3, "timezone": zone}
    assert order_of(updated_at=value).updated_at == f"2026-06-01 {utc}.000000"


@pytest.mark.parametrize("zone", ["Nowhere/Else", "", "CEST", "../etc"])
def test_a_datetime_in_no_known_zone_counts_as_undated(zone: str) -> None:
    value = {"date": "2026-06-01 10:00:05.000000", "timezone_type": 2, "timezone": zone}
    assert order_of(updated_at=value).updated_at == ""


@pytest.mark.parametrize("region", [False, 5, 0])
def test_a_flag_or_an_id_names_no_region(region) -> None:
    address = {**ADDRESS, "region": region}
    assert order_of(billing_address=address).entity["billing_address"]["region"] is None
