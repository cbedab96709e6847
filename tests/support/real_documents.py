"""Documents as real stores send them: every spelling of one order and one customer, as builders.

The shapes are those of public modules and of Adobe's documents; the people are invented.
"""

from __future__ import annotations

from typing import Any

import orjson

Json = dict[str, Any]

ADDRESS: Json = {
    "address_type": "billing",
    "firstname": "Petra",
    "lastname": "Lund",
    "street": ["Havnegade 3"],
    "city": "Odense",
    "region": "Fyn",
    "postcode": "5000",
    "country_id": "DK",
    "telephone": "65 00 00 00",
}


def an_order(number: str = "000000417", **fields: Any) -> Json:
    """Return an order as `getData()` shows it: numbers as texts."""
    return {
        "entity_id": "417",
        "increment_id": number,
        "store_id": 1,
        "state": "processing",
        "status": "processing",
        "grand_total": "86.0000",
        "base_grand_total": "86.0000",
        "customer_id": "23",
        "customer_is_guest": 0,
        "customer_email": "petra.lund@example.com",
        "customer_firstname": "Petra",
        "customer_lastname": "Lund",
        "created_at": "2026-02-01 10:00:00",
        "updated_at": "2026-02-01 10:00:05",
        "billing_address": ADDRESS,
        "items": [a_row()],
        **fields,
    }


def a_row(**fields: Any) -> Json:
    """Return a row of an order."""
    return {
        "item_id": "4170",
        "sku": "BOWL",
        "name": "Bowl",
        "qty_ordered": "2.0000",
        "price": "43.0000",
        "row_total": "86.0000",
        "product_type": "simple",
        **fields,
    }


def a_customer(**fields: Any) -> Json:
    """Return a customer as the customer repository shows it."""
    return {
        "id": 23,
        "group_id": 1,
        "website_id": 1,
        "email": "petra.lund@example.com",
        "firstname": "Petra",
        "lastname": "Lund",
        "updated_at": "2026-02-01 10:00:05",
        "addresses": [],
        **fields,
    }


def a_raw_customer(**fields: Any) -> Json:
    """Return a customer as `getData()` shows it: addresses without flags, ids as texts."""
    shipping = {**ADDRESS, "entity_id": "57", "firstname": "Ole", "lastname": "Krag"}
    shipping |= {"company": "Krag Lager", "city": "Aalborg", "telephone": "98 00 00 00"}
    raw = {**a_customer(), "entity_id": "23", "default_billing": "58", "default_shipping": "57"}
    del raw["id"]
    return {**raw, "addresses": [shipping, {**ADDRESS, "entity_id": "58"}], **fields}


def without(document: Json, *names: str) -> Json:
    """Return a document without some fields."""
    return {name: value for name, value in document.items() if name not in names}


def cloud_event(value: Json, kind: str) -> Json:
    """Return what Adobe I/O Events posts."""
    return {
        "specversion": "1.0",
        "id": "evt-1",
        "source": "urn:uuid:00000000-0000-4000-8000-000000000001",
        "type": f"com.adobe.commerce.{kind}",
        "time": "2026-02-01T10:00:06Z",
        "data": {"key": "k", "value": value, "source": "store", "_metadata": {"storeId": "1"}},
    }


def order_bodies(order: Json) -> dict[str, tuple[Json, str]]:
    """Return one order in every wrapping that stores send: name → (body, event in the address)."""
    saved, commit = "sales_order_save_after", "observer.sales_order_save_commit_after"
    return {
        "blueprint": ({"event": saved, "order": order}, ""),
        "bare": (order, saved),
        "bare and nameless": (order, ""),
        "mage-os": ({"data": order}, "sales.order.updated"),
        "adobe webhook": ({"eventName": commit, "data": {"order": order}}, ""),
        "adobe event": (cloud_event(order, commit), ""),
        "adobe event with a prefix": (cloud_event(order, f"app_one.{commit}"), ""),
        "adobe event prefix alone": ({"event": f"work.{commit}", "data": {"value": order}}, ""),
        "adobe conditional": (cloud_event(order, f"{commit}_large"), ""),
        "adobe plugin": (
            cloud_event({"result": order}, "plugin.magento.sales.api.order_repository.save"),
            "",
        ),
        "data_model": ({"event": saved, "data": {"data_model": order}}, ""),
        "a text": ({"event": saved, "order_data": orjson.dumps(order).decode()}, ""),
        "a wrapped text": (
            {"event": saved, "order_data": orjson.dumps({"order": order}).decode()},
            "",
        ),
        "number beside a text": (
            {
                "event": saved,
                "increment_id": order["increment_id"],
                "order_data": orjson.dumps({"order": order}).decode(),
            },
            "",
        ),
        "list of one": ({"event": saved, "orders": [order]}, ""),
        "wrapper of the sender's own": ({"event": saved, "shop_order_dump": order}, ""),
        "envelope with an id": (
            {"id": "evt-9", "created_at": "2026-02-01", "status": "sent", "order": order},
            saved,
        ),
        "unknown name": ({"event": "erp.order.pushed", "payload": {"order": order}}, ""),
        "place": ({"event": "sales_order_place_after", "order": order}, ""),
        "submit with its cart": (
            {
                "event": "checkout_submit_all_after",
                "quote": {"id": 5, "items_qty": 2, "grand_total": 1, "customer_email": "x@y.zz"},
                "order": order,
            },
            "",
        ),
        "invoice name": ({"event": "sales_order_invoice_pay", "order": order}, ""),
        "product name in the address": ({"data": order}, "catalog_product_save"),
    }
