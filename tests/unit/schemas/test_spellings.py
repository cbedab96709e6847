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
        {"item": [a_row()]},
        {"@count": "1", "item": a_row()},
        [[a_row()]],
    ],
)
def test_rows_are_read_as_one_object_or_a_search_result(items) -> None:
    assert order_of(items=items).entity["items"] == [a_row()]


@pytest.mark.parametrize("name", ["order_items", "all_items", "visible_items", "line_items"])
def test_rows_go_by_what_magentos_methods_are_called(name: str) -> None:
    order = without(an_order(**{name: [a_row()]}), "items")
    document = decode(orjson.dumps({"event": "sales_order_save_after", "order": order}))
    assert document.entity["items"] == [a_row()]


def test_rows_are_found_in_the_shipping_assignments() -> None:
    more = {"shipping_assignments": [{"shipping": {}, "items": [a_row()]}]}
    document = order_of(items=None, extension_attributes=more)
    assert document.entity["items"] == [a_row()]
    assert document.notes == ("items: read in the shipping assignments of the order",)


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
    assert order_of(updated_at=value).updated_at == f"2026-06-01 {utc}"


@pytest.mark.parametrize("zone", ["Nowhere/Else", "", "CEST", "../etc"])
def test_a_datetime_in_no_known_zone_counts_as_undated(zone: str) -> None:
    value = {"date": "2026-06-01 10:00:05.000000", "timezone_type": 2, "timezone": zone}
    assert order_of(updated_at=value).updated_at == ""


@pytest.mark.parametrize(
    ("region", "note"),
    [
        (False, ""),
        (0, ""),
        (None, ""),
        (5, "address: a number names no region, left out"),
        (5.0, "address: a number names no region, left out"),
        (True, "address: a number names no region, left out"),
        ({"region_id": 5}, "address: an object without a name or a code names no region, left out"),
        ({"region": None, "region_id": 0, "x": 1},
         "address: an object without a name or a code names no region, left out"),
    ],
)  # fmt: skip
def test_what_names_no_region_is_left_out_and_said(region, note) -> None:
    address = {**ADDRESS, "region": region}
    document = order_of(billing_address=address)
    assert document.entity["billing_address"].get("region") is None
    assert document.notes == ((note,) if note else ())
    coded = order_of(billing_address={**address, "region_code": "FY"})
    assert (coded.entity["billing_address"]["region"], coded.notes) == ("FY", ())
    (row,) = customer_of(addresses=[{**address, "default_billing": True}])["addresses"]
    assert not row["region"]


@pytest.mark.parametrize("region", [{"region_code": "FY", "region": None}, {"code": "FY"}])
def test_a_customers_region_without_a_name_goes_by_its_code(region) -> None:
    (row,) = customer_of(addresses=[{**HERS, "default_billing": True, "region": region}])[
        "addresses"
    ]
    assert row["region"] == {**region, "region": "FY"}


@pytest.mark.parametrize("name", ["billingAddress", "billing", "shippingAddress", "shipping"])
def test_an_orders_address_goes_by_other_names(name: str) -> None:
    part = f"{name.removesuffix('Address')}_address"
    document = order_of(billing_address=None, **{name: ADDRESS})
    assert (document.entity[part], document.notes) == (ADDRESS, ())


ELSEWHERE = {
    "country_id": ("countryId", "countryCode", "country_code", "country"),
    "postcode": ("postCode", "postalCode", "postal_code", "zip", "zipCode"),
    "region": ("regionCode", "regionName", "region_code"),
    "telephone": ("phone", "phoneNumber"),
    "firstname": ("firstName", "first_name"),
    "lastname": ("lastName", "last_name"),
}


@pytest.mark.parametrize("name", [name for names in ELSEWHERE.values() for name in names])
def test_a_part_of_an_address_is_read_by_its_other_names(name) -> None:
    part = next(part for part, names in ELSEWHERE.items() if name in names)
    spelled = {**without(ADDRESS, part), name: ADDRESS[part]}
    for place in ({"billing_address": spelled}, {"addresses": [spelled]}):
        order = without(an_order(), "billing_address") | place
        read = decode(orjson.dumps({"event": "sales_order_save_after", "order": order})).entity
        found = read["billing_address"] if "billing_address" in place else read["addresses"][0]
        assert found[part] == ADDRESS[part]
    (row,) = customer_of(addresses=[{**spelled, "isDefaultBilling": True}])["addresses"]
    assert (row[part], row["default_billing"]) == (ADDRESS[part], True)
    own = {**ADDRESS, name: "another"}
    assert order_of(billing_address=own).entity["billing_address"][part] == ADDRESS[part]


@pytest.mark.parametrize(
    ("street", "lines"),
    [
        (["Kaj 1", None, "", False], ["Kaj 1"]),
        ({"0": "Kaj 1", "1": None}, ["Kaj 1"]),
        ({"line1": "Kaj 1", "line2": "2. tv"}, ["Kaj 1", "2. tv"]),
        ("Kaj 1\n2. tv", "Kaj 1\n2. tv"),
        (False, None),
        (None, None),
    ],
)
def test_a_street_is_the_lines_it_has(street, lines) -> None:
    read = order_of(billing_address={**ADDRESS, "street": street}).entity["billing_address"]
    assert read["street"] == lines


def test_a_street_in_numbered_fields_is_read() -> None:
    spelled = {**without(ADDRESS, "street"), "street2": "2. tv", "street1": "Kaj 1"}
    assert order_of(billing_address=spelled).entity["billing_address"]["street"] == [
        "Kaj 1",
        "2. tv",
    ]


@pytest.mark.parametrize(
    ("value", "read", "note"),
    [
        (False, None, ""),
        ({}, None, ""),
        ([], None, ""),
        (True, None, "{}: a flag cannot be read as a value, left out"),
        ({"label": {"en": "x"}}, None, "{}: an object cannot be read as a value, left out"),
        ({"value": {"x": 1}}, None, "{}: an object cannot be read as a value, left out"),
        (["a", "b"], None, "{}: a list cannot be read as a value, left out"),
        ({"value": "x"}, "x", ""),
        (["x"], "x", ""),
    ],
)
def test_a_text_that_comes_as_something_else(value, read, note) -> None:
    for name in ("customer_firstname", "customer_email", "status"):
        document = order_of(**{name: value})
        assert document.entity[name] == read
        assert document.notes == ((note.format(name),) if note else ())
    for name in ("company", "city", "telephone", "lastname"):
        document = order_of(billing_address={**ADDRESS, name: value})
        assert document.entity["billing_address"][name] == read
        assert document.notes == ((note.format(name),) if note else ())
    document = order_of(items=[a_row(name=value)])
    assert document.entity["items"][0]["name"] == read
    assert document.notes == ((note.format("name"),) if note else ())
    assert customer_of(firstname=value)["firstname"] == read


def test_an_order_without_a_billing_address_among_its_addresses_says_so() -> None:
    order = without(
        an_order(addresses=[{**ADDRESS, "address_type": "shipping"}]), "billing_address"
    )
    document = decode(orjson.dumps({"event": "sales_order_save_after", "order": order}))
    assert document.notes == ("addresses: none is the billing address, none is used",)


@pytest.mark.parametrize("nothing", [False, 0, True, "false", "null"])
def test_what_is_no_address_hides_none_that_stands_elsewhere(nothing) -> None:
    rows = [{**ADDRESS, "address_type": "billing"}]
    body = {"order": an_order(billing_address=nothing, addresses=rows)}
    read = decode(orjson.dumps(body), event="sales_order_save_after")
    assert read.entity["billing_address"] is None
    assert [row["city"] for row in read.entity["addresses"]] == [ADDRESS["city"]]


def test_a_customers_one_address_and_its_id_by_other_names() -> None:
    assert (
        customer_of(addresses={**HERS, "default_billing": "1"})["addresses"][0]["city"] == "Odense"
    )
    rows = [{**OTHER, "customer_address_id": "57"}, {**HERS, "customer_address_id": "58"}]
    read = customer_of(addresses=rows, default_billing="58")["addresses"]
    assert [row["city"] for row in read if row.get("default_billing")] == ["Odense"]
