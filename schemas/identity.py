"""The identity of an order and of a customer: the one key that everything uses.

| document | key | external ID |
|---|---|---|
| order with a number | the number, its case folded | the number as the store writes it |
| order without | `id:` and its entity id | the same |
| customer | the e-mail, in lower case, without characters nobody sees | the same |

Salesforce compares external IDs without case, so `A-1` and `a-1` are one key here as they are one
record there. Ids have a space of their own: a number that begins like one gets `number:` before it,
so no number can reach an id. With several stores in one org `<instance>:` stands before an order's
key (`MAGENTO_INSTANCE`).
"""

from __future__ import annotations

from typing import Any

from schemas.document_shape import ORDER_NUMBERS, id_of, number_of
from schemas.email import seen, why_not
from schemas.texts import text_of

MAX_KEY_CHARACTERS = 255
ID_SPACE = "id:"
NUMBER_SPACE = "number:"
NOTHING = (None, "", False)
EMAIL_FIELDS = ("email", "subscriber_email")


class IdentityError(ValueError):
    """The document has no identity; the message names the field that is missing or wrong."""


def order_external_id(order: dict[str, Any], instance: str = "") -> str:
    """Return an order's external ID in Salesforce; raises IdentityError."""
    number = number_of(order)
    if number.lower().startswith((ID_SPACE, NUMBER_SPACE)):
        number = f"{NUMBER_SPACE}{number}"
    if not number:
        if any(order.get(name) not in NOTHING for name in ORDER_NUMBERS):
            raise IdentityError("increment_id is neither a text nor an exact whole number")
        entity_id = id_of(order)
        if not entity_id:
            raise IdentityError("no order ID found: the order has no increment_id and no entity_id")
        number = f"{ID_SPACE}{entity_id}"
    return _checked(f"{instance}:{number}" if instance else number, "increment_id")


def folded(external_id: str) -> str:
    """Return the key of an external ID: compared as Salesforce compares it, without case."""
    return external_id.casefold()


def customer_key(customer: dict[str, Any]) -> str:
    """Return a customer's key; raises IdentityError."""
    value = _email_of(customer)
    if not value:
        raise IdentityError("no customer e-mail found: the customer has no `email`")
    address = seen(value).lower()
    if reason := why_not(address):
        raise IdentityError(f"`email` is no e-mail address: {reason}")
    return _checked(address, "email")


def has_unseen(customer: dict[str, Any]) -> bool:
    """Whether the customer's e-mail was sent with characters that nobody sees."""
    value = _email_of(customer)
    return seen(value) != value


def _email_of(customer: dict[str, Any]) -> str:
    return next((found for name in EMAIL_FIELDS if (found := text_of(customer.get(name)))), "")


def _checked(key: str, field: str) -> str:
    if len(key) > MAX_KEY_CHARACTERS:
        raise IdentityError(f"{field} has {len(key)} characters, at most {MAX_KEY_CHARACTERS} fit")
    if not key.isprintable():
        raise IdentityError(f"{field} has control characters")
    return key
