"""Orders as Magento's senders write them, and the shipped mapping."""

from __future__ import annotations

import copy

import pytest

from agents.mapping.mapping import Mapping
from schemas.codec import Document
from schemas.event import Kind

BILLING = {
    "address_type": "billing",
    "firstname": "Claire",
    "lastname": "Durand",
    "street": ["12 rue des Exemples", "Bât. B"],
    "city": "Lyon",
    "region": "Rhône",
    "region_code": "69",
    "postcode": "69002",
    "country_id": "fr",
    "telephone": "+33 4 00 00 00 00",
}
ORDER = {
    "entity_id": 1042,
    "increment_id": "2000000381",
    "state": "processing",
    "status": "processing",
    "customer_is_guest": 0,
    "customer_email": "Claire.Durand@Example.com",
    "customer_firstname": "Claire",
    "customer_lastname": "Durand",
    "order_currency_code": "EUR",
    "base_currency_code": "USD",
    "grand_total": 127.44,
    "base_grand_total": 141.6,
    "total_paid": 127.44,
    "total_refunded": 27.44,
    "created_at": "2026-03-14 18:02:11",
    "updated_at": "2026-03-14 18:02:15",
    "billing_address": BILLING,
    "items": [
        {
            "item_id": 5001,
            "product_type": "simple",
            "sku": "24-MB01",
            "name": "Joust Duffle Bag",
            "qty_ordered": 2,
            "price": 30.6,
        },
        {
            "item_id": 5002,
            "product_type": "configurable",
            "sku": "MH01-S-Gray",
            "name": "Chaz Kangeroo Hoodie",
            "qty_ordered": 1,
            "price": 46.8,
        },
        {
            "item_id": 5003,
            "parent_item_id": 5002,
            "product_type": "simple",
            "sku": "MH01-S-Gray",
            "name": "Chaz Kangeroo Hoodie-S-Gray",
            "qty_ordered": 1,
            "price": 0,
            "parent_item": {"item_id": 5002, "sku": "MH01-S-Gray"},
        },
    ],
}
CUSTOMER = {
    "id": 317,
    "email": "Claire.Durand@Example.com",
    "firstname": "Claire",
    "lastname": "Durand-Petit",
    "updated_at": "2026-03-15 09:00:00",
    "addresses": [
        {"id": 57, "city": "Paris", "country_id": "FR"},
        {
            "id": 58,
            "default_billing": True,
            "company": "Atelier Durand SARL",
            "street": ["12 rue des Exemples"],
            "city": "Lyon",
            "region": {"region": "Rhône", "region_code": "69"},
            "country_id": "FR",
            "telephone": "+33 4",
        },
    ],
}


@pytest.fixture(scope="session")
def mapping() -> Mapping:
    return Mapping.load()


@pytest.fixture
def order() -> dict:
    return copy.deepcopy(ORDER)


@pytest.fixture
def customer() -> dict:
    return copy.deepcopy(CUSTOMER)


@pytest.fixture
def document():
    """Make a document of an order or customer, as the decoder does."""

    def make(entity: dict, *, kind: Kind = Kind.ORDER, key: str | None = None) -> Document:
        if key is None:
            key = (
                str(entity.get("increment_id", "1"))
                if kind is Kind.ORDER
                else entity["email"].lower()
            )
        return Document(
            event=f"{kind.value}_saved", kind=kind, key=key, entity=entity, updated_at=""
        )

    return make


@pytest.fixture
def mapped(mapping, document):
    """Map an order with the shipped mapping (or another) and return rows by sObject and notes."""

    def run(entity: dict, *, using: Mapping | None = None, received_at_ms: int = 0, **more):
        result = (using or mapping).apply(document(entity, **more), received_at_ms=received_at_ms)
        return {row.sobject: row for row in result.rows}, result.notes

    return run


@pytest.fixture
def mapping_of():
    """Make a mapping of one Opportunity whose fields are given as YAML lines."""

    def make(fields: str, *, values: str = "", top: str = "", row: str = "", **more) -> Mapping:
        lines = [
            *([top] if top else []),
            "order:",
            *(["  values:", *(f"    {line}" for line in values.splitlines())] if values else []),
            "  rows:",
            "    - sobject: Opportunity",
            "      external_id: Magento_Order_ID__c",
            *(f"      {line}" for line in row.splitlines()),
            "      fields:",
            "        Magento_Order_ID__c: $key",
            *(f"        {line}" for line in fields.splitlines()),
        ]
        return Mapping.parse("\n".join(lines), **more)

    return make
