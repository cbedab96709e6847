"""What each event name is for, in every sender's dialect; docs/events.md says the same."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from schemas import event_names
from schemas.codec import DecodeError, decode
from schemas.document import shape as document_shape
from schemas.document import spellings, unwrapping
from schemas.event import Kind
from schemas.event_names import Ignored, use_of

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "events.md"
CUSTOMER = {"id": 317, "email": "Claire@Example.com", "addresses": [{"street": ["12 rue"]}]}
ADDRESS = {"id": 58, "customer_id": 317, "street": ["12 rue"], "city": "Lyon"}
INVOICE = {"entity_id": 9, "increment_id": "000000900", "order_id": 1042, "grand_total": 1}


def documented() -> dict[str, str]:
    """Event name as it is written → the `becomes` of its row."""
    table = DOCUMENT.read_text("utf-8").partition("| event | becomes |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", table, re.MULTILINE)
    return {name: use for names, use in rows for name in re.findall(r"`([^`]+)`", names)}


def full_names(name: str) -> list[str]:
    if "." in name or name in event_names.WITHOUT_ENDING or "_after_" in name:
        return [name.replace("*", "created")]
    return [f"{name}_after", f"{name}_commit_after"]


def test_the_document_and_the_code_have_the_same_table() -> None:
    written = documented()
    for name, use in written.items():
        for full in full_names(name):
            meant = use_of(full)
            if meant in (Kind.CUSTOMER_DELETED, Kind.SUBSCRIBER):
                meant = Ignored.SWITCHED_OFF
            assert meant.value in use, f"{full}: {meant} here, {use} there"
    known = {*event_names.MAGENTO, *event_names.MAGE_OS, *event_names.WITHOUT_ENDING}
    known |= event_names.PLUGINS.keys()
    assert known <= set(written)


@pytest.mark.parametrize(
    "prefix", ["", "observer.", "com.adobe.commerce.observer.", "com.adobe.commerce.plugin."]
)
def test_adobes_prefixes_change_nothing(prefix: str) -> None:
    assert use_of(f"{prefix}sales_order_save_commit_after") is Kind.ORDER
    assert use_of(f"{prefix}sales_order_invoice_save_after") is Ignored.ORDER_SAVE_FOLLOWS


@pytest.mark.parametrize("prefix", ["", "plugin.", "com.adobe.commerce.plugin."])
@pytest.mark.parametrize("name", event_names.PLUGINS)
def test_a_cloud_service_leaves_magento_out_of_plugins(name: str, prefix: str) -> None:
    short = name.removeprefix(event_names.PLUGIN_PREFIX)
    assert use_of(prefix + short) is use_of(prefix + name) is event_names.PLUGINS[name]


@pytest.mark.parametrize(
    "event", ["", "x", "sales_order_save", "sales_order_save_before", "catalog_product_save_after"]
)
def test_every_other_name_is_unknown(event: str) -> None:
    assert use_of(event) is Ignored.UNKNOWN


def test_the_document_lists_every_mark_and_wrapper_of_the_code() -> None:
    text = " ".join(DOCUMENT.read_text("utf-8").split())
    tables = (
        document_shape.ORDER_MARKS,
        document_shape.BUYER_MARKS,
        document_shape.SHARED_ORDER_MARKS,
        document_shape.NOT_OF_SALES_DOCUMENTS,
        document_shape.CUSTOMER_MARKS,
        document_shape.ADDRESS_MARKS,
        document_shape.CART_MARKS,
        document_shape.PRODUCT_MARKS,
        unwrapping.WRAPPERS,
        unwrapping.NEVER,
    )
    for table in tables:
        assert ", ".join(f"`{name}`" for name in table) in text
    for field in {name for aliases in spellings.ALIASES.values() for name in aliases}:
        assert f"`{field}`" in text.partition("## Spellings")[2]


def said(value: object, event: str = ""):
    return decode(orjson.dumps(value), event=event)


@pytest.mark.parametrize(
    "event", ["customer_address_save_commit_after", "customer.address.updated"]
)
def test_an_address_counts_with_its_customer_and_not_alone(event: str) -> None:
    whole = said({"event": event, "customer": CUSTOMER})
    assert (whole.kind, whole.key) == (Kind.CUSTOMER, "claire@example.com")
    alone = said({"data": ADDRESS}, event)
    assert (alone.kind, alone.ignored) == (None, Ignored.NO_EMAIL)
    with_mail = said({"data": ADDRESS | {"email": "claire@example.com"}}, event)
    assert with_mail.ignored is Ignored.NO_EMAIL


def test_an_invoice_without_an_event_name_is_no_order() -> None:
    document = said({"data": INVOICE})
    assert (document.is_ignored, document.ignored) == (True, Ignored.ORDER_ID_ONLY)


def test_an_ignored_event_may_carry_anything() -> None:
    assert said({"event": "customer_login", "customer": 7}).ignored is Ignored.CHANGES_NOTHING


def test_a_deleted_customer_is_known_by_its_email_and_ignored_without() -> None:
    whole = said({"event": "customer_delete_commit_after", "customer": CUSTOMER})
    assert (whole.kind, whole.key) == (Kind.CUSTOMER_DELETED, "claire@example.com")
    only_id = said({"event": "customer_delete_commit_after", "customer": {"id": 317}})
    assert only_id.ignored is Ignored.NO_EMAIL


def test_a_subscription_is_keyed_by_its_email_and_dated_by_its_change() -> None:
    subscriber = {
        "subscriber_id": "4",
        "subscriber_email": "Claire@Example.com",
        "subscriber_status": 3,
        "change_status_at": "2026-03-14 18:02:11",
    }
    document = said(
        {"event": "newsletter_subscriber_save_commit_after", "data": {"value": subscriber}}
    )
    assert (document.kind, document.key) == (Kind.SUBSCRIBER, "claire@example.com")
    assert document.updated_at == "2026-03-14 18:02:11"


def cloud(value: object, event: str = "observer.sales_order_save_commit_after") -> dict:
    return {
        "specversion": "1.0",
        "type": f"com.adobe.commerce.{event}",
        "data": {"key": "72d7", "value": value, "source": "store", "_metadata": {"storeId": "1"}},
    }


@pytest.mark.parametrize(
    "value",
    [{"increment_id": "7", "state": "new"}, {"order": {"increment_id": "7", "state": "new"}}],
)
def test_a_cloud_event_is_unwrapped_and_named_by_its_type(value) -> None:
    document = said(cloud(value))
    assert (document.kind, document.key) == (Kind.ORDER, "7")
    assert document.event == "sales_order_save_commit_after"
    assert document.entity == {"increment_id": "7", "state": "new"}


def test_a_type_is_an_event_name_only_in_a_cloud_event() -> None:
    assert said({"type": "sales_order_invoice_save_after", "increment_id": "7", "items": []}).kind


def test_an_order_without_any_id_is_still_refused() -> None:
    with pytest.raises(DecodeError, match="order ID"):
        said(cloud({"updated_at": "2026-03-14 18:02:11"}))


@pytest.mark.parametrize(
    "event",
    [
        *("customer.delete", "customers/delete", "customer_deleted", "CustomerDeleted"),
        *("delete_customer", "acme.customer.removed", "customer_account_deletion"),
        *("customer_delete_before", "observer.customer_entity_delete_before"),
        "plugin.magento.customer.api.customer_repository.delete",
        "com.adobe.commerce.acme.plugin.customer.api.customer_repository.delete",
    ],
)
def test_a_deleted_customer_is_not_saved_whatever_the_event_is_called(event: str) -> None:
    """Taken by its shape it made the Contact anew, undated and so over whatever was there."""
    body = {"customer": {**CUSTOMER, "group_id": 1}}
    document = decode(orjson.dumps({"event": event, **body}))
    assert document.kind is Kind.CUSTOMER_DELETED
    if event.replace("_", "").isalnum() or "/" not in event:
        assert decode(orjson.dumps(body), event=event).ignored is Ignored.UNSIGNED_NAME


@pytest.mark.parametrize(
    "event",
    [
        *("customer_group_removed", "customer.removed_from_group", "customer.address.deleted"),
        *("order_customer_changed", "customer_wishlist_item_delete", "undelete_customers_cart"),
        *("segment.remove_customer", "company_customer_removed", "price_lists/removedCustomer"),
    ],
)
def test_what_else_is_deleted_leaves_a_customer_who_is_there(event: str) -> None:
    body = {"event": event, "customer": {**CUSTOMER, "group_id": 1}}
    assert decode(orjson.dumps(body)).kind is Kind.CUSTOMER
