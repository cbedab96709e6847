"""A store whose orders come as real stores send them: another wrapping and spelling each time.

What the documents say is what the plain store says; how they say it is drawn from the tables of
this file, which are the shapes of public modules, of Adobe's tools and of PHP's own spellings.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import orjson

from sandbox.magento.shapes import raw
from sandbox.magento.store import Store, Webhook
from schemas.event import Kind

Json = dict[str, Any]
Body = tuple[Any, str]  # what is posted, and the event in its address

SAVED, COMMITTED = "sales_order_save_after", "observer.sales_order_save_commit_after"
PLUGIN = "plugin.magento.sales.api.order_repository.save"
CUSTOMER_SAVED, CUSTOMER_COMMITTED = "customer_save_after", "observer.customer_save_commit_after"
NEWS = ("state", "status", "grand_total")
ZERO_WIDTH = "\u200b"


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _cloud_event(value: Json, event: str) -> Json:
    kind = f"com.adobe.commerce.{event}"
    return {"specversion": "1.0", "id": "e", "type": kind, "data": {"value": value}}


ORDER_WRAPPERS: tuple[Callable[[Json], Body], ...] = (
    lambda order: ({"event": SAVED, "order": order}, ""),
    lambda order: (order, SAVED),
    lambda order: (order, ""),
    lambda order: ({"data": order}, "sales.order.updated"),
    lambda order: ({"eventName": COMMITTED, "data": {"order": order}}, ""),
    lambda order: (_cloud_event(order, f"shop_app.{COMMITTED}"), ""),
    lambda order: (_cloud_event(order, f"{COMMITTED}_above_100"), ""),
    lambda order: (_cloud_event({"result": order}, PLUGIN), ""),
    lambda order: ({"event": SAVED, "data": {"data_model": order}}, ""),
    lambda order: ({"event": SAVED, "order_data": _text(order)}, ""),
    lambda order: ({"event": SAVED, "orders": [order]}, ""),
    lambda order: ({"event": SAVED, "shop_dump": {"order": order, "store": {"id": 1}}}, ""),
    lambda order: ({"event": "erp.order.pushed", "payload": {"order": order}}, ""),
    lambda order: ({"event": "sales_order_invoice_pay", "order": order}, ""),
    lambda order: (_beside(order), ""),
    lambda order: (_with_its_buyer(order), ""),
)
CUSTOMER_WRAPPERS: tuple[Callable[[Json], Body], ...] = (
    lambda customer: ({"event": CUSTOMER_SAVED, "customer": customer}, ""),
    lambda customer: ({"data": customer}, "customer.updated"),
    lambda customer: (_cloud_event({"data_model": customer}, CUSTOMER_COMMITTED), ""),
    lambda customer: ({"event": CUSTOMER_SAVED, "customer": _text(customer)}, ""),
    lambda customer: (
        {
            "event": "customer_save_after_data_object",
            "orig_customer_data_object": customer | {"lastname": "Before"},
            "customer_data_object": customer,
        },
        "",
    ),
)


def _beside(order: Json) -> Json:
    """Return an order whose rows, address and number stand beside it."""
    parts = ("items", "addresses", "billing_address", "increment_id")
    beside = {name: order[name] for name in parts if order.get(name)}
    return {"event": SAVED, **beside, "order": {n: v for n, v in order.items() if n not in beside}}


def _with_its_buyer(order: Json) -> Json:
    """Return an order whose buyer stands beside it, if no stranger is in it."""
    if "customer" in order:
        return {"event": SAVED, "order": order}
    names = {"entity_id": "customer_id", "email": "customer_email"}
    names |= {"firstname": "customer_firstname", "lastname": "customer_lastname"}
    buyer = {part: order.get(name) for part, name in names.items()}
    rest = {name: value for name, value in order.items() if name not in names.values()}
    return {"event": "order.placed", "order": rest, "customer": buyer}


def _number_of_a_serializer(order: Json) -> Json:
    """Return an order whose number is called as objects of JavaScript call it."""
    named = {("incrementId" if name == "increment_id" else name): v for name, v in order.items()}
    return named if order.get("entity_id") else order


def _keyed_rows(order: Json) -> Json:
    return order | {"items": {str(place): row for place, row in enumerate(order["items"], 1)}}


def _rows_as_text(order: Json) -> Json:
    return order | {"items": _text(order["items"])}


def _rows_as_a_search(order: Json) -> Json:
    found = {"items": order["items"], "search_criteria": {}, "total_count": len(order["items"])}
    return order | {"items": found}


def _own_rows(order: Json) -> Json:
    """Return an order as mage2pro/order-notifier writes it: with rows of its own."""
    rows = [
        {("qty" if name == "qty_ordered" else name): value for name, value in row.items()}
        for row in order["items"]
    ]
    return {n: v for n, v in order.items() if n != "items"} | {"line_items": rows}


def _own_words(address: Json) -> Json:
    """Return an address in the words of mageplaza/magento-2-webhook #16."""
    words = {"street": "address", "region": "state", "postcode": "zipcode", "telephone": "phone"}
    named = {words.get(name, name): value for name, value in address.items()}
    return named if address.get("region") else address


def _nested_customer(order: Json) -> Json:
    return order | {"customer": {"entity_id": "9", "email": "else@example.com"}, "data": {}}


def _unseen(order: Json) -> Json:
    email = str(order["customer_email"])
    return order | {"customer_email": f" {ZERO_WIDTH}{email.upper()}{ZERO_WIDTH}"}


def _address(change: Callable[[Json], Any]) -> Callable[[Json], Json]:
    """Return what spells the billing address of an order, wherever it stands."""

    def spell(order: Json) -> Json:
        if isinstance(order.get("billing_address"), dict):
            return order | {"billing_address": change(order["billing_address"])}
        return order

    return spell


def _numbered_lines(address: Json) -> Json:
    """Return an address whose further lines have names of their own, beside its street."""
    first, *further = address["street"]
    lines = {f"street{place}": line for place, line in enumerate(further, 2)}
    return address | {"street": first} | lines


def _keyed(lines: list[str]) -> Json:
    return {str(place): line for place, line in enumerate(lines)}


def _typed(order: Json) -> Json:
    if not isinstance(order.get("addresses"), list):
        return order
    return order | {
        "addresses": {f"{row['address_type']}Address": row for row in order["addresses"]}
    }


ORDER_SPELLINGS: tuple[Callable[[Json], Json], ...] = (
    lambda order: order,
    raw,
    lambda order: _typed(raw(order)),
    _keyed_rows,
    _rows_as_text,
    _rows_as_a_search,
    _own_rows,
    _number_of_a_serializer,
    _nested_customer,
    _unseen,
    _address(_text),
    _address(_own_words),
    _address(lambda one: [one]),
    _address(lambda one: {"417": one}),
    _address(lambda one: one | {"street": _keyed(one["street"])}),
    _address(lambda one: one | {"street": "\n".join(one["street"])}),
    _address(_numbered_lines),
    _address(lambda one: one | {"region": {"region": one.get("region"), "region_id": 3}}),
    _address(lambda one: one | {"country_id": {"id": one["country_id"]}}),
)


def _keyed_addresses(customer: Json) -> Json:
    """Return a customer as `getData()` shows it: the default address named by its id."""
    flags = ("default_billing", "default_shipping")
    rows = [{n: v for n, v in row.items() if n not in flags} for row in customer["addresses"]]
    keyed = {str(row.pop("id")): row for row in rows}
    return customer | dict.fromkeys(flags, next(iter(keyed))) | {"addresses": keyed}


def _flag_of_a_model(customer: Json) -> Json:
    flag = "default_billing"
    rows = [
        {n: v for n, v in row.items() if n != flag} | {f"is_{flag}": "1"}
        for row in customer["addresses"]
    ]
    return customer | {"addresses": rows}


CUSTOMER_SPELLINGS: tuple[Callable[[Json], Json], ...] = (
    lambda customer: customer,
    _keyed_addresses,
    _flag_of_a_model,
    lambda customer: customer | {"addresses": _text(customer["addresses"])},
    lambda customer: (
        customer | {"quote_id": 4, "increment_id": None, "email": f" {customer['email']}"}
    ),
)


class RealWorldStore(Store):
    """A store behind several modules at once. The same seed and calls give the same bytes."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed)
        self._style = random.Random(seed + 1)
        self._news: dict[str, tuple[Any, ...]] = {}
        self._told: dict[str, int] = {}

    def _webhook(self, kind: Kind, event: str, key: str, entity: Json) -> Webhook:
        body, address = self._spelled(kind, key, entity)
        return Webhook(kind, event, key, entity["updated_at"], orjson.dumps(body), address)

    def _spelled(self, kind: Kind, key: str, entity: Json) -> Body:
        draw = self._style.choice
        if kind is Kind.CUSTOMER:
            return draw(CUSTOMER_WRAPPERS)(draw(CUSTOMER_SPELLINGS)(entity))
        if self._is_old_news(key, entity) and self._style.random() < 1 / 2:
            return {"event": SAVED, "order": _status_only(entity)}, ""
        return draw(ORDER_WRAPPERS)(draw(ORDER_SPELLINGS)(entity))

    def _is_old_news(self, key: str, order: Json) -> bool:
        """Whether a save of an order whose rows have ids by now says nothing that is mapped."""
        news = tuple(order[name] for name in NEWS)
        is_old = self._news.get(key) == news and self._told.get(key, 0) > 1
        self._news[key] = news
        self._told[key] = self._told.get(key, 0) + 1
        return is_old


def _status_only(order: Json) -> Json:
    """Return what a module's status webhook says: neither state nor totals."""
    names = ("entity_id", "increment_id", "store_id", "status", "updated_at")
    return {name: order[name] for name in names}
