"""What of a document may be shown to anybody: one list of names, each with the shape of its values.

Everything that is not listed here is masked, whatever it is called and however deep it lies: stores
add fields nobody here has heard of, and people type their data into all of them. A listed name is
not enough either; a status with a blank or an `@` in it is not a status.

| kind | values look like |
|---|---|
| number | an amount, a quantity, a rate: shorter than a card's number, no nought before it |
| id | one word with a digit in it that is no card's number and no account's (by check digit) |
| date | a date or a time |
| code | one word: states, methods; countries, currencies and locales by their length |
| sku | a product's number; shops put blanks behind its first word |
| numbers | several with commas between them |
"""

from __future__ import annotations

import re
from functools import lru_cache

NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d{0,11})(?:\.\d{1,12})?")
DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?(?:Z|[+-]\d{2}:?\d{2})?"
)
CODE = re.compile(r"(?!\D.*\d{7})[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,79}")
ID = re.compile(r"(?=[^\d]*\d)[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,79}")
NUMBERS = re.compile(r"\d{1,12}(?:,\d{1,12}){0,39}")
COUNTRY = re.compile(r"[A-Za-z]{2,3}")
CURRENCY = re.compile(r"[A-Za-z]{3}")
LOCALE = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z]{2,4}){0,2}")
BANK_ACCOUNT = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
CARD_DIGITS = range(13, 20)
SKU = re.compile(r"(?=\S*\d|\S+\Z)[A-Za-z0-9][\w .:/#()+-]{0,63}")  # words alone are a text

_IDS = """
    id entity_id increment_id order_id parent_id parent_item_id item_id quote_id quote_item_id
    quote_address_id billing_address_id shipping_address_id customer_address_id customer_id
    customer_group_id group_id store_id website_id product_id category_id rule_id stock_id
    original_increment_id relation_parent_id relation_parent_real_id relation_child_id
    relation_child_real_id ext_order_id edit_increment event_id option_id option_type_id
    subscriber_id account_id contact_id owner_id record_type_id pricebook2_id pricebook_entry_id
    product2_id opportunity_id order_number order_item_id magento_order_number magento_order_id
    magento_customer_id magento_item_id magento_store_id
"""
_CODES_OF_ORDERS = """
    entity_name entity_type address_type
    state status hold_before_state hold_before_status old_status new_status
    store_code website_code source_code
    method shipping_method payment_method carrier_code cc_type product_type type type_id event
    event_name is_virtual is_qty_decimal is_active
    is_customer_notified is_visible_on_front customer_is_guest customer_note_notify email_sent
    send_email notification_sent can_ship_partially can_ship_partially_item free_shipping
    no_discount forced_shipment_with_invoice vat_is_valid default_billing default_shipping
    disable_auto_group_change confirmation_status is_subscribed subscriber_status
    tax_code rate_code attribute_code schema_version mapping_version sequence
    version
"""
_CODES_OF_SALESFORCE = """
    stage_name forecast_category
    product_code success created error_code status_code sobject api_version type
    magento_instance magento_store magento_website magento_status magento_state
"""
_DATES = """
    created_at updated_at modified_at saved_at placed_at paid_at shipped_at canceled_at
    close_date effective_date end_date order_date activated_date created_date last_modified_date
    system_modstamp magento_updated_at magento_created_at date
"""
_NUMBERS = """
    amount quantity qty total price rate percent weight row_weight position sort_order
    total_item_count items_count items_qty payment_auth_expiration discount_percent tax_percent
    unit_price list_price probability store_to_base_rate store_to_order_rate
"""
_LISTS = "applied_rule_ids category_ids website_ids"
_CURRENCIES = """
    order_currency_code base_currency_code store_currency_code global_currency_code currency_code
    currency currency_iso_code
"""
_SKUS = "sku product_sku stock_keeping_unit"

# Families whose members a store's modules multiply: `base_row_total_incl_tax`, `qty_backordered`, …
NUMBER_FAMILY = re.compile(
    r"(?:base_|global_|store_|order_|row_|shipping_|items_|magento_)*"
    r"(?:qty|subtotal|grand_total|row_total|total|price|amount|amnt|tax|discount|adjustment|fee|fees|"
    r"refunded|paid|due|invoiced|canceled|shipped|ordered|returned|backordered|cost|weee|gw|"
    r"customer_balance|reward|gift_cards|to_order|to_base|to_global|original_price)"
    r"(?:_(?:qty|ordered|invoiced|shipped|refunded|canceled|returned|backordered|incl|excl|tax|total|"
    r"amount|amnt|price|paid|due|online|offline|positive|negative|discount|compensation|authorized|"
    r"authorization|row|rate|base|currency|disposition|applied|value|balance|cost))*"
)

SHAPES: dict[str, re.Pattern[str]] = {
    **dict.fromkeys(_IDS.split(), ID),
    **dict.fromkeys((*_CODES_OF_ORDERS.split(), *_CODES_OF_SALESFORCE.split()), CODE),
    **dict.fromkeys(_DATES.split(), DATE),
    **dict.fromkeys(_NUMBERS.split(), NUMBER),
    **dict.fromkeys(_LISTS.split(), NUMBERS),
    **dict.fromkeys(_CURRENCIES.split(), CURRENCY),
    **dict.fromkeys(("country_id", "country_code"), COUNTRY),
    "locale": LOCALE,
    **dict.fromkeys(_SKUS.split(), SKU),
}
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
MAX_NAME_CHARACTERS = 80
# What any object may be said to have: a passport has an `id` and a `type`, a birth a `date`. They
# count in the objects that are an order's own.
_GENERIC = "id date type event method version price fee tax state status"
GENERIC = frozenset(_GENERIC.split())
_OWN_OBJECTS = """
    order orders item items entity payment invoice invoices shipment shipments creditmemo
    creditmemos product products parent_item store website status_histories status_history total
    totals shipping
    quote cart customer refund refunds transaction transactions rates tracks applied_taxes event
    events data record records attributes stock category line line_items opportunity
"""
OWN_OBJECTS = frozenset(("", *_OWN_OBJECTS.split()))


def plain_name(name: str) -> str:
    """Return a field's name as Magento spells names."""
    return CAMEL.sub("_", name.removesuffix("__c")).lower().replace("__", "_").replace("-", "_")


def means_something_in(container: str, name: str) -> bool:
    """Whether a name of an object is to be believed there."""
    return plain_name(name) not in GENERIC or plain_name(container) in OWN_OBJECTS


@lru_cache(maxsize=4096)
def shape_of(name: str) -> re.Pattern[str] | None:
    """Return what values of a name look like when they are harmless; None for an unlisted name.

    Salesforce's and Adobe's spellings (`StageName`, `Grand_Total__c`, `incrementId`) count as ours.
    """
    if len(name) > MAX_NAME_CHARACTERS:
        return None
    plain = plain_name(name)
    if (shape := SHAPES.get(plain)) is not None:
        return shape
    return NUMBER if NUMBER_FAMILY.fullmatch(plain) else None


def is_harmless(name: str, value: object) -> bool:
    """Whether a value may be shown under its name. Flags and nothing always may."""
    if value is None or value == "" or isinstance(value, bool):
        return True
    shape = shape_of(name)
    text = str(value)
    is_shaped = shape is not None and shape.fullmatch(text) is not None
    return is_shaped and not (shape is ID and _is_money(text))


def _is_money(text: str) -> bool:
    """Whether the check digits of a card (Luhn) or of a bank account (ISO 7064) are right."""
    if BANK_ACCOUNT.fullmatch(text):
        return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1
    if not text.isdecimal() or len(text) not in CARD_DIGITS:
        return False
    doubled = (sum(divmod(int(digit) * 2, 10)) for digit in text[-2::-2])
    return (sum(doubled) + sum(map(int, text[-1::-2]))) % 10 == 0
