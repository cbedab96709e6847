"""What each event name is for: worked on as a kind of document, or ignored, and why.

docs/events.md shows this table (a test holds it). Names come in three dialects: Magento's own
(`sales_order_save_commit_after`), mage-os' (`sales.order.updated`) and Adobe's, which puts
`observer.` or `plugin.` before Magento's, before that what the merchant's app or EVENT_PREFIX says
(`com.adobe.commerce.<app>.observer.`), and at the end what a conditional event is called
(`sales_order_save_commit_after_high_value`). Invoices, shipments and credit memos hold the
order's entity id and not its number, so none of them can be filed under its order; Magento saves
the order with each of them, and that event has everything.
"""

from __future__ import annotations

import re
from enum import StrEnum

from schemas.event import Kind

ADOBE_PREFIX = "com.adobe.commerce."
# Magento's own name comes after the last of these, whatever app, workspace or prefix is before it.
ADOBE_SOURCES = ("observer.", "plugin.")
ENDINGS = ("_commit_after", "_after")


class Ignored(StrEnum):
    """Why an event is answered 200 and not published: the label of the metric."""

    ORDER_SAVE_FOLLOWS = "order_save_follows"
    CUSTOMER_SAVE_FOLLOWS = "customer_save_follows"
    ORDER_ID_ONLY = "order_id_only"
    ORDER_NOT_PLACED = "order_not_placed"
    ORDER_DELETED = "order_deleted"
    NO_EMAIL = "no_email"
    CHANGES_NOTHING = "changes_nothing"
    NO_FIELD = "no_field"
    SWITCHED_OFF = "switched_off"
    UNSIGNED_NAME = "unsigned_name"
    UNKNOWN = "unknown"


# Magento's names without their ending, `_after` or `_commit_after`.
MAGENTO: dict[str, Kind | Ignored] = {
    "sales_order_save": Kind.ORDER,
    "sales_order_place": Kind.ORDER,
    "checkout_submit_all": Kind.ORDER,
    "sales_order_invoice_save": Ignored.ORDER_SAVE_FOLLOWS,
    "sales_order_invoice_pay": Ignored.ORDER_SAVE_FOLLOWS,
    "sales_order_shipment_save": Ignored.ORDER_SAVE_FOLLOWS,
    "sales_order_creditmemo_save": Ignored.ORDER_SAVE_FOLLOWS,
    "sales_order_creditmemo_refund": Ignored.ORDER_SAVE_FOLLOWS,
    "sales_order_status_history_save": Ignored.ORDER_SAVE_FOLLOWS,
    "sales_order_payment_save": Ignored.ORDER_SAVE_FOLLOWS,
    "sales_order_address_save": Ignored.ORDER_ID_ONLY,
    "sales_order_delete": Ignored.ORDER_DELETED,
    "sales_order_shipment_track_save": Ignored.NO_FIELD,
    "customer_save": Kind.CUSTOMER,
    "customer_address_save": Kind.CUSTOMER,
    "customer_address_delete": Kind.CUSTOMER,
    "customer_delete": Kind.CUSTOMER_DELETED,
    "newsletter_subscriber_save": Kind.SUBSCRIBER,
    "newsletter_subscriber_delete": Ignored.NO_FIELD,
}
WITHOUT_ENDING: dict[str, Kind | Ignored] = {
    "customer_delete_before": Kind.CUSTOMER_DELETED,
    "sales_order_delete_before": Ignored.ORDER_DELETED,
    "sales_model_service_quote_submit_failure": Ignored.ORDER_NOT_PLACED,
    "customer_register_success": Ignored.CUSTOMER_SAVE_FOLLOWS,
    "customer_login": Ignored.CHANGES_NOTHING,
    "customer_logout": Ignored.CHANGES_NOTHING,
}
# mage-os fires `sales.order.updated` only when the state changed, so no order save follows for
# sure; reconcile finds what that leaves behind.
MAGE_OS: dict[str, Kind | Ignored] = {
    "sales.unholdedcreated": Kind.ORDER,  # how the module spells its unhold event
    "sales.order.deleted": Ignored.ORDER_DELETED,  # of others: the module has none
    "sales.invoice.created": Ignored.ORDER_ID_ONLY,
    "sales.invoice.paid": Ignored.ORDER_ID_ONLY,
    "sales.shipment.created": Ignored.ORDER_ID_ONLY,
    "sales.creditmemo.created": Ignored.ORDER_ID_ONLY,
    "customer.created": Kind.CUSTOMER,
    "customer.updated": Kind.CUSTOMER,
    "customer.login": Ignored.CHANGES_NOTHING,
    "customer.address.created": Kind.CUSTOMER,
    "customer.address.updated": Kind.CUSTOMER,
    "customer.deleted": Kind.CUSTOMER_DELETED,
}
# Adobe's plugin events: the answer of a repository, in `result`. As a Cloud Service they come
# without `magento.`.
PLUGIN_PREFIX = "magento."
PLUGINS: dict[str, Kind | Ignored] = {
    "magento.sales.api.order_repository.save": Kind.ORDER,
    "magento.sales.api.order_management.place": Kind.ORDER,
    "magento.sales.api.order_repository.delete": Ignored.ORDER_DELETED,
    "magento.sales.api.order_repository.delete_by_id": Ignored.ORDER_DELETED,
    "magento.customer.api.customer_repository.save": Kind.CUSTOMER,
    "magento.customer.api.customer_repository.delete": Kind.CUSTOMER_DELETED,
    "magento.customer.api.customer_repository.delete_by_id": Kind.CUSTOMER_DELETED,
}
# What a nameless document is called after its kind was guessed.
GUESSED: dict[str, Kind | Ignored] = {
    "order_saved": Kind.ORDER,
    "customer_saved": Kind.CUSTOMER,
    "sales_document_saved": Ignored.ORDER_ID_ONLY,
}
# A name that nobody knows, of a customer who is gone: as a save it would make the record anew.
# Who is removed from a group, a list or the like is still there.
DELETION = re.compile(
    r"(?!.*(?:segment|group|compan(?:y|ie)|list|cart|campaign|role|team)s?[^a-z].*remov)"
    r"(?:.*[^a-z])?(?:customers?(?:[._/: -]?(?:account|entity|data|record))?"
    r"[._/: -]?(?:delet|remov|eras)(?:e|ed|ion)|(?:delete|remove|erase)d?[._/: -]?customers?)"
    r"(?:[._/: -](?:before|after|commit_after))?"
)
# The same of an order: what it brings is the order as it was.
ORDER_DELETION = re.compile(
    r"(?:.*[^a-z])?"
    r"(?:orders?[._/: -]?(?:delet|eras)(?:e|ed|ion)|(?:delete|erase)d?[._/: -]?orders?)"
    r"(?:[._/: -](?:before|after|commit_after))?"
)
# An address alone belongs to nobody we can find: these count only with their customer.
ADDRESS_EVENTS = ("customer_address_", "customer.address.")


def plain_name(event: str) -> str:
    """Return an event name without what Adobe and the merchant's app put before it."""
    for source in ADOBE_SOURCES:
        before, found, name = event.rpartition(source)
        if found and (not before or before.endswith(".")):
            return name
    return event.removeprefix(ADOBE_PREFIX)


def use_of(event: str) -> Kind | Ignored:
    """Return what an event name is about, or why it is ignored."""
    found = _USES.get(event)
    if found is not None:
        return found
    name = plain_name(event)
    if name.startswith("sales.order."):
        return Kind.ORDER
    return _USES.get(name) or _use_of_conditional(name)


def _use_of_conditional(name: str) -> Kind | Ignored:
    """Return the use of the event that a merchant's conditional event is made of."""
    for ending in ENDINGS:
        stem, found, condition = name.partition(f"{ending}_")
        if found and condition and stem in MAGENTO:
            return MAGENTO[stem]
    if DELETION.fullmatch(name.lower()):
        return Kind.CUSTOMER_DELETED
    return Ignored.ORDER_DELETED if ORDER_DELETION.fullmatch(name.lower()) else Ignored.UNKNOWN


def is_about_an_address(event: str) -> bool:
    """Return whether an event is about one address of a customer."""
    return plain_name(event).startswith(ADDRESS_EVENTS)


_USES: dict[str, Kind | Ignored] = {
    **{f"{stem}{ending}": use for stem, use in MAGENTO.items() for ending in ENDINGS},
    **WITHOUT_ENDING,
    **MAGE_OS,
    **PLUGINS,
    **{name.removeprefix(PLUGIN_PREFIX): use for name, use in PLUGINS.items()},
    **GUESSED,
}
