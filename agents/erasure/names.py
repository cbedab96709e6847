"""What a path of Magento's documents may hold: pure.

Stores have modules, and modules have fields that nobody here has heard of. So a name is a person's
unless it is known to be none's, by the list that logs and screens go by (`stream.ops.harmless`).

| the path ends in | it is |
|---|---|
| a personal name of Magento, or lies in custom attributes | a person's |
| a name of the list, of products or of the shop | nobody's |
| anything else | not known: a text goes, an amount of an order stays |
"""

from __future__ import annotations

from enum import IntEnum

from stream.ops.harmless import means_something_in, plain_name, shape_of

# Last (or any) segment of a path in Magento's documents (magento reference §2.2).
_PERSONAL = """
    email customer_email subscriber_email firstname customer_firstname lastname customer_lastname
    middlename customer_middlename prefix customer_prefix suffix customer_suffix dob customer_dob
    gender customer_gender taxvat customer_taxvat customer_note customer_id telephone fax street
    city postcode region region_code region_id company vat_id remote_ip x_forwarded_for po_number
    cc_last4 gift_message ext_customer_id billing_address shipping_address addresses
    customer_name billing_name shipping_name cc_owner cc_last_4 echeck_account_name
    echeck_routing_number sender recipient
"""
PERSONAL = frozenset(_PERSONAL.split())
# The store's own fields of customers and addresses: nobody here knows what people type into them.
CUSTOM = "custom_attributes"
_OF_THE_SHOP = """
    store_name coupon_code coupon_rule_name discount_description shipping_description method_title
    pickup_location_code last_trans_id transaction_id txn_id cc_trans_id protect_code
    $amount $currency $event $received_at $visible_items items
"""
OF_THE_SHOP = frozenset(_OF_THE_SHOP.split())
# Of a line, as Magento and `line_items.yaml` name it; what a buyer typed is in its `options`.
_OF_PRODUCTS = "name description short_description code quantity list_price order_id item"
OF_PRODUCTS = frozenset(_OF_PRODUCTS.split())
PRODUCTS = frozenset(("items", "item", "product", "products", "parent_item"))
CHOSEN = frozenset(("label", "value"))  # of a configurable product: colour, size
CHOICES = "attributes_info"


class Meaning(IntEnum):
    """What a field may hold; of several paths the worst counts."""

    NOBODYS = 0
    UNKNOWN = 1
    PERSONAL = 2


def meaning_of(segments: list[str], inside: str = "") -> Meaning:
    """Return what a path reads; `inside` names the list whose entries it starts from."""
    *before, name = segments
    container = (before[-1] if before else inside).replace("$visible_items", "items")
    if CUSTOM in segments or name in PERSONAL:
        return Meaning.PERSONAL
    is_listed = shape_of(name) is not None and means_something_in(container, name)
    is_of_product = container in PRODUCTS and plain_name(name) in OF_PRODUCTS
    is_choice = container == CHOICES and name in CHOSEN
    if is_listed or is_of_product or is_choice or name in OF_THE_SHOP:
        return Meaning.NOBODYS
    return Meaning.UNKNOWN
