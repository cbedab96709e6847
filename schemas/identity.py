"""The identity of an order and of a customer: the one rule that everything uses.

Ingress, guard, mapping, enrichment, reconcile, trace and erasure ask here and nowhere else.

| document | key | external ID |
|---|---|---|
| order with a number | the number, its case folded | the number as the store writes it |
| order without | `id:` and its entity id | the same |
| customer | the e-mail: lower case, what is seen of it, its domain in letters | the same |

`null`, `undefined`, `0`, an unfilled template and their like are nobody's (`schemas.texts`).

Salesforce compares external IDs without case, so `A-1` and `a-1` are one key here as they are one
record there. Ids have a space of their own: a number that begins like one gets `number:` before it,
so no number can reach an id.

Magento makes numbers unique per store only, and e-mails per website. `MAGENTO_ORDER_KEY` and
`MAGENTO_CUSTOMER_KEY` put `<store>:` or `<website>:` before them; `MAGENTO_INSTANCE` puts
`<instance>:` before an order's key where several Magentos share an org.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from schemas.document.address_spellings import is_address_of
from schemas.document.other_numbers import is_padded
from schemas.document.shape import ORDER_NUMBERS, id_of, number_of
from schemas.email import ORDINARY, as_key, in_one_spelling, why_not
from schemas.event import Kind
from schemas.texts import identifier, said, text_of

MAX_KEY_CHARACTERS = 255
ID_SPACE = "id:"
NUMBER_SPACE = "number:"
EMAIL_FIELDS = ("email", "subscriber_email")
NOTHING = (None, False)
# A marketplace splits an order by its sellers, and some post each part under the order's number.
SELLERS = ("seller_id", "vendor_id")
PART_IDS = ("sub_order_id", "suborder_id")
OF_A_PART = frozenset((*SELLERS, *PART_IDS))
PART = "part "


class IdentityError(ValueError):
    """The document has no identity; the message names the field that is missing or wrong."""


class OrderKey(StrEnum):
    """What makes an order's number unique."""

    NUMBER = "number"
    STORE = "store"
    WEBSITE = "website"


class CustomerKey(StrEnum):
    """What makes a customer's e-mail unique."""

    EMAIL = "email"
    WEBSITE = "website"


@dataclass(frozen=True, slots=True)
class Identity:
    """The rule of one deployment. `websites` tells the website of each store view, by id."""

    instance: str = ""
    order_key: OrderKey = OrderKey.NUMBER
    customer_key: CustomerKey = CustomerKey.EMAIL
    websites: Mapping[str, str] = field(default_factory=dict)

    def order_external_id(self, order: Mapping[str, Any], number: str = "") -> str:
        """Return an order's external ID in Salesforce, by its number if known; or IdentityError."""
        number = number or number_of(order)
        if not number:
            number = _id_in_its_space(order)
        elif self.order_key is not OrderKey.NUMBER:
            number = f"{self._qualifier(order)}:{number}"
        elif number.lower().startswith((ID_SPACE, NUMBER_SPACE)):
            number = f"{NUMBER_SPACE}{number}"
        return _checked(self._prefixed(number), "increment_id")

    def key_of_customer(self, customer: Mapping[str, Any]) -> str:
        """Return a customer's key; raises IdentityError."""
        value = sent_email(customer)
        if not value:
            raise IdentityError("no customer e-mail found: the customer has no `email`")
        address = in_one_spelling(value)
        if reason := why_not(address):
            raise IdentityError(f"`email` is no e-mail address: {reason}")
        address = as_key(address)
        if self.customer_key is CustomerKey.WEBSITE:
            website = self._website_of(customer)
            if not website:
                raise IdentityError(
                    "the customer has no website_id, and MAGENTO_CUSTOMER_KEY=website needs it"
                )
            address = f"{website}:{address}"
        return _checked(address, "email")

    def key_of_buyer(self, order: Mapping[str, Any]) -> str:
        """Return the key of the customer an order belongs to; '' when it names none."""
        address = as_key(email_of_buyer(order))
        if not address:
            return ""
        if self.customer_key is CustomerKey.WEBSITE:
            website = self._website_of(order)
            return f"{website}:{address}" if website else ""
        return address

    def lack_of_buyer(self, order: Mapping[str, Any]) -> str:
        """Return why an order with a good address is nobody's, '' when it is not so."""
        is_by_website = self.customer_key is CustomerKey.WEBSITE
        if not is_by_website or not email_of_buyer(order) or self._website_of(order):
            return ""
        store = said(order.get("store_id")) or "(missing)"
        return (
            f"customer_email: the website of store_id {store} is not known, and "
            "MAGENTO_CUSTOMER_KEY=website needs it: the order is nobody's; name the store in "
            "MAGENTO_STORE_WEBSITES, then replay it with --force"
        )

    def id_of_person(self, document: Mapping[str, Any], kind: Kind | None) -> str:
        """Return the store's id of the customer a document is of; '' for a guest's order.

        Of a customer with two ids one is a flow's row or a sub-account's, and by a stranger's id
        the stranger's records would be given this address.
        """
        if kind not in (Kind.ORDER, Kind.CUSTOMER) or has_two_ids(document, kind):
            return ""
        found = "" if kind is Kind.ORDER else id_of(document)
        found = found or identifier(document.get("customer_id"))  # Magento 1 calls it so, too
        return self._prefixed(found) if found else ""

    def keys_of_email(self, email: str) -> tuple[str, ...]:
        """Return every key that customers with an address may have, or had by an older release."""
        address = in_one_spelling(email)
        spellings = tuple(dict.fromkeys((as_key(address), address)))
        if self.customer_key is CustomerKey.EMAIL:
            return spellings
        sites = sorted(set(self.websites.values()))
        return (*spellings, *(f"{site}:{one}" for one in spellings for site in sites))

    def key_of_target(self, text: str) -> str:
        """Return the key that a person means by an order's number or a customer's e-mail."""
        text = text.strip()
        if "@" in text:
            return as_key(in_one_spelling(text))
        is_whole = not text or not self.instance or self.is_ours(folded(text))
        return folded(text if is_whole else self._prefixed(text))

    def pattern_of_target(self, text: str) -> str:
        """Return a pattern of the keys meant by who does not say which store's; '' for one key."""
        key = self.key_of_target(text)
        if "@" in key:
            is_one = self.customer_key is CustomerKey.EMAIL or ":" in key
            return "" if is_one else rf"(?:\d+:)?{re.escape(key)}"
        if not key or self.order_key is OrderKey.NUMBER:
            return ""
        instance = folded(f"{self.instance}:") if self.instance else ""
        number = key.removeprefix(instance)
        return rf"{re.escape(instance)}(?:(?!{ID_SPACE})[^:]+:)?{re.escape(number)}"

    def is_ours(self, key: str) -> bool:
        """Whether an order's key is of this store, where several share an org."""
        return not self.instance or key.startswith(folded(f"{self.instance}:"))

    def number_in(self, key: str) -> tuple[str, str]:
        """Return the store's field and its value that an order's key was made of."""
        bare = key.removeprefix(folded(f"{self.instance}:")) if self.instance else key
        if bare.startswith(ID_SPACE):
            return "entity_id", bare.removeprefix(ID_SPACE)
        if self.order_key is not OrderKey.NUMBER:
            return "increment_id", bare.partition(":")[2]
        return "increment_id", bare.removeprefix(NUMBER_SPACE)

    def _prefixed(self, number: str) -> str:
        return f"{self.instance}:{number}" if self.instance else number

    def _qualifier(self, order: Mapping[str, Any]) -> str:
        name = f"MAGENTO_ORDER_KEY={self.order_key}"
        store = said(order.get("store_id"))
        if self.order_key is OrderKey.STORE:
            if not store:
                raise IdentityError(f"the order has no store_id, and {name} needs it")
            return store
        website = self._website_of(order)
        if not website:
            raise IdentityError(
                f"the website of store_id {store or '(missing)'} is not known, and {name} needs "
                "it: name the store in MAGENTO_STORE_WEBSITES"
            )
        return website

    def _website_of(self, document: Mapping[str, Any]) -> str:
        own = said(document.get("website_id"))
        return own or self.websites.get(said(document.get("store_id")), "")


PLAIN = Identity()


def folded(external_id: str) -> str:
    """Return the key of an external ID: compared as Salesforce compares it, without case."""
    return external_id.casefold()


def is_meant(key: str, wanted: str, pattern: str) -> bool:
    """Whether a key is the wanted one, or one of those that it may stand for."""
    return key == wanted or (bool(pattern) and re.fullmatch(pattern, key) is not None)


def email_of_buyer(order: Mapping[str, Any]) -> str:
    """Return the address an order is filed by: the customer's, else the billing address's."""
    found = _good_address(order.get("customer_email"))
    return found or _good_address(_billing_of(order).get("email"))


def _good_address(value: Any) -> str:
    """Return an e-mail address in one spelling; '' for what is none."""
    if type(value) is str and ORDINARY.fullmatch(value):
        return value.lower()  # its domain is neither Punycode's nor of letters beyond ASCII
    found = in_one_spelling(text_of(value))
    return "" if why_not(found) else found


def _billing_of(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an order's billing address; REST of Magento 1 has it among the others only."""
    own, rows = order.get("billing_address"), order.get("addresses")
    if not own and isinstance(rows, list):
        own = next((row for row in rows if is_address_of(row, "billing")), None)
    return own if isinstance(own, dict) else {}


def sent_email(customer: Mapping[str, Any]) -> str:
    """Return a customer's e-mail as it was sent."""
    return next((found for name in EMAIL_FIELDS if (found := said(customer.get(name)))), "")


def has_two_ids(document: Mapping[str, Any], kind: Kind | None) -> bool:
    """Whether a customer's document says two ids, and nothing tells which is the store's."""
    if kind is not Kind.CUSTOMER or "customer_id" not in document:
        return False
    ids = {id_of(document), identifier(document["customer_id"])} - {""}
    return len(ids) > 1


def site_of(document: Mapping[str, Any]) -> str:
    """Return where in the store a document lives: a customer's website, an order's store view."""
    return said(document.get("website_id")) or said(document.get("store_id"))


def told_id(document: Mapping[str, Any], kind: Kind | None) -> str:
    """Return the store's id that tells a document from others of its key; '' when not said.

    A bare `id` of an order may be its sender's own; that of a document of one seller is a part's,
    under its order's number. An id with zeros before it is a number.
    """
    if kind is not Kind.ORDER:
        return id_of(document)
    found = identifier(document.get("entity_id"))
    if not document.keys().isdisjoint(OF_A_PART):
        found = _id_of_part(document, found)
    return "" if found[:1] == "0" and is_padded(found) else found


def _id_of_part(document: Mapping[str, Any], entity_id: str) -> str:
    """Return the id of what may be a seller's part of an order, the entity id when it is none."""
    part = next((found for name in PART_IDS if (found := identifier(document.get(name)))), "")
    if part and part not in (entity_id, number_of(document)):  # an order that was not split
        return f"{PART}{part}"
    own = identifier(document.get("id"))
    is_sellers = own.isdecimal() and any(identifier(document.get(name)) for name in SELLERS)
    return own if is_sellers and not entity_id else entity_id


def _id_in_its_space(order: Mapping[str, Any]) -> str:
    numbers = (order.get(name) for name in ORDER_NUMBERS)
    if any(not isinstance(number, str) and number not in NOTHING for number in numbers):
        raise IdentityError("increment_id is neither a text nor an exact whole number")
    entity_id = id_of(order)
    if not entity_id:
        raise IdentityError("no order ID found: the order has no increment_id and no entity_id")
    return f"{ID_SPACE}{entity_id}"


def _checked(key: str, field_name: str) -> str:
    if len(key) > MAX_KEY_CHARACTERS:
        raise IdentityError(
            f"{field_name} has {len(key)} characters, at most {MAX_KEY_CHARACTERS} fit"
        )
    if not key.isprintable():
        raise IdentityError(f"{field_name} has control characters")
    return key
